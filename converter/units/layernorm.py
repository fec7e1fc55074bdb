"""LayerNorm: elements less their mean, over their standard deviation, in integers.

For n codes x at f fraction bits, all of these are exact:

    c_i = n x_i - sum x                         n 2**f (x_i - mean)
    v   = 2**e sum c_i**2 + epsilon             n**3 2**(2 f + e) (variance + epsilon)

and (x_i - mean) / sqrt(variance + epsilon) = sqrt(n) 2**(e/2) c_i / sqrt(v). The root's
reciprocal is taken of v / 4**k in [1, 4), by a ``Curve``; sqrt(n) is in the factors.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from converter.carriers import integer_dtype, whole
from converter.graph import Bounds, Implementation
from converter.hls_block import Array, HlsBlock, code_type, int_type, integers, signed_type, type_of
from converter.netlist.nodes import Netlist
from converter.rtl.elementwise import Lanes
from converter.types import Codes, Fixed, least_type
from converter.units.base import OneBeat, Plain
from converter.units.curve import Curve


@dataclass(frozen=True, eq=False)
class LayerNorm(Plain, OneBeat):
    """y_i = scale_i z_i + offset_i over all elements, converted to the output type.

    z_i = floor(c_i root(u) 2**(lift - k)), with ``fraction`` fraction bits, is c_i / sqrt(v)
    times 2**(e/2), of a magnitude of about 1 at most. u = v / 4**k is cut to the fraction
    bits of ``root``'s input type. ``extra`` is e, an even number, and ``epsilon`` an integer.
    ``scale``: int codes [size] of ``scale_type``; ``offset``: int codes [size] at the fraction
    of the products.
    """

    scale: Codes
    scale_type: Fixed
    offset: Codes
    epsilon: int
    extra: int
    root: Curve
    fraction: int
    input_type: Fixed
    output_type: Fixed

    @property
    def size(self) -> int:
        """Number of elements."""
        return int(self.scale.shape[0])

    @property
    def lift(self) -> int:
        """Left shift of the products of c and the root, before the right shift by k."""
        return self.fraction - self.root.output_type.fraction + self.extra // 2

    @property
    def spread(self) -> int:
        """Bound of every c."""
        return (self.size - 1) * (self.input_type.ends[1] - self.input_type.ends[0])

    @property
    def largest(self) -> int:
        """Bound of v: n elements have a variance of at most a quarter of their range squared."""
        span = self.input_type.ends[1] - self.input_type.ends[0]
        return ((self.size**3 * span**2 // 4 + 1) << self.extra) + self.epsilon

    @property
    def halves(self) -> int:
        """Largest k."""
        return (self.largest.bit_length() - 1) // 2

    @property
    def reach(self) -> int:
        """Bound of every z: 1, and what the root may be too large by, which is far less."""
        return (1 << self.fraction + 1) - 1

    @property
    def accum_fraction(self) -> int:
        """Fraction bits of the products with the factors."""
        return self.fraction + self.scale_type.fraction

    def bounds(self, inputs: tuple[Bounds, ...]) -> Bounds:
        """From |z| <= 2 (1 would do but for the root's error), whatever the inputs."""
        del inputs
        t = self.output_type
        if not t.saturates:
            return Bounds.of_type(t, self.size)
        reach = np.abs(self.scale.astype(object)) * self.reach
        offset = self.offset.astype(object)
        dtype: Any = integer_dtype(t.width)
        ends = (t.cast(side, self.accum_fraction) for side in (offset - reach, offset + reach))
        lo, hi = (end.astype(dtype) for end in ends)
        return Bounds(lo, hi)

    @cached_property
    def _dtype(self) -> Any:
        """What holds every sum and product."""
        root = 1 << self.root.output_type.width
        wide = (self.largest, self.spread * root << max(self.lift, 0))
        scaled = int(np.abs(self.scale.astype(object)).max()) * self.reach
        bound = max(*wide, scaled + int(np.abs(self.offset.astype(object)).max()))
        return np.int64 if bound < 1 << 62 else object

    def emulate(self, *inputs: Codes) -> Codes:
        """Codes [batch, size] -> [batch, size]."""
        (x,) = inputs
        x = whole(x).astype(self._dtype)
        centred = x * self.size - x.sum(axis=1, keepdims=True)
        total = (centred * centred).sum(axis=1)
        v = total * (1 << self.extra) + self.epsilon
        half = _halves(v, self.halves)
        aligned = v << 2 * (self.halves - half)
        drop = 2 * self.halves - self.root.input_type.fraction
        mantissa = aligned >> drop if drop >= 0 else aligned << -drop
        root = self.root.emulate(mantissa[:, np.newaxis]).astype(self._dtype)
        z = (centred * root << self.lift) >> half[:, np.newaxis]
        y = z * self.scale.astype(self._dtype) + self.offset.astype(self._dtype)
        return self.output_type.cast(y, self.accum_fraction)

    def lanes(self, choice: Implementation) -> Lanes:
        """One netlist for all elements."""
        del choice
        return Lanes(self._netlist, (self.input_type, self.output_type), 1, (self.size, self.size))

    def _netlist(self) -> Netlist:
        net = Netlist()
        x = [net.input(*self.input_type.ends) for _ in range(self.size)]
        total = net.total(x)
        centred = [net.sub(net.times(one, self.size), total) for one in x]
        centred = [net.known(c, -self.spread, self.spread) for c in centred]
        squares = net.shl(net.total([net.product(c, c) for c in centred]), self.extra)
        v = net.known(net.add(squares, net.const(self.epsilon)), self.epsilon, self.largest)
        aligned, steps = self._aligned(net, v)
        root = self.root.node(net, self._mantissa(net, aligned))
        for c, scale, offset in zip(
            centred, integers(self.scale), integers(self.offset), strict=True
        ):
            z = self._shifted(net, net.shl(net.product(c, root), self.lift), steps)
            z = net.known(z, -self.reach, self.reach)
            y = net.add(net.times(z, scale), net.const(offset))
            net.outputs.append(net.cast(y, self.accum_fraction, self.output_type))
        return net

    def _steps(self) -> list[int]:
        """Shifts of which some add up to any number of 0 to ``halves``, if each is taken where
        it leaves no more than those after it can do.
        """
        left, steps = self.halves, []
        while left:
            steps.append(-(-left // 2))
            left //= 2
        return steps

    def _aligned(self, net: Netlist, v: int) -> tuple[int, list[tuple[int, int]]]:
        """Give v 4**(halves - k), which is below 4**(halves + 1), and the steps of its shifts."""
        top, taken = 2 * self.halves + 2, []
        for step in self._steps():
            # no bit among the highest 2 * step: v < 4**(halves + 1 - step)
            low = net.invert(net.any(net.low(v, 2 * step, top - 2 * step)))
            moved = net.narrow(net.shl(v, 2 * step), 0, (1 << top) - 1)
            v = net.mux(low, moved, v)
            taken.append((low, step))
        return v, taken

    def _mantissa(self, net: Netlist, aligned: int) -> int:
        drop = 2 * self.halves - self.root.input_type.fraction
        return net.shr(aligned, drop) if drop >= 0 else net.shl(aligned, -drop)

    def _shifted(self, net: Netlist, a: int, steps: list[tuple[int, int]]) -> int:
        """Floor of a over 2**k: by the steps that were not taken."""
        for taken, step in steps:
            a = net.mux(taken, a, net.shr(a, step))
        return a

    def hls(self, choice: Implementation) -> HlsBlock:
        """Two trees of sums, one look-up, and two products per element."""
        t, mantissa = self.input_type, self.root.input_type
        offsets = integers(self.offset)
        scale_t = code_type(self.scale_type)
        lo, hi = self._ends()
        product = self.spread << self.root.output_type.width + max(self.lift, 0)
        down = 2 * self.halves - mantissa.fraction
        return HlsBlock(
            "layernorm.h",
            "layernorm",
            {
                "size": self.size,
                "extra": self.extra,
                "halves": self.halves,
                "up": max(-down, 0),
                "down": max(down, 0),
                "lift": self.lift,
            },
            {
                "sum_t": signed_type(self.size * (t.code_min - 1), self.size * t.code_max),
                "centred_t": signed_type(-self.spread - 1, self.spread + 1),
                "variance_t": int_type(0, self.largest),
                "aligned_t": int_type(0, (4 << max(2 * self.halves, mantissa.fraction)) - 1),
                "mantissa_t": mantissa.spell(),
                "root_t": self.root.output_type.spell(),
                "product_t": signed_type(-product - 1, product),
                "scale_t": scale_t,
                "offset_t": type_of(offsets),
                "accum_t": least_type(min(lo, -1), hi, self.accum_fraction).spell(),
            },
            {
                "count": (signed_type(self.size), self.size),
                "epsilon": (int_type(0, self.epsilon), self.epsilon),
            },
            (
                Array("scales", scale_t, integers(self.scale), "[size]"),
                Array("offsets", type_of(offsets), offsets, "[size]"),
            ),
            depth=40 + 4 * self.size.bit_length(),
            body=self.root.hls(choice),
        )

    def _ends(self) -> tuple[int, int]:
        """Bounds of the scaled elements before they are converted."""
        reach = np.abs(self.scale.astype(object)) * self.reach
        offset = self.offset.astype(object)
        return int((offset - reach).min()), int((offset + reach).max())


def _halves(v: Codes, most: int) -> Codes:
    """Largest k with v >= 4**k."""
    powers = np.array([4**k for k in range(1, most + 1)], dtype=v.dtype)
    return np.searchsorted(powers, v, side="right").astype(v.dtype)
