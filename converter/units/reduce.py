"""Reduce: the largest, or the exact sum, of each group of elements; for pooling."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from functools import partial

import numpy as np

from converter.carriers import carried, carrier
from converter.graph import Bounds, Implementation
from converter.hls_block import HlsBlock
from converter.netlist.nodes import Netlist
from converter.rtl.elementwise import Lanes
from converter.rtl.process import RtlProcess
from converter.rtl.reduce_stream import fold_process
from converter.timing import Timing
from converter.types import Codes, Fixed, least_type
from converter.units.base import OneBeat, Plain
from converter.units.window import Window


class Reduction(Enum):
    """What becomes of a group."""

    MAX = "max"
    SUM = "sum"


FUNCTIONS = {Reduction.MAX: "largest", Reduction.SUM: "sum"}
"""In ``hlslib/reduce.h``, and with ``_stream`` in ``reduce_stream.h``."""


@dataclass(frozen=True)
class Reduce(Plain, OneBeat):
    """``n`` elements of each of ``groups`` groups to one; a group's elements are neighbours.

    A maximum keeps the input's type; a sum has the type that holds every sum exactly, divided
    by 2**``halvings``, which moves the point alone.
    """

    reduction: Reduction
    groups: int
    n: int
    input_type: Fixed
    halvings: int = 0

    @property
    def size(self) -> int:
        """Number of outputs."""
        return self.groups

    @property
    def output_type(self) -> Fixed:
        """Type of the results."""
        t = self.input_type
        if self.reduction is Reduction.MAX:
            return t
        return least_type(self.n * t.ends[0], self.n * t.ends[1], t.fraction + self.halvings)

    def bounds(self, inputs: tuple[Bounds, ...]) -> Bounds:
        """Exact: both are monotone in every element."""
        (x,) = inputs
        return Bounds(self._apply(x.lo), self._apply(x.hi))

    def emulate(self, *inputs: Codes) -> Codes:
        """Codes [batch, groups * n] -> [batch, groups]."""
        (x,) = inputs
        return self._apply(x)

    def slide(self, x: Codes, window: Window, fill: int) -> Codes:
        """Codes [batch, input size] -> [batch, positions, groups]; where each group is a channel,
        without gathering windows.
        """
        if self.groups != window.channels:
            return self._apply(window.gather(x, fill))
        if self.reduction is Reduction.MAX:
            return window.fold(x, fill, np.maximum)
        return window.fold(self._summed(x), fill, np.add)

    def _apply(self, x: Codes) -> Codes:
        groups = x.reshape(*x.shape[:-1], self.groups, self.n)
        if self.reduction is Reduction.MAX:
            largest: Codes = groups.max(axis=-1)
            return largest
        total: Codes = self._summed(groups).sum(axis=-1)
        return total

    def _summed(self, x: Codes) -> Codes:
        """The codes in a dtype that holds their sums."""
        return carried(
            x, carrier(max(-self.output_type.ends[0], self.output_type.ends[1]), x.dtype)
        )

    def hls(self, choice: Implementation) -> HlsBlock:
        """A tree of comparisons or additions per group."""
        del choice
        levels = (self.n - 1).bit_length()
        sizes = {"groups": self.groups, "n": self.n, "levels": levels}
        return HlsBlock("reduce.h", FUNCTIONS[self.reduction], sizes, depth=2 + levels)

    def hls_frame(self, beats: int) -> HlsBlock:
        """Over a whole frame as it comes, beat by beat, each lane by itself."""
        return HlsBlock("reduce_stream.h", f"{FUNCTIONS[self.reduction]}_stream", {"beats": beats})

    # -- Verilog ---------------------------------------------------------------------------

    def lanes(self, choice: Implementation) -> Lanes:
        """A tree of comparisons or additions per group."""
        del choice
        types = self.input_type, self.output_type
        return Lanes(self._tree, types, self.groups, (self.n, 1))

    def fold(self, stage: str, timing: Timing) -> RtlProcess:
        """Over a whole frame in io_stream, as ``hls_frame``."""
        return fold_process(self, self.reduction is Reduction.SUM, stage, timing)

    def _tree(self) -> Netlist:
        """Of one group, pair by pair."""
        net, t = Netlist(), self.input_type
        join = net.add if self.reduction is Reduction.SUM else partial(_larger, net)
        level = [net.input(t.code_min, t.code_max) for _ in range(self.n)]
        while len(level) > 1:
            pairs = [join(*level[i : i + 2]) for i in range(0, len(level) - 1, 2)]
            level = pairs + level[2 * len(pairs) :]
        net.outputs = level
        return net


def _larger(net: Netlist, a: int, b: int) -> int:
    return net.mux(net.at_least(a, b), a, b)
