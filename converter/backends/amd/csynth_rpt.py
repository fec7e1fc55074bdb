"""``<top>_csynth.rpt`` and Vitis' summary ``csynth.rpt``: the figures per module, as text."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from converter.backends.amd.text import Table, cycles, find_table, number, read_text, tables
from converter.errors import ToolError
from converter.report import Fidelity, Report, Source

_LATENCY = "Performance Estimates/Latency/Summary"
_LATENCY_DETAIL = "Performance Estimates/Detail/Instance"
_AREA = "Utilization Estimates/Summary"
_AREA_DETAIL = "Utilization Estimates/Detail/Instance"
_VERSION = re.compile(r"^\s*\* Version:\s+(\d{4}\.\d+(?:\.\d+)?)", re.MULTILINE)
_PERIOD = re.compile(r"^([\d.]+)\s*ns$")
_MODULE_END = re.compile(r"_(s|\d+)$")


def read_csynth_rpt(path: Path, tool: str) -> Report:
    """The module's figures, and in ``stages`` those of the modules that it instantiates.

    ``stages`` is keyed by module name; a module with several instances has the area of all
    of them. Raises ToolError naming the file and the table that is missing or damaged.
    """
    text = read_text(path)
    found = tables(path, text)
    source = Source(tool, _version(path, text), Fidelity.CSYNTH)
    clock = find_table(path, found, "Performance Estimates/Timing/Summary")
    target, estimated = (_period(path, clock, name) for name in ("Target", "Estimated"))
    latency = find_table(path, found, _LATENCY).rows[0]
    area = find_table(path, found, _AREA)
    total = area.row("Total")
    if total is None:
        raise ToolError(f"{path}: the table '{_AREA}' has no row Total; the report is cut off")
    return replace(
        _timed(path, _area(path, source, area, total), latency, 0),
        clock_period_ns=max(target, estimated),
        critical_path_ns=estimated,
        stages=_stages(path, source, found),
    )


def _version(path: Path, text: str) -> str:
    found = _VERSION.search(text)
    if not found:
        raise ToolError(f"{path}: the line '* Version:' is missing; this is no report of HLS")
    return found[1]


def _period(path: Path, clock: Table, name: str) -> float:
    cell = clock.rows[0][clock.column(path, name)]
    found = _PERIOD.match(cell)
    if not found:
        raise ToolError(f"{path}: the clock's {name} must be in ns; it says {cell!r}")
    return float(found[1])


def _area(path: Path, source: Source, table: Table, row: Sequence[str]) -> Report:
    def figure(*names: str) -> float:
        value = number(path, names[0], row[table.column(path, *names)])
        if value is None:
            raise ToolError(f"{path}: {names[0]} of {row[0]} is not known to the tool")
        return value

    return Report(
        source,
        lut=figure("LUT"),
        ff=figure("FF"),
        dsp=figure("DSP", "DSP48E"),
        bram_18k=figure("BRAM_18K"),
        uram=figure("URAM") if "URAM" in table.header else 0.0,
    )


def _timed(path: Path, report: Report, row: Sequence[str], first: int) -> Report:
    """Columns from ``first``: latency min, max, in time min, max, interval min, max, type."""
    if len(row) != first + 7:
        raise ToolError(f"{path}: a latency table must have 7 figures; it has {len(row) - first}")
    return replace(
        report,
        latency_cycles=cycles(path, "latency", row[first + 1]),
        interval_cycles=cycles(path, "interval", row[first + 5]),
    )


def _stages(path: Path, source: Source, found: Sequence[Table]) -> Mapping[str, Report]:
    """Functions are in both tables of instances; what only the area has is an operator."""
    timed = [t for t in found if t.title == _LATENCY_DETAIL]
    sized = [t for t in found if t.title == _AREA_DETAIL]
    if not timed:
        return {}
    if not sized or sized[0].row("Total") is None:
        raise ToolError(f"{path}: '{_AREA_DETAIL}' has no row Total; the report is cut off")
    areas = {row[0]: row for row in sized[0].rows if row[0] != "Total"}
    stages: dict[str, Report] = {}
    for row in timed[0].rows:
        instance, module = row[:2]
        area = areas.get(instance)
        # An instance without any logic of its own is left out of the area table.
        empty = Report(source, lut=0, ff=0, dsp=0, bram_18k=0, uram=0)
        report = empty if area is None else _area(path, source, sized[0], area)
        report = _timed(path, report, row, 2)
        stages[module] = merged(stages[module], report) if module in stages else report
    return stages


def merged(a: Report, b: Report) -> Report:
    """Two instances of one module: the area of both, the slower one's cycles."""

    def total(x: float | None, y: float | None) -> float | None:
        return None if x is None or y is None else x + y

    def slower(x: int | None, y: int | None) -> int | None:
        return None if x is None or y is None else max(x, y)

    return replace(
        a,
        lut=total(a.lut, b.lut),
        ff=total(a.ff, b.ff),
        dsp=total(a.dsp, b.dsp),
        bram_18k=total(a.bram_18k, b.bram_18k),
        uram=total(a.uram, b.uram),
        latency_cycles=slower(a.latency_cycles, b.latency_cycles),
        interval_cycles=slower(a.interval_cycles, b.interval_cycles),
    )


@dataclass(frozen=True)
class Module:
    """A line of the summary: a module or a loop, ``depth`` 0 for the top.

    ``slack_ns`` may be negative. Loops have no area of their own (zeros).
    """

    name: str
    depth: int
    loop: bool
    dataflow: bool
    issue: str
    slack_ns: float
    report: Report


def read_summary(path: Path, tool: str) -> tuple[Module, ...]:
    """The tree of Vitis HLS' ``csynth.rpt``, in its order: the top first."""
    text = read_text(path)
    source = Source(tool, _version(path, text), Fidelity.CSYNTH)
    trees = [t for t in tables(path, text) if t.header[:1] == ("Modules & Loops",)]
    if not trees:
        raise ToolError(f"{path}: the table 'Performance & Resource Estimates' is missing")
    tree = trees[0]
    return tuple(
        _module(path, source, tree, row, indent)
        for row, indent in zip(tree.rows, tree.indents, strict=True)
    )


def _module(path: Path, source: Source, tree: Table, row: Sequence[str], indent: int) -> Module:
    mark, _, name = row[0].partition(" ")
    if mark not in ("+", "o") or not name:
        raise ToolError(f"{path}: a line of the tree must start with + or o; it says {row[0]!r}")

    def cell(column: str) -> str:
        return row[tree.column(path, column)]

    def figure(column: str) -> float:
        return number(path, f"{column} of {name}", cell(column)) or 0.0

    report = Report(
        source,
        lut=figure("LUT"),
        ff=figure("FF"),
        dsp=figure("DSP"),
        bram_18k=figure("BRAM"),
        uram=figure("URAM"),
        latency_cycles=_known(path, name, cell("Latency (cycles)")),
        interval_cycles=_known(path, name, cell("Interval")),
    )
    return Module(
        name.rstrip("*"),
        indent,
        mark == "o",
        name.endswith("*"),
        cell("Issue Type"),
        _slack(path, cell("Slack")),
        report,
    )


def _known(path: Path, name: str, text: str) -> int | None:
    """Here a dash stands for "not told"."""
    return None if text == "-" else cycles(path, f"cycles of {name}", text)


def _slack(path: Path, text: str) -> float:
    try:
        return 0.0 if text == "-" else float(text)
    except ValueError as error:
        raise ToolError(f"{path}: a slack must be a number; it says {text!r}") from error


def stage_of(module: str, names: Sequence[str]) -> str | None:
    """The stage that a module implements, by its name.

    Either the module is named after the stage (``fc1``, ``fc1_s``, ``dense_fc1_0_1_s``), the
    longest such stage winning, or it carries hls4ml's mark ``config3`` and so does the stage.
    """
    plain = _MODULE_END.sub("", module)
    fits = [n for n in names if re.search(rf"(^|_){re.escape(n)}($|_)", plain)]
    return max(fits, key=len, default=None)
