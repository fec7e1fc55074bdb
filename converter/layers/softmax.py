"""Softmax over any axis, or several."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np

from converter.config import DEFAULT_OVERFLOW, DEFAULT_ROUNDING, LayerConfig
from converter.errors import ConfigError
from converter.graph import Edge, Shape
from converter.layers.axes import inner_axes, on_axes
from converter.layers.base import Layer, Lowering, Range, Real
from converter.layers.elementwise import open_range
from converter.layers.lowering import Chain, accumulator
from converter.layers.spec import LayerSpec, Part
from converter.layers.tables import EXP_TABLE_SIZE, INVERSE_TABLE_SIZE, TABLE_TYPE, softmax_unit
from converter.types import Fixed
from converter.units.softmax import Softmax as SoftmaxUnit

MAX_TABLE_FRACTION = 24
MAX_PRODUCT = 60
"""Bits of an exp times a reciprocal."""


@dataclass(frozen=True)
class Softmax(Layer):
    """exp(x) / sum exp(x) over ``axes``, as the model counts them, the batch's being 0."""

    class_names: ClassVar[tuple[str, ...]] = ("Activation", "Softmax")

    axes: tuple[int, ...] = (-1,)

    def infer_shape(self, inputs: Sequence[Shape]) -> Shape:
        """The input's. Raises ModelError for axes that it does not have."""
        (shape,) = inputs
        inner_axes(self.axes, shape)
        return shape

    def forward(self, inputs: Sequence[Real]) -> Real:
        """[batch, *shape] -> the same."""
        (x,) = inputs
        axes = tuple(a + 1 for a in inner_axes(self.axes, x.shape[1:]))
        exps = np.exp(x - x.max(axis=axes, keepdims=True))
        return exps / exps.sum(axis=axes, keepdims=True)

    def lower(
        self, name: str, inputs: Sequence[Edge], config: LayerConfig, seen: Range | None
    ) -> Lowering:
        """One unit at each position; ``auto`` gives the range [0, 1)."""
        del seen
        (x,) = inputs
        exp_type, inverse_type = (_table_type(name, k, config) for k in ("exp_table", "inv_table"))
        chain = on_axes(
            Chain(name, x),
            inner_axes(self.axes, x.shape),
            lambda one: _unit(name, one, (exp_type, inverse_type), config),
        )
        return chain.finish(exp_table=exp_type, inv_table=inverse_type)


def _unit(name: str, x: Edge, tables: tuple[Fixed, Fixed], config: LayerConfig) -> SoftmaxUnit:
    """Two tables and a product for a vector; see ``converter.units.softmax``."""
    exp_type, inverse_type = tables
    accumulator(name, 0, x.size << exp_type.fraction, exp_type.fraction, config)
    unit = softmax_unit(
        x,
        open_range(Fixed(1, 0, False), config),
        exp_type,
        inverse_type,
        config.exp_table_size or config.table_size or EXP_TABLE_SIZE,
        config.inv_table_size or config.table_size or INVERSE_TABLE_SIZE,
    )
    if exp_type.fraction + inverse_type.fraction + unit.exponents > MAX_PRODUCT:
        raise ConfigError(
            f"{name}: softmax over {x.size} elements with exp_table={exp_type} and "
            f"inv_table={inverse_type} needs products of over {MAX_PRODUCT} bits; give narrower "
            "tables"
        )
    return unit


def _table_type(name: str, key: str, config: LayerConfig) -> Fixed:
    """The type of exp in [0, 1], or of the reciprocal of [1, 2)."""
    wanted = config.wanted(key)
    t = (
        wanted
        if isinstance(wanted, Fixed)
        else replace(TABLE_TYPE, width=wanted.width or TABLE_TYPE.width)
    )
    rounded = (t.rounding, t.overflow) == (DEFAULT_ROUNDING, DEFAULT_OVERFLOW)
    holds_one = t.integer - t.signed >= 1 and 1 <= t.fraction <= MAX_TABLE_FRACTION
    if rounded and holds_one:
        return t
    raise ConfigError(
        f"{name}: {key}={wanted} must round (RND,SAT) and hold values from 0 to 1 with 1 to "
        f"{MAX_TABLE_FRACTION} bits of fraction; give for example ufixed<18,1>"
    )


def read_softmax(spec: LayerSpec) -> tuple[Part, ...]:
    """The layer Softmax; ``axis`` is one or a list."""
    axis = spec.get("axis", -1)
    axes = axis if isinstance(axis, list | tuple) and axis else [axis]
    if not all(type(a) is int for a in axes):
        raise spec.bad("axis", axis, "a whole number or a list of them")
    spec.variables()
    spec.finish()
    return (Part("", Softmax(tuple(axes))),)
