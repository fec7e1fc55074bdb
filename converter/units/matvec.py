"""MatVec: y = x W + b with constant integer weights, accumulated without loss."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from converter.carriers import carried
from converter.types import Codes, Fixed
from converter.units.base import OneBeat
from converter.units.product import MatrixProduct
from converter.units.window import Window


@dataclass(frozen=True, eq=False)
class MatVec(MatrixProduct, OneBeat):
    """A matrix-vector product: one group, without an axis for it.

    ``weights``: int codes [n_in, n_out] of ``weight_type``. ``bias``: int codes [n_out] at
    ``accum_type``'s fraction.
    """

    weights: Codes
    weight_type: Fixed
    bias: Codes
    input_type: Fixed
    accum_type: Fixed

    @property
    def matrix(self) -> MatVec:
        """The product itself."""
        return self

    @cached_property
    def _weights_and_bias(self) -> Codes:
        return np.vstack(self._operands)

    def emulate(self, *inputs: Codes) -> Codes:
        """Codes [batch, n_in] -> [batch, n_out]; BLAS where floats are exact."""
        (x,) = inputs
        weights, bias = self._operands
        out: Codes = carried(x, weights.dtype) @ weights
        out += bias
        return out

    def slide(self, x: Codes, window: Window, fill: int) -> Codes:
        """Codes [batch, input size] -> [batch, positions, n_out]; by blocks that fit a cache.

        The bias is one more weight, of an element that is 1.
        """
        if window.trivial:
            return self.emulate(x.reshape(-1, self.n_in)).reshape(len(x), -1, self.n_out)
        operands = self._weights_and_bias
        out = np.empty((len(x), window.positions, self.n_out), operands.dtype)
        step = max(1, min(window.block_rows, len(x)))
        windows = np.empty((step, window.positions, self.n_in + 1), operands.dtype)
        windows[:, :, -1] = 1
        codes = carried(x, operands.dtype)
        seen, places = window.source_and_places(codes, fill, windows[:, :, :-1])
        for start in range(0, len(x), step):
            sums = out[start : start + step]
            np.copyto(places[: len(sums)], seen[start : start + step])
            np.matmul(windows[: len(sums)], operands, out=sums)
        return out
