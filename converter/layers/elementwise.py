"""Elementwise functions as stages: rectifiers, ramps, and smooth functions by tables."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from converter.config import (
    DEFAULT_OVERFLOW,
    DEFAULT_PRECISION,
    DEFAULT_ROUNDING,
    EXACT,
    LayerConfig,
)
from converter.errors import ConfigError
from converter.graph import Edge
from converter.layers.base import Lowering, Range
from converter.layers.curves import curve_unit
from converter.layers.functions import Smooth
from converter.layers.lowering import (
    SCALE_WIDTH,
    Chain,
    fit_range,
    fit_values,
    joined,
    rectified_bounds,
    result_type,
)
from converter.layers.tables import TABLE_SIZE, function_table, table_error, whole_table
from converter.types import Fixed
from converter.units.merge import Merge, MergeOp
from converter.units.requantize import Relu, Requantize

MAX_INTEGER = 256
"""Integer bits of a result that nobody asked for: more are an overflow in the making."""


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


def lower_smooth(
    name: str, x: Edge, function: Smooth, config: LayerConfig, seen: Range | None
) -> Lowering:
    """A smooth function: a table with an entry per code where one fits; a table of levels where
    that is off by no more than the result's step; else a curve.
    """
    t, stored = _smooth_type(name, x, function, config, seen), config.wanted("table")
    size = config.table_size or TABLE_SIZE
    if function.levels or whole_table(x.type, size):
        kept = stored if isinstance(stored, Fixed) else t
        table = function_table(x, kept, function, size)
        if table.exact or table_error(table, function) <= max(kept.lsb, t.lsb):
            return Chain(name, x).then("table", table).cast(t).finish(table=kept)
    if isinstance(stored, Fixed):
        curve = curve_unit(x, t, function, size, stored)
        return Chain(name, x).then("curve", curve).finish(table=stored)
    return Chain(name, x).then("curve", curve_unit(x, t, function, size)).finish()


def _smooth_type(
    name: str, x: Edge, function: Smooth, config: LayerConfig, seen: Range | None
) -> Fixed:
    """What the user gave, or the function's range: as a whole where it is open, else over what
    the input can be, or what was seen of the output.
    """
    if function.limits is not None:
        integer, signed = function.limits
        return open_range(Fixed(1, integer, signed), config)
    wanted = config.wanted("result")
    if isinstance(wanted, Fixed):
        return wanted
    lsb = x.type.lsb
    lo, hi = function.range_over(int(x.bounds.lo.min()) * lsb, int(x.bounds.hi.max()) * lsb)
    if seen is not None:
        lo, hi = min(max(lo, seen.lo), hi), max(min(hi, seen.hi), lo)
    if not hi < 2.0**MAX_INTEGER:
        raise ConfigError(
            f"{name}: the function reaches {hi:.3g} for inputs of {x.type}, which have no bound "
            "from data; give a type for its result, or data to convert with"
        )
    return real_range(lo, hi, inexact_width(config))


def real_range(lo: float, hi: float, width: int) -> Fixed:
    """The type of ``width`` bits for real values of lo..hi."""
    if lo == hi == 0:
        return Fixed(width, width, False, DEFAULT_ROUNDING, DEFAULT_OVERFLOW)
    return fit_range(Range(lo, hi), width)


def inexact_width(config: LayerConfig) -> int:
    """Bits of a result that no width holds exactly: where all bits were asked for, the model's."""
    if config.wanted("result") != EXACT:
        return config.width("result")
    return (config.maximum or config.default_precision).width or DEFAULT_PRECISION.width


def open_range(limits: Fixed, config: LayerConfig) -> Fixed:
    """The user's type, or one with the integer bits and the sign of ``limits``."""
    wanted = config.wanted("result")
    if isinstance(wanted, Fixed):
        return wanted
    t = replace(limits, width=inexact_width(config))
    return t.with_modes(DEFAULT_ROUNDING, DEFAULT_OVERFLOW)


def ramp_chain(chain: Chain, slope: float, offset: float) -> Chain:
    """A line, slope x + offset, with the slope in ``SCALE_WIDTH`` bits and nothing else rounded."""
    if (slope, offset) == (1.0, 0.0):
        return chain
    t = chain.edge.type
    kind = fit_values(np.array([slope]), SCALE_WIDTH)
    extra = max(kind.fraction, 0)
    while extra < kind.fraction + SCALE_WIDTH and not _whole(offset, t.fraction + extra):
        extra += 1
    factor = int(kind.from_float(slope)) << extra - kind.fraction
    # all of the input is below the threshold: a rectifier's line alone
    line = Relu(t.code_max + 1, factor, extra, -round(math.ldexp(offset, t.fraction + extra)))
    exact = rectified_bounds(chain.edge, line).type
    return chain.then("line", Requantize(chain.edge.size, t, exact, line))


def clip_codes(t: Fixed, lo: float, hi: float) -> Relu:
    """min(max(x, lo), hi) in codes of ``t``, but for what the ceiling gives."""
    floor, extra = _code(lo, t, math.ceil), 0
    while extra < SCALE_WIDTH and not _whole(lo, t.fraction + extra):
        extra += 1
    offset = -round(math.ldexp(lo, t.fraction + extra))
    return Relu(floor, 0, extra, offset, max(floor, _code(hi, t, math.ceil)))


def lower_ramp(
    name: str,
    x: Edge,
    line: tuple[float, float],
    ends: tuple[float, float],
    config: LayerConfig,
    seen: Range | None,
) -> Lowering:
    """A line, (slope, offset), held between ``ends``."""
    chain = ramp_chain(Chain(name, x), *line)
    clip = clip_codes(chain.edge.type, *ends)
    t = result_type(rectified_bounds(chain.edge, clip), config, seen)
    return chain.cast(t, replace(clip, ceiling_out=int(t.from_float(ends[1])))).finish()


def lower_hard_swish(
    name: str, x: Edge, function: Smooth, config: LayerConfig, seen: Range | None
) -> Lowering:
    """The input times its hard sigmoid, x / 6 + 1/2 held between 0 and 1: an exact product.

    ``function``: the whole, for its range.
    """
    chain = ramp_chain(Chain(name, x), 1 / 6, 0.5)
    clip = clip_codes(chain.edge.type, 0.0, 1.0)
    gate = rectified_bounds(chain.edge, clip).type
    clip = replace(clip, ceiling_out=1 << gate.fraction)
    chain = chain.then("gate", Requantize(x.size, chain.edge.type, gate, clip))
    product = Merge(MergeOp.MUL, x.type, gate, x.size)
    chain = joined(Chain(name, x), chain, "product", product, x.shape)
    if config.wanted("result") == EXACT:
        return chain.finish()
    return chain.cast(_smooth_type(name, x, function, config, seen)).finish()
