"""Look-up tables for smooth functions and softmax, sized so that they fit what comes in.

hls4ml's tables have fixed ranges and read the lower edge of a bin; here the range ends
where the function no longer moves the output by half a step, an entry is the value in the
middle of the inputs that it stands for, and narrow inputs get an entry each.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from converter.config import DEFAULT_OVERFLOW, DEFAULT_ROUNDING
from converter.graph import Bounds, Edge, frozen_array
from converter.layers.base import Real
from converter.types import Fixed
from converter.units.softmax import Softmax
from converter.units.table import Table

Function = Callable[[Real], Real]

TABLE_SIZE = 1024
EXP_TABLE_SIZE = 2048
INVERSE_TABLE_SIZE = 1024
TABLE_TYPE = Fixed(18, 1, False, DEFAULT_ROUNDING, DEFAULT_OVERFLOW)
"""Of exp in [0, 1]: as wide as a block RAM's word."""


def function_table(
    edge: Edge,
    output: Fixed,
    function: Function,
    size: int = TABLE_SIZE,
) -> Table:
    """The table of a function for the codes of ``edge``, of at most ``size`` entries; of a rising
    function where that is less than one for every code.
    """
    t = edge.type
    if whole_table(t, size):
        lo, hi, shift = t.code_min, t.code_max, 0
    else:
        lo, hi = _moving(edge, output, function)
        shift = 0
        while (hi >> shift) - (lo >> shift) >= size:
            shift += 1
    first, count = lo >> shift, (hi >> shift) - (lo >> shift) + 1
    codes = (np.arange(count, dtype=np.float64) + first) * 2.0**shift + (2.0**shift - 1) / 2
    values = function(np.ldexp(codes, -t.fraction))
    entries = frozen_array(output.from_float(values))
    return Table(edge.size, t, output, entries, shift, -first)


def whole_table(t: Fixed, size: int) -> bool:
    """Whether a table of ``size`` entries has one for every code."""
    return t.width <= 62 and t.code_max - t.code_min < size


def _moving(edge: Edge, output: Fixed, function: Function) -> tuple[int, int]:
    """Codes between which the function still moves by more than half an output step."""
    lo, hi = int(edge.bounds.lo.min()), int(edge.bounds.hi.max())
    half = output.lsb / 2
    low_end, high_end = (_value(function, c, edge.type) for c in (lo, hi))
    first = _bisect(lo, hi, lambda c: _value(function, c, edge.type) - low_end > half)
    last = _bisect(lo, hi, lambda c: high_end - _value(function, c, edge.type) <= half)
    return max(lo, min(first - 1, last)), min(hi, max(last, first))


def _value(function: Function, code: int, t: Fixed) -> float:
    return float(function(np.array([math.ldexp(code, -t.fraction)]))[0])


def _bisect(lo: int, hi: int, holds: Callable[[int], bool]) -> int:
    """Least code of [lo, hi] from which on ``holds``; ``hi`` where none does."""
    while lo < hi:
        middle = (lo + hi) // 2
        lo, hi = (lo, middle) if holds(middle) else (middle + 1, hi)
    return lo


def table_error(unit: Table, function: Function) -> float:
    """Largest |table - function| over all codes of the input type, for a rising function.

    Exact up to the function's own double rounding: within an entry's codes a rising
    function is furthest from the entry at the first or the last of them.
    """
    t, n = unit.input_type, len(unit.entries)
    first = [max((i - unit.offset) << unit.shift, t.code_min) for i in range(n)]
    last = [min(((i - unit.offset + 1) << unit.shift) - 1, t.code_max) for i in range(n)]
    first[0], last[-1] = t.code_min, t.code_max
    reached = np.array([a <= b for a, b in zip(first, last, strict=True)])
    values = unit.output_type.to_float(unit.entries)
    errors = [
        np.abs(values - function(np.array([math.ldexp(c, -t.fraction) for c in ends])))
        for ends in (first, last)
    ]
    return float(np.maximum(*errors)[reached].max())


def softmax_unit(
    edge: Edge,
    output: Fixed,
    exp_type: Fixed = TABLE_TYPE,
    inverse_type: Fixed = TABLE_TYPE,
    exp_size: int = EXP_TABLE_SIZE,
    inverse_size: int = INVERSE_TABLE_SIZE,
) -> Softmax:
    """Softmax of all elements of ``edge``.

    The step of exp's table is the finest power of two, not finer than the logits' own, that
    the output can tell or ``exp_size`` entries allow. With h half that step, an output is
    off by at most h / 3 for the table of exp, 2**-(b+1) for a reciprocal of 2**b entries,
    and n 2**-(f+1) for the rounding of n exps to f fraction bits.
    """
    span = _distance(edge.bounds)
    fraction = exp_type.fraction
    reach = (fraction + 1) * math.log(2.0)  # where exp falls below half a step of the table
    shift = max(0, edge.type.fraction + _exponent(2 * output.lsb))
    shift = min(shift, span.bit_length())  # from there on, any distance counts as one
    while _entries(span, reach, shift, edge.type) > exp_size:
        shift += 1
    count = _entries(span, reach, shift, edge.type)
    steps = np.arange(count, dtype=np.float64) * 2.0**shift
    middle = np.maximum(steps - (2.0**shift - 1) / 2, 0)
    exps = exp_type.from_float(np.exp(-np.ldexp(middle, -edge.type.fraction)))
    bits = min(inverse_size.bit_length() - 1, fraction)
    inverses = inverse_type.from_float(1 / (1 + (np.arange(1 << bits) + 0.5) / (1 << bits)))
    return Softmax(
        size=edge.size,
        input_type=edge.type,
        output_type=output,
        exp_entries=frozen_array(exps),
        exp_shift=shift,
        exp_fraction=fraction,
        inverse_entries=frozen_array(inverses),
        inverse_fraction=inverse_type.fraction,
    )


def softmax_error(unit: Softmax) -> float:
    """A bound of |unit - softmax| for any logits: as ``softmax_unit`` tells, and half a step of
    the reciprocal's table, and a step of the output.
    """
    half = math.ldexp((1 << unit.exp_shift) - 1, -unit.input_type.fraction) / 2
    of_exp = min(half / 3, 1.0) + unit.size * 2.0 ** -(unit.exp_fraction + 1)
    of_inverse = 2.0 ** -(unit.inverse_bits + 1) + 2.0**-unit.inverse_fraction
    return of_exp + of_inverse + unit.output_type.lsb


def _distance(bounds: Bounds) -> int:
    """Largest distance of a logit from the largest one."""
    return int(bounds.hi.max()) - int(bounds.lo.min())


def _exponent(value: float) -> int:
    """log2 of a power of two."""
    return math.frexp(value)[1] - 1


def _entries(span: int, reach: float, shift: int, t: Fixed) -> int:
    """Entries that cover distances of up to ``span`` codes, or of ``reach`` if that is less.

    A step's entry is the value in its middle, so the last one lies half a step beyond.
    """
    steps = math.ceil(reach / math.ldexp(1.0, shift - t.fraction) + 0.5)
    return min(-(-span >> shift), steps) + 1
