"""Reports of Vivado: utilisation (flat and by hierarchy), timing summary, power."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from converter.backends.amd.csynth_rpt import merged
from converter.backends.amd.text import Table, find_table, number, read_text, tables
from converter.errors import ToolError
from converter.report import Fidelity, Report, Source

_VERSION = re.compile(r"^\| Tool Version\s*:\s*Vivado v\.(\d{4}\.\d+(?:\.\d+)?)", re.MULTILINE)
_STATE = re.compile(r"^\| Design State\s*:\s*(.*\S)", re.MULTILINE)

_LOGIC = ("CLB Logic", "Slice Logic")
_MEMORY = ("BLOCKRAM", "Memory", "BLOCK RAM")
_ARITHMETIC = ("ARITHMETIC", "DSP")
# Titles, not numbers: after placement a section is put in between, and the numbers move.


def read_utilization(path: Path) -> Report:
    """``report_utilization``: LUT, FF, DSP, block RAM (tiles of 36 Kb become two halves), URAM.

    The fidelity follows the design's state: synthesised, or placed and routed.
    Raises ToolError naming the file and the table or row that is missing.
    """
    text = read_text(path)
    found = tables(path, text)
    logic = find_table(path, found, *_LOGIC)
    memory = find_table(path, found, *_MEMORY)
    arithmetic = find_table(path, found, *_ARITHMETIC)
    uram = memory.row("URAM")  # families before UltraScale+ have no such row
    return Report(
        _source(path, text),
        lut=_used(path, logic, "CLB LUTs", "Slice LUTs"),
        ff=_used(path, logic, "CLB Registers", "Slice Registers"),
        dsp=_used(path, arithmetic, "DSPs"),
        bram_18k=2 * _used(path, memory, "Block RAM Tile"),
        uram=0.0 if uram is None else _used(path, memory, "URAM"),
    )


def _source(path: Path, text: str) -> Source:
    version = _VERSION.search(text)
    if not version:
        raise ToolError(f"{path}: the line '| Tool Version : Vivado' is missing")
    return Source("vivado", version[1], _fidelity(path, text))


def _fidelity(path: Path, text: str) -> Fidelity:
    state = _STATE.search(text)
    words = state[1].lower() if state else ""
    if "rout" in words or "plac" in words:
        return Fidelity.PLACE_AND_ROUTE
    if "synth" in words or "optim" in words:
        return Fidelity.LOGIC_SYNTHESIS
    raise ToolError(f"{path}: the design's state must be synthesised or routed; it says {words!r}")


def _used(path: Path, table: Table, *names: str) -> float:
    for name in names:
        row = table.row(name)
        if row is not None:
            return _figure(path, name, row[table.column(path, "Used")])
    raise ToolError(f"{path}: the table '{table.title}' has no row {' or '.join(names)}")


def _figure(path: Path, what: str, text: str) -> float:
    value = number(path, what, text)
    if value is None:
        raise ToolError(f"{path}: {what} has no figure; it says {text!r}")
    return value


def read_hierarchy(path: Path) -> Report:
    """``report_utilization -hierarchical``: the top, and in ``stages`` its instances by module."""
    text = read_text(path)
    trees = [t for t in tables(path, text) if t.header[:2] == ("Instance", "Module")]
    if not trees or not trees[0].rows:
        raise ToolError(f"{path}: the table 'Utilization by Hierarchy' is missing or empty")
    tree, source = trees[0], _source(path, text)
    reports = [_instance(path, source, tree, row) for row in tree.rows]
    top = tree.indents[0]
    deeper = sorted({i for i in tree.indents if i > top})
    stages: dict[str, Report] = {}
    for row, indent, report in zip(tree.rows, tree.indents, reports, strict=True):
        # The row in brackets is what the top has beside its instances.
        if deeper and indent == deeper[0] and not row[0].startswith("("):
            module = row[1] if row[1] not in ("", "(top)") else row[0]
            stages[module] = merged(stages[module], report) if module in stages else report
    first = reports[0]
    return Report(
        source,
        lut=first.lut,
        ff=first.ff,
        dsp=first.dsp,
        bram_18k=first.bram_18k,
        uram=first.uram,
        stages=stages,
    )


def _instance(path: Path, source: Source, tree: Table, row: Sequence[str]) -> Report:
    def figure(*names: str) -> float:
        return _figure(path, f"{names[0]} of {row[0]}", row[tree.column(path, *names)])

    return Report(
        source,
        lut=figure("Total LUTs"),
        ff=figure("FFs"),
        dsp=figure("DSP Blocks", "DSP48 Blocks"),
        bram_18k=2 * figure("RAMB36") + figure("RAMB18"),
        uram=figure("URAM") if "URAM" in tree.header else 0.0,
    )


@dataclass(frozen=True)
class TimingSummary:
    """Slacks in ns over the whole design; negative where a constraint is missed.

    ``achieved_ns``: the shortest period of the slowest clock (its period less its
    slack); None where no path is constrained.
    """

    version: str
    worst_slack_ns: float | None
    worst_hold_slack_ns: float | None
    period_ns: float | None
    achieved_ns: float | None
    met: bool


def read_timing(path: Path) -> TimingSummary:
    """``report_timing_summary``. Raises ToolError where one of its tables is missing."""
    text = read_text(path)
    version = _VERSION.search(text)
    if not version:
        raise ToolError(f"{path}: the line '| Tool Version : Vivado' is missing")
    design = _columns(path, text, "Design Timing Summary", 8)
    if not design:
        raise ToolError(f"{path}: the table 'Design Timing Summary' is empty")
    periods = {row[0]: row[-2] for row in _columns(path, text, "Clock Summary", 4)}
    slacks = {row[0]: row[1] for row in _columns(path, text, "Intra Clock Table", 2)}
    reached = {
        clock: (_slack(path, period), _slack(path, period, slacks[clock]))
        for clock, period in periods.items()
        if clock in slacks and slacks[clock] != "NA"
    }
    period, achieved = max(reached.values(), key=lambda pair: pair[1], default=(None, None))
    worst, hold = (None if w == "NA" else _slack(path, w) for w in (design[0][0], design[0][4]))
    return TimingSummary(
        version[1],
        worst,
        hold,
        period,
        achieved,
        met=(worst or 0.0) >= 0 and (hold or 0.0) >= 0,
    )


def _slack(path: Path, text: str, less: str = "0") -> float:
    """``text - less`` in ns, without the rounding noise of the subtraction."""
    try:
        return round(float(text) - float(less), 6)
    except ValueError as error:
        raise ToolError(
            f"{path}: a slack or period must be in ns; it says {text!r}, {less!r}"
        ) from error


def _columns(path: Path, text: str, title: str, least: int) -> list[list[str]]:
    """Rows of a table in plain columns: a heading, a header line, a line of dashes, the rows.

    Each row has at least as many words as there are columns, and ``least``.
    """
    _, mark, rest = text.partition(f"| {title}\n")
    lines = rest.splitlines()[3:]
    rule = next((i for i, line in enumerate(lines) if line.split() and _dashes(line)), None)
    # The next heading may come first: then this table has no header line, and is empty.
    if not mark or rule is None:
        raise ToolError(f"{path}: the table '{title}' is missing; the report is cut off")
    if any(line.startswith("| ") for line in lines[:rule]):
        return []
    body = lines[rule + 1 :]
    end = next((i for i, line in enumerate(body) if not line.strip()), None)
    rows = [line.split() for line in body[:end]]
    least = max(least, len(lines[rule].split()))
    if end is None or any(len(row) < least for row in rows):
        raise ToolError(f"{path}: the table '{title}' is cut off; the tool did not finish it")
    return rows


def _dashes(line: str) -> bool:
    return set(line) <= {"-", " "}


@dataclass(frozen=True)
class Power:
    """Watts on the chip, and how sure Vivado is of them (Low, Medium, High)."""

    total_w: float
    dynamic_w: float
    static_w: float
    confidence: str


def read_power(path: Path) -> Power:
    """``report_power``. Raises ToolError where its summary is missing."""
    rows = _pairs(path)

    def watts(name: str) -> float:
        if name not in rows:
            raise ToolError(f"{path}: the table 'Summary' has no row {name}")
        return _figure(path, name, rows[name])

    return Power(
        watts("Total On-Chip Power (W)"),
        watts("Dynamic (W)"),
        watts("Device Static (W)"),
        rows.get("Confidence Level", "not told"),
    )


def _pairs(path: Path) -> Mapping[str, str]:
    table = find_table(path, tables(path, read_text(path)), "Summary")
    return {row[0]: row[1] for row in table.rows if len(row) == 2}
