"""Table: an elementwise function by look-up in a read-only memory."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from converter.carriers import whole
from converter.graph import Bounds, Implementation
from converter.hls_block import Array, HlsBlock, code_type, int_type, integers, signed_type
from converter.netlist.nodes import Netlist
from converter.rtl.elementwise import Lanes
from converter.types import Codes, Fixed
from converter.units.base import Elementwise, Plain, bounds_within


@dataclass(frozen=True, eq=False)
class Table(Plain, Elementwise):
    """y = entries[clip((x >> shift) + offset, 0, n - 1)] for each input code x.

    ``entries``: int codes [n] of ``output_type``. With ``shift`` 0 and an entry for every
    input code the table is exact; else an entry stands for 2**shift neighbouring codes.
    """

    size: int
    input_type: Fixed
    output_type: Fixed
    entries: Codes
    shift: int
    offset: int

    @property
    def exact(self) -> bool:
        """Every input code has an entry of its own."""
        t = self.input_type
        covered = self.offset + t.code_min >= 0 and self.offset + t.code_max < len(self.entries)
        return self.shift == 0 and covered

    def index(self, codes: Codes) -> Codes:
        """Table index for each input code."""
        index = (whole(codes) >> self.shift) + self.offset
        return np.clip(index, 0, len(self.entries) - 1).astype(np.int64)

    def bounds(self, inputs: tuple[Bounds, ...]) -> Bounds:
        """Extremes over the entries that each element can reach."""
        (x,) = inputs
        return bounds_within(self.entries, self.index(x.lo), self.index(x.hi))

    def emulate(self, *inputs: Codes) -> Codes:
        """Codes [batch, size] -> [batch, size]."""
        (x,) = inputs
        return self.entries[self.index(x)]

    def lanes(self, choice: Implementation) -> Lanes:
        """One read-only memory per element."""
        del choice
        return Lanes(self._netlist, (self.input_type, self.output_type), self.size)

    def _netlist(self) -> Netlist:
        net, t = Netlist(), self.input_type
        x = net.input(t.code_min, t.code_max)
        bits = max(t.width - self.shift, 0)
        if 1 << bits <= 2 * len(self.entries):
            table, address = net.table(self._by_pattern(bits)), net.low(x, bits, self.shift)
        else:
            moved = net.add(net.shr(x, self.shift), net.const(self.offset))
            table, address = (
                net.table(self.entries.tolist()),
                net.clip(moved, 0, len(self.entries) - 1),
            )
        net.outputs.append(net.rom(table, address))
        return net

    def _by_pattern(self, bits: int) -> list[int]:
        """Entries in the order of the input's bits, so that no index is computed."""
        patterns = np.arange(1 << bits)
        if self.input_type.signed and bits:
            patterns = np.where(patterns >> bits - 1, patterns - (1 << bits), patterns)
        index = np.clip(patterns + self.offset, 0, len(self.entries) - 1)
        return [int(e) for e in self.entries[index]]

    def hls(self, choice: Implementation) -> HlsBlock:
        """One read-only memory, which the tool copies for its readers."""
        del choice
        n, t = len(self.entries), self.input_type
        shift = min(self.shift, t.width)
        ends = [(c >> shift) + self.offset for c in (t.code_min - 1, t.code_max)]
        position = signed_type(*ends, n, t.code_min - 1, t.code_max, self.offset)
        return HlsBlock(
            "table.h",
            "table",
            {"size": self.size, "n_entries": n, "shift": shift},
            {"position_t": position, "index_t": int_type(0, n - 1)},
            {"offset": (signed_type(self.offset), self.offset)},
            (Array("entries", code_type(self.output_type), integers(self.entries), "[n_entries]"),),
            depth=6,
        )
