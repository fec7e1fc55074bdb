"""Layers that move elements, and that merge several tensors: what is read, what is refused by
name, and the types that they choose.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import converter
from converter.config import EXACT, Auto, HLSConfig, LayerConfig
from converter.errors import ConfigError, ModelError, UnsupportedError
from converter.forward import forward
from converter.graph import ModelGraph, Node, Shape, TypedGraph
from converter.layers import READERS
from converter.layers.base import Layer, Range
from converter.layers.concatenate import Concatenate
from converter.layers.dot import Dot
from converter.layers.embedding import Embedding
from converter.layers.identity import Identity
from converter.layers.input import Input
from converter.layers.merge import Merge, Merging
from converter.layers.padding import Cropping, UpSampling, ZeroPadding
from converter.layers.reshape import Flatten, Permute, RepeatVector, Reshape
from converter.layers.spec import LayerSpec
from converter.resolved import resolved_config
from converter.types import Fixed, Overflow, Rounding
from converter.units.reindex import Reindex

RNG = np.random.default_rng(8)


def read(class_name: str, config: dict[str, Any], **weights: np.ndarray) -> Layer:
    (part,) = READERS[class_name](LayerSpec("l1", class_name, {"name": "l1", **config}, weights))
    return part.layer


def graph_of(layer: Layer, *shapes: Shape, inputs: tuple[int, ...] | None = None) -> ModelGraph:
    """The layer on inputs ``x0``, ``x1``, …"""
    nodes = [Node(f"x{k}", Input(s), (), s) for k, s in enumerate(shapes)]
    used = inputs or tuple(range(len(shapes)))
    shape = layer.infer_shape([shapes[k] for k in used])
    nodes.append(Node("l1", layer, tuple(f"x{k}" for k in used), shape))
    return ModelGraph("net", tuple(nodes), ("l1",))


def fixed(width: int, integer: int, signed: bool = True) -> Fixed:
    return Fixed(width, integer, signed, Rounding.RND, Overflow.SAT)


def apply(graph: ModelGraph, *inputs: Fixed, **precision: Any) -> TypedGraph:
    layers = {f"x{k}": {"precision": {"result": t}} for k, t in enumerate(inputs)}
    return converter.apply(graph, HLSConfig(layers={**layers, "l1": {"precision": precision}}))


@pytest.mark.parametrize(
    ("class_name", "config", "layer"),
    [
        ("ZeroPadding1D", {"padding": 2}, ZeroPadding(((2, 2),))),
        ("ZeroPadding1D", {"padding": [1, 0]}, ZeroPadding(((1, 0),))),
        ("ZeroPadding1D", {"padding": [[1, 0]]}, ZeroPadding(((1, 0),))),
        ("ZeroPadding2D", {"padding": 1}, ZeroPadding(((1, 1), (1, 1)))),
        ("ZeroPadding2D", {"padding": [1, 2]}, ZeroPadding(((1, 1), (2, 2)))),
        ("ZeroPadding2D", {"padding": [[1, 2], [0, 3]]}, ZeroPadding(((1, 2), (0, 3)))),
        ("Cropping2D", {"cropping": [[1, 2], [0, 3]]}, Cropping(((1, 2), (0, 3)))),
        ("UpSampling1D", {"size": 3}, UpSampling((3,))),
        ("UpSampling2D", {"size": [2, 1], "interpolation": "nearest"}, UpSampling((2, 1))),
        ("UpSampling2D", {"size": 2, "data_format": "channels_last"}, UpSampling((2, 2))),
        ("Reshape", {"target_shape": [-1, 3]}, Reshape((-1, 3))),
        ("Permute", {"dims": [2, 1]}, Permute((2, 1))),
        ("RepeatVector", {"n": 4}, RepeatVector(4)),
        ("Concatenate", {"axis": 1}, Concatenate(1)),
        ("Concatenate", {}, Concatenate(-1)),
        ("Dot", {"axes": 1, "normalize": False}, Dot((1, 1))),
        ("Dot", {"axes": [2, 1], "normalize": False}, Dot((2, 1))),
        ("Add", {}, Merge(Merging.ADD)),
        ("Subtract", {}, Merge(Merging.SUBTRACT)),
        ("ops.Multiply", {}, Merge(Merging.MULTIPLY, same_rank=True)),
        ("ops.Concatenate", {"axis": 1}, Concatenate(1)),
        ("GaussianNoise", {"stddev": 0.5, "seed": 1}, Identity()),
        ("AlphaDropout", {"rate": 0.5, "noise_shape": None, "seed": 1}, Identity()),
        ("SpatialDropout2D", {"rate": 0.5, "data_format": "channels_last"}, Identity()),
        ("ActivityRegularization", {"l1": 0.5, "l2": 0.5}, Identity()),
    ],
)
def test_what_is_read(class_name: str, config: dict[str, Any], layer: Layer) -> None:
    assert read(class_name, config) == layer


@pytest.mark.parametrize(
    ("class_name", "config", "message"),
    [
        ("Flatten", {"data_format": "channels_first"}, "attribute data_format='channels_first'"),
        ("ZeroPadding2D", {"padding": 1, "data_format": "channels_first"}, "data_format='chan"),
        ("Cropping2D", {"cropping": 1, "data_format": "channels_first"}, "data_format='channels"),
        ("UpSampling2D", {"size": 2, "data_format": "channels_first"}, "data_format='channels_f"),
        ("UpSampling2D", {"size": 2, "interpolation": "bilinear"}, "interpolation='bilinear' is"),
        ("Dot", {"axes": 1, "normalize": True}, "attribute normalize=True is not supported"),
    ],
)
def test_what_is_refused_by_name(class_name: str, config: dict[str, Any], message: str) -> None:
    with pytest.raises(UnsupportedError, match=rf"^l1 \({class_name}\): .*{message}"):
        read(class_name, config)


@pytest.mark.parametrize(
    ("class_name", "config", "message"),
    [
        ("ZeroPadding1D", {}, "padding must be a whole number, or 1 pairs of them"),
        ("ZeroPadding1D", {"padding": -1}, "padding must be whole numbers of at least 0"),
        ("ZeroPadding2D", {"padding": [1, 2, 3]}, "padding must be a whole number, or 2 pairs"),
        ("ZeroPadding2D", {"padding": [[1, 2], [1.5, 2]]}, "padding must be whole numbers of at"),
        ("Cropping1D", {"cropping": "no"}, "cropping must be a whole number"),
        ("UpSampling1D", {"size": 0}, "size must be 1 whole numbers of at least 1"),
        ("UpSampling2D", {"size": [2, True]}, "size must be 2 whole numbers"),
        ("Reshape", {"target_shape": []}, "target_shape must be a list of whole numbers"),
        ("Reshape", {"target_shape": [-1, -1]}, "target_shape must be sizes of at least 1, or -1"),
        ("Reshape", {"target_shape": [0, 3]}, "target_shape must be sizes of at least 1"),
        ("Reshape", {"target_shape": [2.0, 3]}, "target_shape must be whole numbers of at least"),
        ("Permute", {"dims": [0, 1]}, "dims must be whole numbers of at least 1"),
        ("RepeatVector", {"n": 0}, "n must be at least 1"),
        ("Dot", {"axes": [1, 2, 3]}, "axes must be a whole number, or two"),
        ("Dot", {}, "axes must be a whole number, or two"),
        ("Concatenate", {"axis": "last"}, "axis must be a whole number"),
    ],
)
def test_what_a_file_may_not_say(class_name: str, config: dict[str, Any], message: str) -> None:
    with pytest.raises(ModelError, match=rf"^l1 \({class_name}\): {message}"):
        read(class_name, config)


@pytest.mark.parametrize(
    ("layer", "shapes", "message"),
    [
        (ZeroPadding(((1, 1),)), [(2, 2, 2)], r"the input must have 2 axes; its shape is \(2, 2, "),
        (ZeroPadding(((1 << 20, 0),)), [(2, 100)], "at most 16777216 elements"),
        (Cropping(((2, 2),)), [(4, 3)], r"the output's shape \(0, 3\) must have"),
        (UpSampling((2,)), [(4,)], "the input must have 2 axes"),
        (UpSampling((1 << 30,)), [(4, 1)], "at most 16777216 elements"),
        (Reshape((5, -1)), [(4, 3)], r"target_shape \(5, -1\) does not hold the input's \(4, 3\)"),
        (Reshape((2, 5)), [(4, 3)], "target_shape"),
        (Permute((1, 3)), [(4, 3)], r"dims=\(1, 3\) must be 1 to 2 in some order"),
        (RepeatVector(2), [(4, 3)], "the input must be a vector"),
        (Concatenate(0), [(4,), (4,)], "axis=0 must be one of an input of shape"),
        (Concatenate(3), [(4,), (4,)], "axis=3 must be one of an input of shape"),
        (Concatenate(), [(4, 3), (5, 3)], r"\(4, 3\), \(5, 3\) must be equal but along axis -1"),
        (Concatenate(), [(4, 3), (3,)], "must be equal but along axis"),
        (Merge(Merging.ADD), [(4, 3), (4, 2)], r"\(4, 3\), \(4, 2\) cannot be broadcast"),
        (Merge(Merging.SUBTRACT), [(4,), (4,), (4,)], "needs 2 inputs; the file gives 3"),
        (Merge(Merging.ADD, True), [(4, 3), (3,)], r"\(3,\) must have equally many axes"),
        (Dot((1, 1)), [(4, 3), (3, 4)], r"must be equal along axes=\(1, 1\)"),
        (Dot((0, 1)), [(4, 3), (3, 4)], r"axes=\(0, 1\) must be axes of"),
        (Dot((1, 3)), [(4, 3), (3, 4)], r"axes=\(1, 3\) must be axes of"),
    ],
)
def test_shapes_that_do_not_fit(layer: Layer, shapes: list[Shape], message: str) -> None:
    with pytest.raises(ModelError, match=message):
        layer.infer_shape(shapes)


def test_embeddings_with_masks_are_refused() -> None:
    table = np.ones((3, 2))
    config = {"input_dim": 3, "output_dim": 2, "mask_zero": True}
    with pytest.raises(UnsupportedError, match="attribute mask_zero=True is not supported"):
        read("Embedding", config, embeddings=table)
    with pytest.raises(ModelError, match=r"embeddings must have shape \(4, 2\)"):
        read("Embedding", {"input_dim": 4, "output_dim": 2}, embeddings=table)


def test_padding_keeps_the_type_and_honours_one_that_is_asked_for() -> None:
    graph = graph_of(ZeroPadding(((1, 2),)), (2, 3))
    typed = apply(graph, fixed(8, 3))
    assert typed.edges["l1"].type == fixed(8, 3)
    assert [type(s.unit) for s in typed.stages] == [Reindex]
    narrow = apply(graph, fixed(8, 3), result=fixed(5, 3))
    assert narrow.edges["l1"].type == fixed(5, 3)
    assert narrow.edges["l1"].shape == (5, 3)
    x = RNG.uniform(-4, 4, (6, 2, 3))
    got = converter.emulate(narrow, x)
    rounded = fixed(5, 3).to_float(fixed(5, 3).from_float(fixed(8, 3).to_float(
        fixed(8, 3).from_float(x)
    )))  # fmt: skip
    assert np.array_equal(got, np.pad(rounded, ((0, 0), (1, 2), (0, 0))))


def test_reshapes_whose_beats_stay_leave_no_stage() -> None:
    graph = graph_of(Reshape((2, 2, 3)), (4, 3))
    typed = apply(graph, fixed(8, 3))
    assert [type(s.unit).__name__ for s in typed.stages] == ["Requantize"]  # a copy to the port
    assert typed.edges[typed.outputs[0]].shape == (2, 2, 3)
    assert converter.emulate(typed, np.ones((1, 4, 3))).shape == (1, 2, 2, 3)


def test_a_sum_is_exact_where_the_width_allows() -> None:
    graph = graph_of(Merge(Merging.ADD), *[(3,)] * 5)
    types = [fixed(8, 3), fixed(4, 4, False), fixed(6, 0), fixed(8, 3), fixed(5, 2)]
    typed = apply(graph, *types)
    t = typed.edges["l1"].type
    assert t.fraction == 6
    x = {f"x{k}": RNG.uniform(-4, 4, (50, 3)) for k in range(5)}
    whole = {n: s.to_float(s.from_float(v)) for (n, v), s in zip(x.items(), types, strict=True)}
    assert np.array_equal(converter.emulate(typed, x), sum(whole.values()))


def test_a_tree_of_sums_is_balanced() -> None:
    graph = graph_of(Merge(Merging.ADD), *[(1,)] * 5)
    typed = apply(graph, *[fixed(8, 8)] * 5)
    reads = {s.name: s.inputs for s in typed.stages}
    assert reads["l1_pair0"] == ("x0", "x1")
    assert reads["l1_pair1"] == ("x2", "x3")
    assert reads["l1_pair2"] == ("l1_pair0", "l1_pair1")
    assert reads["l1"] == ("l1_pair2", "x4")


@pytest.mark.parametrize("count", [2, 3, 4, 7])
def test_an_average(count: int) -> None:
    """A power of two divides exactly; else the reciprocal has 18 bits."""
    graph = graph_of(Merge(Merging.AVERAGE), *[(3,)] * count)
    typed = apply(graph, *[fixed(10, 4)] * count, result=EXACT)
    x = {f"x{k}": fixed(10, 4).to_float(RNG.integers(-512, 512, (80, 3))) for k in range(count)}
    wanted = sum(x.values()) / count
    error = np.abs(converter.emulate(typed, x) - wanted).max()
    assert error == 0 if count in (2, 4) else 0 < error < 8 * 2.0**-17


def test_narrow_accumulators_are_refused() -> None:
    graph = graph_of(Merge(Merging.ADD), (3,), (3,))
    with pytest.raises(ConfigError, match=r"l1: accum=.* would overflow or lose bits; the exact"):
        apply(graph, fixed(8, 3), fixed(8, 3), accum=Fixed(8, 3))
    wide = apply(graph, fixed(8, 3), fixed(8, 3), accum=Fixed(20, 10))
    plain = apply(graph, fixed(8, 3), fixed(8, 3))
    assert wide.digest() == plain.digest()
    with pytest.raises(ConfigError, match="l1: accum="):
        apply(graph_of(Dot((1, 1)), (3,), (3,)), fixed(8, 3), fixed(8, 3), accum=Fixed(8, 3))


def test_a_result_type_is_honoured() -> None:
    for layer in (Merge(Merging.MULTIPLY), Merge(Merging.MAXIMUM), Concatenate(), Dot((1, 1))):
        typed = apply(graph_of(layer, (3,), (3,)), fixed(8, 3), fixed(6, 2), result=fixed(5, 4))
        assert typed.edges["l1"].type == fixed(5, 4), layer


def test_a_concatenation_covers_its_inputs() -> None:
    graph = graph_of(Concatenate(), (3,), (2,), (1,))
    types = (fixed(8, 3), fixed(6, 6, False), fixed(4, -2))
    typed = apply(graph, *types)
    t = typed.edges["l1"].type
    assert (t.width, t.integer, t.signed) == (13, 7, True)
    x = {f"x{k}": RNG.uniform(-8, 64, (40, n)) for k, n in enumerate((3, 2, 1))}
    parts = [s.to_float(s.from_float(v)) for v, s in zip(x.values(), types, strict=True)]
    assert np.array_equal(converter.emulate(typed, x), np.concatenate(parts, axis=1))


def test_a_concatenation_of_equal_types_converts_nothing() -> None:
    typed = apply(graph_of(Concatenate(), (3,), (2,)), fixed(8, 3), fixed(8, 3))
    assert [s.name for s in typed.stages] == ["l1"]


def test_one_input_is_passed_on() -> None:
    for layer in (Merge(Merging.AVERAGE), Merge(Merging.ADD), Concatenate()):
        graph, x = graph_of(layer, (3,)), RNG.uniform(-3, 3, (5, 3))
        typed = apply(graph, fixed(8, 3))
        assert np.array_equal(
            converter.emulate(typed, x), fixed(8, 3).to_float(fixed(8, 3).from_float(x))
        )


def test_a_tensor_with_itself() -> None:
    graph = graph_of(Merge(Merging.SUBTRACT), (3,), inputs=(0, 0))
    typed = apply(graph, fixed(8, 3))
    assert not converter.emulate(typed, RNG.uniform(-3, 3, (5, 3))).any()


def test_inner_stages_stay_clear_of_the_inputs_names() -> None:
    """The first layer is called as an inner stage of the second would be."""
    shape = (3,)
    nodes = (
        Node("l1_pair0", Input(shape), (), shape),
        Node("b", Input(shape), (), shape),
        Node("l1_pair1", Input(shape), (), shape),
        Node("l1", Merge(Merging.SUBTRACT), ("l1_pair0", "b"), shape),
        Node("l2", Merge(Merging.ADD), ("l1", "l1_pair1", "l1_pair0"), shape),
    )
    graph = ModelGraph("net", nodes, ("l2",))
    typed = converter.apply(graph)
    x = {n: fixed(8, 4).to_float(RNG.integers(-128, 128, (9, 3))) for n in graph.inputs}
    assert np.array_equal(converter.emulate(typed, x), forward(graph, x)["l2"])


TABLE = RNG.normal(0, 1, (100, 4))


def test_the_input_of_an_embedding_is_whole_numbers() -> None:
    typed = converter.apply(graph_of(Embedding(TABLE), (6,)))
    t = typed.edges["x0"].type
    assert (t.width, t.integer, t.signed) == (7, 7, False)
    x = RNG.integers(0, 100, (20, 6))
    got = converter.emulate(typed, x)
    assert np.abs(got - TABLE[x]).max() < 2.0**-12


def test_data_do_not_narrow_the_input_of_an_embedding() -> None:
    graph = graph_of(Embedding(TABLE), (6,))
    typed = converter.apply(graph, ranges={"x0": Range(0.0, 5.0, 0)})
    assert typed.edges["x0"].type.code_max >= 99
    assert typed.edges["x0"].type.fraction == 0


def test_an_input_that_cannot_name_the_last_row_is_refused() -> None:
    graph = graph_of(Embedding(TABLE), (6,))
    with pytest.raises(
        ConfigError,
        match=r"l1: its input has the type fixed<16,6.*>, which ends at 31.*, and the table has "
        r"rows up to 99; give the layer that it reads the result ufixed<7,7",
    ):
        apply(graph, fixed(16, 6))


def test_weights_of_an_embedding_have_the_type_that_was_asked_for() -> None:
    typed = apply(graph_of(Embedding(TABLE), (6,)), weight=fixed(6, 3))
    assert typed.types["l1"]["weight"] == fixed(6, 3)
    x = np.arange(96).reshape(16, 6)
    rounded = fixed(6, 3).to_float(fixed(6, 3).from_float(TABLE))
    assert np.array_equal(converter.emulate(typed, x), rounded[x])
    wide = apply(graph_of(Embedding(TABLE), (6,)), weight=Auto(6))
    assert wide.types["l1"]["weight"].width == 6


@pytest.mark.parametrize("layer", [Flatten(), Permute((2, 1)), UpSampling((2,))])
def test_a_model_wide_type_leaves_what_only_moves(layer: Layer) -> None:
    config = HLSConfig(
        model=LayerConfig(default_precision=fixed(5, 2)),
        layers={"x0": {"precision": {"result": fixed(8, 3)}}},
    )
    typed = converter.apply(graph_of(layer, (3, 4)), config)
    assert typed.edges["l1"].type == fixed(8, 3)


@pytest.mark.parametrize(
    ("layer", "shapes"),
    [
        (Merge(Merging.ADD), [(2, 3), (3,), (1, 3)]),
        (Merge(Merging.AVERAGE), [(3,)] * 3),
        (Merge(Merging.AVERAGE), [(3,)] * 4),
        (Merge(Merging.MAXIMUM), [(3,)] * 2),
        (Concatenate(), [(3,), (2,)]),
        (Dot((1, 2)), [(2, 3), (4, 2)]),
        (Embedding(TABLE), [(3,)]),
        (UpSampling((2,)), [(3, 2)]),
        (Flatten(), [(3, 2)]),
    ],
    ids=lambda value: type(value).__name__,
)
def test_the_resolved_configuration_gives_the_same_arithmetic(
    layer: Layer, shapes: list[Shape]
) -> None:
    graph = graph_of(layer, *shapes)
    ranges = {f"x{k}": Range(-1.5 - k, 3.0, 4 + k) for k in range(len(shapes))}
    typed = converter.apply(graph, HLSConfig(LayerConfig(default_precision=Auto(7))), ranges)
    again = converter.apply(graph, resolved_config(typed))
    assert again.digest() == typed.digest()


shapes = st.lists(st.integers(1, 4), min_size=1, max_size=3).map(tuple)


@st.composite
def broadcastable(draw: st.DrawFn) -> list[Shape]:
    """Shapes of two to five tensors that broadcast together."""
    whole = draw(shapes)
    found = []
    for _ in range(draw(st.integers(2, 5))):
        kept = whole[draw(st.integers(0, len(whole) - 1)) :]
        found.append(tuple(n if draw(st.booleans()) else 1 for n in kept))
    return found


def exactly(layer: Layer, shapes: list[Shape], widths: list[int]) -> None:
    """Emulation without rounding gives what ``forward`` gives, with equality."""
    graph = graph_of(layer, *shapes)
    types = [Fixed(w, w // 2, bool(w % 2)) for w in widths]
    typed = apply(graph, *types, result=EXACT)
    x = {
        f"x{k}": t.to_float(RNG.integers(t.code_min, t.code_max, (7, *shape), endpoint=True))
        for k, (t, shape) in enumerate(zip(types, shapes, strict=True))
    }
    wanted = forward(graph, x)["l1"]
    got = converter.emulate(typed, x)
    assert got.shape == wanted.shape
    assert np.array_equal(got, wanted)
    assert typed.edges["l1"].bounds.lo.min() <= typed.edges["l1"].bounds.hi.max()


EXACT_MERGINGS = [m for m in Merging if m not in (Merging.AVERAGE, Merging.SUBTRACT)]


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(EXACT_MERGINGS), broadcastable(), st.data())
def test_any_shapes_that_broadcast(
    merging: Merging, shapes: list[Shape], data: st.DataObject
) -> None:
    widths = data.draw(st.lists(st.integers(2, 9), min_size=len(shapes), max_size=len(shapes)))
    exactly(Merge(merging), shapes, widths)


@settings(max_examples=40, deadline=None)
@given(shapes, st.data())
def test_any_axis_of_a_concatenation(shape: Shape, data: st.DataObject) -> None:
    axis = data.draw(st.integers(0, len(shape) - 1))
    sizes = data.draw(st.lists(st.integers(1, 4), min_size=2, max_size=4))
    parts = [(*shape[:axis], n, *shape[axis + 1 :]) for n in sizes]
    widths = data.draw(st.lists(st.integers(2, 9), min_size=len(parts), max_size=len(parts)))
    given_axis = data.draw(st.sampled_from([axis + 1, axis - len(shape)]))
    exactly(Concatenate(given_axis), parts, widths)


@settings(max_examples=40, deadline=None)
@given(shapes, shapes, st.data())
def test_any_axes_of_a_dot(left: Shape, right: Shape, data: st.DataObject) -> None:
    a, b = (data.draw(st.integers(0, len(s) - 1)) for s in (left, right))
    right = (*right[:b], left[a], *right[b + 1 :])
    axes = (data.draw(st.sampled_from([a + 1, a - len(left)])), b + 1)
    exactly(
        Dot(axes), [left, right], data.draw(st.lists(st.integers(2, 9), min_size=2, max_size=2))
    )


@settings(max_examples=30, deadline=None)
@given(shapes, st.data())
def test_any_permutation(shape: Shape, data: st.DataObject) -> None:
    axes = data.draw(st.permutations(range(1, len(shape) + 1)))
    exactly(Permute(tuple(axes)), [shape], [7])


@settings(max_examples=40, deadline=None)
@given(shapes.filter(lambda s: len(s) > 1), st.data())
def test_any_padding_and_cropping(shape: Shape, data: st.DataObject) -> None:
    amount = st.tuples(st.integers(0, 3), st.integers(0, 3))
    amounts = tuple(data.draw(amount) for _ in shape[1:])
    exactly(ZeroPadding(amounts), [shape], [7])
    padded = ZeroPadding(amounts).infer_shape([shape])
    exactly(Cropping(amounts), [padded], [7])
    exactly(UpSampling(tuple(data.draw(st.integers(1, 3)) for _ in shape[1:])), [shape], [6])


def test_a_reuse_factor_of_the_model_means_nothing_to_an_average() -> None:
    graph = graph_of(Merge(Merging.AVERAGE), *[(3,)] * 3)
    typed = converter.apply(graph, HLSConfig(model=LayerConfig(reuse_factor=4)))
    assert typed.digest() == converter.apply(graph).digest()
    assert not typed.hardware
