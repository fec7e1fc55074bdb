"""Softmax by two tables, right for logits of any width.

With m = max x: e_i = exp(x_i - m) from a table over the attainable range of m - x,
s = sum e (exact), 1/s from a table over the mantissa of s, and y_i = e_i / s. Where
hls4ml indexes the tables with bits that the logits do not reach, the index here is
taken from the logits' own step and clipped where exp falls below half a step of the
table, and the sum is normalised to [1, 2) before it is looked up.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from converter.graph import Bounds
from converter.types import Codes, Fixed
from converter.units.base import Plain


@dataclass(frozen=True, eq=False)
class Softmax(Plain):
    """Softmax over all ``size`` elements.

    ``exp_entries[min((m - x) >> exp_shift, n - 1)]`` is e at ``exp_fraction`` fraction bits,
    at most 1. ``inverse_entries`` has 2**b entries: the reciprocal of [1, 2) at
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
        """The output type's range between 0 and 1, whatever the inputs."""
        del inputs
        one = min(1 << max(self.output_type.fraction, 0), self.output_type.code_max)
        zeros = np.zeros(self.size, np.int64)
        return Bounds(zeros, np.full(self.size, one, np.int64))

    def emulate(self, *inputs: Codes) -> Codes:
        """Codes [batch, size] -> [batch, size]."""
        (x,) = inputs
        whole = x.astype(np.int64) if x.dtype.kind == "f" else x
        distance = (whole.max(axis=1, keepdims=True) - whole) >> self.exp_shift
        index = np.minimum(distance, len(self.exp_entries) - 1).astype(np.int64)
        exps = self.exp_entries[index]
        return self._normalise(exps, exps.sum(axis=1, keepdims=True))

    def _normalise(self, exps: Codes, sums: Codes) -> Codes:
        exponent = np.zeros_like(sums)
        for k in range(1, self.exponents + 1):
            exponent += sums >> self.exp_fraction + k > 0
        drop = self.exp_fraction + exponent - self.inverse_bits
        index = (sums >> drop) - (1 << self.inverse_bits)
        inverse = self.inverse_entries[index] << (self.exponents - exponent)
        fraction = self.exp_fraction + self.inverse_fraction + self.exponents
        return self.output_type.cast(exps * inverse, fraction)
