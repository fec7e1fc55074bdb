"""Convolutions and pooling in integers: exact where the numbers allow, and accumulators that
hold every sum.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import converter
from converter.config import EXACT, Auto, HLSConfig, LayerConfig
from converter.emulate import run
from converter.errors import ConfigError, ModelError, UnsupportedError
from converter.forward import forward
from converter.graph import ModelGraph, Node, TypedGraph
from converter.layers.base import Layer, Range
from converter.layers.batchnorm import BatchNormalization
from converter.layers.conv import Conv
from converter.layers.dense import Dense
from converter.layers.geometry import Geometry, Padding
from converter.layers.input import Input
from converter.layers.pooling import Pool, Pooling
from converter.layers.quantizers import Alpha
from converter.layers.quantizers_uniform import QuantizedBits
from converter.layers.transpose import ConvTranspose
from converter.pipeline import optimize
from converter.resolved import resolved_config
from converter.types import Fixed
from converter.units.affine import Affine
from converter.units.grouped import GroupedMatVec
from converter.units.matvec import MatVec
from converter.units.reduce import Reduce
from converter.units.reindex import Reindex
from converter.units.sliding import Sliding

KINDS = ["conv", "depthwise", "transpose"]
SIX_BITS = Fixed(6, 6)
INTEGERS = HLSConfig(
    model=LayerConfig({"result": EXACT}, Auto(24)),
    layers={"x": {"precision": {"result": SIX_BITS}}},
)


def chain(shape, *layers: Layer) -> ModelGraph:
    """A model of layers ``a``, ``b``, … one after the other."""
    nodes = [Node("x", Input(shape), (), shape)]
    for name, layer in zip("abcdef", layers, strict=False):
        before = nodes[-1]
        nodes.append(Node(name, layer, (before.name,), layer.infer_shape((before.shape,))))
    return ModelGraph("m", tuple(nodes), (nodes[-1].name,))


def units(typed: TypedGraph) -> list[type]:
    """Types of the units, without the window around them."""
    bodies = (s.unit.body if isinstance(s.unit, Sliding) else s.unit for s in typed.stages)
    return [type(b) for b in bodies]


def whole_numbers(rng, shape) -> np.ndarray:
    return rng.integers(-8, 8, shape).astype(float)


@st.composite
def window_layers(draw):
    """A layer with whole weights, and the shape of its input."""
    rng = np.random.default_rng(draw(st.integers(0, 1 << 32)))
    rank, kind = draw(st.integers(1, 2)), draw(st.sampled_from(KINDS))

    def pair(high):
        return (draw(st.integers(1, high)) if rank == 2 else 1, draw(st.integers(1, high)))

    paddings = [Padding.VALID, Padding.SAME, *([Padding.CAUSAL] if rank == 1 else [])]
    padding = draw(st.sampled_from(paddings[:2] if kind == "transpose" else paddings))
    geometry = Geometry(rank, pair(3), pair(3), pair(2), padding)
    groups, filters, inputs = (draw(st.integers(1, 3)) for _ in range(3))
    size = geometry.kernel[2 - rank :]
    if kind == "conv":
        kernel = whole_numbers(rng, (*size, inputs, groups * filters))
        bias = whole_numbers(rng, groups * filters)
        layer: Layer = Conv(kernel, bias, geometry=geometry, groups=groups, class_name="Conv2D")
        channels = inputs * groups
    elif kind == "depthwise":
        kernel, channels = whole_numbers(rng, (*size, inputs, filters)), inputs
        layer = Conv(kernel, geometry=geometry, depthwise=True, class_name="DepthwiseConv2D")
    else:
        kernel, channels = whole_numbers(rng, (*size, filters, inputs)), inputs
        bias = whole_numbers(rng, filters)
        layer = ConvTranspose(kernel, bias, geometry=geometry, class_name="Conv2DTranspose")
    sizes = [draw(st.integers(5, 7)) for _ in range(rank)]
    return (*sizes, channels), layer


@settings(max_examples=60, deadline=None)
@given(window_layers(), st.integers(0, 1 << 32))
def test_whole_numbers_are_computed_exactly(drawn, seed):
    """Real numbers and integers agree to the last bit, and no sum leaves its bounds."""
    shape, layer = drawn
    graph = chain(shape, layer)
    typed = converter.apply(graph, INTEGERS)
    x = np.random.default_rng(seed).integers(-32, 32, (5, *shape)).astype(float)
    x[0], x[1] = -32, 31
    assert (converter.emulate(typed, x) == forward(graph, x)["a"]).all()
    values = run(typed, {"x": x.reshape(5, -1).astype(np.int64)})
    for name, edge in typed.edges.items():
        assert (values[name] >= edge.bounds.lo).all(), name
        assert (values[name] <= edge.bounds.hi).all(), name
        assert edge.type.code_min <= edge.bounds.lo.min(), name
        assert edge.bounds.hi.max() <= edge.type.code_max, name


@settings(max_examples=30, deadline=None)
@given(window_layers())
def test_a_normalisation_is_taken_in_by_every_kind(drawn):
    shape, layer = drawn
    rng = np.random.default_rng(1)
    channels = layer.infer_shape((shape,))[-1]
    scale, offset = rng.uniform(-2, 2, (2, channels))
    graph = chain(shape, layer, BatchNormalization(scale, offset))
    fused = optimize(graph)
    assert [n.name for n in fused.nodes] == ["x", "a"]
    x = rng.uniform(-1, 1, (3, *shape))
    # Products in another order: some roundings of doubles apart.
    np.testing.assert_allclose(forward(fused, x)["a"], forward(graph, x)["b"], atol=1e-11)


def conv(*shape: int, **options) -> Conv:
    kernel = np.random.default_rng(0).uniform(-1, 1, shape)
    rank = len(shape) - 2
    size = (1, shape[0]) if rank == 1 else shape[:2]
    options.setdefault("geometry", Geometry(rank, size, padding=Padding.SAME))
    return Conv(kernel, class_name="Conv2D", **options)


@pytest.mark.parametrize(
    "norm",
    [
        BatchNormalization(np.ones(4), np.ones(4), axis=1),
        BatchNormalization(np.ones(4), np.ones(4), axis=-2),
    ],
)
def test_a_normalisation_over_another_axis_stays(norm):
    graph = chain((4, 4), conv(3, 4, 4), norm)
    assert optimize(graph) is graph
    (affine,) = (s.unit for s in converter.apply(graph).stages if isinstance(s.unit, Affine))
    assert affine.size == 16  # element by element


def test_a_quantised_kernel_stays_on_its_grid():
    layer = conv(3, 4, 4, kernel_quantizer=QuantizedBits(4))
    graph = chain((4, 4), layer, BatchNormalization(np.ones(4), np.ones(4)))
    assert optimize(graph) is graph


def test_a_border_that_sees_zeros_is_in_the_bounds():
    """Every value is above 8, but for the zeros around the tensor."""
    norm = BatchNormalization(np.full(2, 0.25), np.full(2, 40.0))
    layer = Conv(np.full((3, 2, 1), -1.0), geometry=Geometry(1, (1, 3), padding=Padding.SAME),
                 class_name="Conv1D")  # fmt: skip
    graph = chain((4, 2), norm, layer)
    typed = converter.apply(graph, INTEGERS)
    x = np.random.default_rng(0).integers(-32, 32, (64, 4, 2)).astype(float)
    assert (converter.emulate(typed, x) == forward(graph, x)["b"]).all()


def test_units_of_each_kind():
    def of(shape, *layers):
        return units(converter.apply(chain(shape, *layers), INTEGERS))

    pair = Geometry(1, (1, 2), (1, 2))
    assert of((4, 4), conv(3, 4, 2)) == [MatVec]
    assert of((4, 4), conv(3, 2, 2, groups=2)) == [GroupedMatVec]
    assert of((4, 4), conv(3, 4, 2, depthwise=True)) == [GroupedMatVec]
    up = ConvTranspose(np.ones((2, 3, 4)), geometry=pair, class_name="Conv1DTranspose")
    assert of((4, 4), up) == [MatVec, Reindex]
    assert of((4, 4), Pooling(Pool.MAX, 1, "MaxPooling1D", pair)) == [Reduce]
    assert of((4, 4), Pooling(Pool.AVERAGE, 1, "AveragePooling1D", pair)) == [Reduce]
    third = replace(pair, kernel=(1, 3))
    assert of((4, 4), Pooling(Pool.AVERAGE, 1, "AveragePooling1D", third)) == [Reduce, Affine]


def test_a_dense_layer_is_a_window_only_where_there_are_positions():
    dense = Dense(np.ones((4, 2)))
    for shape, window in (((4,), False), ((1, 4), False), ((3, 4), True)):
        typed = converter.apply(chain(shape, dense), INTEGERS)
        assert isinstance(typed.stages[0].unit, Sliding) is window
        assert typed.edges["a"].shape == (*shape[:-1], 2)


def test_the_mean_of_a_power_of_two_is_exact():
    pool = Pooling(Pool.AVERAGE, 2, "AveragePooling2D", Geometry(2, (2, 2), (2, 2)))
    typed = converter.apply(chain((4, 4, 3), pool), INTEGERS)
    assert typed.edges["a"].type == Fixed(8, 6)
    x = np.random.default_rng(0).integers(-32, 32, (9, 4, 4, 3)).astype(float)
    expected = x.reshape(9, 2, 2, 2, 2, 3).mean(axis=(2, 4))
    assert (converter.emulate(typed, x) == expected).all()


def test_the_mean_of_a_border_counts_what_is_there():
    geometry = Geometry(1, (1, 3), padding=Padding.SAME)
    pool = Pooling(Pool.AVERAGE, 1, "AveragePooling1D", geometry)
    typed = converter.apply(chain((4, 1), pool), INTEGERS)
    affine = typed.stages[1].unit
    assert isinstance(affine, Affine)
    assert affine.scale_type.width == 18
    codes = np.array([1 / 2, 1 / 3, 1 / 3, 1 / 2]) * 2.0**affine.scale_type.fraction
    assert affine.scale.tolist() == np.round(codes).tolist()


def test_outside_of_a_maximum_is_the_least_value_that_occurs():
    geometry = Geometry(1, (1, 3), padding=Padding.SAME)
    pool = Pooling(Pool.MAX, 1, "MaxPooling1D", geometry)
    shift = BatchNormalization(np.ones(1), np.full(1, -64.0))
    graph = chain((4, 1), shift, pool)
    typed = converter.apply(graph, INTEGERS)
    window = typed["b"].unit
    assert isinstance(window, Sliding)
    assert window.fill == typed.edges["a"].bounds.lo.min() < 0
    assert typed.edges["b"].bounds.lo.min() == typed.edges["a"].bounds.lo.min()
    assert (converter.emulate(typed, np.full((1, 4, 1), -3.0)) == -67).all()


@pytest.mark.parametrize("depthwise", [False, True])
def test_real_factors_of_a_quantizer_stay_apart(depthwise):
    layer = conv(
        3, 4, 4, depthwise=depthwise, bias=np.ones(16 if depthwise else 4),
        kernel_quantizer=QuantizedBits(4, alpha=Alpha.AUTO),
    )  # fmt: skip
    graph = chain((5, 4), layer)
    typed = converter.apply(graph, replace(INTEGERS, model=LayerConfig({"scale": Auto(40)}, EXACT)))
    assert units(typed) == [GroupedMatVec if depthwise else MatVec, Affine]
    x = np.random.default_rng(0).integers(-32, 32, (7, 5, 4)).astype(float)
    # The factors are float32: 40 bits hold them to 2**-40.
    np.testing.assert_allclose(converter.emulate(typed, x), forward(graph, x)["a"], rtol=1e-9)


def test_factors_that_differ_within_an_output_are_refused():
    """A fitted quantizer has a factor for each index of the last axis, here the input's."""
    layer = ConvTranspose(
        np.random.default_rng(0).uniform(-1, 1, (2, 3, 4)),
        kernel_quantizer=QuantizedBits(4, alpha=Alpha.AUTO),
        geometry=Geometry(1, (1, 2)),
        class_name="QConv1DTranspose",
    )
    with pytest.raises(
        UnsupportedError, match=r"^a: the kernel's quantizer has factors that differ"
    ):
        converter.apply(chain((5, 4), layer))


def test_an_accumulator_that_would_overflow_is_refused():
    config = HLSConfig(layers={"a": {"precision": {"accum": Fixed(12, 6)}}})
    with pytest.raises(ConfigError, match=r"^a: accum=.* would overflow or lose bits"):
        converter.apply(chain((5, 5, 4), conv(3, 3, 4, 2)), config)


@pytest.mark.parametrize(
    "layer",
    [
        conv(3, 4, 2, bias=np.array([0.3, -0.1])),
        conv(3, 2, 2, groups=2),
        ConvTranspose(
            np.full((3, 2, 4), 0.3), np.full(2, 0.7),
            geometry=Geometry(1, (1, 3), (1, 2)), class_name="Conv1DTranspose",
        ),
        Pooling(Pool.AVERAGE, 1, "AveragePooling1D", Geometry(1, (1, 3), padding=Padding.SAME)),
        Pooling(Pool.MAX, 1, "MaxPooling1D", Geometry(1, (1, 2))),
        BatchNormalization(np.full(4, 0.3), np.full(4, 0.7)),
        BatchNormalization(np.full(6, 0.3), np.full(6, 0.7), axis=1),
        Dense(np.full((4, 3), 0.3), np.full(3, 0.1)),
    ],
)  # fmt: skip
def test_a_written_configuration_gives_the_same_again(layer):
    graph = chain((6, 4), layer)
    typed = converter.apply(graph, None, {"x": Range(-3.0, 2.5)})
    again = converter.apply(graph, resolved_config(typed))
    assert again.digest() == typed.digest()
    assert again.hardware == typed.hardware


def test_a_window_that_does_not_fit():
    with pytest.raises(ModelError, match="a window over 7 elements does not fit into an input"):
        chain((6, 4), conv(7, 4, 2, geometry=Geometry(1, (1, 7))))
