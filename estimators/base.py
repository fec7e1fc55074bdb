"""What every estimator answers: a price for facts, without a tool."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from converter.facts import Facts
from converter.report import Report
from converter.timing import Target
from estimators.learning import Prior


def kind_of(facts: Facts) -> str:
    """What is priced alike: a kind of unit, its multipliers shared or not, in a stream or not."""
    shared = "_shared" if facts.reuse_factor > 1 else ""
    stream = "_stream" if facts.stream and facts.kind != "fifo" else ""
    return f"{facts.kind}{shared}{stream}"


class Estimator(Protocol):
    """Prices of one version of one tool, additive over stages."""

    @property
    def tool(self) -> str:
        """Name that the tool is asked for by."""

    @property
    def version(self) -> str:
        """Version of the tool that the prices are of."""

    @property
    def priors(self) -> Mapping[str, Prior]:
        """By figure, how far off estimates are known to be before a run has measured any."""

    def __hash__(self) -> int:
        """Prices are made once per estimator and stage."""

    def price(self, facts: Facts, target: Target) -> Report:
        """One stage. Never zero for want of a model: raises UnsupportedError instead."""

    def total(self, facts: Sequence[Facts], stages: Sequence[Report], target: Target) -> Report:
        """A whole design from its stages, in order, with their prices: sums, the slowest
        interval, and what the design has beyond its stages. Latency is that of a chain.
        """
