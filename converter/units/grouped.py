"""GroupedMatVec: matrix-vector products side by side, each of its own part of the input."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from converter.carriers import carried, exact_dtype, narrowed
from converter.graph import Bounds, Implementation, Strategy, frozen_array
from converter.hls_block import Array, HlsBlock, code_type, integers, type_of
from converter.types import Codes, Fixed
from converter.units.base import HlsOnly, OneBeat
from converter.units.matvec import MatVec, check_product, exact_product, reuse_choices
from converter.units.window import Window


@dataclass(frozen=True, eq=False)
class GroupedMatVec(OneBeat, HlsOnly):
    """For each group g: y[g] = x[g] weights[g] + bias[g].

    ``weights``: int codes [groups, n_in, n_out] of ``weight_type``, sizes of one group.
    ``bias``: int codes [groups * n_out] at ``accum_type``'s fraction. The input is
    [groups * n_in], the output [groups * n_out]. ``accum_type`` holds every partial sum, as in
    ``MatVec``.
    """

    weights: Codes
    weight_type: Fixed
    bias: Codes
    input_type: Fixed
    accum_type: Fixed

    @property
    def groups(self) -> int:
        """Number of products."""
        return int(self.weights.shape[0])

    @property
    def n_in(self) -> int:
        """Inputs of one group."""
        return int(self.weights.shape[1])

    @property
    def n_out(self) -> int:
        """Outputs of one group."""
        return int(self.weights.shape[2])

    @property
    def size(self) -> int:
        """Number of outputs."""
        return self.groups * self.n_out

    @property
    def output_type(self) -> Fixed:
        """The accumulator's type."""
        return self.accum_type

    @property
    def shift(self) -> int:
        """Left shift that aligns a product to the accumulator."""
        return self.accum_type.fraction - self.input_type.fraction - self.weight_type.fraction

    def bounds(self, inputs: tuple[Bounds, ...]) -> Bounds:
        """Interval arithmetic with the known weights."""
        (x,) = inputs
        lo, hi = (side.reshape(self.groups, 1, self.n_in) for side in (x.lo, x.hi))
        up, down = np.maximum(self.weights, 0), np.minimum(self.weights, 0)
        return Bounds(
            self._sums(exact_product(lo, up), exact_product(hi, down)),
            self._sums(exact_product(hi, up), exact_product(lo, down)),
        )

    def _sums(self, *products: Codes) -> Codes:
        """Products [groups, 1, n_out] and the bias, added."""
        wide = sum(p.astype(object).ravel() for p in products)
        return narrowed(wide * (1 << self.shift) + self.bias.astype(object))

    @cached_property
    def magnitude(self) -> int:
        """Bound on the magnitude of every partial sum in every order."""
        x = max(-self.input_type.code_min, self.input_type.code_max)
        sums = exact_product(np.ones((self.groups, 1, self.n_in), np.int64), np.abs(self.weights))
        products = sums.astype(object).ravel() * (x << self.shift)
        return int((products + np.abs(self.bias.astype(object))).max())

    @cached_property
    def _operands(self) -> tuple[Codes, Codes]:
        """Shifted weights and bias in the fastest dtype that is exact."""
        dtype: Any = exact_dtype(self.magnitude)
        big = self.shift + self.weight_type.width > 62
        weights = self.weights.astype(object) if big else self.weights
        return (weights * (1 << self.shift)).astype(dtype), self.bias.astype(dtype)

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

    def hls(self, choice: Implementation) -> HlsBlock:
        """The micro-architectures of ``hlslib/grouped.h``: those of a MatVec, for every group.

        Additions are those of one sparse MatVec.
        """
        if choice.strategy is Strategy.DISTRIBUTED_ARITHMETIC:
            return self._sparse().hls(choice)
        reuse, products = choice.reuse_factor, self.n_in * self.n_out
        shared = choice.strategy is Strategy.RESOURCE and reuse > 1
        weights = self.weights.transpose(0, 2, 1) if shared else self.weights
        folded = "grouped_resource_folded" if reuse > self.n_in else "grouped_resource"
        biases = integers(self.bias)
        types = {"weight_t": code_type(self.weight_type), "bias_t": type_of(biases)}
        blocks, zeros = -(-products // reuse), int(np.count_nonzero(self.weights == 0))
        sizes = {
            "groups": self.groups,
            "n_in": self.n_in,
            "n_out": self.n_out,
            "reuse_factor": reuse,
            "shift": self.shift,
            "block_factor": self.groups * blocks,
            "multiplier_limit": max(1, self.groups * blocks - zeros // reuse),
        }
        about = "[groups][n_out][n_in]" if shared else "[groups][n_in][n_out]"
        return HlsBlock(
            "grouped.h",
            folded if shared else "grouped_latency",
            sizes,
            types,
            arrays=(
                Array("weights", types["weight_t"], integers(weights), about),
                Array("biases", types["bias_t"], biases, "[groups * n_out]"),
            ),
            interval=reuse,
            depth=6 + 2 * self.n_in.bit_length(),
            dataflow=shared,
        )

    def _sparse(self) -> MatVec:
        """The same product by one matrix, with zeros between what is of different groups."""
        groups, n_in, n_out = self.weights.shape
        weights = np.zeros((groups, n_in, groups, n_out), self.weights.dtype)
        weights[np.arange(groups), :, np.arange(groups)] = self.weights
        whole = frozen_array(weights.reshape(groups * n_in, groups * n_out))
        return MatVec(whole, self.weight_type, self.bias, self.input_type, self.accum_type)

    def legal(self) -> tuple[Implementation, ...]:
        """Those of one group's product: all groups are built alike, side by side."""
        return reuse_choices(self.n_in, self.n_out)

    def check(self, stage: str, choice: Implementation) -> None:
        """As of one group's matrix-vector product."""
        check_product(stage, choice, self.n_in, self.n_out)
