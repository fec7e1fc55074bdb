"""Layers that rearrange the elements of one tensor and compute nothing."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import prod
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from converter.config import LayerConfig
from converter.errors import ModelError
from converter.graph import Edge, Shape, frozen_array
from converter.layers.base import Layer, Lowering, Range, Real
from converter.layers.input import MAX_ELEMENTS
from converter.layers.lowering import Chain
from converter.layers.spec import LayerSpec, Part
from converter.layers.weighted import read_count
from converter.units.reindex import FILL, Index, Reindex


class Rearranging(ABC):
    """Mixin of the layers that only rearrange: ``move`` is all that they compute."""

    @abstractmethod
    def move(self, x: npt.NDArray[Any], fill: int) -> npt.NDArray[Any]:
        """[batch, *shape] -> [batch, *output shape], with ``fill`` for the elements that are new.

        The same for values at inference and for indices at conversion.
        """

    def forward(self, inputs: Sequence[Real]) -> Real:
        """[batch, *shape] -> [batch, *output shape], with zeros for what is new."""
        return self.move(inputs[0], 0)

    def lower(
        self, name: str, inputs: Sequence[Edge], config: LayerConfig, seen: Range | None
    ) -> Lowering:
        """One rearrangement, or none where all beats stay; a conversion where a type was given."""
        del seen
        (x,) = inputs
        places = self.move(np.arange(x.size).reshape(1, *x.shape), FILL)[0]
        return rearrange(Chain(name, x), "moved", places).with_own_type(config).finish()


def rearrange(chain: Chain, suffix: str, places: Index) -> Chain:
    """The elements of a chain's edge at flat ``places`` of the new shape; -1 for zeros.

    Where all beats stay as they are, there is no stage, but the shape is another.
    """
    x = chain.edge
    unit = Reindex(frozen_array(places.ravel(), np.int64), x.size, x.type)
    if unit.keeps_order and places.shape[-1] == x.lanes:
        edge = replace(x, shape=places.shape)
        return replace(chain, edge=edge, edges=(*chain.edges[:-1], edge) if chain.edges else ())
    return chain.then(suffix, unit, places.shape)


def checked_size(shape: Shape) -> Shape:
    """A shape that rearranging gives. Raises ModelError where it holds nothing, or too much."""
    if not shape or min(shape) < 1 or prod(shape) > MAX_ELEMENTS:
        raise ModelError(
            f"the output's shape {shape} must have an axis, sizes of at least 1, and at most "
            f"{MAX_ELEMENTS} elements"
        )
    return shape


@dataclass(frozen=True)
class Flatten(Rearranging, Layer):
    """All axes but the batch's into one, row-major."""

    class_names: ClassVar[tuple[str, ...]] = ("Flatten", "Reshape")

    def infer_shape(self, inputs: Sequence[Shape]) -> Shape:
        """One axis of all elements."""
        (shape,) = inputs
        return (prod(shape),)

    def move(self, x: npt.NDArray[Any], fill: int) -> npt.NDArray[Any]:
        """[batch, *shape] -> [batch, size]."""
        del fill
        return x.reshape(len(x), prod(x.shape[1:]))


@dataclass(frozen=True)
class Reshape(Rearranging, Layer):
    """Other axes, row-major; one of ``target`` may be -1."""

    class_names: ClassVar[tuple[str, ...]] = ("Reshape",)

    target: Shape

    def infer_shape(self, inputs: Sequence[Shape]) -> Shape:
        """``target``, with what -1 stands for."""
        (shape,) = inputs
        known = prod(n for n in self.target if n != -1)
        rest = prod(shape) // known
        found = tuple(rest if n == -1 else n for n in self.target)
        if prod(found) != prod(shape):
            raise ModelError(f"target_shape {self.target} does not hold the input's {shape}")
        return checked_size(found)

    def move(self, x: npt.NDArray[Any], fill: int) -> npt.NDArray[Any]:
        """[batch, *shape] -> [batch, *target]."""
        del fill
        return x.reshape(len(x), *self.infer_shape([x.shape[1:]]))


@dataclass(frozen=True)
class Permute(Rearranging, Layer):
    """Axis k of the output is axis ``axes[k]`` of the input; the first after the batch is 1."""

    class_names: ClassVar[tuple[str, ...]] = ("Permute",)

    axes: tuple[int, ...]

    def infer_shape(self, inputs: Sequence[Shape]) -> Shape:
        """The sizes, permuted."""
        (shape,) = inputs
        if sorted(self.axes) != list(range(1, len(shape) + 1)):
            raise ModelError(
                f"dims={self.axes} must be 1 to {len(shape)} in some order, for the input's {shape}"
            )
        return tuple(shape[axis - 1] for axis in self.axes)

    def move(self, x: npt.NDArray[Any], fill: int) -> npt.NDArray[Any]:
        """[batch, *shape] -> [batch, *permuted]."""
        del fill
        return x.transpose(0, *self.axes)


@dataclass(frozen=True)
class RepeatVector(Rearranging, Layer):
    """(features,) -> (``count``, features): the same vector again and again."""

    class_names: ClassVar[tuple[str, ...]] = ("RepeatVector",)

    count: int

    def infer_shape(self, inputs: Sequence[Shape]) -> Shape:
        """One more axis, the first."""
        (shape,) = inputs
        if len(shape) != 1:
            raise ModelError(f"the input must be a vector; its shape is {shape}")
        return checked_size((self.count, *shape))

    def move(self, x: npt.NDArray[Any], fill: int) -> npt.NDArray[Any]:
        """[batch, features] -> [batch, count, features]."""
        del fill
        return np.repeat(x[:, np.newaxis], self.count, axis=1)


def read_flatten(spec: LayerSpec) -> tuple[Part, ...]:
    """Flatten; channels_first would transpose first."""
    spec.variables()
    spec.only("data_format", None, "channels_last")
    spec.finish()
    return (Part("", Flatten()),)


def read_reshape(spec: LayerSpec) -> tuple[Part, ...]:
    """Reshape."""
    spec.variables()
    target = whole_numbers(spec, "target_shape", least=-1)
    if 0 in target or target.count(-1) > 1:
        raise spec.bad("target_shape", target, "sizes of at least 1, or -1 for one of them")
    spec.finish()
    return (Part("", Reshape(target)),)


def read_permute(spec: LayerSpec) -> tuple[Part, ...]:
    """Permute."""
    spec.variables()
    axes = whole_numbers(spec, "dims", least=1)
    spec.finish()
    return (Part("", Permute(axes)),)


def read_repeat_vector(spec: LayerSpec) -> tuple[Part, ...]:
    """RepeatVector."""
    spec.variables()
    count = read_count(spec, "n")
    spec.finish()
    return (Part("", RepeatVector(count)),)


def whole_numbers(spec: LayerSpec, key: str, least: int) -> tuple[int, ...]:
    """An attribute that is a list of whole numbers of at least ``least``. Raises ModelError."""
    value = spec.get(key)
    if not isinstance(value, list | tuple) or not value:
        raise spec.bad(key, value, "a list of whole numbers")
    if not all(type(n) is int and n >= least for n in value):
        raise spec.bad(key, value, f"whole numbers of at least {least}")
    return tuple(value)
