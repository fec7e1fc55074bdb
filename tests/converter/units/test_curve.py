"""Curves: numpy against the definition in Python's integers; C++ and Verilog against numpy."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from unit_cases import Case, Random, check_csim, check_verilog, random_codes, random_type

from converter.graph import Bounds, Implementation, frozen_array
from converter.timing import Family, Target
from converter.types import Fixed, Overflow, Rounding
from converter.units.curve import Curve, Line
from converter.units.prelu import PRelu

USUAL = Target("xcvu9p-flga2104-2L-e", Family.ULTRASCALE_PLUS, 5.0)
HOW = Implementation()


def random_curve(rng: Any, t: Fixed, out: Fixed, size: int = 2) -> Curve:
    n = int(rng.integers(1, 40))
    shift = int(rng.integers(0, t.width + 1))
    drop = int(rng.integers(0, shift + 1))
    lines = [
        Line(*(int(v) for v in (rng.integers(-9, 10), rng.integers(0, 5), rng.integers(-300, 300))))
        for _ in range(2)
    ]
    return Curve(
        size=size,
        input_type=t,
        output_type=out,
        values=frozen_array(rng.integers(-2000, 2000, n)),
        slopes=frozen_array(rng.integers(-60, 60, n) if shift > drop else np.zeros(n, np.int64)),
        first=int(rng.integers(-n, 2)),
        shift=shift,
        drop=drop,
        lift=int(rng.integers(0, 4)),
        fraction=int(rng.integers(-3, 12)),
        below=lines[0],
        above=lines[1],
    )


def defined(unit: Curve, x: int) -> tuple[int, int]:
    """The code before its conversion, and its fraction."""
    i = (x >> unit.shift) - unit.first
    f = unit.input_type.fraction
    if i < 0:
        return unit.below.slope * x + unit.below.offset, f + unit.below.fraction
    if i >= unit.pieces:
        return unit.above.slope * x + unit.above.offset, f + unit.above.fraction
    d = (x >> unit.drop) % (1 << unit.shift - unit.drop)
    return (int(unit.values[i]) << unit.lift) + int(unit.slopes[i]) * d, unit.fraction


@given(st.integers(0, 1 << 32), st.sampled_from([5, 9, 70]))
@settings(max_examples=60, deadline=None)
def test_curve_is_its_definition_within_its_bounds(seed: int, width: int) -> None:
    rng = np.random.default_rng(seed)
    t = Fixed(width, int(rng.integers(-2, width + 3)), bool(rng.integers(2)))
    modes = Rounding.RND_CONV, [Overflow.SAT, Overflow.WRAP][rng.integers(2)]
    out = Fixed(int(rng.integers(2, 20)), 5, True, *modes)
    unit = random_curve(rng, t, out, 1)
    span = min(t.code_max - t.code_min, 1 << 12)
    start = max(t.code_min, -span // 2)
    x = np.array([start + int(k) for k in rng.integers(0, span + 1, 300)], dtype=object)
    x = x if width > 62 else x.astype(np.int64)
    got = unit.emulate(x[:, np.newaxis])[:, 0]
    for code, y in zip(x, got, strict=True):
        exact, fraction = defined(unit, int(code))
        assert y == out.cast(np.array([exact], dtype=object), fraction)[0]
    bounds = unit.bounds((Bounds(x.min(keepdims=True), x.max(keepdims=True)),))
    assert bounds.lo[0] <= got.min()
    assert got.max() <= bounds.hi[0]


def curve_case(rng: Random) -> Case:
    t, out = random_type(rng, 2, 14), random_type(rng, 2, 20, modes=True)
    return random_curve(rng, t, out), t, 2, HOW


def prelu_case(rng: Random) -> Case:
    t, out = random_type(rng, 1, 14), random_type(rng, 2, 20, modes=True)
    kind = random_type(rng, 1, 9)
    return PRelu(random_codes(rng, kind, (3,)), kind, t, out), t, 3, HOW


@pytest.mark.skipif(shutil.which("g++") is None, reason="needs g++")
@pytest.mark.parametrize("make", [curve_case, prelu_case])
def test_csim_gives_the_bits_of_emulate(make: Callable[[Random], Case]) -> None:
    rng = np.random.default_rng(7)
    check_csim([make(rng) for _ in range(40)], rng)


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("verilator") is None, reason="needs verilator")
@pytest.mark.parametrize(("make", "count"), [(curve_case, 20), (prelu_case, 20)])
def test_verilog_gives_the_bits_of_emulate(make: Callable[[Random], Case], count: int) -> None:
    rng = np.random.default_rng(8)
    check_verilog([make(rng) for _ in range(count)], USUAL, rng, rows=500)


@given(st.integers(0, 1 << 32))
@settings(max_examples=40, deadline=None)
def test_prelu_is_its_definition_within_its_bounds(seed: int) -> None:
    rng = np.random.default_rng(seed)
    t, kind = Fixed(6, 2, bool(rng.integers(2))), Fixed(5, 2)
    out = Fixed(int(rng.integers(2, 14)), 3, True, Rounding.RND, Overflow.SAT)
    slopes = frozen_array(rng.integers(kind.code_min, kind.code_max + 1, 4))
    unit = PRelu(slopes, kind, t, out)
    x = rng.integers(t.code_min, t.code_max + 1, (50, 4))
    got = unit.emulate(x)
    real = t.to_float(x) * np.where(x >= 0, 1.0, kind.to_float(slopes))  # exact in doubles
    assert (got == out.from_float(real)).all()
    bounds = unit.bounds((Bounds(x.min(axis=0), x.max(axis=0)),))
    assert (bounds.lo <= got.min(axis=0)).all()
    assert (got.max(axis=0) <= bounds.hi).all()
