"""From a model file to a compiled simulation: this converter against hls4ml, in one run.

Both sides read the same files, convert at fixed<16,6>, write the HLS C++ and compile it with
the same g++, each with its own flags and headers, in turns.
"""

from __future__ import annotations

import tempfile
import time
from pathlib import Path
from statistics import median

from reference import Hls4ml, arguments, write_network

import converter
from converter.config import HLSConfig, LayerConfig
from converter.csim import build
from converter.types import Fixed

TARGET_RATIO = 5.0
CONFIG = HLSConfig(model=LayerConfig(default_precision=Fixed(16, 6)))


def ours(architecture: Path, weights: Path, folder: Path) -> dict[str, float]:
    """Seconds to convert, and to write and compile."""
    start = time.perf_counter()
    typed = converter.apply(converter.load(architecture, weights), CONFIG)
    converted = time.perf_counter()
    folder.mkdir()
    build(typed, folder)
    return {"convert_s": converted - start, "compile_s": time.perf_counter() - converted}


def main() -> None:
    """Print the medians and the ratio."""
    options = arguments(__doc__, rounds=5)
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        files = write_network(folder)
        hls4ml = Hls4ml(options.hls4ml_python, folder)
        mine, theirs = [], []
        for number in range(options.rounds + 1):
            mine.append(ours(*files, folder / f"ours{number}"))
            theirs.append(hls4ml.ask("compile"))
        hls4ml.close()
    mine, theirs = mine[1:], theirs[1:]  # the first of each loads its libraries
    for name, results in (("this converter", mine), ("hls4ml", theirs)):
        parts = ", ".join(f"{k[:-2]} {median(r[k] for r in results):.3f} s" for k in results[0])
        print(f"{name:15} {median(sum(r.values()) for r in results):7.3f} s   ({parts})")
    ratio = median(sum(r.values()) for r in theirs) / median(sum(r.values()) for r in mine)
    print(f"ratio {ratio:.1f}, medians of {options.rounds} rounds; wanted: at least {TARGET_RATIO}")


if __name__ == "__main__":
    main()
