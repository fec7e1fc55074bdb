"""Every unit's C++ gives the bits of its emulation: random types and constants, many at once."""

from __future__ import annotations

import shutil
from collections.abc import Callable

import numpy as np
import pytest
from unit_cases import (
    Case,
    Random,
    affine,
    check_csim,
    matvec,
    matvec_of,
    relu,
    requantize,
    softmax,
    table,
    threshold,
    wide_matvec,
    wide_relu,
    wide_requantize,
)

from converter.graph import Implementation, Strategy
from converter.types import Fixed

pytestmark = pytest.mark.skipif(shutil.which("g++") is None, reason="needs g++")

COUNTS: dict[Callable[[Random], Case], int] = {
    requantize: 150,
    wide_requantize: 40,
    relu: 80,
    wide_relu: 16,
    threshold: 40,
    table: 40,
    affine: 40,
    matvec: 60,
    wide_matvec: 6,
    softmax: 40,
}


@pytest.mark.parametrize("make", COUNTS, ids=lambda make: make.__name__)
def test_csim_gives_the_bits_of_emulate(make: Callable[[Random], Case]) -> None:
    rng = np.random.default_rng(2024)
    check_csim([make(rng) for _ in range(COUNTS[make])], rng)


def test_every_legal_reuse_factor_gives_the_same_bits() -> None:
    rng = np.random.default_rng(5)
    t = Fixed(9, 3)
    unit = matvec_of(rng, t, Fixed(6, 1), 6, 8)
    choices = [
        *unit.legal(),
        Implementation(Strategy.LATENCY, 4),
        Implementation(Strategy.RESOURCE, 1),
    ]
    check_csim([(unit, t, 6, choice) for choice in choices], rng)
