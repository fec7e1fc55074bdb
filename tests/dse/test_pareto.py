"""Dominance and hypervolume: against definitions, against Optuna, and in time."""

from __future__ import annotations

import itertools
import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from converter.errors import RunError
from dse.pareto import dominated_by, hypervolume, hypervolume_improvement, nondominated


def _by_definition(points: np.ndarray) -> np.ndarray:
    keep = []
    for i, p in enumerate(points):
        beaten = any((q <= p).all() and (q < p).any() for q in points)
        keep.append(not beaten and not any((q == p).all() for q in points[:i]))
    return np.array(keep, dtype=bool)


def _volume_by_cells(points: np.ndarray, ref: np.ndarray) -> float:
    """Hypervolume of integer points by counting unit cells."""
    cells = itertools.product(*(range(int(r)) for r in ref))
    return float(sum(any((p <= c).all() for p in points) for c in map(np.array, cells)))


small = st.integers(1, 5).flatmap(
    lambda m: hnp.arrays(
        np.int64, st.tuples(st.integers(1, 40), st.just(m)), elements=st.integers(0, 5)
    )
)


@given(small)
def test_nondominated_is_the_definition(points):
    assert nondominated(points).tolist() == _by_definition(points).tolist()


@pytest.mark.parametrize("m", [1, 2, 3, 4, 5])
@pytest.mark.parametrize("levels", [3, 30, 10**6])
def test_nondominated_of_sets_that_are_divided(m, levels):
    rng = np.random.default_rng(m * 7 + levels)
    points = rng.integers(0, levels, (700, m))
    assert nondominated(points).tolist() == _by_definition(points).tolist()


def test_infinite_figures_are_compared_and_nan_is_refused():
    assert nondominated([[1, np.inf], [2, np.inf], [3, 0]]).tolist() == [True, False, True]
    with pytest.raises(RunError, match="an objective is NaN"):
        nondominated([[1.0, np.nan]])


def test_no_points():
    assert nondominated(np.empty((0, 3))).tolist() == []
    assert hypervolume([], (1.0, 1.0)) == 0.0
    assert hypervolume_improvement([], [], (1.0, 1.0)).tolist() == []
    assert hypervolume_improvement([[0.5, 0.5]], [], (1.0, 1.0)).tolist() == [0.25]


@pytest.mark.parametrize("m", [1, 2, 3, 4])
def test_hypervolume_counts_cells(m):
    rng = np.random.default_rng(m)
    for _ in range(40):
        ref = rng.integers(2, 6, m)
        points = rng.integers(0, 7, (int(rng.integers(1, 12)), m))
        assert hypervolume(points, ref) == _volume_by_cells(points, ref)


@pytest.mark.parametrize("m", [1, 2, 3, 4])
def test_improvement_is_the_difference_of_volumes(m):
    rng = np.random.default_rng(m + 10)
    for _ in range(20):
        ref = rng.integers(3, 9, m)
        front = rng.integers(0, 10, (int(rng.integers(1, 20)), m))
        candidates = rng.integers(-2, 10, (8, m))
        before = hypervolume(front, ref)
        gains = [hypervolume(np.vstack([front, c]), ref) - before for c in candidates]
        assert hypervolume_improvement(candidates, front, ref).tolist() == gains


@pytest.mark.parametrize("m", [2, 3, 4])
def test_hypervolume_equals_optunas(m):
    wfg = pytest.importorskip("optuna._hypervolume.wfg")
    rng = np.random.default_rng(m)
    points = rng.random((80, m)) ** 2
    ours = hypervolume(points, np.ones(m))
    # Two summation orders of doubles.
    assert ours == pytest.approx(wfg.compute_hypervolume(points, np.ones(m)), rel=1e-12)


@settings(max_examples=50)
@given(small)
def test_the_front_has_the_volume_of_all(points):
    ref = np.full(points.shape[1], 6)
    assert hypervolume(points[nondominated(points)], ref) == hypervolume(points, ref)


@given(small)
def test_dominated_by_is_the_definition(points):
    some, others = points[::2], points[1::2]
    expected = [any((q <= p).all() for q in some) for p in others]
    assert dominated_by(some, others).tolist() == expected


def test_a_wrong_shape_is_refused():
    with pytest.raises(RunError, match=r"points must have shape \(n, 3\); got \(1, 2\)"):
        hypervolume([[1.0, 2.0]], (1.0, 1.0, 1.0))


@pytest.mark.parametrize(("m", "seconds"), [(2, 1.0), (3, 4.0), (4, 9.0)])
def test_points_on_a_sphere_take_seconds(m, seconds):
    """All on the front: the worst case. The limits are ten times what was measured."""
    count = 100_000 if m < 4 else 50_000
    points = np.abs(np.random.default_rng(0).normal(size=(count, m)))
    points /= np.linalg.norm(points, axis=1, keepdims=True)
    start = time.process_time()
    assert nondominated(points).all()
    assert time.process_time() - start < seconds
