"""The examples that are committed are what their scripts and pages say."""

import ast
import json
import re
from pathlib import Path

import h5py
import numpy as np
import pytest

import converter
from converter.forward import forward
from converter.layers.activation import Relu
from converter.layers.dense import Dense
from converter.layers.softmax import Softmax
from converter.pipeline import measure_ranges

DIGITS = Path(__file__).parent.parent / "examples" / "digits"


@pytest.fixture(scope="module")
def graph():
    return converter.load(DIGITS / "digits.h5")


@pytest.fixture(scope="module")
def data():
    with np.load(DIGITS / "digits.npz") as arrays:
        return dict(arrays)


@pytest.fixture(scope="module")
def page():
    return (DIGITS / "README.md").read_text()


def script_layers():
    """(width, activation, name) of every Dense in ``train.py``, read and not run."""
    found = []
    for node in ast.walk(ast.parse((DIGITS / "train.py").read_text())):
        if isinstance(node, ast.Call) and getattr(node.func, "attr", "") == "Dense":
            words = {k.arg: ast.literal_eval(k.value) for k in node.keywords}
            found.append((ast.literal_eval(node.args[0]), words["activation"], words["name"]))
    return sorted(found, reverse=True)


def test_the_model_is_the_one_of_the_script(graph):
    layers = {node.name: node for node in graph.nodes}
    kinds = {"relu": Relu, "softmax": Softmax}
    script = script_layers()
    assert len(script) == 3
    for width, activation, name in script:
        assert isinstance(layers[name].layer, Dense)
        assert layers[name].shape == (width,)
        (after,) = graph.consumers(name)
        assert isinstance(after.layer, kinds[activation])
    assert layers["pixels"].shape == (64,)


def test_the_model_file_has_no_optimizer():
    with h5py.File(DIGITS / "digits.h5") as file:
        assert "optimizer_weights" not in file
        assert "training_config" not in file.attrs
        assert json.loads(file.attrs["model_config"])["class_name"] == "Sequential"


def test_the_data_are_what_the_page_says(data, page):
    assert set(data) == {"x", "y", "x_train", "y_train"}
    for name in ("x", "x_train"):
        assert f"{len(data[name]):,}" in page
        assert data[name].min() == 0
        assert data[name].max() == 1
        assert np.array_equal(data[name] * 16, np.round(data[name] * 16))
    assert set(data["y"]) == set(range(10))


def test_no_scored_image_was_trained_on(data):
    trained = {row.tobytes() for row in data["x_train"]}
    assert not any(row.tobytes() in trained for row in data["x"])


def stated(page):
    return [float(figure) for figure in re.findall(r"\b0\.\d{4}\b", page)]


def accuracy(outputs, y):
    return float((outputs.argmax(axis=1) == y).mean())


def test_the_accuracy_is_what_the_page_says(graph, data, page):
    scored = accuracy(forward(graph, data["x"])["scores_softmax"], data["y"])
    trained = accuracy(forward(graph, data["x_train"])["scores_softmax"], data["y_train"])
    assert stated(page)[:2] == [round(scored, 4), round(trained, 4)]


@pytest.mark.parametrize("with_ranges", [False, True])
def test_the_default_types_lose_nothing(graph, data, page, with_ranges):
    ranges = measure_ranges(graph, data["x_train"]) if with_ranges else None
    outputs = converter.emulate(converter.apply(graph, None, ranges), data["x"])
    assert round(accuracy(outputs, data["y"]), 4) == stated(page)[2]


def test_the_page_counts_the_weights(graph, page):
    sizes = [(64, 32), (32, 16), (16, 10)]
    assert f"{sum(i * o + o for i, o in sizes):,}" in page
