"""Keras' descriptions of models in all their spellings, without weights."""

from __future__ import annotations

import numpy as np
import pytest

from converter.errors import ModelError, UnsupportedError
from converter.frontends.architecture import Architecture, Entry, build
from converter.frontends.keras_config import parse_json, read_architecture
from converter.frontends.keras_weights import snake_case


def layer(name: str, kind: str, inbound=None, **config) -> dict:
    record = {"class_name": kind, "config": {"name": name, **config}}
    return record if inbound is None else {**record, "name": name, "inbound_nodes": inbound}


def entry_point(name: str, inbound=None) -> dict:
    return layer(name, "InputLayer", inbound, batch_input_shape=[None, 3])


def functional(*layers: dict, inputs=None, outputs=None) -> dict:
    config = {
        "name": "m",
        "layers": list(layers),
        "input_layers": [["x", 0, 0]] if inputs is None else inputs,
        "output_layers": [["y", 0, 0]] if outputs is None else outputs,
    }
    return {"class_name": "Functional", "config": config}


def sequential(*layers: dict, **more) -> dict:
    return {"class_name": "Sequential", "config": {"name": "m", "layers": list(layers), **more}}


def tensor(name: str, node: int = 0, index: int = 0) -> dict:
    history = {"keras_history": [name, node, index]}
    return {"class_name": "__keras_tensor__", "config": {"shape": [None, 3], **history}}


def edges(architecture: Architecture) -> dict[str, tuple[str, ...]]:
    return {e.name: e.inputs for e in architecture.entries}


@pytest.mark.parametrize(
    "inbound",
    [
        [[["x", 0, 0, {}]]],
        [[["x", 0, 0]]],
        [[["x", 0, 0, {"training": False, "mask": None}]]],
        [{"args": [tensor("x")], "kwargs": {}}],
        [{"args": [[tensor("x")]], "kwargs": {"training": None}}],
    ],
)
def test_a_layer_tells_what_it_reads(inbound):
    described = functional(entry_point("x", []), layer("y", "Flatten", inbound))
    assert edges(read_architecture("m", described)) == {"x": (), "y": ("x",)}


@pytest.mark.parametrize(
    "ends", [["y", 0, 0], [["y", 0, 0]], {"out": ["y", 0, 0]}, {"a": ["y", 0, 0]}]
)
def test_outputs_in_their_spellings(ends):
    described = functional(
        entry_point("x", []), layer("y", "Flatten", [[["x", 0, 0, {}]]]), outputs=ends
    )
    assert read_architecture("m", described).outputs == ("y",)


@pytest.mark.parametrize(
    ("inbound", "kind", "message"),
    [
        ([[["x", 1, 0]]], ModelError, r"y \(Flatten\): reads output 0 of use 1 of 'x', which is"),
        ([[["x", 0, 1]]], ModelError, r"y \(Flatten\): reads output 1 of use 0 of 'x', which is"),
        ([[["x", 0, 0, {"training": True}]]], UnsupportedError, "call argument training=True"),
        ([[["x", 0, 0, {"scale": 2}]]], UnsupportedError, "call argument scale=2 is not"),
        ([[["x", 0, 0, 7]]], ModelError, "call arguments must be an object"),
        ([[["z", 0, 0]]], ModelError, r"y \(Flatten\): reads 'z', which is not a layer"),
        ([[["y", 0, 0]]], ModelError, r"y \(Flatten\): depends on its own output"),
        ([[["x"]]], ModelError, r"\['x'\] must be \[layer, node, tensor\]"),
        ([[5]], ModelError, r"5 must be \[layer, node, tensor\]"),
        ([7], ModelError, r"7 must be \[layer, node, tensor\]"),
        (7, ModelError, "inbound_nodes must be a list"),
        ([], ModelError, r"y \(Flatten\): needs 1 inputs; the file gives 0"),
        ([[["x", 0, 0], ["x", 0, 0]]], ModelError, "needs 1 inputs; the file gives 2"),
        ([{"args": [2.0], "kwargs": {}}], UnsupportedError, "the call argument 2.0 is not"),
        ([{"args": [tensor("x")], "kwargs": {"f": 1}}], UnsupportedError, "call argument f=1"),
        ([{"args": [tensor("x", 1)], "kwargs": {}}], ModelError, "output 0 of use 1 of 'x'"),
    ],
)
def test_what_a_layer_may_not_read(inbound, kind, message):
    described = functional(entry_point("x", []), layer("y", "Flatten", inbound))
    with pytest.raises(kind, match=message):
        build(read_architecture("m", described), lambda entry: {})


@pytest.mark.parametrize(
    ("inputs", "outputs", "message"),
    [
        ([["q", 0, 0]], None, "its inputs are 'q', which is not a layer"),
        (None, [["q", 0, 0]], "its outputs are 'q', which is not a layer"),
        ([], None, "input_layers must be a list of layers"),
        (None, "y", "output_layers must be a list of layers"),
        ([["y", 0, 0]], None, r"y \(Flatten\): the model's input must be an InputLayer"),
        (None, [["y", 0, 0], ["y", 0, 0]], "there must be outputs, each once"),
    ],
)
def test_wrong_ends(inputs, outputs, message):
    layers = (entry_point("x", []), layer("y", "Flatten", [[["x", 0, 0, {}]]]))
    with pytest.raises(ModelError, match=message):
        build(
            read_architecture("m", functional(*layers, inputs=inputs, outputs=outputs)),
            lambda entry: {},
        )


def test_layers_in_any_order():
    described = functional(
        layer("y", "Flatten", [[["a", 0, 0, {}]]]),
        layer("a", "Dropout", [[["x", 0, 0, {}]]], rate=0.5),
        entry_point("x", []),
    )
    graph = build(read_architecture("m", described), lambda entry: {})
    assert [n.name for n in graph.nodes] == ["x", "a", "y"]


@pytest.mark.parametrize(
    ("described", "shape"),
    [
        (sequential(entry_point("x"), layer("f", "Flatten")), (3,)),
        (sequential(layer("f", "Flatten", batch_input_shape=[None, 4])), (4,)),
        (sequential(layer("f", "Flatten"), build_input_shape=[None, 5]), (5,)),
        (sequential({**layer("f", "Flatten"), "build_config": {"input_shape": [None, 6]}}), (6,)),
        ({"class_name": "Sequential", "config": [entry_point("x"), layer("f", "Flatten")]}, (3,)),
    ],
)
def test_the_input_of_a_sequential_model(described, shape):
    graph = build(read_architecture("m", described), lambda entry: {})
    assert graph[graph.inputs[0]].shape == shape
    assert graph.inputs[0] in ("x", "f_input")


@pytest.mark.parametrize(
    ("described", "message"),
    [
        (sequential(), "the model has no layers"),
        (sequential(layer("f", "Flatten")), "the input shape is not in the file; build the model"),
        (sequential(7), "a layer must be an object; the file has 7"),
        ({"class_name": "Sequential", "config": 7}, "config must be an object"),
        ({"class_name": "Sequential", "config": {"layers": 7}}, "layers must be a list"),
        ({"class_name": "Mine", "config": {}}, "a model of class 'Mine' is not supported"),
        (sequential(entry_point("x"), layer(3, "Flatten")), "a layer needs a name and a class"),
        (sequential(entry_point("x"), layer("", "Flatten")), "a layer needs a name and a class"),
        (sequential(entry_point("x"), layer("f", None)), "a layer needs a name and a class"),
        (sequential(entry_point("x"), layer("x", "Flatten")), "x: two layers have this name"),
        (sequential(entry_point("x"), {"class_name": "Flatten"}), "a layer's config must be an"),
        ({**sequential(entry_point("x")), "config": {"layers": [], "name": 3}}, "no layers"),
    ],
)
def test_wrong_descriptions(described, message):
    with pytest.raises(ModelError, match=message):
        build(read_architecture("m", described), lambda entry: {})


def test_a_class_of_another_module_is_refused():
    record = {**layer("f", "Flatten"), "module": "my.layers"}
    with pytest.raises(UnsupportedError, match=r"f \(Flatten\): a class of module 'my.layers'"):
        read_architecture("m", sequential(entry_point("x"), record))
    record = {**layer("f", "Flatten"), "registered_name": "mine>Flatten"}
    with pytest.raises(UnsupportedError, match="the class registered as 'mine>Flatten' is not"):
        read_architecture("m", sequential(entry_point("x"), record))


def test_too_many_layers():
    layers = tuple(Entry(f"a{i}", "Flatten", {}, ("x",), (f"a{i}",)) for i in range(10_001))
    with pytest.raises(ModelError, match="10001 layers; there must be 1 to 10000"):
        build(Architecture("m", layers, ("x",), ("a0",)), lambda entry: {})


def test_the_node_of_an_activation_gets_a_free_name():
    described = sequential(
        entry_point("x"),
        layer("f", "Dense", units=2, use_bias=False, activation="relu"),
        layer("f_relu", "Activation", activation="tanh"),
    )

    def weights(entry: Entry) -> dict[str, np.ndarray]:
        return {"kernel": np.ones((3, 2))} if entry.class_name == "Dense" else {}

    graph = build(read_architecture("m", described), weights)
    assert [(n.name, n.inputs) for n in graph.nodes[1:]] == [
        ("f", ("x",)),
        ("f_relu_", ("f",)),
        ("f_relu", ("f_relu_",)),
    ]


def test_json_that_is_no_object():
    for text in ("[1]", "3", "null", '"a"'):
        with pytest.raises(ModelError, match="m: the model's description must be an object"):
            parse_json("m", text)


@pytest.mark.parametrize(
    ("name", "spelled"),
    [
        ("Dense", "dense"),
        ("BatchNormalization", "batch_normalization"),
        ("ReLU", "re_lu"),
        ("LeakyReLU", "leaky_re_lu"),
        ("QDense", "q_dense"),
        ("Conv2D", "conv2d"),
        ("InputLayer", "input_layer"),
    ],
)
def test_folders_of_weights_are_named_by_class(name, spelled):
    assert snake_case(name) == spelled
