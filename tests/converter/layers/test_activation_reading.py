"""Activations as model files spell them, and what is refused of them by name."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from converter.errors import DseError, ModelError, UnsupportedError
from converter.frontends.architecture import Architecture, Entry, with_generation
from converter.layers import READERS
from converter.layers.activation import Function, HardSwish, Linear, Ramp, Relu
from converter.layers.activation_reading import BY_GENERATION, FUNCTIONS
from converter.layers.base import Layer
from converter.layers.functions import Kind
from converter.layers.layernorm import LayerNormalization
from converter.layers.prelu import PReLU
from converter.layers.softmax import Softmax
from converter.layers.spec import LayerSpec

POLICY = {"module": "keras", "class_name": "DTypePolicy", "config": {"name": "float32"}}


def read(
    class_name: str, config: dict[str, Any], generation: int | None = 3, **weights: Any
) -> Layer:
    arrays = {name: np.array(value, float) for name, value in weights.items()}
    spec = LayerSpec("a", class_name, config, arrays, generation=generation)
    (part,) = READERS[class_name](spec)
    return part.layer


def function(name: str) -> dict[str, Any]:
    return {
        "module": "builtins",
        "class_name": "function",
        "config": name,
        "registered_name": "function",
    }


def layer(name: str, **config: Any) -> dict[str, Any]:
    inner = {"name": "inner", "trainable": True, "dtype": POLICY, **config}
    return {
        "module": "keras.layers",
        "class_name": name,
        "config": inner,
        "registered_name": None,
    }


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("silu", Function(Kind.SWISH)),
        ("swish", Function(Kind.SWISH)),
        ("hard_silu", HardSwish()),
        ("hard_swish", HardSwish()),
        ("leaky_relu", Relu(negative_slope=float(np.float32(0.2)))),
        ("relu6", Relu(max_value=6.0)),
        ("gelu", Function(Kind.GELU)),
        ("softmax_v2", Softmax()),
        (function("swish"), Function(Kind.SWISH)),
        (function("hard_sigmoid"), Ramp(1 / 6, 0.5)),
        (layer("LeakyReLU", negative_slope=0.25), Relu(negative_slope=0.25)),
        (layer("ReLU", max_value=6.0, threshold=0.0, negative_slope=0.0), Relu(6.0)),
        (layer("ELU", alpha=0.5), Function(Kind.ELU, 0.5)),
        (layer("Softmax", axis=1), Softmax((1,))),
    ],
)
def test_every_spelling(value: object, expected: Layer) -> None:
    assert read("Activation", {"activation": value}) == expected


@pytest.mark.parametrize("name", [*FUNCTIONS, *BY_GENERATION])
def test_names_and_serialised_functions_are_one(name: str) -> None:
    assert read("Activation", {"activation": name}) == read(
        "Activation", {"activation": function(name)}
    )


def test_hard_sigmoid_is_that_of_the_file() -> None:
    slopes = {2: 0.2, 3: 1 / 6}
    for generation, slope in slopes.items():
        found = read("Activation", {"activation": "hard_sigmoid"}, generation)
        assert found == Ramp(slope, 0.5)
    with pytest.raises(UnsupportedError, match="hard_sigmoid differs between Keras 2 and 3, and"):
        read("Activation", {"activation": "hard_sigmoid"}, None)


def test_qkeras_has_its_own_hard_functions() -> None:
    assert read("QActivation", {"activation": "hard_sigmoid"}, 2) == Ramp(0.5, 0.5)
    assert read("QActivation", {"activation": "hard_tanh"}, 2) == Ramp(lowest=-1.0)
    assert read("QActivation", {"activation": "smooth_tanh"}, 2) == Ramp(0.375, 0.0, -1.0)


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("log_softmax", r"^a \(Activation\): activation 'log_softmax' is not supported; supported"),
        ("celu", "activation 'celu' is not supported"),
        (function("mine"), "mine'?, .* is not supported|function.* is not supported|'mine' is not"),
        (layer("PReLU"), "PReLU.* is not supported"),
        ({**layer("LeakyReLU", negative_slope=0.1), "module": "mine"}, "is not supported"),
        ({**layer("ELU", alpha=0.1), "registered_name": "mine>ELU"}, "is not supported"),
        ({"value": ["code", None, None]}, "attribute activation=.*code.* is not supported"),
        (layer("ReLU", slope=3), "attribute slope=3 is not supported"),
        ({"class_name": "ReLU", "config": 3}, "activation must be a serialised layer"),
        (7, "activation.*7 is not supported"),
    ],
)
def test_what_is_refused(value: object, message: str) -> None:
    with pytest.raises(DseError, match=message):
        read("Activation", {"activation": value})


@pytest.mark.parametrize(
    ("class_name", "config", "expected"),
    [
        ("ELU", {"alpha": 0.5}, Function(Kind.ELU, 0.5)),
        ("ELU", {}, Function(Kind.ELU)),
        ("ThresholdedReLU", {"theta": 1.5}, Relu(threshold=1.5)),
        ("LeakyReLU", {"alpha": 0.25}, Relu(negative_slope=0.25)),
        ("LeakyReLU", {"negative_slope": 0.25}, Relu(negative_slope=0.25)),
        ("Softmax", {"axis": [1, 2]}, Softmax((1, 2))),
        ("Activation", {"activation": "linear"}, Linear()),
    ],
)
def test_layers(class_name: str, config: dict[str, Any], expected: Layer) -> None:
    assert read(class_name, config) == expected


def test_layer_normalization() -> None:
    found = read("LayerNormalization", {"axis": [-1], "epsilon": 1e-5}, gamma=[1, 2], beta=[3, 4])
    assert isinstance(found, LayerNormalization)
    assert (found.axes, found.epsilon) == ((-1,), 1e-5)
    assert found.factors(2)[1].tolist() == [3, 4]
    plain = read("LayerNormalization", {"axis": 1, "scale": False, "center": False})
    assert isinstance(plain, LayerNormalization)
    assert plain.factors(2)[0].tolist() == [1, 1]


@pytest.mark.parametrize(
    ("class_name", "config", "weights", "message"),
    [
        ("LayerNormalization", {"rms_scaling": True}, {}, "attribute rms_scaling=True is not supp"),
        ("LayerNormalization", {"epsilon": -1.0}, {}, "epsilon must be at least 0; the file has"),
        ("LayerNormalization", {"axis": "1"}, {}, "axis must be a whole number or a list of them"),
        ("LayerNormalization", {}, {"gamma": [1]}, "the weights needed are gamma, beta"),
        ("ThresholdedReLU", {"theta": -1.0}, {}, "theta must be at least 0"),
        ("PReLU", {"shared_axes": [1]}, {"alpha": [1, 2]}, "at which alpha has the size 1"),
        ("PReLU", {"shared_axes": ["x"]}, {"alpha": [1, 2]}, r"shared_axes=\['x'\] must name"),
        ("ELU", {"alpha": None}, {}, "attribute alpha is missing|alpha must be"),
    ],
)
def test_wrong_layers(
    class_name: str, config: dict[str, Any], weights: dict[str, Any], message: str
) -> None:
    with pytest.raises(ModelError, match=message):
        read(class_name, config, **weights)


def test_prelu_must_fit_its_input() -> None:
    found = read("PReLU", {"shared_axes": [1]}, alpha=[[1, 2, 3]])
    assert isinstance(found, PReLU)
    assert found.infer_shape([(5, 3)]) == (5, 3)
    with pytest.raises(ModelError, match=r"alpha must have the input's shape \(5, 4\)"):
        found.infer_shape([(5, 4)])


@pytest.mark.parametrize(
    ("version", "dtype", "expected"),
    [
        ("2.15.0", "float32", 2),
        ("3.15.1", POLICY, 3),
        (None, POLICY, 3),
        (None, "float32", None),
        ("1.2", "float32", None),
        ("3.0.5", "float32", 3),
    ],
)
def test_the_generation_of_a_file(version: object, dtype: object, expected: int | None) -> None:
    entry = Entry("a", "Activation", {"dtype": dtype}, (), ("a",))
    found = with_generation(Architecture("m", (entry,), ("a",), ("a",)), version)
    assert found.generation == expected
