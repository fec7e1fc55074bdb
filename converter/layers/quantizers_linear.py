"""QKeras' quantized_linear, which is on its main branch and in no release up to 0.9.0."""

from __future__ import annotations

from dataclasses import dataclass
from math import frexp

import numpy as np

from converter.layers.base import Real
from converter.layers.quantizers import (
    EPSILON,
    Alpha,
    Factors,
    Form,
    QuantizedConstants,
    Scale,
    Scaled,
    Single,
    Staircase,
    constants,
    fitted_scale,
    is_power_of_two,
    power_of_two,
    reduced_axes,
)
from converter.layers.quantizers_bisection import MAX_STAIRCASE_BITS, staircase
from converter.types import Fixed, Overflow, Rounding


@dataclass(frozen=True)
class QuantizedLinear:
    """x in whole steps s of ``bits`` bits, the sign among them if ``keep_negative``.

    The step s is alpha 2**(integer + keep_negative - bits); or it is fitted to the
    weights, one per index of ``scale_axis`` (None: the last axis; of a vector, per element).
    With one bit and the sign, the values are -s/2 and s/2.
    """

    bits: int
    integer: int = 0
    symmetric: bool = True
    keep_negative: bool = True
    alpha: Scale = 1.0
    scale_axis: int | None = None

    @property
    def from_data(self) -> bool:
        """True where the scale is fitted."""
        return isinstance(self.alpha, Alpha)

    @property
    def binary(self) -> bool:
        """Two values, of which none is 0."""
        return self.bits == 1 and self.keep_negative

    def quantize(self, x: Real) -> Real:
        """Values of QKeras at inference."""
        return self.codes_and_scale(x).values

    def form(self) -> Form | None:
        """A conversion where the steps are powers of two; else a staircase of few bits, and
        none for an array of other factors.
        """
        if isinstance(self.alpha, Alpha):
            return None
        if isinstance(self.alpha, Factors):
            if self.binary or not self.alpha.dyadic:
                return None
            grid = self._grid(self.integer + self.keep_negative)
            return Scaled(grid, self.alpha, 0.0, self.alpha.inverse)
        if self.binary:
            half = float(self._steps()) / 2
            return Staircase((0.0,), (-half, half))
        if is_power_of_two(self.alpha):
            return self._grid(self.integer + self.keep_negative + frexp(self.alpha)[1] - 1)
        if self.bits > MAX_STAIRCASE_BITS:
            return None
        low, high = self._ends
        step = float(self._steps())
        levels = np.arange(low, high + 1) * step
        return staircase(lambda x: np.clip(np.rint(x / step), low, high) * step, levels)

    def codes_and_scale(self, x: Real) -> QuantizedConstants:
        """Whole steps, and the steps."""
        single = x.astype(np.float32)
        steps = self._fit(single) if isinstance(self.alpha, Alpha) else self._steps()
        codes = self._codes(single, steps)
        if self.binary:
            steps, codes = steps / np.float32(2), 2 * codes
        if not self.from_data and self.alpha == 1.0 and not self.binary:
            grid = self._grid(self.integer + self.keep_negative)
            return constants(codes.astype(np.int64), grid, 1.0)
        whole = Fixed(2, 2) if self.binary else self._grid(self.bits)
        return constants(codes.astype(np.int64), whole, steps)

    def _grid(self, integer: int) -> Fixed:
        overflow = Overflow.SAT_SYM if self.symmetric and self.keep_negative else Overflow.SAT
        return Fixed(self.bits, integer, self.keep_negative, Rounding.RND_CONV, overflow)

    @property
    def _ends(self) -> tuple[float, float]:
        """Least and largest number of steps."""
        if self.binary:
            return -0.5, 0.5
        top = 2.0 ** (self.bits - self.keep_negative)
        return (self.symmetric - top if self.keep_negative else 0.0), top - 1

    def _steps(self) -> Single:
        """The step that alpha gives."""
        alpha = self.alpha.array if isinstance(self.alpha, Factors) else self.alpha
        exponent = self.integer - self.bits + self.keep_negative
        return np.ldexp(np.asarray(alpha, np.float32), exponent)

    def _codes(self, x: Single, steps: Single) -> Single:
        """Steps in x, rounded, halves being -1/2 and 1/2 where two values are all."""
        shift = np.float32(0.5 if self.binary else 0.0)
        low, high = self._ends
        clipped = np.clip(x / steps, np.float32(low), np.float32(high))
        codes: Single = np.rint(clipped - shift) + shift
        return codes

    def _fit(self, x: Single) -> Single:
        """Step by step in float32, as QKeras does."""
        low, high = self._ends
        axes = reduced_axes(x, self.scale_axis) if x.ndim > 1 else ()
        if self.keep_negative:
            steps = np.abs(x).max(axis=axes, keepdims=True) * np.float32(2) / np.float32(high - low)
        else:
            steps = x.max(axis=axes, keepdims=True) / np.float32(high)
        steps = np.maximum(steps, EPSILON)
        if self.alpha is Alpha.AUTO:
            return steps
        steps = power_of_two(steps)
        for _ in range(1 if self.binary else 5):
            fitted = fitted_scale(Alpha.AUTO_PO2, x, self._codes(x, steps), self.scale_axis)
            if np.array_equal(fitted, steps):
                break
            steps = fitted
        return steps
