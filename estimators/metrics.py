"""How far estimates are from figures that a tool reported."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Real = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Accuracy:
    """Agreement over ``n`` pairs. ``None`` where it is not defined: too few pairs, or one
    that never varies.

    ``smape`` is in percent with one added to its denominator, as the published surrogates
    report it, so that 0 against 0 is no error; ``mdape`` is the median of the absolute
    errors in percent of the figure, over figures that are not 0.
    """

    n: int
    r2: float | None
    smape: float | None
    mdape: float | None
    spearman: float | None

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return asdict(self)


def accuracy(estimated: Real, reported: Real) -> Accuracy:
    """Agreement of two arrays [n]."""
    n = len(reported)
    if n == 0:
        return Accuracy(0, None, None, None, None)
    return Accuracy(
        n,
        _r2(estimated, reported),
        smape(estimated, reported),
        _mdape(estimated, reported),
        _spearman(estimated, reported),
    )


def smape(estimated: Real, reported: Real) -> float:
    """Mean of 200 |e - r| / (|e| + |r| + 1), in percent."""
    error = np.abs(estimated - reported)
    return float(np.mean(200 * error / (np.abs(estimated) + np.abs(reported) + 1)))


def _r2(estimated: Real, reported: Real) -> float | None:
    spread = float(((reported - reported.mean()) ** 2).sum())
    return None if spread == 0 else 1 - float(((estimated - reported) ** 2).sum()) / spread


def _mdape(estimated: Real, reported: Real) -> float | None:
    known = reported != 0
    if not known.any():
        return None
    error = np.abs(estimated[known] - reported[known]) / np.abs(reported[known])
    return float(100 * np.median(error))


def _spearman(estimated: Real, reported: Real) -> float | None:
    """Pearson correlation of the ranks; equal values share their mean rank."""
    a, b = _ranks(estimated), _ranks(reported)
    a, b = a - a.mean(), b - b.mean()
    size = float(np.sqrt((a**2).sum() * (b**2).sum()))
    return None if size == 0 else float((a * b).sum()) / size


def _ranks(values: Real) -> Real:
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    return ((last - counts + 1 + last) / 2)[inverse]
