"""The estimator of HLS synthesis reports (``csynth``): kernels at their prices."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property

from converter.facts import Facts
from converter.report import Fidelity, Report, Source
from converter.timing import Target
from estimators.csynth import Delays, Kernel, Mapping, design_cycles, design_ff, kernel
from estimators.price_files import Prices, read_prices


@dataclass(frozen=True)
class HlsEstimator:
    """``vitis`` (Vitis HLS) or ``vivado`` (Vivado HLS) at one version.

    ``mapping`` forces all products into DSP blocks or out of them, as ``config_op mul
    -impl`` does; by default the tool's own rule holds.
    """

    tool: str
    prices: Prices
    mapping: Mapping = Mapping.AUTO
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
        return Source(f"estimate of {self.tool} csynth", self.version, Fidelity.ANALYTIC)

    def price(self, facts: Facts, target: Target) -> Report:
        """One stage, as its module in the tool's report."""
        return self._report(kernel(facts, target, self.delays, self.mapping), target)

    def total(self, facts: Sequence[Facts], stages: Sequence[Report], target: Target) -> Report:
        """The design; latency and interval as of a chain of stages."""
        kernels = [kernel(f, target, self.delays, self.mapping) for f in facts]
        latency, interval = design_cycles(kernels, target.family)
        top = self.prices.sum("ff", design_ff(facts[0], kernels, target.family))
        return Report(
            self.source,
            lut=round(sum(s.lut or 0 for s in stages)),
            ff=round(sum(s.ff or 0 for s in stages) + top),
            dsp=sum(s.dsp or 0 for s in stages),
            bram_18k=sum(s.bram_18k or 0 for s in stages),
            uram=0,
            latency_cycles=latency,
            interval_cycles=interval,
            clock_period_ns=target.clock_period_ns,
            notes=(
                f"an estimate of the csynth report of {self.tool} {self.version}, whose LUTs are"
                " 2 to 5 times those after logic synthesis",
            ),
        )

    def _report(self, shape: Kernel, target: Target) -> Report:
        return Report(
            self.source,
            lut=self.prices.sum("lut", shape.lut),
            ff=self.prices.sum("ff", shape.ff),
            dsp=shape.dsp,
            bram_18k=shape.bram_18k,
            uram=0,
            latency_cycles=shape.latency,
            interval_cycles=shape.interval,
            clock_period_ns=target.clock_period_ns,
        )


def hls_estimator(tool: str, version: str | None = None) -> HlsEstimator:
    """The estimator of ``tool`` at ``version``; ConfigError where there are no prices for it."""
    return HlsEstimator(tool, read_prices(tool, version))
