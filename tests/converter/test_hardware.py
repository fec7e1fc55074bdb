"""How stages are built: from a configuration, and back to one."""

from __future__ import annotations

import numpy as np
import pytest

from converter.config import HLSConfig, LayerConfig, read_config, write_config
from converter.errors import ConfigError
from converter.graph import Implementation, IOType, ModelGraph, Node, Strategy, frozen_array
from converter.layers.activation import Relu
from converter.layers.base import Layer, Real
from converter.layers.conv import Conv
from converter.layers.dense import Dense
from converter.layers.geometry import Geometry
from converter.layers.input import Input
from converter.layers.pooling import Pool, Pooling
from converter.layers.reshape import Flatten
from converter.pipeline import apply
from converter.resolved import resolved_config

RESOURCE = Strategy.RESOURCE


def weights(*shape: int) -> Real:
    return frozen_array(np.random.default_rng(3).normal(0, 0.3, shape))


def conv(channels: int, filters: int, depthwise: bool = False) -> Conv:
    kernel = weights(3, 3, channels, filters)
    size = Geometry(2, (3, 3))
    return Conv(kernel, geometry=size, depthwise=depthwise, class_name="Conv2D")


def network() -> ModelGraph:
    """conv: 18x4 at 36 positions; pool: 9; depth: 9x1 of 4 groups at 1; fc: 4x3."""
    pair = Geometry(2, (2, 2), (2, 2))
    layers: dict[str, Layer] = {
        "conv": conv(2, 4),
        "relu": Relu(),
        "pool": Pooling(Pool.MAX, 2, "MaxPooling2D", pair),
        "depth": conv(4, 1, depthwise=True),
        "flatten": Flatten(),
        "fc": Dense(weights(4, 3)),
    }
    shape: tuple[int, ...] = (8, 8, 2)
    nodes = [Node("x", Input(shape), (), shape)]
    for name, layer in layers.items():
        shape = layer.infer_shape([shape])
        nodes.append(Node(name, layer, (nodes[-1].name,), shape))
    return ModelGraph("network", tuple(nodes), ("fc",))


def asked(**layers: dict[str, object]) -> HLSConfig:
    return HLSConfig(layers=layers)


def test_each_product_takes_what_its_layer_was_asked_for() -> None:
    config = asked(
        conv={"strategy": RESOURCE, "reuse_factor": 6, "parallelization_factor": 4},
        pool={"parallelization_factor": 3},
        depth={"strategy": RESOURCE, "reuse_factor": 9},
        fc={"strategy": Strategy.DISTRIBUTED_ARITHMETIC},
    )
    typed = apply(network(), config)
    of_layer = {s.layer: typed.hardware[s.name] for s in typed.stages if s.name in typed.hardware}
    assert of_layer == {
        "conv": Implementation(RESOURCE, 6, 4),
        "pool": Implementation(parallelization_factor=3),
        "depth": Implementation(RESOURCE, 9),
        "fc": Implementation(Strategy.DISTRIBUTED_ARITHMETIC),
    }
    assert typed.digest() == apply(network()).digest()


def test_factors_are_read_past_where_there_is_nothing_to_share() -> None:
    config = asked(
        relu={"reuse_factor": 7, "parallelization_factor": 7},
        pool={"reuse_factor": 7, "strategy": RESOURCE},
        fc={"parallelization_factor": 7},
    )
    assert apply(network(), config).hardware == apply(network()).hardware


@pytest.mark.parametrize(
    ("layer", "settings", "message"),
    [
        (
            "conv",
            {"parallelization_factor": 5},
            "conv: parallelization_factor=5 does not divide 36 positions; legal nearby: 4, 6",
        ),
        (
            "pool",
            {"parallelization_factor": 2},
            "pool: parallelization_factor=2 does not divide 9 positions; legal nearby: 1, 3",
        ),
        (
            "conv",
            {"strategy": RESOURCE, "reuse_factor": 5},
            "conv: reuse_factor=5 is not legal for 18x4 multiplications; legal nearby: 3, 6",
        ),
        (
            "depth",
            {"strategy": RESOURCE, "reuse_factor": 2},
            "depth: reuse_factor=2 is not legal for 9x1 multiplications; legal nearby: 1, 3",
        ),
    ],
)
def test_what_cannot_be_built_names_its_neighbours(
    layer: str, settings: dict[str, object], message: str
) -> None:
    with pytest.raises(ConfigError, match=f"^{message}$"):
        apply(network(), asked(**{layer: settings}))


def test_streams_have_one_position_at_a_time() -> None:
    message = (
        "^conv: parallelization_factor=4, but in io_stream positions come one after the other; "
        "legal: 1$"
    )
    layers = {"conv": {"parallelization_factor": 4}}
    with pytest.raises(ConfigError, match=message):
        apply(network(), HLSConfig(layers=layers, io_type=IOType.STREAM))
    typed = apply(network(), HLSConfig(io_type=IOType.STREAM))
    stage = next(s.name for s in typed.stages if s.layer == "conv")
    assert {c.parallelization_factor for c in typed.legal(stage)} == {1}
    assert {c.parallelization_factor for c in apply(network()).legal(stage)} > {1, 36}
    with pytest.raises(ConfigError, match=f"^{stage}: parallelization_factor=4, but in io_stream"):
        typed.with_hardware({stage: Implementation(parallelization_factor=4)})


@pytest.mark.parametrize("layer", ["relu", "fc"])
def test_units_without_windows_have_no_positions(layer: str) -> None:
    typed = apply(network())
    stage = next(s.name for s in typed.stages if s.layer == layer)
    with pytest.raises(
        ConfigError, match=r"parallelization_factor=2, but this unit has no windows"
    ):
        typed.with_hardware({stage: Implementation(parallelization_factor=2)})


@pytest.mark.parametrize("io_type", IOType)
def test_the_resolved_configuration_gives_the_same_hardware(io_type: IOType) -> None:
    layers: dict[str, dict[str, object]] = {
        "conv": {"strategy": RESOURCE, "reuse_factor": 18},
        "depth": {"reuse_factor": 3},
    }
    if io_type is IOType.PARALLEL:
        layers["conv"]["parallelization_factor"] = 9
        layers["pool"] = {"parallelization_factor": 9}
    typed = apply(network(), HLSConfig(layers=layers, io_type=io_type))
    resolved = resolved_config(typed)
    for config in (resolved, read_config(write_config(resolved))):
        again = apply(network(), config)
        assert again.digest() == typed.digest()
        assert again.hardware == typed.hardware
        assert again.io_type is io_type


def test_model_wide_factors_hold_for_every_layer_that_they_concern() -> None:
    model = LayerConfig(strategy=RESOURCE, reuse_factor=1, parallelization_factor=1)
    typed = apply(network(), HLSConfig(model))
    factors = {
        typed.hardware[s.name].reuse_factor for s in typed.stages if s.name in typed.hardware
    }
    assert factors == {1}


def test_the_digest_sees_every_weight_of_a_window() -> None:
    graph = network()
    kernel = graph["conv"].layer.kernel.copy()  # type: ignore[attr-defined]
    big = np.tile(kernel, (1, 1, 1, 32))  # more than numpy prints in full
    digests = set()
    for changed in range(3):
        big[1, 1, 1, 60 + changed] += 0.5
        layer = Conv(frozen_array(big), geometry=Geometry(2, (3, 3)), class_name="Conv2D")
        nodes = (graph["x"], Node("conv", layer, ("x",), (6, 6, 128)))
        digests.add(apply(ModelGraph("one", nodes, ("conv",))).digest())
    assert len(digests) == 3
