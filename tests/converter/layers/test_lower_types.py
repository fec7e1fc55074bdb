"""The choice of types: what holds a range, a set of values, a sum."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from converter.config import Auto, LayerConfig
from converter.errors import ConfigError
from converter.layers.base import Range
from converter.layers.lowering import (
    accumulator,
    exact_type,
    fit,
    fit_range,
    fit_values,
    held_exactly,
)
from converter.types import Fixed, Overflow, Rounding

REALS = st.floats(-1e6, 1e6, allow_subnormal=False).filter(lambda v: v == 0 or abs(v) > 1e-9)


def rounding(width: int, integer: int, signed: bool = True) -> Fixed:
    return Fixed(width, integer, signed, Rounding.RND, Overflow.SAT)


@given(a=st.integers(-(2**40), 2**40), b=st.integers(-(2**40), 2**40), width=st.integers(1, 60))
def test_fit_holds_the_range_in_the_least_width(a: int, b: int, width: int) -> None:
    lo, hi = min(a, b), max(a, b)
    t = fit(lo, hi, 10, width)
    assert t.width <= width
    exact = fit(lo, hi, 10, 100)
    assert (exact.fraction, exact.integer, exact.signed) == (10, t.integer, lo < 0)
    assert exact.code_min <= lo
    assert hi <= exact.code_max
    narrower = Fixed(exact.width - 1, 1, exact.signed) if exact.width > 1 else None
    assert narrower is None or lo < narrower.code_min or hi > narrower.code_max


def test_data_narrow_a_range_and_never_widen_it() -> None:
    assert fit(-1000, 1000, 0, 8, Range(-3.5, 2.0)) == rounding(3, 3)
    assert fit(-1000, 1000, 0, 8, Range(-1e9, 1e9)) == rounding(8, 11)
    assert fit(0, 1000, 0, 8, Range(-5.0, 7.0)) == rounding(3, 3, False)
    assert fit(5, 9, 0, 8, Range(100.0, 200.0)) == rounding(4, 4, False)


@given(a=REALS, b=REALS, width=st.integers(2, 40))
def test_fit_range_holds_both_ends(a: float, b: float, width: int) -> None:
    lo, hi = min(a, b), max(a, b)
    t = fit_range(Range(lo, hi), width)
    assert t.width == width
    assert t.signed == (lo < 0)
    assert lo >= t.code_min * t.lsb
    assert hi < t.max + t.lsb
    if (lo, hi) != (0, 0):  # one integer bit less would not do
        assert lo < t.min / 2 or hi >= (t.max + t.lsb) / 2


@given(values=st.lists(REALS, min_size=1, max_size=20), width=st.integers(2, 30))
def test_fit_values_rounds_to_nearest(values: list[float], width: int) -> None:
    array = np.array(values)
    t = fit_values(array, width)
    assert t.signed
    assert t.width <= width
    error = np.abs(t.to_float(t.from_float(array)) - array)
    top = array > t.max
    assert (error[~top] <= t.lsb / 2).all()
    assert (error[top] < t.lsb).all()


@given(values=st.lists(REALS, min_size=1, max_size=20))
def test_exact_type_loses_nothing(values: list[float]) -> None:
    array = np.array(values)
    t = exact_type(array)
    assert np.array_equal(t.to_float(t.from_float(array)), array)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([0.0], rounding(2, 2)),
        ([-1.0], rounding(1, 1)),
        ([1.0], rounding(2, 2)),
        ([0.5, -0.5], rounding(2, 1)),
        ([3.0, -0.25], rounding(5, 3)),
        ([1024.0, -4096.0], rounding(3, 13)),
    ],
)
def test_least_types(values: list[float], expected: Fixed) -> None:
    assert exact_type(np.array(values)) == expected


def test_constants_of_no_end_are_refused() -> None:
    with pytest.raises(ConfigError, match=r"constants need .* bits; at most 1024 are supported"):
        exact_type(np.array([2.0**900, 2.0**-900]))


def test_a_weight_next_to_zero_is_rounded_away() -> None:
    assert fit_values(np.array([0.3, -1e-320]), 8) == rounding(8, 0)


def test_an_accumulator_is_signed_and_exact() -> None:
    config = LayerConfig()
    assert accumulator("a", 0, 255, 3, config) == Fixed(9, 6)
    assert accumulator("a", -128, 127, 0, config) == Fixed(8, 8)
    assert accumulator("a", -129, 127, 0, config) == Fixed(9, 9)


@pytest.mark.parametrize("wanted", [Fixed(8, 5), Fixed(9, 5), Fixed(16, 14), Auto(8)])
def test_an_accumulator_that_is_too_narrow(wanted: Fixed | Auto) -> None:
    with pytest.raises(
        ConfigError, match=r"would overflow or lose bits; the exact .* is fixed<9,6>"
    ):
        accumulator("a", 0, 255, 3, LayerConfig(precision={"accum": wanted}))


@pytest.mark.parametrize("wanted", [Fixed(9, 6), Fixed(20, 10), Auto(9)])
def test_an_accumulator_that_will_do(wanted: Fixed | Auto) -> None:
    got = accumulator("a", 0, 255, 3, LayerConfig(precision={"accum": wanted}))
    assert got == (wanted if isinstance(wanted, Fixed) else Fixed(9, 6))


def test_quantised_constants_take_a_wider_type_of_the_user() -> None:
    values = np.array([0.5, -0.25])
    assert held_exactly("a", "weight", values, LayerConfig()) == rounding(3, 1)
    wide = LayerConfig(precision={"weight": rounding(8, 2)})
    assert held_exactly("a", "weight", values, wide) == rounding(8, 2)
    with pytest.raises(ConfigError, match="a: weight=auto<2> does not hold"):
        held_exactly("a", "weight", values, LayerConfig(precision={"weight": Auto(2)}))
