"""The reference models: the dense ones are read, the others refused by layer and class."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from converter.forward import forward
from converter.frontends import load

DENSE = [
    ("KERAS_3layer.json", "KERAS_3layer_weights.h5"),
    ("KERAS_3layer.json", "KERAS_3layer_70pruned_retrained_weights.h5"),
    ("qkeras_3layer.json", "qkeras_3layer_weights.h5"),
]


def rebuilt(keras2, qkeras, text: str, weights: Path):
    """The model of Keras itself."""
    from qkeras.qlayers import Clip, QInitializer

    names = ("QDense", "QActivation", "quantized_bits", "quantized_relu")
    objects = {"Clip": Clip, "QInitializer": QInitializer}
    objects |= {name: getattr(qkeras, name) for name in names}
    described = json.loads(text)
    if described["class_name"] == "Sequential":
        model = keras2.Sequential.from_config(described["config"], custom_objects=objects)
    else:
        model = keras2.models.model_from_json(text)
    model.load_weights(weights)
    return model


@pytest.mark.parametrize(("model", "weights"), DENSE)
def test_dense_models_are_read(shared: Path, model, weights):
    graph = load(shared / "models" / model, shared / "models" / weights)
    assert graph[graph.outputs[0]].shape == (5,)
    probabilities = forward(graph, np.zeros((2, 16)))[graph.outputs[0]]
    # Five doubles that were divided by their sum.
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, rtol=1e-15)


@pytest.mark.slow
@pytest.mark.keras2
@pytest.mark.parametrize(("model", "weights"), DENSE)
def test_dense_models_compute_what_keras_computes(shared: Path, keras2, qkeras, model, weights):
    text = (shared / "models" / model).read_text()
    reference = rebuilt(keras2, qkeras, text, shared / "models" / weights)
    x = np.random.default_rng(3).integers(-64, 64, (500, 16)).astype(np.float32) / 32
    graph = load(shared / "models" / model, shared / "models" / weights)
    y = forward(graph, x)[graph.outputs[0]]
    # Float32 sums of up to 64 terms of size 10, through a softmax of slope 1/4.
    np.testing.assert_allclose(y, reference.predict(x, verbose=0), atol=1e-5)


@pytest.mark.keras2
def test_the_quantised_model_has_the_very_logits_of_qkeras(shared: Path, keras2, qkeras):
    names = ("qkeras_3layer.json", "qkeras_3layer_weights.h5")
    model, weights = (shared / "models" / name for name in names)
    reference = rebuilt(keras2, qkeras, model.read_text(), weights)
    inner = keras2.Model(reference.input, reference.get_layer("output").output)
    x = np.random.default_rng(4).integers(-64, 64, (500, 16)).astype(np.float32) / 32
    logits = forward(load(model, weights), x)["output"]
    assert np.array_equal(logits, inner.predict(x, verbose=0))
