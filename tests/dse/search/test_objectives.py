"""Scales of objectives, and the reference point."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from converter.errors import ConfigError
from dse.search.objectives import LEAST_SHARE, SCALES, reference, scaled, worth


def test_scales():
    names = ("accuracy", "latency", "interval", "resources", "dsp")
    rows = scaled(names, [(0.25, 8, 1, 0.01, 99), (0.5, 16, 2, 0.0, 0)])
    assert rows.tolist() == [[0.25, 3, 0, -2, 2], [0.5, 4, 1, np.log10(LEAST_SHARE), 0]]


def test_one_row_and_unknown_names():
    assert scaled(["latency"], [4]).tolist() == [[2.0]]
    with pytest.raises(ConfigError, match="watts: no such objective; there are: accuracy, latency"):
        scaled(["watts"], [[1.0]])


def test_worth_is_the_volume_of_the_front():
    goals = ("latency", "resources")
    assert worth(goals, [(2**14, 0.01)]) == -(16 - 14) * 2
    assert worth(goals, [(2**14, 0.01), (2**15, 0.001)]) == -(2 * 2 + 1 * 1)
    assert worth(goals, [(2**20, 0.01)]) == 0  # beyond the horizon
    assert worth(("latency",), [(2**10,), (2**12,)]) == -6


def test_a_better_front_is_worth_more_in_every_set_of_objectives():
    rng = np.random.default_rng(0)
    sets = itertools.combinations([name for name in SCALES if name != "accuracy"], 4)
    for goals in list(sets)[::5]:
        front = rng.integers(1, 1000, (100, 4)) / [1000 if g == "resources" else 1 for g in goals]
        assert worth(goals, front * 0.9) < worth(goals, front) < 0


def test_the_reference_is_beyond_the_worst():
    assert reference([(0.0, 5.0), (10.0, 5.0)]).tolist() == pytest.approx([11.0, 5.1])
