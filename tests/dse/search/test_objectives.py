"""Scales of objectives, and the reference point."""

from __future__ import annotations

import numpy as np
import pytest

from converter.errors import ConfigError
from dse.search.objectives import LEAST_SHARE, least, reference, scaled


def test_scales():
    names = ("accuracy", "latency", "interval", "resources", "dsp")
    rows = scaled(names, [(0.25, 8, 1, 0.01, 99), (0.5, 16, 2, 0.0, 0)])
    assert rows.tolist() == [[0.25, 3, 0, -2, 2], [0.5, 4, 1, np.log10(LEAST_SHARE), 0]]


def test_one_row_and_unknown_names():
    assert scaled(["latency"], [4]).tolist() == [[2.0]]
    with pytest.raises(ConfigError, match="watts: no such objective; there are: accuracy, latency"):
        scaled(["watts"], [[1.0]])


def test_least_is_the_best_of_each_objective():
    assert least(("latency", "dsp"), [(8, 0), (2, 9)]) == (1.0, 0.0)


def test_the_reference_is_beyond_the_worst():
    assert reference([(0.0, 5.0), (10.0, 5.0)]).tolist() == pytest.approx([11.0, 5.1])
