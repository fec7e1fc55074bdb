"""Activations: linear, the rectifiers, sigmoid, tanh, softmax."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import ClassVar

import numpy as np

from converter.config import LayerConfig
from converter.errors import UnsupportedError
from converter.graph import Edge, Shape
from converter.layers.base import Layer, Lowering, Range, Real
from converter.layers.elementwise import lower_function, lower_relu, lower_softmax
from converter.layers.lowering import lower_identity
from converter.layers.spec import LayerSpec, Part, shorten
from converter.types import Fixed


@dataclass(frozen=True)
class Linear(Layer):
    """y = x."""

    class_names: ClassVar[tuple[str, ...]] = ("Activation", "Linear")

    def infer_shape(self, inputs: Sequence[Shape]) -> Shape:
        """The input's."""
        (shape,) = inputs
        return shape

    def forward(self, inputs: Sequence[Real]) -> Real:
        """Elementwise."""
        (x,) = inputs
        return x

    def lower(
        self, name: str, inputs: Sequence[Edge], config: LayerConfig, seen: Range | None
    ) -> Lowering:
        """A conversion where a type was asked for, else nothing."""
        del seen
        return lower_identity(name, inputs[0], config)


@dataclass(frozen=True)
class Relu(Layer):
    """min(x, max_value) where x > threshold, else negative_slope (x - threshold).

    The comparison is strict, as in Keras: with a threshold of 1, 1 gives 0. It holds
    0 <= threshold <= max_value.
    """

    class_names: ClassVar[tuple[str, ...]] = ("Activation", "LeakyReLU", "ReLU")
    rounds: ClassVar[bool] = True

    max_value: float | None = None
    negative_slope: float = 0.0
    threshold: float = 0.0

    def infer_shape(self, inputs: Sequence[Shape]) -> Shape:
        """The input's."""
        (shape,) = inputs
        return shape

    def forward(self, inputs: Sequence[Real]) -> Real:
        """Elementwise."""
        (x,) = inputs
        above = x if self.max_value is None else np.minimum(x, self.max_value)
        return np.where(x > self.threshold, above, self.negative_slope * (x - self.threshold))

    def lower(
        self, name: str, inputs: Sequence[Edge], config: LayerConfig, seen: Range | None
    ) -> Lowering:
        """One conversion with the rectifier in it."""
        arguments = (self.max_value, self.negative_slope, self.threshold)
        return lower_relu(name, inputs[0], arguments, config, seen)


class Kind(Enum):
    """Smooth functions."""

    SIGMOID = "sigmoid"
    TANH = "tanh"


@dataclass(frozen=True)
class Function(Layer):
    """A smooth function of each element."""

    class_names: ClassVar[tuple[str, ...]] = ("Activation",)
    rounds: ClassVar[bool] = True

    kind: Kind

    def infer_shape(self, inputs: Sequence[Shape]) -> Shape:
        """The input's."""
        (shape,) = inputs
        return shape

    def forward(self, inputs: Sequence[Real]) -> Real:
        """Elementwise; the sigmoid by tanh, which never overflows."""
        (x,) = inputs
        if self.kind is Kind.TANH:
            return np.tanh(x)
        return 0.5 * np.tanh(0.5 * x) + 0.5

    def lower(
        self, name: str, inputs: Sequence[Edge], config: LayerConfig, seen: Range | None
    ) -> Lowering:
        """A table; ``auto`` gives the open range (0, 1) or (-1, 1)."""
        del seen
        limits = Fixed(1, 1, True) if self.kind is Kind.TANH else Fixed(1, 0, False)
        return lower_function(name, inputs[0], lambda x: self.forward((x,)), limits, config)


@dataclass(frozen=True)
class Softmax(Layer):
    """exp(x) / sum exp(x) over the last axis. ``axis`` counts the batch axis, or is -1."""

    class_names: ClassVar[tuple[str, ...]] = ("Activation", "Softmax")

    axis: int = -1

    def infer_shape(self, inputs: Sequence[Shape]) -> Shape:
        """The input's. Raises UnsupportedError for another axis than the last."""
        (shape,) = inputs
        if self.axis not in (-1, len(shape)):
            raise UnsupportedError(
                f"attribute axis={self.axis} is not supported; it must be the last axis, "
                f"-1 or {len(shape)}"
            )
        return shape

    def forward(self, inputs: Sequence[Real]) -> Real:
        """[batch, *shape] -> the same."""
        (x,) = inputs
        exps = np.exp(x - x.max(axis=-1, keepdims=True))
        return exps / exps.sum(axis=-1, keepdims=True)

    def lower(
        self, name: str, inputs: Sequence[Edge], config: LayerConfig, seen: Range | None
    ) -> Lowering:
        """One unit over a flat tensor; ``auto`` gives the range [0, 1)."""
        del seen
        (x,) = inputs
        if len(x.shape) != 1:
            raise UnsupportedError(
                f"{name}: softmax over a tensor of shape {x.shape} is not supported; "
                "it must be flat"
            )
        return lower_softmax(name, x, Fixed(1, 0, False), config)


FUNCTIONS: dict[str, Layer] = {
    "linear": Linear(),
    "relu": Relu(),
    "relu6": Relu(max_value=6.0),
    "sigmoid": Function(Kind.SIGMOID),
    "tanh": Function(Kind.TANH),
    "softmax": Softmax(),
}
"""Functions that Keras knows by name."""


def activation_function(spec: LayerSpec, name: str) -> Layer:
    """The function ``name`` of attribute ``activation``. Raises UnsupportedError."""
    if name not in FUNCTIONS:
        raise UnsupportedError(
            f"{spec.where}: activation {shorten(name)} is not supported; supported are: "
            + ", ".join(FUNCTIONS)
        )
    return FUNCTIONS[name]


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


def read_softmax(spec: LayerSpec) -> tuple[Part, ...]:
    """The layer Softmax."""
    axis = spec.integer("axis", -1)
    spec.variables()
    spec.finish()
    return (Part("", Softmax(axis)),)


def _optional(spec: LayerSpec, key: str) -> float:
    """A number that files also leave out or write as null for 0."""
    return 0.0 if spec.get(key) is None else spec.number(key)
