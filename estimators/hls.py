"""The estimators of vendors' tools: kernels at their prices, for csynth and what comes after it."""

from __future__ import annotations

from collections.abc import Mapping as Dict
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

from converter.errors import ConfigError
from converter.facts import Facts
from converter.report import Fidelity, Report, Source
from converter.timing import Target
from estimators.conformal import CONFIDENCE, SMALL
from estimators.csynth import design_cycles, design_ff, kernel
from estimators.intervals import UNSEEN, around
from estimators.kernels.base import Delays, Kernel, Mapping
from estimators.learning import Prior
from estimators.price_files import Prices, read_prices

STAGES: Dict[str, Fidelity] = {
    "csynth": Fidelity.CSYNTH,
    "logic": Fidelity.LOGIC_SYNTHESIS,
    "route": Fidelity.PLACE_AND_ROUTE,
}
"""Stages of a vendor's flow, and how deep they look."""

OTHERS = "others"
"""The entry of ``Prices.later`` for features that have none of their own."""


@dataclass(frozen=True)
class HlsEstimator:
    """``vitis`` (Vitis HLS) or ``vivado`` (Vivado HLS) at one version.

    ``mapping`` forces all products into DSP blocks or out of them, as ``config_op mul
    -impl`` does; by default the tool's own rule holds. ``fidelity`` is the stage whose report is
    predicted: the HLS report, that of logic synthesis, or that of place and route. ``meant`` is the
    version that is to be estimated, where the prices are of its nearest neighbour.
    """

    tool: str
    prices: Prices
    mapping: Mapping = Mapping.AUTO
    fidelity: Fidelity = Fidelity.CSYNTH
    meant: str = ""
    version: str = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "version", self.prices.version)

    @cached_property
    def delays(self) -> Delays:
        """How this version schedules."""
        return Delays(**self.prices.delays)

    @cached_property
    def source(self) -> Source:
        """Who says so: an estimate of what the tool's report would say."""
        spelt = {Fidelity.CSYNTH: "csynth"}.get(
            self.fidelity, self.fidelity.name.lower().replace("_", " ")
        )
        return Source(f"estimate of {self.tool} {spelt}", self.version, Fidelity.ANALYTIC)

    @property
    def priors(self) -> Dict[str, Prior]:
        """What holds for any tool that was not measured here."""
        return {}

    def kernel(self, facts: Facts, target: Target) -> Kernel:
        """The structure of one stage under this version."""
        return kernel(facts, target, self.delays, self.mapping)

    def price(self, facts: Facts, target: Target) -> Report:
        """One stage, as its module in the tool's report."""
        shape = self.kernel(facts, target)
        after = self.fidelity > Fidelity.CSYNTH
        return Report(
            self.source,
            lut=self._sum("lut", shape.lut),
            ff=self._sum("ff", shape.ff),
            dsp=shape.dsp,
            bram_18k=shape.logic_18k if after else shape.bram_18k,
            uram=0,
            latency_cycles=shape.latency,
            interval_cycles=shape.interval,
            clock_period_ns=target.clock_period_ns,
        )

    def total(self, facts: Sequence[Facts], stages: Sequence[Report], target: Target) -> Report:
        """The design, with intervals; latency and interval as of a chain of stages."""
        kernels = [self.kernel(f, target) for f in facts]
        stream = any(f.stream for f in facts)
        latency, interval = design_cycles(kernels, target.family, stream, self.delays.vitis)
        top = self._sum("ff", design_ff(facts, kernels, target.family))
        report = Report(
            self.source,
            lut=round(sum(s.lut or 0 for s in stages)),
            ff=round(sum(s.ff or 0 for s in stages) + top),
            dsp=sum(s.dsp or 0 for s in stages),
            bram_18k=sum(s.bram_18k or 0 for s in stages),
            uram=0,
            latency_cycles=latency,
            interval_cycles=interval,
            clock_period_ns=target.clock_period_ns,
        )
        strange = self._strange(facts, "io_stream" if stream else "io_parallel")
        return replace(
            report,
            intervals=self._intervals(report, stream, bool(strange) or self._neighbour),
            confidence=CONFIDENCE if self.prices.intervals else None,
            notes=self._notes(strange),
        )

    @property
    def _neighbour(self) -> bool:
        """Whether the prices are of another version than the one that is meant."""
        return self.meant not in ("", self.version)

    def _sum(self, figure: str, features: Dict[str, float]) -> float:
        """Price of features in what this stage reports."""
        later = self.prices.later.get(self.fidelity.name.lower(), {}).get(figure, {})
        if not later:
            return self.prices.sum(figure, features)
        kept = {n: v * later.get(n, later[OTHERS]) for n, v in features.items()}
        return self.prices.sum(figure, kept)

    def _strange(self, facts: Sequence[Facts], io: str) -> list[str]:
        """Kinds of stages that no report was at hand of, in this io_type."""
        known = self.prices.known.get(io, [])
        return sorted({f.kind for f in facts} - set(known)) if self.prices.known else []

    def _intervals(
        self, report: Report, stream: bool, strange: bool
    ) -> dict[str, tuple[float, float]]:
        io = "io_stream" if stream else "io_parallel"
        by_figure = self.prices.intervals.get(self.fidelity.name.lower(), {}).get(io, {})
        wider = UNSEEN if strange else 1.0
        return {
            name: around(name, getattr(report, name), by_figure[name] * wider)
            for name in SMALL
            if name in by_figure
        }

    def _notes(self, strange: Sequence[str]) -> tuple[str, ...]:
        notes = [f"{self.source.tool} {self.version}: {_WHAT[self.fidelity]}"]
        if self._neighbour:
            notes.append(
                f"no report of {self.tool} {self.meant} was at hand: the prices are of "
                f"{self.version}, and the intervals are wider"
            )
        if strange:
            notes.append(
                f"no report of {self.tool} was at hand with stages of kind {', '.join(strange)}: "
                "their prices are by construction, and the intervals are wider"
            )
        return tuple(notes)


_WHAT = {
    Fidelity.CSYNTH: "an estimate of the HLS report, whose LUTs are 2 to 5 times those after logic"
    " synthesis",
    Fidelity.LOGIC_SYNTHESIS: "an estimate of the utilisation after logic synthesis, held against"
    " few designs",
    Fidelity.PLACE_AND_ROUTE: "an estimate of the utilisation after place and route, held against"
    " a handful of designs",
}


def hls_estimator(tool: str, version: str | None = None, stage: str | None = None) -> HlsEstimator:
    """The estimator of ``tool`` at ``version``, for the report of ``stage`` (csynth by default).

    Raises ConfigError where there are no prices for the version, or no such stage.
    """
    if stage is not None and stage not in STAGES:
        raise ConfigError(
            f"{tool} has no stage {stage!r} that can be estimated; there are: {', '.join(STAGES)}"
        )
    fidelity = STAGES[stage or "csynth"]
    return HlsEstimator(tool, read_prices(tool, version), fidelity=fidelity)
