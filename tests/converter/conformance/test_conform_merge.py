"""Layers that compute with several tensors: Add and its kin, of n inputs, and Dot."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from harness import Case, case, conform

import converter
from converter.errors import DseError


def merge(name: str) -> Callable[..., Any]:
    return lambda k, *x: getattr(k.layers, name)()(list(x))


NAMES = ("Add", "Multiply", "Average", "Maximum", "Minimum")
SHAPES: dict[str, list[tuple[int, ...]]] = {
    "two": [(2, 3), (2, 3)],
    "three": [(4,), (4,), (4,)],
    "four": [(2, 2, 3)] * 4,
    "five_broadcast": [(2, 3), (1, 3), (2, 1), (1, 1), (2, 3)],
    "ranks": [(2, 3, 2), (2,)],
    "ranks_of_three": [(3,), (2, 3), (4, 1, 3)],
    "outer": [(3, 1), (1, 4)],
}

CASES: dict[str, dict[str, Case]] = {
    name.lower(): {shape: case(of, merge(name)) for shape, of in SHAPES.items()} for name in NAMES
} | {
    "subtract": {
        "two": case([(2, 3), (2, 3)], merge("Subtract")),
        "broadcast": case([(2, 1, 3), (4, 1)], merge("Subtract")),
        "flat": case([(5,), (5,)], merge("Subtract")),
    },
    "itself": {
        name.lower(): case((3, 2), lambda k, x, name=name: getattr(k.layers, name)()([x, x]))
        for name in (*NAMES, "Subtract")
    },
    "graphs": {
        "residual": case(
            (4, 4, 2),
            lambda k, x: k.layers.ReLU()(
                k.layers.Add()([x, k.layers.Conv2D(2, 3, padding="same")(x)])
            ),
        ),
        "two_branches": case(
            (6, 3),
            lambda k, x: k.layers.Average()(
                [
                    k.layers.Conv1D(4, 3, padding="same")(x),
                    k.layers.Dense(4)(x),
                    k.layers.UpSampling1D(2)(k.layers.MaxPooling1D(2)(k.layers.Dense(4)(x))),
                ]
            ),
        ),
        "gate": case(
            (4, 3),
            lambda k, x: k.layers.Multiply()(
                [x, k.layers.Dense(3, activation="relu")(k.layers.GlobalAveragePooling1D()(x))]
            ),
        ),
        "dense": case(
            (3, 2),
            lambda k, x: k.layers.Concatenate()(
                [x, k.layers.Concatenate()([x, k.layers.Dense(2)(x)]), k.layers.ReLU()(x)]
            ),
        ),
    },
    "dot": {
        "vectors": case([(4,), (4,)], lambda k, x, y: k.layers.Dot(1)([x, y])),
        "matrices": case([(2, 3), (3, 4)], lambda k, x, y: k.layers.Dot((2, 1))([x, y])),
        "rows": case([(2, 3), (4, 3)], lambda k, x, y: k.layers.Dot(-1)([x, y])),
        "columns": case([(3, 2), (3, 4)], lambda k, x, y: k.layers.Dot(1)([x, y])),
        "matrix_vector": case([(2, 3), (3,)], lambda k, x, y: k.layers.Dot((2, 1))([x, y])),
        "vector_matrix": case([(3,), (3, 2)], lambda k, x, y: k.layers.Dot((1, 1))([x, y])),
        "itself": case((3, 2), lambda k, x: k.layers.Dot(2)([x, x])),
        "cubes": case([(2, 3, 2), (3, 2)], lambda k, x, y: k.layers.Dot((2, 1))([x, y])),
    },
}


@pytest.mark.parametrize("group", CASES)
def test_merging(framework: ModuleType, group: str, tmp_path: Path) -> None:
    conform(framework, CASES[group], tmp_path)


OPERATIONS: dict[str, Case] = {
    "add": case([(2, 3), (2, 3)], lambda k, x, y: k.ops.add(x, y), generations=(3,)),
    "plus": case([(2, 3), (1, 3)], lambda k, x, y: x + y, generations=(3,)),
    "minus": case([(2, 3), (2, 1)], lambda k, x, y: x - y, generations=(3,)),
    "times": case([(3,), (3,)], lambda k, x, y: x * y, generations=(3,)),
    "largest": case([(3,), (3,)], lambda k, x, y: k.ops.maximum(x, y), generations=(3,)),
    "least": case([(3,), (3,)], lambda k, x, y: k.ops.minimum(x, y), generations=(3,)),
    "joined": case(
        [(2, 3), (4, 3)], lambda k, x, y: k.ops.concatenate([x, y], axis=1), generations=(3,)
    ),
    "residual": case((4, 2), lambda k, x: x + k.layers.Dense(2)(x), generations=(3,)),
}


@pytest.mark.keras3
def test_operations(keras3: ModuleType, tmp_path: Path) -> None:
    """Functions of ``keras.ops`` and operators, which are nodes of the model but no layers."""
    conform(keras3, OPERATIONS, tmp_path, bits=True)


@pytest.mark.keras3
@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda k, x: x * 2.0, "the call argument 2.0 is not supported"),
        (lambda k, x: 1.0 - x, "the call argument 1.0 is not supported"),
        (lambda k, x: x + np.ones((1, 3)), "the call argument .*__numpy__.* is not supported"),
        (lambda k, x: k.ops.divide(x, x), r"divide \(ops\.Divide\): this layer class is not sup"),
        (lambda k, x: k.ops.squeeze(x), r"squeeze \(ops\.Squeeze\): this layer class is not"),
        (lambda k, x: k.ops.add(x, k.layers.Flatten()(x)), "must have equally many axes"),
    ],
)
def test_operations_that_are_refused(
    keras3: ModuleType, build: Any, message: str, tmp_path: Path
) -> None:
    x = keras3.Input((1, 3), name="x")
    keras3.Model(x, build(keras3, x)).save(tmp_path / "m.keras")
    with pytest.raises(DseError, match=message):
        converter.load(tmp_path / "m.keras")
