"""The ways to compute a quantizer agree with each other, exactly."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from converter.layers.quantizers import (
    Alpha,
    Bounded,
    Coded,
    Factors,
    Form,
    Quantizer,
    Scaled,
    Sloped,
    Staircase,
    constants,
    is_power_of_two,
)
from converter.layers.quantizers_linear import QuantizedLinear
from converter.layers.quantizers_smooth import (
    QuantizedHswish,
    QuantizedSigmoid,
    QuantizedTanh,
    QuantizedUlaw,
)
from converter.layers.quantizers_staircase import Binary, PowerOfTwo, Sign, Ternary
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
        floor=st.booleans(),
        quadratic=st.booleans(),
    )
)
STAIRS = st.one_of(
    st.builds(Binary, st.booleans(), st.sampled_from([1.0, 0.25])),
    st.builds(Ternary, st.just(1.0), st.sampled_from([0.0, 0.33, 0.5, 2.0])),
    st.builds(Sign, st.sampled_from([0.0, -1.0])),
    PO2,
)


SMOOTH = st.one_of(
    st.builds(QuantizedTanh, st.integers(2, 8), st.booleans(), st.booleans()),
    st.builds(QuantizedSigmoid, st.integers(1, 8), st.booleans(), st.booleans()),
    st.builds(
        QuantizedUlaw,
        st.integers(1, 8),
        st.integers(-2, 3),
        st.booleans(),
        st.sampled_from([255.0, 7.0]),
    ),
    st.builds(
        QuantizedHswish,
        st.builds(
            QuantizedBits,
            st.integers(2, 8),
            st.integers(-1, 4),
            st.booleans(),
            st.just(True),
            st.sampled_from([1.0, 0.5, 0.3]),
        ),
        st.sampled_from([3.0, 1.0, 8.0]),
        st.sampled_from([6.0, 3.0]),
    ),
)
ODD_RELU = st.builds(
    QuantizedRelu,
    bits=st.integers(1, 6),
    integer=st.integers(-2, 3),
    negative_slope=st.sampled_from([0.0, 2.0**-8, 0.125, 0.5, 1.0, 2.0]),
    upper_bound=st.sampled_from([None, 0.3, 0.75, 5.5]),
    sigmoid=st.booleans(),
).filter(lambda q: q.upper_bound is None or q.upper_bound < q.output_type.max)
LINEAR = st.builds(
    QuantizedLinear,
    bits=st.integers(1, 8),
    integer=st.integers(-2, 4),
    symmetric=st.booleans(),
    keep_negative=st.booleans(),
    alpha=st.sampled_from([1.0, 0.25, 0.3]),
)
ALL = st.one_of(BITS, RELU, ODD_RELU, STAIRS, SMOOTH, LINEAR, st.builds(Ternary, SCALES))


def reals(codes: list[int]) -> np.ndarray:
    return np.array(codes, dtype=np.float64) / 256


def by_form(form: Form, x: np.ndarray) -> np.ndarray:
    """What hardware computes, in real numbers."""
    if isinstance(form, Fixed):
        return form.to_float(form.from_float(x))
    if isinstance(form, Staircase):
        return np.array(form.levels)[np.searchsorted(form.thresholds, x, side="right")]
    if isinstance(form, Sloped):
        y = np.maximum(form.slope * x, -form.slope * 2.0 ** (form.grid.integer - form.grid.signed))
        y = by_form(form.grid, np.where(x < 0, y, x))
        return y if form.top is None else np.minimum(y, form.top)
    if isinstance(form, Bounded):
        return np.minimum(by_form(form.grid, x), form.top)
    if isinstance(form, Coded):
        return np.array(form.levels)[form.grid.from_float(x) - form.grid.ends[0]]
    before = 1.0 if form.before is None else form.before.array
    factor = form.factor.array if isinstance(form.factor, Factors) else form.factor
    return by_form(form.grid, x * before) * factor + form.offset


@given(quantizer=ALL, codes=GRID)
def test_weights_in_integers_are_the_quantised_values(quantizer: Quantizer, codes):
    x = reals(codes)
    whole = quantizer.codes_and_scale(x)
    assert np.array_equal(whole.values, quantizer.quantize(x))
    ints = [int(c) for c in whole.codes.ravel()]
    assert min(ints) >= whole.type.code_min
    assert max(ints) <= whole.type.code_max


@given(quantizer=ALL, codes=GRID)
def test_the_form_is_the_whole_quantizer(quantizer: Quantizer, codes):
    form, x = quantizer.form(), reals(codes)
    assert (form is None) == quantizer.from_data
    if form is not None:
        assert by_form(form, x).tolist() == quantizer.quantize(x).astype(float).tolist()


@given(quantizer=st.one_of(SMOOTH, ODD_RELU))
def test_steps_of_a_staircase_are_where_the_values_change(quantizer: Quantizer):
    stairs = quantizer.form()
    if not isinstance(stairs, Staircase):
        return
    assert len(stairs.levels) == len(stairs.thresholds) + 1
    at = np.array(stairs.thresholds)
    assert (np.diff(at) > 0).all()
    assert quantizer.quantize(at).tolist() == list(stairs.levels[1:])
    assert quantizer.quantize(np.nextafter(at, -np.inf)).tolist() == list(stairs.levels[:-1])


@given(threshold=st.sampled_from([0.0, 0.25, 0.33]), fraction=st.integers(0, 20))
def test_thresholds_become_codes_by_a_ceiling(threshold: float, fraction: int):
    stairs = Ternary(1.0, threshold).form()
    assert isinstance(stairs, Staircase)
    low, high = (math.ceil(math.ldexp(t, fraction)) for t in stairs.thresholds)
    for code in (low - 1, low, high - 1, high):
        x = np.array([math.ldexp(code, -fraction)])
        assert stairs.levels[(code >= low) + (code >= high)] == Ternary(1.0, threshold).quantize(x)


def test_integer_bits_beyond_the_width_widen_the_step():
    """The case that hls4ml 1.3.0 gets wrong by 64."""
    quantizer = QuantizedBits(4, 4)
    assert quantizer.form() == Fixed(4, 5, True, Rounding.RND_CONV, Overflow.SAT)
    x = np.array([-40.0, -3.0, 1.0, 3.0, 13.0, 40.0])
    assert quantizer.quantize(x).tolist() == [-16.0, -4.0, 0.0, 4.0, 12.0, 14.0]


def test_an_unsigned_quantizer_has_an_unsigned_type():
    assert QuantizedBits(4, 1, keep_negative=False).form() == Fixed(
        4, 1, False, Rounding.RND_CONV, Overflow.SAT
    )


def test_a_sloped_rectifier_stops_at_its_floor():
    relu = QuantizedRelu(4, 0, 0.25)
    assert relu.floor == -0.25
    assert isinstance(relu.form(), Sloped)
    assert relu.quantize(np.array([-9.0, -0.5, 0.3, 9.0])).tolist() == [-0.25, -0.125, 0.25, 0.875]


def test_a_bound_cuts_the_top():
    relu = QuantizedRelu(4, 2, upper_bound=1.5)
    assert relu.form() == Sloped(relu.output_type, 0.0, 1.5)
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


def test_an_array_of_factors_is_one_per_channel_where_it_can_be():
    x = np.array([[0.3, 0.6], [0.9, -0.4]])
    per_channel = QuantizedBits(4, 0, alpha=Factors((0.3, 2.0), (2,))).codes_and_scale(x)
    assert per_channel.scale.tolist() == [0.3, 2.0]
    per_row = QuantizedBits(4, 0, alpha=Factors((0.5, 2.0), (2, 1))).codes_and_scale(x)
    assert per_row.exponents is not None
    assert per_row.values.tolist() == [[0.125, 0.3125], [1.75, -0.75]]


def test_a_fitted_scale_of_a_depthwise_kernel_is_one_per_multiplier():
    kernel = np.random.default_rng(1).normal(0, 1, (3, 3, 4, 2))
    assert QuantizedBits(4, 0, True, True, Alpha.AUTO).codes_and_scale(kernel).scale.shape == (2,)


def test_a_scale_axis_is_the_one_that_is_not_reduced():
    kernel = np.diag([1.0, 0.1, 0.01])
    whole = QuantizedBits(4, 0, True, True, Alpha.AUTO, 0).codes_and_scale(kernel)
    assert whole.scale.shape == (3, 3)
    assert (whole.scale == whole.scale[:, :1]).all()
    assert np.diag(whole.codes).tolist() == [7, 7, 7]


def linear(x: float, step: float, low: int, high: int) -> float:
    """Divide, clip, round, multiply: as QKeras' documentation has it."""
    return round(min(max(x / step, low), high)) * step


@given(x=st.integers(-4000, 4000), bits=st.integers(2, 8), integer=st.integers(-2, 4))
def test_quantized_linear_divides_clips_rounds_and_multiplies(x, bits, integer):
    value, top = np.array([x / 256]), 1 << bits - 1
    for alpha in (1.0, 0.25):
        step = alpha * 2.0 ** (integer + 1 - bits)
        for symmetric in (True, False):
            got = QuantizedLinear(bits, integer, symmetric, True, alpha).quantize(value)
            assert got == linear(x / 256, step, symmetric - top, top - 1)
        got = QuantizedLinear(bits, integer, True, False, alpha).quantize(value)
        assert got == linear(x / 256, step / 2, 0, 2 * top - 1)


def test_quantized_linear_fits_its_step():
    kernel = np.array([[0.5, -3.0], [-0.25, 2.0]])
    auto = QuantizedLinear(4, 0, True, True, Alpha.AUTO).codes_and_scale(kernel)
    assert auto.codes.tolist() == [[7, -7], [-3, 5]]
    assert auto.scale.tolist() == [np.float32(0.5) / np.float32(7), np.float32(6) / np.float32(14)]
    po2 = QuantizedLinear(4, 0, True, True, Alpha.AUTO_PO2).codes_and_scale(kernel)
    assert po2.exponents == (-4, -1)
    sign = QuantizedLinear(1, 0, True, True, Alpha.AUTO).quantize(kernel)
    assert sign.tolist() == [[0.5, -3.0], [-0.5, 3.0]]


def test_the_hard_sigmoid_is_half_a_hard_tanh():
    assert QuantizedSigmoid(4).form() == Scaled(QuantizedTanh(4).grid, 0.5, 0.5)


def test_a_real_tanh_is_a_staircase_of_exact_steps():
    stairs = QuantizedTanh(3, real=True).form()
    assert isinstance(stairs, Staircase)
    assert stairs.levels == (-1.0, -0.75, -0.5, -0.25, 0.0, 0.25, 0.5, 0.75)
    steps = np.tanh(np.array(stairs.thresholds)) * 4
    assert np.abs(steps - (np.arange(-3, 4) - 0.5)).max() < 1e-14
