"""Products with constants as stages: MatVec for a kernel, Affine for factors per element."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from converter.config import Auto, LayerConfig
from converter.graph import Edge, frozen_array
from converter.layers.base import Lowering, Range, Real
from converter.layers.lowering import (
    SCALE_WIDTH,
    Chain,
    accumulator,
    align,
    constant_type,
    held_exactly,
    partial_sums,
    result_type,
)
from converter.layers.quantizers import QuantizedConstants, Quantizer
from converter.types import MAX_WIDTH, Codes, Fixed
from converter.units.affine import Affine
from converter.units.matvec import MatVec, exact_product


@dataclass(frozen=True, eq=False)
class Constants:
    """Constants in integers: type.to_float(codes), times ``scale`` per output where given.

    ``exact``: they are what the model computes with, and not rounded here.
    """

    codes: Codes
    type: Fixed
    scale: Real | None = None
    exact: bool = False


def constants(
    name: str,
    key: str,
    values: Real,
    quantizer: Quantizer | None,
    config: LayerConfig,
    finest: int = MAX_WIDTH,
) -> Constants:
    """A kernel or a bias in integers: rounded where it is real, exact where it is quantised.

    ``finest``: the most fraction bits that ``auto`` gives real values; those of the products
    that a bias is added to.
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
    scale = np.broadcast_to(given.scale.reshape(-1), (plain.shape[-1],))
    return Constants(frozen_array(t.from_float(plain)), t, scale, exact=True)


def lower_product(
    name: str,
    x: Edge,
    kernel: Constants,
    bias: Constants | None,
    config: LayerConfig,
    seen: Range | None,
) -> Lowering:
    """Y = x K + b: MatVec, an Affine where outputs have real factors, the result's type."""
    n_out = kernel.codes.shape[1]
    chain = Chain(name, x)
    if kernel.scale is None:
        chain = chain.then("acc", _matvec(name, x, kernel, bias, config), (n_out,))
    else:
        chain = chain.then("acc", _matvec(name, x, kernel, None, config), (n_out,))
        chain = chain.then("scale", affine(name, chain.edge, kernel.scale, bias, config))
    exact = kernel.exact and kernel.scale is None
    types = {"weight": kernel.type, **({} if bias is None else {"bias": bias.type})}
    types |= _unit_types(chain)
    return chain.cast(result_type(chain.edge, config, seen, exact)).finish(**types)


def _unit_types(chain: Chain) -> dict[str, Fixed]:
    """The factor's type, and the accumulator's where the layer has but one."""
    last = chain.stages[-1].unit
    scale = {"scale": last.scale_type} if isinstance(last, Affine) else {}
    return {**scale, **({"accum": chain.edge.type} if len(chain.stages) == 1 else {})}


def _matvec(
    name: str, x: Edge, kernel: Constants, bias: Constants | None, config: LayerConfig
) -> MatVec:
    fraction = x.type.fraction + kernel.type.fraction
    offset, fraction = _offset(bias, kernel.codes.shape[1], fraction)
    to = max(fraction, _fraction(config))
    shift = to - x.type.fraction - kernel.type.fraction
    below, above = _signed_sums(kernel.codes, x)
    offset = align(offset, fraction, to)
    lo, hi = partial_sums(below, above, shift, offset)
    accum = accumulator(name, lo, hi, to, config)
    return MatVec(kernel.codes, kernel.type, offset, x.type, accum)


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


def _signed_sums(weights: Codes, x: Edge) -> tuple[Codes, Codes]:
    """Sums of the products that can be below zero, and of those that can be above, [n_out]."""
    up, down = np.maximum(weights, 0), np.maximum(-weights, 0)
    lo, hi = np.minimum(x.bounds.lo, 0), np.maximum(x.bounds.hi, 0)
    below = exact_product(lo, up) - exact_product(hi, down)
    above = exact_product(hi, up) - exact_product(lo, down)
    return below, above


def lower_affine(
    name: str, x: Edge, scale: Real, offset: Real, config: LayerConfig, seen: Range | None
) -> Lowering:
    """The product x scale, plus offset, per channel of the last axis; both [channels]."""
    times = x.size // len(scale)
    factor_type = constant_type(scale, config, "scale", SCALE_WIDTH)
    finest = x.type.fraction + factor_type.fraction
    added = constants(name, "bias", np.tile(offset, times), None, config, finest)
    chain = Chain(name, x).then("acc", affine(name, x, np.tile(scale, times), added, config))
    types = {"bias": added.type, **_unit_types(chain)}
    return chain.cast(result_type(chain.edge, config, seen)).finish(**types)
