"""Smooth functions of one real number, with what a table of them must know."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

import numpy as np

from converter.layers.base import Real

SELU_SCALE = 1.0507009873554805
SELU_ALPHA = 1.6732632423543772
"""Klambauer et al., "Self-Normalizing Neural Networks" (2017), to double accuracy."""

_erf = np.frompyfunc(math.erf, 1, 1)


class Kind(Enum):
    """Smooth functions by the names that models call them."""

    SIGMOID = "sigmoid"
    TANH = "tanh"
    SOFTPLUS = "softplus"
    SOFTSIGN = "softsign"
    SWISH = "swish"
    GELU = "gelu"
    GELU_TANH = "gelu_tanh"
    ELU = "elu"
    SELU = "selu"
    MISH = "mish"
    EXPONENTIAL = "exponential"


@dataclass(frozen=True)
class Smooth:
    """A function with lines that it approaches on both sides.

    ``below`` and ``above``: slope and offset of the line towards minus and plus infinity;
    None: it grows faster than any. ``curvature(lo, hi)``: a bound of its second derivative
    between lo and hi, but at 0, where it may have a kink. ``turns``: where it has its local
    extremes. ``limits``: the open range of values of a function that ``auto`` gives it as a
    whole, as (integer bits, sign), whatever the inputs; None: the range over the inputs.
    ``levels``: it rises and stays within its range, so that a table of levels may do.
    """

    evaluate: Callable[[Real], Real]
    below: tuple[float, float]
    above: tuple[float, float] | None
    curvature: Callable[[float, float], float]
    turns: tuple[float, ...] = ()
    limits: tuple[int, bool] | None = None
    levels: bool = False

    def __call__(self, x: Real) -> Real:
        """Elementwise, float64."""
        with np.errstate(over="ignore", under="ignore"):
            return self.evaluate(x)

    def range_over(self, lo: float, hi: float) -> tuple[float, float]:
        """Least and largest value for lo <= x <= hi."""
        inner = [t for t in self.turns if lo < t < hi]
        values = self(np.array([lo, hi, *inner]))
        return float(values.min()), float(values.max())


def sigmoid(x: Real) -> Real:
    """1 / (1 + exp(-x)), by tanh, which never overflows."""
    return 0.5 * np.tanh(0.5 * x) + 0.5


def softplus(x: Real) -> Real:
    """log(1 + exp(x))."""
    return np.maximum(x, 0) + np.log1p(np.exp(-np.abs(x)))


def gelu(x: Real) -> Real:
    """The input times the normal distribution's integral up to x."""
    return 0.5 * x * (1 + _erf(x / math.sqrt(2)).astype(np.float64))


def gelu_tanh(x: Real) -> Real:
    """The approximation of gelu by tanh (Hendrycks and Gimpel, arXiv:1606.08415)."""
    return 0.5 * x * (1 + np.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)))


def elu(x: Real, alpha: float = 1.0) -> Real:
    """The input from 0 on, alpha (exp(x) - 1) below."""
    return np.where(x > 0, x, alpha * np.expm1(np.minimum(x, 0)))


def smooth(kind: Kind, alpha: float = 1.0) -> Smooth:
    """The function ``kind``; ``alpha`` is that of ELU."""
    if kind is Kind.ELU:
        return _elu(alpha)
    return _SMOOTH[kind]


def _elu(alpha: float) -> Smooth:
    return Smooth(
        lambda x: elu(x, alpha), (0.0, -alpha), (1.0, 0.0), _at_most(abs(alpha)), turns=(0.0,)
    )


def _at_most(bound: float) -> Callable[[float, float], float]:
    return lambda *_: bound


_LINE, _ZERO = (1.0, 0.0), (0.0, 0.0)

_SMOOTH: dict[Kind, Smooth] = {
    Kind.SIGMOID: Smooth(
        sigmoid, _ZERO, (0.0, 1.0), _at_most(0.0963), limits=(0, False), levels=True
    ),
    Kind.TANH: Smooth(
        np.tanh, (0.0, -1.0), (0.0, 1.0), _at_most(0.7699), limits=(1, True), levels=True
    ),
    Kind.SOFTPLUS: Smooth(softplus, _ZERO, _LINE, _at_most(0.25)),
    Kind.SOFTSIGN: Smooth(
        lambda x: x / (1 + np.abs(x)), (0.0, -1.0), (0.0, 1.0), _at_most(2.0), limits=(1, True)
    ),
    Kind.SWISH: Smooth(
        lambda x: x * sigmoid(x), _ZERO, _LINE, _at_most(0.5), turns=(-1.2784645427610738,)
    ),
    Kind.GELU: Smooth(gelu, _ZERO, _LINE, _at_most(0.7979), turns=(-0.7517915246935645,)),
    Kind.GELU_TANH: Smooth(gelu_tanh, _ZERO, _LINE, _at_most(0.7980), turns=(-0.7524614220710162,)),
    Kind.SELU: Smooth(
        lambda x: SELU_SCALE * elu(x, SELU_ALPHA),
        (0.0, -SELU_SCALE * SELU_ALPHA),
        (SELU_SCALE, 0.0),
        _at_most(SELU_SCALE * SELU_ALPHA),
    ),
    Kind.MISH: Smooth(
        lambda x: x * np.tanh(softplus(x)),
        _ZERO,
        _LINE,
        _at_most(0.6823),
        turns=(-1.1924312103797103,),
    ),
    Kind.EXPONENTIAL: Smooth(np.exp, _ZERO, None, lambda _, hi: math.exp(min(hi, 700.0))),
}
"""Turns and bounds of curvature are tested against dense samples."""

HARD_SWISH = Smooth(
    lambda x: x * np.clip(x / 6 + 0.5, 0, 1), _ZERO, _LINE, _at_most(1 / 3), turns=(-3.0, -1.5)
)
"""With kinks at -3 and 3: for its range, not for a table."""
