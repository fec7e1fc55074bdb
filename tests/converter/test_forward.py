"""The model in real numbers: inputs by name, every node's values, clear errors."""

from __future__ import annotations

import numpy as np
import pytest

from converter.errors import DataError
from converter.forward import forward
from converter.graph import ModelGraph, Node
from converter.layers.activation import Relu
from converter.layers.dense import Dense
from converter.layers.input import Input

TWO = ModelGraph(
    "m",
    (
        Node("a", Input((2,)), (), (2,)),
        Node("b", Input((1,)), (), (1,)),
        Node("fc", Dense(np.array([[1.0], [2.0]])), ("a",), (1,)),
        Node("up", Relu(), ("fc",), (1,)),
        Node("down", Relu(negative_slope=0.5), ("fc",), (1,)),
    ),
    ("up", "down", "b"),
)
ONE = ModelGraph("m", (Node("a", Input((2, 3)), (), (2, 3)),), ("a",))


def test_every_node_has_values():
    values = forward(TWO, {"a": [[1, -3], [1, 1]], "b": [[7], [8]]})
    assert {name: v.tolist() for name, v in values.items()} == {
        "a": [[1, -3], [1, 1]],
        "b": [[7], [8]],
        "fc": [[-5], [3]],
        "up": [[0], [3]],
        "down": [[-2.5], [3]],
    }


@pytest.mark.parametrize(
    ("graph", "x", "message"),
    [
        (ONE, np.zeros((4, 6)), r"input a must have shape \(rows, 2, 3\); got \(4, 6\)"),
        (ONE, np.zeros((0, 2, 3)), r"input a must have shape \(rows, 2, 3\); got \(0, 2, 3\)"),
        (ONE, np.full((1, 2, 3), np.nan), "input a has NaN or infinite values"),
        (TWO, np.zeros((4, 2)), "inputs needed: a, b; got: a"),
        (TWO, {"a": np.zeros((4, 2)), "c": 1}, "inputs needed: a, b; got: a, c"),
        (TWO, {"a": np.zeros((4, 2)), "b": np.zeros((3, 1))}, "the same number of rows"),
    ],
)
def test_wrong_inputs(graph, x, message):
    with pytest.raises(DataError, match=message):
        forward(graph, x)
