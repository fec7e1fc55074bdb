"""Activations from a model file: layers, names in ``activation=``, and serialised objects."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from converter.errors import UnsupportedError
from converter.layers.activation import Function, HardSwish, Linear, Ramp, Relu
from converter.layers.base import Layer
from converter.layers.functions import Kind
from converter.layers.softmax import Softmax, read_softmax
from converter.layers.spec import LayerSpec, Part, shorten

SLOPE = float(np.float32(0.2))
"""Of ``leaky_relu`` by name, in both generations of Keras."""

FUNCTIONS: dict[str, Layer] = {
    "linear": Linear(),
    "relu": Relu(),
    "relu6": Relu(max_value=6.0),
    "leaky_relu": Relu(negative_slope=SLOPE),
    "elu": Function(Kind.ELU),
    "selu": Function(Kind.SELU),
    "sigmoid": Function(Kind.SIGMOID),
    "tanh": Function(Kind.TANH),
    "softmax": Softmax(),
    "softmax_v2": Softmax(),  # TensorFlow's own name of it
    "softplus": Function(Kind.SOFTPLUS),
    "softsign": Function(Kind.SOFTSIGN),
    "swish": Function(Kind.SWISH),
    "silu": Function(Kind.SWISH),
    "gelu": Function(Kind.GELU),
    "mish": Function(Kind.MISH),
    "exponential": Function(Kind.EXPONENTIAL),
    "hard_tanh": Ramp(lowest=-1.0),
    "hard_swish": HardSwish(),
    "hard_silu": HardSwish(),
}
"""Functions that Keras knows by name; those that differ between its generations are below."""

BY_GENERATION: dict[str, dict[int, Layer]] = {
    "hard_sigmoid": {2: Ramp(0.2, 0.5), 3: Ramp(1 / 6, 0.5)},
}

QKERAS: dict[str, Layer] = {
    "hard_sigmoid": Ramp(0.5, 0.5),
    "smooth_sigmoid": Ramp(0.1875, 0.5),
    "hard_tanh": Ramp(lowest=-1.0),
    "smooth_tanh": Ramp(0.375, 0.0, -1.0),
}
"""What QKeras' layers mean by a name in place of Keras."""


def activation_function(spec: LayerSpec, value: object) -> tuple[str, Layer]:
    """Name and function of attribute ``activation``: a name, a serialised function, or a
    serialised layer. Raises UnsupportedError.
    """
    if isinstance(value, Mapping) and value.get("class_name") in LAYERS:
        return _layer_object(spec, value)
    name = value
    if isinstance(value, Mapping) and value.get("class_name") == "function":
        name = value.get("config")
    layer = _named(spec, name) if isinstance(name, str) else None
    if layer is None or not isinstance(name, str):
        raise UnsupportedError(
            f"{spec.where}: activation {shorten(value)} is not supported; supported are: "
            + ", ".join((*FUNCTIONS, *BY_GENERATION))
        )
    return name, layer


def is_function(value: object) -> bool:
    """Whether an attribute holds a function or a layer of Keras, and no quantizer."""
    if not isinstance(value, Mapping):
        return False
    kind, name = value.get("class_name"), value.get("config")
    known = (*FUNCTIONS, *BY_GENERATION, *QKERAS)
    return kind in LAYERS or (kind == "function" and isinstance(name, str) and name in known)


def _named(spec: LayerSpec, name: str) -> Layer | None:
    of_qkeras = spec.class_name.startswith("Q") and spec.generation != 3
    if of_qkeras and name in QKERAS:
        return QKERAS[name]
    if name not in BY_GENERATION:
        return FUNCTIONS.get(name)
    if spec.generation is None:
        raise UnsupportedError(
            f"{spec.where}: activation {name} differs between Keras 2 and 3, and the file does not "
            "tell which one wrote it; save the model as .h5 or .keras"
        )
    return BY_GENERATION[name][spec.generation]


def _layer_object(spec: LayerSpec, value: Mapping[str, object]) -> tuple[str, Layer]:
    """A layer given as an activation."""
    name, config = str(value["class_name"]), value.get("config")
    module = str(value.get("module", "keras")).split(".")[0]
    if module not in ("keras", "tf_keras") or value.get("registered_name") not in (None, name):
        raise spec.unsupported("activation", value)
    if not isinstance(config, Mapping):
        raise spec.bad("activation", value, "a serialised layer")
    (part,) = LAYERS[name](spec.inner("activation", name, config))
    return name.lower(), part.layer


def read_relu(spec: LayerSpec) -> tuple[Part, ...]:
    """The layer ReLU."""
    top = None if spec.get("max_value") is None else spec.number("max_value")
    slope = _optional(spec, "negative_slope")
    threshold = _optional(spec, "threshold")
    if threshold < 0:
        raise spec.bad("threshold", threshold, "at least 0")
    if top is not None and top < threshold:
        raise spec.bad("max_value", top, f"at least the threshold, {threshold}")
    spec.variables()
    spec.finish()
    return (Part("", Relu(top, slope, threshold)),)


def read_leaky_relu(spec: LayerSpec) -> tuple[Part, ...]:
    """The layer LeakyReLU; Keras 2 says alpha, Keras 3 negative_slope."""
    key = "alpha" if "alpha" in spec.config else "negative_slope"
    slope = spec.number(key, 0.3)
    spec.variables()
    spec.finish()
    return (Part("", Relu(negative_slope=float(np.float32(slope)))),)


def read_thresholded_relu(spec: LayerSpec) -> tuple[Part, ...]:
    """Keras 2's ThresholdedReLU: x above theta, else 0."""
    theta = float(np.float32(spec.number("theta", 1.0)))
    if theta < 0:
        raise spec.bad("theta", theta, "at least 0")
    spec.variables()
    spec.finish()
    return (Part("", Relu(threshold=theta)),)


def read_elu(spec: LayerSpec) -> tuple[Part, ...]:
    """The layer ELU."""
    alpha = float(np.float32(spec.number("alpha", 1.0)))
    spec.variables()
    spec.finish()
    return (Part("", Function(Kind.ELU, alpha)),)


LAYERS: dict[str, Callable[[LayerSpec], tuple[Part, ...]]] = {
    "ELU": read_elu,
    "LeakyReLU": read_leaky_relu,
    "ReLU": read_relu,
    "Softmax": read_softmax,
    "ThresholdedReLU": read_thresholded_relu,
}
"""Layers without weights that may also stand in ``activation=``."""


def _optional(spec: LayerSpec, key: str) -> float:
    """A number that files also leave out or write as null for 0."""
    return 0.0 if spec.get(key) is None else spec.number(key)
