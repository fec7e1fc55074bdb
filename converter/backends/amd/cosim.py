"""Reports of co-simulation: did the RTL pass, and how many cycles did it take."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from converter.backends.amd.text import cycles, number, read_text
from converter.errors import ToolError

_ROW = re.compile(r"^\|\s*(VHDL|Verilog)\s*\|(.*)\|\s*$", re.MULTILINE)
_TRANSACTION = re.compile(r"^transaction\s+(\d+):\s+(\S+)\s+(\S+)\s*$")


class Verdict(Enum):
    """What the tool says of one language."""

    PASS = "Pass"  # noqa: S105  no password
    FAIL = "Fail"
    NOT_RUN = "NA"


@dataclass(frozen=True)
class Cosim:
    """One language's result. Cycles are None where the tool gives none, which happens
    even where it passed (one transaction has no interval; dataflow in Vitis 2023.2).
    """

    language: str
    verdict: Verdict
    latency_min: int | None
    latency_average: float | None
    latency_max: int | None
    interval_min: int | None
    interval_average: float | None
    interval_max: int | None


def read_cosim(path: Path) -> Cosim:
    """The language that was simulated, Verilog where both or none were.

    Raises ToolError where the file has no such table.
    """
    rows = {m[1]: _cosim(path, m[1], m[2]) for m in _ROW.finditer(read_text(path))}
    if "Verilog" not in rows:
        raise ToolError(f"{path}: the row Verilog is missing; co-simulation did not finish")
    run = [row for row in rows.values() if row.verdict is not Verdict.NOT_RUN]
    return run[0] if len(run) == 1 else rows["Verilog"]


def _cosim(path: Path, language: str, text: str) -> Cosim:
    cells = [cell.strip() for cell in text.split("|")]
    if len(cells) not in (7, 8):  # newer tools add the total execution time
        raise ToolError(f"{path}: the row {language} must have 7 or 8 cells; it has {len(cells)}")
    try:
        verdict = Verdict(cells[0])
    except ValueError as error:
        raise ToolError(
            f"{path}: the status must be Pass, Fail or NA; it says {cells[0]!r}"
        ) from error
    return Cosim(
        language,
        verdict,
        cycles(path, "latency", cells[1]),
        number(path, "latency", cells[2]),
        cycles(path, "latency", cells[3]),
        cycles(path, "interval", cells[4]),
        number(path, "interval", cells[5]),
        cycles(path, "interval", cells[6]),
    )


@dataclass(frozen=True)
class Transaction:
    """Cycles of one call in co-simulation; None where the simulator could not tell."""

    latency: int | None
    interval: int | None


def read_transactions(path: Path) -> tuple[Transaction, ...]:
    """``<top>.performance.result.transaction.xml``, which is text in columns, not XML.

    An interval of 0 belongs to a last or only call: there is none after it.
    """
    lines = [line for line in read_text(path).splitlines() if line.strip()]
    if lines[0].split() != ["latency", "interval"]:
        raise ToolError(f"{path}: the first line must be 'latency interval'; it is {lines[0]!r}")
    found = [_TRANSACTION.match(line) for line in lines[1:]]
    if not found:
        raise ToolError(f"{path}: there is no transaction in it; co-simulation did not finish")
    result = []
    for line, match in zip(lines[1:], found, strict=True):
        if not match:
            raise ToolError(f"{path}: not a transaction: {line!r}")
        interval = cycles(path, "interval", match[3])
        result.append(Transaction(cycles(path, "latency", match[2]), interval or None))
    return tuple(result)
