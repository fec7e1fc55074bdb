"""What every estimator answers: a price for facts, without a tool."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from converter.facts import Facts
from converter.report import Report
from converter.timing import Target


class Estimator(Protocol):
    """Prices of one tool family, additive over stages."""

    tool: str

    def price(self, facts: Facts, target: Target) -> Report:
        """One stage. Never zero for want of a model: raises UnsupportedError instead."""

    def total(self, stages: Sequence[Report], target: Target) -> Report:
        """A whole design from its stages (in order): sums, the slowest interval, fixed overhead."""
