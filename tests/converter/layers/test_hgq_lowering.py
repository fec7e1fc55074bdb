"""Types by element become the least that gives the same values, and one type where that will do."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from converter.config import LayerConfig
from converter.errors import ConfigError, ModelError
from converter.graph import Bounds, Edge, Implementation
from converter.layers.activation import Function
from converter.layers.base import Range
from converter.layers.functions import Kind
from converter.layers.hgq_elements import ElementQuantizer, ElementTypes, input_type
from converter.layers.hgq_function import QuantizedFunction
from converter.types import Fixed, Overflow, Rounding
from converter.units.quantize_elements import QuantizeElements
from converter.units.requantize import Requantize
from converter.units.table import Table


def types(signed, fraction, integer, rounding=Rounding.RND, overflow=Overflow.SAT) -> ElementTypes:
    arrays = [None if a is None else np.array(a) for a in (signed, fraction, integer)]
    return ElementTypes(arrays[0], arrays[1], arrays[2], rounding, overflow)


def edge(shape=(4,), t=None) -> Edge:
    t = t or Fixed(12, 6)
    return Edge("x", shape, t, Bounds.of_type(t, int(np.prod(shape))))


def lowered(of: ElementTypes, x: Edge, seen: Range | None = None):
    return ElementQuantizer(of).lower("q", [x], LayerConfig(), seen)


@given(st.integers(0, 2**32 - 1))
@settings(max_examples=60, deadline=None)
def test_the_stage_gives_what_the_types_say(seed: int) -> None:
    rng = np.random.default_rng(seed)
    shape = [(5,), (3, 4), (2, 3, 2)][rng.integers(3)]
    x = edge(shape, Fixed(9, int(rng.integers(2, 8)), bool(rng.integers(2))))
    per = shape if rng.integers(2) else (1,) * (len(shape) - 1) + shape[-1:]
    integer = None if rng.integers(4) == 0 else rng.integers(-3, 5, per)
    of = types(
        rng.integers(0, 2, per),
        rng.integers(-2, 7, per),
        integer,
        list(Rounding)[rng.integers(7)],
        Overflow.SAT if integer is None else list(Overflow)[[0, 2, 3][rng.integers(3)]],
    )
    codes = rng.integers(x.type.code_min, x.type.code_max + 1, (40, x.size))
    codes[0], codes[1] = x.type.code_min, x.type.code_max
    narrow = np.sort(codes[2:4], axis=0)
    x = replace(x, bounds=Bounds(narrow[0], narrow[1]) if rng.integers(2) else x.bounds)
    codes = np.clip(codes, x.bounds.lo, x.bounds.hi)
    want = of.quantize(x.type.to_float(codes).reshape(-1, *shape)).reshape(-1, x.size)
    made = lowered(of, x)
    got, t = codes, x.type
    for stage in made.stages:
        got, t = stage.unit.emulate(got), made.edges[stage.name].type
        bounds = made.edges[stage.name].bounds
        assert (bounds.lo <= got).all()
        assert (got <= bounds.hi).all()
    assert np.array_equal(t.to_float(got), want)


def test_one_type_for_all_is_a_plain_conversion() -> None:
    (stage,) = lowered(types(1, 3, 2), edge()).stages
    assert isinstance(stage.unit, Requantize)
    assert stage.unit.output_type == Fixed(6, 3, True, Rounding.RND, Overflow.SAT)


def test_types_by_element_are_one_stage() -> None:
    (stage,) = lowered(types(1, [1, 2, 3, 3], [2, 2, 2, -4]), edge()).stages
    assert isinstance(stage.unit, QuantizeElements)
    assert stage.unit.width.tolist() == [4, 5, 6, 0]
    assert (stage.unit.output_type.width, stage.unit.output_type.fraction) == (6, 3)


def test_what_changes_no_element_is_left_out() -> None:
    made = lowered(types(1, [9, 8, 7, 6], [5, 9, 9, 6], Rounding.RND, Overflow.WRAP), edge())
    assert made.stages == ()


def test_a_lane_has_one_type_at_all_positions_where_the_model_gives_it_one() -> None:
    x = edge((3, 2))
    lo = np.array([-9, -1, -900, -200, 0, -3])
    x = replace(x, bounds=Bounds(lo, lo + 20))
    (stage,) = lowered(types(1, [[2, 3]], [[6, 6]]), x).stages
    assert stage.unit.width.reshape(3, 2).tolist() == [[7, 6]] * 3
    block = stage.unit.hls_beat(Implementation(), 2)
    assert [a.per_beat for a in block.arrays] == [0, 0, 0, 0]
    by_position = types(1, [[2, 3], [1, 3], [2, 3]], [[6, 6]])
    (stage,) = lowered(by_position, x).stages
    drops = stage.unit.hls_beat(Implementation(), 2).arrays[0]
    assert (drops.name, drops.per_beat, len(drops.values)) == ("drops", 2, 6)


def test_data_limit_types_without_a_limit() -> None:
    free = types(1, [1, 2, 3, 3], None)
    wide, narrow = lowered(free, edge()), lowered(free, edge(), Range(-1.5, 1.0))
    assert wide.edges["q"].type.integer == 7
    assert narrow.edges["q"].type.integer == 2
    assert narrow.edges["q"].bounds.hi.max() <= 15


def test_an_input_keeps_all_that_its_quantizers_look_at() -> None:
    one = ElementQuantizer(types(1, 3, 2, Rounding.RND_CONV, Overflow.SAT_SYM))
    several = ElementQuantizer(types(1, [1, 4], [2, 3], Rounding.RND, Overflow.WRAP))
    assert input_type([one], None) == Fixed(6, 3, True, Rounding.RND_CONV, Overflow.SAT_SYM)
    assert input_type([several], None) == Fixed(9, 4, True, Rounding.TRN, Overflow.WRAP)
    assert input_type([one, several], None) is None
    free = ElementQuantizer(types(1, [1, 4], None))
    t = input_type([free], Range(-3.0, 2.5))
    assert t is not None
    assert (t.integer, t.fraction, t.overflow) == (3, 5, Overflow.SAT)


def test_bits_of_another_shape_are_refused() -> None:
    with pytest.raises(ModelError, match=r"bits have shape \(3,\), but its input has shape \(4,\)"):
        ElementQuantizer(types(1, [1, 2, 3], 2)).infer_shape([(4,)])


@pytest.mark.parametrize("rounding", [Rounding.TRN, Rounding.RND, Rounding.RND_CONV])
def test_a_function_is_rounded_once_whatever_the_elements_types(rounding: Rounding) -> None:
    of = types(1, [2, 5, 7, -2], [0, 1, 0, 1], rounding)
    layer, x = QuantizedFunction(Function(Kind.TANH), of), edge(t=Fixed(9, 3))
    made = layer.lower("f", [x], LayerConfig(), None)
    assert isinstance(made.stages[0].unit, Table)
    codes = np.repeat(np.arange(-256, 256)[:, None], 4, axis=1)
    got = codes
    for stage in made.stages:
        got = stage.unit.emulate(got)
    want = layer.forward([x.type.to_float(codes)])
    assert np.array_equal(made.edges["f"].type.to_float(got), want)


def test_a_table_that_would_be_too_large_names_the_way_out() -> None:
    layer = QuantizedFunction(Function(Kind.SOFTPLUS), types(1, 16, 20))
    with pytest.raises(ConfigError, match=r"f: its input .* can be one of 16777216 numbers.*give"):
        layer.lower("f", [edge(t=Fixed(24, 10))], LayerConfig(), None)
