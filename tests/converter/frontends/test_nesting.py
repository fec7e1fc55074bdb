"""Shared layers, nested models, several inputs and outputs: the same outputs as Keras'."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from converter.errors import ModelError
from converter.forward import forward
from converter.frontends import load
from converter.frontends.architecture import build
from converter.frontends.keras_config import read_architecture


def chain(keras, name: str):
    layers = keras.layers
    norm = layers.BatchNormalization(name="norm")
    return keras.Sequential([keras.Input((4,)), layers.Dense(4, name="d"), norm], name=name)


def two_outputs(keras, name: str):
    x = keras.Input((4,), name="inside")
    first = keras.layers.Dense(4, activation="relu", name="first")(x)
    return keras.Model(x, [first, keras.layers.Dense(3, name="second")(first)], name=name)


def nested(keras):
    """Layers and models used twice, a model in a model, an inner output that feeds another use."""
    x, z = keras.Input((4,), name="x"), keras.Input((4,), name="z")
    shared, seq = keras.layers.Dense(4, name="shared"), chain(keras, "seq")
    fun = two_outputs(keras, "fun")
    deep = keras.Sequential(
        [keras.Input((4,)), chain(keras, "low"), keras.layers.Dense(2, name="q")], name="deep"
    )
    a, b = seq(shared(x)), seq(shared(z))
    first, second = fun(a)
    again, last = fun(b)
    return keras.Model([x, z], [shared(first), second, last, deep(again)], name="top")


def saved(model, folder: Path, way: str) -> tuple[Path, ...]:
    if way == "json":
        (folder / "m.json").write_text(model.to_json())
        model.save_weights(folder / "m.weights.h5")
        return folder / "m.json", folder / "m.weights.h5"
    model.save(folder / f"m.{way}")
    return (folder / f"m.{way}",)


def check(keras, folder: Path, way: str) -> None:
    rng, model = np.random.default_rng(3), nested(keras)
    model.set_weights([rng.uniform(0.1, 1, w.shape) for w in model.get_weights()])
    graph = load(*saved(model, folder, way))
    x = {"x": rng.normal(0, 1, (9, 4)), "z": rng.normal(0, 1, (9, 4))}
    values = forward(graph, x)
    assert graph.outputs == ("shared_2", "fun_second", "fun_1_second", "deep_q")
    for name, theirs in zip(graph.outputs, model.predict(list(x.values()), verbose=0), strict=True):
        # Keras computes in float32: a few roundings of 2**-24 per layer
        np.testing.assert_allclose(values[name], theirs, atol=2e-5 * np.abs(theirs).max())
    assert graph["shared"].layer is graph["shared_1"].layer is graph["shared_2"].layer
    assert graph["deep_low_norm"].inputs == ("deep_low_d",)


@pytest.mark.keras2
@pytest.mark.parametrize("way", ["h5", "json"])
def test_keras2_models_in_models(keras2, tmp_path, way):
    check(keras2, tmp_path, way)


@pytest.mark.keras3
@pytest.mark.parametrize("way", ["h5", "json", "keras"])
def test_keras3_models_in_models(keras3, tmp_path, way):
    check(keras3, tmp_path, way)


@pytest.mark.keras3
def test_a_sequential_model_that_starts_with_a_model(keras3, tmp_path):
    model = keras3.Sequential([chain(keras3, "low"), keras3.layers.Dense(2, name="q")])
    graph = load(*saved(model, tmp_path, "keras"))
    assert [n.name for n in graph.nodes][1:] == ["low_d", "low_norm", "q"]


def flat(name: str, *uses: list) -> dict:
    return {
        "class_name": "Flatten",
        "config": {"name": name},
        "name": name,
        "inbound_nodes": list(uses),
    }


def entry(name: str) -> dict:
    config = {"name": name, "batch_input_shape": [None, 3]}
    return {"class_name": "InputLayer", "config": config, "name": name, "inbound_nodes": []}


def model(name: str, *layers: dict, inputs=("x",), outputs=(("y", 0, 0),), uses=()) -> dict:
    config = {
        "name": name,
        "layers": list(layers),
        "input_layers": [[i, 0, 0] for i in inputs],
        "output_layers": [list(o) for o in outputs],
    }
    record = {"class_name": "Functional", "config": config, "name": name}
    return {**record, "inbound_nodes": list(uses)}


def edges(described: dict) -> dict[str, tuple[str, ...]]:
    return {e.name: e.inputs for e in read_architecture("m", described).entries}


def test_uses_of_a_nested_model_count_from_0_or_from_1():
    inner = model("in", entry("x"), flat("y", [["x", 0, 0]]), uses=[[["x", 0, 0]]])
    for use in (0, 1):
        top = model("m", entry("x"), inner, flat("y", [["in", use, 0]]))
        assert edges(top) == {"x": (), "in_y": ("x",), "y": ("in_y",)}


def test_an_input_that_a_nested_model_hands_through():
    inner = model("in", entry("x"), outputs=[("x", 0, 0)], uses=[[["x", 0, 0]], [["in", 0, 0]]])
    assert edges(model("m", entry("x"), inner, flat("y", [["in", 1, 0]]))) == {"x": (), "y": ("x",)}


def test_names_of_nested_layers_do_not_collide():
    inner = model("a", entry("x"), flat("y", [["x", 0, 0]]), uses=[[["x", 0, 0]]])
    top = model("m", entry("x"), flat("a_y", [["x", 0, 0]]), inner, flat("y", [["a", 0, 0]]))
    assert edges(top) == {"x": (), "a_y": ("x",), "a_y_": ("x",), "y": ("a_y_",)}


@pytest.mark.parametrize(
    ("uses", "read", "message"),
    [
        ([[["x", 0, 0], ["x", 0, 0]]], ["in", 0, 0], "a model of 1 inputs is called on 2 tensors"),
        ([[["x", 0, 0]]], ["in", 0, 1], "reads output 1 of use 0 of 'in', which is not there"),
        ([[["x", 0, 0]]], ["in", 5, 0], "reads output 0 of use 5 of 'in', which is not there"),
        ([[["y", 0, 0]]], ["in", 0, 0], "depends on its own output"),
    ],
)
def test_bad_uses_of_a_nested_model(uses, read, message):
    inner = model("in", entry("x"), flat("y", [["x", 0, 0]]), uses=uses)
    top = model("m", entry("x"), inner, flat("y", [read]))
    with pytest.raises(ModelError, match=message):
        build(read_architecture("m", top), lambda entry: {})


def test_a_model_that_hands_its_own_output_to_itself():
    inner = model("in", entry("x"), outputs=[("x", 0, 0)], uses=[[["in", 0, 0]]])
    with pytest.raises(ModelError, match=r"y \(Flatten\): reads 'in', which depends on its own"):
        read_architecture("m", model("m", entry("x"), inner, flat("y", [["in", 0, 0]])))


def test_nested_uses_that_double_at_every_level_are_refused_in_time():
    inner = model("l0", entry("x"), flat("y", [["x", 0, 0]]))
    for level in range(1, 40):
        below = {**inner, "inbound_nodes": [[["x", 0, 0]], [["x", 0, 0]]]}
        inner = model(f"l{level}", entry("x"), below, flat("y", [[f"l{level - 1}", 0, 0]]))
    with pytest.raises(ModelError, match="more than 10000 layers in all"):
        read_architecture("m", inner)


def test_models_nested_too_deeply():
    inner = model("l0", entry("x"), flat("y", [["x", 0, 0]]))
    for level in range(1, 80):
        below = {**inner, "inbound_nodes": [[["x", 0, 0]]]}
        inner = model(f"l{level}", entry("x"), below, flat("y", [[f"l{level - 1}", 0, 0]]))
    with pytest.raises(ModelError, match="models are nested too deeply"):
        read_architecture("m", inner)


def test_an_input_that_nothing_depends_on():
    top = model("m", entry("x"), entry("z"), flat("y", [["x", 0, 0]]), inputs=("x", "z"))
    with pytest.raises(ModelError, match="z: an input of the model that no output depends on"):
        build(read_architecture("m", top), lambda entry: {})
