"""Staircases of functions that rise or fall, found by bisection over doubles."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from converter.layers.base import Real
from converter.layers.quantizers import Staircase

Keys = npt.NDArray[np.int64]

MAX_STAIRCASE_BITS = 12
"""Of quantizers that are no conversions: as many comparisons, or entries of a table, as levels."""

FAR = 2.0**800
"""Beyond every input; functions are constant there, or saturate long before."""


def staircase(
    function: Callable[[Real], Real], levels: Sequence[float] | Real, turns: Sequence[float] = ()
) -> Staircase:
    """The steps of a function that takes no other values than ``levels``.

    Between neighbouring ``turns`` (and from -FAR, up to FAR) it rises or falls. Each
    threshold is the least double with the value of its step: exact with respect to
    ``function`` in float64.
    """
    ends = [-FAR, *turns, FAR]
    thresholds: list[float] = []
    for start, stop in pairwise(ends):
        thresholds += _steps(function, np.unique(levels), start, stop)
    values = function(np.array([-FAR, *thresholds]))
    kept = [i for i in range(1, len(values)) if values[i] != values[i - 1]]
    return Staircase(
        tuple(thresholds[i - 1] for i in kept), tuple(float(values[i]) for i in (0, *kept))
    )


def _steps(
    function: Callable[[Real], Real], levels: Real, start: float, stop: float
) -> list[float]:
    """Thresholds in (start, stop], rising."""
    first, last = function(np.array([start, stop]))
    sign = 1.0 if last >= first else -1.0
    wanted = np.sort(sign * levels)
    wanted = wanted[(wanted > sign * first) & (wanted <= sign * last)]
    low, high = (np.full(len(wanted), k) for k in _keys(np.array([start, stop])))
    while (high > low + 1).any():
        middle = (low >> 1) + (high >> 1) + (low & high & 1)  # the sum of both may overflow
        reached = sign * function(_doubles(middle)) >= wanted
        low, high = np.where(reached, low, middle), np.where(reached, middle, high)
    return [float(t) for t in np.unique(_doubles(high))]


def _keys(values: Real) -> Keys:
    """Integers in the order of doubles; neighbours are next to each other."""
    bits = values.astype(np.float64).view(np.int64)
    return np.where(bits < 0, np.int64(-(1 << 63)) - bits, bits)


def _doubles(keys: Keys) -> Real:
    bits = np.where(keys < 0, np.int64(-(1 << 63)) - keys, keys)
    return bits.view(np.float64)
