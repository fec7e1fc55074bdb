"""LayerNorm: numpy against the definition in Python's integers, C++ against numpy, and both
within the bound that is stated for the layer.
"""

from __future__ import annotations

import shutil
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from unit_cases import Case, check_csim, check_verilog

from converter.config import Auto, LayerConfig
from converter.errors import ConfigError, ModelError
from converter.graph import Bounds, Edge, Implementation
from converter.layers.layernorm import ROOT, LayerNormalization, norm_error, root_unit
from converter.timing import Family, Target
from converter.types import Fixed, Overflow, Rounding
from converter.units.layernorm import LayerNorm


def rounding(width: int, integer: int, signed: bool = True) -> Fixed:
    return Fixed(width, integer, signed, Rounding.RND, Overflow.SAT)


def random_layer(rng: Any, n: int) -> LayerNormalization:
    epsilon = float(rng.choice([1e-3, 1e-5, 0.0, 0.3]))
    gamma = rng.normal(0, 2.0 ** rng.integers(-3, 3), n) if rng.integers(4) else None
    return LayerNormalization((-1,), epsilon, gamma, rng.normal(size=n))


def unit_of(layer: LayerNormalization, t: Fixed, n: int, width: int = 16) -> LayerNorm:
    edge = Edge("x", (n,), t, Bounds.of_type(t, n))
    config = LayerConfig(default_precision=Auto(width))
    (stage,) = layer.lower("norm", [edge], config, None).stages
    assert isinstance(stage.unit, LayerNorm)
    return stage.unit


def defined(unit: LayerNorm, row: list[int]) -> list[int]:
    """The unit's own formulas in Python's integers."""
    n, total = unit.size, sum(row)
    centred = [n * x - total for x in row]
    v = (sum(c * c for c in centred) << unit.extra) + unit.epsilon
    k = (v.bit_length() - 1) // 2
    f = unit.root.input_type.fraction
    u = v * 4**30 >> 2 * (k + 30) - f if 2 * k <= f else v >> 2 * k - f
    root = int(unit.root.emulate(np.array([[u]]))[0, 0])
    z = [(c * root << unit.lift) >> k for c in centred]
    codes = [a * int(s) + int(b) for a, s, b in zip(z, unit.scale, unit.offset, strict=True)]
    return [
        int(unit.output_type.cast(np.array([c], dtype=object), unit.accum_fraction)[0])
        for c in codes
    ]


@given(st.integers(0, 1 << 32), st.integers(1, 9), st.integers(2, 40))
@settings(max_examples=40, deadline=None)
def test_the_unit_is_its_definition_within_its_bounds(seed: int, n: int, width: int) -> None:
    rng = np.random.default_rng(seed)
    t = rounding(width, int(rng.integers(-2, width + 2)), bool(rng.integers(2)))
    unit = unit_of(random_layer(rng, n), t, n)
    x = rng.integers(t.code_min, t.code_max + 1, (12, n))
    x[0] = x[0, 0]
    x[1] = t.code_min, *([t.code_max] * (n - 1))
    for dtype in (np.int64, object):
        got = unit.emulate(x.astype(dtype))
        assert [[int(c) for c in row] for row in got] == [
            defined(unit, [int(c) for c in row]) for row in x
        ]
    bounds = unit.bounds(())
    assert (bounds.lo <= got.min(axis=0)).all()
    assert (got.max(axis=0) <= bounds.hi).all()


@given(st.integers(0, 1 << 32), st.integers(1, 20), st.integers(4, 24), st.integers(6, 24))
@settings(max_examples=40, deadline=None)
def test_the_error_is_within_what_is_stated(seed: int, n: int, width: int, out: int) -> None:
    rng = np.random.default_rng(seed)
    t = rounding(width, int(rng.integers(-1, 8)))
    layer = random_layer(rng, n)
    unit = unit_of(layer, t, n, out)
    spread = 2.0 ** rng.integers(0, width, (200, 1))
    codes = np.clip(rng.normal(0, spread, (200, n)), t.code_min, t.code_max).astype(np.int64)
    codes[0] = codes[0, 0]
    codes[1] = codes[1, 0]
    codes[1, 0] += 1 if codes[1, 0] < t.code_max else -1
    with np.errstate(invalid="ignore"):  # equal elements without an epsilon
        exact = layer.forward([t.to_float(codes)])
    exact = np.where(np.isfinite(exact), exact, layer.beta)
    y = unit.output_type
    error = np.abs(y.to_float(unit.emulate(codes)) - np.clip(exact, y.min, y.max))
    assert error.max() <= norm_error(unit, layer.factors(n)[0], layer.epsilon)


def test_a_sixteen_bit_result_is_off_by_about_a_step() -> None:
    """Half a step of rounding, and three guard bits of the root, of z and of the factors."""
    rng = np.random.default_rng(5)
    layer = LayerNormalization((-1,), 1e-3, rng.uniform(0.5, 1.5, 16), rng.normal(size=16))
    unit = unit_of(layer, rounding(16, 6), 16)
    codes = rng.integers(-(1 << 13), 1 << 13, (5000, 16))
    y = unit.output_type
    error = np.abs(y.to_float(unit.emulate(codes)) - layer.forward([codes / 1024]))
    assert error.max() <= y.lsb


@pytest.mark.parametrize("fraction", [8, 15, 22])
def test_the_reciprocal_root_is_better_than_its_step(fraction: int) -> None:
    unit = root_unit(fraction, 1024)
    codes = np.arange(1 << fraction, 4 << fraction, max(1, (1 << fraction) >> 14))
    got = unit.output_type.to_float(unit.emulate(codes[:, np.newaxis])[:, 0])
    error = np.abs(got - ROOT(np.ldexp(codes.astype(float), -fraction)))
    assert error.max() <= max(2.0**-fraction, 2.0**-20)


def random_case(rng: Any) -> Case:
    n, width = int(rng.integers(1, 12)), int(rng.integers(2, 19))
    t = rounding(width, int(rng.integers(-2, width + 2)), bool(rng.integers(2)))
    unit = unit_of(random_layer(rng, n), t, n, int(rng.integers(4, 24)))
    return unit, t, n, Implementation()


@pytest.mark.skipif(shutil.which("g++") is None, reason="needs g++")
def test_csim_gives_the_bits_of_emulate() -> None:
    rng = np.random.default_rng(9)
    check_csim([random_case(rng) for _ in range(24)], rng)


@pytest.mark.skipif(
    shutil.which("verilator") is None or shutil.which("g++") is None,
    reason="needs verilator and g++",
)
@pytest.mark.slow
@pytest.mark.parametrize(
    "target",
    [
        Target("xcvu9p-flga2104-2L-e", Family.ULTRASCALE_PLUS, 5.0),
        Target("xc7a200tfbg676-2", Family.SERIES7, 5.0),
    ],
    ids=["usual", "old"],
)
def test_verilog_gives_the_bits_of_emulate(target: Target) -> None:
    rng = np.random.default_rng(10)
    check_verilog([random_case(rng) for _ in range(16)], target, rng, 200)


def test_weights_of_another_size_are_refused() -> None:
    layer = LayerNormalization((-1,), 1e-3, np.ones(3))
    with pytest.raises(ModelError, match=r"gamma must have shape \(4,\); the file has \(3,\)"):
        layer.infer_shape([(2, 4)])
    with pytest.raises(ModelError, match=r"axis=\[5\] must name axes of the input other than the"):
        LayerNormalization((5,), 1e-3).infer_shape([(2, 4)])


@pytest.mark.parametrize(
    ("precision", "message"),
    [
        (
            {"scale": rounding(8, 1)},
            r"norm: scale=fixed<8,1,RND,SAT> must hold gamma times the root",
        ),
        (
            {"accum": rounding(20, 10)},
            "norm: accum=fixed<20,10,RND,SAT> would overflow or lose bits",
        ),
    ],
)
def test_types_that_would_lose_something_are_refused(
    precision: dict[str, Fixed], message: str
) -> None:
    edge = Edge("x", (9,), rounding(8, 3), Bounds.of_type(rounding(8, 3), 9))
    with pytest.raises(ConfigError, match=message):
        LayerNormalization((-1,), 1e-3).lower("norm", [edge], LayerConfig(precision), None)


def test_the_type_of_the_table_is_that_of_the_root() -> None:
    edge = Edge("x", (4,), rounding(12, 4), Bounds.of_type(rounding(12, 4), 4))
    config = LayerConfig({"table": rounding(9, 1, signed=False)}, table_size=16)
    low = LayerNormalization((-1,), 1e-3).lower("norm", [edge], config, None)
    unit = low.stages[0].unit
    assert isinstance(unit, LayerNorm)
    assert unit.root.fraction - unit.root.lift == 8
    assert unit.root.pieces <= 16
    assert low.types["table"] == rounding(9, 1, signed=False)
