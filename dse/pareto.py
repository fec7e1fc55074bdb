"""Pareto arithmetic on points [n, m], one row per design, every objective to be minimised.

Two halves: which points no other point dominates, and how much volume a front
dominates below a reference point. Both are exact. Latency, resources and loss live on
different scales; ``dse.search.objectives`` brings them to the scales that volumes are
measured on.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from converter.errors import RunError

Points = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]

_LEAF = 64  # rows that are compared pairwise, where recursion costs more than it saves
_PAIRS = 1 << 14  # pairs that are compared at once, for the same reason


def nondominated(points: npt.ArrayLike) -> Mask:
    """True for each row that no other row dominates (at most equal everywhere, less somewhere).

    Of equal rows the first is kept. Divide and conquer in O(n log^(m-2) n): H. T. Kung,
    F. Luccio, F. P. Preparata, "On finding the maxima of a set of vectors", J. ACM 22 (1975).
    """
    array = _points(points)
    mask = np.zeros(len(array), dtype=bool)
    if not len(array):
        return mask
    order, rows = _unique(array)
    mask[order[_maxima(rows, np.arange(len(rows)))]] = True
    return mask


def hypervolume(points: npt.ArrayLike, reference: Sequence[float]) -> float:
    """Volume that the points dominate below ``reference``; 0 for no points.

    Points that are not below the reference in every objective add nothing.
    """
    ref = np.asarray(reference, dtype=np.float64)
    array = _below(_points(points, len(ref)), ref)
    return _volume(array[nondominated(array)], ref)


def hypervolume_improvement(
    candidates: npt.ArrayLike, front: npt.ArrayLike, reference: Sequence[float]
) -> Points:
    """Volume [n] that each candidate alone would add to ``front``."""
    ref = np.asarray(reference, dtype=np.float64)
    cand = _points(candidates, len(ref))
    known = _below(_points(front, len(ref)), ref)
    known = known[nondominated(known)]
    if len(ref) <= 3:
        return _improvement_by_boxes(cand, known, ref)
    clipped = np.minimum(cand, ref)
    return np.array([_exclusive(c, known, ref) for c in clipped])


def dominated_by(points: npt.ArrayLike, others: npt.ArrayLike) -> Mask:
    """True for each row of ``others`` with a row of ``points`` at most equal everywhere."""
    lower = _points(others)
    if not len(lower):
        return np.zeros(0, dtype=bool)
    return _covered(_points(points, lower.shape[1]), lower)


def _points(values: npt.ArrayLike, width: int | None = None) -> Points:
    array = np.asarray(values, dtype=np.float64)
    if array.size == 0:
        return np.empty((0, width or 1))
    if array.ndim != 2 or (width is not None and array.shape[1] != width):
        raise RunError(f"points must have shape (n, {width or 'm'}); got {array.shape}")
    if np.isnan(array).any():
        raise RunError("an objective is NaN; a design without a figure has no place on a front")
    return array


def _unique(array: Points) -> tuple[npt.NDArray[np.int64], Points]:
    """Distinct rows in lexicographic order, each with the index of its first appearance."""
    order = np.lexsort(array.T[::-1])
    rows = array[order]
    fresh = np.ones(len(rows), dtype=bool)
    fresh[1:] = (rows[1:] != rows[:-1]).any(axis=1)
    return order[fresh], rows[fresh]


def _maxima(rows: Points, index: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Indices, rising, of the non-dominated among distinct rows in lexicographic order."""
    if rows.shape[1] <= 2:
        return index[_staircase(rows[index, -1])] if rows.shape[1] == 2 else index[:1]
    if len(index) <= _LEAF:
        part = rows[index]
        beaten = (part[:, None, :] <= part[None, :, :]).all(axis=2).sum(axis=0) > 1
        return index[~beaten]
    half = len(index) // 2
    first = _maxima(rows, index[:half])
    rest = _maxima(rows, index[half:])
    kept = ~_covered(rows[first, 1:], rows[rest, 1:])
    return np.concatenate([first, rest[kept]])


def _staircase(y: npt.NDArray[np.float64]) -> Mask:
    """For rows sorted by x, then y: True where y is below all before it."""
    least = np.minimum.accumulate(y)
    mask = np.ones(len(y), dtype=bool)
    mask[1:] = y[1:] < least[:-1]
    return mask


def _covered(upper: Points, lower: Points) -> Mask:
    """True for each row of ``lower`` with a row of ``upper`` at most equal everywhere."""
    if not len(upper) or not len(lower):
        return np.zeros(len(lower), dtype=bool)
    width = upper.shape[1]
    if width == 1:
        return lower[:, 0] >= upper.min()
    if width == 2:
        return _covered_in_plane(upper, lower)
    if len(upper) * len(lower) <= _PAIRS:
        return (upper[:, None, :] <= lower[None, :, :]).all(axis=2).any(axis=0)
    return _covered_by_halves(upper, lower)


def _covered_in_plane(upper: Points, lower: Points) -> Mask:
    order = np.argsort(upper[:, 0], kind="stable")
    x, least = upper[order, 0], np.minimum.accumulate(upper[order, 1])
    at = np.searchsorted(x, lower[:, 0], side="right")
    return (at > 0) & (least[np.maximum(at, 1) - 1] <= lower[:, 1])


def _covered_by_halves(upper: Points, lower: Points) -> Mask:
    """Split both sets at a value of the last column; across the split it need not be compared."""
    u, v = upper[:, -1], lower[:, -1]
    both = np.concatenate([u, v])
    top = both.max()
    if both.min() == top:
        return _covered(upper[:, :-1], lower[:, :-1])
    cut = np.median(both)
    if cut >= top:
        cut = both[both < top].max()
    low_u, low_v = u <= cut, v <= cut
    covered = np.zeros(len(lower), dtype=bool)
    covered[low_v] = _covered(upper[low_u], lower[low_v])
    high = np.flatnonzero(~low_v)
    covered[high] = _covered(upper[low_u, :-1], lower[high, :-1])
    high = high[~covered[high]]
    covered[high] = _covered(upper[~low_u], lower[high])
    return covered


def _below(points: Points, reference: Points) -> Points:
    return points[(points < reference).all(axis=1)]


def _volume(front: Points, reference: Points) -> float:
    """Hypervolume of a non-dominated front below the reference.

    Up to three objectives by a sweep; above, the sum of what each point adds to those
    after it: L. While, L. Bradstreet, L. Barone, "A fast way of calculating exact
    hypervolumes", IEEE Trans. Evolutionary Computation 16 (2012).
    """
    if not len(front):
        return 0.0
    if len(reference) <= 3:
        top = _lift(reference[None], 1.0)[0]
        x0, x1, y, z0, z1 = (b for b in _boxes(_lift(front, 0.0), top).T)
        hit = y < top[1]
        return float(((x1 - x0)[hit] * (top[1] - y)[hit] * (z1 - z0)[hit]).sum())
    ordered = front[np.argsort(-front[:, -1], kind="stable")]
    return float(sum(_exclusive(p, ordered[i + 1 :], reference) for i, p in enumerate(ordered)))


def _exclusive(point: Points, others: Points, reference: Points) -> float:
    """Volume that ``point`` dominates and ``others`` do not."""
    whole = float(np.prod(reference - point))
    if whole == 0.0 or not len(others):
        return whole
    limited = _below(np.maximum(others, point), reference)
    return max(0.0, whole - _volume(limited[nondominated(limited)], reference))


def _improvement_by_boxes(candidates: Points, front: Points, reference: Points) -> Points:
    """Overlap of what each candidate dominates with the boxes that the front leaves free."""
    top = _lift(reference[None], 1.0)[0]
    boxes = _boxes(_lift(front, 0.0), top)
    x0, x1, y, z0, z1 = (b[None] for b in boxes.T)
    gains = np.empty(len(candidates))
    step = max(1, (1 << 20) // len(boxes))
    for start in range(0, len(candidates), step):
        c = _lift(candidates[start : start + step], 0.0)
        a, b, d = (c[:, i, None] for i in range(3))
        wide = np.maximum(x1 - np.maximum(x0, a), 0.0)
        deep = np.maximum(z1 - np.maximum(z0, d), 0.0)
        gains[start : start + step] = (wide * np.maximum(y - b, 0.0) * deep).sum(axis=1)
    return gains


def _lift(points: Points, fill: float) -> Points:
    """Up to three columns -> three; with 0 for points and 1 for the reference nothing changes."""
    missing = 3 - points.shape[1]
    return np.hstack([points, np.full((len(points), missing), fill)]) if missing else points


def _boxes(front: Points, reference: Points) -> Points:
    """The region below ``reference`` [3] that ``front`` [n, 3] leaves free, as disjoint boxes.

    Rows (x0, x1, y, z0, z1): x in [x0, x1), everything below y, z in [z0, z1). A sweep in z
    holds the free region of the plane as strips in x; a point lowers the strips right of it.
    There are at most 2 n + 1 boxes.
    """
    right, top, far = (float(r) for r in reference)
    xs, ys, zs = [-np.inf], [top], [-np.inf]
    boxes: list[tuple[float, float, float, float, float]] = []
    for x, y, z in front[np.lexsort(front.T)].tolist():
        i = bisect_right(xs, x) - 1
        j = i
        while j < len(xs) and ys[j] > y:
            end = xs[j + 1] if j + 1 < len(xs) else right
            boxes.append((max(xs[j], x), end, ys[j], zs[j], z))
            j += 1
        if j == i:
            continue
        keep = [i] if xs[i] < x else []
        ys[i:j] = [ys[k] for k in keep] + [y]
        zs[i:j] = [zs[k] for k in keep] + [z]
        xs[i:j] = [xs[k] for k in keep] + [x]
    ends = [*xs[1:], right]
    boxes += [(a, e, y, z, far) for a, e, y, z in zip(xs, ends, ys, zs, strict=True)]
    return np.array([b for b in boxes if b[0] < b[1] and b[3] < b[4]])
