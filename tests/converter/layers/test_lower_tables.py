"""Tables for sigmoid, tanh and softmax against the functions themselves."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from converter.graph import Bounds, Edge
from converter.layers.activation import Function
from converter.layers.functions import Kind
from converter.layers.tables import function_table, softmax_unit, table_error
from converter.types import Fixed, Overflow, Rounding

Values = npt.NDArray[np.float64]


def rounding(width: int, integer: int, signed: bool = True) -> Fixed:
    return Fixed(width, integer, signed, Rounding.RND, Overflow.SAT)


def edge(t: Fixed, size: int = 1) -> Edge:
    return Edge("x", (size,), t, Bounds.of_type(t, size))


def sigmoid(x: Values) -> Values:
    return Function(Kind.SIGMOID).forward((x,))


OUTPUTS = {"sigmoid": rounding(8, 0, signed=False), "tanh": rounding(8, 1)}
FUNCTIONS = {"sigmoid": sigmoid, "tanh": np.tanh}


@pytest.mark.parametrize("name", ["sigmoid", "tanh"])
@pytest.mark.parametrize("t", [rounding(8, 4), rounding(10, 3), rounding(6, -2), rounding(9, 12)])
def test_narrow_inputs_have_an_entry_each(name: str, t: Fixed) -> None:
    y, f = OUTPUTS[name], FUNCTIONS[name]
    unit = function_table(edge(t), y, f)
    codes = np.arange(t.code_min, t.code_max + 1)[:, np.newaxis]
    assert unit.exact
    assert len(unit.entries) == 2**t.width
    assert np.array_equal(unit.emulate(codes), y.from_float(f(t.to_float(codes))))


@pytest.mark.parametrize("name", ["sigmoid", "tanh"])
@pytest.mark.parametrize("t", [rounding(16, 6), rounding(18, 8), rounding(12, 3), rounding(16, 1)])
@pytest.mark.parametrize("size", [1024, 64])
def test_the_error_of_a_table_is_stated_exactly(name: str, t: Fixed, size: int) -> None:
    y, f = OUTPUTS[name], FUNCTIONS[name]
    unit = function_table(edge(t), y, f, size)
    assert len(unit.entries) <= size
    codes = np.arange(t.code_min, t.code_max + 1)[:, np.newaxis]
    errors = np.abs(y.to_float(unit.emulate(codes)) - f(t.to_float(codes)))
    assert table_error(unit, f) == errors.max()


@pytest.mark.parametrize("name", ["sigmoid", "tanh"])
def test_an_eight_bit_output_is_within_one_step_of_a_sixteen_bit_input(name: str) -> None:
    """Half a step of rounding, a quarter of bins, and the top that the open range leaves out."""
    unit = function_table(edge(rounding(16, 6)), OUTPUTS[name], FUNCTIONS[name])
    assert table_error(unit, FUNCTIONS[name]) <= OUTPUTS[name].lsb


def test_the_error_of_wide_inputs_needs_no_enumeration() -> None:
    unit = function_table(edge(rounding(70, 20)), rounding(16, 0, signed=False), sigmoid)
    assert table_error(unit, sigmoid) < 2**-7


def test_known_bounds_narrow_a_table() -> None:
    t = rounding(16, 6)
    narrow = Edge("x", (1,), t, Bounds(np.array([-300]), np.array([300])))
    unit = function_table(narrow, OUTPUTS["tanh"], np.tanh)
    codes = np.arange(-300, 301)[:, np.newaxis]
    assert unit.shift == 0
    assert np.array_equal(
        unit.emulate(codes), OUTPUTS["tanh"].from_float(np.tanh(t.to_float(codes)))
    )


def softmax(x: Values) -> Values:
    exps = np.exp(x - x.max(axis=1, keepdims=True))
    return np.asarray(exps / exps.sum(axis=1, keepdims=True))


def emulated(x: Values, t: Fixed, y: Fixed) -> tuple[Values, Values]:
    """What the unit gives for real logits, and the softmax of the logits that it reads."""
    codes = t.from_float(x)
    unit = softmax_unit(edge(t, x.shape[1]), y)
    return y.to_float(unit.emulate(codes)), softmax(t.to_float(codes))


Y8, Y16 = rounding(8, 0, signed=False), rounding(16, 0, signed=False)
HALF_STEP = 2.0**-9
"""Half a step of an 8-bit output."""


@pytest.mark.parametrize(
    ("logits", "expected"),
    [
        ([20.0, -12.0, 0.0, 1.0], [1.0, 0.0, 0.0, 0.0]),
        ([16.0, -16.0, -16.0, -16.0], [1.0, 0.0, 0.0, 0.0]),
        ([1.0, 0.5, 0.25, 0.0], [0.4089, 0.2480, 0.1931, 0.1504]),
        ([0.0, 0.0, 0.0, 0.0], [0.25, 0.25, 0.25, 0.25]),
        ([-30.0, 31.0, 31.0, -30.0], [0.0, 0.5, 0.5, 0.0]),
    ],
)
def test_logits_that_hls4ml_gets_wrong(logits: list[float], expected: list[float]) -> None:
    got, _ = emulated(np.array([logits]), rounding(16, 6), Y16)
    assert np.abs(got - expected).max() < HALF_STEP


@pytest.mark.parametrize(
    "t", [rounding(38, 18), rounding(70, 30), rounding(16, 6), rounding(24, 4)]
)
@pytest.mark.parametrize("size", [2, 3, 5, 10, 31, 64])
def test_softmax_of_random_logits(t: Fixed, size: int) -> None:
    rng = np.random.default_rng(size)
    rows = 4000 if t.width <= 62 else 200  # Python integers are slow
    x = rng.normal(0, rng.uniform(0.1, 8, (rows, 1)), (rows, size))
    got, exact = emulated(x, t, Y16)
    assert np.abs(got - exact).max() < HALF_STEP
    best = np.take_along_axis(exact, got.argmax(axis=1)[:, np.newaxis], axis=1)[:, 0]
    assert (best == exact.max(axis=1)).mean() >= 0.999


@given(
    logits=st.lists(st.floats(-31, 31), min_size=2, max_size=12),
    fraction=st.integers(2, 20),
)
@settings(deadline=None)
def test_softmax_of_any_logits(logits: list[float], fraction: int) -> None:
    got, exact = emulated(np.array([logits]), rounding(6 + fraction, 6), Y16)
    assert np.abs(got - exact).max() < HALF_STEP


@given(logits=st.lists(st.floats(-31, 31), min_size=2, max_size=12))
@settings(deadline=None)
def test_a_rounded_output_is_off_by_its_rounding_and_half_a_step(logits: list[float]) -> None:
    got, exact = emulated(np.array([logits]), rounding(16, 6), Y8)
    assert np.abs(got - exact).max() <= HALF_STEP + Y8.lsb / 2


@pytest.mark.parametrize("size", [16, 64, 300])
def test_smaller_tables_are_honoured(size: int) -> None:
    unit = softmax_unit(edge(rounding(16, 6), 5), Y16, exp_size=size, inverse_size=size)
    assert len(unit.exp_entries) <= size
    assert len(unit.inverse_entries) <= size
    assert unit.exp_entries[0] == 1 << unit.exp_fraction


def test_coarse_tables_still_add_up() -> None:
    coarse = rounding(6, 1, signed=False)
    unit = softmax_unit(edge(rounding(16, 6), 4), Y8, coarse, coarse)
    got = Y8.to_float(unit.emulate(np.array([[5000, 0, 0, 0], [7, 7, 7, 7]])))
    assert np.abs(got - [[1, 0, 0, 0], [0.25] * 4]).max() < 2**-5


def test_logits_far_below_one_step_are_equal() -> None:
    got, exact = emulated(np.array([[1e-31, -1e-31, 0.0]]), rounding(16, -100), Y16)
    assert np.abs(got - exact).max() < HALF_STEP


def test_one_logit_has_all() -> None:
    got, _ = emulated(np.array([[3.0], [-7.0]]), rounding(16, 6), Y16)
    assert np.abs(got - 1).max() < 2**-10
