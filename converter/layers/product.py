"""Products with constants as stages: matrices at each position, and factors per element."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from converter.config import Auto, LayerConfig
from converter.graph import Edge, Shape, frozen_array
from converter.layers.base import Lowering, Range, Real
from converter.layers.lowering import (
    SCALE_WIDTH,
    Chain,
    accumulator,
    align,
    at_each_position,
    constant_type,
    held_exactly,
    partial_sums,
    position_of,
    result_type,
)
from converter.layers.quantizers import QuantizedConstants, Quantizer
from converter.types import MAX_WIDTH, Codes, Fixed
from converter.units.affine import Affine
from converter.units.base import Unit
from converter.units.grouped import GroupedMatVec
from converter.units.matvec import MatVec
from converter.units.product import exact_product
from converter.units.sliding import Sliding
from converter.units.window import Window


@dataclass(frozen=True, eq=False)
class Constants:
    """Constants in integers: type.to_float(codes), times ``scale`` where given.

    ``exact``: they are what the model computes with, and not rounded here.
    """

    codes: Codes
    type: Fixed
    scale: Real | None = None
    exact: bool = False

    def holds(self, values: Real) -> bool:
        """Whether nothing of real values was rounded."""
        return np.array_equal(self.type.to_float(self.codes), values)


def finest_offset(x: Fixed, factor: Fixed, held: bool) -> int:
    """The most fraction bits that ``auto`` gives what is added to products: theirs, since the
    rounding of factors counts for more. Where factors are ``held`` exactly they may be whole
    numbers, which what is added is not.
    """
    return MAX_WIDTH if held else x.fraction + factor.fraction


def constants(
    name: str,
    key: str,
    values: Real,
    quantizer: Quantizer | None,
    config: LayerConfig,
    finest: int = MAX_WIDTH,
) -> Constants:
    """A kernel or a bias in integers: rounded where it is real, exact where it is quantised.

    ``finest``: the most fraction bits that ``auto`` gives real values; see ``finest_offset``.
    """
    if quantizer is None:
        t = constant_type(values, config, key)
        if isinstance(config.wanted(key), Auto) and t.fraction > finest:
            t = replace(t, width=max(1, t.integer + finest), integer=max(t.integer, 1 - finest))
        return Constants(frozen_array(t.from_float(values)), t)
    given = quantizer.codes_and_scale(values)
    if given.exponents is None and key == "weight":
        return _scaled(name, given, config)
    if given.exponents is None:
        t = constant_type(given.values, config, key, SCALE_WIDTH)
        return Constants(frozen_array(t.from_float(given.values)), t)
    t = held_exactly(name, key, given.values, config)
    return Constants(frozen_array(t.from_float(given.values)), t, exact=True)


def _scaled(name: str, given: QuantizedConstants, config: LayerConfig) -> Constants:
    """Codes without their factors, which are real and stay apart."""
    plain = given.type.to_float(given.codes)
    t = held_exactly(name, "weight", plain, config)
    scale = np.broadcast_to(given.scale, plain.shape)
    return Constants(frozen_array(t.from_float(plain)), t, scale, exact=True)


@dataclass(frozen=True, eq=False)
class Product:
    """y = x K + b at each position of ``window``, whose results have the shape ``shape``.

    ``kernel``: codes [groups, inputs, outputs], and where outputs have real factors, these,
    [groups * outputs]. ``bias``: [groups * outputs].
    """

    window: Window
    shape: Shape
    kernel: Constants
    bias: Constants | None

    def chain(self, name: str, x: Edge, config: LayerConfig) -> Chain:
        """The product with exact sums, and an Affine where outputs have real factors."""
        scale, chain = self.kernel.scale, Chain(name, x)
        body = self._matrices(name, x, None if scale is not None else self.bias, config)
        single = self.window.trivial and self.window.positions == 1
        unit = body if single else Sliding(self.window, body)
        chain = chain.then("acc", unit, self.shape)
        if scale is None:
            return chain
        factors = affine(name, position_of(chain.edge), scale, self.bias, config)
        return chain.then("scale", at_each_position(chain.edge, factors))

    def types(self, chain: Chain, config: LayerConfig) -> dict[str, Fixed]:
        """Those of the constants, and the accumulator's where the layer has but one."""
        types = {"weight": self.kernel.type}
        types |= {} if self.bias is None else {"bias": self.bias.type}
        if self.kernel.scale is None:
            return {**types, "accum": chain.edge.type}
        return {**types, "scale": constant_type(self.kernel.scale, config, "scale", SCALE_WIDTH)}

    @property
    def exact(self) -> bool:
        """Whether the results are those of the model, so that no bit should be lost."""
        return self.kernel.exact and self.kernel.scale is None

    def _matrices(
        self, name: str, x: Edge, bias: Constants | None, config: LayerConfig
    ) -> MatVec | GroupedMatVec:
        codes, t = self.kernel.codes, self.kernel.type
        groups, inputs, outputs = codes.shape
        offset, fraction = _offset(bias, groups * outputs, x.type.fraction + t.fraction)
        to = max(fraction, _fraction(config))
        offset = align(offset, fraction, to)
        seen = self.window.hull(x.bounds, 0)
        lo, hi = (side.reshape(groups, 1, inputs) for side in (seen.lo, seen.hi))
        below, above = _signed_sums(codes, lo, hi)
        shift = to - x.type.fraction - t.fraction
        ends = partial_sums(below.ravel(), above.ravel(), shift, offset)
        accum = accumulator(name, *ends, to, config)
        if groups == 1:
            return MatVec(frozen_array(codes[0]), t, offset, x.type, accum)
        return GroupedMatVec(codes, t, offset, x.type, accum)


def lower_product(
    name: str, x: Edge, product: Product, config: LayerConfig, seen: Range | None
) -> Lowering:
    """The product, and the result's type."""
    chain = product.chain(name, x, config)
    types = product.types(chain, config)
    return chain.cast(result_type(chain.edge, config, seen, product.exact)).finish(**types)


def affine(
    name: str, x: Edge, scale: Real, offset: Constants | None, config: LayerConfig
) -> Affine:
    """Y = x scale + offset per element; ``scale`` [size] is rounded to its own type."""
    t = constant_type(scale, config, "scale", SCALE_WIDTH)
    codes = frozen_array(t.from_float(scale))
    added, fraction = _offset(offset, x.size, x.type.fraction + t.fraction)
    to = max(fraction, _fraction(config))
    shift = to - x.type.fraction - t.fraction
    ends = np.stack([x.bounds.lo.astype(object) * codes, x.bounds.hi.astype(object) * codes])
    below, above = np.minimum(ends.min(axis=0), 0), np.maximum(ends.max(axis=0), 0)
    added = align(added, fraction, to)
    lo, hi = partial_sums(below, above, shift, added)
    accum = accumulator(name, lo, hi, to, config)
    return Affine(codes, t, added, x.type, accum)


def _offset(bias: Constants | None, size: int, fraction: int) -> tuple[Codes, int]:
    """What is added, and its fraction: the products' own, or a finer one if it needs that."""
    if bias is None:
        return np.zeros(size, np.int64), fraction
    finer = max(fraction, bias.type.fraction)
    return align(bias.codes, bias.type.fraction, finer), finer


def _fraction(config: LayerConfig) -> int:
    """Fraction of an accumulator that the user gave, else none to speak of."""
    wanted = config.wanted("accum")
    return wanted.fraction if isinstance(wanted, Fixed) else -(1 << 16)


def _signed_sums(weights: Codes, lo: Codes, hi: Codes) -> tuple[Codes, Codes]:
    """Sums of the products that can be below zero, and of those that can be above, [groups, 1,
    outputs], for inputs of [lo, hi], both [groups, 1, inputs].
    """
    up, down = np.maximum(weights, 0), np.maximum(-weights, 0)
    lo, hi = np.minimum(lo, 0), np.maximum(hi, 0)
    below = exact_product(lo, up) - exact_product(hi, down)
    above = exact_product(hi, up) - exact_product(lo, down)
    return below, above


def lower_affine(
    name: str, x: Edge, scale: Real, offset: Real, config: LayerConfig, seen: Range | None
) -> Lowering:
    """The product x scale, plus offset: both per channel of the last axis, [channels], or per
    element, of the tensor's shape.
    """
    factor_type = constant_type(scale, config, "scale", SCALE_WIDTH)
    held = np.array_equal(factor_type.to_float(factor_type.from_float(scale)), scale)
    finest = finest_offset(x.type, factor_type, held)
    added = constants(name, "bias", offset.ravel(), None, config, finest)
    if scale.shape == x.shape:
        unit: Unit = affine(name, replace(x, shape=(x.size,)), scale.ravel(), added, config)
    else:
        unit = at_each_position(x, affine(name, position_of(x), scale, added, config))
    chain = Chain(name, x).then("acc", unit)
    types = {"bias": added.type, "scale": factor_type, "accum": chain.edge.type}
    return chain.cast(result_type(chain.edge, config, seen)).finish(**types)
