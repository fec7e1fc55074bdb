"""Affine: y = x s + b per element, for batch normalisation and quantizers' scales."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from converter.graph import Bounds
from converter.types import Codes, Fixed, exact_dtype
from converter.units.base import Plain


@dataclass(frozen=True, eq=False)
class Affine(Plain):
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
        return Bounds(np.minimum(*ends), np.maximum(*ends))

    def emulate(self, *inputs: Codes) -> Codes:
        """Codes [batch, size] -> [batch, size]."""
        (x,) = inputs
        limit = max(-self.input_type.code_min, self.input_type.code_max)
        scale = self.scale.astype(object) * (1 << self.shift)
        bound = int((np.abs(scale) * limit + np.abs(self.offset.astype(object))).max())
        dtype: Any = exact_dtype(bound)
        return x.astype(dtype, copy=False) * scale.astype(dtype) + self.offset.astype(dtype)
