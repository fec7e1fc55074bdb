"""Elementwise layers as stages: rectifiers, staircases, functions by table, softmax."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from converter.config import DEFAULT_OVERFLOW, DEFAULT_ROUNDING, Auto, LayerConfig
from converter.errors import ConfigError
from converter.graph import Edge, frozen_array
from converter.layers.base import Lowering, Range
from converter.layers.lowering import (
    SCALE_WIDTH,
    Chain,
    accumulator,
    exact_type,
    fit_values,
    rectified_bounds,
    result_type,
)
from converter.layers.quantizers import Staircase
from converter.layers.tables import (
    EXP_TABLE_SIZE,
    INVERSE_TABLE_SIZE,
    TABLE_SIZE,
    TABLE_TYPE,
    Function,
    function_table,
    softmax_unit,
)
from converter.types import Codes, Fixed
from converter.units.requantize import Relu
from converter.units.threshold import Threshold

MAX_TABLE_FRACTION = 24


def relu_codes(t: Fixed, max_value: float | None, slope: float, threshold: float) -> Relu:
    """A rectifier in codes of ``t``, but for what its ceiling gives.

    The slope is exact where ``SCALE_WIDTH`` bits hold it, else rounded to them, and what it
    gives at the threshold likewise. A value equal to the threshold is below it, as in Keras.
    """
    start = _code(threshold, t, math.floor) + 1 if threshold or slope else 0
    slope_type = fit_values(np.array([slope]), SCALE_WIDTH)
    fraction = max(slope_type.fraction, 0)
    while fraction < SCALE_WIDTH and not _whole(threshold * slope, t.fraction + fraction):
        fraction += 1
    factor = int(slope_type.from_float(slope)) << fraction - slope_type.fraction
    offset = round(math.ldexp(threshold * slope, t.fraction + fraction))
    ceiling = None if max_value is None else max(start, _code(max_value, t, math.ceil))
    return Relu(start, factor, fraction, offset, ceiling)


def _whole(value: float, fraction: int) -> bool:
    return math.ldexp(value, fraction).is_integer()


def _code(value: float, t: Fixed, rounding: object) -> int:
    scaled = math.ldexp(value, t.fraction)
    return math.floor(scaled) if rounding is math.floor else math.ceil(scaled)


def lower_relu(
    name: str,
    x: Edge,
    layer: tuple[float | None, float, float],
    config: LayerConfig,
    seen: Range | None,
) -> Lowering:
    """One conversion; ``layer`` is (max_value, negative_slope, threshold)."""
    max_value, slope, threshold = layer
    relu = relu_codes(x.type, max_value, slope, threshold)
    t = result_type(rectified_bounds(x, relu), config, seen)
    if max_value is not None:
        relu = replace(relu, ceiling_out=int(t.from_float(max_value)))
    return Chain(name, x).cast(t, relu).finish()


def lower_conversion(name: str, x: Edge, t: Fixed, config: LayerConfig) -> Lowering:
    """A conversion to a quantizer's type, and to the user's where there is one."""
    return _stored(Chain(name, x).cast(t), config).finish()


def lower_staircase(name: str, x: Edge, stairs: Staircase, config: LayerConfig) -> Lowering:
    """Comparisons with the least codes that reach each threshold."""
    levels = np.array(stairs.levels)
    t = exact_type(levels)
    steps = [_code(v, x.type, math.ceil) for v in stairs.thresholds]
    wide = any(abs(s) >= 1 << 62 for s in steps)
    thresholds: Codes = frozen_array(steps, object if wide else np.int64)
    unit = Threshold(x.size, x.type, t, thresholds, frozen_array(t.from_float(levels)))
    return _stored(Chain(name, x).then("steps", unit), config).finish()


def lower_bounded_relu(
    name: str,
    x: Edge,
    t: Fixed,
    slope: float,
    upper: float | None,
    config: LayerConfig,
) -> Lowering:
    """QKeras' rectifier with a slope or a bound: x is held to what the slope's side can give."""
    chain, limit = Chain(name, x), t.integer - t.signed
    if slope and int(x.bounds.lo.min()) < -(1 << max(limit + x.type.fraction, 0)):
        width = max(limit + 1 + x.type.fraction, 1)
        chain = chain.cast(Fixed(width, width - x.type.fraction, True, t.rounding, t.overflow))
    relu = relu_codes(chain.edge.type, upper, slope, 0.0)
    if upper is not None:
        relu = replace(relu, ceiling_out=int(t.from_float(upper)))
    return _stored(chain.cast(t, relu), config).finish()


def _stored(chain: Chain, config: LayerConfig) -> Chain:
    """A further conversion where the layer's own result type differs from its quantizer's.

    The model's default does not: the quantizer is closer to the layer.
    """
    wanted = config.precision.get("result", Auto())
    if isinstance(wanted, Auto):
        return chain
    return chain.cast(wanted)


def lower_function(
    name: str,
    x: Edge,
    function: Function,
    limits: Fixed,
    config: LayerConfig,
) -> Lowering:
    """A table. ``limits``: a type of the width 1 or 2 that covers the function's open range,
    which ``auto`` takes the integer bits and the sign from.
    """
    t, stored = _open_range(limits, config), config.wanted("table")
    stored = stored if isinstance(stored, Fixed) else t
    unit = function_table(x, stored, function, config.table_size or TABLE_SIZE)
    return Chain(name, x).then("table", unit).cast(t).finish(table=stored)


def _open_range(limits: Fixed, config: LayerConfig) -> Fixed:
    wanted = config.wanted("result")
    if isinstance(wanted, Fixed):
        return wanted
    t = replace(limits, width=config.width("result"))
    return t.with_modes(DEFAULT_ROUNDING, DEFAULT_OVERFLOW)


def lower_softmax(name: str, x: Edge, limits: Fixed, config: LayerConfig) -> Lowering:
    """Two tables and a product; see ``converter.units.softmax``."""
    exp_type, inverse_type = (_table_type(name, k, config) for k in ("exp_table", "inv_table"))
    accumulator(name, 0, x.size << exp_type.fraction, exp_type.fraction, config)
    unit = softmax_unit(
        x,
        _open_range(limits, config),
        exp_type,
        inverse_type,
        config.exp_table_size or config.table_size or EXP_TABLE_SIZE,
        config.inv_table_size or config.table_size or INVERSE_TABLE_SIZE,
    )
    if exp_type.fraction + inverse_type.fraction + unit.exponents > 60:
        raise ConfigError(
            f"{name}: softmax over {x.size} elements with exp_table={exp_type} and "
            f"inv_table={inverse_type} needs products of over 60 bits; give narrower tables"
        )
    tables = {"exp_table": exp_type, "inv_table": inverse_type}
    return Chain(name, x).then("softmax", unit).finish(**tables)


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
