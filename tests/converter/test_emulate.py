"""Batches in chunks: the same bits as in one piece, as edge by edge, and as in integers."""

from __future__ import annotations

import sys

import numpy as np
import pytest

import converter
from converter.config import Auto, HLSConfig, LayerConfig
from converter.emulate import CHUNK_ELEMENTS, _threads, emulate_codes, quantize_inputs, run
from converter.graph import ModelGraph, Node, TypedGraph, frozen_array
from converter.layers.activation import Relu
from converter.layers.conv import Conv
from converter.layers.dense import Dense
from converter.layers.geometry import Geometry, Padding
from converter.layers.input import Input
from converter.layers.pooling import Pool, Pooling
from converter.layers.softmax import Softmax
from converter.types import Codes, Fixed, Overflow, Rounding

PRECISIONS = [
    Fixed(16, 6),
    Fixed(16, 6, True, Rounding.RND, Overflow.SAT),
    Fixed(9, 2, True, Rounding.RND_CONV, Overflow.SAT_SYM),
    Fixed(6, 3, True, Rounding.RND, Overflow.WRAP),
    Fixed(20, 4, True, Rounding.TRN_ZERO, Overflow.WRAP_SM),
    Auto(16),
    Auto(8),
]
RNG = np.random.default_rng(3)


def network(precision: Fixed | Auto, *outputs: str) -> TypedGraph:
    """Two dense layers, weights large enough for overflow, and a softmax."""
    first, second = ((RNG.normal(0, 1, s), RNG.normal(0, 1, s[1])) for s in ((6, 40), (40, 5)))
    layers = {
        "a": Dense(frozen_array(first[0]), frozen_array(first[1])),
        "b": Relu(),
        "c": Dense(frozen_array(second[0]), frozen_array(second[1])),
        "d": Softmax(),
    }
    nodes = [Node("x", Input((6,)), (), (6,))]
    for name, layer in layers.items():
        shape = layer.infer_shape([nodes[-1].shape])
        nodes.append(Node(name, layer, (nodes[-1].name,), shape))
    graph = ModelGraph("net", tuple(nodes), outputs or ("d",))
    return converter.apply(graph, HLSConfig(model=LayerConfig(default_precision=precision)))


def in_integers(typed: TypedGraph, codes: dict[str, Codes]) -> dict[str, Codes]:
    """Every edge with Python's integers alone."""
    values = {name: c.astype(object) for name, c in codes.items()}
    for stage in typed.stages:
        got = stage.unit.emulate(*(values[i] for i in stage.inputs))
        values[stage.name] = np.array(got.tolist(), dtype=object).astype(int).astype(object)
    return values


@pytest.mark.parametrize("precision", PRECISIONS, ids=str)
def test_floats_and_integers_give_the_same_bits(precision: Fixed | Auto) -> None:
    typed = network(precision)
    x = RNG.normal(0, 3, (300, 6)).astype(np.float32).astype(np.float64)
    codes = quantize_inputs(typed, x)
    expected = in_integers(typed, codes)
    for name, got in run(typed, codes).items():
        assert np.array_equal(got, expected[name]), name
    real = typed.edges["d"].type.to_float(expected["d"])
    assert np.array_equal(converter.emulate(typed, x), real)
    assert np.array_equal(converter.emulate(typed, x[7:8]), real[7:8])
    assert np.array_equal(converter.emulate(typed, x.astype(np.float32)), real)


@pytest.mark.parametrize("rows", [1, 2, 3, 8, 9])
def test_chunks_change_nothing(rows: int, monkeypatch: pytest.MonkeyPatch) -> None:
    typed = network(Fixed(16, 6), "b", "d")
    codes = quantize_inputs(typed, RNG.normal(0, 3, (rows, 6)))
    whole = emulate_codes(typed, codes)
    module = sys.modules["converter.emulate"]  # whose name in the package is the function's
    monkeypatch.setattr(module, "CHUNK_ELEMENTS", 3 * 40)
    parts = emulate_codes(typed, codes)
    every = run(typed, codes)
    assert set(whole) == set(parts) == {"b", "d"}
    for name in whole:
        assert whole[name].shape == (rows, typed.edges[name].size)
        assert np.array_equal(whole[name], parts[name])
        assert np.array_equal(whole[name], every[name])


def convolutions() -> TypedGraph:
    """Wide enough for threads: two convolutions, one padded, with pooling between them."""
    kernels = [RNG.normal(0, 0.5, s) for s in ((3, 3, 2, 8), (3, 3, 8, 4))]
    same = Geometry(2, (3, 3), padding=Padding.SAME)
    layers = {
        "a": Conv(frozen_array(kernels[0]), geometry=same, class_name="Conv2D"),
        "b": Relu(),
        "c": Pooling(Pool.MAX, 2, "MaxPooling2D", Geometry(2, (2, 2), (2, 2))),
        "d": Conv(frozen_array(kernels[1]), geometry=Geometry(2, (3, 3)), class_name="Conv2D"),
    }
    nodes = [Node("x", Input((16, 16, 2)), (), (16, 16, 2))]
    for name, layer in layers.items():
        shape = layer.infer_shape([nodes[-1].shape])
        nodes.append(Node(name, layer, (nodes[-1].name,), shape))
    return converter.apply(ModelGraph("net", tuple(nodes), ("d",)))


@pytest.mark.parametrize("rows", [1, 2, 50])
def test_threads_change_nothing(rows: int, monkeypatch: pytest.MonkeyPatch) -> None:
    typed = convolutions()
    x = RNG.normal(0, 3, (rows, 16, 16, 2))
    expected = in_integers(typed, quantize_inputs(typed, x))["d"]
    module = sys.modules["converter.emulate"]
    monkeypatch.setattr(module, "WIDE_CHUNK_ELEMENTS", 3 * 16 * 16 * 8)
    for threads in (1, 3):
        monkeypatch.setattr(module, "_threads", lambda n=threads: n)
        codes = emulate_codes(typed, quantize_inputs(typed, x))["d"]
        assert np.array_equal(codes, expected)
        real = typed.edges["d"].type.to_float(expected).reshape(rows, 6, 6, 4)
        assert np.array_equal(converter.emulate(typed, x), real)


def test_threads_are_no_more_than_a_farm_allows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENBLAS_NUM_THREADS", raising=False)
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    assert _threads() == 1
    monkeypatch.setenv("OMP_NUM_THREADS", "many")
    assert _threads() >= 1


def test_given_arrays_are_left_alone() -> None:
    typed = network(Fixed(16, 6))
    x = RNG.normal(0, 3, (50, 6))
    codes = {name: c.astype(float) for name, c in quantize_inputs(typed, x).items()}
    before = {name: c.copy() for name, c in codes.items()}
    results = run(typed, codes)
    again = run(typed, {name: c.copy() for name, c in results.items() if name in codes})
    emulate_codes(typed, codes)
    assert all(np.array_equal(codes[name], before[name]) for name in codes)
    assert all(np.array_equal(results[name], again[name]) for name in results)


def test_input_codes_are_integers() -> None:
    codes = quantize_inputs(network(Fixed(16, 6)), np.ones((2, 6)))["x"]
    assert codes.dtype == np.int64
    assert codes.tolist() == [[1024] * 6] * 2


def test_a_batch_of_several_chunks() -> None:
    typed = network(Auto(8))
    rows = CHUNK_ELEMENTS // 40 + 1
    x = RNG.normal(0, 1, (rows, 6))
    assert np.array_equal(converter.emulate(typed, x)[-1:], converter.emulate(typed, x[-1:]))
