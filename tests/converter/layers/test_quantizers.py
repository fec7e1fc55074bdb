"""The ways to compute a quantizer agree with each other, exactly."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from converter.layers.quantizers import Alpha, Quantizer, constants, is_power_of_two
from converter.layers.quantizers_staircase import Binary, PowerOfTwo, Ternary
from converter.layers.quantizers_uniform import QuantizedBits, QuantizedRelu
from converter.types import Fixed, Overflow, Rounding

GRID = st.lists(st.integers(-(1 << 16), 1 << 16), min_size=1, max_size=40)
SCALES = st.sampled_from([1.0, 0.5, 0.3, 4.0, Alpha.AUTO, Alpha.AUTO_PO2])
BITS = st.builds(
    QuantizedBits,
    bits=st.integers(2, 12),
    integer=st.integers(-3, 13),
    symmetric=st.booleans(),
    keep_negative=st.booleans(),
    alpha=SCALES,
)
RELU = st.integers(2, 12).flatmap(
    lambda bits: st.builds(
        QuantizedRelu,
        bits=st.just(bits),
        integer=st.integers(-3, 6),
        negative_slope=st.sampled_from([0.0, *(2.0**-k for k in range(bits))]),
    )
)
PO2 = st.tuples(st.integers(-30, 5), st.integers(0, 30), st.booleans()).flatmap(
    lambda t: st.builds(
        PowerOfTwo,
        min_exponent=st.just(t[0]),
        max_exponent=st.just(t[0] + t[1]),
        rectified=st.just(t[2]),
        negative_slope=st.sampled_from([0.0, 0.25, 1.0] if t[2] else [0.0]),
    )
)
STAIRS = st.one_of(
    st.builds(Binary, st.booleans(), st.sampled_from([1.0, 0.25])),
    st.builds(Ternary, st.just(1.0), st.sampled_from([0.0, 0.33, 0.5, 2.0])),
    PO2,
)


def reals(codes: list[int]) -> np.ndarray:
    return np.array(codes, dtype=np.float64) / 256


@given(quantizer=st.one_of(BITS, RELU, STAIRS, st.builds(Ternary, SCALES)), codes=GRID)
def test_weights_in_integers_are_the_quantised_values(quantizer: Quantizer, codes):
    x = reals(codes)
    whole = quantizer.codes_and_scale(x)
    assert np.array_equal(whole.values, quantizer.quantize(x))
    ints = [int(c) for c in whole.codes.ravel()]
    assert min(ints) >= whole.type.code_min
    assert max(ints) <= whole.type.code_max


@given(quantizer=st.one_of(BITS, RELU), codes=GRID)
def test_a_fixed_type_is_the_whole_quantizer(quantizer: Quantizer, codes):
    grid, x = quantizer.fixed_type(), reals(codes)
    if grid is not None:
        assert np.array_equal(grid.to_float(grid.from_float(x)), quantizer.quantize(x))


@given(quantizer=STAIRS, codes=GRID)
def test_a_staircase_is_the_whole_quantizer(quantizer: Quantizer, codes):
    stairs = quantizer.staircase()
    assert stairs is not None
    assert list(stairs.thresholds) == sorted(stairs.thresholds)
    assert len(stairs.levels) == len(stairs.thresholds) + 1
    for value in reals(codes):
        reached = sum(value >= t for t in stairs.thresholds)
        assert stairs.levels[reached] == quantizer.quantize(np.array([value]))[0]


@given(threshold=st.sampled_from([0.0, 0.25, 0.33]), fraction=st.integers(0, 20))
def test_thresholds_become_codes_by_a_ceiling(threshold: float, fraction: int):
    stairs = Ternary(1.0, threshold).staircase()
    assert stairs is not None
    low, high = (math.ceil(math.ldexp(t, fraction)) for t in stairs.thresholds)
    for code in (low - 1, low, high - 1, high):
        x = np.array([math.ldexp(code, -fraction)])
        assert stairs.levels[(code >= low) + (code >= high)] == Ternary(1.0, threshold).quantize(x)


@given(quantizer=RELU, codes=GRID)
def test_a_rectifier_is_its_type_its_slope_and_its_floor(quantizer: QuantizedRelu, codes):
    x, grid = reals(codes), quantizer.output_type
    below = np.maximum(quantizer.negative_slope * x, quantizer.floor)
    y = grid.to_float(grid.from_float(np.where(x < 0, below, x)))
    assert np.array_equal(y, quantizer.quantize(x))


def test_integer_bits_beyond_the_width_widen_the_step():
    """The case that hls4ml 1.3.0 gets wrong by 64."""
    quantizer = QuantizedBits(4, 4)
    assert quantizer.fixed_type() == Fixed(4, 5, True, Rounding.RND_CONV, Overflow.SAT)
    x = np.array([-40.0, -3.0, 1.0, 3.0, 13.0, 40.0])
    assert quantizer.quantize(x).tolist() == [-16.0, -4.0, 0.0, 4.0, 12.0, 14.0]


def test_an_unsigned_quantizer_has_an_unsigned_type():
    assert QuantizedBits(4, 1, keep_negative=False).fixed_type() == Fixed(
        4, 1, False, Rounding.RND_CONV, Overflow.SAT
    )


def test_a_sloped_rectifier_stops_at_its_floor():
    relu = QuantizedRelu(4, 0, 0.25)
    assert relu.floor == -0.25
    assert relu.fixed_type() is None
    assert relu.quantize(np.array([-9.0, -0.5, 0.3, 9.0])).tolist() == [-0.25, -0.125, 0.25, 0.875]


def test_a_bound_cuts_the_top():
    relu = QuantizedRelu(4, 2, upper_bound=1.5)
    assert relu.fixed_type() is None
    assert relu.quantize(np.array([-1.0, 1.3, 1.6, 9.0])).tolist() == [0.0, 1.25, 1.5, 1.5]


def test_powers_of_two_start_at_the_least_exponent_that_occurs():
    whole = PowerOfTwo(-8, 7).codes_and_scale(np.array([[0.5, -2.0], [0.26, 3.0]]))
    assert whole.codes.tolist() == [[2, -8], [1, 16]]
    assert (whole.type.fraction, whole.scale.tolist(), whole.exponents) == (2, [1.0], (0,))


def test_fitted_scales_are_one_per_output_channel():
    kernel = np.array([[0.5, 0.1, 0.0], [-0.25, 0.05, 0.0]])
    whole = QuantizedBits(4, 0, True, True, Alpha.AUTO_PO2).codes_and_scale(kernel)
    assert whole.scale.shape == (3,)
    assert whole.exponents is not None
    assert [2.0**e for e in whole.exponents] == whole.scale.tolist()
    assert not whole.codes[:, 2].any()
    uneven = QuantizedBits(4, 0, True, True, Alpha.AUTO).codes_and_scale(kernel)
    assert uneven.exponents is None


def test_scales_that_are_no_powers_of_two_have_no_exponents():
    assert constants(np.array([1]), Fixed(2, 2), 0.3).exponents is None
    assert constants(np.array([1]), Fixed(2, 2), 0.25).exponents == (-2,)


@pytest.mark.parametrize(("value", "truth"), [(1.0, True), (0.25, True), (3.0, False), (0, False)])
def test_powers_of_two_are_told(value: float, truth: bool):
    assert is_power_of_two(value) is truth
