"""Quantised activations: QKeras' QActivation, and quantizers given as ``activation=``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from converter.config import LayerConfig
from converter.errors import UnsupportedError
from converter.graph import Edge
from converter.layers.activation_reading import activation_function, is_function
from converter.layers.base import KeepsShape, Layer, Lowering, Range, Real
from converter.layers.quantized_lowering import lower_form
from converter.layers.quantizer_reading import read_activation_quantizer
from converter.layers.quantizers import Quantizer
from converter.layers.spec import LayerSpec, Part


@dataclass(frozen=True)
class QuantizedActivation(KeepsShape, Layer):
    """A quantizer of each element; its scale is never taken from the data."""

    class_names: ClassVar[tuple[str, ...]] = ("QActivation",)
    rounds: ClassVar[bool] = True

    quantizer: Quantizer

    def forward(self, inputs: Sequence[Real]) -> Real:
        """Elementwise."""
        (x,) = inputs
        return self.quantizer.quantize(x)

    def lower(
        self, name: str, inputs: Sequence[Edge], config: LayerConfig, seen: Range | None
    ) -> Lowering:
        """The quantizer's own arithmetic, exactly."""
        del seen
        form = self.quantizer.form()
        if form is None:
            raise UnsupportedError(
                f"{name}: the scale of {self.quantizer} would come from the data, batch by batch"
            )
        return lower_form(name, inputs[0], form, config)


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
    value = spec.get("activation")
    quantizer = None if is_function(value) else read_activation_quantizer(spec, "activation")
    if quantizer is not None:
        return quantizer[0], QuantizedActivation(quantizer[1])
    return None if value is None else activation_function(spec, value)
