"""HGQ2's softmax: two tables with quantizers before and behind each, in its own bits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np

from converter.config import LayerConfig
from converter.errors import UnsupportedError
from converter.graph import Bounds, Edge, Shape
from converter.layers.axes import inner_axes
from converter.layers.base import Layer, Lowering, Range, Real
from converter.layers.hgq2_parts import Parts, finish, of_input_of, of_output_of, own_variables
from converter.layers.hgq2_quantizer import of_input, read_quantizer
from converter.layers.hgq_elements import ElementTypes
from converter.layers.hgq_function import table_chain
from converter.layers.hgq_lowering import elements_chain
from converter.layers.lowering import Chain, at_each_position, joined, result_type
from converter.layers.reshape import rearrange
from converter.layers.spec import LayerSpec, Part
from converter.units.merge import Merge, MergeOp
from converter.units.reduce import Reduce, Reduction

EPSILON = np.float32(1e-7)
"""Keras' epsilon, which HGQ2 adds to what it divides by."""


@dataclass(frozen=True, eq=False)
class QuantizedSoftmax(Layer):
    """e / sum e over ``axes``, for e = exp(-scale (max x - x)), with quantizers: ``distance`` of
    the distances and ``exp`` of their exponentials, ``total`` of the sums and ``inverse`` of
    their reciprocals. ``distance`` None: e = exp(scale x).
    """

    class_names: ClassVar[tuple[str, ...]] = ("QSoftmax",)
    bit_exact: ClassVar[bool] = True

    axes: tuple[int, ...]
    scale: float
    distance: ElementTypes | None
    exp: ElementTypes
    total: ElementTypes
    inverse: ElementTypes

    def infer_shape(self, inputs: Sequence[Shape]) -> Shape:
        """The input's. Raises ModelError for axes that it does not have."""
        (shape,) = inputs
        axes = inner_axes(self.axes, shape)
        sums = tuple(1 if k in axes else n for k, n in enumerate(shape))
        for types, wanted in ((self.exp, shape), (self.total, sums), (self.inverse, sums)):
            types.elements(wanted)
        return shape

    def forward(self, inputs: Sequence[Real]) -> Real:
        """[batch, *shape] -> the same."""
        (x,) = inputs
        axes = tuple(a + 1 for a in inner_axes(self.axes, x.shape[1:]))
        if self.distance is not None:
            x = self.distance.quantize(x.max(axis=axes, keepdims=True) - x)
        exps = self.exp.quantize(self._exp(x))
        sums = self.total.quantize(exps.sum(axis=axes, keepdims=True))
        return exps * self.inverse.quantize(_inverse(sums))

    def _exp(self, x: Real) -> Real:
        sign = np.float32(1 if self.distance is None else -1)
        with np.errstate(over="ignore"):
            exps = np.exp((sign * x.astype(np.float32) * np.float32(self.scale)).astype(np.float64))
        return np.minimum(exps, _LARGEST).astype(np.float32).astype(np.float64)

    def lower(
        self, name: str, inputs: Sequence[Edge], config: LayerConfig, seen: Range | None
    ) -> Lowering:
        """Every step by itself, with exact differences, sums and products."""
        (x,) = inputs
        axes = inner_axes(self.axes, x.shape)
        others = [a for a in range(len(x.shape)) if a not in axes]
        index = np.arange(x.size).reshape(x.shape).transpose(*others, *axes)
        places = index.reshape(*(x.shape[a] for a in others), -1)
        sums = tuple(1 if k in axes else n for k, n in enumerate(x.shape))
        chain = rearrange(Chain(name, x), "moved", places)
        if self.distance is not None:
            chain = _distances(chain)
            distance = self.distance.elements(x.shape).moved(places.ravel())
            chain = elements_chain(chain, distance, prefix="distance_")
        exp = self.exp.elements(x.shape).moved(places.ravel())
        exps = table_chain(chain, self._exp, exp, prefix="exp_")
        chain = _of_rows(exps, "sum", Reduction.SUM)
        chain = elements_chain(chain, self.total.elements(sums), prefix="sum_")
        chain = table_chain(chain, _inverse, self.inverse.elements(sums), prefix="inverse_")
        chain = _product(exps.edge, chain)
        back = np.argsort(places.ravel(), kind="stable").reshape(x.shape)
        chain = rearrange(chain, "back", back)
        return chain.cast(result_type(chain.edge, config, seen)).finish()


_LARGEST = 2.0**40


def _inverse(x: Real) -> Real:
    single = x.astype(np.float32) + EPSILON
    return np.minimum((np.float32(1) / single).astype(np.float64), _LARGEST)


def _of_rows(chain: Chain, suffix: str, reduction: Reduction) -> Chain:
    """The largest, or the sum, of each row."""
    x = chain.edge
    unit = at_each_position(x, Reduce(reduction, 1, x.lanes, x.type))
    return chain.then(suffix, unit, (*x.shape[:-1], 1))


def _spread(chain: Chain, lanes: int) -> Chain:
    """Each number as often as a row is long."""
    x = chain.edge
    places = np.broadcast_to(np.arange(x.size).reshape(x.shape), (*x.shape[:-1], lanes))
    return rearrange(chain, f"{chain.edge.name.removeprefix(chain.layer + '_')}_spread", places)


def _distances(chain: Chain) -> Chain:
    """Of each element from the largest of its row: none is below 0."""
    x = chain.edge
    top = _spread(_of_rows(chain, "top", Reduction.MAX), x.lanes)
    unit = Merge(MergeOp.SUB, top.edge.type, x.type, x.size)
    chain = joined(top, Chain(chain.layer, x), "distance", unit, x.shape)
    edge = chain.edge
    bounds = Bounds(np.maximum(edge.bounds.lo, 0), np.maximum(edge.bounds.hi, 0))
    edge = replace(edge, bounds=bounds)
    return replace(chain, edge=edge, edges=(*chain.edges[:-1], edge))


def _product(exps: Edge, chain: Chain) -> Chain:
    """Each exponential times its row's number, which ``chain`` gives."""
    chain = _spread(chain, exps.lanes)
    unit = Merge(MergeOp.MUL, exps.type, chain.edge.type, exps.size)
    return joined(Chain(chain.layer, exps), chain, "product", unit, exps.shape)


def read_qsoftmax(spec: LayerSpec) -> Parts:
    """QSoftmax."""
    own_variables(spec, ())
    axes = spec.get("axes")
    if not isinstance(axes, list | tuple) or not all(type(a) is int for a in axes):
        raise spec.bad("axes", axes, "whole numbers")
    stable = spec.flag("stable", True)
    layer = QuantizedSoftmax(
        tuple(axes),
        spec.number("input_scaler", 1.0),
        _table_types(spec, "exp_iq_conf", "exp_table/iq/") if stable else None,
        _table_types(spec, "exp_oq_conf", "exp_table/oq/"),
        _table_types(spec, "inv_iq_conf", "inv_table/iq/"),
        _table_types(spec, "inv_oq_conf", "inv_table/oq/"),
    )
    parts = (*of_input_of(spec), Part("", layer), *of_output_of(spec))
    finish(spec, "allow_heterogeneous_table", "exp_iq_conf")
    return parts


def _table_types(spec: LayerSpec, key: str, where: str) -> ElementTypes:
    quantizer = read_quantizer(spec, key, where)
    if quantizer is None or quantizer.affine:
        raise UnsupportedError(
            f"{spec.where}: {key} must be a plain quantizer; its tables have no others"
        )
    return of_input(quantizer).types
