"""The hardware unit: integers in, integers out, exactly."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from converter.graph import Bounds, Implementation
from converter.hls_block import HlsBlock, code_type, int_type
from converter.netlist.nodes import Netlist
from converter.rtl.elementwise import Lanes
from converter.types import Codes, Fixed
from converter.units.base import OneBeat, Plain


@dataclass(frozen=True)
class Magnitude(Plain, OneBeat):
    """8 max(|i|, |q|) + 3 min(|i|, |q|) of one pair of codes, at 3 more fraction bits.

    ``Plain``: one netlist gives both the Verilog and the facts, and there is one way to build it.
    ``OneBeat``: in io_stream, it needs all its elements at once.
    """

    input_type: Fixed

    @property
    def size(self) -> int:
        """One output."""
        return 1

    @property
    def output_type(self) -> Fixed:
        """The least type that holds all results: at most 11/8 of the largest magnitude."""
        t = self.input_type
        width = (11 * max(-t.code_min, t.code_max)).bit_length()
        return Fixed(max(width, 1), max(width, 1) - t.fraction - 3, False)

    def bounds(self, inputs: tuple[Bounds, ...]) -> Bounds:
        """Magnitudes of the elements' ranges, added up."""
        (x,) = inputs
        lo, hi = x.lo.astype(object), x.hi.astype(object)
        most = np.maximum(-lo, hi)
        least = np.maximum(np.maximum(lo, -hi), 0)
        return Bounds(_combined(least), _combined(most))

    def emulate(self, *inputs: Codes) -> Codes:
        """Codes [batch, 2] -> [batch, 1]."""
        (x,) = inputs
        wide = self.input_type.width > 58
        return _combined(np.abs(x.astype(object if wide else np.int64)))

    def lanes(self, choice: Implementation) -> Lanes:
        """One netlist, of two elements in and one out."""
        del choice
        return Lanes(self._netlist, (self.input_type, self.output_type), 1, (2, 1))

    def _netlist(self) -> Netlist:
        net = Netlist()
        pair = [net.input(*self.input_type.ends) for _ in range(2)]
        i, q = (net.mux(net.negative(x), net.sub(net.const(0), x), x) for x in pair)
        more = net.at_least(i, q)
        larger, smaller = net.mux(more, i, q), net.mux(more, q, i)
        net.outputs.append(net.add(net.shl(larger, 3), net.times(smaller, 3)))
        return net

    def hls(self, choice: Implementation) -> HlsBlock:
        """The function of ``iq_magnitude.h`` in this package."""
        del choice
        largest = max(-self.input_type.code_min, self.input_type.code_max)
        types = {"size_t": int_type(0, largest), "sum_t": code_type(self.output_type)}
        return HlsBlock("iq_readout:iq_magnitude.h", "iq_magnitude", types=types)


def _combined(sizes: Codes) -> Codes:
    """Of magnitudes [..., 2], [..., 1]."""
    larger, smaller = sizes.max(axis=-1, keepdims=True), sizes.min(axis=-1, keepdims=True)
    combined: Codes = 8 * larger + 3 * smaller
    return combined
