"""What people see of a run, made from what is on disk: its call, journal and trials."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from converter.parts import Part, find_part
from converter.report import Report
from dse.call import Call
from dse.dashboard.view import DesignView, RunView, StageView
from dse.front import Measured, find_front, front_document, measured_designs, shares
from dse.metrics import Metric
from dse.paths import RunPaths
from dse.quantities import parse_clock
from dse.records import Design, History
from dse.shortlist import Shortlist


class Views:
    """One run as documents and pages. Holds nothing that is not on disk."""

    def __init__(self, paths: RunPaths, call: Call, document: Mapping[str, Any]) -> None:
        self.paths, self.call, self.document = paths, call, document
        self.part: Part = find_part(document["part"])
        self.clock_period_ns = parse_clock(call.clock)
        self.metric = str(call.metric)

    def front(self, history: History) -> list[Measured]:
        """The designs that no other measured one dominates."""
        return find_front(measured_designs(history, self.part), self.call.objectives)

    def volume(self, history: History, ladder: int) -> float:
        """Hypervolume of the measured designs."""
        shortlist = Shortlist(self.call.objectives, self.part, ladder)
        for setting in history.settings.values():
            shortlist.add(setting)
        return shortlist.volume(history.settings, history.designs)

    def pareto(self, history: History, volume: float) -> dict[str, Any]:
        """The document of ``pareto.json``."""
        front = self.front(history)
        return front_document(front, self.part, self.metric, self.clock_period_ns, volume)

    def run(self, history: History, volume: float) -> RunView:
        """What was asked for, and what came of it."""
        tool = self.document["tool"]
        return RunView(
            name=self.paths.root.name,
            model=self.document["model_name"],
            part=self.part.name,
            tool=f"{tool['name']} {tool['version']}",
            metric=self.metric,
            maximise=Metric.named(self.metric).sign > 0,
            objectives=self.call.objectives,
            hypervolume=volume,
            facts=self._facts(history),
        )

    def _facts(self, history: History) -> dict[str, dict[str, str]]:
        call, designs = self.call, history.designs.values()
        asked = {
            "data": self.document["data"]["origin"],
            "clock": f"{self.clock_period_ns:g} ns",
            "budget": call.budget,
            "objectives": ", ".join(call.objectives),
            "limits": ", ".join(call.limits) or "80 % of every resource",
            "space": call.space,
            "sampler": call.sampler,
            "seed": str(call.seed),
        }
        found = {
            f"{self.metric} in floating point": f"{self.document['float_score']:.4f}",
            "settings evaluated": str(len(history.settings)),
            "designs measured": str(sum(d.measured is not None for d in designs)),
            "designs failed": str(sum(d.failure is not None for d in designs)),
            "wall time": f"{history.spent_s:.0f} s",
            "ended": history.ended or "not yet",
        }
        return {"Asked": asked, "Found": found, "Versions": dict(self.document["versions"])}

    def designs(self, history: History) -> list[DesignView]:
        """Every promoted design."""
        front = {m.design.number for m in self.front(history)}
        return [self._design(d, history, d.number in front) for d in history.designs.values()]

    def _design(self, design: Design, history: History, on_front: bool) -> DesignView:
        setting = history.settings[design.setting]
        folder = self.paths.trial(design.number)
        trial = _read_json(folder / "trial.json")
        state = "measured" if design.measured else "failed" if design.failure else "estimated"
        failure = design.failure
        return DesignView(
            id=design.number,
            state=state,
            metric=self.metric,
            value=setting.value,
            loss=setting.loss,
            estimate=design.estimate,
            measured=design.measured,
            on_front=on_front,
            knobs=dict(setting.values),
            stages=[_stage(s, design) for s in trial.get("stages", [])],
            shares=shares(design, setting, self.part),
            config=_read_text(folder / "config.yml"),
            checks=design.checks,
            failure=f"{failure.kind}: {failure.message}; {failure.next_action}" if failure else "",
            digest=str(trial.get("digest", "")),
            seconds=design.seconds,
            files=_files(folder),
        )

    def table(self, history: History) -> str:
        """``pareto.csv``."""
        text = io.StringIO()
        rows = [_flat(e) for e in self.pareto(history, 0.0)["front"]]
        if rows:
            writer = csv.DictWriter(text, list(rows[0]), lineterminator="\n")
            writer.writeheader()
            writer.writerows(rows)
        return text.getvalue()


def _flat(entry: Mapping[str, Any]) -> dict[str, Any]:
    """Nested values with the path of names as the column."""
    flat: dict[str, Any] = {}
    for name, value in entry.items():
        if isinstance(value, Mapping):
            flat |= {f"{name}.{inner}": v for inner, v in _flat(value).items()}
        else:
            flat[name] = " ".join(map(str, value)) if isinstance(value, list) else value
    return flat


def _stage(plain: Mapping[str, Any], design: Design) -> StageView:
    measured = design.measured.stages.get(plain["name"]) if design.measured else None
    return StageView(
        name=plain["name"],
        layer=plain["layer"],
        kind=plain["kind"],
        type=plain["type"],
        strategy=plain["strategy"],
        reuse_factor=plain["reuse_factor"],
        report=measured or Report.from_json(plain["estimate"]),
    )


def _files(folder: Path) -> dict[str, Path]:
    """What the tracking server gets of a trial: small files that people read."""
    found = {p.name: p for p in (folder / "config.yml", folder / "report.json") if p.is_file()}
    return found | {f"logs/{p.name}": p for p in sorted((folder / "project/logs").glob("*.log"))}


def _read_json(path: Path) -> dict[str, Any]:
    try:
        document = json.loads(path.read_text())
    except (OSError, ValueError):
        return {}
    return document if isinstance(document, dict) else {}


def _read_text(path: Path) -> str:
    try:
        return path.read_text()
    except OSError:
        return ""
