"""MatVec: y = x W + b with constant integer weights, accumulated without loss."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from math import isqrt
from typing import Any

import numpy as np

from converter.carriers import carried, exact_dtype, narrowed
from converter.errors import ConfigError
from converter.facts import Facts
from converter.graph import Bounds, Implementation, Strategy
from converter.hls_block import Array, HlsBlock, code_type, integers, type_of
from converter.netlist.cpp import print_cpp
from converter.rtl.matvec import adder_graph, matvec_facts, matvec_module
from converter.rtl.module import RtlModule
from converter.timing import Timing
from converter.types import Codes, Fixed
from converter.units.base import OneBeat, check_without_windows
from converter.units.window import Window


@dataclass(frozen=True, eq=False)
class MatVec(OneBeat):
    """A matrix-vector product.

    ``weights``: int codes [n_in, n_out] of ``weight_type``. ``bias``: int codes [n_out] at
    ``accum_type``'s fraction. ``accum_type`` holds every partial sum: its fraction is at
    least that of the products, its range that of the interval arithmetic in ``bounds``.
    """

    weights: Codes
    weight_type: Fixed
    bias: Codes
    input_type: Fixed
    accum_type: Fixed

    @property
    def n_in(self) -> int:
        """Number of inputs."""
        return int(self.weights.shape[0])

    @property
    def n_out(self) -> int:
        """Number of outputs."""
        return int(self.weights.shape[1])

    @property
    def size(self) -> int:
        """Number of outputs."""
        return self.n_out

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
        up, down = np.maximum(self.weights, 0), np.minimum(self.weights, 0)
        scale, bias = 1 << self.shift, _wide(self.bias)
        lo = _wide(exact_product(x.lo, up)) + _wide(exact_product(x.hi, down))
        hi = _wide(exact_product(x.hi, up)) + _wide(exact_product(x.lo, down))
        return Bounds(narrowed(lo * scale + bias), narrowed(hi * scale + bias))

    @cached_property
    def magnitude(self) -> int:
        """Bound on the magnitude of every partial sum in every order."""
        x = max(-self.input_type.code_min, self.input_type.code_max)
        sums = exact_product(np.ones(self.n_in, np.int64), np.abs(self.weights))
        products = _wide(sums) * (x << self.shift)
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

    def hls(self, choice: Implementation) -> HlsBlock:
        """The three micro-architectures of ``hlslib/matvec.h``, and that of ``shift_add.h``."""
        if choice.strategy is Strategy.DISTRIBUTED_ARITHMETIC:
            return self._shift_add()
        reuse, products = choice.reuse_factor, self.n_in * self.n_out
        shared = choice.strategy is Strategy.RESOURCE and reuse > 1
        weights, biases = self.weights.T if shared else self.weights, integers(self.bias)
        zeros = products - int(np.count_nonzero(self.weights))
        folded = "matvec_resource_folded" if reuse > self.n_in else "matvec_resource"
        types = {"weight_t": code_type(self.weight_type), "bias_t": type_of(biases)}
        sizes = {"n_in": self.n_in, "n_out": self.n_out, "reuse_factor": reuse, "shift": self.shift}
        limits = {
            "block_factor": -(-products // reuse),
            "multiplier_limit": max(1, -(-products // reuse) - zeros // reuse),
        }
        about = "[n_out][n_in]" if shared else "[n_in][n_out]"
        return HlsBlock(
            "matvec.h",
            folded if shared else "matvec_latency",
            {**sizes, **limits},
            types,
            arrays=(
                Array("weights", types["weight_t"], integers(weights), about),
                Array("biases", types["bias_t"], biases, "[n_out]"),
            ),
            interval=reuse,
            depth=6 + 2 * self.n_in.bit_length(),
            dataflow=shared,
        )

    def _shift_add(self) -> HlsBlock:
        graph = adder_graph(self, Strategy.DISTRIBUTED_ARITHMETIC)
        return HlsBlock(
            "shift_add.h",
            "shift_add",
            {"n_in": self.n_in, "n_out": self.n_out},
            code=print_cpp(graph, self.accum_type.width),
            depth=6 + 2 * graph.levels,
        )

    def legal(self) -> tuple[Implementation, ...]:
        """Unrolled, then time-multiplexed by each legal reuse factor above 1.

        Distributed arithmetic is legal, too, and is not among them: it takes seconds to find
        for a large matrix, where the others are counted in milliseconds.
        """
        return reuse_choices(self.n_in, self.n_out)

    def check(self, stage: str, choice: Implementation) -> None:
        """A reuse factor divides the multiplications, and divides or is divided by n_in."""
        check_product(stage, choice, self.n_in, self.n_out)

    def facts(self, stage: str, choice: Implementation, timing: Timing) -> Facts:
        """Unrolled at reuse factor 1, whatever the strategy; else with shared multipliers."""
        return matvec_facts(self, stage, choice, timing)

    def rtl(self, name: str, choice: Implementation, timing: Timing) -> RtlModule:
        """The hardware that ``facts`` counts."""
        return matvec_module(self, name, choice, timing)


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


def legal_reuse_factors(n_in: int, n_out: int) -> tuple[int, ...]:
    """Reuse factors r | n_in·n_out with r | n_in or n_in | r, in rising order.

    The rule of hls4ml's resource strategy: each multiplier works on whole outputs.
    """
    return tuple(sorted({*divisors(n_in), *(n_in * d for d in divisors(n_out))}))


def reuse_choices(n_in: int, n_out: int) -> tuple[Implementation, ...]:
    """Unrolled, then time-multiplexed by each legal reuse factor above 1."""
    factors = legal_reuse_factors(n_in, n_out)
    return (Implementation(), *(Implementation(Strategy.RESOURCE, r) for r in factors if r > 1))


def check_product(stage: str, choice: Implementation, n_in: int, n_out: int) -> None:
    """Raise ConfigError where a product cannot be built so, with the legal neighbours."""
    if choice.strategy is Strategy.DISTRIBUTED_ARITHMETIC and choice.reuse_factor != 1:
        raise ConfigError(
            f"{stage}: strategy distributed_arithmetic has no multiplications to share, so "
            f"that reuse_factor={choice.reuse_factor} is not legal; give 1, or strategy resource"
        )
    check_without_windows(stage, choice)
    factors, factor = legal_reuse_factors(n_in, n_out), choice.reuse_factor
    if factor in factors:
        return
    raise ConfigError(
        f"{stage}: reuse_factor={factor} is not legal for {n_in}x{n_out} multiplications; "
        f"legal nearby: {neighbours(factor, factors)}"
    )


def neighbours(wanted: int, legal: Sequence[int]) -> str:
    """The next values below and above, for a message; ``legal`` rises."""
    below = [value for value in legal if value < wanted][-1:]
    above = [value for value in legal if value > wanted][:1]
    return ", ".join(map(str, below + above))


def divisors(n: int) -> list[int]:
    """All divisors of n, in rising order."""
    small = [d for d in range(1, isqrt(n) + 1) if n % d == 0]
    return small + [n // d for d in reversed(small) if d * d != n]


def _wide(codes: Codes) -> Codes:
    return codes.astype(object)
