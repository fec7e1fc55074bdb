"""What is stated of the tables of whole networks, against the networks themselves."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import converter
from converter.config import Auto, HLSConfig, LayerConfig, read_config, write_config
from converter.emulate import quantize_inputs, run
from converter.forward import forward
from converter.graph import ModelGraph, Node
from converter.layers.activation import Function, HardSwish, Ramp, Relu
from converter.layers.base import Layer
from converter.layers.dense import Dense
from converter.layers.functions import Kind
from converter.layers.input import Input
from converter.layers.layernorm import LayerNormalization
from converter.layers.prelu import PReLU
from converter.layers.softmax import Softmax
from converter.pipeline import apply, measure_ranges
from converter.resolved import resolved_config
from converter.table_errors import table_errors

RNG = np.random.default_rng(11)
SHAPE = (3, 4)

TABLES: dict[str, Layer] = {
    **{kind.value: Function(kind) for kind in Kind},
    "elu_3": Function(Kind.ELU, 3.0),
    "softmax": Softmax(),
    "softmax_first": Softmax((1,)),
    "softmax_all": Softmax((1, 2)),
    "layernorm": LayerNormalization((-1,), 1e-3, RNG.normal(size=4), RNG.normal(size=4)),
    "layernorm_all": LayerNormalization((1, 2), 1e-3, RNG.normal(size=SHAPE)),
}
EXACT: dict[str, Layer] = {
    "relu": Relu(),
    "leaky": Relu(negative_slope=0.3),
    "hard_sigmoid": Ramp(0.2, 0.5),
    "hard_tanh": Ramp(lowest=-1.0),
    "hard_swish": HardSwish(),
    "prelu": PReLU(RNG.normal(size=SHAPE)),
}


def network(layer: Layer, shape: tuple[int, ...] = SHAPE) -> ModelGraph:
    nodes = (Node("x", Input(shape), (), shape), Node("f", layer, ("x",), shape))
    return ModelGraph("m", nodes, ("f",))


def config_of(bits: int, **settings: Any) -> HLSConfig:
    return HLSConfig(model=LayerConfig(default_precision=Auto(bits), **settings))


@pytest.mark.parametrize("bits", [8, 12, 16, 24])
@pytest.mark.parametrize("name", TABLES)
def test_every_layer_is_within_what_is_stated(name: str, bits: int) -> None:
    graph, x = network(TABLES[name]), RNG.normal(0, 1.5, (200, *SHAPE))
    typed = apply(graph, config_of(bits), measure_ranges(graph, x))
    (stated,) = table_errors(graph, typed).values()
    codes = typed.edges["x"].type.quantize(x)
    read = typed.edges["x"].type.to_float(codes)
    t = typed.edges["f"].type
    exact = np.clip(forward(graph, read)["f"], t.min, t.max)
    assert np.abs(converter.emulate(typed, x) - exact).max() <= stated
    assert stated < 0.7 * 2.0 ** (4 - bits) * max(np.abs(exact).max(), 1) + 2e-2


@pytest.mark.parametrize("name", EXACT)
def test_exact_layers_are_not_listed(name: str) -> None:
    graph = network(EXACT[name])
    assert table_errors(graph, apply(graph, config_of(12))) == {}


@pytest.mark.parametrize("bits", [7, 16])
@pytest.mark.parametrize("name", [*TABLES, *EXACT])
def test_the_resolved_configuration_gives_the_same(name: str, bits: int) -> None:
    graph = network({**TABLES, **EXACT}[name])
    x = RNG.normal(0, 1.5, (100, *SHAPE))
    typed = apply(graph, config_of(bits), measure_ranges(graph, x))
    config = resolved_config(typed)
    assert read_config(write_config(config)) == config
    again = apply(graph, config)
    assert again.digest() == typed.digest()
    assert again.edges["f"].type == typed.edges["f"].type


@pytest.mark.parametrize("name", [*TABLES, *EXACT])
def test_any_layer_may_come_before_one_that_rounds(name: str) -> None:
    """A producer that is asked for all bits gives what its width can hold."""
    layer = {**TABLES, **EXACT}[name]
    nodes = (
        Node("x", Input(SHAPE), (), SHAPE),
        Node("f", layer, ("x",), SHAPE),
        Node("relu", Relu(), ("f",), SHAPE),
    )
    graph, x = ModelGraph("m", nodes, ("relu",)), RNG.normal(0, 1.5, (50, *SHAPE))
    typed = apply(graph, config_of(12), measure_ranges(graph, x))
    assert max(edge.type.width for edge in typed.edges.values()) <= 64
    exact = forward(graph, x)["relu"]
    off = np.abs(converter.emulate(typed, x) - exact).max()
    assert off < 0.05 * max(exact.max(), 1)


def test_wide_logits_of_automatic_types_keep_their_order() -> None:
    """Logits of three exact layers have over 30 bits: hls4ml's softmax is constant there."""
    shapes = [(16, 64), (64, 32), (32, 5)]
    nodes = [Node("x", Input((16,)), (), (16,))]
    for k, (n_in, n_out) in enumerate(shapes):
        kernel = RNG.normal(0, 1 / np.sqrt(n_in), (n_in, n_out)) * 2
        nodes.append(
            Node(f"d{k}", Dense(kernel, RNG.normal(size=n_out)), (nodes[-1].name,), (n_out,))
        )
    nodes.append(Node("y", Softmax(), ("d2",), (5,)))
    graph = ModelGraph("m", tuple(nodes), ("y",))
    wide = {f"d{k}": {"precision": {"result": Auto(60)}} for k in range(3)}
    typed = apply(graph, HLSConfig(model=LayerConfig(default_precision=Auto(16)), layers=wide))
    assert typed.edges["d2"].type.width > 38
    x = RNG.normal(0, 1, (4000, 16))
    got, edge = converter.emulate(typed, x), typed.edges["d2"]
    assert (got.argmax(axis=1) == forward(graph, x)["y"].argmax(axis=1)).mean() >= 0.999
    logits = edge.type.to_float(run(typed, quantize_inputs(typed, x))["d2"])
    assert np.abs(got - Softmax().forward([logits])).max() < 2.0**-9


@pytest.mark.parametrize("axis", [1, 2, 3])
def test_the_softmax_traps_along_any_axis(axis: int) -> None:
    """Rows that hls4ml gets wrong (logits over 16 apart), laid along each axis of a tensor."""
    rows = np.array([[20.0, -12.0, 0.0, 1.0], [16.0, -16.0, -16.0, -16.0]])
    shape = [1, 1, 1]
    shape[axis - 1] = 4
    x = rows.reshape(2, *shape) * np.ones((2, *(n if n == 4 else 2 for n in shape)))
    graph = network(Softmax((axis,)), x.shape[1:])
    typed = apply(graph, config_of(16), measure_ranges(graph, x))
    got = np.moveaxis(converter.emulate(typed, x), axis, -1).reshape(2, -1, 4)
    assert np.abs(got - [1.0, 0.0, 0.0, 0.0]).max() < 2.0**-9
