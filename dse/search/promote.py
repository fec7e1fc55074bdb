"""Which design to synthesise next.

Pure functions on points on the scales of ``dse.search.objectives``, all minimised. A
promotion is worth the volume that the estimated design would add to the front of what is
measured and what is under way. Estimates are wrong where nothing was measured yet, so one
promotion in five goes to the design farthest from all that were promoted.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from dse.pareto import hypervolume_improvement

Points = npt.NDArray[np.float64]

EXPLORE_EVERY = 5
"""Of so many promotions the last one explores."""


@dataclass(frozen=True, eq=False)
class Pool:
    """Estimated designs: ``points`` [n, m] scaled; ``keys`` [n] name each design, so that none is
    promoted twice; ``spread`` [m]: typical error of an estimate on the same scales, or 0;
    ``seconds`` [n]: expected time of each synthesis, where that is to count.
    """

    points: Points
    keys: Sequence[Hashable]
    spread: Points | None = None
    seconds: Points | None = None


@dataclass(frozen=True)
class Choice:
    """Position in the pool; ``gain``: expected volume; ``explores``: chosen to learn."""

    index: int
    gain: float
    explores: bool


def choose(
    pool: Pool,
    promoted: Sequence[Hashable],
    front: npt.ArrayLike,
    reference: Sequence[float],
    number: int,
) -> Choice | None:
    """The design to synthesise as promotion ``number`` (from 0), or None where none is left.

    Where times are known, volume per second decides: small designs come first, and soon a
    front is there. ``promoted``: keys that were or are being synthesised. ``front`` [k, m]:
    points of the measured designs, and the estimates of those under way. Where no design is
    expected to add volume, the one that explores is taken: what is estimated to lose may yet win.
    """
    done = set(promoted)
    open_ = np.array([i for i, key in enumerate(pool.keys) if key not in done], dtype=np.int64)
    if not len(open_):
        return None
    known = np.asarray(front, dtype=np.float64).reshape(-1, len(reference))
    gains = expected_gains(pool.points[open_], known, reference, pool.spread)
    explores = len(known) > 0 and (number % EXPLORE_EVERY == EXPLORE_EVERY - 1 or not gains.any())
    worth = gains if pool.seconds is None else gains / pool.seconds[open_]
    score = _distances(pool.points[open_], known) if explores else worth
    best = int(np.argmax(score))
    return Choice(int(open_[best]), float(gains[best]), explores)


def expected_gains(
    points: npt.ArrayLike,
    front: npt.ArrayLike,
    reference: Sequence[float],
    spread: npt.ArrayLike | None = None,
) -> Points:
    """Expected volume [n] that each point adds to ``front``.

    With a ``spread``: the mean over the point itself and the two corners one spread better and
    worse in everything, with the weights of a normal error (Gauss-Hermite, three nodes).
    """
    table = np.asarray(points, dtype=np.float64)
    if spread is None or not np.any(spread):
        return hypervolume_improvement(table, front, reference)
    step = np.sqrt(3.0) * np.asarray(spread, dtype=np.float64)
    better, as_is, worse = (
        hypervolume_improvement(table + side * step, front, reference) for side in (-1, 0, 1)
    )
    return np.asarray(better / 6 + as_is * (2 / 3) + worse / 6)


def _distances(points: Points, known: Points) -> Points:
    """Distance [n] to the nearest known point, each objective over its spread in the pool."""
    both = np.vstack([points, known])
    span = both.max(axis=0) - both.min(axis=0)
    scale = np.where(span > 0, span, 1.0)
    gaps = (points[:, None, :] - known[None, :, :]) / scale
    return np.asarray(np.sqrt((gaps**2).sum(axis=2)).min(axis=1))
