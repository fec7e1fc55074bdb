"""Scales on which designs are compared: volumes and samplers see these, users do not.

A factor of two in latency counts the same at 10 cycles and at 1000, and a tenth of the
resources the same on a large part and a small one: hence log2 of cycles and log10 of
resources. The loss is linear. Everything is minimised.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

from converter.errors import ConfigError

Values = npt.NDArray[np.float64]

LEAST_SHARE = 1e-6
"""Of the part; less is as good as nothing, and has no logarithm of use."""


def _cycles(values: Values) -> Values:
    return np.asarray(np.log2(np.maximum(values, 1.0)))


def _share(values: Values) -> Values:
    return np.asarray(np.log10(np.maximum(values, LEAST_SHARE)))


def _count(values: Values) -> Values:
    """log10 of one more, since a design may well use none."""
    return np.asarray(np.log10(1.0 + values))


def _linear(values: Values) -> Values:
    return values


SCALES: dict[str, Callable[[Values], Values]] = {
    "accuracy": _linear,  # as a loss
    "latency": _cycles,
    "interval": _cycles,
    "resources": _share,
    "lut": _count,
    "ff": _count,
    "dsp": _count,
    "bram": _count,
    "uram": _count,
}
"""By the names of objectives."""


def scaled(objectives: Sequence[str], values: npt.ArrayLike) -> Values:
    """Figures [n, objectives] on the scales of ``SCALES``."""
    unknown = [o for o in objectives if o not in SCALES]
    if unknown:
        raise ConfigError(f"{unknown[0]}: no such objective; there are: {', '.join(SCALES)}")
    table = np.asarray(values, dtype=np.float64).reshape(-1, len(objectives))
    return np.stack([SCALES[o](table[:, i]) for i, o in enumerate(objectives)], axis=1)


def least(objectives: Sequence[str], vectors: npt.ArrayLike) -> tuple[float, ...]:
    """What one precision setting can reach at best in each hardware objective, on their scales.

    ``vectors``: its hardware front [n, objectives], n >= 1. Few numbers, for samplers that
    want one vector per setting.
    """
    return tuple(float(v) for v in scaled(objectives, vectors).min(axis=0))


def reference(points: npt.ArrayLike) -> Values:
    """A reference point for hypervolumes [m]: a tenth of the spread above the worst of ``points``.

    Taken once, from the first settings (the ladder), and kept: volumes of one run are only
    comparable under one reference.
    """
    table = np.asarray(points, dtype=np.float64)
    spread = table.max(axis=0) - table.min(axis=0)
    return np.asarray(table.max(axis=0) + np.where(spread > 0, 0.1 * spread, 0.1))
