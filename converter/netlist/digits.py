"""Numbers as few signed powers of two: what a product with a constant is added up from."""

from __future__ import annotations


def csd(n: int) -> list[tuple[int, int]]:
    """Canonical signed digits of n >= 0 as (position, ±1), least first.

    The digits are where n and 3n differ (Reitwiesner 1960).
    """
    plus, minus = (3 * n & ~n) >> 1, (n & ~(3 * n)) >> 1
    return [
        (position, 1 if plus >> position & 1 else -1)
        for position in range((plus | minus).bit_length())
        if (plus | minus) >> position & 1
    ]
