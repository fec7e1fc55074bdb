"""PRelu: a rectifier with a slope of each element's own below 0."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from converter.carriers import whole
from converter.graph import Bounds, Implementation
from converter.hls_block import HlsBlock, array_of_beats, code_type, integers
from converter.netlist.nodes import Netlist
from converter.rtl.beat_constants import BeatConstants
from converter.rtl.elementwise import Lanes
from converter.types import Codes, Fixed
from converter.units.base import Elementwise, Plain, each_beat_of


@dataclass(frozen=True, eq=False)
class PRelu(Plain, Elementwise):
    """x from 0 on, ``slope`` x below, converted to the output type.

    ``slope``: int codes [size] of ``slope_type``.
    """

    slope: Codes
    slope_type: Fixed
    input_type: Fixed
    output_type: Fixed

    @property
    def size(self) -> int:
        """Number of elements."""
        return int(self.slope.shape[0])

    def bounds(self, inputs: tuple[Bounds, ...]) -> Bounds:
        """Exact where the conversion saturates: each side is a line."""
        (x,) = inputs
        if not self.output_type.saturates:
            return Bounds.of_type(self.output_type, self.size)
        points = [x.lo, x.hi, np.clip(-1, x.lo, x.hi), np.clip(0, x.lo, x.hi)]
        codes = [self.emulate(p[np.newaxis])[0] for p in points]
        return Bounds(np.minimum.reduce(codes), np.maximum.reduce(codes))

    def emulate(self, *inputs: Codes) -> Codes:
        """Codes [batch, size] -> [batch, size]."""
        (x,) = inputs
        x = whole(x)
        fraction, slope = self.input_type.fraction, self._slope
        above = self.output_type.cast(x, fraction)
        line = x.astype(slope.dtype, copy=False) * slope
        below = self.output_type.cast(line, fraction + self.slope_type.fraction)
        dtype: Any = np.result_type(above, below)
        return np.where(x >= 0, above.astype(dtype), below.astype(dtype))

    @cached_property
    def _slope(self) -> Codes:
        """In a dtype that holds the products."""
        wide = self.input_type.width + self.slope_type.width > 62
        return self.slope.astype(object if wide else np.int64)

    def lanes(self, choice: Implementation) -> Lanes:
        """All elements in one netlist, since each has its own slope."""
        del choice
        return Lanes(self._netlist, (self.input_type, self.output_type), 1, (self.size, self.size))

    def _netlist(self) -> Netlist:
        net, t = Netlist(), self.input_type
        inputs = [net.input(t.code_min, t.code_max) for _ in range(self.size)]
        for x, slope in zip(inputs, integers(self.slope), strict=True):
            net.outputs.append(self._element(net, x, net.const(slope)))
        return net

    def _element(self, net: Netlist, x: int, slope: int) -> int:
        t, fraction = self.input_type, self.input_type.fraction
        y = net.cast(net.narrow(x, 0, t.code_max), fraction, self.output_type)
        if not t.signed:
            return y
        line = net.product(x, slope)
        below = net.cast(line, fraction + self.slope_type.fraction, self.output_type)
        return net.mux(net.negative(x), below, y)

    def by_beat(self, lanes: int) -> BeatConstants:
        """Products of two variables."""
        types = (self.input_type, self.slope_type)

        def built() -> Netlist:
            net = Netlist()
            operands = [[net.input(*t.ends) for _ in range(lanes)] for t in types]
            net.outputs += [
                self._element(net, x, slope) for x, slope in zip(*operands, strict=True)
            ]
            return net

        whole = Lanes(built, (*types, self.output_type), 1, (lanes,) * 3)
        return BeatConstants(whole, (self.slope.reshape(-1, lanes),))

    def hls(self, choice: Implementation) -> HlsBlock:
        """All elements side by side."""
        return self.hls_beat(choice, self.size)

    def of_beat(self, lanes: int) -> PRelu | None:
        """The elements of one beat where all beats have the same slopes, or need none."""
        slope = each_beat_of(self.slope if self.input_type.signed else 0 * self.slope, lanes)
        return None if slope is None else replace(self, slope=slope)

    def hls_beat(self, choice: Implementation, lanes: int) -> HlsBlock:
        """The elements of one beat; with one set of slopes where all beats have the same."""
        del choice
        width = self.input_type.width + 1 + self.slope_type.width
        product = Fixed(width, width - self.input_type.fraction - self.slope_type.fraction)
        kind = code_type(self.slope_type)
        slopes = array_of_beats("slopes", self.slope, "[size]", lanes, kind)
        return HlsBlock(
            "prelu.h",
            "prelu",
            {"size": lanes},
            {"slope_t": kind, "product_t": product.spell()},
            arrays=(slopes,),
            depth=10,
        )
