"""Every key of hls4ml's configuration files: honoured, without effect at hls4ml's own default, or
refused by name with the reason and the way out.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest

import converter
from converter import apply
from converter.config import Auto, HLSConfig, LayerConfig, read_config, write_config
from converter.config_keys import HLS, LAYER, MODEL, PRECISIONS, TOP, WRITER, Known
from converter.errors import ConfigError
from converter.graph import Implementation, IOType, ModelGraph, Node, Strategy, frozen_array
from converter.layers.activation import Relu
from converter.layers.dense import Dense
from converter.layers.input import Input
from converter.types import Fixed, Overflow, Rounding

SETTINGS = ("Precision", "ReuseFactor", "ParallelizationFactor", "Strategy", "TableSize",
            "exp_table_size", "inv_table_size")  # fmt: skip

KEYS: dict[str, tuple[str, ...]] = {
    "top": (
        "OutputDir", "ProjectName", "Backend", "Part", "ClockPeriod", "ClockUncertainty", "IOType",
        "HLSConfig", "InputData", "OutputPredictions", "Version", "MaximumSize", "Stamp",
        "HyperoptHandshake", "Technology", "ASICLibs", "FIFO", "ProjectDir", "AcceleratorConfig",
        "WriterConfig",
    ),
    "writer": (
        "Namespace", "WriteWeightsTxt", "WriteTar", "TBOutputStream", "WriteEmulationConstants",
    ),
    "hls": ("Model", "LayerType", "LayerName", "Flows", "Optimizers", "SkipOptimizers"),
    "model": (
        "Precision", "ReuseFactor", "Strategy", "BramFactor", "PipelineStyle", "PipelineInterval",
        "BitExact", "TraceOutput", "ChannelsLastConversion", "TransposeOutputs", "TargetCycles",
        "Compression",
    ),
    "layer": (
        *SETTINGS, "recurrent_reuse_factor", "ConvImplementation", "TargetCycles", "Trace",
        "Implementation", "Compression", "TimeStepLoopParallelism", "static", "Skip",
    ),
}  # fmt: skip
"""The keys of hls4ml 1.3, by where they stand."""

HONOURED = {
    "top": {"OutputDir", "ProjectName", "Backend", "Part", "ClockPeriod", "IOType", "HLSConfig",
            "WriterConfig"},
    "hls": {"Model", "LayerType", "LayerName"},
    "model": {*SETTINGS},
    "layer": {*SETTINGS},
}  # fmt: skip
TABLES: dict[str, Mapping[str, Known]] = {
    "top": TOP, "writer": WRITER, "hls": HLS, "model": MODEL, "layer": LAYER,
}  # fmt: skip


def document(where: str, key: str, value: Any) -> dict[str, Any]:
    """A configuration with one key in its place."""
    return {
        "top": {key: value},
        "writer": {"WriterConfig": {key: value}},
        "hls": {"HLSConfig": {key: value}},
        "model": {"HLSConfig": {"Model": {key: value}}},
        "layer": {"HLSConfig": {"LayerName": {"fc1": {key: value}}}},
    }[where]


PLACES = [(where, key) for where, keys in KEYS.items() for key in keys]


@pytest.mark.parametrize(("where", "key"), PLACES)
def test_each_key_is_known(where: str, key: str) -> None:
    assert (key in HONOURED.get(where, ())) != (key in TABLES[where])


@pytest.mark.parametrize(
    ("where", "key"), [p for p in PLACES if p[1] not in HONOURED.get(p[0], ())]
)
def test_what_is_not_honoured_changes_nothing_or_is_refused_with_the_reason(
    where: str, key: str
) -> None:
    known = TABLES[where][key]
    nothing = HLSConfig(layers={"fc1": {}} if where == "layer" else {})
    if known.allows("something else"):
        assert read_config(document(where, key, "something else")) == nothing
        return
    for value in known.harmless:
        assert read_config(document(where, key, value)) == nothing
    refused = f"{key}='something else' is not supported; leave it out"
    with pytest.raises(ConfigError, match=re.escape(refused)) as raised:
        read_config(document(where, key, "something else"))
    assert known.reason
    assert str(raised.value).endswith(known.reason)


@pytest.mark.parametrize(
    ("where", "key", "nearest"),
    [
        ("top", "ClockPeroid", "ClockPeriod"),
        ("top", "IOtype", "IOType"),
        ("writer", "NameSpace", "Namespace"),
        ("hls", "LayerNames", "LayerName"),
        ("model", "ReuseFacor", "ReuseFactor"),
        ("layer", "ParalelizationFactor", "ParallelizationFactor"),
        ("layer", "TableSizes", "TableSize"),
        ("layer", "recurrent_reuse", "recurrent_reuse_factor"),
    ],
)
def test_a_misspelt_key_names_the_nearest(where: str, key: str, nearest: str) -> None:
    with pytest.raises(ConfigError, match=f"unknown key {key}; did you mean {nearest}\\?"):
        read_config(document(where, key, 1))


@pytest.mark.parametrize("key", [*PRECISIONS])
def test_precisions_without_a_unit_are_auto_or_refused(key: str) -> None:
    automatic = read_config(document("layer", "Precision", {key: "auto"}))
    assert automatic.layers == {"fc1": {"precision": {}}}
    refused = f"LayerName fc1: Precision of {key} is not supported; leave it auto: "
    with pytest.raises(ConfigError, match=re.escape(refused + PRECISIONS[key])):
        read_config(document("layer", "Precision", {key: "fixed<8,3>"}))


@pytest.mark.parametrize("key", ["weight", "bias", "result", "accum", "table", "exp_table",
                                 "inv_table", "scale"])  # fmt: skip
def test_precisions_of_every_variable(key: str) -> None:
    for level in ("model", "layer"):
        config = read_config(document(level, "Precision", {key: "fixed<9,3,RND,SAT>"}))
        expected = Fixed(9, 3, True, Rounding.RND, Overflow.SAT)
        assert config.resolve("fc1", "Dense").wanted(key) == expected


@pytest.mark.parametrize(
    ("text", "strategy"),
    [
        ("Latency", Strategy.LATENCY),
        ("latency", Strategy.LATENCY),
        ("RESOURCE", Strategy.RESOURCE),
        ("Distributed_Arithmetic", Strategy.DISTRIBUTED_ARITHMETIC),
        ("da", Strategy.DISTRIBUTED_ARITHMETIC),
        ("DA", Strategy.DISTRIBUTED_ARITHMETIC),
    ],
)
def test_strategies(text: str, strategy: Strategy) -> None:
    config = read_config(document("layer", "Strategy", text))
    assert config.resolve("fc1").strategy is strategy
    assert read_config(write_config(config)) == config


@pytest.mark.parametrize(
    ("text", "instead"),
    [("Resource_Unrolled", "use Resource, which"), ("compressed", "use Resource; weights are not")],
)
def test_strategies_that_are_not_here(text: str, instead: str) -> None:
    message = f"LayerName fc1: Strategy '{text}' is not supported; {instead}"
    with pytest.raises(ConfigError, match=re.escape(message)) as raised:
        read_config(document("layer", "Strategy", text))
    assert str(raised.value).endswith("there are: Latency, Resource, Distributed_arithmetic")


def network() -> ModelGraph:
    rng = np.random.default_rng(1)
    first, second = (Dense(frozen_array(rng.normal(0, 0.5, s)), np.zeros(s[1]))
                     for s in ((6, 8), (8, 4)))  # fmt: skip
    nodes = (
        Node("x", Input((6,)), (), (6,)),
        Node("fc1", first, ("x",), (8,)),
        Node("act", Relu(), ("fc1",), (8,)),
        Node("fc2", second, ("act",), (4,)),
    )
    return ModelGraph("net", nodes, ("fc2",))


def implementations(config: Mapping[str, Any]) -> dict[str, Implementation]:
    typed = apply(network(), read_config(config))
    return {s.layer: typed.implementation(s.name) for s in typed.stages if s.name in typed.hardware}


def test_per_model_type_layer_and_pattern() -> None:
    """The closest wins, whatever stands first in the file."""
    got = implementations(
        {
            "LayerName": {"fc2": {"ReuseFactor": 4}, "fc*": {"Strategy": "Resource"}},
            "LayerType": {"Dense": {"ReuseFactor": 2}},
            "Model": {"Precision": "fixed<16,6>", "ReuseFactor": 1, "Strategy": "Latency"},
        }
    )
    assert got["fc1"] == Implementation(Strategy.RESOURCE, 2)
    assert got["fc2"] == Implementation(Strategy.RESOURCE, 4)


def test_distributed_arithmetic_of_a_model_and_its_reuse_factor() -> None:
    got = implementations({"Model": {"Strategy": "da"}})
    assert got["fc1"] == got["fc2"] == Implementation(Strategy.DISTRIBUTED_ARITHMETIC)
    with pytest.raises(ConfigError, match=r"fc1: strategy distributed_arithmetic .* give 1, or"):
        implementations({"Model": {"Strategy": "da", "ReuseFactor": 2}})


def test_an_illegal_reuse_factor_is_refused_by_layer_with_its_neighbours() -> None:
    message = "fc1: reuse_factor=5 is not legal for 6x8 multiplications; legal nearby: 3, 6"
    with pytest.raises(ConfigError, match=message):
        implementations({"LayerName": {"fc1": {"ReuseFactor": 5, "Strategy": "Resource"}}})


@pytest.mark.parametrize(
    ("layer", "key", "message"),
    [
        ("act", "weight", "act: Precision of weight=fixed<8,3,.*>, but this layer has no weight; "),
        ("act", "bias", "act: Precision of bias=fixed<8,3,.*>, but this layer has no bias; "),
        ("fc1", "scale", "this layer has no scale; it has: accum, bias, result, weight"),
    ],
)
def test_a_type_for_constants_that_a_layer_does_not_have_is_refused(
    layer: str, key: str, message: str
) -> None:
    given = {"LayerName": {layer: {"Precision": {key: "fixed<8,3>"}}}}
    with pytest.raises(ConfigError, match=message):
        apply(network(), read_config(given))


def test_names_that_are_not_in_the_model_are_refused() -> None:
    for given, message in (
        ({"LayerName": {"fc3": {"ReuseFactor": 1}}}, "LayerName fc3: the model has no such layer"),
        ({"LayerName": {"conv*": {"ReuseFactor": 1}}}, r"LayerName conv\*: the model has no such"),
        ({"LayerType": {"Dens": {"ReuseFactor": 1}}}, "LayerType Dens: no such type of layer; did "
                                                      "you mean Dense"),
    ):  # fmt: skip
        with pytest.raises(ConfigError, match=message):
            apply(network(), read_config(given))


def test_auto_at_every_level() -> None:
    config = read_config(
        {
            "Model": {"Precision": {"default": "auto<12>", "weight": "auto"}},
            "LayerType": {"Dense": {"Precision": {"weight": "auto<7>"}}},
            "LayerName": {"fc2": {"Precision": {"weight": "auto", "result": "auto<9>"}}},
        }
    )
    assert config.resolve("fc1", "Dense").wanted("weight") == Auto(7)
    assert config.resolve("fc2", "Dense").wanted("weight") == Auto()
    typed = apply(network(), config)
    assert typed.types["fc1"]["weight"].width == 7
    assert typed.types["fc2"]["weight"].width <= 12
    assert typed.types["fc2"]["result"].width == 9


def test_every_setting_of_a_layer_is_written_and_read() -> None:
    """``write_config`` leaves nothing out."""
    settings: dict[str, object] = {
        "precision": {"weight": Fixed(7, 2), "result": Auto(9)},
        "strategy": Strategy.RESOURCE,
        "reuse_factor": 6,
        "parallelization_factor": 2,
        "table_size": 512,
        "exp_table_size": 256,
        "inv_table_size": 128,
    }
    config = HLSConfig(layers={"fc1": settings}, io_type=IOType.STREAM)
    not_of_a_layer = {"default_precision", "maximum", "bit_exact"}  # the last is the model's own
    assert set(settings) == set(vars(LayerConfig())) - not_of_a_layer
    assert read_config(write_config(config)) == config


@pytest.mark.keras2
@pytest.mark.parametrize("granularity", ["model", "type", "name"])
def test_what_hls4ml_writes_by_itself_is_read_and_used(keras2, tmp_path, granularity) -> None:
    """The very configuration that hls4ml 1.3 makes for a convolutional network."""
    utils = pytest.importorskip("hls4ml.utils")
    k = keras2.layers
    model = keras2.Sequential(
        [
            k.InputLayer(input_shape=(8, 8, 3)),
            k.Conv2D(4, 3, activation="relu", name="conv"),
            k.BatchNormalization(name="norm"),
            k.MaxPooling2D(name="pool"),
            k.Flatten(name="flat"),
            k.Dense(5, name="fc"),
            k.Softmax(name="scores"),
        ]
    )
    model.save(tmp_path / "m.h5", include_optimizer=False)
    written = utils.config_from_keras_model(model, granularity=granularity, backend="Vitis")
    config = read_config({"IOType": "io_stream", "HLSConfig": _plain(written)})
    typed = converter.apply(converter.load(tmp_path / "m.h5"), config)
    assert typed.io_type is IOType.STREAM
    assert typed.edges["scores"].size == 5


def _plain(value: object) -> object:
    """hls4ml's own classes of mappings and lists as those of YAML."""
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, list | tuple) else value
