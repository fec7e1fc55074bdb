"""Quantizers of activations as stages: every code of the input gives the quantised value."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from converter.config import LayerConfig
from converter.graph import Bounds, Edge
from converter.layers.base import Lowering
from converter.layers.quantized import QuantizedActivation
from converter.layers.quantizers import Factors, Quantizer
from converter.layers.quantizers_linear import QuantizedLinear
from converter.layers.quantizers_smooth import (
    QuantizedHswish,
    QuantizedSigmoid,
    QuantizedTanh,
    QuantizedUlaw,
)
from converter.layers.quantizers_staircase import Binary, PowerOfTwo, Sign, Ternary
from converter.layers.quantizers_uniform import QuantizedBits, QuantizedRelu
from converter.types import Fixed
from converter.units.table import Table
from converter.units.threshold import Threshold

TYPES = st.builds(Fixed, st.integers(1, 9), st.integers(-4, 6), st.booleans())
QUANTIZERS: list[Quantizer] = [
    QuantizedBits(4, 1),
    QuantizedBits(4, 1, keep_negative=False),
    QuantizedBits(4, 4, symmetric=True),
    QuantizedBits(6, 0, alpha=0.5),
    QuantizedBits(4, 2, alpha=3.0),
    QuantizedRelu(4, 1),
    QuantizedRelu(4, 1, 0.25),
    QuantizedRelu(4, 1, 1.0),
    QuantizedRelu(4, 1, 2.0),
    QuantizedRelu(3, 1, 2.0**-5),
    QuantizedRelu(4, 1, 0.0, 0.75),
    QuantizedRelu(4, 1, 0.0, float(np.float32(0.7))),
    QuantizedRelu(4, 1, 0.5, 0.75),
    QuantizedRelu(4, 1, sigmoid=True),
    QuantizedRelu(4, 1, 0.5, sigmoid=True),
    QuantizedLinear(4, 1),
    QuantizedLinear(4, 1, alpha=0.25),
    QuantizedLinear(4, 1, alpha=3.0),
    QuantizedLinear(1, 1),
    Binary(),
    Binary(True, 0.5),
    Sign(-1.0),
    Ternary(),
    Ternary(0.3, 0.5),
    PowerOfTwo(-4, 3),
    PowerOfTwo(-8, 1, True),
    PowerOfTwo(-4, 3, True, 0.5),
    PowerOfTwo(-4, 3, floor=True),
    PowerOfTwo(-4, 2, quadratic=True),
    QuantizedTanh(4),
    QuantizedTanh(7, True, True),
    QuantizedSigmoid(4),
    QuantizedSigmoid(4, True),
    QuantizedSigmoid(7, real=True),
    QuantizedUlaw(4, 1),
    QuantizedUlaw(2),
    QuantizedHswish(QuantizedBits(6, 2)),
    QuantizedHswish(QuantizedBits(4, 1), 2.0, 1.0),
]


def lowered(quantizer: Quantizer, t: Fixed, size: int, shape: tuple[int, ...] = ()) -> Lowering:
    edge = Edge("x", shape or (size,), t, Bounds.of_type(t, size))
    return QuantizedActivation(quantizer).lower("a", [edge], LayerConfig(), None)


def outputs(lowering: Lowering, codes: np.ndarray, t: Fixed) -> tuple[np.ndarray, Fixed]:
    """Values of the last stage, which must be within the bounds that it promises."""
    for stage in lowering.stages:
        codes, t = stage.unit.emulate(codes), stage.unit.output_type
        bounds = lowering.edges[stage.name].bounds
        assert (codes >= bounds.lo).all()
        assert (codes <= bounds.hi).all()
    return t.to_float(codes), t


@pytest.mark.parametrize("quantizer", QUANTIZERS, ids=str)
@given(t=TYPES)
def test_every_code_gives_the_quantised_value(quantizer: Quantizer, t: Fixed):
    codes = np.arange(t.code_min, t.code_max + 1)[np.newaxis]
    got, out = outputs(lowered(quantizer, t, codes.size), codes, t)
    wanted = quantizer.quantize(t.to_float(codes))
    assert np.array_equal(got, out.to_float(out.from_float(wanted)))
    assert np.abs(got - wanted).max() <= np.abs(wanted).max() * 2.0**-17  # 18 bits of a level


def test_many_steps_in_a_small_range_are_a_table_and_few_are_comparisons():
    real = QuantizedTanh(7, real=True)
    (table,) = lowered(real, Fixed(10, 3), 2).stages
    (steps,) = lowered(real, Fixed(20, 3), 2).stages
    (few,) = lowered(PowerOfTwo(-2, 1), Fixed(10, 3), 2).stages
    assert isinstance(table.unit, Table)
    assert isinstance(steps.unit, Threshold)
    assert isinstance(few.unit, Threshold)


def test_thresholds_that_no_code_can_tell_apart_are_left_out():
    """Of 2**-64 to 2**63, four bits with two of fraction reach few."""
    (stage,) = lowered(PowerOfTwo(-64, 63), Fixed(4, 2), 1).stages
    assert isinstance(stage.unit, Threshold)
    assert stage.unit.thresholds.tolist() == [-5, -2, -1, 0, 1, 2, 3, 6]


@pytest.mark.parametrize("alpha", [Factors((0.5, 3.0), (2,)), Factors((0.5, 1.0, 3.0), (3, 1))])
def test_factors_per_channel_or_per_element(alpha: Factors):
    t, x = Fixed(6, 2), np.arange(-12, 12).reshape(4, 6)
    quantizer = QuantizedBits(4, 1, alpha=alpha)
    got, _ = outputs(lowered(quantizer, t, 6, (3, 2)), x, t)
    wanted = quantizer.quantize(t.to_float(x).reshape(4, 3, 2))
    assert np.array_equal(got.reshape(4, 3, 2), wanted)


def test_dyadic_steps_per_channel_of_quantized_linear():
    t, x = Fixed(6, 2), np.arange(-12, 12).reshape(4, 6)
    quantizer = QuantizedLinear(3, 0, alpha=Factors((0.5, 2.0), (2,)))
    got, _ = outputs(lowered(quantizer, t, 6, (3, 2)), x, t)
    assert np.array_equal(got.reshape(4, 3, 2), quantizer.quantize(t.to_float(x).reshape(4, 3, 2)))
