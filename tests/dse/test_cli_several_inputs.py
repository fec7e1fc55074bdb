"""The commands with a model of two inputs and two outputs."""

from __future__ import annotations

import json
from pathlib import Path

import h5py
import numpy as np
import pytest

from dse.cli import main


def layer(class_name: str, name: str, *inputs: str, **config) -> dict:
    nodes = [[[i, 0, 0, {}] for i in inputs]] if inputs else []
    return {
        "class_name": class_name,
        "name": name,
        "config": {"name": name, **config},
        "inbound_nodes": nodes,
    }


@pytest.fixture
def model(tmp_path) -> list[str]:
    """left + right, and their larger elements."""
    shape = {"batch_input_shape": [None, 4]}
    config = {
        "name": "pair",
        "layers": [
            layer("InputLayer", "left", **shape),
            layer("InputLayer", "right", **shape),
            layer("Add", "sum", "left", "right"),
            layer("Maximum", "larger", "left", "right"),
        ],
        "input_layers": [["left", 0, 0], ["right", 0, 0]],
        "output_layers": [["sum", 0, 0], ["larger", 0, 0]],
    }
    with h5py.File(tmp_path / "m.h5", "w") as file:
        file.attrs["model_config"] = json.dumps({"class_name": "Functional", "config": config})
        file.create_group("model_weights").attrs["layer_names"] = []
    return ["--model", str(tmp_path / "m.h5")]


@pytest.fixture
def data(tmp_path) -> Path:
    rng = np.random.default_rng(0)
    arrays = {f"x_{name}": rng.integers(-64, 64, (9, 4)) / 8 for name in ("left", "right")}
    np.savez(tmp_path / "d.npz", **arrays)
    return tmp_path / "d.npz"


@pytest.mark.parametrize("engine", ["emulate", "csim"])
def test_predict_writes_each_output(model, data, tmp_path, engine):
    out = tmp_path / "y.npz"
    words = ["predict", *model, "--data", str(data), "--engine", engine, "--out", str(out)]
    assert main(words) == 0
    x, y = np.load(data), np.load(out)
    assert np.array_equal(y["y_sum"], x["x_left"] + x["x_right"])
    assert np.array_equal(y["y_larger"], np.maximum(x["x_left"], x["x_right"]))


def test_profile_and_compare(model, data, capsys):
    for command in ("profile", "compare"):
        assert main([command, *model, "--data", str(data), "--json"]) == 0
        assert json.loads(capsys.readouterr().out)["rows"] == 9


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"x": (9, 4)}, "has no array x_left; has x"),
        ({"x_left": (9, 4)}, "has no array x_right; has x_left"),
        ({"x_left": (9, 4), "x_right": (8, 4)}, "the inputs must have the same number of rows"),
        ({"x_left": (9, 4), "x_right": (9, 5)}, "x_right"),
    ],
)
def test_data_that_do_not_fit(model, tmp_path, capsys, keys, message):
    path = tmp_path / "bad.npz"
    np.savez(path, **{name: np.zeros(shape) for name, shape in keys.items()})
    assert main(["compare", *model, "--data", str(path)]) == 2
    assert message in capsys.readouterr().err


def test_a_run_says_that_it_takes_one_of_each(model, tmp_path, capsys):
    words = ["run", *model, "--part", "xc7z020", "--budget", "10s", "--out", str(tmp_path / "r")]
    assert main(words) == 2
    assert "a run takes models of one input and one output" in capsys.readouterr().err
    assert not (tmp_path / "r").exists()
