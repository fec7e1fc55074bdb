"""Simulates the designs of the Yosys table: their bits, and the cycles that the facts promise.

Each design of ``estimators/data/yosys_designs.csv`` is drawn anew, and its own test bench run in
Icarus Verilog, which fails where a bit is wrong, or a row is not there in the promised cycle.
Whole tensors are fed at the promised interval. Streams take frames as fast as they can, and the
last two are compared with it: they are closer only while FIFOs still fill.

Run: python benchmarks/yosys_cycles.py [--numbers 408] [--jobs 2]
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
import tempfile
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from yosys_table import NICE, Task, prepared

from converter.errors import DseError
from estimators import labelled

TIMEOUT_S = 300
VERSION = "not needed"  # of Yosys, which is not run


def main() -> int:
    """Print how many designs keep what their facts promise. Returns 1 where one does not."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--numbers", type=int, default=408)
    parser.add_argument("--jobs", type=int, default=2)
    chosen = parser.parse_args()
    os.nice(NICE)
    known = {run.digest for run in labelled.read(labelled.TABLE)}
    with ThreadPoolExecutor(chosen.jobs) as pool:
        told = Counter(pool.map(lambda n: outcome(n, known), range(chosen.numbers)))
    for what, count in sorted(told.items()):
        print(f"{count:4} {what}")
    return int(any(what.startswith("wrong") for what in told))


def outcome(number: int, known: set[str]) -> str:
    """What became of one design, in a few words."""
    try:
        task = prepared(number, VERSION)
    except DseError:
        return "not built"
    if task.run.digest not in known:
        return "not in the table"
    said = simulated(task)
    if "PASSED" not in said:
        return f"wrong: {number}: {said}"
    found, promised = re.search("a frame every ([0-9]+) cycles", said), task.run.figures
    if found is None:
        return "right: bits, latency, and the interval that it is fed at"
    measured, interval = int(found[1]), int(promised["interval_cycles"])
    if measured > interval:
        return f"wrong: {number}: a frame every {measured} cycles, promised {interval}"
    exact = measured == interval
    return f"right: bits, latency, and {'the interval' if exact else 'FIFOs that still fill'}"


def simulated(task: Task) -> str:
    """What the test bench prints."""
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        task.project.write(folder / "project")
        sources = sorted(str(f) for f in (folder / "project" / "rtl").glob("*.v"))
        bench = folder / "project" / "sim"
        argv = ["iverilog", "-g2005", "-s", "testbench", "-o", "bench", "testbench.v", *sources]
        subprocess.run(argv, cwd=bench, check=True)
        run = subprocess.run(
            ["vvp", "-N", "bench"], cwd=bench, capture_output=True, text=True, timeout=TIMEOUT_S
        )
    return run.stdout


if __name__ == "__main__":
    sys.exit(main())
