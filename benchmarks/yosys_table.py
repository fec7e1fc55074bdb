"""Synthesises random designs with Yosys, and writes what it counts beside their facts.

The table ``estimators/data/yosys_designs.csv`` is what ``python -m estimators.calibrate yosys``
fits prices to: one design of five is fitted, four are held out. Designs are drawn by number
(``yosys_designs.py``) and synthesised as runs do it, stage by stage. A row is kept while the
Verilog of its design is the same, with its facts made anew; only designs whose Verilog has changed
are synthesised again. A run that was stopped goes on where it was. What cannot be built is counted
by its reason.

Run: python benchmarks/yosys_table.py [--numbers 408] [--jobs 2] [--again] [--only KIND ...]
"""

from __future__ import annotations

import argparse
import hashlib
import os
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, replace
from importlib import resources
from pathlib import Path

from yosys_designs import KINDS, Design, design, typed_graph

from converter.backends import BACKENDS
from converter.backends.base import Stage as Depth
from converter.backends.base import Tool
from converter.errors import ConfigError, DseError, TargetError
from converter.facts import Facts
from converter.parts import target
from converter.project import Project
from converter.report import Report
from converter.schedule import schedule
from dse.cache import Cache
from dse.parts import Workshop, build
from dse.synthesis import Limits
from estimators import labelled
from estimators.context import design_facts

FITTED_OF = 5  # one design of so many of each kind is fitted, the others are held out
SIZES = (200, 2000)  # by ``_size``; smaller is noise, larger takes minutes
ATTEMPTS = 12  # draws for one number, until one has such a size
NICE = 10


@dataclass(frozen=True)
class Task:
    """A design and its files. ``run`` is its row, still without counts."""

    run: labelled.Run
    project: Project


def prepared(number: int, version: str) -> Task:
    """The first draw of a number that has a size that tells something. Raises DseError."""
    for attempt in range(ATTEMPTS):
        try:
            task = _task(number, design(number, attempt), version)
        except TargetError:  # the clock is too fast for the part
            continue
        if SIZES[0] <= _size(task.run.facts) <= SIZES[1]:
            return task
    raise ConfigError("no draw has a size that tells anything")


def _task(number: int, one: Design, version: str) -> Task:
    typed, where = typed_graph(one), target(one.part, one.clock_period_ns)
    plan = schedule(typed, where)
    project = BACKENDS["yosys"].project(typed, where)
    cycles = {"latency_cycles": plan.latency_cycles, "interval_cycles": plan.interval_cycles}
    run = labelled.Run(
        one.name,
        one.kind,
        held_out=number // len(KINDS) % FITTED_OF != 0,
        digest=_digest({p: text for p, text in project.files.items() if p.startswith("rtl/")}),
        flow=flow_digest(),
        version=version,
        part=one.part,
        clock_period_ns=one.clock_period_ns,
        figures={name: float(cycles.get(name, 0)) for name in labelled.FIGURES},
        seconds=0.0,
        stages={},
        facts=design_facts(typed, plan),
    )
    return Task(run, project)


def flow_digest() -> str:
    """Of the script and what it reads beside the design."""
    folder = resources.files("converter.backends.yosys")
    files = [f for f in folder.iterdir() if f.name.endswith((".v", ".in")) and "xdc" not in f.name]
    return _digest({f.name: f.read_bytes() for f in files})


def _digest(files: Mapping[str, str | bytes]) -> str:
    text = hashlib.sha256()
    for path in sorted(files):
        body = files[path]
        text.update(path.encode() + b"\0" + (body.encode() if isinstance(body, str) else body))
    return text.hexdigest()[:16]


def _size(facts: Sequence[Facts]) -> float:
    """About as many LUTs; free of any price, so that the table does not depend on one."""
    products = sum(
        m.count * m.width_a * m.width_b for f in facts for m in f.multipliers if not m.in_dsp
    )
    tables = sum(m.count * m.luts for f in facts for m in f.memories)
    choices = sum(f.mux_bits - f.gate_bits / 2 for f in facts)
    return sum(f.adder_bits + f.compare_bits // 2 for f in facts) + products + tables + choices / 2


def synthesised(task: Task, tool: Tool, timeout_s: float, workshop: Workshop) -> labelled.Run:
    """The row with its counts. Raises DseError where Yosys fails."""
    with tempfile.TemporaryDirectory() as folder:
        result = build(
            task.project, "yosys", tool, Depth.LOGIC, Path(folder), Limits(timeout_s), workshop
        )
    if result.report is None:
        raise ConfigError(result.failure.message if result.failure else "no report")
    return replace(
        task.run,
        figures={**task.run.figures, **_counts(result.report)},
        seconds=round(result.seconds, 2),
        stages={name: _counts(stage) for name, stage in result.report.stages.items()},
    )


def _counts(report: Report) -> dict[str, float]:
    return {
        name: getattr(report, name) or 0.0
        for name in labelled.FIGURES
        if not name.endswith("_cycles")
    }


def kept(old: labelled.Run | None, new: labelled.Run, again: bool) -> labelled.Run | None:
    """The old row with new facts, or None where it does not hold any more."""
    if old is None or old.digest != new.digest:
        return None
    if again and (old.flow, old.version) != (new.flow, new.version):
        return None
    cycles = {n: v for n, v in new.figures.items() if n.endswith("_cycles")}
    return replace(old, facts=new.facts, figures={**old.figures, **cycles}, held_out=new.held_out)


def table(
    tasks: Iterator[Task], old: Sequence[labelled.Run], tool: Tool, chosen: argparse.Namespace
) -> Iterator[list[labelled.Run]]:
    """The table, each time that it has grown, and at the end without what is no more."""
    known = {run.design: run for run in old}
    found: dict[str, labelled.Run] = {}
    workshop = Workshop(Cache(chosen.cache), chosen.jobs)
    waiting: dict[Future[labelled.Run], str] = {}
    with ThreadPoolExecutor(chosen.jobs) as pool:
        for task in tasks:
            run = kept(known.get(task.run.design), task.run, chosen.again)
            if run is None:
                job = pool.submit(synthesised, task, tool, chosen.timeout, workshop)
                waiting[job] = task.run.design
            else:
                found[run.design] = run
            ended = [job for job in waiting if job.done()]
            if _take(ended, waiting, found):
                yield list({**known, **found}.values())
        while waiting:
            ended = list(wait(waiting, return_when=FIRST_COMPLETED).done)
            if _take(ended, waiting, found):
                yield list({**known, **found}.values())
    yield list(found.values())


def _take(
    ended: Sequence[Future[labelled.Run]],
    waiting: dict[Future[labelled.Run], str],
    found: dict[str, labelled.Run],
) -> bool:
    """Move what has ended from one to the other; whether anything came of it."""
    before = len(found)
    for job in ended:
        name = waiting.pop(job)
        try:
            found[name] = job.result()
        except DseError as error:
            print(f"{name}: {error}", file=sys.stderr)
            continue
        print(f"{len(waiting)} wait; {_summary(found[name])}", file=sys.stderr)
    return len(found) > before


def _summary(run: labelled.Run) -> str:
    counts = " ".join(f"{name}={value:g}" for name, value in run.figures.items())
    return f"{run.design} {counts} {run.seconds} s"


def tasks(numbers: int, version: str, only: Sequence[str], reasons: Counter[str]) -> Iterator[Task]:
    """All that can be built; why others cannot is counted."""
    names = tuple(KINDS)
    for number in range(numbers):
        if only and names[number % len(names)] not in only:
            continue
        try:
            yield prepared(number, version)
        except DseError as error:
            reasons[f"{names[number % len(names)]}: {error}"[:160]] += 1


def main() -> None:
    """Make the table anew, synthesising what is not known."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--numbers", type=int, default=408, help="designs that are drawn")
    parser.add_argument("--jobs", type=int, default=2, help="synthesised at once")
    parser.add_argument("--timeout", type=float, default=120, help="seconds per design")
    parser.add_argument("--again", action="store_true", help="also rows of another script")
    parser.add_argument("--only", nargs="*", default=[], help="kinds; others stay as they are")
    parser.add_argument("--table", type=Path, default=labelled.TABLE)
    parser.add_argument("--cache", type=Path, default=Path("runs") / ".cache", help="of parts")
    chosen = parser.parse_args()
    os.nice(NICE)
    tool = BACKENDS["yosys"].find()
    if tool is None:
        raise SystemExit("yosys is not here; pip install pyosys")
    old = labelled.read(chosen.table) if chosen.table.exists() else []
    others = [run for run in old if chosen.only and run.kind not in chosen.only]
    mine = [run for run in old if run not in others]
    reasons: Counter[str] = Counter()
    drawn = tasks(chosen.numbers, tool.version, chosen.only, reasons)
    for runs in table(drawn, mine, tool, chosen):
        rows = sorted((*runs, *others), key=lambda run: run.design)
        labelled.write(chosen.table, rows)
    for reason, count in reasons.most_common():
        print(f"not built, {count}: {reason}", file=sys.stderr)


if __name__ == "__main__":
    main()
