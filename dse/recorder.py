"""Writes what a run found, as it finds it: files in its folder, and MLflow."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from converter.errors import RunError
from dse.call import Call
from dse.dashboard.report import render
from dse.dashboard.view import DesignView, RunView
from dse.front import measured_designs
from dse.paths import RunPaths
from dse.records import History
from dse.tracking import Tracker, sqlite_uri
from dse.views import Views

EXPERIMENT = "dse"
METRICS_SECONDS = 5.0
"""Between two points of the curves in MLflow."""

FLUSH_SECONDS = 6.0
"""How long the end of a run waits for the tracking server; the rest is sent later."""


class Recorder:
    """The files of a run and its log in MLflow. ``step`` is the number of settings."""

    def __init__(self, paths: RunPaths, call: Call, document: Mapping[str, Any]) -> None:
        self.views = Views(paths, call, document)
        self._paths, self._call = paths, call
        self._next, self._measured = 0.0, -1
        self._sent: dict[int, str] = {}
        uri = call.tracking_uri or default_uri(paths)
        name = paths.root.name
        self._tracker = Tracker(uri, EXPERIMENT, name, paths.spool, str(paths.root.resolve()))
        self._tracker.start(_parameters(call, document))

    def progress(self, history: History, volume: float) -> None:
        """Log what is new."""
        measured = sum(d.ended for d in history.designs.values())
        if measured != self._measured:
            self._measured = measured
            self._front(history, volume)
        if time.monotonic() >= self._next:
            self._next = time.monotonic() + METRICS_SECONDS
            self._tracker.metrics(len(history.settings), self._figures(history, volume))

    def end(self, history: History, volume: float, reason: str) -> str | None:
        """Write everything once more, and send what waits. Returns what could not be sent."""
        self._front(history, volume)
        self._tracker.metrics(len(history.settings), self._figures(history, volume))
        status = "KILLED" if reason == "stopped" else "FINISHED"
        left = self._tracker.finish(status, tags={"ended": reason}, timeout=FLUSH_SECONDS)
        if not left:
            return None
        return f"{left} events for MLflow are kept and sent later ({self._tracker.problem})"

    def _front(self, history: History, volume: float) -> None:
        document = self.views.pareto(history, volume)
        _replace(self._paths.front, json.dumps(document, indent=1) + "\n")
        table = self.views.table(history)
        _replace(self._paths.table, table)
        run, designs = self.views.run(history, volume), self.views.designs(history)
        page = write_page(self._paths.page, run, designs)
        for design in designs:
            mark = f"{design.state} {design.on_front}"
            if self._sent.get(design.id) != mark:
                self._sent[design.id] = mark
                self._tracker.design(design)
        self._tracker.front(run, designs, page, {"pareto.csv": table})

    def _figures(self, history: History, volume: float) -> dict[str, float]:
        ended = [d for d in history.designs.values() if d.ended]
        return {
            "hypervolume": volume,
            "front_size": len(self.views.front(history)),
            "evaluated": len(history.settings),
            "measured": sum(d.measured is not None for d in ended),
            "failed": sum(d.failure is not None for d in ended),
            **self._errors(history),
        }

    def _errors(self, history: History) -> dict[str, float]:
        """Mean relative error of the estimates against what was measured, by resource."""
        found = {}
        for name in ("lut", "ff"):
            errors = [
                abs((getattr(m.design.estimate, name) or 0) - m.figures[name]) / m.figures[name]
                for m in measured_designs(history, self.views.part)
                if m.figures[name]
            ]
            if errors:
                found[f"estimator_error_{name}"] = sum(errors) / len(errors)
        return found


def write_page(path: Path, run: RunView, designs: Sequence[DesignView]) -> str:
    """Render the page of a run to ``path``; returns its text."""
    text = render(run, designs)
    _replace(path, text)
    return text


def default_uri(paths: RunPaths) -> str:
    """MLflow's database beside the run."""
    return sqlite_uri(paths.root.parent / "mlflow.db")


def _parameters(call: Call, document: Mapping[str, Any]) -> dict[str, object]:
    names = ("part", "budget", "clock", "backend", "space", "sampler", "seed", "executor")
    found: dict[str, object] = {name: getattr(call, name) for name in names}
    found["model"] = document["model_name"]
    found["objectives"] = ", ".join(call.objectives)
    found["limits"] = ", ".join(call.limits)
    found["data"] = document["data"]["origin"]
    found["tool"] = f"{document['tool']['name']} {document['tool']['version']}"
    return found


def _replace(path: Path, text: str) -> None:
    """Write a file whole or not at all."""
    beside = path.with_name(path.name + ".part")
    try:
        beside.write_text(text, encoding="utf-8")
        beside.replace(path)
    except OSError as error:
        raise RunError(f"{path}: cannot write: {error.strerror}") from error
