"""Rows per second: this converter's emulation against hls4ml's compiled predict, in one run.

Both sides read the same files at fixed<16,6> and take the same float32 rows, in turns. hls4ml
computes in the time that its compiled library takes, called once per row; the emulation is
bit-exact to the C++ that this converter emits (see the tests), with exact accumulators.
"""

from __future__ import annotations

import tempfile
import time
from pathlib import Path
from statistics import median

import numpy as np
from reference import SIZES, Hls4ml, arguments, write_network

import converter
from converter.config import Auto, HLSConfig, LayerConfig
from converter.graph import TypedGraph
from converter.types import Fixed

TARGET_RATIO = 50.0
ROWS = 20_000
REPEATS = 10
PRECISIONS = {
    "fixed<16,6>": Fixed(16, 6),
    "fixed<8,3>": Fixed(8, 3),
    "auto, 16 bits": Auto(16),
    "auto, 8 bits": Auto(8),
}


def rate(typed: TypedGraph, x: np.ndarray) -> float:
    """Rows per second from real inputs to real outputs."""
    start = time.perf_counter()
    for _ in range(REPEATS):
        converter.emulate(typed, x)
    return REPEATS * len(x) / (time.perf_counter() - start)


def main() -> None:
    """Print the medians and the ratios."""
    options = arguments(__doc__, rounds=7)
    x = np.random.default_rng(1).uniform(-1, 1, (ROWS, SIZES[0])).astype(np.float32)
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        graph = converter.load(*write_network(folder))
        np.save(folder / "x.npy", x)
        typed = {
            name: converter.apply(graph, HLSConfig(model=LayerConfig(default_precision=p)))
            for name, p in PRECISIONS.items()
        }
        hls4ml = Hls4ml(options.hls4ml_python, folder)
        hls4ml.ask("compile")
        mine: dict[str, list[float]] = {name: [] for name in typed}
        theirs = []
        for _ in range(options.rounds + 1):
            theirs.append(hls4ml.ask("predict")["rows_per_second"])
            for name, graph_of in typed.items():
                mine[name].append(rate(graph_of, x))
        hls4ml.close()
    base = median(theirs[1:])
    print(f"hls4ml, fixed<16,6>            {base:12,.0f} rows/s")
    for name, rates in mine.items():
        fast = median(rates[1:])
        print(f"this converter, {name:14} {fast:12,.0f} rows/s   {fast / base:6.1f} times")
    print(f"medians of {options.rounds} rounds; wanted: at least {TARGET_RATIO:.0f} times")


if __name__ == "__main__":
    main()
