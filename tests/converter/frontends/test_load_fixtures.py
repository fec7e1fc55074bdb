"""Every format that is read, from committed files with recorded outputs; needs no framework."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import converter
from converter.forward import forward
from converter.layers.activation import Relu
from converter.layers.batchnorm import BatchNormalization
from converter.layers.dense import Dense
from converter.layers.input import Input
from converter.layers.quantized import QuantizedActivation
from converter.layers.softmax import Softmax

PLAIN = {
    "x": Input,
    "hidden": Dense,
    "hidden_relu": Relu,
    "norm": BatchNormalization,
    "classes": Dense,
    "classes_softmax": Softmax,
}


@pytest.mark.parametrize(
    ("model", "weights", "record"),
    [
        ("keras2.h5", None, "keras2"),
        ("keras2.json", "keras2_weights.h5", "keras2"),
        ("keras2.json", "keras2.h5", "keras2"),
        ("keras3.h5", None, "keras3"),
        ("keras3.keras", None, "keras3"),
    ],
)
def test_a_dense_model_gives_what_keras_gave(fixtures: Path, model, weights, record):
    graph = converter.load(fixtures / model, weights and fixtures / weights)
    assert {n.name: type(n.layer) for n in graph.nodes} == PLAIN
    assert graph.outputs == ("classes_softmax",)
    saved = np.load(fixtures / f"{record}.npz")
    y = forward(graph, saved["x"])["classes_softmax"]
    # Keras computes in float32: three products of at most 6 terms, each rounded to 2**-24.
    np.testing.assert_allclose(y, saved["y"], atol=2e-6)


def test_a_qkeras_model_gives_the_very_values_of_qkeras(fixtures: Path):
    graph = converter.load(fixtures / "qkeras.h5")
    assert [(n.name, type(n.layer)) for n in graph.nodes] == [
        ("x", Input),
        ("hidden", Dense),
        ("relu", QuantizedActivation),
        ("middle", Dense),
        ("middle_quantized_bits", QuantizedActivation),
        ("logits", Dense),
    ]
    saved = np.load(fixtures / "qkeras.npz")
    y = forward(graph, saved["x"])["logits"]
    assert np.array_equal(y, saved["y"])


def test_weights_are_read_only_doubles(fixtures: Path):
    dense = converter.load(str(fixtures / "keras2.h5"))["hidden"].layer
    assert isinstance(dense, Dense)
    assert dense.kernel.dtype == np.float64
    with pytest.raises(ValueError, match="read-only"):
        dense.kernel[0, 0] = 1


def test_reading_needs_no_framework(fixtures: Path):
    code = (
        f"import sys, converter; converter.load({str(fixtures / 'keras2.h5')!r}); "
        "print([m for m in ('tensorflow', 'keras', 'qkeras', 'ray', 'optuna') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
