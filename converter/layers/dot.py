"""Dot: products of two tensors, summed along one axis of each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod
from typing import ClassVar

import numpy as np

from converter.config import LayerConfig
from converter.errors import ModelError
from converter.graph import Edge, Shape
from converter.layers.axes import inner_axis
from converter.layers.base import Layer, Lowering, Range, Real
from converter.layers.lowering import Chain, joined, result_type
from converter.layers.merge import check_sums
from converter.layers.reshape import checked_size, rearrange
from converter.layers.spec import LayerSpec, Part
from converter.units.matmul import MatMul


@dataclass(frozen=True)
class Dot(Layer):
    """The sum over ``axes[0]`` of the first tensor and ``axes[1]`` of the second, which count the
    batch's as 0, or from the end. What is left of the first's axes comes first; one of size 1
    where nothing is left.
    """

    class_names: ClassVar[tuple[str, ...]] = ("Dot",)
    arity: ClassVar[tuple[int, int]] = (2, 2)

    axes: tuple[int, int]

    def infer_shape(self, inputs: Sequence[Shape]) -> Shape:
        """The axes that are left."""
        left, right = self._axes(inputs)
        if inputs[0][left] != inputs[1][right]:
            raise ModelError(
                f"the shapes {inputs[0]} and {inputs[1]} must be equal along axes={self.axes}"
            )
        return checked_size((*_without(inputs[0], left), *_without(inputs[1], right)) or (1,))

    def _axes(self, shapes: Sequence[Shape]) -> tuple[int, int]:
        """The two axes without the batch's."""
        first, second = (inner_axis(a, shape) for a, shape in zip(self.axes, shapes, strict=True))
        if first is None or second is None:
            raise ModelError(
                f"axes={self.axes} must be axes of {shapes[0]} and {shapes[1]}, not the batch's"
            )
        return first, second

    def forward(self, inputs: Sequence[Real]) -> Real:
        """[batch, *left] and [batch, *right] -> [batch, *rest of left, *rest of right]."""
        shapes = [x.shape[1:] for x in inputs]
        left, right = self._axes(shapes)
        a = np.moveaxis(inputs[0], left + 1, -1)
        b = np.moveaxis(inputs[1], right + 1, 1)
        inner = shapes[0][left]
        product: Real = a.reshape(len(a), -1, inner) @ b.reshape(len(b), inner, -1)
        return product.reshape(len(a), *self.infer_shape(shapes))

    def lower(
        self, name: str, inputs: Sequence[Edge], config: LayerConfig, seen: Range | None
    ) -> Lowering:
        """Both as matrices, their product, and one rounding."""
        x, y = inputs
        shape = self.infer_shape([x.shape, y.shape])
        left, right = self._axes([x.shape, y.shape])
        inner, rows, columns = x.shape[left], x.size // x.shape[left], y.size // x.shape[left]
        flat = rows == columns == 1
        a = np.moveaxis(_places(x), left, -1).reshape((rows, inner))
        b = np.moveaxis(_places(y), right, 0).reshape((1, inner) if flat else (inner, columns))
        unit = MatMul(1, rows, inner, columns, x.type, y.type)
        chain = joined(
            rearrange(Chain(name, x), "left", a),
            rearrange(Chain(name, y), "right", b),
            "product",
            unit,
            (rows, columns),
        )
        check_sums(name, chain.edge, config)
        chain = chain.cast(result_type(chain.edge, config, seen))
        return rearrange(chain, "axes", np.arange(prod(shape)).reshape(shape)).finish()


def _places(x: Edge) -> np.ndarray[tuple[int, ...], np.dtype[np.int64]]:
    return np.arange(x.size).reshape(x.shape)


def _without(shape: Shape, axis: int) -> Shape:
    return (*shape[:axis], *shape[axis + 1 :])


def read_dot(spec: LayerSpec) -> tuple[Part, ...]:
    """Dot; the cosine proximity of ``normalize`` is refused."""
    spec.variables()
    value = spec.get("axes")
    axes = (value, value) if type(value) is int else value
    pair = isinstance(axes, list | tuple) and len(axes) == 2
    if not pair or not all(type(axis) is int for axis in axes):
        raise spec.bad("axes", value, "a whole number, or two")
    spec.only("normalize", False)
    spec.finish()
    return (Part("", Dot((axes[0], axes[1]))),)
