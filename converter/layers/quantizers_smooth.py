"""QKeras' quantizers of functions: tanh, sigmoid, mu-law, and the hard swish.

Where nothing else is said, their sigmoid is QKeras' own hard one, clip(x / 2 + 1/2, 0, 1), and
tanh is 2 sigmoid(x) - 1, which is clip(x, -1, 1): the default of its ``set_internal_sigmoid``,
which no model file records.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from converter.layers.base import Real
from converter.layers.quantizers import (
    Coded,
    Form,
    QuantizedConstants,
    Scaled,
    constants,
)
from converter.layers.quantizers_bisection import staircase
from converter.layers.quantizers_uniform import QuantizedBits
from converter.types import Fixed, Overflow, Rounding

LEVEL_WIDTH = 18
"""Bits of a level that is no whole number of steps: as one operand of a hardware multiplier."""


def hard_sigmoid(x: Real) -> Real:
    """QKeras' hard sigmoid, whose slope is 1/2 where Keras' own is 1/5."""
    return np.clip(0.5 * x + 0.5, 0.0, 1.0)


@dataclass(frozen=True)
class QuantizedTanh:
    """tanh on ``bits`` bits with the sign; the hard one, or the ``real`` one in float64."""

    bits: int
    symmetric: bool = False
    real: bool = False

    @property
    def from_data(self) -> bool:
        """The levels are fixed."""
        return False

    @property
    def grid(self) -> Fixed:
        """Of the values: [-1, 1)."""
        overflow = Overflow.SAT_SYM if self.symmetric else Overflow.SAT
        return Fixed(self.bits, 1, True, Rounding.RND_CONV, overflow)

    def quantize(self, x: Real) -> Real:
        """Values of QKeras at inference."""
        return self.codes_and_scale(x).values

    def form(self) -> Form | None:
        """The hard one is nothing but a conversion."""
        if not self.real:
            return self.grid
        return staircase(self.quantize, _values(self.grid))

    def codes_and_scale(self, x: Real) -> QuantizedConstants:
        """Codes of the grid."""
        return constants(self.grid.from_float(np.tanh(x) if self.real else x), self.grid, 1.0)


@dataclass(frozen=True)
class QuantizedSigmoid:
    """sigmoid on ``bits`` bits; 0 is left out if ``symmetric``. The hard one, or the ``real`` one
    in float64.
    """

    bits: int
    symmetric: bool = False
    real: bool = False

    @property
    def from_data(self) -> bool:
        """The levels are fixed."""
        return False

    @property
    def grid(self) -> Fixed:
        """Of the values: [0, 1)."""
        return Fixed(self.bits, 0, False, Rounding.RND_CONV, Overflow.SAT)

    def quantize(self, x: Real) -> Real:
        """Values of QKeras at inference."""
        return self.codes_and_scale(x).values

    def form(self) -> Form | None:
        """The hard one is half a hard tanh of as many bits, and 1/2."""
        if self.real or self.bits == 1:  # of one bit, a half is no even number of steps
            return staircase(self.quantize, _values(self.grid))
        tanh = QuantizedTanh(self.bits, self.symmetric)
        return Scaled(tanh.grid, 0.5, 0.5)

    def codes_and_scale(self, x: Real) -> QuantizedConstants:
        """Codes of the grid."""
        y = 0.5 * np.tanh(0.5 * x) + 0.5 if self.real else hard_sigmoid(x)
        codes = np.maximum(self.grid.from_float(y), int(self.symmetric))
        return constants(codes, self.grid, 1.0)


@dataclass(frozen=True)
class QuantizedUlaw:
    """The mu-law of 2 s(x / 2**integer) - 1, where s is the hard sigmoid on ``bits`` - 1 bits.

    The levels, sign(r) log(1 + u |r|) / log(1 + u), are rounded to ``LEVEL_WIDTH`` bits.
    """

    bits: int
    integer: int = 0
    symmetric: bool = False
    u: float = 255.0

    @property
    def from_data(self) -> bool:
        """The levels are fixed."""
        return False

    @property
    def level_type(self) -> Fixed:
        """Of the values: [-2**integer, 2**integer)."""
        return Fixed(LEVEL_WIDTH, self.integer + 1, True, Rounding.RND, Overflow.SAT)

    @property
    def _steps(self) -> float:
        return 2.0 ** (self.bits - 1)

    def quantize(self, x: Real) -> Real:
        """Values of QKeras at inference, rounded."""
        return self.codes_and_scale(x).values

    def form(self) -> Form | None:
        """A conversion to the steps of the sigmoid, and a table of their levels."""
        if self.bits < 3:  # where 1/2 is no even number of steps
            ratios = 2 * np.arange(self._steps + 1) / self._steps - 1
            t = self.level_type
            return staircase(self.quantize, t.to_float(t.from_float(self._level(ratios))))
        grid = Fixed(self.bits, self.integer + 2, True, Rounding.RND_CONV, Overflow.SAT)
        return Coded(grid, tuple(self.quantize(_values(grid)).tolist()))

    def codes_and_scale(self, x: Real) -> QuantizedConstants:
        """Codes of ``level_type``."""
        steps = np.rint(hard_sigmoid(np.ldexp(x, -self.integer)) * self._steps)
        level = self._level(2 * steps / self._steps - 1)
        return constants(self.level_type.from_float(level), self.level_type, 1.0)

    def _level(self, ratio: Real) -> Real:
        curve = np.sign(ratio) * np.log1p(self.u * np.abs(ratio)) / np.log1p(self.u)
        low, high = -1 + self.symmetric / self._steps, 1 - 1 / self._steps
        return np.ldexp(np.clip(curve, low, high), self.integer)


@dataclass(frozen=True)
class QuantizedHswish:
    """``inner`` of x min(max(x + shift, 0), bound) / bound: of the hard swish for 3 and 6."""

    inner: QuantizedBits
    shift: float = 3.0
    bound: float = 6.0

    @property
    def from_data(self) -> bool:
        """True where the scale of ``inner`` is."""
        return self.inner.from_data

    def quantize(self, x: Real) -> Real:
        """Values of QKeras at inference."""
        return self.inner.quantize(self.function(x))

    def function(self, x: Real) -> Real:
        """What is quantised: 0 up to -shift, then falling, then rising."""
        return x * np.clip(x + self.shift, 0.0, self.bound) / self.bound

    def form(self) -> Form | None:
        """The steps on both sides of the least value."""
        if not isinstance(self.inner.alpha, float):
            return None
        grid, turn = self.inner.grid, min(-self.shift / 2, self.bound - self.shift)
        far = 2 * max(-grid.min, grid.max)  # beyond it, all saturates
        return staircase(
            lambda x: self.inner.quantize(np.clip(self.function(x), -far, far)),
            _values(grid) * self.inner.alpha,
            (turn,),
        )

    def codes_and_scale(self, x: Real) -> QuantizedConstants:
        """Those of ``inner``."""
        return self.inner.codes_and_scale(self.function(x))


def _values(grid: Fixed) -> Real:
    """All values of a type, rising from that of the least code that its bits spell."""
    low, high = grid.ends
    return grid.to_float(np.arange(low, high + 1))
