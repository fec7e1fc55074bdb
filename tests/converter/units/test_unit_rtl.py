"""Every unit's Verilog gives the bits of its emulation, in the cycles that its facts say.

As in the test of the C++, all cases of one test are stages of one network, each with an input
and an output of its own, so that one simulation serves them all.
"""

from __future__ import annotations

import shutil

import numpy as np
import pytest
import unit_cases
from unit_cases import Case, check_verilog, matvec_of, random_type

from converter.graph import Implementation, Strategy
from converter.timing import Family, Target
from converter.types import Fixed
from converter.units.reuse import legal_reuse_factors

pytestmark = pytest.mark.skipif(
    shutil.which("verilator") is None or shutil.which("g++") is None,
    reason="needs verilator and g++",
)

ROWS = 1000
FAST = Target("xcvu9p-flga2104-2L-e", Family.ULTRASCALE_PLUS, 2.5)
USUAL = Target("xcvu9p-flga2104-2L-e", Family.ULTRASCALE_PLUS, 5.0)
OLD = Target("xc7a200tfbg676-2", Family.SERIES7, 5.0)


def build(counts: dict[str, int], rng: np.random.Generator) -> list[Case]:
    return [getattr(unit_cases, name)(rng) for name, n in counts.items() for _ in range(n)]


def unrolled(case: Case) -> Case:
    return (*case[:3], Implementation())


def test_a_few_of_each() -> None:
    rng = np.random.default_rng(1)
    kinds = ("requantize", "relu", "threshold", "table", "affine", "matvec", "softmax")
    made = build(dict.fromkeys(kinds, 2), rng)
    assert len(made) == 14
    check_verilog([unrolled(c) for c in made], USUAL, rng)


CONVERSIONS = {"requantize": 150, "relu": 80, "threshold": 40, "table": 40}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("target", "share"), [(USUAL, 1), (FAST, 4), (OLD, 4)], ids=["usual", "fast", "old"]
)
def test_conversions(target: Target, share: int) -> None:
    """Other clocks cut the same netlists elsewhere: a quarter of the cases shows it."""
    rng = np.random.default_rng(10 + share)
    counts = {name: n // share for name, n in CONVERSIONS.items()}
    check_verilog(build(counts, rng), target, rng)


@pytest.mark.slow
def test_wide_words() -> None:
    rng = np.random.default_rng(12)
    made = build({"wide_requantize": 30, "wide_relu": 12, "wide_matvec": 3}, rng)
    check_verilog([unrolled(c) for c in made], USUAL, rng)


@pytest.mark.slow
@pytest.mark.parametrize(("target", "count"), [(USUAL, 30), (OLD, 10)], ids=["usual", "old"])
def test_arithmetic(target: Target, count: int) -> None:
    rng = np.random.default_rng(13)
    made = build({"affine": count, "softmax": count, "matvec": count}, rng)
    check_verilog([unrolled(c) for c in made], target, rng)


def shared_cases(reuse: int, count: int, rng: np.random.Generator) -> list[Case]:
    """Products that can be built with one reuse factor, narrow weights and wide ones."""
    made: list[Case] = []
    while len(made) < count:
        n_in, n_out = (int(n) for n in rng.integers(1, 13, 2))
        if reuse not in legal_reuse_factors(n_in, n_out):
            continue
        t = random_type(rng, 1, 14)
        weight = random_type(rng, 1, 12)
        unit = matvec_of(rng, t, weight, n_in, n_out)
        made.append((unit, t, n_in, Implementation(Strategy.RESOURCE, reuse)))
    return made


@pytest.mark.slow
@pytest.mark.parametrize(
    ("reuse", "target"),
    [(2, USUAL), (3, OLD), (4, FAST), (6, USUAL), (8, FAST), (12, USUAL), (36, OLD)],
)
def test_shared_multipliers(reuse: int, target: Target) -> None:
    """All of one reuse factor, so that the full rate of each is measured."""
    rng = np.random.default_rng(reuse)
    check_verilog(shared_cases(reuse, 16, rng), target, rng)


@pytest.mark.slow
def test_wide_products_and_long_selections() -> None:
    rng = np.random.default_rng(15)
    made = [
        (*case[:3], Implementation(Strategy.RESOURCE, 2)) for case in build({"wide_matvec": 2}, rng)
    ]
    t = Fixed(7, 2)
    long = matvec_of(rng, t, Fixed(6, 1), 300, 2)
    made += [(long, t, 300, Implementation(Strategy.RESOURCE, r)) for r in (150, 300, 600)]
    check_verilog(made, USUAL, rng)


@pytest.mark.slow
def test_every_legal_reuse_factor() -> None:
    rng = np.random.default_rng(5)
    t = Fixed(9, 3)
    unit = matvec_of(rng, t, Fixed(6, 1), 6, 8)
    check_verilog([(unit, t, 6, choice) for choice in unit.legal()], USUAL, rng)
