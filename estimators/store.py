"""What synthesis has shown, kept for later runs: one JSON document a line, appended only.

A line holds the facts of a design and what a tool counted, so that whatever the estimators have
become since, the lesson is drawn from their estimates of today.
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from converter.errors import DataError
from converter.facts import Facts
from converter.report import RESOURCES
from converter.timing import Family, Target
from estimators.base import Estimator, kind_of
from estimators.labelled import facts_from_json, facts_to_json
from estimators.learning import Evidence


@dataclass(frozen=True)
class Lesson:
    """One measured design. ``tool`` and ``version`` of whoever measured, and how far it went
    (``stage``); ``digest`` of the project; ``figures`` by their names in a report.
    """

    tool: str
    version: str
    stage: str
    family: Family
    part: str
    clock_period_ns: float
    digest: str
    figures: Mapping[str, float]
    facts: tuple[Facts, ...]

    def evidence(self, estimator: Estimator) -> Evidence:
        """What the estimator says of it today, by kind of unit, beside what was measured."""
        where = Target(self.part, self.family, self.clock_period_ns)
        parts: dict[str, dict[str, float]] = {}
        for facts in self.facts:
            report = estimator.price(facts, where)
            own = parts.setdefault(kind_of(facts), dict.fromkeys(RESOURCES, 0.0))
            for name in RESOURCES:
                own[name] += getattr(report, name) or 0.0
        return Evidence(parts, self.figures)


def append(path: Path, lessons: Iterable[Lesson]) -> None:
    """Add lines to the store at ``path``, which is made where it is missing. Other processes may
    do so at the same time. Raises DataError where it cannot be written.
    """
    text = "".join(json.dumps(_plain(one), separators=(",", ":")) + "\n" for one in lessons)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("a+b") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            file.write(_end_of_line(file) + text.encode())
    except OSError as error:
        raise DataError(f"{path}: cannot write what was learned: {error.strerror}") from error


def read(path: Path) -> tuple[list[Lesson], list[str]]:
    """All lessons, each design of a tool once (the last one counts), and a complaint for each
    line that is damaged. A store that is not there yet is empty.
    """
    try:
        lines = path.read_bytes().splitlines()
    except FileNotFoundError:
        return [], []
    except OSError as error:
        raise DataError(f"{path}: cannot read what was learned: {error.strerror}") from error
    lessons: dict[tuple[str, ...], Lesson] = {}
    complaints = []
    for number, line in enumerate(lines, 1):
        try:
            one = _lesson(json.loads(line))
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            complaints.append(f"{path}: line {number} is damaged and left out ({error!r})")
            continue
        lessons[(one.tool, one.version, one.stage, one.digest)] = one
    return list(lessons.values()), complaints


def matching(lessons: Sequence[Lesson], tool: Sequence[str], family: Family) -> list[Lesson]:
    """Those of one ``tool`` (its name, version and stage) and one family of parts."""
    wanted = (*tool, family)
    return [x for x in lessons if (x.tool, x.version, x.stage, x.family) == wanted]


def _end_of_line(file: BinaryIO) -> bytes:
    """What is missing where the last line was cut short."""
    if file.seek(0, os.SEEK_END) == 0:
        return b""
    file.seek(-1, os.SEEK_END)
    return b"" if file.read(1) == b"\n" else b"\n"


def _plain(lesson: Lesson) -> dict[str, Any]:
    values = {**lesson.__dict__, "family": lesson.family.value, "figures": dict(lesson.figures)}
    return {**values, "facts": facts_to_json(lesson.facts)}


def _lesson(values: Mapping[str, Any]) -> Lesson:
    figures = {str(name): float(value) for name, value in values["figures"].items()}
    return Lesson(
        str(values["tool"]),
        str(values["version"]),
        str(values["stage"]),
        Family(values["family"]),
        str(values["part"]),
        float(values["clock_period_ns"]),
        str(values["digest"]),
        figures,
        facts_from_json(values["facts"]),
    )
