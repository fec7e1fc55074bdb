"""Curve: a smooth elementwise function by straight pieces, and a line on either side of them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from converter.carriers import integer_dtype, whole
from converter.graph import Bounds, Implementation
from converter.hls_block import Array, HlsBlock, int_type, integers, signed_type, type_of
from converter.netlist.nodes import Netlist
from converter.rtl.elementwise import Lanes
from converter.types import Codes, Fixed, least_type
from converter.units.base import Elementwise, Plain


@dataclass(frozen=True)
class Line:
    """slope * x + offset for an input code x, with ``fraction`` more fraction bits than x."""

    slope: int
    fraction: int
    offset: int

    def at(self, x: Codes) -> Codes:
        """The line's codes, exact, for int64 or Python integers."""
        largest = max(-int(x.min(initial=0)), int(x.max(initial=0)))
        wide = abs(self.slope) * largest + abs(self.offset) >= 1 << 62
        return (x.astype(object) if wide else x) * self.slope + self.offset


@dataclass(frozen=True, eq=False)
class Curve(Plain, Elementwise):
    """n straight pieces of 2**shift input codes each, from the code first * 2**shift on.

    With i = (x >> shift) - first and d the bits ``drop`` to ``shift`` of x, a code x with
    0 <= i < n gives ``values[i] * 2**lift + slopes[i] * d``, at ``fraction`` fraction bits,
    converted to the output type; smaller ones give ``below``, larger ones ``above``, converted
    likewise. ``values`` and ``slopes``: int codes [n]. With ``drop`` = ``shift`` the pieces are
    levels, and there is no multiplication.
    """

    size: int
    input_type: Fixed
    output_type: Fixed
    values: Codes
    slopes: Codes
    first: int
    shift: int
    drop: int
    lift: int
    fraction: int
    below: Line
    above: Line

    @property
    def pieces(self) -> int:
        """Number of pieces, n."""
        return len(self.values)

    def emulate(self, *inputs: Codes) -> Codes:
        """Codes [batch, size] -> [batch, size]."""
        (x,) = inputs
        x = whole(x)
        position, t, f = x >> self.shift, self.output_type, self.input_type.fraction
        index = np.clip(position - self.first, 0, self.pieces - 1).astype(np.int64, copy=False)
        y = t.cast(self._inside(index, x), self.fraction)
        low, high = position < self.first, position >= self.first + self.pieces
        for side, line in ((low, self.below), (high, self.above)):
            if side.any():
                outside = t.cast(line.at(x[side]), f + line.fraction)
                y = y if y.dtype == object else y.astype(np.result_type(y, outside))
                y[side] = outside
        return y

    def _inside(self, index: Codes, x: Codes) -> Codes:
        values, slopes = self._operands
        if self.drop == self.shift:
            return values[index]
        distance = (x >> self.drop) & ((1 << self.shift - self.drop) - 1)
        return values[index] + slopes[index] * distance.astype(values.dtype, copy=False)

    @cached_property
    def _operands(self) -> tuple[Codes, Codes]:
        """Lifted values and slopes in a dtype that holds their sums."""
        lo, hi = self._piece_ends
        dtype: Any = np.int64 if max(-lo.min(), hi.max()) < 1 << 62 else object
        values = (self.values.astype(object) << self.lift).astype(dtype)
        return values, self.slopes.astype(dtype)

    @cached_property
    def _piece_ends(self) -> tuple[Codes, Codes]:
        """Least and largest sum of each piece, Python integers [n]."""
        start = self.values.astype(object) * (1 << self.lift)
        reach = (1 << self.shift - self.drop) - 1
        end = start + self.slopes.astype(object) * reach
        return np.minimum(start, end), np.maximum(start, end)

    def bounds(self, inputs: tuple[Bounds, ...]) -> Bounds:
        """Extremes over the pieces and the lines that each element can reach."""
        (x,) = inputs
        t = self.output_type
        if not t.saturates:
            return Bounds.of_type(t, self.size)
        spans = [(int(a), int(b)) for a, b in zip(x.lo, x.hi, strict=True)]
        known = {span: self._extremes(*span) for span in set(spans)}
        dtype: Any = integer_dtype(t.width)
        lo, hi = zip(*(known[span] for span in spans), strict=True)
        return Bounds(np.array(lo, dtype), np.array(hi, dtype))

    def _extremes(self, lo: int, hi: int) -> tuple[int, int]:
        """Least and largest output code for input codes lo..hi; conversions are monotone."""
        f, first, last = self.input_type.fraction, self.first, self.first + self.pieces - 1
        found: list[int] = []
        a, b = max(lo >> self.shift, first), min(hi >> self.shift, last)
        if a <= b:
            low, high = (end[a - first : b - first + 1] for end in self._piece_ends)
            found += self._converted([low.min(), high.max()], self.fraction)
        start, end = first << self.shift, (last + 1) << self.shift
        for line, c, d in ((self.below, lo, min(hi, start - 1)), (self.above, max(lo, end), hi)):
            if c <= d:
                ends = line.at(np.array([c, d], dtype=object))
                found += self._converted(list(ends), f + line.fraction)
        return min(found), max(found)

    def _converted(self, codes: list[int], fraction: int) -> list[int]:
        return [int(c) for c in self.output_type.cast(np.array(codes, dtype=object), fraction)]

    def lanes(self, choice: Implementation) -> Lanes:
        """Two read-only memories and a multiplier per element."""
        del choice
        return Lanes(self._netlist, (self.input_type, self.output_type), self.size)

    def _netlist(self) -> Netlist:
        net = Netlist()
        net.outputs.append(self.node(net, net.input(*self.input_type.ends)))
        return net

    def node(self, net: Netlist, x: int) -> int:
        """The function of a node of a netlist, whose values the input type holds."""
        position = net.shr(x, self.shift)
        last = self.first + self.pieces - 1
        y = net.cast(self._piece(net, x, position), self.fraction, self.output_type)
        lo, hi = net.span(position)
        if lo < self.first:
            inside = net.at_least(position, net.const(self.first))
            y = net.mux(inside, y, self._line(net, x, self.below))
        if hi > last:
            outside = net.at_least(position, net.const(last + 1))
            y = net.mux(outside, self._line(net, x, self.above), y)
        return y

    def _piece(self, net: Netlist, x: int, position: int) -> int:
        index = net.clip(net.add(position, net.const(-self.first)), 0, self.pieces - 1)
        value = net.shl(net.rom(net.table(integers(self.values)), index), self.lift)
        if self.drop == self.shift:
            return value
        slope = net.rom(net.table(integers(self.slopes)), index)
        distance = net.low(x, self.shift - self.drop, self.drop)
        return net.add(value, net.product(slope, distance))

    def _line(self, net: Netlist, x: int, line: Line) -> int:
        code = net.add(net.times(x, line.slope), net.const(line.offset))
        return net.cast(code, self.input_type.fraction + line.fraction, self.output_type)

    def hls(self, choice: Implementation) -> HlsBlock:
        """Two read-only memories, which the tool copies for their readers, and a multiplier."""
        del choice
        t, last = self.input_type, self.first + self.pieces - 1
        lo, hi = self._piece_ends
        values, slopes = integers(self.values), integers(self.slopes)
        lines = {"below": self.below, "above": self.above}
        scalars = {
            "first": (signed_type(self.first), self.first),
            "last": (signed_type(last), last),
        }
        for name, line in lines.items():
            scalars[f"{name}_slope"] = (signed_type(line.slope), line.slope)
            scalars[f"{name}_offset"] = (signed_type(line.offset), line.offset)
        return HlsBlock(
            "curve.h",
            "curve",
            {
                "size": self.size,
                "n_pieces": self.pieces,
                "shift": self.shift,
                "drop": self.drop,
                "lift": self.lift,
            },
            {
                "position_t": signed_type(
                    t.code_min - 1, t.code_max, self.first, last, self.pieces
                ),
                "index_t": int_type(0, self.pieces - 1),
                "distance_t": int_type(0, (1 << max(self.shift - self.drop, 1)) - 1),
                "value_t": type_of(values),
                "slope_t": type_of(slopes),
                "piece_t": least_type(min(int(lo.min()), -1), int(hi.max()), self.fraction).spell(),
                **{f"{n}_t": self._line_type(line).spell() for n, line in lines.items()},
            },
            scalars,
            (
                Array("values", type_of(values), values, "[n_pieces]"),
                Array("slopes", type_of(slopes), slopes, "[n_pieces]"),
            ),
            depth=12,
        )

    def _line_type(self, line: Line) -> Fixed:
        t = self.input_type
        ends = line.at(np.array([t.code_min - 1, t.code_max], dtype=object))
        return least_type(min(int(ends.min()), -1), int(ends.max()), t.fraction + line.fraction)
