"""QKeras' quantizers with equal steps: quantized_bits and quantized_relu."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from converter.layers.base import Real
from converter.layers.quantizers import (
    Alpha,
    QuantizedConstants,
    Single,
    Staircase,
    constants,
    fitted_scale,
    power_of_two,
    reduced_axes,
)
from converter.types import Fixed, Overflow, Rounding


@dataclass(frozen=True)
class QuantizedBits:
    """``bits`` bits, the sign among them if ``keep_negative``, ``integer`` left of the point
    beside the sign; the least code is left out if ``symmetric``. At least one bit is
    not the sign.

    ``alpha``: a factor of the result, or the way to fit one per output channel to the
    weights; then the codes are symmetric and the sign is always kept.
    """

    bits: int
    integer: int = 0
    symmetric: bool = False
    keep_negative: bool = True
    alpha: float | Alpha = 1.0

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

    def fixed_type(self) -> Fixed | None:
        """The grid, where there is no factor."""
        return self.grid if self.alpha == 1.0 else None

    def staircase(self) -> Staircase | None:
        """None: the steps are equal."""
        return None

    def codes_and_scale(self, x: Real) -> QuantizedConstants:
        """Codes of the grid and ``alpha``; or symmetric integers and one scale per channel."""
        if isinstance(self.alpha, Alpha):
            return self._fitted(x.astype(np.float32), self.alpha)
        return constants(self.grid.from_float(x), self.grid, self.alpha)

    def _fitted(self, x: Single, alpha: Alpha) -> QuantizedConstants:
        """In float32 and step by step as QKeras does, so that the same codes come out."""
        x = np.ldexp(x, -self.integer)
        top = (1 << self.bits - 1) - 1
        scale = np.abs(x).max(axis=reduced_axes(x), keepdims=True) * np.float32(2)
        scale = scale / np.float32(2 * top)
        if alpha is Alpha.AUTO:
            codes = _nearest(x, scale, top)
        else:
            scale = power_of_two(scale)
            for _ in range(5):
                codes = _nearest(x, scale, top)
                scale = fitted_scale(alpha, x, codes)
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

    A slope takes one bit for the sign; it is a power of two of at most 1, and
    ``negative_slope * 2**(bits - 1)`` is at least 1. ``upper_bound`` is on the grid and below
    its top. The value is ``output_type`` converted from x (from negative_slope x below 0),
    and then held between ``floor`` and ``upper_bound``.
    """

    bits: int
    integer: int = 0
    negative_slope: float = 0.0
    upper_bound: float | None = None

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

    def quantize(self, x: Real) -> Real:
        """Values of QKeras at inference."""
        grid = self.output_type
        y = np.where(x < 0, self.negative_slope * x, x)
        y = np.maximum(grid.to_float(grid.from_float(y)), self.floor)
        return y if self.upper_bound is None else np.minimum(y, self.upper_bound)

    def fixed_type(self) -> Fixed | None:
        """The grid, where a conversion to it does all: no bound, and a slope of 0 or 1."""
        plain = self.upper_bound is None and self.negative_slope in (0, 1)
        return self.output_type if plain else None

    def staircase(self) -> Staircase | None:
        """None: the steps are equal."""
        return None

    def codes_and_scale(self, x: Real) -> QuantizedConstants:
        """Codes of ``output_type``."""
        plain = replace(self.output_type, overflow=Overflow.SAT)
        return constants(plain.from_float(self.quantize(x)), plain, 1.0)
