"""Table: an elementwise function by look-up in a read-only memory."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from converter.graph import Bounds
from converter.types import Codes, Fixed
from converter.units.base import Plain


@dataclass(frozen=True, eq=False)
class Table(Plain):
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
        whole = codes.astype(np.int64) if codes.dtype.kind == "f" else codes
        index = (whole >> self.shift) + self.offset
        return np.clip(index, 0, len(self.entries) - 1).astype(np.int64)

    def bounds(self, inputs: tuple[Bounds, ...]) -> Bounds:
        """Extremes over the entries that each element can reach."""
        (x,) = inputs
        lo, hi = self.index(x.lo), self.index(x.hi)
        spans = [self.entries[a : b + 1] for a, b in zip(lo, hi, strict=True)]
        return Bounds(np.array([s.min() for s in spans]), np.array([s.max() for s in spans]))

    def emulate(self, *inputs: Codes) -> Codes:
        """Codes [batch, size] -> [batch, size]."""
        (x,) = inputs
        return self.entries[self.index(x)]
