"""Activation functions as layer, argument and Activation; PReLU; softmax; layer normalisation.

What is linear in pieces is held to 1e-5. A smooth function has its own tolerance, relative to the
largest output, from the error that is stated for it in wide types: see ``test_curves.py``,
which holds the tables themselves to what is stated.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from harness import Case, case, conform

CURVE = 3e-5
"""Of at most 1024 pieces: curvature times their width squared, over 16, and their constants."""

SOFTMAX = 2e-3
"""Half a step of an 8-bit output."""

NORM = 6e-5
"""Of factors of 18 bits, and a reciprocal root of 22."""


def far(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    """Multiples of 2**-5 in [-16, 16)."""
    return rng.integers(-512, 512, shape) / 32


def near_zero(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    """Multiples of 2**-8 in [-1/4, 1/4)."""
    return rng.integers(-64, 64, shape) / 256


def named(name: str, **options: Any) -> Case:
    return case((9,), lambda k, x: k.layers.Activation(name)(x), draw=far, **options)


def layer(make: Callable[[ModuleType], Any], shape: tuple[int, ...] = (9,), **options: Any) -> Case:
    return case(shape, lambda k, x: make(k)(x), draw=far, **options)


CASES: dict[str, dict[str, Case]] = {
    "exact_names": {
        "linear": named("linear"),
        "relu": named("relu"),
        "leaky_relu": named("leaky_relu"),
        "relu6": named("relu6"),
        "hard_sigmoid": named("hard_sigmoid"),
        "hard_tanh": named("hard_tanh", generations=(3,)),
        "hard_silu": named("hard_silu", generations=(3,)),
        "hard_swish": named("hard_swish", generations=(3,)),
        "hard_sigmoid_near": case(
            (4, 3), lambda k, x: k.layers.Activation("hard_sigmoid")(x), draw=near_zero
        ),
        "hard_sigmoid_argument": case(
            (4,), lambda k, x: k.layers.Dense(5, activation="hard_sigmoid")(x)
        ),
    },
    "rectifiers": {
        "relu": layer(lambda k: k.layers.ReLU()),
        "max_value": layer(lambda k: k.layers.ReLU(max_value=6)),
        "negative_slope": layer(lambda k: k.layers.ReLU(negative_slope=0.3)),
        "threshold": layer(lambda k: k.layers.ReLU(threshold=1.5)),
        "all": layer(lambda k: k.layers.ReLU(max_value=5.25, negative_slope=0.3, threshold=1.5)),
        "leaky": layer(lambda k: k.layers.LeakyReLU(), (3, 4)),
        "leaky_steep": layer(lambda k: k.layers.LeakyReLU(0.77)),
        "thresholded": layer(lambda k: k.layers.ThresholdedReLU(1.5), generations=(2,)),
        "argument": case(
            (4,), lambda k, x: k.layers.Dense(5, activation=k.layers.ReLU(max_value=3))(x)
        ),
        "leaky_argument": case(
            (4,), lambda k, x: k.layers.Dense(5, activation=k.layers.LeakyReLU(0.25))(x)
        ),
    },
    "prelu": {
        "vector": layer(lambda k: k.layers.PReLU()),
        "of_each_element": layer(lambda k: k.layers.PReLU(), (3, 2, 4)),
        "shared_positions": layer(lambda k: k.layers.PReLU(shared_axes=[1, 2]), (3, 2, 4)),
        "shared_channels": layer(lambda k: k.layers.PReLU(shared_axes=[3]), (3, 2, 4)),
        "shared_rows": layer(lambda k: k.layers.PReLU(shared_axes=[1]), (3, 4)),
    },
    "bounded": {
        "sigmoid": named("sigmoid", tolerance=CURVE),
        "tanh": named("tanh", tolerance=CURVE),
        "argument": case(
            (4,), lambda k, x: k.layers.Dense(5, activation="tanh")(x), tolerance=CURVE
        ),
    },
    "curves": {
        "elu": named("elu", tolerance=CURVE),
        "selu": named("selu", tolerance=CURVE),
        "softplus": named("softplus", tolerance=CURVE),
        "softsign": named("softsign", tolerance=2e-3),  # its tails have no line
        "swish": named("swish", tolerance=CURVE),
        "silu": named("silu", tolerance=CURVE),
        "gelu": named("gelu", tolerance=CURVE),
        "mish": named("mish", tolerance=CURVE),
        "exponential": case(
            (9,), lambda k, x: k.layers.Activation("exponential")(x), tolerance=CURVE
        ),
        "image": case((3, 4, 2), lambda k, x: k.layers.Activation("gelu")(x), tolerance=CURVE),
        "near_zero": case(
            (7,), lambda k, x: k.layers.Activation("swish")(x), draw=near_zero, tolerance=CURVE
        ),
        "elu_layer": layer(lambda k: k.layers.ELU(0.6), tolerance=CURVE),
        "argument": case(
            (4,), lambda k, x: k.layers.Dense(5, activation="gelu")(x), tolerance=CURVE
        ),
        "layer_argument": case(
            (4,), lambda k, x: k.layers.Dense(5, activation=k.layers.ELU(2.0))(x), tolerance=CURVE
        ),
    },
    "softmax": {
        "name": named("softmax", tolerance=SOFTMAX),
        "layer": layer(lambda k: k.layers.Softmax(), tolerance=SOFTMAX),
        "one": layer(lambda k: k.layers.Softmax(), (1,), tolerance=SOFTMAX),
        "positions": layer(lambda k: k.layers.Softmax(), (4, 3), tolerance=SOFTMAX),
        "first_axis": layer(lambda k: k.layers.Softmax(axis=1), (4, 3), tolerance=SOFTMAX),
        "middle_axis": layer(lambda k: k.layers.Softmax(axis=-2), (2, 4, 3), tolerance=SOFTMAX),
        "two_axes": layer(lambda k: k.layers.Softmax(axis=[1, 3]), (2, 3, 4), tolerance=SOFTMAX),
        "argument": case(
            (4, 3), lambda k, x: k.layers.Dense(5, activation="softmax")(x), tolerance=SOFTMAX
        ),
    },
    "layernorm": {
        "vector": layer(lambda k: k.layers.LayerNormalization(), tolerance=NORM),
        "positions": layer(lambda k: k.layers.LayerNormalization(), (4, 5), tolerance=NORM),
        "image": layer(lambda k: k.layers.LayerNormalization(), (2, 3, 4), tolerance=NORM),
        "all_axes": layer(
            lambda k: k.layers.LayerNormalization(axis=[1, 2]), (3, 4), tolerance=NORM
        ),
        "trailing_axes": layer(
            lambda k: k.layers.LayerNormalization(axis=[-2, -1]), (2, 3, 4), tolerance=NORM
        ),
        "first_axis": layer(lambda k: k.layers.LayerNormalization(axis=1), (3, 4), tolerance=NORM),
        "without_scale": layer(lambda k: k.layers.LayerNormalization(scale=False), tolerance=NORM),
        "without_both": layer(
            lambda k: k.layers.LayerNormalization(scale=False, center=False), tolerance=NORM
        ),
        "large_epsilon": layer(lambda k: k.layers.LayerNormalization(epsilon=0.7), tolerance=NORM),
        "small_values": case(
            (6,), lambda k, x: k.layers.LayerNormalization()(x), draw=near_zero, tolerance=NORM
        ),
    },
}


@pytest.mark.parametrize("group", CASES)
def test_activations(framework: ModuleType, group: str, tmp_path: Path) -> None:
    some_in_keras3_alone = group == "exact_names"
    conform(framework, CASES[group], tmp_path, bits=True if some_in_keras3_alone else None)


@pytest.mark.keras2
def test_hard_functions_of_qkeras(keras2: ModuleType, qkeras: ModuleType, tmp_path: Path) -> None:
    """QKeras has slopes of its own under Keras' names."""

    def build(name: str) -> Case:
        return case((4,), lambda k, x: qkeras.QActivation(name)(x), draw=far)

    names = ("hard_sigmoid", "smooth_sigmoid", "hard_tanh", "smooth_tanh", "relu")
    cases = {name: build(name) for name in names}
    argument = case((4,), lambda k, x: qkeras.QDense(3, activation="hard_sigmoid")(x))
    conform(keras2, {**cases, "argument": argument}, tmp_path)
