"""Emulation against QKeras' own inference, bit for bit, layer by layer."""

from __future__ import annotations

import gzip
import json
import shutil
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

import converter
from converter.config import HLSConfig
from converter.csim import csim
from converter.emulate import emulate_codes, quantize_inputs, run
from converter.graph import IOType
from converter.types import Fixed, Overflow, Rounding

pytestmark = pytest.mark.keras2

GRID = Fixed(16, 6, True, Rounding.RND, Overflow.SAT)


def on_grid(rows: int, size: int) -> np.ndarray:
    return GRID.to_float(GRID.from_float(np.random.default_rng(3).normal(0, 2, (rows, size))))


def check_layers(
    keras: ModuleType, model: Any, graph: Any, x: np.ndarray, exact: list[str]
) -> None:
    """Each layer of ``exact`` equals the model's own float32, in which all its sums are exact."""
    config = HLSConfig(layers={graph.inputs[0]: {"precision": {"result": GRID}}})
    typed = converter.apply(graph, config)
    codes = run(typed, quantize_inputs(typed, x))
    for name in exact:
        layer = keras.Model(model.input, model.get_layer(name).output)
        own = layer.predict(x.astype(np.float32), verbose=0).astype(np.float64)
        assert np.array_equal(typed.edges[name].type.to_float(codes[name]), own), name


POSITIVE = {"bits": 5, "integer": 1, "keep_negative": False, "alpha": 1}
CASES = {
    "alpha 1": ({"bits": 4, "integer": 0, "alpha": 1}, "quantized_relu(5,1)"),
    "wide": ({"bits": 4, "integer": 4, "alpha": 1}, "quantized_bits(6,3,1,alpha=1)"),
    "positive": (POSITIVE, "quantized_relu(3,3)"),
    "fitted": ({"bits": 5, "alpha": "auto_po2"}, "quantized_relu(4,2,negative_slope=0.25)"),
    "binary": ({"bits": 1, "integer": 0, "alpha": 1}, "binary(alpha=1)"),
    "ternary": ({"bits": 3, "integer": 1, "alpha": "auto_po2"}, "ternary(alpha=1,threshold=0.5)"),
}


@pytest.mark.parametrize("case", list(CASES))
def test_networks_of_quantizers(
    case: str, keras2: ModuleType, qkeras: ModuleType, tmp_path: Path
) -> None:
    arguments, activation = CASES[case]

    def dense(units: int, name: str) -> Any:
        bias = qkeras.quantized_bits(6, 1, alpha=1)
        kernel = qkeras.quantized_bits(**arguments)
        return qkeras.QDense(units, kernel_quantizer=kernel, bias_quantizer=bias, name=name)

    keras2.utils.set_random_seed(5)
    model = keras2.Sequential([
        keras2.layers.InputLayer(input_shape=(9,), name="x"),
        dense(8, "first"),
        qkeras.QActivation(activation, name="between"),
        dense(4, "second"),
        keras2.layers.Activation("softmax", name="softmax"),
    ])  # fmt: skip
    rng = np.random.default_rng(8)
    model.set_weights([rng.normal(0, 0.7, w.shape) for w in model.get_weights()])
    model.save(tmp_path / "m.h5", include_optimizer=False)
    graph = converter.load(tmp_path / "m.h5")
    check_layers(keras2, model, graph, on_grid(500, 9), ["first", "between", "second"])


def test_the_quantised_jet_tagger(keras2: ModuleType, qkeras: ModuleType, shared: Path) -> None:
    folder = shared / "models"
    weights = folder / "qkeras_3layer_weights.h5"
    model = rebuilt(keras2, qkeras, json.loads((folder / "qkeras_3layer.json").read_text()))
    model.load_weights(weights)
    graph = converter.load(folder / "qkeras_3layer.json", weights)
    layers = ["fc1", "relu1", "fc2", "relu2", "fc3", "relu3", "output"]
    check_layers(keras2, model, graph, on_grid(2000, 16), layers)
    config = HLSConfig(layers={graph.inputs[0]: {"precision": {"result": GRID}}})
    x = on_grid(2000, 16)
    probabilities = converter.emulate(converter.apply(graph, config), x)
    own = model.predict(x.astype(np.float32), verbose=0)
    assert np.abs(probabilities - own).max() < 2**-9
    chosen = np.take_along_axis(own, probabilities.argmax(axis=1)[:, np.newaxis], axis=1)[:, 0]
    assert np.array_equal(chosen, own.max(axis=1))


def mnist(shared: Path, rows: int) -> tuple[np.ndarray, np.ndarray]:
    """Pixels in 1/256, and digits."""
    folder = shared / "data"
    with gzip.open(folder / "mnist_t10k-images-idx3-ubyte.gz") as images:
        pixels = np.frombuffer(images.read()[16:], np.uint8).reshape(-1, 28, 28, 1)
    with gzip.open(folder / "mnist_t10k-labels-idx1-ubyte.gz") as labels:
        digits = np.frombuffer(labels.read()[8:], np.uint8)
    return pixels[:rows] / 256, digits[:rows]


def test_the_quantised_mnist_network(keras2: ModuleType, qkeras: ModuleType, shared: Path) -> None:
    """Logits bit for bit; the digits are those of the model but where two are equally likely."""
    folder = shared / "models"
    weights = folder / "qkeras_mnist_cnn_weights.h5"
    model = rebuilt(keras2, qkeras, json.loads((folder / "qkeras_mnist_cnn.json").read_text()))
    model.load_weights(weights)
    graph = converter.load(folder / "qkeras_mnist_cnn.json", weights)
    x, digits = mnist(shared, 1000)
    pixels = {graph.inputs[0]: {"precision": {"result": Fixed(8, 0, signed=False)}}}
    typed = converter.apply(graph, HLSConfig(layers=pixels))
    codes = run(typed, quantize_inputs(typed, x))
    for name in ("q_activation", "q_activation_1", "q_dense"):
        inner = keras2.Model(model.input, model.get_layer(name).output)
        own = inner.predict(x.astype(np.float32), verbose=0).astype(np.float64)
        ours = typed.edges[name].type.to_float(codes[name])
        assert np.array_equal(ours, own.reshape(len(x), -1)), name
    own = model.predict(x.astype(np.float32), verbose=0)
    probabilities = converter.emulate(typed, x)
    assert np.abs(probabilities - own).max() < 2**-9
    assert (probabilities.argmax(axis=1) == own.argmax(axis=1)).mean() >= 0.999
    assert (probabilities.argmax(axis=1) == digits).mean() > 0.95


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("g++") is None, reason="needs g++")
@pytest.mark.parametrize("io_type", list(IOType))
def test_the_quantised_mnist_network_in_csim(shared: Path, io_type: IOType) -> None:
    folder = shared / "models"
    graph = converter.load(folder / "qkeras_mnist_cnn.json", folder / "qkeras_mnist_cnn_weights.h5")
    pixels = {graph.inputs[0]: {"precision": {"result": Fixed(8, 0, signed=False)}}}
    typed = converter.apply(graph, HLSConfig(layers=pixels))
    codes = quantize_inputs(typed, mnist(shared, 20)[0])
    expected = emulate_codes(typed, dict(codes))
    compiled = csim(replace(typed, io_type=io_type), codes)
    for name in typed.outputs:
        assert np.array_equal(compiled[name], expected[name]), name


def rebuilt(keras: ModuleType, qkeras: ModuleType, architecture: dict[str, Any]) -> Any:
    """The model from its architecture by hand: Keras 2.15 does not read these older files."""

    def quantizer(spec: Any) -> Any:
        if not isinstance(spec, dict):
            return spec
        return getattr(qkeras, spec["class_name"])(**spec["config"])

    layers = []
    for one in architecture["config"]["layers"]:
        settings, kind = dict(one["config"]), one["class_name"]
        for key in [k for k in settings if k.endswith(("_initializer", "_constraint"))]:
            del settings[key]
        for key in ("kernel_quantizer", "bias_quantizer", "activation"):
            if key in settings:
                settings[key] = quantizer(settings[key])
        if kind == "InputLayer":
            layers.append(keras.layers.InputLayer(settings["batch_input_shape"][1:]))
        elif kind == "QActivation":
            layers.append(qkeras.QActivation(settings["activation"], name=settings["name"]))
        else:
            home = qkeras if kind.startswith("Q") else keras.layers
            layers.append(getattr(home, kind)(**settings))
    return keras.Sequential(layers)
