"""Statistics of constant weights: counted, expected from totals, or of weights drawn at random."""

from __future__ import annotations

from functools import cache
from math import exp, sqrt
from typing import Any

import numpy as np


def csd_digits(codes: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Non-zero digits of each code in canonical signed-digit form: the ones of c xor 3c."""
    magnitude = np.abs(codes.astype(np.int64))
    bits = magnitude ^ (3 * magnitude)
    count = np.zeros_like(bits)
    while bits.any():
        count += bits & 1
        bits = bits >> 1
    return count


MOST_DRAWN = 1_000_000
"""Weights that are drawn at most."""


@cache
def random_weights(
    n_in: int,
    n_out: int,
    width: int,
    zeros: int | None = None,
    fraction: int | None = None,
    limit: float | None = None,
) -> dict[str, int]:
    """Statistics expected of uniform weights in ±``limit``, rounded down to ``width`` bits.

    Of very large matrices a part is drawn, and counted for all.

    hls4ml truncates weights. By default a type has one integer bit (``fraction`` is one less than
    ``width``) and weights are as ``lecun_uniform`` draws them: ±sqrt(3 / n_in). Always the same
    draw.
    """
    columns = min(n_out, MOST_DRAWN)
    rows = min(n_in, max(1, MOST_DRAWN // columns))
    if rows * columns < n_in * n_out:
        share = n_in * n_out / (rows * columns)
        some = None if zeros is None else round(zeros / share)
        bound = sqrt(3 / n_in) if limit is None else limit
        drawn = random_weights(rows, columns, width, some, fraction, bound)
        return {name: round(count * share) for name, count in drawn.items()}
    random = np.random.default_rng(0)
    bits = width - 1 if fraction is None else fraction
    largest = 2.0 ** (width - 1 - bits)
    bound = min(largest, sqrt(3 / n_in) if limit is None else limit)
    values = random.uniform(-bound, bound, (n_in, n_out)) * 2.0**bits
    codes = np.floor(values).astype(np.int64)
    if zeros:
        codes.ravel()[random.permutation(codes.size)[:zeros]] = 0
    digits = csd_digits(codes)
    by_input = codes + np.arange(n_in)[:, None] * 2 ** (width + 1)  # tells inputs apart
    return {
        "nonzero_weights": int(np.count_nonzero(codes)),
        "power_of_two_weights": int((digits == 1).sum()),
        "csd_digits": int(digits.sum()),
        "dsp_constants": len(np.unique(by_input[digits >= 3])),
    }


def distinct_products(n_in: int, nonzero: int, powers: int, digits: int, largest: int) -> int:
    """Weights per input of at least three digits, each counted once: expected from totals.

    Of the weights that are not powers of two, with an excess of m digits over two on
    average, 1 - exp(-1.2 m) have three or more; equal ones of an input coincide, drawn
    from 0.7 of the values up to ``largest``. Both constants are fitted to the 19 dense
    modules of ``calibration/modules.csv`` whose products are all in DSP blocks (mean error
    7 %); where the weights are known the count is exact.
    """
    several = nonzero - powers
    choices = _DRAWN * 2 * _products_up_to(largest)
    if several <= 0 or choices == 0:
        return 0
    excess = max(0.0, (digits - powers) / several - 2)
    draws = several * (1 - exp(-_SPREAD * excess)) / n_in
    return round(n_in * choices * (1 - (1 - 1 / max(choices, 1.0)) ** draws))


_SPREAD, _DRAWN = 1.2, 0.7


@cache
def _products_up_to(largest: int) -> int:
    """Magnitudes up to ``largest`` of at least three digits."""
    return int((csd_digits(np.arange(1, largest + 1)) >= 3).sum())
