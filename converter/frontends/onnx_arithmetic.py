"""ONNX's arithmetic: of tensors with each other, and with constants for each channel."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from converter.frontends.onnx_build import Call, Reader, Value, without_batch
from converter.frontends.onnx_functions import clip_layer
from converter.graph import Shape, frozen_array
from converter.layers.base import Real
from converter.layers.batchnorm import BatchNormalization
from converter.layers.merge import Merge, Merging

MERGES = {
    "Add": Merging.ADD,
    "Max": Merging.MAXIMUM,
    "Mean": Merging.AVERAGE,
    "Min": Merging.MINIMUM,
    "Mul": Merging.MULTIPLY,
    "Sub": Merging.SUBTRACT,
    "Sum": Merging.ADD,
}
"""What the operators compute of tensors; Div is of a tensor by a constant only."""


def read_arithmetic(call: Call) -> Value:
    """Tensors alone, or one tensor and a constant."""
    call.spec.finish()
    tensors = [k for k, value in enumerate(call.inputs) if isinstance(value, Value)]
    pair = call.source.op in ("Add", "Div", "Mul", "Sub")
    call.arity(2, 2) if pair else call.arity(1, 1 << 16)
    if len(tensors) == len(call.inputs) and call.source.op in MERGES:
        return _merged(call, [call.tensor(k) for k in tensors])
    if len(call.inputs) != 2 or len(tensors) != 1:
        raise call.refused("must be of tensors alone, or of one tensor and one constant")
    (position,) = tensors
    return _with_constant(call, call.tensor(position), position)


def _merged(call: Call, values: list[Value]) -> Value:
    """Equally many axes, brought into the order of the largest."""
    first = max(values, key=lambda v: int(np.prod(v.shape)))
    alike = all((v.view, v.order) == (first.view, first.order) for v in values)
    if len({len(v.shape) for v in values}) > 1:
        shapes = ", ".join(str(v.shape) for v in values)
        raise call.refused(f"the shapes {shapes} behind the batch's axis must have equal lengths")
    if not alike and any(v.flattened for v in values):
        values = [call.builder.plain(call.where, v) for v in values]
        first = values[0]
    if not alike:
        values = [call.ordered(v, first.order) for v in values]
    node = call.add(Merge(MERGES[call.source.op], same_rank=True), *(v.node for v in values))
    if first.flattened:
        return replace(first, node=node)
    shape: Shape = tuple(max(sizes) for sizes in zip(*(v.shape for v in values), strict=True))
    return Value(node, shape, shape, first.order)


def _with_constant(call: Call, x: Value, position: int) -> Value:
    """X * scale + offset, or the larger or smaller of x and 0."""
    op, other = call.source.op, call.real(1 - position, "the constant")
    constant = without_batch(call, other, x, "the constant")
    if op in ("Max", "Min"):
        return _bounded(call, x, constant)
    zero, one = np.zeros_like(constant), np.ones_like(constant)
    if op == "Div" and (position == 1 or not constant.all()):
        raise call.refused("must be of a tensor by a constant without zeros")
    if op in ("Sum", "Mean"):
        raise call.refused("must be of tensors alone")
    if op == "Sub" and position == 1:
        return affine(call, x, -one, constant)
    scale, offset = {
        "Add": (one, constant),
        "Sub": (one, -constant),
        "Mul": (constant, zero),
        "Div": (1 / constant if op == "Div" else one, zero),
    }[op]
    return affine(call, x, scale, offset)


def _bounded(call: Call, x: Value, constant: Real) -> Value:
    if call.source.op == "Min" or constant.size != 1 or constant.ravel()[0] != 0:
        raise call.refused("of a tensor and a constant, only the larger of x and 0 is supported")
    return call.elementwise(clip_layer(call, 0.0, None), x)


def affine(call: Call, x: Value, scale: Real, offset: Real) -> Value:
    """X * scale + offset, of arrays with the file's axes, of which one at most is not 1."""
    axes = [axis for axis, n in enumerate(scale.shape) if n > 1]
    if len(axes) > 1:
        raise call.refused(
            f"a constant of shape {scale.shape} must vary along one axis at most, the channels'"
        )
    if x.flattened:
        scale, offset = (np.broadcast_to(c, x.shape) for c in (scale, offset))
        sides, axis = [x.arranged(c) for c in (scale, offset)], 0
    else:
        axis = x.axis(axes[0]) if axes else len(x.shape) - 1
        sides = [np.broadcast_to(c.ravel(), (x.stored[axis],)) for c in (scale, offset)]
    scale, offset = (frozen_array(side, np.float64) for side in sides)
    return call.elementwise(BatchNormalization(scale, offset, axis + 1), x)


def read_negative(call: Call) -> Value:
    """Neg: -x."""
    call.arity(1)
    call.spec.finish()
    x = call.tensor()
    one = np.ones((1,) * len(x.shape))
    return affine(call, x, -one, 0 * one)


ARITHMETIC: dict[str, Reader] = {
    **dict.fromkeys((*MERGES, "Div"), read_arithmetic),
    "Neg": read_negative,
}
