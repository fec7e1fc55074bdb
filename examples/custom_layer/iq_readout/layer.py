"""The layer for the converter: what is read, what it computes, and the units it becomes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from converter.config import LayerConfig
from converter.errors import ModelError
from converter.graph import Edge, Shape
from converter.layers.base import Layer, Lowering, Range, Real
from converter.layers.lowering import Chain, at_each_position, result_type
from converter.layers.spec import LayerSpec, Part
from iq_readout.unit import Magnitude


@dataclass(frozen=True)
class IQMagnitude(Layer):
    """Magnitude of each pair along the last axis, without a square root."""

    class_names: ClassVar[tuple[str, ...]] = ("IQMagnitude",)

    def infer_shape(self, inputs: Sequence[Shape]) -> Shape:
        """[..., 2] -> [..., 1]. Raises ModelError for anything but pairs."""
        (shape,) = inputs
        if shape[-1] != 2:
            raise ModelError(f"the last axis must be pairs, but the input has shape {shape}")
        return (*shape[:-1], 1)

    def forward(self, inputs: Sequence[Real]) -> Real:
        """[batch, ..., 2] -> [batch, ..., 1]."""
        size = np.abs(inputs[0])
        larger, smaller = size.max(axis=-1, keepdims=True), size.min(axis=-1, keepdims=True)
        return larger + 0.375 * smaller

    def lower(
        self, name: str, inputs: Sequence[Edge], config: LayerConfig, seen: Range | None
    ) -> Lowering:
        """The unit at every pair, and a conversion to the type of the result."""
        (x,) = inputs
        unit = at_each_position(x, Magnitude(x.type))
        chain = Chain(name, x).then("exact", unit, self.infer_shape([x.shape]))
        return chain.cast(result_type(chain.edge, config, seen)).finish()


def read_iq_magnitude(spec: LayerSpec) -> tuple[Part, ...]:
    """What the entry point names: a layer of the model file -> nodes of the model."""
    spec.variables()  # it has no weights
    # without effect at inference; any other attribute that Keras writes is refused by name
    spec.finish("activity_regularizer", "autocast")
    return (Part("", IQMagnitude()),)
