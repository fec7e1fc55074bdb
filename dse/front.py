"""The front of a run: of measured designs, each figure with its source."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from converter.parts import Part
from converter.report import RESOURCES
from dse.pareto import nondominated
from dse.records import Design, History, Setting
from dse.search.hardware import FIGURES, OBJECTIVES


@dataclass(frozen=True)
class Measured:
    """A design with its setting and its best-known figures.

    ``figures``: by ``FIGURES`` and ``resources`` (the largest share of the part), measured
    where the tool says so and else estimated; ``sources``: by figure, who says so.
    """

    design: Design
    setting: Setting
    figures: Mapping[str, float]
    sources: Mapping[str, str]


def largest_share(report_or_figures: Mapping[str, float], part: Part) -> float:
    """The largest share that any one resource of the part takes."""
    shares = [
        _share(report_or_figures[name], getattr(part, name))
        for name in RESOURCES
        if report_or_figures.get(name) is not None
    ]
    return max(shares)


def _share(used: float, available: int) -> float:
    if used == 0:
        return 0.0
    return used / available if available else float("inf")


def measured_design(design: Design, setting: Setting, part: Part) -> Measured:
    """Figures of a measured design; what its tool does not report stays as estimated."""
    figures: dict[str, float] = {}
    sources: dict[str, str] = {}
    for name in FIGURES:
        report = design.measured
        if report is None or getattr(report, name) is None:
            report = design.estimate
        figures[name] = float(getattr(report, name) or 0)
        sources[name] = str(report.source)
    figures["resources"] = largest_share(figures, part)
    return Measured(design, setting, figures, sources)


def shares(design: Design, setting: Setting, part: Part) -> dict[str, float]:
    """Share of the part by resource, as best known."""
    figures = measured_design(design, setting, part).figures
    return {n: _share(figures[n], getattr(part, n)) for n in RESOURCES}


def vector(loss: float, figures: Mapping[str, float], objectives: Sequence[str]) -> list[float]:
    """Objectives of one design, all to be minimised."""
    return [loss if o == "accuracy" else figures[OBJECTIVES[o]] for o in objectives]


def measured_designs(history: History, part: Part) -> list[Measured]:
    """All designs with a report, in the order of their numbers."""
    return [
        measured_design(design, history.settings[design.setting], part)
        for _, design in sorted(history.designs.items())
        if design.measured is not None
    ]


def find_front(measured: Sequence[Measured], objectives: Sequence[str]) -> list[Measured]:
    """The designs that no other dominates, by falling quality."""
    if not measured:
        return []
    points = [vector(m.setting.loss or 0.0, m.figures, objectives) for m in measured]
    mask = nondominated(np.array(points))
    front = [m for m, kept in zip(measured, mask, strict=True) if kept]
    return sorted(front, key=lambda m: (m.setting.loss or 0.0, m.figures["latency_cycles"]))


def front_document(
    front: Sequence[Measured], part: Part, metric: str, clock_period_ns: float, volume: float
) -> dict[str, Any]:
    """``pareto.json``: the front with every figure's source and share of the part."""
    return {
        "front": [_entry(m, part, metric, clock_period_ns) for m in front],
        "hypervolume": volume,
    }


def _entry(m: Measured, part: Part, metric: str, clock_period_ns: float) -> dict[str, Any]:
    cycles = int(m.figures["latency_cycles"])
    return {
        "id": m.design.number,
        "metric": metric,
        metric: m.setting.value,
        "latency_cycles": cycles,
        "latency_ns": cycles * clock_period_ns,
        "interval_cycles": int(m.figures["interval_cycles"]),
        **{name: m.figures[name] for name in RESOURCES},
        "share": shares(m.design, m.setting, part),
        "resources": m.figures["resources"],
        "knobs": dict(m.setting.values),
        "hardware": {n: [c.strategy.value, c.reuse_factor] for n, c in m.design.choices.items()},
        "sources": dict(m.sources),
        "checks": dict(m.design.checks),
        "estimate": {name: getattr(m.design.estimate, name) for name in FIGURES},
    }
