"""Quantised activations: QKeras' QActivation, and quantizers given as ``activation=``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from converter.config import LayerConfig
from converter.errors import UnsupportedError
from converter.graph import Edge, Shape
from converter.layers.activation import activation_function
from converter.layers.base import Layer, Lowering, Range, Real
from converter.layers.elementwise import (
    lower_bounded_relu,
    lower_conversion,
    lower_staircase,
)
from converter.layers.quantizer_reading import read_activation_quantizer
from converter.layers.quantizers import Quantizer
from converter.layers.quantizers_uniform import QuantizedRelu
from converter.layers.spec import LayerSpec, Part


@dataclass(frozen=True)
class QuantizedActivation(Layer):
    """A quantizer of each element; its scale is never taken from the data."""

    class_names: ClassVar[tuple[str, ...]] = ("QActivation",)
    rounds: ClassVar[bool] = True

    quantizer: Quantizer

    def infer_shape(self, inputs: Sequence[Shape]) -> Shape:
        """The input's."""
        (shape,) = inputs
        return shape

    def forward(self, inputs: Sequence[Real]) -> Real:
        """Elementwise."""
        (x,) = inputs
        return self.quantizer.quantize(x)

    def lower(
        self, name: str, inputs: Sequence[Edge], config: LayerConfig, seen: Range | None
    ) -> Lowering:
        """The quantizer's own conversion or comparisons, exactly."""
        del seen
        (x,) = inputs
        q, t, stairs = self.quantizer, self.quantizer.fixed_type(), self.quantizer.staircase()
        if t is not None:
            return lower_conversion(name, x, t, config)
        if stairs is not None:
            return lower_staircase(name, x, stairs, config)
        if isinstance(q, QuantizedRelu):
            grid = q.output_type
            return lower_bounded_relu(name, x, grid, q.negative_slope, q.upper_bound, config)
        raise UnsupportedError(f"{name}: the quantizer {q} is not supported as an activation")


def activation_argument(spec: LayerSpec) -> tuple[Part, ...]:
    """The node of ``activation=`` of a layer, named by the function; none for linear."""
    found = _activation(spec)
    if found is None or found[0] == "linear":
        return ()
    return (Part(*found),)


def read_activation(spec: LayerSpec) -> tuple[Part, ...]:
    """Activation and QActivation: a function's name, or a quantizer."""
    found = _activation(spec)
    if found is None:
        raise spec.unsupported("activation", None)
    spec.variables()
    spec.finish()
    return (Part("", found[1]),)


def _activation(spec: LayerSpec) -> tuple[str, Layer] | None:
    quantizer = read_activation_quantizer(spec, "activation")
    if quantizer is not None:
        return quantizer[0], QuantizedActivation(quantizer[1])
    name = spec.get("activation")
    return None if name is None else (name, activation_function(spec, name))
