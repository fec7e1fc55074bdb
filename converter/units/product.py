"""What products with constant matrices have in common: one matrix, or one for each group of
inputs.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from functools import cached_property
from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np

from converter.carriers import exact_dtype, narrowed
from converter.facts import Facts
from converter.graph import Bounds, Implementation, Strategy
from converter.hls_block import Array, HlsBlock, code_type, integers, type_of
from converter.netlist.cpp import print_cpp
from converter.netlist.digits import count_digits
from converter.rtl.matvec import adder_graph, matvec_facts, matvec_module
from converter.rtl.module import RtlModule
from converter.timing import Timing
from converter.types import Codes, Fixed
from converter.units.reuse import check_product, reuse_choices

if TYPE_CHECKING:
    from converter.units.matvec import MatVec


MOST_LISTED_PAIRS = 80_000
"""Pairs of digits up to which distributed arithmetic is listed: 16x64 weights of 8 bits have
some 55,000 of them and take 0.8 s.
"""


class MatrixProduct(ABC):
    """Mixin of frozen dataclasses with these fields: y[g] = x[g] weights[g] + bias[g].

    ``weights``: int codes [groups, n_in, n_out] of ``weight_type``, sizes of one group; without
    the first axis there is one group. ``bias``: int codes [groups * n_out] at ``accum_type``'s
    fraction. ``accum_type`` holds every partial sum: its fraction is at least that of the
    products, its range that of the interval arithmetic in ``bounds``.
    """

    weights: Codes
    weight_type: Fixed
    bias: Codes
    input_type: Fixed
    accum_type: Fixed

    @property
    @abstractmethod
    def matrix(self) -> MatVec:
        """The same product by one matrix."""

    @property
    def groups(self) -> int:
        """Number of products."""
        return prod(self.weights.shape[:-2])

    @property
    def n_in(self) -> int:
        """Inputs of one group."""
        return int(self.weights.shape[-2])

    @property
    def n_out(self) -> int:
        """Outputs of one group."""
        return int(self.weights.shape[-1])

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

    @property
    def by_group(self) -> Codes:
        """The weights [groups, n_in, n_out]."""
        return self.weights.reshape(self.groups, self.n_in, self.n_out)

    # -- arithmetic ------------------------------------------------------------------------

    def bounds(self, inputs: tuple[Bounds, ...]) -> Bounds:
        """Interval arithmetic with the known weights."""
        (x,) = inputs
        lo, hi = (side.reshape(self.groups, 1, self.n_in) for side in (x.lo, x.hi))
        up, down = np.maximum(self.by_group, 0), np.minimum(self.by_group, 0)
        return Bounds(
            self._sums(exact_product(lo, up), exact_product(hi, down)),
            self._sums(exact_product(hi, up), exact_product(lo, down)),
        )

    def _sums(self, *products: Codes) -> Codes:
        """Products [groups, 1, n_out] and the bias, added."""
        total = sum(_wide(p).ravel() for p in products)
        return narrowed(total * (1 << self.shift) + _wide(self.bias))

    @cached_property
    def magnitude(self) -> int:
        """Bound on the magnitude of every partial sum in every order."""
        x = max(-self.input_type.code_min, self.input_type.code_max)
        ones = np.ones((self.groups, 1, self.n_in), np.int64)
        products = _wide(exact_product(ones, np.abs(self.by_group))).ravel() * (x << self.shift)
        return int((products + np.abs(_wide(self.bias))).max())

    @cached_property
    def _operands(self) -> tuple[Codes, Codes]:
        """Shifted weights and bias in the fastest dtype that is exact; cached, as large
        kernels would cost more to convert than a batch to multiply.
        """
        dtype: Any = exact_dtype(self.magnitude)
        big = self.shift + self.weight_type.width > 62
        weights = _wide(self.weights) if big else self.weights
        return (weights * (1 << self.shift)).astype(dtype), self.bias.astype(dtype)

    # -- what can be built -----------------------------------------------------------------

    def legal(self) -> tuple[Implementation, ...]:
        """Unrolled, then time-multiplexed by each legal reuse factor above 1 of one group's
        product: all groups are built alike, side by side.

        Distributed arithmetic is the second where it is found within a second or so. For a
        larger matrix it is legal, too, and not among them, where all are counted in milliseconds.
        """
        unrolled, *shared = reuse_choices(self.n_in, self.n_out)
        quick = (Implementation(Strategy.DISTRIBUTED_ARITHMETIC),) if self._soon_shared else ()
        return (unrolled, *quick, *shared)

    @cached_property
    def _soon_shared(self) -> bool:
        """Whether common subexpressions of the whole matrix are found soon."""
        return pairs_of_digits(self.by_group) <= MOST_LISTED_PAIRS

    def check(self, stage: str, choice: Implementation) -> None:
        """A reuse factor divides one group's multiplications, and divides or is divided by
        n_in.
        """
        check_product(stage, choice, self.n_in, self.n_out)

    # -- Verilog ----------------------------------------------------------------------------

    def facts(self, stage: str, choice: Implementation, timing: Timing) -> Facts:
        """Unrolled at reuse factor 1, whatever the strategy; else with shared multipliers."""
        return matvec_facts(self, stage, choice, timing)

    def rtl(self, name: str, choice: Implementation, timing: Timing) -> RtlModule:
        """The hardware that ``facts`` counts."""
        return matvec_module(self, name, choice, timing)

    # -- C++ -------------------------------------------------------------------------------

    def hls(self, choice: Implementation) -> HlsBlock:
        """The three micro-architectures of ``hlslib/matvec.h``, and that of ``shift_add.h``."""
        if choice.strategy is Strategy.DISTRIBUTED_ARITHMETIC:
            return self._shift_add()
        reuse = choice.reuse_factor
        shared = choice.strategy is Strategy.RESOURCE and reuse > 1
        folded = "matvec_resource_folded" if reuse > self.n_in else "matvec_resource"
        weights = self.by_group.transpose(0, 2, 1) if shared else self.by_group
        about = "[groups][n_out][n_in]" if shared else "[groups][n_in][n_out]"
        biases = integers(self.bias)
        types = {"weight_t": code_type(self.weight_type), "bias_t": type_of(biases)}
        return HlsBlock(
            "matvec.h",
            folded if shared else "matvec_latency",
            self._sizes(reuse),
            types,
            arrays=(
                Array("weights", types["weight_t"], integers(weights), about),
                Array("biases", types["bias_t"], biases, "[groups][n_out]"),
            ),
            interval=reuse,
            depth=6 + 2 * self.n_in.bit_length(),
            dataflow=shared,
        )

    def _sizes(self, reuse: int) -> dict[str, int]:
        """The numbers of ``hlslib/matvec.h``."""
        blocks = self.groups * -(-self.n_in * self.n_out // reuse)
        zeros = int(np.count_nonzero(self.weights == 0))
        return {
            "groups": self.groups,
            "n_in": self.n_in,
            "n_out": self.n_out,
            "reuse_factor": reuse,
            "shift": self.shift,
            "block_factor": blocks,
            "multiplier_limit": max(1, blocks - zeros // reuse),
        }

    def _shift_add(self) -> HlsBlock:
        """Additions are those of one matrix, sparse where there are groups."""
        matrix = self.matrix
        graph = adder_graph(matrix, Strategy.DISTRIBUTED_ARITHMETIC)
        return HlsBlock(
            "shift_add.h",
            "shift_add",
            {"n_in": matrix.n_in, "n_out": matrix.n_out},
            code=print_cpp(graph, self.accum_type.width),
            depth=6 + 2 * graph.levels,
        )


def pairs_of_digits(weights: Codes) -> int:
    """Pairs of signed digits in the same column, of weights [groups, n_in, n_out]."""
    columns = count_digits(weights).sum(axis=1)
    return int((columns * (columns - 1) // 2).sum())


def exact_product(x: Codes, weights: Codes) -> Codes:
    """Product of x [..., n] and weights [..., n, m], exactly: int64 if the sums fit, else Python
    integers.
    """
    largest = _largest(x) * _largest(weights) * x.shape[-1]
    if largest < 1 << 52:
        return (x.astype(np.float64) @ weights.astype(np.float64)).astype(np.int64)
    if largest < 1 << 62:
        return x.astype(np.int64) @ weights.astype(np.int64)
    return _wide(x) @ _wide(weights)


def _largest(codes: Codes) -> int:
    return max(-int(codes.min(initial=0)), int(codes.max(initial=0)))


def _wide(codes: Codes) -> Codes:
    return codes.astype(object)
