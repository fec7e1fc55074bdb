"""What every estimator answers: a price for facts, without a tool."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from converter.facts import Facts
from converter.report import Report
from converter.timing import Target


class Estimator(Protocol):
    """Prices of one version of one tool, additive over stages."""

    @property
    def tool(self) -> str:
        """Name that the tool is asked for by."""

    @property
    def version(self) -> str:
        """Version of the tool that the prices are of."""

    def __hash__(self) -> int:
        """Prices are made once per estimator and stage."""

    def price(self, facts: Facts, target: Target) -> Report:
        """One stage. Never zero for want of a model: raises UnsupportedError instead."""

    def total(self, facts: Sequence[Facts], stages: Sequence[Report], target: Target) -> Report:
        """A whole design from its stages, in order, with their prices: sums, the slowest
        interval, and what the design has beyond its stages. Latency is that of a chain.
        """
