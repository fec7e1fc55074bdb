"""Quantizers of activations as stages: conversions, comparisons, tables, factors."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from converter.config import LayerConfig
from converter.graph import Edge, frozen_array
from converter.layers.base import Lowering, Real
from converter.layers.elementwise import ramp_chain, relu_codes
from converter.layers.lowering import (
    SCALE_WIDTH,
    Chain,
    at_each_position,
    exact_type,
    fit_values,
    position_of,
)
from converter.layers.product import affine
from converter.layers.quantizers import Bounded, Coded, Factors, Form, Scaled, Sloped, Staircase
from converter.layers.tables import TABLE_SIZE
from converter.types import Codes, Fixed
from converter.units.table import Table
from converter.units.threshold import Threshold

FEW_STEPS = 16
"""Comparisons that are cheaper than any table."""


def lower_form(name: str, x: Edge, form: Form, config: LayerConfig) -> Lowering:
    """A quantizer's stages, exactly, and a conversion to the user's type where there is one.

    The model's default type does not count: the quantizer is closer to the layer.
    """
    return _computed(Chain(name, x), form, config).with_own_type(config).finish()


def _computed(chain: Chain, form: Form, config: LayerConfig) -> Chain:
    if isinstance(form, Fixed):
        return chain.cast(form)
    if isinstance(form, Staircase):
        return _steps(chain, form, config)
    if isinstance(form, Scaled):
        return _scaled(chain, form, config)
    if isinstance(form, Sloped):
        return _sloped(chain, form)
    return _bounded(chain, form) if isinstance(form, Bounded) else _coded(chain, form)


def _scaled(chain: Chain, form: Scaled, config: LayerConfig) -> Chain:
    if form.before is not None:
        chain = _times(chain, "before", form.before, config)
    chain = chain.cast(form.grid)
    if isinstance(form.factor, Factors):
        return _times(chain, "scale", form.factor, config)
    return ramp_chain(chain, form.factor, form.offset)


def _times(chain: Chain, suffix: str, factors: Factors, config: LayerConfig) -> Chain:
    """Factors per index of the last axis, or per element; exact where ``SCALE_WIDTH`` bits hold
    them.
    """
    edge = chain.edge
    each = np.broadcast_to(factors.array, edge.shape).reshape(-1, edge.lanes)
    if not (each == each[0]).all():
        flat = replace(edge, shape=(edge.size,))
        return chain.then(suffix, affine(chain.layer, flat, each.ravel(), None, config))
    unit = affine(chain.layer, position_of(edge), each[0], None, config)
    return chain.then(suffix, at_each_position(edge, unit))


def _bounded(chain: Chain, form: Bounded) -> Chain:
    """The grid, and then the lesser of that and a value between two of its steps."""
    chain = chain.cast(form.grid)
    t = exact_type(np.array([0.0, chain.edge.type.lsb, form.top]))
    relu = relu_codes(chain.edge.type, form.top, 0.0, 0.0)
    return chain.cast(t, replace(relu, ceiling_out=int(t.from_float(form.top))))


def _sloped(chain: Chain, form: Sloped) -> Chain:
    """One conversion with a rectifier; x is held to what the slope's side can give."""
    t, slope = form.grid, form.slope
    x, limit = chain.edge.type, t.integer - t.signed
    fraction = max(x.fraction, t.fraction)
    lowest = int(chain.edge.bounds.lo.min()) << fraction - x.fraction
    if slope and lowest < -(1 << limit + fraction):
        width = limit + 1 + fraction
        chain = chain.cast(Fixed(width, width - fraction, True, t.rounding, t.overflow))
    relu = relu_codes(chain.edge.type, form.top, slope, 0.0)
    if form.top is not None:
        relu = replace(relu, ceiling_out=int(t.from_float(form.top)))
    return chain.cast(t, relu)


def _coded(chain: Chain, form: Coded) -> Chain:
    chain = chain.cast(form.grid)
    levels = np.array(form.levels)
    t = level_type(levels)
    entries = frozen_array(t.from_float(levels))
    unit = Table(chain.edge.size, chain.edge.type, t, entries, 0, -form.grid.ends[0])
    return chain.then("table", unit)


def _steps(chain: Chain, stairs: Staircase, config: LayerConfig) -> Chain:
    """Comparisons with the least codes that reach each threshold; a table with an entry for
    each code between the first and the last of them where that is small.
    """
    x = chain.edge
    steps, levels = _reached(x, stairs)
    t = level_type(levels)
    values = frozen_array(t.from_float(levels))
    first, last = int(steps[0]) - 1, int(steps[-1])
    if len(steps) > FEW_STEPS and last - first < (config.table_size or TABLE_SIZE):
        codes = np.arange(last - first + 1) + first
        entries = frozen_array(values[np.searchsorted(steps, codes, side="right")])
        return chain.then("table", Table(x.size, x.type, t, entries, 0, -first))
    return chain.then("steps", Threshold(x.size, x.type, t, steps, values))


def _reached(x: Edge, stairs: Staircase) -> tuple[Codes, Real]:
    """Thresholds in codes that tell values of ``x`` apart, at least one, and the levels left."""
    lo, hi = int(x.bounds.lo.min()), int(x.bounds.hi.max())
    codes = [_least_code(v, x.type.fraction) for v in stairs.thresholds]
    later = [*codes[1:], hi + 1]
    kept = [i for i, c in enumerate(codes) if lo < c <= hi and c < later[i]]
    always = stairs.levels[sum(c <= lo for c in codes)]
    levels = [always, *(stairs.levels[i + 1] for i in kept)]
    steps = [codes[i] for i in kept]
    if not kept:
        steps, levels = [lo], [always, always]
    wide = any(abs(s) >= 1 << 62 for s in steps)
    return frozen_array(steps, object if wide else np.int64), np.array(levels)


def _least_code(value: float, fraction: int) -> int:
    """The least code of at least ``value``, which may be the double next to 0."""
    scaled = math.ldexp(value, fraction)
    return 1 if value > 0 == scaled else math.ceil(scaled)


def level_type(levels: Real) -> Fixed:
    """The type of a quantizer's values: exact where ``SCALE_WIDTH`` bits hold each of them
    alone, wherever its point lies; else rounded to that many bits.
    """
    mantissas = np.ldexp(np.frexp(levels)[0], SCALE_WIDTH - 1)
    if (mantissas == np.rint(mantissas)).all():
        return exact_type(levels)
    return fit_values(levels, SCALE_WIDTH)
