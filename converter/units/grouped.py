"""GroupedMatVec: matrix-vector products side by side, each of its own part of the input."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from converter.carriers import carried
from converter.graph import frozen_array
from converter.types import Codes, Fixed
from converter.units.base import OneBeat
from converter.units.matvec import MatVec
from converter.units.product import MatrixProduct
from converter.units.window import Window


@dataclass(frozen=True, eq=False)
class GroupedMatVec(MatrixProduct, OneBeat):
    """For each group g: y[g] = x[g] weights[g] + bias[g].

    ``weights``: int codes [groups, n_in, n_out] of ``weight_type``, sizes of one group.
    ``bias``: int codes [groups * n_out] at ``accum_type``'s fraction. The input is
    [groups * n_in], the output [groups * n_out].
    """

    weights: Codes
    weight_type: Fixed
    bias: Codes
    input_type: Fixed
    accum_type: Fixed

    @cached_property
    def matrix(self) -> MatVec:
        """One sparse matrix, with zeros between what is of different groups."""
        groups, n_in, n_out = self.weights.shape
        weights = np.zeros((groups, n_in, groups, n_out), self.weights.dtype)
        weights[np.arange(groups), :, np.arange(groups)] = self.weights
        whole = frozen_array(weights.reshape(groups * n_in, groups * n_out))
        return MatVec(whole, self.weight_type, self.bias, self.input_type, self.accum_type)

    def emulate(self, *inputs: Codes) -> Codes:
        """Codes [batch, groups * n_in] -> [batch, groups * n_out]."""
        (x,) = inputs
        weights, bias = self._operands
        parts = carried(x, weights.dtype).reshape(len(x), self.groups, self.n_in)
        out = (parts.transpose(1, 0, 2) @ weights).transpose(1, 0, 2).reshape(len(x), self.size)
        out += bias
        return out

    def slide(self, x: Codes, window: Window, fill: int) -> Codes:
        """Codes [batch, input size] -> [batch, positions, groups * n_out]; for single channels
        element by element of the kernel, without gathering windows.
        """
        codes = carried(x, self._operands[0].dtype)
        out = np.empty((len(x), window.positions, self.size), codes.dtype)
        single = self.groups == window.channels
        step = window.block_rows
        for start in range(0, len(x), step):
            part, sums = codes[start : start + step], out[start : start + step]
            if single:
                sums[:] = self._slide_channels(window.view(part, fill))
            else:
                windows = window.gather(part, fill).reshape(-1, window.elements)
                sums[:] = self.emulate(windows).reshape(sums.shape)
        return out

    def _slide_channels(self, seen: Codes) -> Codes:
        """Windows [batch, out rows, out columns, kernel rows, kernel columns, channels] ->
        [batch, positions, channels * n_out].
        """
        weights, bias = self._operands
        rows, columns = seen.shape[3:5]
        kernel = weights.reshape(self.groups, rows, columns, self.n_out).transpose(1, 2, 0, 3)
        sums = np.empty((*seen.shape[:3], self.groups, self.n_out), seen.dtype)
        sums[:] = bias.reshape(self.groups, self.n_out)
        for i, j in np.ndindex(rows, columns):
            sums += seen[:, :, :, i, j, :, np.newaxis] * kernel[i, j]
        return sums.reshape(len(seen), -1, self.size)
