"""What the layers' ``lower`` methods share: chains of stages, and the choice of types.

The rules of ``auto``, all from interval arithmetic with the constants known:

- a type's integer bits hold every value that can occur (or that was seen on data, where
  data were given, saturating beyond); what is left of the width is fraction;
- where the width holds the exact result, the type is exact, and no wider than needed;
- accumulators are exact, always: they hold every partial sum in every order.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from converter.carriers import narrowed
from converter.config import (
    DEFAULT_OVERFLOW,
    DEFAULT_PRECISION,
    DEFAULT_ROUNDING,
    EXACT,
    Auto,
    LayerConfig,
)
from converter.errors import ConfigError
from converter.graph import Bounds, Edge, Shape, Stage, frozen_array
from converter.layers.base import Lowering, Range, Real
from converter.types import MAX_WIDTH, Codes, Fixed, Overflow, bits_for
from converter.units.base import Unit
from converter.units.requantize import Relu, Requantize
from converter.units.sliding import Sliding
from converter.units.window import Window

SCALE_WIDTH = 18
"""Bits of a real factor that nobody gave a type: as one operand of a hardware multiplier."""


@dataclass(frozen=True, eq=False)
class Chain:
    """The stages of one layer, each of which reads the one before; ``edge`` is the last."""

    layer: str
    edge: Edge
    stages: tuple[Stage, ...] = ()
    edges: tuple[Edge, ...] = ()

    def then(self, suffix: str, unit: Unit, shape: Shape | None = None) -> Chain:
        """One more stage, named ``<layer>_<suffix>``; ``shape`` where it is another."""
        name = f"{self.layer}_{suffix}"
        bounds = unit.bounds((self.edge.bounds,))
        edge = Edge(name, shape or self.edge.shape, unit.output_type, bounds)
        stage = Stage(name, self.layer, unit, (self.edge.name,))
        return Chain(self.layer, edge, (*self.stages, stage), (*self.edges, edge))

    def cast(self, t: Fixed, relu: Relu | None = None) -> Chain:
        """A conversion to ``t``, left out where it would change nothing."""
        if relu is None and fits_unchanged(self.edge, t):
            return self
        unit = Requantize(self.edge.size, self.edge.type, t, relu)
        return self.then("relu" if relu else "cast", unit)

    def with_own_type(self, config: LayerConfig) -> Chain:
        """A conversion to the type that the layer was given itself, if any; the model's default
        does not count.
        """
        wanted = config.precision.get("result", Auto())
        return self.cast(wanted) if isinstance(wanted, Fixed) else self

    def finish(self, **types: Fixed) -> Lowering:
        """The layer's lowering: the last stage takes the layer's own name.

        ``types``: those of the constants, by the keys of the configuration.
        """
        if not self.stages:
            return Lowering((), {})
        stages = (*self.stages[:-1], replace(self.stages[-1], name=self.layer))
        edges = (*self.edges[:-1], replace(self.edges[-1], name=self.layer))
        types = {**types, "result": self.edge.type}
        return Lowering(stages, {edge.name: edge for edge in edges}, types)


def joined(left: Chain, right: Chain, suffix: str, unit: Unit, shape: Shape) -> Chain:
    """The stages of two chains, and then one that reads both."""
    name = f"{left.layer}_{suffix}"
    bounds = unit.bounds((left.edge.bounds, right.edge.bounds))
    edge = Edge(name, shape, unit.output_type, bounds)
    stage = Stage(name, left.layer, unit, (left.edge.name, right.edge.name))
    stages = (*left.stages, *right.stages, stage)
    return Chain(left.layer, edge, stages, (*left.edges, *right.edges, edge))


def position_of(x: Edge) -> Edge:
    """One position of a tensor: its last axis alone, with the bounds that hold at all of them."""
    lo, hi = (side.reshape(x.beats, x.lanes) for side in (x.bounds.lo, x.bounds.hi))
    return replace(x, shape=(x.lanes,), bounds=Bounds(lo.min(axis=0), hi.max(axis=0)))


def at_each_position(x: Edge, body: Unit) -> Unit:
    """A unit for the last axis at every position of a tensor; itself where there is but one."""
    return body if x.beats == 1 else Sliding(Window.of_positions(x.beats, x.lanes), body)


def fits_unchanged(edge: Edge, t: Fixed) -> bool:
    """Whether ``t`` has the edge's grid and range, so that a conversion changes nothing."""
    same = (t.width, t.integer, t.signed) == (edge.type.width, edge.type.integer, edge.type.signed)
    return same and int(edge.bounds.lo.min()) >= t.code_min


def fit(lo: int, hi: int, fraction: int, width: int, seen: Range | None = None) -> Fixed:
    """The type of at most ``width`` bits for codes of [lo, hi] at ``fraction``.

    ``seen`` narrows the range; values beyond it saturate.
    """
    if seen is not None:
        low, high = _scaled(seen.lo, fraction, math.floor), _scaled(seen.hi, fraction, math.ceil)
        lo, hi = min(max(lo, low), hi), max(min(hi, high), lo)
    exact, signed = bits_for(lo, hi)
    kept = min(exact, width)
    return Fixed(kept, exact - fraction, signed, DEFAULT_ROUNDING, DEFAULT_OVERFLOW)


def fit_range(seen: Range, width: int) -> Fixed:
    """The type of ``width`` bits for real values of a range; of fewer where the values seen
    all are on a coarser grid.
    """
    signed = seen.lo < 0
    integer = max(_bits_above(seen.hi), _bits_below(-seen.lo) if signed else -MAX_WIDTH) + signed
    integer = min(max(integer, -MAX_WIDTH), MAX_WIDTH)
    if seen.fraction is not None:
        width = min(width, max(1, integer + seen.fraction))
    return Fixed(width, integer, signed, DEFAULT_ROUNDING, DEFAULT_OVERFLOW)


def fit_values(values: Real, width: int) -> Fixed:
    """The signed type of at most ``width`` bits for known real values: exact where they allow."""
    if _exact_width(values)[0] <= width:
        return exact_type(values)
    t = fit_range(Range(min(float(values.min()), -0.0), float(values.max())), width)
    return t if t.signed else replace(t, integer=t.integer + 1, signed=True)


def exact_type(values: Real) -> Fixed:
    """The least signed type that holds real values without loss."""
    width, fraction = _exact_width(values)
    if width > MAX_WIDTH:
        raise ConfigError(f"constants need {width} bits; at most {MAX_WIDTH} are supported")
    return Fixed(width, width - fraction, True, DEFAULT_ROUNDING, DEFAULT_OVERFLOW)


def _exact_width(values: Real) -> tuple[int, int]:
    """Width, the sign among it, and fraction that hold all values."""
    fraction = least_fraction(values)
    lo, hi = (_scaled(float(v), fraction, math.floor) for v in (values.min(), values.max()))
    width, signed = bits_for(lo, hi)
    return width + (not signed), fraction


def least_fraction(values: Real) -> int:
    """Fraction bits that hold all values; 0 for zeros alone."""
    nonzero = np.asarray(values, dtype=np.float64)[np.asarray(values) != 0]
    if nonzero.size == 0:
        return 0
    mantissa, exponent = np.frexp(nonzero)
    whole = np.ldexp(mantissa, 53).astype(np.int64)
    lowest = np.frexp((whole & -whole).astype(np.float64))[1] - 1
    return int((53 - exponent - lowest).max())


def _scaled(value: float, fraction: int, rounding: object) -> int:
    """A real value in steps of 2**-fraction, to a whole number."""
    mantissa, exponent = math.frexp(value)
    whole, shift = int(math.ldexp(mantissa, 53)), exponent - 53 + fraction
    if shift >= 0:
        return whole << shift
    return whole >> -shift if rounding is math.floor else -(-whole >> -shift)


def _bits_above(value: float) -> int:
    """Least k with value < 2**k; -MAX_WIDTH for none."""
    return math.frexp(value)[1] if value > 0 else -MAX_WIDTH


def _bits_below(value: float) -> int:
    """Least k with value <= 2**k; -MAX_WIDTH for none."""
    mantissa, exponent = math.frexp(value)
    return exponent - (mantissa == 0.5) if value > 0 else -MAX_WIDTH


def result_type(edge: Edge, config: LayerConfig, seen: Range | None, exact: bool = False) -> Fixed:
    """The type of a layer's result: what the user gave, else by ``auto`` from what ``edge``,
    the exact result, can hold. ``exact``: ``auto`` without a width keeps every bit.
    """
    wanted = config.wanted("result")
    if isinstance(wanted, Fixed):
        return wanted
    if wanted == EXACT or (exact and wanted == Auto()):
        return edge.type
    lo, hi = int(edge.bounds.lo.min()), int(edge.bounds.hi.max())
    return fit(lo, hi, edge.type.fraction, config.width("result"), seen)


def constant_type(values: Real, config: LayerConfig, key: str, width: int | None = None) -> Fixed:
    """The type of real constants: what the user gave for ``key``, else by ``auto``.

    ``width`` is that of an ``auto`` without one, the model's where it is not given.
    """
    wanted = config.wanted(key)
    if isinstance(wanted, Fixed):
        return wanted
    return fit_values(values, wanted.width or width or config.width(key))


def held_exactly(name: str, key: str, values: Real, config: LayerConfig) -> Fixed:
    """The type of constants that a quantizer gave, which must hold them without loss.

    Raises ConfigError where the layer's own configuration names another.
    """
    exact, wanted = exact_type(values), config.precision.get(key, Auto())
    if isinstance(wanted, Auto):
        if wanted.width is None or wanted.width >= exact.width:
            return exact
    elif np.array_equal(wanted.to_float(wanted.from_float(values)), values):
        return wanted
    raise ConfigError(
        f"{name}: {key}={wanted} does not hold the values that the model's quantizer gives; "
        f"they need {exact}: leave it auto"
    )


def accumulator(name: str, lo: int, hi: int, fraction: int, config: LayerConfig) -> Fixed:
    """The accumulator for partial sums of [lo, hi] at ``fraction``, signed, without loss.

    Raises ConfigError where the user asks for one that would overflow or drop bits.
    """
    width, signed = bits_for(lo, hi)
    width += not signed
    if width > MAX_WIDTH:
        raise ConfigError(f"{name}: the sums need {width} bits; at most {MAX_WIDTH} are supported")
    exact = Fixed(width, width - fraction)
    wanted = config.precision.get("accum", Auto())
    if isinstance(wanted, Auto):
        if wanted.width is None or wanted.width >= width:
            return exact
    elif _covers(wanted, exact):
        return Fixed(wanted.width, wanted.integer)
    raise ConfigError(
        f"{name}: accum={wanted} would overflow or lose bits; the exact accumulator is "
        f"{exact}: give that or more, or leave it auto"
    )


def _covers(t: Fixed, exact: Fixed) -> bool:
    return t.signed and t.integer >= exact.integer and t.fraction >= exact.fraction


def partial_sums(below: Codes, above: Codes, shift: int, offset: Codes) -> tuple[int, int]:
    """Least and largest of all partial sums, in any order, over all outputs.

    ``below`` and ``above``: sums of the terms that can be negative, and of those that can be
    positive, [size], ``shift`` bits coarser than ``offset``, which is added, [size].
    """
    added, scale = offset.astype(object), 1 << shift
    lo = below.astype(object) * scale + np.minimum(added, 0)
    hi = above.astype(object) * scale + np.maximum(added, 0)
    return int(lo.min()), int(hi.max())


def align(codes: Codes, fraction: int, to: int) -> Codes:
    """Codes at the finer fraction ``to``; int64 where they fit, read-only."""
    return frozen_array(narrowed(codes.astype(object) * (1 << to - fraction)))


def rectified_bounds(edge: Edge, relu: Relu) -> Edge:
    """The edge that a rectifier would give without any rounding."""
    extra = relu.slope_fraction
    added = max(abs(relu.offset), abs(relu.ceiling or 0) << extra).bit_length()
    width = max(edge.type.width + max(abs(relu.slope).bit_length(), extra + 1), added) + 2
    wide = Fixed(width, width - edge.type.fraction - extra, True, DEFAULT_ROUNDING, Overflow.SAT)
    if relu.ceiling is not None:
        relu = replace(relu, ceiling_out=relu.ceiling << extra)
    bounds: Bounds = Requantize(edge.size, edge.type, wide, relu).bounds((edge.bounds,))
    tight = fit(int(bounds.lo.min()), int(bounds.hi.max()), wide.fraction, MAX_WIDTH)
    return replace(edge, type=tight, bounds=bounds)


def lower_identity(name: str, x: Edge, config: LayerConfig) -> Lowering:
    """A conversion where the layer was given a type of its own, else nothing."""
    return Chain(name, x).with_own_type(config).finish()


def lower_input(name: str, shape: Shape, config: LayerConfig, seen: Range | None) -> Lowering:
    """An input's edge. Without data other than 0, ``auto`` has the default's integer bits."""
    t = config.wanted("result")
    if isinstance(t, Auto):
        t = replace(DEFAULT_PRECISION, width=config.width("result"))
        if seen is not None and (seen.lo, seen.hi) != (0, 0):
            t = fit_range(seen, t.width)
    edge = Edge(name, shape, t, Bounds.of_type(t, math.prod(shape)))
    return Lowering((), {name: edge}, {"result": t})
