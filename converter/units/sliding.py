"""Sliding: a unit at every position of a window, for convolutions, pooling, and layers that
work on the last axis alone.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from converter.errors import ConfigError
from converter.graph import Bounds, Implementation
from converter.types import Codes, Fixed
from converter.units.base import HlsOnly, Unit
from converter.units.window import Window


@dataclass(frozen=True, eq=False)
class Sliding(HlsOnly):
    """``body`` maps the elements of a window to the elements of one position's output.

    Output order: position by position, row-major. ``fill`` is the code of what is outside of
    the tensor.
    """

    window: Window
    body: Unit
    fill: int = 0

    @property
    def output_type(self) -> Fixed:
        """The body's."""
        return self.body.output_type

    @property
    def size(self) -> int:
        """Number of output elements."""
        return self.window.positions * self.body.size

    def bounds(self, inputs: tuple[Bounds, ...]) -> Bounds:
        """Of the body for the hull over all positions, the same at each."""
        (x,) = inputs
        one = self.body.bounds((self.window.hull(x, self.fill),))
        return Bounds(
            np.tile(one.lo, self.window.positions), np.tile(one.hi, self.window.positions)
        )

    def emulate(self, *inputs: Codes) -> Codes:
        """Codes [batch, input size] -> [batch, size]."""
        (x,) = inputs
        windows = self.window.gather(x, self.fill)
        flat = windows.reshape(len(x) * self.window.positions, self.window.elements)
        return self.body.emulate(flat).reshape(len(x), self.size)

    def legal(self) -> tuple[Implementation, ...]:
        """The body's choices, each for as many positions at once as divide their number."""
        n = self.window.positions
        divisors = [d for d in range(1, n + 1) if n % d == 0]
        return tuple(
            replace(choice, parallelization_factor=d)
            for choice in self.body.legal()
            for d in divisors
        )

    def check(self, stage: str, choice: Implementation) -> None:
        """The body's rule, and a parallelization factor that divides the positions."""
        self.body.check(stage, replace(choice, parallelization_factor=1))
        n, factor = self.window.positions, choice.parallelization_factor
        if n % factor:
            below = max(d for d in range(1, min(factor, n) + 1) if n % d == 0)
            above = [d for d in range(factor, n + 1) if n % d == 0][:1]
            raise ConfigError(
                f"{stage}: parallelization_factor={factor} does not divide {n} positions; "
                f"legal nearby: {', '.join(map(str, (below, *above)))}"
            )
