"""MatVec: y = x W + b with constant integer weights, accumulated without loss."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from converter.errors import ConfigError
from converter.graph import Bounds, Implementation, Strategy
from converter.types import Codes, Fixed, exact_dtype


@dataclass(frozen=True, eq=False)
class MatVec:
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
        weights = _wide(self.weights)
        up, down = np.maximum(weights, 0), np.minimum(weights, 0)
        lo, hi = _wide(x.lo), _wide(x.hi)
        scale, bias = 1 << self.shift, _wide(self.bias)
        return Bounds(
            _narrow((lo @ up + hi @ down) * scale + bias),
            _narrow((hi @ up + lo @ down) * scale + bias),
        )

    @cached_property
    def _magnitude(self) -> int:
        """Bound on the magnitude of every partial sum in every order."""
        x = max(-self.input_type.code_min, self.input_type.code_max)
        products = np.abs(_wide(self.weights)).sum(axis=0) * x * (1 << self.shift)
        return int((products + np.abs(_wide(self.bias))).max())

    def emulate(self, *inputs: Codes) -> Codes:
        """Codes [batch, n_in] -> [batch, n_out]; BLAS where floats are exact."""
        (x,) = inputs
        dtype: Any = exact_dtype(self._magnitude)
        weights = (self.weights * (1 << self.shift)).astype(dtype)
        out: Codes = x.astype(dtype, copy=False) @ weights
        out += self.bias.astype(dtype)
        return out

    def legal(self) -> tuple[Implementation, ...]:
        """Unrolled, then time-multiplexed by each legal reuse factor above 1."""
        factors = legal_reuse_factors(self.n_in, self.n_out)
        return (
            Implementation(),
            *(Implementation(Strategy.RESOURCE, r) for r in factors if r > 1),
        )

    def check(self, stage: str, choice: Implementation) -> None:
        """A reuse factor divides the multiplications, and divides or is divided by n_in."""
        factors = legal_reuse_factors(self.n_in, self.n_out)
        if choice.reuse_factor in factors:
            return
        below = [r for r in factors if r < choice.reuse_factor][-1:]
        above = [r for r in factors if r > choice.reuse_factor][:1]
        raise ConfigError(
            f"{stage}: reuse_factor={choice.reuse_factor} is not legal for "
            f"{self.n_in}x{self.n_out} multiplications; legal nearby: "
            + ", ".join(map(str, below + above))
        )


def legal_reuse_factors(n_in: int, n_out: int) -> tuple[int, ...]:
    """Reuse factors r | n_in·n_out with r | n_in or n_in | r, in rising order.

    The rule of hls4ml's resource strategy: each multiplier works on whole outputs.
    """
    return tuple(sorted({*_divisors(n_in), *(n_in * d for d in _divisors(n_out))}))


def _divisors(n: int) -> list[int]:
    small = [d for d in range(1, int(n**0.5) + 1) if n % d == 0]
    return small + [n // d for d in small]


def _wide(codes: Codes) -> Codes:
    return codes.astype(object)


def _narrow(codes: Codes) -> Codes:
    small = max((abs(int(c)) for c in codes.ravel()), default=0) < 1 << 62
    return codes.astype(np.int64) if small else codes
