"""What a quantizer answers: values in real numbers, and how to compute them in integers.

The semantics are those of QKeras 0.9 at inference (its ``quantizers.py``): ``integer`` does
not count the sign, a ``quantized_bits`` of b bits with i integer bits has the step 2**(i+1-b),
also for i >= b, and rounding is to nearest, tie to even. QKeras gives its values as
``x + (q - x)`` in float32 (the straight-through estimator), which can cost it the last bits
of q; here they are q itself. Smooth functions and logarithms are evaluated in float64: within
some float32 units in the last place of a step, QKeras' own float32 may take the other side.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from math import frexp
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from converter.layers.base import Real
from converter.types import Codes, Fixed

Single = npt.NDArray[np.float32]

EPSILON = np.float32(1e-7)
"""Keras' epsilon, which QKeras adds to what it divides by or takes the logarithm of."""


class Alpha(Enum):
    """Ways to fit a quantizer's scale to weights, one factor per output channel."""

    AUTO = "auto"  # least squares
    AUTO_PO2 = "auto_po2"  # the power of two next to it


@dataclass(frozen=True)
class Factors:
    """A factor alpha given as an array that is broadcast: row-major ``values`` of ``shape``."""

    values: tuple[float, ...]
    shape: tuple[int, ...]

    @property
    def array(self) -> Real:
        """The factors in their shape."""
        return np.array(self.values).reshape(self.shape)

    @property
    def inverse(self) -> Factors:
        """Their reciprocals."""
        return Factors(tuple(1 / v for v in self.values), self.shape)

    @property
    def dyadic(self) -> bool:
        """All are powers of two."""
        return all(is_power_of_two(v) for v in self.values)


Scale = float | Alpha | Factors
"""A factor for all, a way to fit it, or an array."""


@dataclass(frozen=True, eq=False)
class QuantizedConstants:
    """Constants in integers: value = type.to_float(codes) * scale.

    ``codes``: int64 (object above 62 bits), the shape of the tensor, of the least ``type`` that
    the quantizer guarantees. ``scale``: float64, broadcast against ``codes``: all ones
    of shape [1] where the codes say it all, else one factor per index of the last axis, or of
    the shape of ``codes`` where factors differ along other axes, too. ``exponents``: log2 of
    each scale where all are powers of two, else None.
    """

    codes: Codes
    type: Fixed
    scale: Real
    exponents: tuple[int, ...] | None

    @property
    def values(self) -> Real:
        """Real values."""
        return self.type.to_float(self.codes) * self.scale


@dataclass(frozen=True)
class Staircase:
    """y = levels[number of thresholds that x reaches]; x reaches t when x >= t.

    ``thresholds`` rise; they are doubles, so that the least code of an input type that
    reaches t is ceil(t * 2**fraction), exactly. A jump just above t is at the next double.
    """

    thresholds: tuple[float, ...]
    levels: tuple[float, ...]


@dataclass(frozen=True)
class Scaled:
    """y = grid(x before) factor + offset, but without an offset for an array of factors."""

    grid: Fixed
    factor: float | Factors = 1.0
    offset: float = 0.0
    before: Factors | None = None


@dataclass(frozen=True)
class Bounded:
    """y = min(grid(x), top), ``top`` being off the grid."""

    grid: Fixed
    top: float


@dataclass(frozen=True)
class Sloped:
    """The conversion to ``grid`` of x above 0, and of max(slope x, -slope 2**integer) below,
    which ``top`` holds down; ``slope`` and ``top`` are on the grid.
    """

    grid: Fixed
    slope: float
    top: float | None


@dataclass(frozen=True)
class Coded:
    """y = levels[code of x in grid - the least code of grid]."""

    grid: Fixed
    levels: tuple[float, ...]


Form = Fixed | Scaled | Bounded | Sloped | Coded | Staircase
"""How a quantizer is computed for any real number; a type alone: by a conversion to it."""


class Quantizer(Protocol):
    """A quantizer with its arguments: a frozen dataclass."""

    @property
    def from_data(self) -> bool:
        """True where the scale comes from the tensor itself: right for weights only."""

    def quantize(self, x: Real) -> Real:
        """Values of QKeras at inference, of the shape of ``x``."""

    def form(self) -> Form | None:
        """How to compute it, exactly; None where the scale comes from the tensor."""

    def codes_and_scale(self, x: Real) -> QuantizedConstants:
        """Weights in integers; the values equal ``quantize(x)``."""


def constants(codes: Codes, grid: Fixed, scale: float | Single | Real) -> QuantizedConstants:
    """Codes with one scale for all, one per channel (the last axis), or one per element."""
    factors = np.atleast_1d(np.asarray(scale, dtype=np.float64))
    if max(factors.shape[:-1], default=1) == 1:
        factors = factors.reshape(-1)
    else:
        factors = _per_channel(np.broadcast_to(factors, codes.shape))
    mantissas, exponents = np.frexp(factors)
    dyadic = bool((mantissas == 0.5).all())
    logs = tuple(int(e) - 1 for e in exponents.ravel()) if dyadic else None
    return QuantizedConstants(codes, grid, factors, logs)


def _per_channel(factors: Real) -> Real:
    """One factor per index of the last axis where the others do not matter."""
    rows = factors.reshape(-1, factors.shape[-1])
    return rows[0] if (rows == rows[0]).all() else factors


def is_power_of_two(value: float) -> bool:
    """True for 2**k, k any integer."""
    return frexp(value)[0] == 0.5


def reduced_axes(x: npt.NDArray[Any], axis: int | None = None) -> tuple[int, ...]:
    """The axes that share a scale: all but ``axis``, or but the last, the output channels'.

    A negative ``axis`` leaves out none, as in QKeras.
    """
    kept = x.ndim - 1 if axis is None else axis
    return (*range(kept), *range(kept + 1, x.ndim)) or (0,)


def power_of_two(scale: Single) -> Single:
    """The power of two next to each scale, by its logarithm; zero gives 2**-23."""
    log2 = np.log(scale + EPSILON) / np.float32(np.log(2.0))
    return np.exp2(np.rint(log2)).astype(np.float32)


def fitted_scale(alpha: Alpha, x: Single, q: Single, axis: int | None = None) -> Single:
    """The factor s of least squares |x - s q| per channel; per element for a vector.

    QKeras sums in float32 in an order that TensorFlow chooses; here the mean is the
    rounded exact one, which differs by some units in the last place.
    """
    products, squares = x * q, q * q
    if x.ndim > 1:
        axes = reduced_axes(x, axis)
        products = products.mean(axis=axes, keepdims=True, dtype=np.float64)
        squares = squares.mean(axis=axes, keepdims=True, dtype=np.float64)
    scale = products.astype(np.float32) / (squares.astype(np.float32) + EPSILON)
    return power_of_two(scale) if alpha is Alpha.AUTO_PO2 else scale
