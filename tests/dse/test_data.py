"""The user's data are checked by array name; scores are the field's."""

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from converter.errors import ConfigError, DataError
from converter.graph import ModelGraph, Node
from converter.layers.activation import Linear
from converter.layers.batchnorm import BatchNormalization
from converter.layers.input import Input
from dse.data import Dataset, draw_inputs, load_data
from dse.metrics import Metric, choose_metric, score


def model(features=4, outputs=4):
    layers = [
        Node("x", Input((features,)), (), (features,)),
        Node("y", Linear(), ("x",), (outputs,)),
    ]
    return ModelGraph("m", tuple(layers), ("y",))


def save(path, **arrays):
    np.savez(path, **arrays)
    return path


def test_class_indices_one_hot_and_real_targets(tmp_path):
    x, y = np.zeros((3, 4)), np.array([0, 3, 1])
    for target in (y, y[:, None], np.eye(4)[y]):
        data = load_data(save(tmp_path / "d.npz", x=x, y=target), model())
        assert data.classes
        assert (data.y == y).all()
    data = load_data(save(tmp_path / "r.npz", x=x, y=np.full((3, 4), 0.5)), model())
    assert not data.classes


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"x": np.zeros((3, 4))}, "needs the arrays x and y"),
        ({"x": np.zeros((0, 4)), "y": np.zeros(0)}, "x is empty"),
        ({"x": np.zeros((3, 5)), "y": np.zeros(3)}, r"x has shape \(3, 5\); the model takes"),
        ({"x": np.full((3, 4), np.nan), "y": np.zeros(3)}, "x has NaN"),
        ({"x": np.zeros((3, 4)), "y": np.zeros(2)}, "y has 2 rows where x has 3"),
        ({"x": np.zeros((3, 4)), "y": np.full(3, 9)}, r"class indices in 0\.\.3; it spans 9"),
        ({"x": np.zeros((3, 4)), "y": np.zeros((3, 2))}, "y has 2 values a row; the model gives 4"),
        ({"x": np.array(["a"] * 3), "y": np.zeros(3)}, "x must hold numbers"),
        ({"x": np.zeros((3, 4)), "y": np.zeros(3), "z": np.zeros(1)}, "has x, y, z"),
    ],
)
def test_bad_arrays_are_refused_by_name(tmp_path, arrays, message):
    with pytest.raises(DataError, match=message):
        load_data(save(tmp_path / "d.npz", **arrays), model())


def test_pickled_and_damaged_files_are_refused(tmp_path):
    pickled = save(tmp_path / "p.npz", x=np.array([{}], dtype=object), y=np.zeros(1))
    damaged = tmp_path / "t.npz"
    damaged.write_bytes(pickled.read_bytes()[:50])
    for path in (pickled, damaged, tmp_path / "none.npz"):
        with pytest.raises(DataError, match=path.name):
            load_data(path, model())


def test_drawn_inputs_fit_a_batch_normalisation_at_the_input():
    bn = BatchNormalization(scale=np.full(4, 0.1), offset=np.full(4, -5.0))
    nodes = (Node("x", Input((4,)), (), (4,)), Node("bn", bn, ("x",), (4,)))
    x = draw_inputs(ModelGraph("m", nodes, ("bn",)), seed=1).x
    assert abs(x.mean() - 50) < 1  # mean 50, spread 10: what the layer undoes
    assert abs(x.std() - 10) < 0.5


def test_metric_by_the_data():
    x = np.zeros((2, 4))
    assert choose_metric(None, Dataset(x, np.array([0, 1]), "d")) == Metric("accuracy", 1)
    assert choose_metric(None, Dataset(x, np.zeros((2, 4)), "d")) == Metric("mse", -1)
    assert choose_metric(None, Dataset(x, None, "drawn")) == Metric("fidelity", 1)
    with pytest.raises(ConfigError, match="needs --data"):
        choose_metric("accuracy", Dataset(x, None, "drawn"))
    with pytest.raises(ConfigError, match="cannot import"):
        choose_metric("no_such_module:f", Dataset(x, np.array([0, 1]), "d"))


def test_scores():
    rng = np.random.default_rng(0)
    y, out = rng.integers(0, 3, 200), rng.integers(0, 5, (200, 3)).astype(float)
    data = Dataset(np.zeros((200, 1)), y, "d")
    expected = roc_auc_score(np.eye(3)[y], out, average="macro")
    assert score(Metric("auc", 1), data, out, out, "linear") == pytest.approx(expected, abs=1e-12)
    assert score(Metric("accuracy", 1), data, out, out, "softmax") == (out.argmax(1) == y).mean()
    assert score(Metric("fidelity", 1), data, out, out, "softmax") == 1.0
    assert score(Metric("mse", -1), data, np.eye(3)[y], out, "softmax") == 0.0


def test_binary_scores_use_the_threshold_of_the_last_layer():
    data = Dataset(np.zeros((3, 1)), np.array([0, 1, 1]), "d")
    logits = np.array([[-1.0], [0.2], [3.0]])
    assert score(Metric("accuracy", 1), data, logits, logits, "linear") == 1.0
    assert score(Metric("accuracy", 1), data, logits, logits, "sigmoid") == pytest.approx(2 / 3)
