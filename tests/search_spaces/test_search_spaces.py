"""Presets and YAML on a plain and on a quantised network: knobs, configurations, hardware."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest

import converter
from converter.config import EXACT, Auto
from converter.errors import ConfigError
from converter.graph import (
    Bounds,
    Edge,
    Implementation,
    ModelGraph,
    Node,
    Stage,
    Strategy,
    TypedGraph,
)
from converter.layers.activation import Function, Relu
from converter.layers.batchnorm import BatchNormalization
from converter.layers.dense import Dense
from converter.layers.functions import Kind as FunctionKind
from converter.layers.identity import Identity
from converter.layers.input import Input
from converter.layers.quantized import QuantizedActivation
from converter.layers.quantizers_uniform import QuantizedBits
from converter.layers.softmax import Softmax
from converter.pipeline import apply
from converter.types import MAX_WIDTH, Fixed
from converter.units.matvec import MatVec
from converter.units.requantize import Requantize
from search_spaces import PRESETS, HardwarePolicy, Kind, Knob, Space, load


def _dense(n_in, n_out, quantizer=None):
    return Dense(np.ones((n_in, n_out)), None, quantizer)


def _chain(*layers):
    """Nodes named by the pairs' first, each reading the one before."""
    nodes, before = [], ()
    for name, layer, size in layers:
        nodes.append(Node(name, layer, before, (size,)))
        before = (name,)
    return ModelGraph("net", tuple(nodes), before)


@pytest.fixture
def plain() -> ModelGraph:
    return _chain(
        ("x", Input((16,)), 16),
        ("fc1", _dense(16, 64), 64),
        ("drop", Identity(), 64),
        ("fc1_relu", Relu(), 64),
        ("fc2", _dense(64, 32), 32),
        ("norm", BatchNormalization(np.ones(32), np.zeros(32)), 32),
        ("fc2_tanh", Function(FunctionKind.TANH), 32),
        ("out", _dense(32, 5), 5),
        ("out_softmax", Softmax(), 5),
    )


@pytest.fixture
def quantised() -> ModelGraph:
    bits = QuantizedBits(6, 0)
    return _chain(
        ("x", Input((16,)), 16),
        ("fc1", _dense(16, 8, bits), 8),
        ("act", QuantizedActivation(bits), 8),
        ("out", _dense(8, 5, bits), 5),
    )


def _names(space: Space) -> list[str]:
    return [knob.name for knob in space.knobs]


def test_a_knob_for_each_tensor_whose_width_is_free(plain):
    space = load("default", plain)
    assert _names(space) == [
        "x.result", "fc1.weight", "fc1_relu.result", "fc2.weight", "fc2.result",
        "fc2_tanh.result", "out.weight", "out.result",
    ]  # fmt: skip
    assert space.knob("x.result").kind is Kind.INPUT
    assert space.knob("fc1.weight") == Knob(
        "fc1.weight", Kind.WEIGHT, (("fc1", "weight"),), tuple(range(2, 11))
    )
    assert space.size == 6 * 9**3 * 10**4


def test_what_a_layer_rounds_for_the_one_before_it_is_rounded_once(plain):
    space = load("default", plain)
    config = space.config({knob.name: knob.choices[0] for knob in space.knobs})
    assert config.resolve("fc1", "Dense").wanted("result") == EXACT
    assert config.resolve("fc1", "Dense").wanted("weight") == Auto(2)
    assert config.resolve("fc2", "Dense").wanted("result") == Auto(3)
    assert config.resolve("fc1", "Dense").wanted("bias") == Auto()


def test_a_batch_normalisation_is_still_merged(plain):
    """A width of its own would keep it apart, with multipliers of its own."""
    space = load("default", plain)
    typed = apply(plain, space.config({knob.name: knob.choices[-1] for knob in space.knobs}))
    assert "norm" not in {stage.layer for stage in typed.stages}
    assert typed.edges["fc2"].type.width == 12


def test_a_batch_normalisation_after_a_quantised_kernel_stays_and_is_rounded_once():
    bits = QuantizedBits(6, 0)
    graph = _chain(
        ("x", Input((4,)), 4),
        ("fc1", _dense(4, 8, bits), 8),
        ("norm", BatchNormalization(np.ones(8), np.zeros(8)), 8),
        ("act", QuantizedActivation(bits), 8),
    )
    space = load("default", graph)
    assert _names(space) == ["x.result"]
    assert space.fixed == {("fc1", "result"): MAX_WIDTH, ("norm", "result"): MAX_WIDTH}


def test_what_the_model_fixes_is_frozen(quantised):
    space = load("default", quantised)
    assert _names(space) == ["x.result", "out.result"]
    assert space.frozen == {
        "fc1": "weights: the model's own quantizer",
        "act": "result: the model's own quantizer",
        "out": "weights: the model's own quantizer",
    }


def test_granularity_ties(plain):
    (knob,) = load("uniform", plain).knobs
    assert (knob.name, knob.kind, len(knob.places)) == ("width", Kind.WIDTH, 8)
    assert knob.choices == tuple(range(2, 17))
    tiny = load("tiny", plain)
    assert _names(tiny) == ["weight", "result"]
    assert tiny.size == 12
    config = tiny.config({"weight": 6, "result": 10})
    for layer, key, width in [("fc1", "weight", 6), ("out", "result", 10), ("x", "result", 8)]:
        assert config.resolve(layer).wanted(key) == Auto(width)


@pytest.mark.parametrize("name", PRESETS)
def test_every_preset_fits_every_model(name, plain, quantised):
    rng = np.random.default_rng(0)
    for graph in (plain, quantised):
        space = load(name, graph)
        for _ in range(20):
            values = {k.name: int(rng.choice(k.choices)) for k in space.knobs}
            typed = apply(graph, space.config(values))
            for stage, choices in space.hardware(typed).items():
                for choice in choices:
                    typed[stage].unit.check(stage, choice)


def test_values_are_checked(plain):
    space = load("tiny", plain)
    with pytest.raises(
        ConfigError, match="weight=5 is not in the space tiny; there are: 3, 4, 6, 8"
    ):
        space.config({"weight": 5, "result": 4})
    with pytest.raises(ConfigError, match="result: the space tiny and the values do not agree"):
        space.config({"weight": 4})


def _typed() -> TypedGraph:
    t = Fixed(8, 8)
    unit = MatVec(np.ones((16, 4), np.int64), Fixed(2, 2), np.zeros(4, np.int64), t, Fixed(14, 14))
    cast = Requantize(4, unit.accum_type, t)
    edges = {
        name: Edge(name, (size,), kind, Bounds.of_type(kind, size))
        for name, size, kind in [("x", 16, t), ("fc1_acc", 4, unit.accum_type), ("fc1", 4, t)]
    }
    stages = (Stage("fc1_acc", "fc1", unit, ("x",)), Stage("fc1", "fc1", cast, ("fc1_acc",)))
    return TypedGraph("net", edges, stages, ("x",), ("fc1",))


def _space(**policy) -> Space:
    return Space("s", (), hardware_policies={"fc*": HardwarePolicy(**policy)})


def test_hardware_is_what_is_legal_and_allowed():
    typed = _typed()
    legal = typed["fc1_acc"].unit.legal()
    assert Space("s", ()).hardware(typed) == {"fc1_acc": legal, "fc1": (Implementation(),)}
    allowed = _space(strategies=(Strategy.RESOURCE,), most=8).hardware(typed)["fc1_acc"]
    assert allowed == tuple(Implementation(Strategy.RESOURCE, r) for r in (2, 4, 8))
    few = _space(count=3).hardware(typed)["fc1_acc"]
    assert (few[0], few[-1], len(few)) == (legal[0], legal[-1], 3)
    one = _space(reuse_factors=(1,)).hardware(typed)
    shared = Implementation(Strategy.DISTRIBUTED_ARITHMETIC)
    assert one == {"fc1_acc": (Implementation(), shared), "fc1": (Implementation(),)}


def test_a_policy_that_leaves_nothing_lists_what_is_legal():
    with pytest.raises(
        ConfigError,
        match="fc1_acc: the space leaves no way to build it; legal strategies: "
        "distributed_arithmetic, latency, resource; legal reuse factors: 1, 2, 4, 8, 16, 32, 64",
    ):
        _space(reuse_factors=(3, 7)).hardware(_typed())


def test_choices_that_do_not_rise_and_places_that_are_set_twice_are_refused():
    with pytest.raises(ConfigError, match=r"w: widths must rise; got \[4, 2\]"):
        Knob("w", Kind.WEIGHT, (), (4, 2))
    knob = Knob("w", Kind.WEIGHT, (("fc1", "weight"),), (2, 4))
    with pytest.raises(ConfigError, match="fc1: weight is set by two knobs"):
        Space("s", (knob,), {("fc1", "weight"): 3})


YAML = """
preset: default
weight: {min: 2, max: 8, step: 2}
result:
  "*": [8, 4]
  out: 12
input: 10
hardware:
  "fc*": {strategy: resource, reuse_factor: {max: 64}, count: 5}
  out: {strategy: [latency, resource], reuse_factor: [1, 2]}
"""


@pytest.fixture
def read(tmp_path, plain):
    def reader(text):
        path = tmp_path / "space.yml"
        path.write_text(text)
        return load(path, plain)

    return reader


def test_yaml(read):
    space = read(YAML)
    assert space.knob("fc2.weight").choices == (2, 4, 6, 8)
    assert space.knob("fc1_relu.result").choices == (4, 8)
    assert "out.result" not in _names(space)
    assert space.fixed[("out", "result")] == 12
    assert space.fixed[("x", "result")] == 10
    policy = space.hardware_policies["fc*"]
    assert policy == HardwarePolicy((Strategy.RESOURCE,), None, 1, 64, 5)
    assert space.hardware_policies["out"].reuse_factors == (1, 2)


def test_yaml_granularity(read):
    space = read("{granularity: type, weight: [4, 6]}")
    assert _names(space) == ["input", "weight", "result"]
    assert space.knob("weight").choices == (4, 6)
    with pytest.raises(ConfigError, match="width: tied tensors have no width in common"):
        read("{granularity: model, weight: [4, 6], result: [5, 7]}")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("weigth: 4", "the search space: unknown key weigth; did you mean weight?"),
        ("preset: defualt", "preset: there is no defualt; did you mean default?"),
        ("weight: {fc9: 4}", "weight: fc9 is no layer of the model; there are: x, fc1, fc1_relu"),
        ("result: {norm: 4}", "result: norm is merged into another layer or dropped; there are: x"),
        ("weight: 0", "weight: needed is a whole number of 1..64, a list of such, or"),
        ("result: {out: [4, six]}", "result: out: needed is a whole number of 1..64"),
        ("weight: {min: 8, max: 4}", "weight: a range is {min: 2, max: 8, step: 1}"),
        ("granularity: layers", "granularity: there is no layers; did you mean layer?"),
        ("hardware: {fc1: {strategy: speed}}", "hardware: fc1: strategy: there is no speed"),
        ("hardware: {fc1: {reuse: 4}}", "hardware: fc1: unknown key reuse; did you mean reuse_f"),
        ("hardware: 4", "hardware: must be a mapping of keys to values; got 4"),
        ("[1, 2]", "the search space: must be a mapping of keys to values; got [1, 2]"),
        ("{", "space.yml: not YAML: while parsing a flow"),
    ],
)
def test_what_is_wrong_in_yaml_is_named(read, text, message):
    with pytest.raises(ConfigError) as error:
        read(text)
    assert message in str(error.value)
    assert "space.yml: " in str(error.value) or "there are: x" in str(error.value)


def test_an_unknown_preset_and_an_unreadable_file(plain, tmp_path):
    with pytest.raises(
        ConfigError, match="space defualt: neither a preset nor a file; did you mean"
    ):
        load("defualt", plain)
    with pytest.raises(ConfigError, match="cannot read the search space"):
        load(tmp_path, plain)


def test_small_spaces_can_be_listed(plain):
    space = load("tiny", plain)
    every = list(product(*(knob.choices for knob in space.knobs)))
    assert len(every) == space.size


@pytest.mark.parametrize(
    ("model", "weights", "knobs", "frozen"),
    [
        ("KERAS_3layer.json", "KERAS_3layer_weights.h5", 9, 0),
        ("qkeras_3layer.json", "qkeras_3layer_weights.h5", 2, 7),
    ],
)
def test_the_jet_taggers(shared, model, weights, knobs, frozen):
    graph = converter.load(shared / "models" / model, shared / "models" / weights)
    space = load("default", graph)
    assert (len(space.knobs), len(space.frozen)) == (knobs, frozen)
    typed = converter.apply(graph, space.config({k.name: k.choices[0] for k in space.knobs}))
    choices = space.hardware(typed)
    assert sorted(len(c) for c in choices.values() if len(c) > 1) == [
        2,
        8,
        12,
        12,
        13,
    ]  # the softmax, then the products
