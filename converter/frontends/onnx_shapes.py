"""ONNX's rearrangements of a tensor: shapes, transposition, concatenation, padding."""

from __future__ import annotations

import math

from converter.errors import ModelError
from converter.frontends.onnx_build import Call, Reader, Value
from converter.frontends.onnx_constants import BATCH
from converter.graph import Shape
from converter.layers.concatenate import Concatenate
from converter.layers.padding import ZeroPadding


def read_flatten(call: Call) -> Value:
    """All axes behind the batch's as one."""
    call.arity(1)
    x = call.tensor()
    axis = call.spec.integer("axis", 1)
    call.spec.finish()
    if axis not in (1, -len(x.shape)):
        raise call.refused(f"axis={axis}; the batch's axis alone must be left, axis=1")
    return _reshaped(call, x, (math.prod(x.shape),))


def _reshaped(call: Call, x: Value, shape: Shape) -> Value:
    return call.builder.reshaped(call.where, x, shape, call.source.name)


def read_reshape(call: Call) -> Value:
    """A constant shape, which must leave the batch's axis as it is."""
    call.arity(2)
    x, target = call.tensor(), call.whole_numbers(1, "shape") or ()
    copies = not call.spec.flag("allowzero", False)
    call.spec.finish()
    sizes = [_size(call, n, k, x, copies) for k, n in enumerate(target)]
    known = math.prod(n for n in sizes[1:] if n != -1)
    rest = math.prod(x.shape) // max(known, 1)
    shape = tuple(rest if n == -1 else n for n in sizes[1:])
    kept = len(sizes) > 1 and sizes[0] in (0, 1, -1)
    if not kept or sizes.count(-1) > 1 or 0 in shape or math.prod(shape) != math.prod(x.shape):
        raise call.refused(
            f"shape {target} must hold an input of shape {x.shape} behind the batch's axis, which "
            "must stay (0, 1 or -1)"
        )
    return _reshaped(call, x, shape)


def _size(call: Call, size: int, position: int, x: Value, copies: bool) -> int:
    """A size of the target; 0 copies the input's, but for the batch's."""
    if size == BATCH and position == 0:
        return 0
    if size < -1:
        raise ModelError(f"{call.where}: a size of {size} in the shape")
    if size == 0 and copies and 1 <= position <= len(x.shape):
        return x.shape[position - 1]
    return size


def read_squeeze(call: Call) -> Value:
    """Axes of size 1 left out; they must be named, since the batch's may be one."""
    x, axes = call.tensor(), _axes(call)
    if axes is None:
        raise call.refused("axes must be given")
    inner = {call.inner_axis(axis, x, "axes") for axis in axes}
    if any(x.shape[axis] != 1 for axis in inner):
        raise ModelError(f"{call.where}: axes={axes} must have size 1 in {x.shape}")
    return _reshaped(call, x, tuple(n for k, n in enumerate(x.shape) if k not in inner))


def read_unsqueeze(call: Call) -> Value:
    """New axes of size 1, counted in the result."""
    x, axes = call.tensor(), _axes(call)
    rank = len(x.shape) + 1 + len(axes or ())
    whole = {axis + rank if axis < 0 else axis for axis in axes or ()}
    if not axes or len(whole) < len(axes) or not whole <= set(range(1, rank)):
        raise call.refused(f"axes={axes} must be new ones behind the batch's, each once")
    sizes = iter(x.shape)
    return _reshaped(call, x, tuple(1 if k in whole else next(sizes) for k in range(1, rank)))


def _axes(call: Call) -> tuple[int, ...] | None:
    """An attribute, and an input from opset 13 on."""
    if call.opset >= 13:
        call.arity(1, 2)
        call.spec.finish()
        return call.whole_numbers(1, "axes")
    call.arity(1)
    axes = whole_attribute(call, "axes", None)
    call.spec.finish()
    return axes


def whole_attribute(
    call: Call, key: str, default: tuple[int, ...] | None
) -> tuple[int, ...] | None:
    """An attribute of whole numbers. Raises ModelError."""
    value = call.spec.get(key)
    if value is None:
        return default
    if not isinstance(value, list) or not all(type(n) is int for n in value):
        raise call.spec.bad(key, value, "whole numbers")
    return tuple(value)


def read_transpose(call: Call) -> Value:
    """Another order of the axes, which only what follows may need to be there in fact."""
    call.arity(1)
    x = call.tensor()
    if x.flattened:
        x = call.builder.plain(call.where, x)
    rank = len(x.shape) + 1
    perm = whole_attribute(call, "perm", tuple(reversed(range(rank)))) or ()
    call.spec.finish()
    if sorted(perm) != list(range(rank)) or perm[0] != 0:
        raise call.refused(f"perm={perm} must be of {rank} axes, and leave the batch's in place")
    inner = [axis - 1 for axis in perm[1:]]
    shape = tuple(x.shape[axis] for axis in inner)
    return Value(x.node, shape, shape, tuple(inner.index(axis) for axis in x.order))


def read_concat(call: Call) -> Value:
    """Tensors side by side, in the order of axes of the first."""
    values = [call.tensor(k) for k in range(len(call.inputs))]
    if not values:
        raise ModelError(f"{call.where}: has no inputs")
    values = [call.builder.plain(call.where, v) if v.flattened else v for v in values]
    first = values[0]
    if len({len(v.shape) for v in values}) > 1:
        raise ModelError(f"{call.where}: its inputs must have equally many axes")
    axis = call.inner_axis(call.spec.integer("axis"), first)
    call.spec.finish()
    values = [call.ordered(v, first.order) for v in values]
    node = call.add(Concatenate(first.axis(axis) + 1), *(v.node for v in values))
    size = sum(v.shape[axis] for v in values)
    shape = (*first.shape[:axis], size, *first.shape[axis + 1 :])
    return Value(node, shape, shape, first.order)


def read_pad(call: Call) -> Value:
    """Zeros around one or two axes, all but one."""
    call.arity(1, 1 if call.opset < 11 else 4)
    x, rank = call.tensor(), len(call.tensor().shape) + 1
    call.spec.only("mode", "constant")
    if call.opset < 11:
        pads, value = whole_attribute(call, "pads", None), call.spec.number("value", 0.0)
    else:
        pads, value = call.whole_numbers(1, "pads"), call.scalar(2, "constant_value", 0.0) or 0.0
    axes = call.whole_numbers(3, "axes") if len(call.inputs) > 3 else None
    call.spec.finish()
    amounts = _amounts(call, pads, axes, rank)
    bare = [k for k, pair in enumerate(amounts[1:]) if pair == (0, 0)]
    negative = any(n < 0 for pair in amounts for n in pair)
    if value or negative or amounts[0] != (0, 0) or not bare or len(x.shape) not in (2, 3):
        raise call.refused(
            f"pads={pads} with {value:g}; only zeros around one or two axes of a tensor of two or "
            "three, behind the batch's, are supported"
        )
    order = (*(k for k in range(rank - 1) if k != bare[0]), bare[0])
    x = call.ordered(x, order)
    node = call.add(ZeroPadding(tuple(amounts[k + 1] for k in order[:-1])), x.node)
    shape = tuple(n + sum(pair) for n, pair in zip(x.shape, amounts[1:], strict=True))
    return Value(node, shape, shape, order)


def _amounts(
    call: Call, pads: tuple[int, ...] | None, axes: tuple[int, ...] | None, rank: int
) -> list[tuple[int, int]]:
    """(before, after) of each axis, the batch's first."""
    named = [a + rank if a < 0 else a for a in (range(rank) if axes is None else axes)]
    pads, count = pads or (), len(named)
    right = len(pads) == 2 * count and len(set(named)) == count
    if not right or not set(named) <= set(range(rank)):
        raise ModelError(f"{call.where}: pads={pads} for the axes {named} of {rank}")
    amounts = [(0, 0)] * rank
    for k, axis in enumerate(named):
        amounts[axis] = pads[k], pads[k + count]
    return amounts


SHAPES: dict[str, Reader] = {
    "Concat": read_concat,
    "Flatten": read_flatten,
    "Pad": read_pad,
    "Reshape": read_reshape,
    "Squeeze": read_squeeze,
    "Transpose": read_transpose,
    "Unsqueeze": read_unsqueeze,
}
