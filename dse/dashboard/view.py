"""What a page or a tracking server shows of a run: plain values, made by the driver."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from converter.report import RESOURCES, Report

FIGURES = ("latency_cycles", "latency_ns", "interval_cycles", *RESOURCES)
"""Figures of a report, in the order that people read them."""


@dataclass(frozen=True)
class StageView:
    """One stage of a design: what it is, its type, how it is built, and what it costs.

    ``kind`` is the unit (``MatVec``), ``type`` the spelling of its result's type.
    """

    name: str
    layer: str
    kind: str
    type: str
    strategy: str = ""
    reuse_factor: int | None = None
    report: Report | None = None


@dataclass(frozen=True)
class DesignView:
    """One promoted design.

    ``state``: ``measured``, ``failed`` or ``estimated``. ``value`` is the metric and
    ``loss`` the same to be minimised. ``knobs`` are the space's. ``shares``: of the part,
    by resource, in 0..1. ``files``: artifacts by name, for the tracking server.
    ``digest`` is the design's identity, by which it is logged once.
    """

    id: int
    state: str
    metric: str
    value: float | None
    loss: float | None
    estimate: Report
    measured: Report | None = None
    on_front: bool = False
    knobs: Mapping[str, int | float | str | bool] = field(default_factory=dict)
    stages: Sequence[StageView] = ()
    shares: Mapping[str, float] = field(default_factory=dict)
    config: str = ""
    checks: Mapping[str, str] = field(default_factory=dict)
    failure: str = ""
    digest: str = ""
    seconds: float = 0.0
    files: Mapping[str, Path] = field(default_factory=dict)

    def figures(self) -> dict[str, float]:
        """Best-known figures by name: the tool's where it gives them, else the estimate's;
        with ``resources``, the largest share of the part.
        """
        best = {n: v for n in FIGURES if (v := self._best(n)[0]) is not None}
        if self.shares:
            best["resources"] = max(self.shares.values())
        return {name: value for name, value in best.items() if math.isfinite(value)}

    def sources(self) -> dict[str, str]:
        """Who gave each of the figures, in words."""
        return {n: str(self._best(n)[1].source) for n in FIGURES if self._best(n)[0] is not None}

    def _best(self, name: str) -> tuple[float | None, Report]:
        if self.measured is not None:
            value = getattr(self.measured, name)
            if value is not None:
                return float(value), self.measured
        value = getattr(self.estimate, name)
        return (None if value is None else float(value)), self.estimate


@dataclass(frozen=True)
class RunView:
    """One run. ``facts``: what was asked for and what came of it, by section, then label, as
    text to read. ``maximise`` tells the direction of the metric.
    """

    name: str
    model: str
    part: str
    tool: str
    metric: str
    maximise: bool = True
    objectives: Sequence[str] = ()
    hypervolume: float | None = None
    facts: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
