"""Numbers as few signed powers of two: what a product with a constant is added up from."""

from __future__ import annotations

import numpy as np

from converter.types import Codes


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


def count_digits(weights: Codes) -> Codes:
    """Non-zero canonical signed digits of each weight: those bits in which n and 3n differ."""
    values, where = np.unique(np.abs(weights), return_inverse=True)
    counts = [(n ^ 3 * n).bit_count() for n in values.tolist()]
    return np.array(counts, np.int64)[where].reshape(weights.shape)
