"""Networks of layers with windows, without any framework: types of all modes, and hardware of all
kinds, give the bits of the emulation.
"""

from __future__ import annotations

import numpy as np
import pytest
from harness import check_csim

import converter
from converter.config import Auto, HLSConfig, LayerConfig, Precision
from converter.graph import IOType, ModelGraph, Node, Strategy, TypedGraph
from converter.layers.activation import Relu
from converter.layers.base import Layer
from converter.layers.batchnorm import BatchNormalization
from converter.layers.conv import Conv
from converter.layers.dense import Dense
from converter.layers.geometry import Geometry, Padding
from converter.layers.input import Input
from converter.layers.pooling import Pool, Pooling
from converter.layers.transpose import ConvTranspose
from converter.types import Fixed, Overflow, Rounding

PRECISIONS: dict[str, Precision] = {
    "auto16": Auto(16),
    "auto5": Auto(5),
    "wrapping": Fixed(9, 3),
    "symmetric": Fixed(10, 4, True, Rounding.RND_CONV, Overflow.SAT_SYM),
    "coarse": Fixed(6, 7, True, Rounding.RND, Overflow.SAT),
}
RNG = np.random.default_rng(0)


def real(*shape: int) -> np.ndarray:
    return RNG.uniform(-1, 1, shape)


def square(size: int, stride: int = 1, padding: Padding = Padding.VALID) -> Geometry:
    return Geometry(2, (size, size), (stride, stride), padding=padding)


LAYERS: dict[str, Layer] = {
    "conv": Conv(real(3, 3, 2, 4), real(4), geometry=square(3, padding=Padding.SAME),
                 class_name="Conv2D"),
    "norm": BatchNormalization(real(4), real(4)),
    "rows": BatchNormalization(real(6), real(6), axis=1),
    "relu": Relu(),
    "max": Pooling(Pool.MAX, 2, "MaxPooling2D", square(2, 2)),
    "depthwise": Conv(real(2, 2, 4, 2), real(8), geometry=square(2), depthwise=True,
                      class_name="DepthwiseConv2D"),
    "groups": Conv(real(1, 1, 4, 6), geometry=square(1), groups=2, class_name="Conv2D"),
    "up": ConvTranspose(real(3, 3, 3, 6), real(3), geometry=square(3, 2),
                        class_name="Conv2DTranspose"),
    "mean": Pooling(Pool.AVERAGE, 2, "AveragePooling2D", square(3, 2, Padding.SAME)),
    "each": Dense(real(3, 4), real(4)),
    "whole": Pooling(Pool.AVERAGE, 2, "GlobalAveragePooling2D"),
    "dense": Dense(real(4, 3), real(3)),
}  # fmt: skip
"""A network of them all, in their order."""


def network() -> ModelGraph:
    nodes = [Node("x", Input((6, 5, 2)), (), (6, 5, 2))]
    for name, layer in LAYERS.items():
        before = nodes[-1]
        nodes.append(Node(name, layer, (before.name,), layer.infer_shape((before.shape,))))
    return ModelGraph("windows", tuple(nodes), ("dense",))


def typed(precision: Precision) -> TypedGraph:
    layers = {"x": {"precision": {"result": Fixed(8, 3)}}}
    config = HLSConfig(model=LayerConfig(default_precision=precision), layers=layers)
    return converter.apply(network(), config)


@pytest.mark.parametrize("precision", PRECISIONS)
def test_types_of_all_modes(precision: str) -> None:
    check_csim(typed(PRECISIONS[precision]))


def test_shared_multipliers_of_windows() -> None:
    """Another legal reuse factor for each product, small and large, in both kinds of travel."""
    made = typed(Auto(9))
    choices = {}
    for number, stage in enumerate(made.stages):
        legal = [c for c in stage.unit.legal() if c.strategy is Strategy.RESOURCE]
        legal = [c for c in legal if c.parallelization_factor == 1]
        if legal:
            choices[stage.name] = legal[(number * 3 + 1) % len(legal)]
    assert len(choices) == 6
    check_csim(made.with_hardware(choices))


def test_positions_computed_at_once() -> None:
    """The largest legal number of them, for each stage."""
    made = typed(Auto(9))
    choices = {s.name: max(s.unit.legal(), key=lambda c: c.parallelization_factor)
               for s in made.stages}  # fmt: skip
    assert any(c.parallelization_factor > 1 for c in choices.values())
    check_csim(made.with_hardware(choices), io_types=[IOType.PARALLEL])
