"""From the nodes of an ONNX file to layers, with the order of every tensor's axes on the way.

ONNX has the channels first, we have them last. So a tensor knows in which order its node here
has the file's axes: transposing costs nothing, functions of single elements leave the order as it
is, and only where a layer needs another one does a Permute bring it there.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from converter.errors import ModelError, UnsupportedError
from converter.frontends.onnx_file import OnnxNode
from converter.graph import Node, Shape
from converter.layers.base import Layer, Real
from converter.layers.reshape import Permute, Reshape
from converter.layers.spec import LayerSpec, finite, shown

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class Value:
    """A tensor that depends on the inputs, as the node ``node`` here gives it.

    ``shape`` is the file's without the batch axis. The same elements in the shape ``view``, with
    its axes in the order ``order``, are the node's output: ``view`` is ``shape`` but for a tensor
    that was flattened. ``whole``: of whole numbers, that must be cast before anything else.
    """

    node: str
    shape: Shape
    view: Shape
    order: tuple[int, ...]
    whole: bool = False

    @staticmethod
    def plain(node: str, shape: Shape) -> Value:
        """A tensor in the file's own order."""
        return Value(node, shape, shape, tuple(range(len(shape))))

    @property
    def flattened(self) -> bool:
        """Whether the node has several of the file's axes as one."""
        return self.view != self.shape

    @property
    def in_order(self) -> bool:
        """Whether the elements, row-major, are in the file's order."""
        moved = [axis for axis in self.order if self.view[axis] > 1]
        return moved == sorted(moved)

    @property
    def stored(self) -> Shape:
        """The shape of the node's output."""
        if self.flattened:
            return self.shape
        return tuple(self.view[axis] for axis in self.order)

    def axis(self, axis: int) -> int:
        """Where the node has the file's axis, both without the batch's. Not of a flattened one."""
        return self.order.index(axis)

    def arranged(self, array: Array) -> Array:
        """An array of the file's axes, or with 1 at some of them, in the node's order."""
        if not self.flattened:
            return array.transpose(self.order)
        if array.size == 1:
            return array
        return array.reshape(self.view).transpose(self.order).reshape(self.shape)


@dataclass(frozen=True, eq=False)
class Builder:
    """The nodes made so far by name. ``taken`` are names in use."""

    nodes: dict[str, Node] = field(default_factory=dict)
    taken: set[str] = field(default_factory=set)
    made: dict[tuple[str, Layer], str] = field(default_factory=dict)

    def add(self, where: str, name: str, layer: Layer, inputs: Sequence[str] = ()) -> str:
        """A node, whose name may get a number. Raises ModelError where the shapes do not fit."""
        free, count = name, 1
        while free in self.taken:
            free, count = f"{name}_{count}", count + 1
        least, most = layer.arity
        if not least <= len(inputs) <= most:
            raise ModelError(f"{where}: needs at least {least} inputs; the file has {len(inputs)}")
        try:
            shape = layer.infer_shape([self.nodes[i].shape for i in inputs])
        except ModelError as error:
            raise type(error)(f"{where}: {error}") from None
        self.taken.add(free)
        self.nodes[free] = Node(free, layer, tuple(inputs), shape)
        return free

    def ordered(self, where: str, value: Value, order: tuple[int, ...]) -> Value:
        """The tensor with its axes in another order, by a Permute where it is not there yet."""
        value = self._split(where, value)
        if value.order == order:
            return value
        shape = tuple(value.shape[axis] for axis in order)
        big = [[a for a in o if value.shape[a] > 1] for o in (value.order, order)]
        if big[0] == big[1]:
            node = self._moved(where, value.node, Reshape(shape))
        else:
            axes = tuple(value.axis(axis) + 1 for axis in order)
            node = self._moved(where, value.node, Permute(axes))
        return replace(value, node=node, order=order)

    def plain(self, where: str, value: Value) -> Value:
        """The tensor in the file's own order."""
        ordered = self.ordered(where, value, tuple(range(len(value.view))))
        return self.reshaped(where, ordered, value.shape) if value.flattened else ordered

    def reshaped(self, where: str, value: Value, shape: Shape, name: str = "") -> Value:
        """Other axes, row-major in the file's order; a vector keeps the order that there is.

        ``name``: of the node, where one is needed.
        """
        if len(shape) > 1 and not value.in_order:
            value = self.plain(where, value)
        node, layer = value.node, Reshape(shape)
        if value.stored != shape:
            named = name and self.add(where, name, layer, [node])
            node = named or self._moved(where, node, layer)
        if value.in_order:
            return Value.plain(node, shape)
        return Value(node, shape, value.view, value.order)

    def _split(self, where: str, value: Value) -> Value:
        """A flattened tensor with all the axes that it had."""
        if not value.flattened:
            return value
        shape = tuple(value.view[axis] for axis in value.order)
        node = self._moved(where, value.node, Reshape(shape))
        return Value(node, value.view, value.view, value.order)

    def _moved(self, where: str, node: str, layer: Permute | Reshape) -> str:
        """One rearrangement of a node, made once however many read it."""
        key = (node, layer)
        if key not in self.made:
            kind = "reshape" if isinstance(layer, Reshape) else "permute"
            self.made[key] = self.add(where, f"{node}_{kind}", layer, [node])
        return self.made[key]


@dataclass(frozen=True, eq=False)
class Call:
    """One node of the file, as its reader sees it.

    ``inputs``: what the node reads; None where an input is left out.
    """

    source: OnnxNode
    opset: int
    spec: LayerSpec
    inputs: tuple[Value | Array | None, ...]
    builder: Builder

    @property
    def where(self) -> str:
        """How messages name the node."""
        return self.source.where

    def arity(self, least: int, most: int | None = None) -> None:
        """Raise ModelError for another number of inputs."""
        given = len(self.inputs)
        if not least <= given <= (least if most is None else most):
            raise ModelError(f"{self.where}: has {given} inputs, which it cannot have")

    def tensor(self, position: int = 0) -> Value:
        """An input that depends on the model's inputs. Raises UnsupportedError for a constant."""
        value = self.inputs[position] if position < len(self.inputs) else None
        if not isinstance(value, Value):
            kind = "left out" if value is None else "a constant"
            raise self.refused(f"input {position} is {kind}; it must depend on the model's inputs")
        if value.whole and self.source.op != "Cast":
            raise self.refused(f"input {position} has whole numbers; only Cast takes them here")
        return value

    def constant(self, position: int, name: str) -> Array:
        """An input that must be a constant."""
        found = self.optional(position, name)
        if found is None:
            raise ModelError(f"{self.where}: input {position}, {name}, is missing")
        return found

    def optional(self, position: int, name: str) -> Array | None:
        """An input that may be left out, else must be a constant."""
        value = self.inputs[position] if position < len(self.inputs) else None
        if isinstance(value, Value):
            raise self.refused(f"input {position}, {name}, must be a constant")
        return value

    def real(self, position: int, name: str) -> Real:
        """A constant of finite numbers. Raises ModelError."""
        return finite(self.where, name, self.constant(position, name))

    def scalar(self, position: int, name: str, default: float | None) -> float | None:
        """A constant of one number, which may be infinite, or ``default``."""
        array = self.optional(position, name)
        if array is None:
            return default
        if array.size != 1 or np.isnan(float(array.reshape(()))):
            raise ModelError(f"{self.where}: input {position}, {name}, must be one number")
        return float(array.reshape(()))

    def whole_numbers(self, position: int, name: str) -> tuple[int, ...] | None:
        """A constant of whole numbers, or None where it is left out."""
        array = self.optional(position, name)
        if array is None:
            return None
        if array.dtype.kind not in "iu" or array.ndim > 1:
            raise ModelError(f"{self.where}: input {position}, {name}, must be whole numbers")
        return tuple(int(n) for n in array.ravel())

    def add(self, layer: Layer, *nodes: str, suffix: str = "") -> str:
        """A node of this name, or with a suffix. Gives its name."""
        name = f"{self.source.name}_{suffix}" if suffix else self.source.name
        return self.builder.add(self.where, name, layer, nodes)

    def elementwise(self, layer: Layer, value: Value, suffix: str = "") -> Value:
        """A function of each element: the order stays."""
        return replace(value, node=self.add(layer, value.node, suffix=suffix))

    def ordered(self, value: Value, order: tuple[int, ...]) -> Value:
        """The tensor with its axes in another order."""
        return self.builder.ordered(self.where, value, order)

    def inner_axis(self, axis: int, value: Value, name: str = "axis") -> int:
        """An axis of the file as one of ``value.shape``. Raises for the batch's and absent ones."""
        rank = len(value.shape) + 1
        whole = axis + rank if axis < 0 else axis
        if not 1 <= whole < rank:
            raise self.refused(
                f"{name}={axis} must be one of 1 to {rank - 1}, for an input of shape "
                f"{value.shape} behind the batch's axis"
            )
        return whole - 1

    def refused(self, why: str) -> UnsupportedError:
        """What is not honoured."""
        return UnsupportedError(f"{self.where}: {why}")


Reader = Callable[[Call], Value]


def channels_last(value: Value) -> tuple[int, ...]:
    """The order of axes with the file's first one, the channels, behind all others."""
    return (*range(1, len(value.view)), 0)


def without_batch(call: Call, array: Array, value: Value, name: str) -> Array:
    """A constant that is broadcast to a tensor, with all of its axes but the batch's.

    Raises UnsupportedError where the tensor would grow by it.
    """
    rank = len(value.shape)
    shape = array.shape
    if len(shape) == rank + 1 and shape[0] == 1:
        shape = shape[1:]
    shape = (1,) * (rank - len(shape)) + shape
    fits = len(shape) == rank and all(
        n in (1, size) for n, size in zip(shape, value.shape, strict=True)
    )
    if not fits:
        raise call.refused(
            f"{shown(name)} of shape {array.shape} must fit a tensor of shape {value.shape} behind "
            "the batch's axis, without making it larger"
        )
    return array.reshape(shape)
