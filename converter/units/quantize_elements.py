"""QuantizeElements: a conversion in which each element has a type of its own, as HGQ trains them.

The edge has one type, the hull, that holds them all; an element's own codes are
shifted to the hull's fraction, so that what follows needs to know nothing of them.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from converter.carriers import integer_dtype, widened
from converter.errors import ConfigError
from converter.graph import Bounds, Implementation
from converter.hls_block import HlsBlock, array_of_beats
from converter.netlist.nodes import Netlist
from converter.rtl.beat_constants import BeatConstants
from converter.rtl.elementwise import Lanes
from converter.types import Codes, Fixed, Overflow, Rounding, conversion_dtype
from converter.units.base import Elementwise, Plain, each_beat_of

Bits = npt.NDArray[np.int64]
Group = tuple[Bits, Fixed | None]

OVERFLOWS = (Overflow.WRAP, Overflow.SAT, Overflow.SAT_SYM)

ROUNDINGS = (
    Rounding.TRN, Rounding.RND, Rounding.RND_CONV, Rounding.TRN_ZERO, Rounding.RND_ZERO,
    Rounding.RND_MIN_INF, Rounding.RND_INF,
)  # fmt: skip
"""In the order that ``hlslib/quantize_elements.h`` numbers them in."""


@dataclass(frozen=True, eq=False)
class QuantizeElements(Plain, Elementwise):
    """Element i is converted to ``width[i]`` bits, ``fraction[i]`` of them right of the point.

    ``width``, ``fraction``, ``signed``: [size]; an element of no bits is the constant 0.
    ``output_type``: the hull, of the largest fraction or a finer one. ``rounding`` and
    ``overflow`` hold for all.
    """

    input_type: Fixed
    output_type: Fixed
    width: Bits
    fraction: Bits
    signed: Bits
    rounding: Rounding
    overflow: Overflow

    def __post_init__(self) -> None:
        if self.overflow not in OVERFLOWS:
            raise ConfigError(
                f"overflow {self.overflow.value} of single elements is not there; it must be one "
                f"of {', '.join(o.value for o in OVERFLOWS)}"
            )
        finest = int(self.fraction[self.width > 0].max(initial=self.output_type.fraction))
        if finest > self.output_type.fraction:
            raise ConfigError(
                f"an element has {finest} fraction bits; the hull {self.output_type} has only "
                f"{self.output_type.fraction}"
            )

    @property
    def size(self) -> int:
        """Number of elements."""
        return int(self.width.shape[0])

    def element_type(self, i: int) -> Fixed | None:
        """The type of one element; None where it has no bits."""
        width = int(self.width[i])
        if width == 0:
            return None
        integer = width - int(self.fraction[i])
        return Fixed(width, integer, bool(self.signed[i]), self.rounding, self.overflow)

    @cached_property
    def _groups(self) -> tuple[Group, ...]:
        """The elements of each type that there is."""
        _, first = np.unique(self._kinds, return_index=True)
        order = np.argsort(self._kinds, kind="stable")
        parts = np.split(order, np.cumsum(np.bincount(self._kinds))[:-1])
        return tuple((w, self.element_type(int(i))) for w, i in zip(parts, first, strict=True))

    @cached_property
    def _kinds(self) -> Bits:
        """The number of the type of each element, from 0 on: [size]."""
        kinds = np.stack([self.width, self.fraction, self.signed], axis=1)
        kinds = kinds * (self.width > 0)[:, None]
        _, which = np.unique(kinds, axis=0, return_inverse=True)
        return which.ravel()

    def bounds(self, inputs: tuple[Bounds, ...]) -> Bounds:
        """Exact where an element saturates or does not overflow, else all that its type holds."""
        (x,) = inputs
        dtype: Any = integer_dtype(self.output_type.width)
        lo, hi = np.zeros(self.size, dtype), np.zeros(self.size, dtype)
        for where, t in self._groups:
            if t is not None:
                shift = self.output_type.fraction - t.fraction
                ends = _attainable(t, Bounds(x.lo[where], x.hi[where]), self.input_type.fraction)
                lo[where], hi[where] = (e.astype(object) << shift for e in (ends.lo, ends.hi))
        return Bounds(lo, hi)

    def emulate(self, *inputs: Codes) -> Codes:
        """Codes [batch, size] -> [batch, size]."""
        (x,) = inputs
        x = widened(x, self._carrier)
        dtype = x.dtype if x.dtype.kind == "f" else integer_dtype(self.output_type.width)
        out: Codes = np.zeros(x.shape, dtype)
        for where, t in self._groups:
            if t is not None:
                codes = t.cast(x.take(where, axis=1), self.input_type.fraction)
                out[:, where] = codes * (1 << self.output_type.fraction - t.fraction)
        return out

    @cached_property
    def _carrier(self) -> np.dtype[Any]:
        return conversion_dtype(self.input_type, self.output_type)

    def lanes(self, choice: Implementation) -> Lanes:
        """All elements in one netlist, since each has its own type."""
        del choice
        return Lanes(self._netlist, (self.input_type, self.output_type), 1, (self.size, self.size))

    def _netlist(self) -> Netlist:
        net, x = Netlist(), self.input_type
        inputs = [net.input(x.code_min, x.code_max) for _ in range(self.size)]
        net.outputs += [self._element(net, a, i) for i, a in enumerate(inputs)]
        return net

    def _element(self, net: Netlist, a: int, i: int) -> int:
        """The code of a node, as element i has it."""
        t = self.element_type(i)
        if t is None:
            return net.const(0)
        shift = self.output_type.fraction - t.fraction
        return net.shl(net.cast(a, self.input_type.fraction, t), shift)

    def by_beat(self, lanes: int) -> BeatConstants:
        """All types that a lane has, and a selection of one of them."""
        index = self._kinds.reshape(-1, lanes)
        kinds = [np.unique(column, return_index=True, return_inverse=True) for column in index.T]
        most = max(len(first) for _, first, _ in kinds)
        which = Fixed(max((most - 1).bit_length(), 1), 1, False)

        def built() -> Netlist:
            net = Netlist()
            inputs = [net.input(*self.input_type.ends) for _ in range(lanes)]
            for k, (a, (_, first, _)) in enumerate(zip(inputs, kinds, strict=True)):
                beat = net.input(0, len(first) - 1)
                ways = [self._element(net, a, int(f) * lanes + k) for f in first]
                net.outputs.append(net.select(beat, ways))
            return net

        whole = Lanes(built, (self.input_type, which, self.output_type), 1, (lanes,) * 3)
        return BeatConstants(whole, (np.stack([kind.ravel() for _, _, kind in kinds], axis=1),))

    def hls(self, choice: Implementation) -> HlsBlock:
        """Wires, and an adder for each element that is rounded."""
        return self.hls_beat(choice, self.size)

    def of_beat(self, lanes: int) -> QuantizeElements | None:
        """The elements of one beat where all beats have the same types."""
        width, fraction, signed = (
            each_beat_of(v, lanes) for v in (self.width, self.fraction, self.signed)
        )
        if width is None or fraction is None or signed is None:
            return None
        return replace(self, width=width, fraction=fraction, signed=signed)

    def hls_beat(self, choice: Implementation, lanes: int) -> HlsBlock:
        """One beat; constants that are the same in all beats are there once."""
        del choice
        x, y = self.input_type, self.output_type
        align = max(y.fraction - x.fraction, 0)
        longest = x.width + align + 1  # dropping more than this gives what dropping this gives
        drops = np.minimum(x.fraction + align - self.fraction, longest)
        drops, lefts = (np.where(self.width > 0, v, 0) for v in (drops, y.fraction - self.fraction))
        wide = max(longest, int(drops.max()), y.width + 1) + 2
        numbers = {"size": lanes, "align": align}
        numbers |= {"rounding": ROUNDINGS.index(self.rounding), "wide": wide}
        arrays = [("drops", drops, "bits to drop"), ("lefts", lefts, "shift to the hull")]
        if self.overflow is Overflow.WRAP:
            widths = np.minimum(self.width, wide)
            arrays += [("widths", widths, "bits to keep"), ("signs", self.signed, "signed")]
        else:
            lows, highs = self._ends()
            arrays += [("lows", lows, "least codes"), ("highs", highs, "largest codes")]
        name = "wrap_elements" if self.overflow is Overflow.WRAP else "saturate_elements"
        made = [array_of_beats(n, v, f"[size], {about}", lanes) for n, v, about in arrays]
        types = {f"{a.name}_t": a.type for a in made}
        return HlsBlock("quantize_elements.h", name, numbers, types, arrays=tuple(made))

    def _ends(self) -> tuple[Codes, Codes]:
        """Least and largest code of each element, in the hull's codes; the hull holds all that
        can occur.
        """
        lo: Codes = np.zeros(self.size, object)
        hi, hull = lo.copy(), self.output_type.ends
        for where, t in self._groups:
            if t is not None:
                shift = self.output_type.fraction - t.fraction
                lo[where] = max(t.code_min << shift, hull[0])
                hi[where] = min(t.code_max << shift, hull[1])
        return lo, hi


def _attainable(t: Fixed, x: Bounds, fraction: int) -> Bounds:
    """Codes of ``t`` that a conversion of codes within ``x`` at ``fraction`` can give."""
    if t.overflow is not Overflow.WRAP:
        return Bounds(t.cast(x.lo, fraction), t.cast(x.hi, fraction))
    lo, hi = (rounded_codes(side, fraction, t.fraction, t.rounding) for side in (x.lo, x.hi))
    inside = (lo >= t.code_min) & (hi <= t.code_max)
    return Bounds(np.where(inside, lo, t.code_min), np.where(inside, hi, t.code_max))


def rounded_codes(codes: Codes, fraction: int, to: int, rounding: Rounding) -> Codes:
    """Codes at the fraction ``to``, in Python integers; nothing overflows."""
    largest = max((abs(int(c)) for c in codes), default=0) << max(to - fraction, 0)
    width = largest.bit_length() + 2
    return Fixed(width, width - to, True, rounding).cast(codes.astype(object), fraction)
