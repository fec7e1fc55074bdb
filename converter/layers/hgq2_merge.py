"""HGQ2's layers of several inputs, each with a quantizer of its own, and its sums along axes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import log2, prod
from typing import ClassVar

import numpy as np

from converter.config import LayerConfig
from converter.errors import ModelError, UnsupportedError
from converter.graph import Edge, Shape, frozen_array
from converter.layers.axes import inner_axes
from converter.layers.base import Layer, Lowering, Range, Real
from converter.layers.dot import read_dot
from converter.layers.hgq2_parts import (
    ExactAffine,
    Parts,
    converted,
    finish,
    inner_spec,
    of_input_of,
    of_output_of,
    own_variables,
)
from converter.layers.hgq2_quantizer import read_quantizer
from converter.layers.lowering import Chain, result_type
from converter.layers.merge import Merge, Merging
from converter.layers.on_grid import OnGrid
from converter.layers.product import Constants, Product
from converter.layers.reshape import rearrange
from converter.layers.spec import LayerSpec, Part
from converter.units.window import Window

MOST_QUANTIZERS = 1 << 10


def _merged(spec: LayerSpec, layer: Layer, *more: Part) -> Parts:
    """The layer behind the quantizers of its inputs, and before that of its output."""
    own_variables(spec, ())
    before, names = _of_inputs(spec)
    suffix = "" if not more else "merge"
    reads = tuple(names) if spec.flag("enable_iq", True) else None
    return (*before, Part(suffix, layer, reads), *more, *of_output_of(spec))


def _of_inputs(spec: LayerSpec) -> tuple[list[Part], list[int | str]]:
    """The parts of all quantizers, and what is read behind them."""
    if not spec.flag("enable_iq", True):
        return [], []
    configs = spec.get("iq_confs")
    if not isinstance(configs, list) or not 1 <= len(configs) <= MOST_QUANTIZERS:
        raise spec.bad("iq_confs", configs, "a list of quantizers")
    parts: list[Part] = []
    names: list[int | str] = []
    for k, config in enumerate(configs):
        where = f"iq/quantizers/quantizer{f'_{k}' if k else ''}/"
        made = converted(f"iq{k}", read_quantizer(spec, "iq_confs", where, config), (k,))
        parts += made
        names.append(made[-1].suffix if made else k)
    return parts, names


def merging(kind: Merging) -> Callable[[LayerSpec], Parts]:
    """A reader of a layer that computes element by element."""

    def read(spec: LayerSpec) -> Parts:
        parts = _merged(spec, Merge(kind))
        finish(spec)
        return parts

    return read


def read_average(spec: LayerSpec) -> Parts:
    """QAveragePow2: the sum times the power of two next to the reciprocal of the inputs' number."""
    configs = spec.get("iq_confs")
    if not isinstance(configs, list) or not configs:
        raise UnsupportedError(
            f"{spec.where}: without quantizers of its inputs, their number is not known"
        )
    factor = 2.0 ** round(log2(1.0 / len(configs)))
    scale, offset = frozen_array([factor]), frozen_array([0.0])
    parts = _merged(spec, Merge(Merging.ADD), Part("", ExactAffine(scale, offset)))
    finish(spec)
    return parts


def read_qdot(spec: LayerSpec) -> Parts:
    """QDot."""
    (dot,) = read_dot(inner_spec(spec, "Dot", {}))
    return _merged(spec, dot.layer)


@dataclass(frozen=True)
class Sum(Layer):
    """Sums along ``axes``, which count the batch's as 0, times ``scale``, a power of two; None:
    the one next to the reciprocal of their number.
    """

    class_names: ClassVar[tuple[str, ...]] = ("QSum",)

    axes: tuple[int, ...]
    scale: float | None
    keepdims: bool

    def _inner(self, shape: Shape) -> tuple[int, ...]:
        """Axes without the batch's. Raises ModelError."""
        return inner_axes(self.axes, shape)

    def infer_shape(self, inputs: Sequence[Shape]) -> Shape:
        """Without the axes, or with 1 in their place; [1] where none is left."""
        (shape,) = inputs
        axes = self._inner(shape)
        if self.keepdims:
            return tuple(1 if k in axes else n for k, n in enumerate(shape))
        left = tuple(n for k, n in enumerate(shape) if k not in axes)
        if not left:
            raise ModelError(f"axes={self.axes} leave no axis of {shape}; use keepdims")
        return left

    def _factor(self, shape: Shape) -> float:
        count = prod(shape[a] for a in self._inner(shape))
        return 2.0 ** round(log2(1.0 / count)) if self.scale is None else self.scale

    def forward(self, inputs: Sequence[Real]) -> Real:
        """[batch, *shape] -> [batch, *left]."""
        (x,) = inputs
        axes = tuple(a + 1 for a in self._inner(x.shape[1:]))
        total: Real = x.sum(axis=axes, keepdims=self.keepdims)
        return total * self._factor(x.shape[1:])

    def lower(
        self, name: str, inputs: Sequence[Edge], config: LayerConfig, seen: Range | None
    ) -> Lowering:
        """All elements of a sum side by side, and a product of each row with ones."""
        (x,) = inputs
        axes = self._inner(x.shape)
        places = np.arange(x.size).reshape(x.shape)
        count = prod(x.shape[a] for a in axes)
        rows = np.moveaxis(places, axes, range(-len(axes), 0)).reshape(-1, count)
        before = rearrange(Chain(name, x), "rows", rows)
        factors = np.full((1, count, 1), self._factor(x.shape))
        ones = OnGrid().codes_and_scale(factors)
        kernel = Constants(ones.codes, ones.type, exact=True)
        window = Window.of_positions(len(rows), count)
        product = Product(window, (len(rows), 1), kernel, None)
        after = product.chain(name, before.edge, config)
        stages, edges = (*before.stages, *after.stages), (*before.edges, *after.edges)
        shape = self.infer_shape((x.shape,))
        chain = Chain(name, after.edge, stages, edges)
        chain = rearrange(chain, "shape", np.arange(len(rows)).reshape(shape))
        return chain.cast(result_type(chain.edge, config, seen)).finish()


def read_sum(spec: LayerSpec) -> Parts:
    """QSum."""
    scale = spec.number("scale", 1.0)
    if scale <= 0 or not log2(scale).is_integer():
        raise spec.bad("scale", scale, "a power of two")
    return _read_sum(spec, scale)


def read_mean(spec: LayerSpec) -> Parts:
    """QMeanPow2."""
    return _read_sum(spec, None)


def _read_sum(spec: LayerSpec, scale: float | None) -> Parts:
    own_variables(spec, ())
    axes = spec.get("axes", -1)
    axes = [axes] if type(axes) is int else axes
    if not isinstance(axes, list | tuple) or not all(type(a) is int for a in axes):
        raise spec.bad("axes", axes, "whole numbers")
    layer = Sum(tuple(axes), scale, spec.flag("keepdims", False))
    parts = (*of_input_of(spec), Part("", layer), *of_output_of(spec))
    finish(spec)
    return parts
