"""Softmax by two tables, right for logits of any width.

With m = max x: e_i = exp(x_i - m) from a table over the attainable range of m - x,
s = sum e (exact), 1/s from a table over the mantissa of s, and y_i = e_i / s. Where
hls4ml indexes the tables with bits that the logits do not reach, the index here is
taken from the logits' own step and clipped where exp falls below half a step of the
table, and the sum is normalised to [1, 2) before it is looked up.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from converter.graph import Bounds, Implementation, Strategy
from converter.hls_block import Array, HlsBlock, int_type, integers
from converter.netlist.nodes import Netlist
from converter.rtl.elementwise import Lanes
from converter.types import Codes, Fixed
from converter.units.base import OneBeat, Plain


@dataclass(frozen=True, eq=False)
class Softmax(Plain, OneBeat):
    """Softmax over all ``size`` elements.

    ``exp_entries[min(ceil((m - x) / 2**exp_shift), n - 1)]`` is e at ``exp_fraction`` fraction
    bits, at most 1. The index is rounded up, so that only the largest logit itself has e = 1
    and a near tie is never lost. ``inverse_entries`` has 2**b entries: the reciprocal of [1, 2) at
    ``inverse_fraction`` fraction bits, each taken in the middle of its step.
    """

    size: int
    input_type: Fixed
    output_type: Fixed
    exp_entries: Codes
    exp_shift: int
    exp_fraction: int
    inverse_entries: Codes
    inverse_fraction: int

    @property
    def inverse_bits(self) -> int:
        """Bits of mantissa that address the reciprocal."""
        return len(self.inverse_entries).bit_length() - 1

    @property
    def exponents(self) -> int:
        """Largest exponent of the sum: s < 2**(exponents + 1)."""
        return self.size.bit_length() - 1

    def bounds(self, inputs: tuple[Bounds, ...]) -> Bounds:
        """The output type's range between 0 and 1, whatever the inputs; all of it if 1 wraps."""
        del inputs
        one = 1 << max(self.output_type.fraction, 0)
        if one > self.output_type.code_max and "SAT" not in self.output_type.overflow.value:
            return Bounds.of_type(self.output_type, self.size)
        one = min(one, self.output_type.code_max)
        zeros = np.zeros(self.size, np.int64)
        return Bounds(zeros, np.full(self.size, one, np.int64))

    def emulate(self, *inputs: Codes) -> Codes:
        """Codes [batch, size] -> [batch, size]."""
        (x,) = inputs
        kind = np.int64 if x.dtype.kind == "f" else x.dtype
        rows = np.ascontiguousarray(x.T, kind)  # long rows: an element's codes of all the batch
        distance = rows.max(axis=0) - rows
        distance = (distance + ((1 << self.exp_shift) - 1)) >> self.exp_shift
        index = np.minimum(distance, len(self.exp_entries) - 1).astype(np.int64, copy=False)
        exps = self.exp_entries[index]
        return self._normalise(exps, exps.sum(axis=0)).T

    def legal(self) -> tuple[Implementation, ...]:
        """Products in DSP blocks, or of additions alone."""
        return (Implementation(), Implementation(Strategy.DISTRIBUTED_ARITHMETIC))

    def lanes(self, choice: Implementation) -> Lanes:
        """One netlist for all elements."""
        build = partial(self._netlist, choice.strategy is Strategy.DISTRIBUTED_ARITHMETIC)
        return Lanes(build, (self.input_type, self.output_type), 1, (self.size, self.size))

    def _netlist(self, in_logic: bool) -> Netlist:
        net, t = Netlist(), self.input_type
        multiply = net.mul_in_logic if in_logic else net.mul
        x = [net.input(t.code_min, t.code_max) for _ in range(self.size)]
        largest = _tree(x, lambda a, b: net.mux(net.at_least(a, b), a, b))
        table = net.table(self.exp_entries.tolist())
        exps = [net.rom(table, self._exp_index(net, net.sub(largest, i, lo=0))) for i in x]
        inverse = self._inverse(net, _tree(exps, net.add))
        fraction = self.exp_fraction + self.inverse_fraction + self.exponents
        for e in exps:
            net.outputs.append(net.cast(multiply(e, inverse), fraction, self.output_type))
        return net

    def _exp_index(self, net: Netlist, distance: int) -> int:
        rounded = net.add(distance, net.const((1 << self.exp_shift) - 1))
        return net.clip(net.shr(rounded, self.exp_shift), 0, len(self.exp_entries) - 1)

    def _inverse(self, net: Netlist, total: int) -> int:
        """The reciprocal at the common exponent, looked up by the bits behind the leading one."""
        reached = [
            net.any(net.shr(total, self.exp_fraction + k)) for k in range(1, self.exponents + 1)
        ]
        mantissa = self._mantissa(net, total, 0)
        for k, above in enumerate(reached, 1):
            mantissa = net.mux(above, self._mantissa(net, total, k), mantissa)
        inverse = net.rom(net.table(self.inverse_entries.tolist()), mantissa)
        scaled = net.shl(inverse, self.exponents)
        for k, above in enumerate(reached, 1):
            scaled = net.mux(above, net.shl(inverse, self.exponents - k), scaled)
        return scaled

    def _mantissa(self, net: Netlist, total: int, exponent: int) -> int:
        drop = self.exp_fraction + exponent - self.inverse_bits
        if drop < 0:
            return net.shl(net.low(total, self.exp_fraction + exponent), -drop)
        return net.low(total, self.inverse_bits, drop)

    def hls(self, choice: Implementation) -> HlsBlock:
        """Two read-only memories, a maximum and a sum over all elements."""
        exps, inverses = integers(self.exp_entries), integers(self.inverse_entries)
        one, shift = 1 << self.inverse_bits, min(self.exp_shift, self.input_type.width)
        types = self._hls_types(max(exps), max(inverses), shift)
        return HlsBlock(
            "softmax.h",
            "softmax",
            {
                "size": self.size,
                "n_exps": len(exps),
                "exp_shift": shift,
                "exp_fraction": self.exp_fraction,
                "n_inverses": len(inverses),
                "exponents": self.exponents,
                "in_logic": int(choice.strategy is Strategy.DISTRIBUTED_ARITHMETIC),
                "mantissa_shift": self.exp_fraction + self.exponents - self.inverse_bits,
            },
            types,
            {
                "one": (int_type(0, one), one),
                "round_up": (int_type(0, (1 << shift) - 1), (1 << shift) - 1),
            },
            (
                Array("exps", types["exp_t"], exps, "[n_exps]"),
                Array("inverses", types["inverse_t"], inverses, "[n_inverses]"),
            ),
            depth=16 + 4 * self.size.bit_length(),
        )

    def _hls_types(self, exp: int, inverse: int, shift: int) -> dict[str, str]:
        """Types that hold every intermediate code, for the largest table entries."""
        total, scaled = self.size * exp, inverse << self.exponents
        fraction = self.exp_fraction + self.inverse_fraction + self.exponents
        width = exp.bit_length() + scaled.bit_length()
        distance = max((1 << self.input_type.width) + (1 << shift), len(self.exp_entries))
        return {
            "distance_t": int_type(0, distance),
            "exp_t": int_type(0, exp),
            "exp_index_t": int_type(0, len(self.exp_entries) - 1),
            "sum_t": int_type(0, total),
            "mantissa_t": int_type(0, total << self.exponents),
            "inverse_t": int_type(0, inverse),
            "inverse_index_t": int_type(0, len(self.inverse_entries) - 1),
            "scaled_inverse_t": int_type(0, scaled),
            "product_t": Fixed(width, width - fraction, signed=False).spell(),
        }

    def _normalise(self, exps: Codes, sums: Codes) -> Codes:
        exponent = np.zeros_like(sums)
        for k in range(1, self.exponents + 1):
            exponent += sums >> self.exp_fraction + k > 0
        drop = self.exp_fraction + exponent - self.inverse_bits
        index = (sums >> drop) - (1 << self.inverse_bits)
        inverse = self.inverse_entries[index] << (self.exponents - exponent)
        fraction = self.exp_fraction + self.inverse_fraction + self.exponents
        return self.output_type.cast(exps * inverse, fraction)


def _tree(items: Sequence[int], combine: Callable[[int, int], int]) -> int:
    """Combine all, pair by pair."""
    level = list(items)
    while len(level) > 1:
        pairs = [combine(*level[i : i + 2]) for i in range(0, len(level) - 1, 2)]
        level = pairs + level[2 * len(pairs) :]
    return level[0]
