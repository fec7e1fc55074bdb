"""Layer normalisation over one or several axes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from converter.config import DEFAULT_OVERFLOW, DEFAULT_ROUNDING, LayerConfig, Precision
from converter.errors import ConfigError, ModelError
from converter.graph import Bounds, Edge, Shape, frozen_array
from converter.layers.axes import inner_axes, on_axes
from converter.layers.base import Layer, Lowering, Range, Real
from converter.layers.curves import curve_error, curve_unit
from converter.layers.elementwise import inexact_width, real_range
from converter.layers.functions import Smooth
from converter.layers.lowering import SCALE_WIDTH, Chain, accumulator, constant_type
from converter.layers.spec import LayerSpec, Part
from converter.layers.tables import TABLE_SIZE
from converter.types import Fixed
from converter.units.curve import Curve
from converter.units.layernorm import LayerNorm

ROOT = Smooth(
    lambda x: 1 / np.sqrt(x), (0.0, 1.0), (0.0, 0.5), lambda lo, _: 0.75 * max(lo, 1.0) ** -2.5
)
"""1 / sqrt(x) from 1 to 4."""

GUARD = 3
"""Bits by which the steps inside are finer than the result's."""

LEAST_FRACTION, MOST_FRACTION = 8, 22
"""Of the reciprocal root, and of the elements before their factors."""


@dataclass(frozen=True, eq=False)
class LayerNormalization(Layer):
    """(x - mean) / sqrt(variance + epsilon) gamma + beta; mean and variance over ``axes``, as
    the model counts them. ``gamma`` and ``beta`` have the sizes of the axes, in rising order.
    """

    class_names: ClassVar[tuple[str, ...]] = ("LayerNormalization",)

    axes: tuple[int, ...]
    epsilon: float
    gamma: Real | None = None
    beta: Real | None = None

    def infer_shape(self, inputs: Sequence[Shape]) -> Shape:
        """The input's. Raises ModelError where the weights are not of the axes' sizes."""
        (shape,) = inputs
        sizes = tuple(shape[a] for a in inner_axes(self.axes, shape))
        for name, weight in (("gamma", self.gamma), ("beta", self.beta)):
            if weight is not None and weight.size != math.prod(sizes):
                raise ModelError(f"{name} must have shape {sizes}; the file has {weight.shape}")
        return shape

    def forward(self, inputs: Sequence[Real]) -> Real:
        """[batch, *shape] -> the same."""
        (x,) = inputs
        axes = tuple(a + 1 for a in inner_axes(self.axes, x.shape[1:]))
        mean = x.mean(axis=axes, keepdims=True)
        variance = ((x - mean) ** 2).mean(axis=axes, keepdims=True)
        y = (x - mean) / np.sqrt(variance + self.epsilon)
        sizes = [n if k in axes else 1 for k, n in enumerate(x.shape)]
        y = y if self.gamma is None else y * self.gamma.reshape(sizes)
        return y if self.beta is None else y + self.beta.reshape(sizes)

    def factors(self, size: int) -> tuple[Real, Real]:
        """The weights gamma and beta, or what stands for them, [size]."""
        gamma = np.ones(size) if self.gamma is None else self.gamma.ravel()
        return gamma, np.zeros(size) if self.beta is None else self.beta.ravel()

    def lower(
        self, name: str, inputs: Sequence[Edge], config: LayerConfig, seen: Range | None
    ) -> Lowering:
        """One unit at each position; ``auto`` gives the range that any input can lead to."""
        (x,) = inputs
        axes = inner_axes(self.axes, x.shape)
        size = math.prod(x.shape[a] for a in axes)
        gamma, beta = self.factors(size)
        types = _scale_type(name, gamma, config), self._result(gamma, beta, config, seen)

        def unit(one: Edge) -> LayerNorm:
            made = norm_unit(one, (gamma, beta), self.epsilon, types, config)
            squares = 2 * one.type.fraction + made.extra
            accumulator(name, 0, made.largest, squares, config)
            return made

        stored = config.wanted("table")
        table = {"table": stored} if isinstance(stored, Fixed) else {}
        return on_axes(Chain(name, x), axes, unit).finish(scale=types[0], **table)

    def _result(self, gamma: Real, beta: Real, config: LayerConfig, seen: Range | None) -> Fixed:
        wanted = config.wanted("result")
        if isinstance(wanted, Fixed):
            return wanted
        reach = np.abs(gamma) * math.sqrt(max(len(gamma) - 1, 0))
        lo, hi = float((beta - reach).min()), float((beta + reach).max())
        if seen is not None:
            lo, hi = max(lo, min(seen.lo, hi)), min(hi, max(seen.hi, lo))
        return real_range(lo, hi, inexact_width(config))


def _scale_type(name: str, gamma: Real, config: LayerConfig) -> Fixed:
    """The type of gamma sqrt(n). Raises ConfigError where the user's does not reach so far."""
    factors = gamma * math.sqrt(len(gamma))
    t = constant_type(factors, config, "scale", SCALE_WIDTH)
    if np.abs(t.to_float(t.from_float(factors)) - factors).max() <= t.lsb:
        return t
    raise ConfigError(
        f"{name}: scale={t} must hold gamma times the root of the {len(gamma)} elements, "
        f"{factors.min():.3g} to {factors.max():.3g}; leave it auto"
    )


def norm_unit(
    x: Edge,
    factors: tuple[Real, Real],
    epsilon: float,
    types: tuple[Fixed, Fixed],
    config: LayerConfig,
) -> LayerNorm:
    """The unit for a vector. ``factors``: gamma and beta; ``types``: of gamma sqrt(n), and of
    the result.

    The root and the elements before their factors have ``GUARD`` bits more than the result
    asks for; epsilon is a whole number of steps that are as fine in proportion.
    """
    (gamma, beta), (scale_type, output), n = factors, types, x.size
    top = float(np.abs(gamma).max()) * math.sqrt(n)
    asked = output.fraction + GUARD + (math.frexp(top)[1] if top else 0)
    fine = min(max(asked, LEAST_FRACTION), MOST_FRACTION)
    scaled = epsilon * float(n) ** 3
    least = n * (n - 1) + math.ldexp(scaled, 2 * x.type.fraction)
    extra = even_bits(2.0**fine / max(least, 1.0)) if n > 1 else 0
    fraction = max(fine, fine - extra // 2)
    scale = scale_type.from_float(gamma * math.sqrt(n))
    added = _holding(beta, fraction + scale_type.fraction)
    return LayerNorm(
        scale=frozen_array(scale),
        scale_type=scale_type,
        offset=frozen_array(added.from_float(beta)),
        epsilon=max(round(math.ldexp(scaled, 2 * x.type.fraction + extra)), 1),
        extra=extra,
        root=root_unit(fine, config.table_size or TABLE_SIZE, config.wanted("table")),
        fraction=fraction,
        input_type=x.type,
        output_type=output,
    )


def _holding(values: Real, fraction: int) -> Fixed:
    """A type of ``fraction`` fraction bits that holds the values."""
    integer = max(math.frexp(float(np.abs(values).max(initial=0)))[1], 0) + 2
    width = max(integer + fraction, 1)
    return Fixed(width, width - fraction, True, DEFAULT_ROUNDING, DEFAULT_OVERFLOW)


def even_bits(value: float) -> int:
    """The least even e >= 0 with 2**e >= value."""
    bits = math.ceil(math.log2(value)) if value > 1 else 0
    return bits + bits % 2


def root_unit(fraction: int, size: int, stored: Precision | None = None) -> Curve:
    """1 / sqrt on [1, 4), of ``fraction`` fraction bits in and out, by at most ``size`` pieces,
    with values of the type ``stored``, where that is one.
    """
    t = Fixed(fraction + 2, 2, False)
    one = 1 << fraction
    edge = Edge("variance", (1,), t, Bounds(np.array([one]), np.array([4 * one - 1])))
    output = Fixed(fraction + 1, 1, False, DEFAULT_ROUNDING, DEFAULT_OVERFLOW)
    return curve_unit(edge, output, ROOT, size, stored if isinstance(stored, Fixed) else None)


def norm_error(unit: LayerNorm, gamma: Real, epsilon: float) -> float:
    """A bound of |unit - layer| where the output's type holds the result.

    With w = (x - mean) / sqrt(variance + epsilon), |w| <= sqrt(n - 1), the unit departs from
    w gamma + beta by

    - of w, in proportion: half of what v is off by, 1 / v where all of epsilon is lost in
      rounding, for the least v that is not of equal elements; half a step of u >= 1, which is
      cut; and twice the root's error, as the root is at least 1/2;
    - a step of z times the factor, which is floored;
    - half a step of the factor times z, and of beta; and a step of the output for the
      conversion, in any rounding.

    Equal elements give beta, rounded.
    """
    n, root = unit.size, unit.root
    f = root.input_type.fraction
    ends = 1 << f, (4 << f) - 1
    least = n * (n - 1) + math.ldexp(epsilon * float(n) ** 3, 2 * unit.input_type.fraction)
    of_v = 1 / max(math.ldexp(least, unit.extra) - 1, 1.0)
    parts = (of_v, 2.0**-f, 2 * curve_error(root, ROOT, ends))
    relative = (1 + parts[0]) * (1 + parts[1]) * (1 + parts[2]) - 1
    largest = float(np.abs(gamma).max())
    floored = math.ldexp(largest * math.sqrt(n), -unit.fraction)
    constants = unit.scale_type.lsb + math.ldexp(1.0, -unit.accum_fraction)
    return (
        largest * math.sqrt(max(n - 1, 0)) * relative + floored + constants + unit.output_type.lsb
    )


def read_layernorm(spec: LayerSpec) -> tuple[Part, ...]:
    """LayerNormalization of Keras 2 and 3."""
    axis = spec.get("axis", -1)
    axes = axis if isinstance(axis, list | tuple) else [axis]
    if not all(type(a) is int for a in axes) or not axes:
        raise spec.bad("axis", axis, "a whole number or a list of them")
    epsilon = spec.number("epsilon", 1e-3)
    if epsilon < 0:
        raise spec.bad("epsilon", epsilon, "at least 0")
    scale, center = spec.flag("scale", True), spec.flag("center", True)
    spec.only("rms_scaling", False)
    names = (["gamma"] if scale else []) + (["beta"] if center else [])
    found = dict(zip(names, spec.variables(*names), strict=True))
    weights = {name: frozen_array(value) for name, value in found.items()}
    spec.finish(
        "beta_initializer", "gamma_initializer", "beta_regularizer", "gamma_regularizer",
        "beta_constraint", "gamma_constraint", "activity_regularizer",
    )  # fmt: skip
    layer = LayerNormalization(tuple(axes), epsilon, weights.get("gamma"), weights.get("beta"))
    return (Part("", layer),)
