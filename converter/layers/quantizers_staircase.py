"""QKeras' quantizers with few levels: binary, ternary, and powers of two."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf, nextafter

import numpy as np

from converter.layers.base import Real
from converter.layers.quantizers import (
    EPSILON,
    Alpha,
    Form,
    QuantizedConstants,
    Single,
    Staircase,
    constants,
    fitted_scale,
    power_of_two,
    reduced_axes,
)
from converter.types import Fixed, Overflow, Rounding

UNIT = Fixed(2, 2, True, Rounding.RND_CONV, Overflow.SAT_SYM)
"""-1, 0 and 1."""


@dataclass(frozen=True)
class Binary:
    """-alpha below 0, else alpha; with ``zero_one`` 0 in place of -alpha."""

    zero_one: bool = False
    alpha: float | Alpha = 1.0

    @property
    def from_data(self) -> bool:
        """True where the scale is fitted."""
        return isinstance(self.alpha, Alpha)

    def quantize(self, x: Real) -> Real:
        """Values of QKeras at inference."""
        return self.codes_and_scale(x).values

    def form(self) -> Form | None:
        """One step, at 0."""
        if isinstance(self.alpha, Alpha):
            return None
        return Staircase((0.0,), (0.0 if self.zero_one else -self.alpha, self.alpha))

    def codes_and_scale(self, x: Real) -> QuantizedConstants:
        """Codes -1 (or 0) and 1."""
        single = x.astype(np.float32)
        codes = np.where(single < 0, np.int64(0 if self.zero_one else -1), np.int64(1))
        grid = Fixed(1, 1, False, UNIT.rounding, Overflow.SAT) if self.zero_one else UNIT
        if isinstance(self.alpha, Alpha):
            scale = fitted_scale(self.alpha, single, codes.astype(np.float32))
            return constants(codes, grid, scale)
        return constants(codes, grid, self.alpha)


@dataclass(frozen=True)
class Sign:
    """1 above 0, else ``low``: QKeras' functions binary_sigmoid and binary_tanh."""

    low: float

    @property
    def from_data(self) -> bool:
        """The levels are fixed."""
        return False

    def quantize(self, x: Real) -> Real:
        """Values of QKeras at inference."""
        return np.where(x > 0, 1.0, self.low)

    def form(self) -> Form | None:
        """One step, just above 0: a half is rounded to the even 0."""
        return Staircase((nextafter(0.0, inf),), (self.low, 1.0))

    def codes_and_scale(self, x: Real) -> QuantizedConstants:
        """Codes ``low`` and 1."""
        return constants(self.quantize(x).astype(np.int64), UNIT, 1.0)


@dataclass(frozen=True)
class Ternary:
    """alpha from ``threshold`` up, -alpha from -threshold down, 0 between them.

    With a fitted alpha the threshold is half the scale, after ``unrolls`` rounds of fitting.
    """

    alpha: float | Alpha = 1.0
    threshold: float = float(np.float32(0.33))
    unrolls: int = 5

    @property
    def from_data(self) -> bool:
        """True where the scale is fitted."""
        return isinstance(self.alpha, Alpha)

    def quantize(self, x: Real) -> Real:
        """Values of QKeras at inference."""
        return self.codes_and_scale(x).values

    def form(self) -> Form | None:
        """Steps just above -threshold, and at the threshold; 0 itself always gives 0."""
        if isinstance(self.alpha, Alpha):
            return None
        t = self.threshold
        steps = (nextafter(-t, inf), t) if t > 0 else (0.0, nextafter(0.0, inf))
        return Staircase(steps, (-self.alpha, 0.0, self.alpha))

    def codes_and_scale(self, x: Real) -> QuantizedConstants:
        """Codes -1, 0 and 1."""
        single = x.astype(np.float32)
        if isinstance(self.alpha, Alpha):
            codes, scale = self._fit(single, self.alpha)
            return constants(codes.astype(np.int64), UNIT, scale)
        codes = np.where(np.abs(single) >= np.float32(self.threshold), np.sign(single), 0)
        return constants(codes.astype(np.int64), UNIT, self.alpha)

    def _fit(self, x: Single, alpha: Alpha) -> tuple[Single, Single]:
        scale = 2 * np.abs(x).max(axis=reduced_axes(x), keepdims=True) / np.float32(3)
        if alpha is Alpha.AUTO_PO2:
            scale = power_of_two(scale)
        for _ in range(self.unrolls):
            with np.errstate(invalid="ignore", divide="ignore"):  # a channel of zeros
                steps = scale * np.rint(x / scale)
            codes = np.where(np.abs(steps) >= scale / np.float32(2), np.sign(x), np.float32(0))
            scale = fitted_scale(alpha, x, codes)
        return codes, scale


@dataclass(frozen=True)
class PowerOfTwo:
    """The sign of x (0 counts as positive) times 2**e, e next to log2 |x| and in
    [min_exponent, max_exponent]; or 2**(2 e), e next to log2 |x| / 2, if ``quadratic``.

    ``floor``: e is not above the logarithm, rather than next to it. Magnitudes below 1e-7 give
    e = min_exponent whatever it is, as in QKeras, and not twice that, either.
    ``rectified``: negative x count as 0, or by ``negative_slope`` x where that is not 0.

    Most steps lie at 2**(e + 1/2), which no number of a machine is. Where they are powers of
    two, by ``floor`` or ``quadratic``, QKeras takes float32 logarithms, and for some of the
    powers (2**13, 2**15, 2**26, 2**-13 and beyond) these come out on the other side,
    depending on the place in the tensor; here the step is exact, a tie going to the even e.
    """

    min_exponent: int
    max_exponent: int
    rectified: bool = False
    negative_slope: float = 0.0
    floor: bool = False
    quadratic: bool = False

    @property
    def from_data(self) -> bool:
        """The levels are fixed."""
        return False

    def quantize(self, x: Real) -> Real:
        """Values of QKeras at inference."""
        stairs = self.form()
        return np.array(stairs.levels)[np.searchsorted(stairs.thresholds, x, side="right")]

    def form(self) -> Staircase:
        """Mirrored at 0 unless rectified; steps of the negative side are at the next double."""
        up, exponents = self._magnitudes()
        levels = tuple(2.0**e for e in exponents)
        if self.rectified and not self.negative_slope:
            return Staircase(up, levels)
        slope = self.negative_slope if self.rectified else 1.0
        down = tuple(nextafter(-t / slope, inf) for t in reversed(up))
        return Staircase((*down, 0.0, *up), (*(-v for v in reversed(levels)), *levels))

    def _magnitudes(self) -> tuple[tuple[float, ...], list[int]]:
        """Steps and exponents for rising |x|."""
        tiny, times = float(EPSILON), 1 + self.quadratic
        least = np.log2(tiny) / times
        start = int(np.floor(least) if self.floor else np.rint(least))
        start = min(max(self.min_exponent, start), self.max_exponent)
        exponents = range(start, self.max_exponent + 1)
        steps = [self._step(e) for e in exponents[1:]]
        powers = [times * e for e in exponents]
        if powers[0] == self.min_exponent:
            return tuple(steps), powers
        return (tiny, *steps), [self.min_exponent, *powers]

    def _step(self, e: int) -> float:
        """The least magnitude that gives e."""
        if self.floor:
            return 2.0 ** (e * (1 + self.quadratic))
        if not self.quadratic:
            return 2.0 ** (e - 0.5)
        tie = 2.0 ** (2 * e - 1)
        return tie if e % 2 == 0 else nextafter(tie, inf)

    def codes_and_scale(self, x: Real) -> QuantizedConstants:
        """Signed codes from the least exponent that occurs."""
        values = self.quantize(x)
        exponents = np.frexp(values)[1] - 1
        low, high = int(exponents.min()), int(exponents.max())
        grid = Fixed(high - low + 2, high + 2, True, Rounding.RND_CONV, Overflow.SAT_SYM)
        return constants(grid.from_float(values), grid, 1.0)
