"""Text reports of AMD's tools: headings, tables drawn with ``+--+`` and ``|``, and numbers."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from converter.errors import ToolError

SIZE_LIMIT_BYTES = 256 << 20
"""A report that is larger is refused unread; the largest real ones have a few megabytes."""

UNLIMITED = (1 << 32) - 1
"""How the tools write "none" in an unsigned field."""

_RULE = re.compile(r"\s*\+[-+]*-[-+]*\+?\s*$")
_NUMBERED = re.compile(r"\d+(?:\.\d+)*\.? +(.*\S)\s*$")


def read_text(path: Path) -> str:
    """The text of a report. Raises ToolError where it is missing, empty or too large."""
    try:
        size = path.stat().st_size
        if size > SIZE_LIMIT_BYTES:
            raise ToolError(f"{path}: {size} bytes are too many for a report")
        text = path.read_bytes().decode("utf-8", "replace")
    except OSError as error:
        raise ToolError(f"{path}: no report can be read here: {error.strerror}") from error
    if not text.strip():
        raise ToolError(f"{path}: the report is empty; the tool did not finish it")
    return text


@dataclass(frozen=True)
class Table:
    """One drawn table.

    ``title`` is the path of headings above it (``Utilization Estimates/Detail/Instance``).
    ``header`` has the words of all header lines by column, or is empty where columns are
    merged in it. ``indents`` are the blanks that stand before each row's first word.
    """

    title: str
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    indents: tuple[int, ...]

    def column(self, path: Path, *names: str) -> int:
        """Index of the first column that has one of these names."""
        for name in names:
            if name in self.header:
                return self.header.index(name)
        raise ToolError(
            f"{path}: the table '{self.title}' has no column {' or '.join(names)}; "
            f"it has: {', '.join(self.header)}"
        )

    def row(self, name: str) -> tuple[str, ...] | None:
        """The first row that starts with this name; a footnote's star does not count."""
        for row in self.rows:
            if row[0].rstrip("*") == name:
                return row
        return None


def tables(path: Path, text: str) -> list[Table]:
    """All tables of a report, in order. Raises ToolError where one is cut off or torn."""
    found: list[Table] = []
    headings: dict[int, str] = {}
    lines = text.splitlines()
    at = 0
    while at < len(lines):
        if _RULE.match(lines[at]) and lines[at + 1 : at + 2] and "|" in lines[at + 1]:
            end = _table_end(lines, at)
            found.append(_table(path, "/".join(headings.values()), lines[at:end]))
            at = end
            continue
        after = lines[at + 1] if at + 1 < len(lines) else ""
        _note_heading(headings, lines[at], after)
        at += 1
    return found


def _table_end(lines: Sequence[str], at: int) -> int:
    while at < len(lines) and lines[at].lstrip()[:1] in ("|", "+") and lines[at].strip():
        if lines[at].lstrip().startswith("+ ") and not lines[at].rstrip().endswith("+"):
            break  # a heading of the HLS reports: "+ Latency:"
        at += 1
    return at


def _note_heading(headings: dict[int, str], line: str, after: str) -> None:
    """Levels: ``== Title`` or a numbered and underlined one, ``+ Title:``, ``* Title:``."""
    words = line.strip()
    level, title = 0, ""
    numbered = _NUMBERED.match(line)
    if words.startswith("== "):
        level, title = 1, words[3:]
    elif numbered and after.startswith("---"):
        level, title = 1, numbered[1]
    elif words.startswith("+ ") and words.endswith(":"):
        level, title = 2, words[2:-1]
    elif words.startswith("* ") and words.endswith(":"):
        level, title = 3, words[2:-1]
    if level:
        for deeper in [key for key in headings if key >= level]:
            del headings[deeper]
        headings[level] = title


def _cells(line: str) -> list[str]:
    return line.strip().strip("|").split("|")


def _table(path: Path, title: str, lines: Sequence[str]) -> Table:
    """Lines from the first rule to the last one."""
    rules = [i for i, line in enumerate(lines) if _RULE.match(line)]
    whole = rules[-1] == len(lines) - 1 and lines[rules[-1]].strip() == lines[0].strip()
    if not whole or len(rules) < 2:
        raise ToolError(f"{path}: the table '{title}' is cut off; the tool did not finish it")
    columns = max(len(_cells(line)) for line in lines[rules[0] + 1 : rules[1]])
    first = rules[1] if len(rules) > 2 else rules[0]  # without a header: two rules
    body = [_cells(line) for i, line in enumerate(lines[first:], first) if i not in rules]
    if not body:
        return Table(title, _header(lines[rules[0] + 1 : rules[1]], columns), (), ())
    columns = len(body[0])
    if any(len(row) != columns for row in body):
        raise ToolError(f"{path}: the table '{title}' is torn: its rows differ in length")
    header = _header(lines[rules[0] + 1 : rules[1]], columns) if first else ()
    return Table(
        title,
        header,
        tuple(tuple(cell.strip() for cell in row) for row in body),
        tuple(len(row[0]) - len(row[0].lstrip()) for row in body),
    )


def _header(lines: Sequence[str], columns: int) -> tuple[str, ...]:
    cells = [_cells(line) for line in lines if not _RULE.match(line)]
    if any(len(row) != columns for row in cells):
        return ()
    return tuple(" ".join(" ".join(words).split()) for words in zip(*cells, strict=True))


def find_table(path: Path, found: Sequence[Table], *titles: str) -> Table:
    """The table under one of these headings. Raises ToolError naming what is missing."""
    for title in titles:
        for table in found:
            if table.title == title:
                return table
    there = ", ".join(sorted({t.title for t in found if t.title})) or "none"
    raise ToolError(f"{path}: the table '{titles[0]}' is missing; tables in it: {there}")


def number(path: Path, what: str, text: str) -> float | None:
    """A figure as the tools print it; None where they say that they do not know it.

    ``-`` is zero, ``~0`` too; ``817 (13%)`` is 817; ``undef``, ``?``, ``NA``, ``x`` are not known.
    """
    word = text.split("(")[0].strip().lstrip("~")
    if word in ("undef", "?", "NA", "N/A", "x", "inf"):
        return None
    try:
        value = 0.0 if word == "-" else float(word)
    except ValueError:
        value = float("nan")
    if value != value or value < 0:
        raise ToolError(f"{path}: {what} must be a number, zero or more; it says {text!r}")
    return value


def cycles(path: Path, what: str, text: str) -> int | None:
    """A count of clock cycles; None where it is not known or said to be unlimited."""
    value = number(path, what, text)
    return None if value is None or value >= UNLIMITED else int(value)
