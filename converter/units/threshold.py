"""Threshold: a rising or falling staircase by comparisons, exact for inputs of any width."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from converter.graph import Bounds, Implementation
from converter.hls_block import Array, HlsBlock, code_type, integers, type_of
from converter.netlist.nodes import Netlist
from converter.rtl.elementwise import Lanes
from converter.types import Codes, Fixed, bits_for
from converter.units.base import Elementwise, Plain, bounds_within


@dataclass(frozen=True, eq=False)
class Threshold(Plain, Elementwise):
    """y = levels[number of thresholds that x reaches] for each input code x.

    ``thresholds``: rising int codes [n] of ``input_type``; x reaches t when x >= t.
    ``levels``: int codes [n + 1] of ``output_type``. Binary, ternary and power-of-two
    quantizers are of this kind.
    """

    size: int
    input_type: Fixed
    output_type: Fixed
    thresholds: Codes
    levels: Codes

    def bounds(self, inputs: tuple[Bounds, ...]) -> Bounds:
        """Extremes over the levels that each element can reach."""
        (x,) = inputs
        return bounds_within(self.levels, self._steps(x.lo), self._steps(x.hi))

    def emulate(self, *inputs: Codes) -> Codes:
        """Codes [batch, size] -> [batch, size]."""
        (x,) = inputs
        return self.levels[self._steps(x)]

    def lanes(self, choice: Implementation) -> Lanes:
        """One lane per element."""
        del choice
        return Lanes(self._netlist, (self.input_type, self.output_type), self.size)

    def _netlist(self) -> Netlist:
        """Each bit of the level toggles at the thresholds where it changes."""
        net, t = Netlist(), self.input_type
        x = net.input(t.code_min, t.code_max)
        reached = [net.at_least(x, net.const(int(c))) for c in self.thresholds]
        levels = [int(v) for v in self.levels]
        width, signed = bits_for(min(levels), max(levels))
        bits = []
        for position in range(width):
            values = [level >> position & 1 for level in levels]
            toggles = [r for r, a, b in zip(reached, values, values[1:], strict=False) if a != b]
            bit = net.parity(net.concat(toggles, False)) if toggles else net.const(0)
            bits.append(net.invert(bit) if values[0] else bit)
        net.outputs.append(net.concat(bits, signed))
        return net

    def hls(self, choice: Implementation) -> HlsBlock:
        """One comparator per threshold and element."""
        del choice
        steps = integers(self.thresholds)
        return HlsBlock(
            "threshold.h",
            "threshold",
            {"size": self.size, "n_thresholds": len(steps)},
            {"threshold_t": type_of(steps)},
            arrays=(
                Array("thresholds", type_of(steps), steps, "[n_thresholds]"),
                Array("levels", code_type(self.output_type), integers(self.levels), "[n + 1]"),
            ),
            depth=4 + len(steps).bit_length(),
        )

    def _steps(self, x: Codes) -> Codes:
        return np.searchsorted(self.thresholds, x, side="right")
