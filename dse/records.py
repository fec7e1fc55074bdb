"""What is known of a run: its journal, and the records read from it.

The journal is the truth: one JSON document a line, on disk before anything acts on
it. Everything else (Optuna's study, the front, MLflow) is built from it.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from converter.errors import RunError
from converter.graph import Implementation, Strategy
from converter.report import Report
from dse.failures import Failure

Choices = Mapping[str, Implementation]


@dataclass(frozen=True)
class Setting:
    """One precision setting and what its evaluation found.

    ``values``: the space's knobs. ``digest``: identity of the arithmetic. ``value``: the
    metric on the data. ``candidates``: its hardware front as estimated, in the solver's order.
    ``constraints``: limits by name, above 0 where broken; ``note`` says which, in words.
    ``failure``: why it could not be evaluated.
    """

    number: int
    values: Mapping[str, int]
    digest: str = ""
    value: float | None = None
    loss: float | None = None
    seconds: float = 0.0
    failure: str | None = None
    note: str = ""
    constraints: Mapping[str, float] = field(default_factory=dict)
    candidates: tuple[Candidate, ...] = ()


@dataclass(frozen=True)
class Candidate:
    """One hardware allocation of a setting, with its estimated figures by name. ``parts``: by kind
    of unit and resource, what of the figures is whose.
    """

    choices: Choices
    figures: Mapping[str, float]
    parts: Mapping[str, Mapping[str, float]] = field(default_factory=dict)


@dataclass(frozen=True)
class Design:
    """A promoted candidate: estimated, then measured or failed.

    ``checks``: by name (``csim``), ``passed``, or why it was not checked.
    """

    number: int
    setting: int
    choices: Choices
    estimate: Report
    measured: Report | None = None
    failure: Failure | None = None
    checks: Mapping[str, str] = field(default_factory=dict)
    seconds: float = 0.0

    @property
    def ended(self) -> bool:
        """Nothing more will be learned of it."""
        return self.measured is not None or self.failure is not None


@dataclass(frozen=True)
class History:
    """A run as its journal tells it. ``spent_s``: wall time over all its sessions;
    ``last_event``: when the last event was written, in seconds since 1970.
    """

    settings: Mapping[int, Setting]
    designs: Mapping[int, Design]
    spent_s: float
    last_event: float
    ended: str | None


class Journal:
    """Append-only log of events, durable at every one."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("ab")
        if self._file.tell() and not path.read_bytes().endswith(b"\n"):
            self._file.write(b"\n")  # a line that a crash cut short; readers pass over it

    def append(self, event: str, **body: Any) -> None:
        """Write one event and wait until it is on disk."""
        line = json.dumps({"event": event, "time": time.time(), **body}, separators=(",", ":"))
        try:
            self._file.write(line.encode() + b"\n")
            self._file.flush()
            os.fsync(self._file.fileno())
        except OSError as error:
            raise RunError(f"{self._file.name}: cannot write: {error.strerror}") from error

    def close(self) -> None:
        """Release the file."""
        self._file.close()


def setting_body(setting: Setting) -> dict[str, Any]:
    """A setting as plain values."""
    body = asdict(replace(setting, candidates=()))
    body["candidates"] = [
        {"choices": _plain(c.choices), "figures": dict(c.figures), "parts": _used(c.parts)}
        for c in setting.candidates
    ]
    return body


def design_body(design: Design) -> dict[str, Any]:
    """A design as plain values."""
    return {
        "number": design.number,
        "setting": design.setting,
        "choices": _plain(design.choices),
        "estimate": design.estimate.to_json(),
        "measured": design.measured.to_json() if design.measured else None,
        "failure": asdict(design.failure) if design.failure else None,
        "checks": dict(design.checks),
        "seconds": design.seconds,
    }


def read_history(path: Path) -> History:
    """Replay a journal. A line cut short by a crash is passed over."""
    settings: dict[int, Setting] = {}
    designs: dict[int, Design] = {}
    spent, opened, last, ended = 0.0, None, 0.0, None
    for kind, moment, content in _events(path):
        last_before, last = last, moment
        if kind == "opened":
            spent += last_before - opened if opened is not None else 0.0
            opened, ended = last, None
        elif kind == "setting":
            settings[content.number] = content
        elif kind == "design":
            designs[content.number] = content
        elif kind == "ended":
            ended = content
    spent += last - opened if opened is not None else 0.0
    return History(settings, designs, spent, last, ended)


def _events(path: Path) -> Iterator[tuple[str, float, Any]]:
    """Kind, time and content of each event."""
    try:
        lines = path.read_bytes().splitlines()
    except OSError as error:
        raise RunError(f"{path}: cannot read: {error.strerror}") from error
    for number, line in enumerate(lines, 1):
        try:
            event = json.loads(line)
        except ValueError:
            continue
        try:
            kind = event["event"]
            reader = _READERS.get(kind)
            found = kind, float(event["time"]), reader(event) if reader else None
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise RunError(f"{path}: line {number} is not an event of a run ({error!r})") from error
        yield found


def _plain(choices: Choices) -> dict[str, list[Any]]:
    return {
        name: [c.strategy.value, c.reuse_factor, c.parallelization_factor]
        for name, c in choices.items()
    }


def _used(parts: Mapping[str, Mapping[str, float]]) -> dict[str, dict[str, float]]:
    """Without what is not used; six digits, as a run has thousands of these."""
    return {
        kind: {name: float(f"{value:.6g}") for name, value in own.items() if value}
        for kind, own in parts.items()
    }


def read_choices(plain: Mapping[str, Any]) -> Choices:
    """Inverse of how choices are written."""
    return {n: Implementation(Strategy(s), *map(int, rest)) for n, (s, *rest) in plain.items()}


def _setting(event: Mapping[str, Any]) -> Setting:
    candidates = tuple(
        Candidate(read_choices(c["choices"]), c["figures"], c.get("parts", {}))
        for c in event["candidates"]
    )
    body = {name: event[name] for name in _SETTING_FIELDS}
    return Setting(**{**body, "candidates": candidates})


_SETTING_FIELDS = tuple(f.name for f in fields(Setting))


def _design(event: Mapping[str, Any]) -> Design:
    return Design(
        number=event["number"],
        setting=event["setting"],
        choices=read_choices(event["choices"]),
        estimate=Report.from_json(event["estimate"]),
        measured=Report.from_json(event["measured"]) if event["measured"] else None,
        failure=Failure(**event["failure"]) if event["failure"] else None,
        checks=event["checks"],
        seconds=event["seconds"],
    )


def _reason(event: Mapping[str, Any]) -> str:
    return str(event["reason"])


_READERS: dict[str, Callable[[Mapping[str, Any]], Any]] = {
    "setting": _setting,
    "design": _design,
    "ended": _reason,
}
"""What the events hold that are more than a moment."""
