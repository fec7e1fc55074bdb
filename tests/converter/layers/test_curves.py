"""Smooth functions by tables and curves: what is stated of their errors holds for every code."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from converter.config import Auto, LayerConfig
from converter.errors import ConfigError
from converter.graph import Bounds, Edge
from converter.layers.activation import Function, HardSwish, Ramp
from converter.layers.base import Range
from converter.layers.curves import curve_error, curve_unit
from converter.layers.functions import HARD_SWISH, Kind, smooth
from converter.layers.lowering import fit_range
from converter.types import Fixed, Overflow, Rounding
from converter.units.curve import Curve
from converter.units.table import Table

SMOOTH = [k for k in Kind if k is not Kind.EXPONENTIAL]


def rounding(width: int, integer: int, signed: bool = True) -> Fixed:
    return Fixed(width, integer, signed, Rounding.RND, Overflow.SAT)


def edge(t: Fixed, lo: float | None = None, hi: float | None = None) -> Edge:
    bounds = Bounds.of_type(t, 1)
    if lo is not None and hi is not None:
        bounds = Bounds(t.from_float([lo]), t.from_float([hi]))
    return Edge("x", (1,), t, bounds)


def output_of(kind: Kind, x: Edge, width: int) -> Fixed:
    ends = x.type.to_float(np.array([x.bounds.lo[0], x.bounds.hi[0]]))
    return fit_range(Range(*smooth(kind).range_over(*ends)), width)


def measured(unit: Curve, kind: Kind, codes: np.ndarray) -> float:
    got = unit.output_type.to_float(unit.emulate(codes[:, np.newaxis])[:, 0])
    return float(np.abs(got - smooth(kind)(unit.input_type.to_float(codes))).max())


@pytest.mark.parametrize("kind", Kind)
def test_curvature_turns_and_lines_are_those_of_the_function(kind: Kind) -> None:
    """Against second differences; these are off by their step times a third derivative."""
    f, h = smooth(kind, 1.7), 1e-4
    x = np.arange(-6, 6, h)
    bend = np.abs(np.diff(f(x), 2)) / h**2
    away = np.abs(x[1:-1]) > 2 * h
    assert bend[away].max() <= f.curvature(-6, 6) * (1 + 1e-3) + 1e-5
    steps = np.sign(np.diff(f(x)))
    turns = x[1:-1][np.abs(np.diff(steps)) == 2]
    assert all(any(abs(t - u) < 2 * h for u in f.turns) for t in turns)
    far = np.array([-1e6, 1e6])
    lines = [f.below, *([f.above] if f.above else [])]
    for x_far, (slope, offset), tail in zip(far, lines, (1e-5, 1e-5), strict=False):
        assert abs(f(np.array([x_far]))[0] - slope * x_far - offset) <= tail


@pytest.mark.parametrize("kind", SMOOTH)
@pytest.mark.parametrize("t", [rounding(16, 6), rounding(13, 3), rounding(16, 9), rounding(14, -1)])
def test_a_result_as_wide_as_the_input_is_off_by_about_a_step(kind: Kind, t: Fixed) -> None:
    """Half a step of rounding, and an eighth of the constants and of the pieces; another half
    where the largest value is the next power of two, which the type leaves out. Softsign's tails
    are no lines: there the bound is that of its window.
    """
    x = edge(t)
    y = output_of(kind, x, t.width)
    unit = curve_unit(x, y, smooth(kind), 1024)
    codes = np.arange(t.code_min, t.code_max + 1)
    worst = measured(unit, kind, codes)
    assert unit.pieces <= 1024
    assert curve_error(unit, smooth(kind)) == worst
    if kind is not Kind.SOFTSIGN or t.integer <= 3:
        assert worst <= 1.25 * y.lsb


@pytest.mark.parametrize("kind", Kind)
@pytest.mark.parametrize(("t", "size"), [(rounding(24, 6), 1024), (rounding(30, 9), 256)])
def test_the_error_of_wide_types_is_bounded(kind: Kind, t: Fixed, size: int) -> None:
    x = edge(t, -16, 3) if kind is Kind.EXPONENTIAL else edge(t)
    ends = int(x.bounds.lo[0]), int(x.bounds.hi[0])
    unit = curve_unit(x, output_of(kind, x, 24), smooth(kind), size)
    bound = curve_error(unit, smooth(kind), ends)
    rng = np.random.default_rng(3)
    dense = rng.integers(-8 << t.fraction, 3 << t.fraction, 200_000)
    codes = np.clip(np.concatenate([dense, rng.integers(*ends, 20_000)]), *ends)
    assert measured(unit, kind, codes) <= bound
    assert bound <= 3 * measured(unit, kind, codes) + 2 * unit.output_type.lsb


@given(
    st.sampled_from(SMOOTH),
    st.integers(11, 15),
    st.integers(-3, 12),
    st.booleans(),
    st.integers(4, 14),
    st.integers(8, 500),
)
@settings(max_examples=30, deadline=None)
def test_any_types_hold_the_stated_error_and_bounds(
    kind: Kind, width: int, integer: int, signed: bool, out: int, size: int
) -> None:
    t = rounding(width, integer, signed)
    x = edge(t)
    unit = curve_unit(x, output_of(kind, x, out), smooth(kind), size)
    codes = np.arange(t.code_min, t.code_max + 1)
    assert unit.pieces <= size
    assert measured(unit, kind, codes) <= curve_error(unit, smooth(kind))
    got, bounds = unit.emulate(codes[:, np.newaxis]), unit.bounds((x.bounds,))
    assert bounds.lo[0] <= got.min()
    assert got.max() <= bounds.hi[0]


def lowered(layer: Function | Ramp | HardSwish, t: Fixed, **settings_: object) -> list[object]:
    config = LayerConfig(**settings_)  # type: ignore[arg-type]
    return [s.unit for s in layer.lower("f", [edge(t)], config, None).stages]


@pytest.mark.parametrize("kind", Kind)
def test_narrow_inputs_have_an_entry_each(kind: Kind) -> None:
    t = rounding(9, 4)
    (unit,) = lowered(Function(kind), t)
    assert isinstance(unit, Table)
    codes = np.arange(t.code_min, t.code_max + 1)[:, np.newaxis]
    exact = unit.output_type.from_float(smooth(kind)(t.to_float(codes)))
    assert np.array_equal(unit.emulate(codes), exact)


def test_table_size_is_honoured() -> None:
    (unit,) = lowered(Function(Kind.GELU), rounding(16, 6), table_size=32)
    assert isinstance(unit, Curve)
    assert unit.pieces <= 32
    (small,) = lowered(Function(Kind.GELU), rounding(6, 3), table_size=32)
    assert isinstance(small, Curve)


def test_levels_where_they_are_off_by_no_more_than_a_step() -> None:
    (unit,) = lowered(Function(Kind.TANH), rounding(16, 6), default_precision=Auto(8))
    assert isinstance(unit, Table)
    (unit,) = lowered(Function(Kind.TANH), rounding(16, 6), default_precision=Auto(16))
    assert isinstance(unit, Curve)


def test_the_type_of_the_table_is_that_of_the_pieces() -> None:
    precision = {"table": rounding(10, 3)}
    (unit,) = lowered(Function(Kind.SELU), rounding(16, 4), precision=precision)
    assert isinstance(unit, Curve)
    assert unit.fraction - unit.lift == 7
    assert np.abs(unit.values).max() < 1 << 9


def test_an_exponential_without_a_bound_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"f: the function reaches .* give a type for its result"):
        lowered(Function(Kind.EXPONENTIAL), rounding(16, 12))
    lowered(Function(Kind.EXPONENTIAL), rounding(16, 12), precision={"result": rounding(16, 8)})


def test_an_exponential_saturates_at_its_type() -> None:
    t, y = rounding(16, 6), rounding(12, 5, signed=False)
    (unit,) = lowered(Function(Kind.EXPONENTIAL), t, precision={"result": y})
    codes = np.arange(t.code_min, t.code_max + 1)
    got = y.to_float(unit.emulate(codes[:, np.newaxis])[:, 0])  # type: ignore[attr-defined]
    exact = np.minimum(np.exp(t.to_float(codes)), y.max)
    assert np.abs(got - exact).max() <= 1.25 * y.lsb


@pytest.mark.parametrize(
    "ramp",
    [Ramp(0.2, 0.5), Ramp(1 / 6, 0.5), Ramp(0.5, 0.5), Ramp(lowest=-1.0), Ramp(0.375, 0, -1)],
)
@pytest.mark.parametrize(
    "t", [rounding(12, 4), rounding(5, 8), rounding(6, -9), rounding(8, 3, False), rounding(50, 9)]
)
def test_ramps_are_exact_but_for_the_slope(ramp: Ramp, t: Fixed) -> None:
    """A slope of 18 bits is off by 2**-18 of itself; the result is wide enough to show it."""
    stages = ramp.lower("f", [edge(t)], LayerConfig(default_precision=Auto(60)), None).stages
    rng = np.random.default_rng(2)
    codes = rng.integers(t.code_min, t.code_max + 1, 4000)
    codes[:3] = t.code_min, t.code_max, 0
    y = codes[:, np.newaxis]
    for stage in stages:
        y = stage.unit.emulate(y)
    exact = ramp.forward([t.to_float(codes)])
    error = np.abs(stages[-1].unit.output_type.to_float(y)[:, 0] - exact)
    assert error.max() <= 2.0**-18 * 3 + 2.0**-50


def test_the_range_of_hard_swish() -> None:
    assert HARD_SWISH.range_over(-9, 4) == (-0.375, 4)
    assert HARD_SWISH.range_over(1, 4)[0] == pytest.approx(2 / 3)
    low = HardSwish().lower("f", [edge(rounding(16, 4))], LayerConfig(), None)
    assert [type(s.unit).__name__ for s in low.stages] == [
        "Requantize", "Requantize", "Merge", "Requantize"
    ]  # fmt: skip
    assert low.edges["f"].type == rounding(16, 4)


def test_elu_keeps_its_alpha() -> None:
    f = smooth(Kind.ELU, 0.3)
    assert f(np.array([-50.0]))[0] == pytest.approx(-0.3)
    assert math.isclose(f.range_over(-1, 1)[0], 0.3 * math.expm1(-1))
