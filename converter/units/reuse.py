"""How often multipliers can be reused, and what divides what."""

from __future__ import annotations

from collections.abc import Sequence
from math import isqrt

from converter.errors import ConfigError
from converter.graph import Implementation, Strategy
from converter.units.base import check_without_windows


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
