"""A CNN of SVHN's size: emulation against hls4ml's compiled predict, and the time to compile an
io_stream simulation, in one run.

Both sides read the same files. hls4ml converts at fixed<16,6>, io_stream, strategy latency,
reuse factor 1, and computes in the time that its compiled library takes, called once per row on
one core. The emulation takes the same float32 rows at fixed<16,6>, with exact accumulators,
on all cores, and at types of 8 and 16 bits that it chooses; it is bit-exact to the C++ that this
converter emits, which is checked here on a few rows. Compiling is from the model file to a
program, each side with its own flags and headers and the same g++, in turns.
"""

from __future__ import annotations

import tempfile
import time
from pathlib import Path
from statistics import median

import numpy as np
from reference import IMAGE, Hls4ml, arguments, write_cnn

import converter
from converter.config import Auto, HLSConfig, LayerConfig
from converter.csim import build
from converter.emulate import emulate_codes, quantize_inputs
from converter.graph import IOType, TypedGraph
from converter.types import Fixed

TARGET_RATIO = 100.0
TARGET_COMPILE = 1.0
ROWS = 4_000
HLS4ML_ROWS = 100
CHECKED_ROWS = 3
PRECISIONS = {
    "fixed<16,6>": Fixed(16, 6),
    "auto, 16 bits": Auto(16),
    "auto, 8 bits": Auto(8),
}


def config(precision: Fixed | Auto) -> HLSConfig:
    """One precision for all of the network."""
    return HLSConfig(model=LayerConfig(default_precision=precision), io_type=IOType.STREAM)


def rate(typed: TypedGraph, x: np.ndarray) -> float:
    """Rows per second from real inputs to real outputs."""
    start = time.perf_counter()
    converter.emulate(typed, x)
    return len(x) / (time.perf_counter() - start)


def compiled(files: tuple[Path, Path], folder: Path) -> float:
    """Seconds from the model file to a program; its bits are those of the emulation."""
    start = time.perf_counter()
    typed = converter.apply(converter.load(*files), config(PRECISIONS["fixed<16,6>"]))
    folder.mkdir()
    simulator = build(typed, folder)
    seconds = time.perf_counter() - start
    codes = quantize_inputs(typed, np.random.default_rng(2).uniform(0, 1, (CHECKED_ROWS, *IMAGE)))
    expected, got = emulate_codes(typed, codes), simulator.run(codes)
    if any(not np.array_equal(expected[name], got[name]) for name in expected):
        raise SystemExit("the emulation and the compiled C++ differ")
    return seconds


def main() -> None:
    """Print the medians and the ratios."""
    options = arguments(__doc__, rounds=5)
    x = np.random.default_rng(1).uniform(0, 1, (ROWS, *IMAGE)).astype(np.float32)
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        files = write_cnn(folder)
        np.save(folder / "x.npy", x[:HLS4ML_ROWS])
        graph = converter.load(*files)
        typed = {name: converter.apply(graph, config(p)) for name, p in PRECISIONS.items()}
        hls4ml = Hls4ml(options.hls4ml_python, folder)
        mine: dict[str, list[float]] = {name: [] for name in typed}
        theirs, our_times, their_times = [], [], []
        for number in range(options.rounds + 1):
            our_times.append(compiled(files, folder / f"ours{number}"))
            their_times.append(sum(hls4ml.ask("compile", io_type="io_stream").values()))
            theirs.append(hls4ml.ask("predict")["rows_per_second"])
            for name, graph_of in typed.items():
                mine[name].append(rate(graph_of, x))
        hls4ml.close()
    base = median(theirs[1:])  # the first of each round loads libraries
    print(f"hls4ml, fixed<16,6>            {base:10,.1f} rows/s")
    for name, rates in mine.items():
        fast = median(rates[1:])
        print(f"this converter, {name:14} {fast:10,.1f} rows/s   {fast / base:6.1f} times")
    print(f"wanted: at least {TARGET_RATIO:.0f} times")
    ours, other = median(our_times[1:]), median(their_times[1:])
    print(f"to a compiled io_stream simulation: {ours:.2f} s, hls4ml {other:.2f} s; ", end="")
    print(f"ratio {other / ours:.1f}, wanted: above {TARGET_COMPILE:.0f}")
    print(f"medians of {options.rounds} rounds")


if __name__ == "__main__":
    main()
