"""The reference models as Keras computes them, in wide types, and in csim."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from harness import check_bits, check_float, check_wide, steps

from converter.frontends import load
from converter.graph import ModelGraph

MODELS = ["KERAS_3layer", "KERAS_conv1d_small", "KERAS_conv2d_model"]
"""Each ends with a dense layer and its softmax."""


def ending_at(graph: ModelGraph, name: str) -> ModelGraph:
    """The model with another output: that of a node."""
    position = [n.name for n in graph.nodes].index(name)
    return replace(graph, nodes=graph.nodes[: position + 1], outputs=(name,))


@pytest.mark.keras2
@pytest.mark.parametrize("model", MODELS)
def test_keras_models(shared: Path, keras2: ModuleType, model: str) -> None:
    files = (shared / "models" / f"{model}.json", shared / "models" / f"{model}_weights.h5")
    graph = load(*files)
    reference = keras2.models.model_from_json(files[0].read_text())
    reference.load_weights(files[1])
    x = steps(np.random.default_rng(0), (24, *graph[graph.inputs[0]].shape))
    y = reference(np.float32(x)).numpy().astype(float)
    check_float(graph, x, y)
    # The softmax of default tables: half a step of 8 bits, where the largest output is 1.
    check_wide(graph, x, y, 2.0**-8)
    check_bits(graph, x)
    reference.layers[-1].activation = keras2.activations.linear
    logits = reference(np.float32(x)).numpy().astype(float)
    inner = ending_at(graph, reference.layers[-1].name)
    check_float(inner, x, logits)
    check_wide(inner, x, logits)
