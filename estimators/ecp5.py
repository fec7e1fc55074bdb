"""The estimator of our own Verilog on a Lattice ECP5: that of Yosys for AMD parts, in LUTs of
four inputs.

The factors (``prices/ecp5.json``) are by kind of cost: of carry chains, and of all else. They are
from seven dense layers of 1154 to 7699 LUTs, four of them unrolled and three with shared
multipliers; other layers were not compared.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from converter.facts import Facts
from converter.report import Fidelity, Report, Source
from converter.timing import Target
from estimators.price_files import Prices, read_prices
from estimators.yosys import YosysEstimator, lut_features

CHAINS = ("chain_bit", "tree_bit")
"""Features that carry chains pay."""

SPREAD = 1.3
"""By which a count may be off either way beyond what the one for AMD parts is."""


@dataclass(frozen=True)
class Ecp5Estimator(YosysEstimator):
    """``ecp5``: block counts, latency and interval are exact by construction of our RTL.

    ``prices`` are those of AMD parts, and ``factors`` what they are multiplied by.
    """

    factors: Prices

    @cached_property
    def source(self) -> Source:
        """Who says so: an estimate of what Yosys would count of an ECP5."""
        return Source("estimate of ecp5", self.version, Fidelity.ANALYTIC)

    def price(self, facts: Facts, target: Target) -> Report:
        """One stage."""
        report = super().price(facts, target)
        return replace(
            report,
            lut=(report.lut or 0.0) * self._factor(facts),
            ff=(report.ff or 0.0) * self.factors.rates["ff"]["all"],
        )

    def _factor(self, facts: Facts) -> float:
        """By which LUTs of ``facts`` are multiplied; every stage has some control."""
        features, factors = lut_features(facts), self.factors.rates["lut"]
        chains = {n: v if n in CHAINS else 0.0 for n, v in features.items()}
        share = self.prices.sum("lut", chains) / self.prices.sum("lut", features)
        return factors["chain"] * share + factors["logic"] * (1 - share)

    def total(self, facts: Sequence[Facts], stages: Sequence[Report], target: Target) -> Report:
        """The design as a chain of its stages."""
        report = super().total(facts, stages, target)
        wide = {
            name: (low / SPREAD, high * SPREAD) if name in ("lut", "ff") else (low, high)
            for name, (low, high) in report.intervals.items()
        }
        note = (
            f"an estimate of logic synthesis of our Verilog by Yosys {self.version}, in LUTs of"
            " four inputs; placement adds what carry chains need at their ends"
        )
        return replace(report, intervals=wide, notes=(note,))


def ecp5_estimator(tool: str, version: str | None = None) -> Ecp5Estimator:
    """The estimator at ``version`` of Yosys; ConfigError where there are no prices for it."""
    factors = read_prices(tool, version)
    return Ecp5Estimator(tool, read_prices("yosys"), factors)
