"""What a design costs, whoever says so: an estimator or a tool's report."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from enum import IntEnum
from typing import Any

RESOURCES = ("lut", "ff", "dsp", "bram_18k", "uram")
"""Names of a part's resources, in reports and figures."""


class Fidelity(IntEnum):
    """How much a figure can be trusted, in rising order."""

    ANALYTIC = 0
    CSYNTH = 1
    LOGIC_SYNTHESIS = 2
    PLACE_AND_ROUTE = 3


@dataclass(frozen=True)
class Source:
    """Who gave a figure: ``tool`` and its ``version``, and how deep it looked."""

    tool: str
    version: str
    fidelity: Fidelity

    def __str__(self) -> str:
        fidelity = self.fidelity.name.lower().replace("_", " ")
        return " ".join(filter(None, (self.tool, self.version, f"({fidelity})")))


@dataclass(frozen=True)
class Report:
    """Resources, latency and clock of one design. ``None``: the source does not say.

    ``bram_18k`` counts 18 Kb halves (a 36 Kb tile is two). ``latency_cycles`` and
    ``interval_cycles`` are worst cases. ``clock_period_ns`` is the clock that the design is
    to run at, longer than asked for where it must be; ``critical_path_ns`` is the shortest
    that its source thinks possible. Of ``lut``, ``lutram`` are RAM and ``srl`` shift registers.
    ``intervals``: by figure, the least and largest value at ``confidence``, where the source
    is an estimate that was held against measurements. ``stages`` may hold a report per stage.
    ``paths``: where this is a part of a design, its slowest paths by their ends, ``from>to``, in
    ns; an end is a port, ``instance.port``, or nothing where it is a register.
    """

    source: Source
    lut: float | None = None
    ff: float | None = None
    dsp: float | None = None
    bram_18k: float | None = None
    uram: float | None = None
    latency_cycles: int | None = None
    interval_cycles: int | None = None
    clock_period_ns: float | None = None
    critical_path_ns: float | None = None
    power_w: float | None = None
    lutram: float | None = None
    srl: float | None = None
    intervals: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    confidence: float | None = None
    stages: Mapping[str, Report] = field(default_factory=dict)
    paths: Mapping[str, float] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    @property
    def latency_ns(self) -> float | None:
        """Latency in time, where both cycles and clock are known."""
        if self.latency_cycles is None or self.clock_period_ns is None:
            return None
        return self.latency_cycles * self.clock_period_ns

    def to_json(self) -> dict[str, Any]:
        """Plain values, fit for a JSON document; ``from_json`` reads them back."""
        data = asdict(self)
        data["source"]["fidelity"] = self.source.fidelity.name.lower()
        data["stages"] = {name: stage.to_json() for name, stage in self.stages.items()}
        data["notes"] = list(self.notes)
        return data

    @staticmethod
    def from_json(data: Mapping[str, Any]) -> Report:
        """Inverse of ``to_json``."""
        source = data["source"]
        fidelity = Fidelity[source["fidelity"].upper()]
        stages = {name: Report.from_json(stage) for name, stage in data["stages"].items()}
        intervals = {name: tuple(ends) for name, ends in data["intervals"].items()}
        values = {**data, "stages": stages, "intervals": intervals, "notes": tuple(data["notes"])}
        values["source"] = Source(source["tool"], source["version"], fidelity)
        return Report(**values)
