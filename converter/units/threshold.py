"""Threshold: a rising or falling staircase by comparisons, exact for inputs of any width."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from converter.graph import Bounds
from converter.types import Codes, Fixed
from converter.units.base import Plain


@dataclass(frozen=True, eq=False)
class Threshold(Plain):
    """y = levels[number of thresholds that x reaches] for each input code x.

    ``thresholds``: rising int codes [n] of ``input_type``; x reaches t when x >= t.
    ``levels``: int codes [n + 1] of ``output_type``. Binary, ternary and power-of-two
    quantizers are of this kind.
    """

    size: int
    input_type: Fixed
    output_type: Fixed
    thresholds: Codes
    levels: Codes

    def bounds(self, inputs: tuple[Bounds, ...]) -> Bounds:
        """Extremes over the levels that each element can reach."""
        (x,) = inputs
        lo, hi = self._steps(x.lo), self._steps(x.hi)
        spans = [self.levels[a : b + 1] for a, b in zip(lo, hi, strict=True)]
        return Bounds(np.array([s.min() for s in spans]), np.array([s.max() for s in spans]))

    def emulate(self, *inputs: Codes) -> Codes:
        """Codes [batch, size] -> [batch, size]."""
        (x,) = inputs
        return self.levels[self._steps(x)]

    def _steps(self, x: Codes) -> Codes:
        return np.searchsorted(self.thresholds, x, side="right")
