"""Where data enter."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod
from typing import ClassVar

from converter.config import LayerConfig
from converter.graph import Edge, Shape
from converter.layers.base import Layer, Lowering, Range, Real
from converter.layers.lowering import lower_input
from converter.layers.spec import LayerSpec, Part


@dataclass(frozen=True)
class Input(Layer):
    """An input of the model, of a ``shape`` without the batch axis."""

    class_names: ClassVar[tuple[str, ...]] = ("InputLayer", "Input")
    arity: ClassVar[tuple[int, int]] = (0, 0)

    shape: Shape

    def infer_shape(self, inputs: Sequence[Shape]) -> Shape:
        """The input's own shape."""
        del inputs
        return self.shape

    def forward(self, inputs: Sequence[Real]) -> Real:
        """The data, which the caller gives as the one input."""
        (x,) = inputs
        return x

    def lower(
        self, name: str, inputs: Sequence[Edge], config: LayerConfig, seen: Range | None
    ) -> Lowering:
        """An edge of the type that was asked for, else by ``auto`` from the data's range."""
        del inputs
        return lower_input(name, self.shape, config, seen)


MAX_ELEMENTS = 1 << 24
"""More elements than any input of a network on an FPGA has."""


def read_input(spec: LayerSpec) -> tuple[Part, ...]:
    """InputLayer; its shape starts with the batch axis, which is of no matter."""
    key = "batch_shape" if "batch_shape" in spec.config else "batch_input_shape"
    shape = read_shape(spec, key, spec.get(key))
    spec.only("sparse", False, None)
    spec.only("ragged", False, None)
    spec.only("optional", False)
    spec.only("input_tensor", None)
    spec.variables()
    spec.finish()
    return (Part("", Input(shape)),)


def read_shape(spec: LayerSpec, key: str, value: object) -> Shape:
    """A shape [batch, ...] from a file -> without the batch axis. Raises ModelError."""
    if not isinstance(value, list | tuple) or len(value) < 2:
        raise spec.bad(key, value, "a shape with a batch axis, such as [null, 16]")
    if not all(type(n) is int and n >= 1 for n in value[1:]):
        raise spec.bad(key, value, "a shape of known sizes of at least 1 after the batch axis")
    if prod(value[1:]) > MAX_ELEMENTS:
        raise spec.bad(key, value, f"a shape of at most {MAX_ELEMENTS} elements")
    return tuple(value[1:])
