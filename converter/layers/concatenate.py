"""Concatenate: tensors side by side along one axis."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from math import prod
from typing import ClassVar

import numpy as np

from converter.config import LayerConfig
from converter.errors import ModelError
from converter.graph import Bounds, Edge, Shape, frozen_array
from converter.layers.axes import inner_axis
from converter.layers.base import Layer, Lowering, Range, Real
from converter.layers.lowering import Chain, fits_unchanged, joined, lower_identity, result_type
from converter.layers.merge import MOST_INPUTS, tree
from converter.layers.reshape import checked_size
from converter.layers.spec import LayerSpec, Part
from converter.types import Fixed, least_type
from converter.units.join import Join
from converter.units.requantize import Requantize


@dataclass(frozen=True)
class Concatenate(Layer):
    """Along ``axis``, which counts the batch's as 0, or from the end."""

    class_names: ClassVar[tuple[str, ...]] = ("Concatenate",)
    arity: ClassVar[tuple[int, int]] = (1, MOST_INPUTS)

    axis: int = -1

    def infer_shape(self, inputs: Sequence[Shape]) -> Shape:
        """The sizes along the axis, added."""
        axis = self._axis(inputs[0])
        others = {(*shape[:axis], *shape[axis + 1 :]) for shape in inputs}
        if len({len(shape) for shape in inputs}) > 1 or len(others) > 1:
            raise ModelError(
                f"the shapes {', '.join(map(str, inputs))} must be equal but along axis {self.axis}"
            )
        total = sum(shape[axis] for shape in inputs)
        return checked_size((*inputs[0][:axis], total, *inputs[0][axis + 1 :]))

    def _axis(self, shape: Shape) -> int:
        """The axis without the batch's."""
        axis = inner_axis(self.axis, shape)
        if axis is None:
            raise ModelError(
                f"axis={self.axis} must be one of an input of shape {shape}, 1 to {len(shape)} or "
                f"{-len(shape)} to -1; axis 0 is the batch's"
            )
        return axis

    def forward(self, inputs: Sequence[Real]) -> Real:
        """Tensors [batch, *shape] -> [batch, *joined]."""
        return np.concatenate(inputs, axis=self._axis(inputs[0].shape[1:]) + 1)

    def lower(
        self, name: str, inputs: Sequence[Edge], config: LayerConfig, seen: Range | None
    ) -> Lowering:
        """Each input in the type of the result, which covers them all, then a tree of joins."""
        if len(inputs) == 1:
            return lower_identity(name, inputs[0], config)
        common = result_type(_covering(inputs), config, seen)
        leaves = [_converted(name, k, x, common) for k, x in enumerate(inputs)]
        return tree(leaves, partial(self._join, common)).finish()

    def _join(self, common: Fixed, left: Chain, right: Chain, suffix: str) -> Chain:
        shapes = [left.edge.shape, right.edge.shape]
        axis = self._axis(shapes[0])
        a, b = (prod(shape[axis:]) for shape in shapes)
        unit = Join(prod(shapes[0][:axis]), a, b, common)
        return joined(left, right, suffix, unit, self.infer_shape(shapes))


def _covering(inputs: Sequence[Edge]) -> Edge:
    """An edge of one element that holds whatever the inputs hold, without loss."""
    fraction = max(x.type.fraction for x in inputs)
    lo = min(int(x.bounds.lo.min()) << fraction - x.type.fraction for x in inputs)
    hi = max(int(x.bounds.hi.max()) << fraction - x.type.fraction for x in inputs)
    bounds = Bounds(*(frozen_array([end], object) for end in (lo, hi)))
    return Edge("", (1,), least_type(lo, hi, fraction), bounds)


def _converted(name: str, number: int, x: Edge, t: Fixed) -> Chain:
    """An input in the common type, of equal codes at least."""
    chain = Chain(name, x)
    if fits_unchanged(x, t):
        return chain
    return chain.then(f"cast{number}", Requantize(x.size, x.type, t))


def read_concatenate(spec: LayerSpec) -> tuple[Part, ...]:
    """Concatenate, the layer and the function of ``keras.ops``."""
    spec.variables()
    axis = spec.integer("axis", -1)
    spec.finish()
    return (Part("", Concatenate(axis)),)
