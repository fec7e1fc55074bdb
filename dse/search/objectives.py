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
from dse.pareto import hypervolume

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

HORIZON = {
    "latency": 16.0,  # 65,536 cycles
    "interval": 16.0,
    "resources": 0.0,  # the whole part
    "lut": 7.0,  # more than any part has
    "ff": 7.0,
    "dsp": 4.5,
    "bram": 4.5,
    "uram": 4.5,
}
"""The worst that counts, on the scales of ``SCALES``; the same for every run."""

_SAMPLE = 64


def scaled(objectives: Sequence[str], values: npt.ArrayLike) -> Values:
    """Figures [n, objectives] on the scales of ``SCALES``."""
    unknown = [o for o in objectives if o not in SCALES]
    if unknown:
        raise ConfigError(f"{unknown[0]}: no such objective; there are: {', '.join(SCALES)}")
    table = np.asarray(values, dtype=np.float64).reshape(-1, len(objectives))
    return np.stack([SCALES[o](table[:, i]) for i, o in enumerate(objectives)], axis=1)


def worth(objectives: Sequence[str], vectors: npt.ArrayLike) -> float:
    """How good the hardware front of one precision setting is as a whole, to be minimised.

    ``vectors``: the front's figures [n, objectives]. The negative of the volume that it
    dominates below ``HORIZON``: one number, which samplers make more of than of the
    least latency and the least resources, which are far apart and say little of what is
    between. Of fronts in over three objectives a sample of ``_SAMPLE`` designs speaks.
    """
    points = scaled(objectives, vectors)
    if len(objectives) > 3 and len(points) > _SAMPLE:
        points = points[np.linspace(0, len(points) - 1, _SAMPLE).round().astype(np.int64)]
    return -hypervolume(points, [HORIZON[o] for o in objectives])


def reference(points: npt.ArrayLike) -> Values:
    """A reference point for hypervolumes [m]: a tenth of the spread above the worst of ``points``.

    Taken once, from the first settings (the ladder), and kept: volumes of one run are only
    comparable under one reference.
    """
    table = np.asarray(points, dtype=np.float64)
    spread = table.max(axis=0) - table.min(axis=0)
    return np.asarray(table.max(axis=0) + np.where(spread > 0, 0.1 * spread, 0.1))
