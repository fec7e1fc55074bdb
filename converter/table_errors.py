"""What the tables of a network cost: a bound of the error that each layer adds by them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from converter.graph import ModelGraph, Stage, TypedGraph
from converter.hardware import inner
from converter.layers.activation import Function
from converter.layers.base import Layer, Real
from converter.layers.curves import curve_error
from converter.layers.functions import Smooth
from converter.layers.layernorm import LayerNormalization, norm_error
from converter.layers.tables import softmax_error, table_error
from converter.types import Fixed
from converter.units.curve import Curve
from converter.units.layernorm import LayerNorm
from converter.units.softmax import Softmax
from converter.units.table import Table


def table_errors(graph: ModelGraph, typed: TypedGraph) -> dict[str, float]:
    """By layer, the most that its result differs from the function of its own quantised inputs,
    where the result's type holds that: tables and the rounding of their results.

    Layers that are exact but for a conversion are not listed. ``typed`` comes from ``graph``.
    """
    layers = {node.name: node.layer for node in graph.nodes}
    found = [
        (stage.layer, _error(layers[stage.layer], stage, typed))
        for stage in typed.stages
        if stage.layer in layers
    ]
    return {name: error for name, error in found if error is not None}


def _error(layer: Layer, stage: Stage, typed: TypedGraph) -> float | None:
    unit, x = inner(stage.unit), typed.edges[stage.inputs[0]]
    if isinstance(layer, LayerNormalization) and isinstance(unit, LayerNorm):
        return norm_error(unit, layer.factors(unit.size)[0], layer.epsilon)
    if isinstance(unit, Softmax):
        return softmax_error(unit)
    if not isinstance(layer, Function):
        return None
    held = _held(layer.function, typed.edges[stage.layer].type)
    if isinstance(unit, Curve):
        ends = int(x.bounds.lo.min()), int(x.bounds.hi.max())
        return curve_error(unit, held, ends)
    return table_error(unit, held) if isinstance(unit, Table) else None


def _held(function: Smooth, t: Fixed) -> Smooth:
    """The function, saturated to a type's range."""
    inside: Callable[[Real], Real] = function.evaluate
    return replace(function, evaluate=lambda x: np.clip(inside(x), t.min, t.max))
