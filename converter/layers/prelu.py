"""PReLU: a rectifier whose slopes below 0 were trained."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from converter.config import LayerConfig
from converter.errors import ModelError
from converter.graph import Edge, Shape, frozen_array
from converter.layers.base import Layer, Lowering, Range, Real
from converter.layers.lowering import Chain, constant_type, result_type
from converter.layers.spec import LayerSpec, Part
from converter.types import Fixed, Overflow, Rounding
from converter.units.prelu import PRelu


@dataclass(frozen=True, eq=False)
class PReLU(Layer):
    """x from 0 on, alpha x below. ``alpha`` has the input's shape, with 1 at shared axes."""

    class_names: ClassVar[tuple[str, ...]] = ("PReLU",)
    rounds: ClassVar[bool] = True

    alpha: Real

    def infer_shape(self, inputs: Sequence[Shape]) -> Shape:
        """The input's. Raises ModelError where alpha does not fit."""
        (shape,) = inputs
        fits = len(shape) == self.alpha.ndim
        if not fits or any(a not in (1, n) for a, n in zip(self.alpha.shape, shape, strict=True)):
            raise ModelError(
                f"alpha must have the input's shape {shape}, or 1 at shared axes; the file has "
                f"{self.alpha.shape}"
            )
        return shape

    def forward(self, inputs: Sequence[Real]) -> Real:
        """Elementwise."""
        (x,) = inputs
        return np.where(x >= 0, x, self.alpha * x)

    def lower(
        self, name: str, inputs: Sequence[Edge], config: LayerConfig, seen: Range | None
    ) -> Lowering:
        """One stage, with a slope for each element."""
        (x,) = inputs
        slope_type = constant_type(self.alpha, config, "weight")
        slopes = frozen_array(np.broadcast_to(slope_type.from_float(self.alpha), x.shape).ravel())
        exact = _exact(x.type, slope_type)
        unit = PRelu(slopes, slope_type, x.type, exact)
        wide = Chain(name, x).then("exact", unit).edge
        t = result_type(wide, config, seen)
        unit = PRelu(slopes, slope_type, x.type, t)
        return Chain(name, x).then("prelu", unit).finish(weight=slope_type)


def _exact(x: Fixed, slope: Fixed) -> Fixed:
    """A type for x and for slope x."""
    fraction = max(x.fraction, x.fraction + slope.fraction)
    integer = max(x.integer, x.integer + slope.integer) + 1
    return Fixed(fraction + integer, integer, True, Rounding.RND, Overflow.SAT)


def read_prelu(spec: LayerSpec) -> tuple[Part, ...]:
    """The layer PReLU; the shape of its weights tells the shared axes."""
    (alpha,) = spec.variables("alpha")
    shared = spec.get("shared_axes") or []
    axes = list(shared) if isinstance(shared, list | tuple) else [shared]
    for axis in axes:
        inside = type(axis) is int and 1 <= axis <= alpha.ndim
        if not inside or alpha.shape[axis - 1] != 1:
            raise ModelError(
                f"{spec.where}: shared_axes={axes} must name axes at which alpha has the size 1; "
                f"its shape is {alpha.shape}"
            )
    spec.finish(
        "alpha_initializer", "alpha_regularizer", "alpha_constraint", "activity_regularizer"
    )
    return (Part("", PReLU(frozen_array(alpha))),)
