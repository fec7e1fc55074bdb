"""Pooling: the largest or the mean value of a window, or of a whole tensor, channel by channel."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import Enum

import numpy as np

from converter.config import EXACT, Auto, LayerConfig
from converter.graph import Edge, Shape, frozen_array
from converter.layers.base import Layer, Lowering, Range, Real
from converter.layers.geometry import Geometry, Padding, read_geometry
from converter.layers.lowering import (
    SCALE_WIDTH,
    Chain,
    at_each_position,
    constant_type,
    position_of,
    result_type,
)
from converter.layers.product import Constants, affine
from converter.layers.quantizers import Quantizer
from converter.layers.spec import LayerSpec, Part
from converter.types import Fixed
from converter.units.reduce import Reduce, Reduction
from converter.units.sliding import Sliding
from converter.units.window import Window


class Pool(Enum):
    """What becomes of a window."""

    MAX = "max"
    AVERAGE = "average"


@dataclass(frozen=True)
class Pooling(Layer):
    """The largest or the mean value of each window, for each channel; channels last.

    What is outside of the tensor counts neither as a value nor for the mean. ``geometry`` None:
    one window over all of the tensor's ``rank`` axes, which vanish unless ``keepdims``.
    ``factor``: a quantizer of the reciprocal of the window's elements, with which QKeras
    multiplies in place of it.
    """

    pool: Pool
    rank: int
    class_name: str
    geometry: Geometry | None = None
    keepdims: bool = False
    factor: Quantizer | None = None

    @property
    def class_names(self) -> tuple[str, ...]:
        """The file's."""
        return (self.class_name,)

    def infer_shape(self, inputs: Sequence[Shape]) -> Shape:
        """[*sizes, channels] -> [*sizes, channels], or [channels]. Raises ModelError."""
        (shape,) = inputs
        return self._out_shape(shape, self._geometry(shape).window(shape, shape[-1]))

    def _geometry(self, shape: Shape) -> Geometry:
        return self.geometry or Geometry(self.rank, (1, 1)).of_whole(shape)

    def _out_shape(self, shape: Shape, window: Window) -> Shape:
        if self.geometry is None and not self.keepdims:
            return shape[-1:]
        return self._geometry(shape).out_shape(window, shape[-1])

    def forward(self, inputs: Sequence[Real]) -> Real:
        """[batch, *sizes, channels] -> [batch, *out sizes, channels]."""
        (x,) = inputs
        shape = x.shape[1:]
        window = self._geometry(shape).window(shape, shape[-1])
        flat = x.reshape(len(x), window.input_size)
        if self.pool is Pool.MAX:
            y = window.fold(flat, math.floor(x.min()), np.maximum)
        else:
            y = window.fold(flat, 0, np.add) * self._factors(window)[:, None]
        return y.reshape(len(x), *self._out_shape(shape, window))

    def lower(
        self, name: str, inputs: Sequence[Edge], config: LayerConfig, seen: Range | None
    ) -> Lowering:
        """Comparisons; or an exact sum, and a factor, which is exact where it is a power of two.

        A factor that the model quantises is its own, so that no bit of the product is lost.
        """
        (x,) = inputs
        window = self._geometry(x.shape).window(x.shape, x.shape[-1])
        shape = self._out_shape(x.shape, window)
        if self.pool is Pool.MAX:
            return _lower_max(name, x, window, shape, config)
        if self.factor is not None and config.wanted("result") == Auto():
            config = replace(config, precision={**config.precision, "result": EXACT})
        return _lower_average(name, x, window, (self._factors(window), shape), config, seen)

    def _factors(self, window: Window) -> Real:
        """What the sum of each window is multiplied by, [positions]."""
        if self.factor is None:
            return 1 / window.inside
        area = window.elements // window.channels
        single = np.array([1 / area], np.float32).astype(np.float64)
        return self.factor.quantize(single) * (area / window.inside)


def _lower_max(name: str, x: Edge, window: Window, shape: Shape, config: LayerConfig) -> Lowering:
    """The least value that occurs stands for what is outside, so that it never is the largest."""
    chain = Chain(name, x).then("max", _reduced(x, window, Reduction.MAX), shape)
    return chain.with_own_type(config).finish()


def _lower_average(
    name: str,
    x: Edge,
    window: Window,
    means: tuple[Real, Shape],
    config: LayerConfig,
    seen: Range | None,
) -> Lowering:
    """``means``: the factor of the sum at each position, and the shape of the result. A factor
    that is a power of two, and the same everywhere, only moves the point.
    """
    factors, shape = means
    same = bool((factors == factors[0]).all())
    mantissa, exponent = math.frexp(factors[0])
    halvings = 1 - exponent if same and mantissa == 0.5 and exponent <= 1 else None
    chain = Chain(name, x).then("sum", _reduced(x, window, Reduction.SUM, halvings or 0), shape)
    if halvings is not None:
        return chain.cast(result_type(chain.edge, config, seen)).finish()
    edge = chain.edge
    if same:
        channels = np.full(edge.lanes, factors[0])
        position = position_of(edge)
        added = _nudge(position, factors, config)
        unit = at_each_position(edge, affine(name, position, channels, added, config))
    else:
        added = _nudge(edge, factors, config)
        unit = affine(name, edge, np.repeat(factors, edge.lanes), added, config)
    types = {"scale": constant_type(factors, config, "scale", SCALE_WIDTH)}
    chain = chain.then("mean", unit)
    return chain.cast(result_type(chain.edge, config, seen)).finish(**types)


def _nudge(edge: Edge, factors: Real, config: LayerConfig) -> Constants | None:
    """In a bit-exact model, as much as rounded factors may take off the largest sum: a mean that
    is a whole number of steps never falls short of it, where a quantizer drops bits.
    """
    if not config.bit_exact:
        return None
    half = max(-int(edge.bounds.lo.min()), int(edge.bounds.hi.max()), 1) // 2 + 1
    fraction = edge.type.fraction + constant_type(factors, config, "scale").fraction
    width = half.bit_length() + 1
    codes = frozen_array(np.full(edge.size, half))
    return Constants(codes, Fixed(width, width - fraction), exact=True)


def _reduced(x: Edge, window: Window, reduction: Reduction, halvings: int = 0) -> Sliding:
    count = window.elements // window.channels
    fill = int(x.bounds.lo.min()) if reduction is Reduction.MAX else 0
    return Sliding(window, Reduce(reduction, window.channels, count, x.type, halvings), fill)


WINDOWS: dict[str, tuple[Pool, int]] = {
    "AveragePooling1D": (Pool.AVERAGE, 1),
    "AveragePooling2D": (Pool.AVERAGE, 2),
    "MaxPooling1D": (Pool.MAX, 1),
    "MaxPooling2D": (Pool.MAX, 2),
}

WHOLE: dict[str, tuple[Pool, int]] = {
    "GlobalAveragePooling1D": (Pool.AVERAGE, 1),
    "GlobalAveragePooling2D": (Pool.AVERAGE, 2),
    "GlobalMaxPooling1D": (Pool.MAX, 1),
    "GlobalMaxPooling2D": (Pool.MAX, 2),
}
"""Class names: what they compute, over how many axes."""


def read_pooling(spec: LayerSpec) -> tuple[Part, ...]:
    """Pooling with a window, of the classes of ``WINDOWS``."""
    pool, rank = WINDOWS[spec.class_name]
    geometry = read_geometry(
        spec, rank, "pool_size", Padding.VALID, Padding.SAME, unit_strides=False
    )
    spec.variables()
    spec.finish()
    return (Part("", Pooling(pool, rank, spec.class_name, geometry)),)


def read_global_pooling(spec: LayerSpec) -> tuple[Part, ...]:
    """Pooling of a whole tensor, of the classes of ``WHOLE``."""
    pool, rank = WHOLE[spec.class_name]
    spec.only("data_format", "channels_last", None)
    keepdims = spec.flag("keepdims", False)
    spec.variables()
    spec.finish()
    return (Part("", Pooling(pool, rank, spec.class_name, keepdims=keepdims)),)
