"""Synthesis by Yosys as a whole and in parts: time, and what is counted.

Every network is synthesised as a whole, in parts, and in parts that are all known. The
difference of counts is what synthesis takes away across the borders of parts, and what ABC does
otherwise with other neighbours.

Run: python benchmarks/yosys_flow.py [--designs 15] [--first 0] [--jobs 2] [--kinds cnn,network]
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from yosys_designs import design, typed_graph

from converter.backends import BACKENDS
from converter.backends.base import Stage, Tool
from converter.errors import DseError
from converter.parts import target
from converter.project import Project
from converter.report import Report
from dse.cache import Cache
from dse.parts import Workshop, build
from dse.synthesis import Limits

FIGURES = ("lut", "ff", "dsp", "bram_18k", "lutram", "srl")


@dataclass(frozen=True)
class Run:
    """Seconds on the wall, and what was counted, of one way."""

    seconds: float
    report: Report


def projects(first: int, count: int, kinds: frozenset[str]) -> Iterator[tuple[str, Project]]:
    """Projects by name of the networks that have Verilog."""
    found, number = 0, first
    while found < count:
        one = design(number)
        number += 1
        if kinds and one.kind not in kinds:
            continue
        try:
            where = target(one.part, one.clock_period_ns)
            yield one.name, BACKENDS["yosys"].project(typed_graph(one), where)
        except DseError as error:
            print(f"{one.name}: {error}", file=sys.stderr)
            continue
        found += 1


def measure(project: Project, tool: Tool, folder: Path, workshop: Workshop, limit: float) -> Run:
    """One way of one network. Raises SystemExit with the reason where it fails."""
    result = build(project, "yosys", tool, Stage.LOGIC, folder, Limits(limit), workshop)
    if result.report is None:
        raise SystemExit(f"{project.name}: {result.failure and result.failure.message}")
    return Run(result.seconds, result.report)


def differences(whole: Report, parts: Report) -> dict[str, float]:
    """Of the counts in parts from those of the whole, relative, where there are any."""
    values = {name: (getattr(whole, name) or 0, getattr(parts, name) or 0) for name in FIGURES}
    return {name: b / a - 1 for name, (a, b) in values.items() if a}


def main() -> None:
    """Print a line for each network, and the middle of all."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--designs", type=int, default=15)
    parser.add_argument("--first", type=int, default=0, help="number of the first design")
    parser.add_argument("--jobs", type=int, default=2, help="parts at once")
    parser.add_argument("--kinds", default="", help="only these, as cnn,network")
    parser.add_argument("--timeout", type=float, default=600.0, help="seconds for each")
    chosen = parser.parse_args()
    tool = BACKENDS["yosys"].find()
    if tool is None:
        raise SystemExit("yosys is not here; pip install pyosys")
    kinds = frozenset(filter(None, chosen.kinds.split(",")))
    found: dict[str, list[float]] = {name: [] for name in FIGURES}
    faster = []
    for name, project in projects(chosen.first, chosen.designs, kinds):
        with tempfile.TemporaryDirectory() as folder:
            base = Path(folder)
            shop = Workshop(Cache(base / "cache"), chosen.jobs)
            alone = Workshop(Cache(base / "alone"), chosen.jobs, whole=True)
            whole = measure(project, tool, base / "whole", alone, chosen.timeout)
            parts = measure(project, tool, base / "parts", shop, chosen.timeout)
            again = measure(project, tool, base / "again", shop, chosen.timeout)
        for figure, share in differences(whole.report, parts.report).items():
            found[figure].append(share)
        faster.append(whole.seconds / parts.seconds)
        counts = ", ".join(
            f"{f} {getattr(whole.report, f):.0f} / {getattr(parts.report, f):.0f}" for f in FIGURES
        )
        print(
            f"{name}: {whole.seconds:.1f} s whole, {parts.seconds:.1f} s in parts, "
            f"{again.seconds:.2f} s known; {counts}; critical path "
            f"{whole.report.critical_path_ns} / {parts.report.critical_path_ns} ns",
            flush=True,
        )
    for figure, shares in found.items():
        if shares:
            low, high = min(shares), max(shares)
            text = f"{median(shares):+.1%} ({low:+.1%} to {high:+.1%}, n={len(shares)})"
            print(f"{figure}: parts less whole {text}")
    print(f"whole / parts, on the wall: {median(faster):.1f} in the middle")


if __name__ == "__main__":
    main()
