"""Lookup: each index of a tensor becomes a row of a constant table, for embeddings."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from converter.actor import Actor
from converter.carriers import whole
from converter.graph import Bounds, Edge, Implementation, frozen_array
from converter.hls_block import Array, HlsBlock, code_type, int_type, integers, signed_type
from converter.netlist.nodes import Netlist
from converter.rtl.elementwise import Lanes
from converter.rtl.process import RtlProcess
from converter.rtl.regroup import split_process
from converter.timing import Timing
from converter.types import Codes, Fixed
from converter.units.base import Plain, bounds_within, check_beats, mapped

STREAM_DEPTH = 6
"""Cycles from a beat in to a beat out."""


@dataclass(frozen=True, eq=False)
class Lookup(Plain):
    """``positions`` inputs, each a row of ``table``: int codes [entries, width] of
    ``output_type``.

    The index is the input's value without its fraction, rounded down. One below 0 takes the
    first row, and one beyond the table the last.
    """

    positions: int
    table: Codes
    input_type: Fixed
    output_type: Fixed

    @property
    def entries(self) -> int:
        """Rows of the table."""
        return int(self.table.shape[0])

    @property
    def width(self) -> int:
        """Elements of a row."""
        return int(self.table.shape[1])

    @property
    def size(self) -> int:
        """Number of output elements."""
        return self.positions * self.width

    def index(self, codes: Codes) -> npt.NDArray[np.int64]:
        """The row of each input code."""
        codes = whole(codes)
        fraction = self.input_type.fraction
        if fraction >= 0:
            row = codes >> min(fraction, self.input_type.width)
        else:
            row = np.clip(codes, -1, self.entries) * (1 << min(-fraction, 32))
        return np.clip(row, 0, self.entries - 1).astype(np.int64)

    def bounds(self, inputs: tuple[Bounds, ...]) -> Bounds:
        """Extremes over the rows that each position can reach."""
        (x,) = inputs
        return bounds_within(self.table, self.index(x.lo), self.index(x.hi))

    def emulate(self, *inputs: Codes) -> Codes:
        """Codes [batch, positions] -> [batch, size]."""
        (x,) = inputs
        return self.table[self.index(x)].reshape(len(x), self.size)

    def lanes(self, choice: Implementation) -> Lanes:
        """One read-only memory, of whole rows, per position."""
        del choice
        types = (self.input_type, self.output_type)
        return Lanes(self._netlist, types, self.positions, (1, self.width))

    def _netlist(self) -> Netlist:
        net, out = Netlist(), self.output_type.width
        x = net.input(*self.input_type.ends)
        row = net.clip(self._row(net, x), 0, self.entries - 1)
        word = net.rom(net.table(self._words()), row)
        net.outputs += [net.low(word, out, k * out) for k in range(self.width)]
        return net

    def _row(self, net: Netlist, x: int) -> int:
        """The index before it is held to the table."""
        fraction = self.input_type.fraction
        if fraction >= 0:
            return net.shr(x, min(fraction, self.input_type.width))
        return net.shl(net.clip(x, -1, self.entries), min(-fraction, 32))

    def _words(self) -> list[int]:
        """Each row as one word, its first element at the least bits."""
        out = self.output_type.width
        fields = [[int(c) & (1 << out) - 1 for c in row] for row in self.table.tolist()]
        return [sum(c << k * out for k, c in enumerate(row)) for row in fields]

    def hls(self, choice: Implementation) -> HlsBlock:
        """A read of the table per position."""
        del choice
        return self._block("lookup.h", "lookup", {"positions": self.positions})

    def _block(self, header: str, function: str, numbers: dict[str, int]) -> HlsBlock:
        t = self.input_type
        drop, rise = min(max(t.fraction, 0), t.width), min(max(-t.fraction, 0), 32)
        ends = [(end >> drop) << rise for end in t.ends]
        kind = code_type(self.output_type)
        return HlsBlock(
            header,
            function,
            {**numbers, "width": self.width, "entries": self.entries, "drop": drop, "rise": rise},
            {
                "position_t": signed_type(*ends, *t.ends, self.entries),
                "index_t": int_type(0, self.entries - 1),
            },
            arrays=(Array("table", kind, integers(self.table), "[entries][width]"),),
            depth=STREAM_DEPTH,
        )

    def hls_stream(
        self, choice: Implementation, inputs: tuple[Edge, ...], output: Edge
    ) -> HlsBlock:
        """A row per step; the next indices are read when all of a beat are done."""
        del choice
        (x,) = inputs
        check_beats(output, output, self.positions, self.width)
        return self._block("lookup_stream.h", "lookup_stream", {"beats": x.beats})

    def actor(self, choice: Implementation, inputs: tuple[Edge, ...], output: Edge) -> Actor:
        """A beat of indices at the first of its rows, a row in each step."""
        del choice
        (x,) = inputs
        reads = np.zeros((output.beats, 1), bool)
        reads[:: x.lanes] = True
        ones = np.ones(output.beats, np.int64)
        return Actor(
            frozen_array(reads), frozen_array(ones.astype(bool)), frozen_array(ones), STREAM_DEPTH
        )

    def processes(
        self,
        stage: str,
        choice: Implementation,
        timing: Timing,
        inputs: tuple[Edge, ...],
        output: Edge,
    ) -> tuple[RtlProcess, ...]:
        """A row per beat, behind what splits beats of several indices."""
        (x,) = inputs
        check_beats(output, output, self.positions, self.width)
        single = replace(x, shape=(self.positions, 1))
        one = replace(self, positions=1)
        row = mapped(one, stage, choice, timing, (single,), output)
        if x.lanes == 1:
            return (row,)
        actor = self.actor(choice, inputs, output)
        return (split_process(stage, actor, x, single), row)
