"""What a quantizer answers: values in real numbers, and how to compute them in integers.

The semantics are those of QKeras 0.9 at inference (its ``quantizers.py``): ``integer`` does
not count the sign, a ``quantized_bits`` of b bits with i integer bits has the step 2**(i+1-b),
also for i >= b, and rounding is to nearest, tie to even. QKeras gives its values as
``x + (q - x)`` in float32 (the straight-through estimator), which can cost it the last bits
of q; here they are q itself.
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


@dataclass(frozen=True, eq=False)
class QuantizedConstants:
    """Constants in integers: value = type.to_float(codes) * scale.

    ``codes``: int64 (object above 62 bits), the shape of the tensor, of the least ``type`` that
    the quantizer guarantees. ``scale``: float64, broadcast against ``codes``: all ones
    of shape [1] where the codes say it all, else one factor per output channel, [units].
    ``exponents``: log2 of each scale where all are powers of two, else None.
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


class Quantizer(Protocol):
    """A quantizer with its arguments: a frozen dataclass."""

    @property
    def from_data(self) -> bool:
        """True where the scale comes from the tensor itself: right for weights only."""

    def quantize(self, x: Real) -> Real:
        """Values of QKeras at inference, of the shape of ``x``."""

    def fixed_type(self) -> Fixed | None:
        """The type whose conversion from any real number is this quantizer.

        None where there is none: see ``staircase``, and for a rectifier with a slope or
        a bound ``converter.layers.quantizers_uniform.QuantizedRelu``.
        """

    def staircase(self) -> Staircase | None:
        """Thresholds and levels of binary, ternary and power-of-two quantizers, else None."""

    def codes_and_scale(self, x: Real) -> QuantizedConstants:
        """Weights in integers; the values equal ``quantize(x)``."""


def constants(codes: Codes, grid: Fixed, scale: float | Single) -> QuantizedConstants:
    """Codes with one scale for all, or with one per channel (the last axis)."""
    factors = np.atleast_1d(np.squeeze(np.asarray(scale, dtype=np.float64)))
    mantissas, exponents = np.frexp(factors)
    dyadic = bool((mantissas == 0.5).all())
    return QuantizedConstants(
        codes, grid, factors, tuple(int(e) - 1 for e in exponents) if dyadic else None
    )


def is_power_of_two(value: float) -> bool:
    """True for 2**k, k any integer."""
    return frexp(value)[0] == 0.5


def reduced_axes(x: npt.NDArray[Any]) -> tuple[int, ...]:
    """The axes that share a scale: all but the output channels', which is the last."""
    return tuple(range(x.ndim - 1)) or (0,)


def power_of_two(scale: Single) -> Single:
    """The power of two next to each scale, by its logarithm; zero gives 2**-23."""
    log2 = np.log(scale + EPSILON) / np.float32(np.log(2.0))
    return np.exp2(np.rint(log2)).astype(np.float32)


def fitted_scale(alpha: Alpha, x: Single, q: Single) -> Single:
    """The factor s of least squares |x - s q| per channel; per element for a vector.

    QKeras sums in float32 in an order that TensorFlow chooses; here the mean is the
    rounded exact one, which differs by some units in the last place.
    """
    products, squares = x * q, q * q
    if x.ndim > 1:
        axes = reduced_axes(x)
        products = products.mean(axis=axes, keepdims=True, dtype=np.float64)
        squares = squares.mean(axis=axes, keepdims=True, dtype=np.float64)
    scale = products.astype(np.float32) / (squares.astype(np.float32) + EPSILON)
    return power_of_two(scale) if alpha is Alpha.AUTO_PO2 else scale
