"""Rewrites of the model graph: what they merge, and what they must leave."""

from __future__ import annotations

import numpy as np
import pytest

from converter.config import Auto, HLSConfig
from converter.forward import forward
from converter.graph import ModelGraph, Node
from converter.layers.activation import Linear, Relu
from converter.layers.base import Layer
from converter.layers.batchnorm import BatchNormalization
from converter.layers.dense import Dense
from converter.layers.identity import Identity
from converter.layers.input import Input
from converter.layers.quantizers_uniform import QuantizedBits
from converter.passes.fuse_batchnorm import FuseBatchNormalization
from converter.passes.remove_identities import RemoveIdentities
from converter.pipeline import apply, optimize
from converter.types import Fixed
from converter.units.affine import Affine

RNG = np.random.default_rng(2)
X = RNG.normal(0, 1, (50, 6))


def dense(bias: bool = True, **quantizers: object) -> Dense:
    kernel = RNG.normal(0, 1, (6, 6))
    return Dense(kernel, RNG.normal(0, 1, 6) if bias else None, **quantizers)  # type: ignore[arg-type]


def norm() -> BatchNormalization:
    return BatchNormalization(RNG.uniform(-2, 2, 6), RNG.normal(0, 1, 6))


def graph(edges: dict[str, tuple[str, Layer]], *outputs: str) -> ModelGraph:
    """Nodes by name: what each reads, and its layer; all tensors have 6 elements."""
    nodes = [Node("x", Input((6,)), (), (6,))]
    nodes += [Node(name, layer, (source,), (6,)) for name, (source, layer) in edges.items()]
    return ModelGraph("g", tuple(nodes), outputs)


def names(g: ModelGraph) -> list[str]:
    return [n.name for n in g.nodes]


def same(before: ModelGraph, after: ModelGraph) -> None:
    """All outputs agree, in doubles up to their rounding: the constants are merged in reals."""
    old, new = forward(before, X), forward(after, X)
    for a, b in zip(before.outputs, after.outputs, strict=True):
        np.testing.assert_allclose(new[b], old[a], rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("bias", [True, False])
def test_a_normalisation_goes_into_the_dense_layer_before_it(bias: bool) -> None:
    before = graph({"fc": ("x", dense(bias)), "bn": ("fc", norm()), "r": ("bn", Relu())}, "r")
    after = FuseBatchNormalization()(before)
    assert names(after) == ["x", "fc", "r"]
    assert after["fc"].merged == "bn"
    same(before, after)


def test_two_normalisations_go_in_one_after_the_other() -> None:
    before = graph({"fc": ("x", dense()), "b1": ("fc", norm()), "b2": ("b1", norm())}, "b2")
    after = FuseBatchNormalization()(before)
    assert names(after) == ["x", "fc"]
    assert after["fc"].merged == "b2"
    assert after.outputs == ("fc",)
    same(before, after)


def test_a_dense_layer_that_another_reads_keeps_its_result() -> None:
    nodes: dict[str, tuple[str, Layer]] = {"fc": ("x", dense()), "bn": ("fc", norm())}
    before = graph({**nodes, "r": ("fc", Relu())}, "bn", "r")
    assert FuseBatchNormalization()(before) is before


def test_a_dense_layer_that_is_an_output_keeps_its_result() -> None:
    before = graph({"fc": ("x", dense()), "bn": ("fc", norm())}, "fc", "bn")
    assert FuseBatchNormalization()(before) is before


def test_a_quantised_dense_layer_stays_on_its_grid() -> None:
    layer = dense(kernel_quantizer=QuantizedBits(4, 0))
    before = graph({"fc": ("x", layer), "bn": ("fc", norm())}, "bn")
    assert FuseBatchNormalization()(before) is before
    assert isinstance(apply(before)["bn_acc"].unit, Affine)


def test_a_normalisation_with_types_of_its_own_stays() -> None:
    before = graph({"fc": ("x", dense()), "bn": ("fc", norm())}, "bn")
    typed = HLSConfig(layers={"b?": {"precision": {"scale": Fixed(9, 3)}}})
    auto = HLSConfig(layers={"bn": {"precision": {"scale": Auto()}}})
    assert names(optimize(before, typed)) == ["x", "fc", "bn"]
    assert names(optimize(before, auto)) == ["x", "fc"]
    assert apply(before, typed).types["bn"]["scale"] == Fixed(9, 3)


def test_layers_of_training_only_are_left_out() -> None:
    layers: dict[str, tuple[str, Layer]] = {
        "d1": ("x", Identity()),
        "fc": ("d1", dense()),
        "d2": ("fc", Identity()),
        "l": ("d2", Linear()),
        "bn": ("l", norm()),
        "d3": ("bn", Identity()),
    }
    before = graph(layers, "d3")
    after = optimize(before)
    assert names(after) == ["x", "fc"]
    assert after.outputs == ("fc",)
    same(before, after)


def test_outputs_stay_apart() -> None:
    """Two outputs never become one, and an input never becomes an output."""
    before = graph(
        {"fc": ("x", dense()), "d": ("fc", Identity()), "e": ("x", Linear())}, "fc", "d", "e"
    )
    after = RemoveIdentities()(before)
    assert after.outputs == ("fc", "d", "e")
    typed = apply(before)
    assert typed.outputs == ("fc", "d", "e")
    assert [s.name for s in typed.stages] == ["fc_acc", "fc", "d", "e"]


def test_a_linear_layer_with_a_type_converts() -> None:
    before = graph({"fc": ("x", dense()), "l": ("fc", Linear())}, "l")
    config = HLSConfig(layers={"l": {"precision": {"result": Fixed(6, 3)}}})
    typed = apply(before, config)
    assert typed.edges["l"].type == Fixed(6, 3)
    assert typed.outputs == ("l",)
