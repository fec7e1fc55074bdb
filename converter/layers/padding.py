"""Layers that add, drop or repeat positions: zero padding, cropping, nearest up-sampling."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from converter.errors import ModelError
from converter.graph import Shape
from converter.layers.base import Layer
from converter.layers.reshape import Rearranging, checked_size
from converter.layers.spec import LayerSpec, Part
from converter.units.window import Pair


@dataclass(frozen=True)
class ZeroPadding(Rearranging, Layer):
    """Zeros (before, after) along each axis but the channels'."""

    amounts: tuple[Pair, ...]

    @property
    def class_names(self) -> tuple[str, ...]:
        """Keras' class."""
        return (f"ZeroPadding{len(self.amounts)}D",)

    def infer_shape(self, inputs: Sequence[Shape]) -> Shape:
        """Each axis, longer."""
        sizes, channels = _spatial(inputs[0], self.amounts)
        longer = (n + sum(pair) for n, pair in zip(sizes, self.amounts, strict=True))
        return checked_size((*longer, channels))

    def move(self, x: npt.NDArray[Any], fill: int) -> npt.NDArray[Any]:
        """[batch, *shape] -> [batch, *padded]."""
        return np.pad(x, ((0, 0), *self.amounts, (0, 0)), constant_values=fill)


@dataclass(frozen=True)
class Cropping(Rearranging, Layer):
    """Drops (before, after) positions along each axis but the channels'."""

    amounts: tuple[Pair, ...]

    @property
    def class_names(self) -> tuple[str, ...]:
        """Keras' class."""
        return (f"Cropping{len(self.amounts)}D",)

    def infer_shape(self, inputs: Sequence[Shape]) -> Shape:
        """Each axis, shorter."""
        sizes, channels = _spatial(inputs[0], self.amounts)
        shorter = (n - sum(pair) for n, pair in zip(sizes, self.amounts, strict=True))
        return checked_size((*shorter, channels))

    def move(self, x: npt.NDArray[Any], fill: int) -> npt.NDArray[Any]:
        """[batch, *shape] -> [batch, *cropped]."""
        del fill
        for axis, (low, high) in enumerate(self.amounts, start=1):
            x = np.take(x, range(low, x.shape[axis] - high), axis=axis)
        return x


@dataclass(frozen=True)
class UpSampling(Rearranging, Layer):
    """Repeats each position ``factors`` times along each axis but the channels'."""

    factors: tuple[int, ...]

    @property
    def class_names(self) -> tuple[str, ...]:
        """Keras' class."""
        return (f"UpSampling{len(self.factors)}D",)

    def infer_shape(self, inputs: Sequence[Shape]) -> Shape:
        """Each axis, multiplied."""
        sizes, channels = _spatial(inputs[0], self.factors)
        longer = (n * factor for n, factor in zip(sizes, self.factors, strict=True))
        return checked_size((*longer, channels))

    def move(self, x: npt.NDArray[Any], fill: int) -> npt.NDArray[Any]:
        """[batch, *shape] -> [batch, *larger]."""
        del fill
        for axis, factor in enumerate(self.factors, start=1):
            x = np.repeat(x, factor, axis=axis)
        return x


def _spatial(shape: Shape, axes: Sequence[object]) -> tuple[Shape, int]:
    """The sizes of all axes but the last, and that of the last. Raises ModelError."""
    if len(shape) != len(axes) + 1:
        raise ModelError(f"the input must have {len(axes) + 1} axes; its shape is {shape}")
    return shape[:-1], shape[-1]


def read_zero_padding(spec: LayerSpec) -> tuple[Part, ...]:
    """ZeroPadding1D and 2D."""
    return (Part("", ZeroPadding(_read_pairs(spec, "padding"))),)


def read_cropping(spec: LayerSpec) -> tuple[Part, ...]:
    """Cropping1D and 2D."""
    return (Part("", Cropping(_read_pairs(spec, "cropping"))),)


def read_up_sampling(spec: LayerSpec) -> tuple[Part, ...]:
    """UpSampling1D and 2D, by repetition; bilinear and the like are refused."""
    value, rank = spec.get("size"), _rank(spec)
    factors = (value,) * rank if type(value) is int else value
    if isinstance(factors, list) and all(type(n) is int and n >= 1 for n in factors):
        factors = tuple(factors)
    if not isinstance(factors, tuple) or len(factors) != rank or min(factors) < 1:
        raise spec.bad("size", value, f"{rank} whole numbers of at least 1")
    if rank == 2:
        spec.only("interpolation", "nearest")
    _finish(spec)
    return (Part("", UpSampling(factors)),)


def _read_pairs(spec: LayerSpec, key: str) -> tuple[Pair, ...]:
    """(before, after) of each axis, from one number, a number per axis, or a pair per axis."""
    value, rank = spec.get(key), _rank(spec)
    if rank == 1 and _is_pair(value):
        value = [value]
    sides = [value] * rank if type(value) is int else value
    if not isinstance(sides, list | tuple) or len(sides) != rank:
        raise spec.bad(key, value, f"a whole number, or {rank} pairs of them")
    pairs = [(side, side) if type(side) is int else side for side in sides]
    if not all(_is_pair(pair) for pair in pairs):
        raise spec.bad(key, value, "whole numbers of at least 0, two per axis")
    _finish(spec)
    return tuple((low, high) for low, high in pairs)


def _is_pair(value: object) -> bool:
    return (
        isinstance(value, list | tuple)
        and len(value) == 2
        and all(type(n) is int and n >= 0 for n in value)
    )


def _rank(spec: LayerSpec) -> int:
    return 1 if spec.class_name.endswith("1D") else 2


def _finish(spec: LayerSpec) -> None:
    spec.variables()
    spec.only("data_format", "channels_last", None)
    spec.finish()
