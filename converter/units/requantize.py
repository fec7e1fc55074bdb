"""Requantize: a conversion to another type, with a rectifier on the way."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from converter.carriers import whole, widened
from converter.graph import Bounds, Implementation
from converter.hls_block import HlsBlock, code_type, signed_type
from converter.netlist.nodes import Netlist
from converter.rtl.elementwise import Lanes
from converter.types import Codes, Fixed, conversion_dtype, least_type
from converter.units.base import Elementwise, Plain


@dataclass(frozen=True)
class Relu:
    """Keras' ReLU with all its arguments, in codes.

    For an input code x: ``x >= ceiling`` gives the output code ``ceiling_out``; else
    ``x >= threshold`` gives x converted; else ``slope * x - offset``, which has
    ``slope_fraction`` more fraction bits than x, converted. ``ceiling`` None: no ceiling.
    """

    threshold: int = 0
    slope: int = 0
    slope_fraction: int = 0
    offset: int = 0
    ceiling: int | None = None
    ceiling_out: int = 0

    @property
    def plain(self) -> bool:
        """max(x, 0) and no more."""
        return self == Relu()


@dataclass(frozen=True)
class Requantize(Plain, Elementwise):
    """Elementwise conversion of ``size`` codes from ``input_type`` to ``output_type``."""

    size: int
    input_type: Fixed
    output_type: Fixed
    relu: Relu | None = None

    def bounds(self, inputs: tuple[Bounds, ...]) -> Bounds:
        """The function is monotone or has its extremes at the ends, the kink and the ceiling."""
        (x,) = inputs
        points = [x.lo, x.hi]
        for kink in self._kinks():
            points += [np.clip(kink - 1, x.lo, x.hi), np.clip(kink, x.lo, x.hi)]
        if not self.output_type.saturates:
            return Bounds.of_type(self.output_type, self.size)
        codes = [self.emulate(p[np.newaxis])[0] for p in points]
        return Bounds(np.minimum.reduce(codes), np.maximum.reduce(codes))

    def emulate(self, *inputs: Codes) -> Codes:
        """Codes [batch, size] -> [batch, size]."""
        (x,) = inputs
        x, fraction, ends = (
            widened(x, self._carrier),
            self.input_type.fraction,
            self.input_type.ends,
        )
        if self.relu is None:
            return self.output_type.cast(x, fraction, ends)
        if not self.relu.plain:
            return self._rectify(whole(x), self.relu)
        if self.output_type.saturates and not self.output_type.signed:
            return self.output_type.cast(x, fraction, ends)  # which clips at 0
        return self.output_type.cast(np.maximum(x, 0), fraction, (0, ends[1]))

    @cached_property
    def _carrier(self) -> np.dtype[Any]:
        return conversion_dtype(self.input_type, self.output_type)

    def hls(self, choice: Implementation) -> HlsBlock:
        """A conversion, behind a rectifier of the simplest kind that will do."""
        del choice
        size = {"size": self.size}
        if self.relu is None:
            return HlsBlock("requantize.h", "requantize", size)
        if self.relu.plain:
            return HlsBlock("requantize.h", "relu", size)
        return self._hls_rectify(self.relu)

    def _hls_rectify(self, relu: Relu) -> HlsBlock:
        ends = (self.input_type.code_min - 1, self.input_type.code_max)
        line = [relu.slope * code - relu.offset for code in ends]
        fraction = self.input_type.fraction + relu.slope_fraction
        below = least_type(min(-1, *line), max(line), fraction)
        scalars = {
            "threshold": relu.threshold,
            "slope": relu.slope,
            "offset": relu.offset,
            "ceiling": relu.ceiling or 0,
        }
        typed = {name: (signed_type(value), value) for name, value in scalars.items()}
        typed["ceiling_out"] = (code_type(self.output_type), relu.ceiling_out)
        return HlsBlock(
            "requantize.h",
            "rectify",
            {"size": self.size, "has_ceiling": int(relu.ceiling is not None)},
            {"below_t": below.spell()},
            typed,
            depth=8,
        )

    def lanes(self, choice: Implementation) -> Lanes:
        """One lane per element."""
        del choice
        return Lanes(self._netlist, (self.input_type, self.output_type), self.size)

    def _netlist(self) -> Netlist:
        net, t, fraction = Netlist(), self.input_type, self.input_type.fraction
        x, relu = net.input(t.code_min, t.code_max), self.relu
        if relu is None:
            net.outputs.append(net.cast(x, fraction, self.output_type))
            return net
        least = min(max(relu.threshold, t.code_min), t.code_max)
        y = net.cast(net.narrow(x, least, t.code_max), fraction, self.output_type)
        if t.code_min < relu.threshold:
            below = net.add(net.times(x, relu.slope), net.const(-relu.offset))
            low = net.cast(below, fraction + relu.slope_fraction, self.output_type)
            y = net.mux(net.at_least(x, net.const(relu.threshold)), y, low)
        if relu.ceiling is not None:
            above = net.at_least(x, net.const(relu.ceiling))
            y = net.mux(above, net.const(relu.ceiling_out), y)
        net.outputs.append(y)
        return net

    def _rectify(self, x: Codes, relu: Relu) -> Codes:
        fraction = self.input_type.fraction
        out = self.output_type.cast(x, fraction)
        largest = max(-self.input_type.code_min, self.input_type.code_max)
        small = largest * abs(relu.slope) + abs(relu.offset) < 1 << 62
        below = (x if small else x.astype(object)) * relu.slope - relu.offset
        low = self.output_type.cast(below, fraction + relu.slope_fraction)
        out = np.where(x >= relu.threshold, out, low.astype(out.dtype))
        if relu.ceiling is None:
            return out
        return np.where(x >= relu.ceiling, out.dtype.type(relu.ceiling_out), out)

    def _kinks(self) -> list[int]:
        if self.relu is None:
            return []
        return [self.relu.threshold, *([] if self.relu.ceiling is None else [self.relu.ceiling])]
