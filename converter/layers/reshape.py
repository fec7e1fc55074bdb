"""Layers that only rearrange elements."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod
from typing import ClassVar

from converter.config import LayerConfig
from converter.graph import Edge, Shape
from converter.layers.base import Layer, Lowering, Range, Real
from converter.layers.lowering import lower_identity
from converter.layers.spec import LayerSpec, Part


@dataclass(frozen=True)
class Flatten(Layer):
    """All axes but the batch's into one, row-major."""

    class_names: ClassVar[tuple[str, ...]] = ("Flatten", "Reshape")

    def infer_shape(self, inputs: Sequence[Shape]) -> Shape:
        """One axis of all elements."""
        (shape,) = inputs
        return (prod(shape),)

    def forward(self, inputs: Sequence[Real]) -> Real:
        """[batch, *shape] -> [batch, size]."""
        (x,) = inputs
        return x.reshape(len(x), prod(x.shape[1:]))

    def lower(
        self, name: str, inputs: Sequence[Edge], config: LayerConfig, seen: Range | None
    ) -> Lowering:
        """Elements keep their order: a conversion where a type was asked for, else nothing."""
        del seen
        return lower_identity(name, inputs[0], config)


def read_flatten(spec: LayerSpec) -> tuple[Part, ...]:
    """Flatten; channels_first would transpose first."""
    spec.variables()
    spec.only("data_format", None, "channels_last")
    spec.finish()
    return (Part("", Flatten()),)
