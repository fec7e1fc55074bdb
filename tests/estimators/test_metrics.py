"""Metrics against values worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest

from estimators.metrics import accuracy, smape


def test_smape_has_one_in_the_denominator() -> None:
    assert smape(np.array([0.0]), np.array([0.0])) == 0
    assert smape(np.array([1.0]), np.array([0.0])) == pytest.approx(100)
    assert smape(np.array([30.0]), np.array([10.0])) == pytest.approx(200 * 20 / 41)


def test_accuracy() -> None:
    found = accuracy(np.array([1.0, 2.0, 5.0]), np.array([1.0, 2.0, 4.0]))
    mean = 7 / 3
    spread = (1 - mean) ** 2 + (2 - mean) ** 2 + (4 - mean) ** 2
    assert found.n == 3
    assert found.r2 == pytest.approx(1 - 1 / spread)
    assert found.mdape == 0
    assert found.spearman == pytest.approx(1)


def test_spearman_shares_ranks_of_equal_values() -> None:
    # ranks 1.5 1.5 3 against 1 2 3: r = 1.5 / sqrt(1.5 * 2)
    found = accuracy(np.array([7.0, 7.0, 9.0]), np.array([1.0, 2.0, 3.0]))
    assert found.spearman == pytest.approx(1.5 / 3**0.5)


def test_undefined_is_none_and_not_zero() -> None:
    assert accuracy(np.array([]), np.array([])).smape is None
    same = accuracy(np.array([1.0, 2.0]), np.array([0.0, 0.0]))
    assert (same.r2, same.mdape, same.spearman) == (None, None, None)
