"""Merge: two tensors of one shape, element by element, without loss."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Any

import numpy as np

from converter.carriers import carried, carrier, integer_dtype
from converter.graph import Bounds, Implementation
from converter.hls_block import HlsBlock, int_type
from converter.netlist.nodes import Netlist
from converter.rtl.elementwise import Lanes
from converter.types import Codes, Fixed, least_type
from converter.units.base import Elementwise, Plain


class MergeOp(Enum):
    """left op right."""

    ADD = "add"
    SUB = "sub"
    MUL = "mul"
    MAX = "max"
    MIN = "min"


Interval = tuple[Codes, Codes]
"""Least and largest codes, as arrays of Python integers."""


@dataclass(frozen=True)
class Merge(Plain, Elementwise):
    """``size`` elements of ``left_type`` and of ``right_type``, in a type that holds every result.

    Operands are aligned to the finer step first, but for a product. ``halvings``: the result is
    divided by as many twos, which moves the point alone.
    """

    op: MergeOp
    left_type: Fixed
    right_type: Fixed
    size: int
    halvings: int = 0

    @property
    def fraction(self) -> int:
        """Fraction bits of the result, before the halvings."""
        left, right = self.left_type.fraction, self.right_type.fraction
        return left + right if self.op is MergeOp.MUL else max(left, right)

    @property
    def shifts(self) -> tuple[int, int]:
        """Left shifts that align the operands."""
        if self.op is MergeOp.MUL:
            return 0, 0
        return self.fraction - self.left_type.fraction, self.fraction - self.right_type.fraction

    @property
    def output_type(self) -> Fixed:
        """The least type that holds the results of all operands."""
        _, _, (lo, hi) = self._of_types
        return least_type(lo, hi, self.fraction + self.halvings)

    def bounds(self, inputs: tuple[Bounds, ...]) -> Bounds:
        """Exact: each operation has its extremes at the ends of its operands."""
        left, right = ((x.lo.astype(object), x.hi.astype(object)) for x in inputs)
        lo, hi = self._interval(*self._aligned(left, right))
        dtype: Any = integer_dtype(self.output_type.width)
        return Bounds(np.asarray(lo, dtype), np.asarray(hi, dtype))

    def _aligned(self, left: Interval, right: Interval) -> tuple[Interval, Interval]:
        a, b = self.shifts
        return (left[0] * (1 << a), left[1] * (1 << a)), (right[0] * (1 << b), right[1] * (1 << b))

    def _interval(self, left: Interval, right: Interval) -> Interval:
        if self.op is MergeOp.MUL:
            corners = [a * b for a in left for b in right]
            lo, hi = corners[0], corners[0]
            for corner in corners[1:]:
                lo, hi = np.minimum(lo, corner), np.maximum(hi, corner)
            return lo, hi
        if self.op is MergeOp.SUB:
            right = right[1], right[0]
        return self._apply(left[0], right[0]), self._apply(left[1], right[1])

    def _apply(self, left: Any, right: Any) -> Any:
        """The operation on aligned operands."""
        if self.op is MergeOp.ADD:
            return left + right
        if self.op is MergeOp.SUB:
            return left - right
        if self.op is MergeOp.MUL:
            return left * right
        return np.maximum(left, right) if self.op is MergeOp.MAX else np.minimum(left, right)

    def emulate(self, *inputs: Codes) -> Codes:
        """Two arrays of codes [batch, size] -> [batch, size]."""
        left, right = inputs
        dtype, (a, b) = carrier(self._magnitude, left.dtype, right.dtype), self.shifts
        out: Codes = self._apply(_shifted(left, a, dtype), _shifted(right, b, dtype))
        return out

    @property
    def _magnitude(self) -> int:
        """Bound on every operand and every result."""
        return max(abs(end) for ends in self._of_types for end in ends)

    @property
    def _of_types(self) -> tuple[tuple[int, int], ...]:
        """Least and largest codes of the aligned operands and the result."""
        ends = (self.left_type.ends, self.right_type.ends)
        left, right = self._aligned(*((_number(lo), _number(hi)) for lo, hi in ends))
        return tuple(
            (int(lo[0]), int(hi[0])) for lo, hi in (left, right, self._interval(left, right))
        )

    def lanes(self, choice: Implementation) -> Lanes:
        """One lane per element."""
        del choice
        types = (self.left_type, self.right_type, self.output_type)
        return Lanes(self._netlist, types, self.size)

    def _netlist(self) -> Netlist:
        net = Netlist()
        left, right = (net.input(*t.ends) for t in (self.left_type, self.right_type))
        net.outputs.append(self._combined(net, left, right))
        return net

    def _combined(self, net: Netlist, left: int, right: int) -> int:
        """The operation on two nodes."""
        if self.op is MergeOp.MUL:
            return net.product(left, right)
        a, b = (net.shl(x, by) for x, by in zip((left, right), self.shifts, strict=True))
        if self.op is MergeOp.ADD:
            return net.add(a, b)
        if self.op is MergeOp.SUB:
            return net.sub(a, b)
        more, ends = net.at_least(a, b), self._of_types[2]
        a, b = (net.known(x, *ends) for x in (a, b))  # what is chosen is between the result's ends
        return net.mux(more, a, b) if self.op is MergeOp.MAX else net.mux(more, b, a)

    def hls(self, choice: Implementation) -> HlsBlock:
        """All elements side by side."""
        del choice
        a, b = self.shifts
        sizes = {"size": self.size, "shift0": a, "shift1": b}
        ends = [end for interval in self._of_types for end in interval]
        types = {"wide_t": int_type(min(ends), max(ends))}
        return HlsBlock("merge.h", f"merge_{self.op.value}", sizes, types, depth=8)


def _number(code: int) -> Codes:
    return np.array([code], dtype=object)


def _shifted(codes: Codes, shift: int, dtype: np.dtype[Any]) -> Codes:
    operand = carried(codes, dtype)
    return operand * (1 << shift) if shift else operand
