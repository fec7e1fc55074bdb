"""QKeras' quantizers with equal steps: quantized_bits and quantized_relu."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from converter.layers.base import Real
from converter.layers.quantizers import (
    Alpha,
    Bounded,
    Factors,
    Form,
    QuantizedConstants,
    Scale,
    Scaled,
    Single,
    Sloped,
    constants,
    fitted_scale,
    power_of_two,
    reduced_axes,
)
from converter.layers.quantizers_bisection import staircase
from converter.types import Fixed, Overflow, Rounding


@dataclass(frozen=True)
class QuantizedBits:
    """``bits`` bits, the sign among them if ``keep_negative``, ``integer`` left of the point
    beside the sign; the least code is left out if ``symmetric``. At least one bit is
    not the sign.

    ``alpha``: a factor of the result, or the way to fit one per index of ``scale_axis`` (None:
    the last axis) to the weights; then the codes are symmetric and the sign is always kept.
    """

    bits: int
    integer: int = 0
    symmetric: bool = False
    keep_negative: bool = True
    alpha: Scale = 1.0
    scale_axis: int | None = None

    @property
    def from_data(self) -> bool:
        """True where the scale is fitted."""
        return isinstance(self.alpha, Alpha)

    @property
    def grid(self) -> Fixed:
        """The type of the values before the factor ``alpha``."""
        signed = self.keep_negative
        overflow = Overflow.SAT_SYM if self.symmetric and signed else Overflow.SAT
        return Fixed(self.bits, self.integer + signed, signed, Rounding.RND_CONV, overflow)

    def quantize(self, x: Real) -> Real:
        """Values of QKeras at inference."""
        return self.codes_and_scale(x).values

    def form(self) -> Form | None:
        """The grid, and the factor behind it."""
        if isinstance(self.alpha, Alpha):
            return None
        return self.grid if self.alpha == 1.0 else Scaled(self.grid, self.alpha)

    def codes_and_scale(self, x: Real) -> QuantizedConstants:
        """Codes of the grid and ``alpha``; or symmetric integers and one scale per channel."""
        if isinstance(self.alpha, Alpha):
            return self._fitted(x.astype(np.float32), self.alpha)
        alpha = self.alpha.array if isinstance(self.alpha, Factors) else self.alpha
        return constants(self.grid.from_float(x), self.grid, alpha)

    def _fitted(self, x: Single, alpha: Alpha) -> QuantizedConstants:
        """In float32 and step by step as QKeras does, so that the same codes come out."""
        x = np.ldexp(x, -self.integer)
        top = (1 << self.bits - 1) - 1
        axes = reduced_axes(x, self.scale_axis if x.ndim > 1 else None)
        scale = np.abs(x).max(axis=axes, keepdims=True) * np.float32(2)
        scale = scale / np.float32(2 * top)
        if alpha is Alpha.AUTO:
            codes = _nearest(x, scale, top)
        else:
            scale = power_of_two(scale)
            for _ in range(5):
                codes = _nearest(x, scale, top)
                scale = fitted_scale(alpha, x, codes, self.scale_axis)
        whole = Fixed(self.bits, self.bits, True, Rounding.RND_CONV, Overflow.SAT_SYM)
        return constants(codes.astype(np.int64), whole, np.ldexp(scale, self.integer))


def _nearest(x: Single, scale: Single, top: int) -> Single:
    """Steps of ``scale`` in x: to the nearest integer, ties away from zero, of at most ``top``."""
    with np.errstate(invalid="ignore", divide="ignore"):  # a channel of zeros has scale 0
        steps = np.floor(np.abs(x) / scale + np.float32(0.5))
    return np.sign(x) * np.where(steps < top, steps, np.float32(top))


@dataclass(frozen=True)
class QuantizedRelu:
    """max(x, 0), or negative_slope x below 0, on ``bits`` bits, ``integer`` left of the point.

    A slope, a power of two, takes one bit for the sign. ``sigmoid``: of 2 s(x) - 1 in place
    of x, where s is QKeras' hard sigmoid of x / 2**integer, quantised itself; the steps are
    twice as wide then. ``upper_bound`` is below the top, and cuts what comes out.
    """

    bits: int
    integer: int = 0
    negative_slope: float = 0.0
    upper_bound: float | None = None
    sigmoid: bool = False

    @property
    def from_data(self) -> bool:
        """The grid is fixed."""
        return False

    @property
    def output_type(self) -> Fixed:
        """The grid of the values: round to nearest, tie to even, and saturate."""
        signed = self.negative_slope != 0
        return Fixed(self.bits, self.integer + signed, signed, Rounding.RND_CONV, Overflow.SAT)

    @property
    def floor(self) -> float:
        """The least value: -negative_slope * 2**integer."""
        return -self.negative_slope * 2.0**self.integer

    @property
    def _fraction(self) -> int:
        """Bits that are not the sign."""
        return self.bits - (self.negative_slope != 0)

    def quantize(self, x: Real) -> Real:
        """Values of QKeras at inference: a sum of the part above 0 and the part below."""
        slope, top = self.negative_slope, 1 - 2.0**-self._fraction
        y = np.clip(self._part(x, 1.0), 0.0, top)
        if slope:
            y = y + slope * np.clip(self._part(x, slope) / slope, -1.0, 0.0)
        y = np.ldexp(y, self.integer)
        return y if self.upper_bound is None else np.minimum(y, self.upper_bound)

    def _part(self, x: Real, slope: float) -> Real:
        """``slope`` x / 2**integer on the grid, as a conversion of any range gives."""
        x, n = np.ldexp(x, -self.integer), self._fraction
        if not self.sigmoid:
            return np.ldexp(np.rint(np.ldexp(x, n) * slope), -n)
        steps = np.rint(np.ldexp(np.clip(0.5 * x + 0.5, 0.0, 1.0), n) * slope)
        return np.ldexp(2 * steps, -n) - slope

    @property
    def stepped(self) -> bool:
        """Whether nothing but a staircase will do: for slopes that are finer than a step, or
        above 1, and for bounds between the steps beside a slope.
        """
        if not self.negative_slope:
            return self.sigmoid and self._fraction < 2  # where 1/2 is no even number of steps
        plain = 2.0**-self._fraction <= self.negative_slope <= 1 and not self.sigmoid
        return not plain or not self._bound_on_grid

    @property
    def _bound_on_grid(self) -> bool:
        bound = self.upper_bound
        return bound is None or (bound / self.output_type.lsb).is_integer()

    def form(self) -> Form | None:
        """One conversion where that does it."""
        slope, bound, grid = self.negative_slope, self.upper_bound, self.output_type
        if self.stepped:
            return staircase(self.quantize, self._levels())
        if self.sigmoid:
            last = 2.0**self.integer * (1 - 2.0**-self._fraction)
            coarse = replace(grid, integer=grid.integer + 1)
            return Bounded(coarse, last if bound is None else min(bound, last))
        if bound is None and slope in (0, 1):
            return grid
        if bound is None or self._bound_on_grid:
            return Sloped(grid, slope, bound)
        return Bounded(grid, bound)

    def _levels(self) -> Real:
        """All values that can come out, and some that cannot."""
        n, slope = self._fraction, self.negative_slope
        steps = np.arange(-(int(slope) + 1 << n), (1 << n) + 1)
        y = np.concatenate([np.ldexp(steps.astype(np.float64), self.integer - n), [self.floor]])
        if self.sigmoid and slope:
            below = np.clip(2 * np.arange(0, steps.size) / 2.0**n - slope, -slope, 0)
            y = np.concatenate([y, np.ldexp(below, self.integer)])
        return y if self.upper_bound is None else np.append(y, self.upper_bound)

    def codes_and_scale(self, x: Real) -> QuantizedConstants:
        """Codes of ``output_type``, or of a finer one where a bound or a slope is off its grid."""
        values, plain = self.quantize(x), self.output_type
        if not np.array_equal(plain.to_float(plain.from_float(values)), values):
            plain = _holding(values)
        return constants(plain.from_float(values), plain, 1.0)


def _holding(values: Real) -> Fixed:
    """A type that holds values which are few bits wide."""
    whole, fraction = values, 0
    while not (whole == np.rint(whole)).all():
        whole, fraction = whole * 2, fraction + 1
    width = int(np.abs(whole).max()).bit_length() + 1
    return Fixed(width, width - fraction, True, Rounding.RND_CONV, Overflow.SAT)
