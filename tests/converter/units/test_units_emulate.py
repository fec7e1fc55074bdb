"""Every unit's numpy against its definition in Python's integers and fractions."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from math import floor
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from converter.errors import ConfigError
from converter.graph import Bounds, Implementation, Strategy, frozen_array
from converter.types import Codes, Fixed, Overflow, Rounding, bits_for
from converter.units.affine import Affine
from converter.units.matvec import MatVec
from converter.units.requantize import Relu, Requantize
from converter.units.reuse import legal_reuse_factors
from converter.units.softmax import Softmax
from converter.units.table import Table
from converter.units.threshold import Threshold

DTYPES = (np.int64, object, np.float64)


def converted(value: Fraction, t: Fixed) -> int:
    """A real value as a code of ``t``: nearest or floor, then saturation or wrapping."""
    scaled = value * Fraction(2) ** t.fraction
    code, rest = floor(scaled), scaled - floor(scaled)
    if t.rounding is Rounding.RND:
        code += rest >= Fraction(1, 2)
    elif t.rounding is Rounding.RND_CONV:
        code += rest > Fraction(1, 2) or (rest == Fraction(1, 2) and code % 2 == 1)
    if t.overflow is Overflow.WRAP:
        code %= 2**t.width
        return code - 2**t.width if code > t.code_max else code
    return min(max(code, t.code_min), t.code_max)


@st.composite
def types(draw: st.DrawFn, width: int = 12, signed: bool | None = None) -> Fixed:
    bits = draw(st.integers(1, width))
    sign = draw(st.booleans()) if signed is None else signed
    modes = (Rounding.RND, Rounding.TRN, Rounding.RND_CONV)
    overflow = draw(st.sampled_from((Overflow.SAT, Overflow.WRAP)))
    return Fixed(
        bits, draw(st.integers(-3, bits + 3)), sign, draw(st.sampled_from(modes)), overflow
    )


def drawn_codes(draw: st.DrawFn, t: Fixed, *shape: int) -> Codes:
    n = int(np.prod(shape))
    codes = draw(st.lists(st.integers(t.code_min, t.code_max), min_size=n, max_size=n))
    return frozen_array(np.array(codes, dtype=object).reshape(shape), _holder(t))


def _holder(t: Fixed) -> Any:
    return np.int64 if t.width <= 62 else object


def check(
    unit: Any,
    x: Codes,
    expected: Callable[[list[int]], list[int]],
    dtypes: tuple[Any, ...] = DTYPES,
) -> None:
    """Emulation in each dtype equals the definition, and stays within the bounds."""
    rows = [expected([int(v) for v in row]) for row in x]
    bounds = unit.bounds((Bounds(x.min(axis=0), x.max(axis=0)),))
    for dtype in dtypes:
        got = unit.emulate(x.astype(dtype))
        assert [[int(v) for v in row] for row in got] == rows
        assert (got >= bounds.lo).all()
        assert (got <= bounds.hi).all()


@given(st.data())
def test_matvec(data: st.DataObject) -> None:
    draw = data.draw
    n_in, n_out = draw(st.integers(1, 6)), draw(st.integers(1, 4))
    x_type, w_type = draw(types()), draw(types(signed=True))
    weights = drawn_codes(draw, w_type, n_in, n_out)
    extra = draw(st.integers(0, 3))
    accum = Fixed(40, 40 - x_type.fraction - w_type.fraction - extra)
    bias = drawn_codes(draw, Fixed(20, 20), n_out)
    unit = MatVec(weights, w_type, bias, x_type, accum)

    def sums(row: list[int]) -> list[int]:
        return [
            sum(row[i] * int(weights[i, j]) << extra for i in range(n_in)) + int(bias[j])
            for j in range(n_out)
        ]

    check(unit, drawn_codes(draw, x_type, 3, n_in), sums)
    assert unit.emulate(np.zeros((1, n_in), np.int64)).tolist() == [bias.tolist()]


@pytest.mark.parametrize("width", [20, 40, 60])
def test_a_matvec_beyond_doubles_and_beyond_64_bits(width: int) -> None:
    t = Fixed(width, 1)
    weights = frozen_array([[t.code_max, t.code_min], [t.code_min, t.code_max]])
    x = np.array([[t.code_max, t.code_min], [t.code_min, t.code_min]])
    unit = MatVec(weights, t, frozen_array([1, -1]), t, Fixed(2 * width + 2, 4))

    def sums(row: list[int]) -> list[int]:
        return [
            row[0] * int(weights[0, j]) + row[1] * int(weights[1, j]) + (1, -1)[j] for j in (0, 1)
        ]

    check(unit, x, sums, (np.int64, object))


@given(st.data())
def test_affine(data: st.DataObject) -> None:
    draw = data.draw
    size, extra = draw(st.integers(1, 5)), draw(st.integers(0, 3))
    x_type, s_type = draw(types()), draw(types(signed=True))
    scale, offset = drawn_codes(draw, s_type, size), drawn_codes(draw, Fixed(20, 20), size)
    accum = Fixed(40, 40 - x_type.fraction - s_type.fraction - extra)
    unit = Affine(scale, s_type, offset, x_type, accum)

    def affine(row: list[int]) -> list[int]:
        return [(v * int(s) << extra) + int(b) for v, s, b in zip(row, scale, offset, strict=True)]

    check(unit, drawn_codes(draw, x_type, 4, size), affine)


@given(st.data())
def test_requantize(data: st.DataObject) -> None:
    x_type, y_type = data.draw(types(20)), data.draw(types())
    unit = Requantize(3, x_type, y_type)
    step = Fraction(2) ** -x_type.fraction
    check(
        unit,
        drawn_codes(data.draw, x_type, 4, 3),
        lambda r: [converted(v * step, y_type) for v in r],
    )


@given(st.data())
def test_requantize_of_wide_accumulators(data: st.DataObject) -> None:
    x_type, y_type = data.draw(types(40)), data.draw(types(31))
    relu = data.draw(st.none() | st.just(Relu()))
    unit = Requantize(3, x_type, y_type, relu)
    least, step = 0 if relu else x_type.code_min, Fraction(2) ** -x_type.fraction
    check(
        unit,
        drawn_codes(data.draw, x_type, 4, 3),
        lambda r: [converted(max(v, least) * step, y_type) for v in r],
    )


@given(st.data())
def test_requantize_with_a_rectifier(data: st.DataObject) -> None:
    draw = data.draw
    x_type, y_type = draw(types(16, signed=True)), draw(types())
    plain = draw(st.booleans())
    relu = Relu() if plain else Relu(
        threshold=draw(st.integers(-5, 40)),
        slope=draw(st.integers(-9, 9)),
        slope_fraction=draw(st.integers(0, 4)),
        offset=draw(st.integers(-30, 30)),
        ceiling=draw(st.none() | st.integers(40, 60)),
        ceiling_out=draw(st.integers(y_type.code_min, y_type.code_max)),
    )  # fmt: skip
    unit = Requantize(3, x_type, y_type, relu)
    step = Fraction(2) ** -x_type.fraction

    def one(x: int) -> int:
        if relu.ceiling is not None and x >= relu.ceiling:
            return relu.ceiling_out
        if x >= relu.threshold:
            return converted(x * step, y_type)
        below = Fraction(relu.slope * x - relu.offset) / 2**relu.slope_fraction
        return converted(below * step, y_type)

    check(unit, drawn_codes(draw, x_type, 4, 3), lambda row: [one(v) for v in row])


def test_a_saturated_code_that_single_precision_cannot_hold() -> None:
    unit = Requantize(1, Fixed(8, 8), Fixed(32, 4, True, Rounding.RND, Overflow.SAT))
    got = unit.emulate(np.array([[100.0]], dtype=np.float32))
    assert int(got[0, 0]) == 2**31 - 1


@given(st.data())
def test_table(data: st.DataObject) -> None:
    draw = data.draw
    x_type, y_type = draw(types()), draw(types())
    entries = drawn_codes(draw, y_type, draw(st.integers(1, 20)))
    shift, offset = draw(st.integers(0, 4)), draw(st.integers(-20, 20))
    unit = Table(3, x_type, y_type, entries, shift, offset)

    def look_up(row: list[int]) -> list[int]:
        index = [min(max(floor(Fraction(v, 2**shift)) + offset, 0), len(entries) - 1) for v in row]
        return [int(entries[i]) for i in index]

    check(unit, drawn_codes(draw, x_type, 4, 3), look_up)


@given(st.data())
def test_threshold(data: st.DataObject) -> None:
    draw = data.draw
    x_type, y_type = draw(types()), draw(types())
    steps = sorted(draw(st.sets(st.integers(-3000, 3000), max_size=5)))
    levels = drawn_codes(draw, y_type, len(steps) + 1)
    unit = Threshold(3, x_type, y_type, frozen_array(steps, np.int64), levels)

    def climb(row: list[int]) -> list[int]:
        return [int(levels[sum(v >= t for t in steps)]) for v in row]

    check(unit, drawn_codes(draw, x_type, 4, 3), climb)


@given(st.data())
@settings(deadline=None)
def test_softmax(data: st.DataObject) -> None:
    draw = data.draw
    x_type, size = draw(types(16)), draw(st.integers(1, 20))
    fraction, bits = draw(st.integers(4, 12)), draw(st.integers(1, 4))
    exps = sorted(draw(st.lists(st.integers(0, 2**fraction), min_size=1, max_size=9)), reverse=True)
    exps[0] = 2**fraction
    inverse = draw(st.lists(st.integers(1, 2**10), min_size=2**bits, max_size=2**bits))
    y_type = Fixed(10, 1, False, Rounding.RND, Overflow.SAT)
    shift = draw(st.integers(0, 5))
    unit = Softmax(
        size, x_type, y_type, frozen_array(exps), shift, fraction, frozen_array(inverse), 10
    )

    def softmax(row: list[int]) -> list[int]:
        index = [min(-(-(max(row) - v) // 2**shift), len(exps) - 1) for v in row]
        values = [Fraction(exps[i], 2**fraction) for i in index]
        total, exponent = sum(values), 0
        while total >= 2 ** (exponent + 1):
            exponent += 1
        place = floor((total / 2**exponent - 1) * 2**bits)
        return [
            converted(v * Fraction(inverse[place], 2**10) / 2**exponent, y_type) for v in values
        ]

    check(unit, drawn_codes(draw, x_type, 3, size), softmax)


@given(lo=st.integers(-(2**70), 2**70), hi=st.integers(-(2**70), 2**70))
def test_bounds_of_the_widest_inputs_hold(lo: int, hi: int) -> None:
    lo, hi = min(lo, hi), max(lo, hi)
    width, signed = bits_for(lo, hi)
    t = Fixed(width, 10, signed)
    unit = Requantize(1, t, Fixed(30, 8, True, Rounding.RND, Overflow.SAT), Relu())
    bounds = unit.bounds((Bounds(np.array([lo], dtype=object), np.array([hi], dtype=object)),))
    for x in (lo, hi, (lo + hi) // 2):
        (y,) = unit.emulate(np.array([[x]], dtype=object))[0]
        assert bounds.lo[0] <= y <= bounds.hi[0]


def test_reuse_factors_of_hls4ml() -> None:
    assert legal_reuse_factors(16, 64) == tuple(2**k for k in range(11))
    assert legal_reuse_factors(32, 5) == (1, 2, 4, 8, 16, 32, 160)
    assert legal_reuse_factors(27, 16) == (1, 3, 9, 27, 54, 108, 216, 432)


def test_an_illegal_reuse_factor_is_told_its_neighbours() -> None:
    unit = MatVec(np.zeros((16, 5), np.int64), Fixed(8, 8), np.zeros(5), Fixed(8, 8), Fixed(30, 30))
    with pytest.raises(ConfigError, match=r"reuse_factor=7 is not legal .* nearby: 4, 8"):
        unit.check("fc1", Implementation(Strategy.RESOURCE, 7))
    unit.check("fc1", Implementation(Strategy.RESOURCE, 80))
