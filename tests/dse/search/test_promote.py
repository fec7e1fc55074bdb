"""The choice of what to synthesise, and the correction of estimates."""

from __future__ import annotations

import numpy as np
import pytest

from dse.pareto import hypervolume, hypervolume_improvement
from dse.search.promote import EXPLORE_EVERY, Pool, choose, expected_gains

REF = (10.0, 10.0)


def _pool(*points, **rest):
    return Pool(np.array(points, dtype=float), list(range(len(points))), **rest)


def test_the_largest_gain_over_measured_and_running_is_chosen():
    pool = _pool((4, 4), (1, 9), (9, 1))
    first = choose(pool, [], [], REF, 0)
    assert (first.index, first.gain, first.explores) == (0, 36.0, False)
    second = choose(pool, [0], [(4, 4)], REF, 1)
    assert (second.index, second.gain) == (1, 3.0)
    running = choose(pool, [0, 1], [(4, 4), (1, 9)], REF, 2)
    assert running.index == 2


def test_none_is_promoted_twice_and_none_is_left_at_the_end():
    pool = _pool((4, 4), (5, 3))
    assert choose(pool, [0], [(4, 4)], REF, 1).index == 1
    assert choose(pool, [0, 1], [(4, 4), (5, 3)], REF, 2) is None
    assert choose(Pool(np.empty((0, 2)), []), [], [], REF, 0) is None


def test_a_disappointing_measurement_opens_the_place_again():
    """The estimate of design 0 promised (4, 4); it came out at (9, 9)."""
    pool = _pool((4, 4), (4.5, 4.5), (1, 9.5))
    assert choose(pool, [0], [(4, 4)], REF, 1).index == 2
    assert choose(pool, [0], [(9, 9)], REF, 1).index == 1


def test_one_in_five_explores_the_farthest():
    pool = _pool((4, 4), (3.9, 4.2), (9.5, 9.5))
    front = [(4, 4)]
    kinds = [choose(pool, [0], front, REF, n).explores for n in range(2 * EXPLORE_EVERY)]
    assert kinds == 2 * ([False] * (EXPLORE_EVERY - 1) + [True])
    assert choose(pool, [0], front, REF, EXPLORE_EVERY - 1).index == 2


def test_without_any_gain_the_farthest_is_taken():
    choice = choose(_pool((5, 5), (5, 9)), [], [(4, 4)], REF, 0)
    assert (choice.index, choice.gain, choice.explores) == (1, 0.0, True)


def test_uncertainty_gives_the_nearly_dominated_a_chance():
    front = [(4.0, 4.0)]
    points = [(4.2, 4.2), (9.0, 9.0)]
    assert not expected_gains(points, front, REF).any()
    near, far = expected_gains(points, front, REF, np.array([0.3, 0.3]))
    assert near > far == 0
    assert (expected_gains(points, front, REF, np.zeros(2)) == 0).all()


def test_expected_gains_are_the_mean_of_a_normal_error():
    """Where the gain is a cubic or less in the error, three nodes are exact."""
    front, spread = np.empty((0, 2)), np.array([0.5, 0.25])
    ((gain,),) = [expected_gains([(4.0, 4.0)], front, REF, spread)]
    # Both errors move together: E[(6 - a e)(6 - b e)] = 36 + a b.
    assert gain == pytest.approx(36 + 0.5 * 0.25, rel=1e-12)


def test_promotion_by_gain_reaches_the_volume_sooner_than_by_chance():
    rng = np.random.default_rng(3)
    estimates = rng.random((60, 2)) * 10
    truth = estimates + rng.normal(0, 0.3, (60, 2))
    pool = Pool(estimates, list(range(60)))
    ours: list[int] = []
    for number in range(8):
        ours.append(choose(pool, ours, truth[ours], REF, number).index)
    chance = [hypervolume(truth[rng.permutation(60)[:8]], REF) for _ in range(200)]
    whole = hypervolume(truth, REF)
    assert hypervolume(truth[ours], REF) / whole > 0.9
    assert hypervolume(truth[ours], REF) > np.quantile(chance, 0.99)


def test_gains_are_those_of_the_pareto_module():
    rng = np.random.default_rng(4)
    points, front = rng.random((20, 3)), rng.random((10, 3))
    gains = expected_gains(points, front, (1, 1, 1))
    assert gains.tolist() == hypervolume_improvement(points, front, (1, 1, 1)).tolist()
