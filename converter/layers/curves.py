"""Curves for smooth functions: pieces where the function bends, lines where it no longer does.

The pieces are equally wide, a power of two of input codes, so that a piece is found by a shift.
Of a function with the second derivative bounded by M, a straight piece of width h, placed in
the middle of what it misses, is off by at most M h**2 / 16. A window is chosen such that the
larger of this and of what the lines outside miss is least.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from converter.carriers import integer_dtype
from converter.config import DEFAULT_OVERFLOW, DEFAULT_ROUNDING
from converter.graph import Edge, frozen_array
from converter.layers.base import Real
from converter.layers.functions import Smooth
from converter.layers.lowering import SCALE_WIDTH, fit_values
from converter.types import Codes, Fixed
from converter.units.curve import Curve, Line

GRID = 2048
"""Points on either side of 0 where the function is compared with its lines."""

SAMPLES = 16
"""Parts of a piece between which its distance from the function is measured."""

SHARE = 8
"""How much finer than the error of a piece its constants are."""

Samples = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Window:
    """Codes lo..hi are in pieces of 2**shift; ``error`` is what this costs, in real values."""

    lo: int
    hi: int
    shift: int
    error: float

    @property
    def first(self) -> int:
        """Number of the first piece."""
        return self.lo >> self.shift

    @property
    def count(self) -> int:
        """Number of pieces."""
        return (self.hi >> self.shift) - self.first + 1


def curve_unit(
    edge: Edge, output: Fixed, function: Smooth, size: int, stored: Fixed | None = None
) -> Curve:
    """``function`` of the codes of ``edge``, by at most ``size`` pieces.

    ``stored``: the type of the pieces' values; None: as fine as it pays.
    """
    t = edge.type
    window = _best_window(edge, output, function, size)
    fine = max(window.error, output.lsb / 2) / SHARE
    values_at = _fraction(fine) if stored is None else stored.fraction
    offsets = _offsets(window.shift, SAMPLES)
    starts = (np.arange(window.count) + window.first).astype(object) * (1 << window.shift)
    x = np.ldexp(np.add.outer(starts, offsets).astype(np.float64), -t.fraction)
    y = _reached(function(x), output)
    drop = _drop(x, y, fine, window.shift, t)
    lift = window.shift - drop
    slopes, values = _pieces(y, offsets, (window.shift, drop), values_at + lift)
    levels = values if stored is None else stored.to_float(stored.from_float(values))
    return Curve(
        size=edge.size,
        input_type=t,
        output_type=output,
        values=_codes(levels, values_at),
        slopes=frozen_array(slopes, np.int64),
        first=window.first,
        shift=window.shift,
        drop=drop,
        lift=lift,
        fraction=values_at + lift,
        below=_line(t, *function.below, values_at),
        above=_line(t, *(function.above or (0.0, output.max)), values_at),
    )


def _best_window(edge: Edge, output: Fixed, function: Smooth, size: int) -> Window:
    """The window of the least error; the narrower one where two are equal."""
    ends = int(edge.bounds.lo.min()), int(edge.bounds.hi.max())
    x = _grid(edge.type, *ends)
    y = np.minimum(function(x), output.max) if function.above is None else function(x)
    slope, offset = function.above or (0.0, output.max)
    distances = tuple(np.abs(y - (a * x + b)) for a, b in ((slope, offset), function.below))
    found: list[Window] = []
    for k in range(64):
        missed = math.ldexp(output.lsb / 2, k)
        lo, hi = _codes_between(edge.type, ends, _bend(x, distances, missed))
        window = _pieced(lo, hi, missed, (edge.type, output.lsb, function), size)
        found.append(window)
        if window.error <= missed:
            break
    return min(found, key=lambda window: window.error)


def _pieced(
    lo: int, hi: int, missed: float, about: tuple[Fixed, float, Smooth], size: int
) -> Window:
    """The codes lo..hi in at most ``size`` pieces, and no more than the output's step asks for."""
    t, step, function = about
    bend = function.curvature(math.ldexp(lo, -t.fraction), math.ldexp(hi, -t.fraction))

    def error(shift: int) -> float:
        return bend * math.ldexp(1.0, 2 * (shift - t.fraction)) / 16 if shift else 0.0

    shift = 0
    while shift < t.width - 1 and error(shift + 1) <= step / SHARE:
        shift += 1
    while (hi >> shift) - (lo >> shift) >= size:
        shift += 1
    return Window(lo, hi, shift, max(missed, error(shift)))


def _grid(t: Fixed, lo: int, hi: int) -> Real:
    """Codes from lo to hi, dense at 0 and ever sparser away from it, as real values."""
    far = math.ldexp(max(-lo, hi, 1), -t.fraction)
    near = max(far * 2.0**-40, t.lsb)
    steps = np.geomspace(near, max(far, 2 * near), GRID)
    x = np.concatenate([-steps[::-1], [0.0], steps])
    ends = math.ldexp(lo, -t.fraction), math.ldexp(hi, -t.fraction)
    return np.unique(np.clip(x, *ends))


def _bend(x: Real, distances: tuple[Real, ...], missed: float) -> tuple[float, float]:
    """Between which points of the grid the function is further from its lines than ``missed``."""
    above, below = (np.flatnonzero(d > missed) for d in distances)
    last = int(above.max(initial=-1)) + 1
    first = int(below.min(initial=len(x))) - 1
    return float(x[max(first, 0)]), float(x[min(last, len(x) - 1)])


def _codes_between(t: Fixed, ends: tuple[int, int], bend: tuple[float, float]) -> tuple[int, int]:
    lo = max(ends[0], math.floor(math.ldexp(bend[0], t.fraction)))
    hi = min(ends[1], math.ceil(math.ldexp(bend[1], t.fraction)))
    return lo, max(lo, hi)  # a function that is bent nowhere has one piece


def _fraction(step: float) -> int:
    """Fraction bits whose rounding is off by at most ``step``."""
    return -math.frexp(step)[1]


def _offsets(shift: int, parts: int) -> Codes:
    """Distances from a piece's first code at which it is looked at; the first and last code are
    among them, and all where there are no more than ``parts``.
    """
    last = (1 << shift) - 1
    n = min(last, parts)
    return np.array([last * k // max(n, 1) for k in range(n + 1)], dtype=object)


def _reached(y: Samples, output: Fixed) -> Samples:
    """Pieces that are all beyond what the output can hold become its end; one across the end
    goes straight on, and the conversion cuts it there.
    """
    above, below = y.min(axis=1) >= output.max, y.max(axis=1) <= output.min
    ends = np.where(above, output.max, output.min)[:, np.newaxis]
    return np.where((above | below)[:, np.newaxis], ends, y)


def _drop(x: Samples, y: Samples, fine: float, shift: int, t: Fixed) -> int:
    """Low bits of the input that a piece need not see."""
    if not shift:
        return shift
    steepest = float(np.abs(np.diff(y, axis=1) / np.diff(x, axis=1)).max())
    if not steepest:
        return shift
    return min(max(math.frexp(fine / steepest)[1] - 1 + t.fraction, 0), shift)


def _pieces(y: Samples, offsets: Codes, bits: tuple[int, int], fraction: int) -> tuple[Codes, Real]:
    """Slopes as codes per distance, at ``fraction``, and the values at distance 0, real.

    ``bits``: shift and drop. A value is in the middle between the largest distances of the
    function from the piece, above and below.
    """
    shift, drop = bits
    distance = (offsets >> drop).astype(np.float64)
    rise = (y[:, -1] - y[:, 0]) / math.ldexp(max(int(offsets[-1]), 1), -drop)
    slopes = np.zeros(len(y)) if shift == drop else np.rint(np.ldexp(rise, fraction))
    missed = y - np.ldexp(slopes[:, np.newaxis], -fraction) * distance
    return slopes, (missed.max(axis=1) + missed.min(axis=1)) / 2


def _codes(values: Real, fraction: int) -> Codes:
    """Values rounded to ``fraction`` fraction bits."""
    width = 2 + max(int(math.ldexp(abs(v), fraction)).bit_length() for v in values)
    kind = Fixed(width, width - fraction, True, DEFAULT_ROUNDING, DEFAULT_OVERFLOW)
    return frozen_array(kind.from_float(values))


def _line(t: Fixed, slope: float, offset: float, fraction: int) -> Line:
    """A line whose slope has ``SCALE_WIDTH`` bits, and whose offset has ``fraction`` at least."""
    kind = fit_values(np.array([slope]), SCALE_WIDTH)
    extra = max(kind.fraction, fraction - t.fraction if offset else 0, 0)
    factor = int(kind.from_float(slope)) << extra - kind.fraction
    return Line(factor, extra, round(math.ldexp(offset, t.fraction + extra)))


def curve_error(unit: Curve, function: Smooth, ends: tuple[int, int] | None = None) -> float:
    """A bound of |unit - function| over the input codes from ``ends[0]`` to ``ends[1]``; None:
    all of the input's type.

    Exact, up to double rounding, where these are at most 2**16. Else each piece is measured at
    points of the distance d, between which the function departs from its chord by at most
    M d**2 / 8; dropped bits and the conversion to the output's type are added. The lines
    are measured at points from the pieces to the ends: what they miss only falls outwards, or
    grows up to the end by the rounding of a slope.
    """
    t = unit.input_type
    lo, hi = ends or (t.code_min, t.code_max)
    if hi - lo < 1 << 16:
        return _measured(unit, function, np.arange(hi - lo + 1).astype(object) + lo)
    start, end = ((unit.first + k) << unit.shift for k in (0, unit.pieces))
    lines = np.concatenate([_outside(t, lo, min(hi, start - 1)), _outside(t, max(lo, end), hi)])
    starts = (np.arange(unit.pieces) + unit.first).astype(object) * (1 << unit.shift)
    offsets = _offsets(unit.shift, 4 * SAMPLES)
    codes = np.clip(np.add.outer(starts, offsets).ravel(), lo, hi)
    inside = _measured(unit, function, codes) + _between(unit, function, len(offsets))
    return max(_measured(unit, function, lines) + unit.output_type.lsb, inside)


def _between(unit: Curve, function: Smooth, samples: int) -> float:
    """What the error may exceed its largest at ``samples`` points of each piece by."""
    if samples >= 1 << unit.shift:
        return 0.0
    t = unit.input_type
    gap = math.ldexp(-(-(1 << unit.shift) // (samples - 1)), -t.fraction)
    ends = (math.ldexp((unit.first + k) << unit.shift, -t.fraction) for k in (0, unit.pieces))
    steepest = int(np.abs(unit.slopes).max())
    dropped = math.ldexp(steepest, -unit.fraction) if unit.drop else 0.0
    return function.curvature(*ends) * gap * gap / 8 + dropped + unit.output_type.lsb


def _outside(t: Fixed, lo: int, hi: int) -> Codes:
    """Codes from lo to hi, both ends among them, 64 in each octave of the distance from 0."""
    if lo > hi:
        return np.array([], dtype=object)
    sizes = (round(2 ** (k / 64)) for k in range(64 * t.width))
    near = {c for s in sizes for c in (s, -s) if lo <= c <= hi}
    return np.array(sorted({lo, hi, *near}), dtype=object)


def _measured(unit: Curve, function: Smooth, codes: Codes) -> float:
    """Largest |unit - function| over codes."""
    if not len(codes):
        return 0.0
    t = unit.input_type
    kept = codes.astype(integer_dtype(t.width))
    got = unit.output_type.to_float(unit.emulate(kept[:, np.newaxis])[:, 0])
    return float(np.abs(got - function(t.to_float(kept))).max())
