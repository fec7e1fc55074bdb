"""Affine: y = x s + b per element, for batch normalisation and quantizers' scales."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from converter.carriers import carried, exact_dtype, integer_dtype
from converter.graph import Bounds, Implementation
from converter.hls_block import HlsBlock, array_of_beats, code_type, integers
from converter.netlist.nodes import Netlist
from converter.rtl.beat_constants import BeatConstants
from converter.rtl.elementwise import Lanes
from converter.types import Codes, Fixed, least_type
from converter.units.base import Elementwise, Plain, each_beat_of


@dataclass(frozen=True, eq=False)
class Affine(Plain, Elementwise):
    """``scale``: int codes [size] of ``scale_type``; ``offset``: int codes [size] at
    ``accum_type``'s fraction, which is at least that of the products.
    """

    scale: Codes
    scale_type: Fixed
    offset: Codes
    input_type: Fixed
    accum_type: Fixed

    @property
    def size(self) -> int:
        """Number of elements."""
        return int(self.scale.shape[0])

    @property
    def output_type(self) -> Fixed:
        """The exact type of the results."""
        return self.accum_type

    @property
    def shift(self) -> int:
        """Left shift that aligns a product to the accumulator."""
        return self.accum_type.fraction - self.input_type.fraction - self.scale_type.fraction

    def bounds(self, inputs: tuple[Bounds, ...]) -> Bounds:
        """Exact: linear in each element."""
        (x,) = inputs
        scale, offset = self.scale.astype(object) * (1 << self.shift), self.offset.astype(object)
        ends = (x.lo.astype(object) * scale + offset, x.hi.astype(object) * scale + offset)
        dtype: Any = integer_dtype(self.accum_type.width)
        return Bounds(np.minimum(*ends).astype(dtype), np.maximum(*ends).astype(dtype))

    def emulate(self, *inputs: Codes) -> Codes:
        """Codes [batch, size] -> [batch, size]."""
        (x,) = inputs
        scale, offset = self._operands
        return carried(x, scale.dtype) * scale + offset

    @cached_property
    def _operands(self) -> tuple[Codes, Codes]:
        """Shifted scale and offset in the fastest dtype that is exact."""
        limit = max(-self.input_type.code_min, self.input_type.code_max)
        scale = self.scale.astype(object) * (1 << self.shift)
        bound = int((np.abs(scale) * limit + np.abs(self.offset.astype(object))).max())
        dtype: Any = exact_dtype(bound)
        return scale.astype(dtype), self.offset.astype(dtype)

    def lanes(self, choice: Implementation) -> Lanes:
        """All elements in one netlist, since each has its own constants."""
        del choice
        return Lanes(self._netlist, (self.input_type, self.accum_type), 1, (self.size, self.size))

    def _netlist(self) -> Netlist:
        net, t = Netlist(), self.input_type
        inputs = [net.input(t.code_min, t.code_max) for _ in range(self.size)]
        for x, scale, offset in zip(inputs, self.scale, self.offset, strict=True):
            product = net.shl(net.times(x, int(scale)), self.shift)
            net.outputs.append(net.add(product, net.const(int(offset))))
        return net

    def by_beat(self, lanes: int) -> BeatConstants:
        """Products of two variables, and sums."""
        offsets = integers(self.offset)
        types = (self.input_type, self.scale_type, least_type(min(offsets), max(offsets), 0))

        def built() -> Netlist:
            net = Netlist()
            operands = [[net.input(*t.ends) for _ in range(lanes)] for t in types]
            for x, scale, offset in zip(*operands, strict=True):
                product = net.shl(net.product(x, scale), self.shift)
                net.outputs.append(net.add(product, offset))
            return net

        constants = (self.scale.reshape(-1, lanes), self.offset.reshape(-1, lanes))
        whole = Lanes(built, (*types, self.accum_type), 1, (lanes,) * 4)
        return BeatConstants(whole, constants)

    def hls(self, choice: Implementation) -> HlsBlock:
        """All products side by side."""
        return self.hls_beat(choice, self.size)

    def of_beat(self, lanes: int) -> Affine | None:
        """The products of one beat where all beats have the same constants."""
        scale, offset = (each_beat_of(v, lanes) for v in (self.scale, self.offset))
        return (
            None if scale is None or offset is None else replace(self, scale=scale, offset=offset)
        )

    def hls_beat(self, choice: Implementation, lanes: int) -> HlsBlock:
        """The products of one beat; with one set of constants where all beats have the same."""
        del choice
        about = "[size]"
        scales = array_of_beats("scales", self.scale, about, lanes, code_type(self.scale_type))
        offsets = array_of_beats("offsets", self.offset, about, lanes)
        return HlsBlock(
            "affine.h",
            "affine",
            {"size": lanes, "shift": self.shift},
            {"scale_t": scales.type, "offset_t": offsets.type},
            arrays=(scales, offsets),
            depth=8,
        )
