"""Layers that compute with several tensors element by element: Add, Average, Maximum and so on.

Tensors of other shapes are broadcast as Keras does: one of fewer axes gets axes of size 1 behind
the batch's, and an axis of size 1 is repeated. Of n tensors, neighbours are merged in a
balanced tree, without rounding between.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from enum import Enum
from functools import reduce
from typing import Any, ClassVar

import numpy as np

from converter.config import LayerConfig
from converter.errors import ModelError
from converter.graph import Edge, Shape
from converter.layers.base import Layer, Lowering, Range, Real
from converter.layers.lowering import (
    SCALE_WIDTH,
    Chain,
    accumulator,
    at_each_position,
    constant_type,
    joined,
    lower_identity,
    position_of,
    result_type,
)
from converter.layers.product import affine
from converter.layers.reshape import checked_size, rearrange
from converter.layers.spec import LayerSpec, Part
from converter.types import Fixed
from converter.units.merge import Merge as MergeUnit
from converter.units.merge import MergeOp

MOST_INPUTS = 1 << 16


class Merging(Enum):
    """What is computed, by the name of Keras' class."""

    ADD = "Add"
    SUBTRACT = "Subtract"
    MULTIPLY = "Multiply"
    AVERAGE = "Average"
    MAXIMUM = "Maximum"
    MINIMUM = "Minimum"


OPERATIONS: dict[Merging, tuple[MergeOp, Any]] = {
    Merging.ADD: (MergeOp.ADD, np.add),
    Merging.SUBTRACT: (MergeOp.SUB, np.subtract),
    Merging.MULTIPLY: (MergeOp.MUL, np.multiply),
    Merging.AVERAGE: (MergeOp.ADD, np.add),
    Merging.MAXIMUM: (MergeOp.MAX, np.maximum),
    Merging.MINIMUM: (MergeOp.MIN, np.minimum),
}
"""The unit's operation, and numpy's."""


@dataclass(frozen=True)
class Merge(Layer):
    """One tensor out of several. ``same_rank``: the inputs must have equally many axes, as for
    ``keras.ops``, which align the batch axis of one with an inner axis of another otherwise.
    """

    arity: ClassVar[tuple[int, int]] = (1, MOST_INPUTS)

    merging: Merging
    same_rank: bool = False

    @property
    def class_names(self) -> tuple[str, ...]:
        """Keras' class."""
        return (self.merging.value,)

    def infer_shape(self, inputs: Sequence[Shape]) -> Shape:
        """The shape that all inputs broadcast to."""
        if self.merging is Merging.SUBTRACT and len(inputs) != 2:
            raise ModelError(f"needs 2 inputs; the file gives {len(inputs)}")
        shapes = ", ".join(map(str, inputs))
        if self.same_rank and len({len(shape) for shape in inputs}) > 1:
            raise ModelError(f"the shapes {shapes} must have equally many axes")
        try:
            return checked_size(np.broadcast_shapes(*inputs))
        except ValueError:
            raise ModelError(f"the shapes {shapes} cannot be broadcast together") from None

    def forward(self, inputs: Sequence[Real]) -> Real:
        """Tensors [batch, *shape] -> [batch, *broadcast]."""
        rank = max(x.ndim for x in inputs)
        whole = [x.reshape(len(x), *(1,) * (rank - x.ndim), *x.shape[1:]) for x in inputs]
        merged: Real = reduce(OPERATIONS[self.merging][1], whole)
        return merged / len(inputs) if self.merging is Merging.AVERAGE else merged

    def lower(
        self, name: str, inputs: Sequence[Edge], config: LayerConfig, seen: Range | None
    ) -> Lowering:
        """Broadcasts, a tree of exact merges, the reciprocal of an average, and one rounding."""
        if len(inputs) == 1:
            return lower_identity(name, inputs[0], config)
        shape = self.infer_shape([x.shape for x in inputs])
        leaves = [_broadcast(name, k, x, shape) for k, x in enumerate(inputs)]
        chain, types = tree(leaves, self._join), dict[str, Fixed]()
        if self.merging not in (Merging.MAXIMUM, Merging.MINIMUM):
            check_sums(name, chain.edge, config)
        if self.merging is Merging.AVERAGE:
            chain, types = _divided(chain, len(inputs), config)
        return chain.cast(result_type(chain.edge, config, seen)).finish(**types)

    def _join(self, left: Chain, right: Chain, suffix: str) -> Chain:
        op = OPERATIONS[self.merging][0]
        unit = MergeUnit(op, left.edge.type, right.edge.type, left.edge.size)
        return joined(left, right, suffix, unit, left.edge.shape)


def tree(chains: Sequence[Chain], join: Callable[[Chain, Chain, str], Chain]) -> Chain:
    """Neighbours joined, level by level, by ``join(left, right, suffix)``; the order stays."""
    level, number = list(chains), 0
    while len(level) > 1:
        above = []
        for left, right in zip(level[::2], level[1::2], strict=False):
            above.append(join(left, right, f"pair{number}"))
            number += 1
        level = above + level[len(level) - len(level) % 2 :]
    return level[0]


def check_sums(name: str, exact: Edge, config: LayerConfig) -> None:
    """Raise ConfigError where the accumulator that was asked for does not hold the results."""
    lo, hi = int(exact.bounds.lo.min()), int(exact.bounds.hi.max())
    accumulator(name, min(lo, 0), max(hi, 0), exact.type.fraction, config)


def _broadcast(name: str, number: int, x: Edge, shape: Shape) -> Chain:
    whole = (1,) * (len(shape) - len(x.shape)) + x.shape
    places = np.broadcast_to(np.arange(x.size).reshape(whole), shape)
    return rearrange(Chain(name, x), f"broadcast{number}", places)


def _divided(chain: Chain, count: int, config: LayerConfig) -> tuple[Chain, dict[str, Fixed]]:
    """A sum divided by ``count``, and the type of the factor: none for a power of two, which
    only moves the point.
    """
    x = chain.edge
    if count & count - 1:
        share = np.full(x.lanes, 1 / count)
        unit = at_each_position(x, affine(chain.layer, position_of(x), share, None, config))
        types = {"scale": constant_type(share, config, "scale", SCALE_WIDTH)}
        return chain.then("mean", unit), types
    last, halvings = chain.stages[-1], count.bit_length() - 1
    halved: Any = replace(last.unit, halvings=halvings)  # type: ignore[type-var]
    edge = replace(x, type=halved.output_type)
    stages = (*chain.stages[:-1], replace(last, unit=halved))
    return Chain(chain.layer, edge, stages, (*chain.edges[:-1], edge)), {}


def read_merge(spec: LayerSpec) -> tuple[Part, ...]:
    """Add, Subtract, Multiply, Average, Maximum, Minimum."""
    spec.variables()
    spec.finish()
    return (Part("", Merge(Merging(spec.class_name))),)


def read_merge_operation(spec: LayerSpec) -> tuple[Part, ...]:
    """The functions of ``keras.ops``, and the operators of tensors: of two tensors each."""
    spec.variables()
    spec.finish()
    return (Part("", Merge(Merging(spec.class_name.removeprefix("ops.")), same_rank=True)),)
