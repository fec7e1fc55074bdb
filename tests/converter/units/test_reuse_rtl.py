"""Products with shared multipliers as Verilog, of one matrix and of groups: the bits of emulation,
the cycles of the facts, and the full rate.
"""

from __future__ import annotations

import shutil

import numpy as np
import pytest
from unit_cases import Case, Random, check_verilog, matvec_of, random_codes, random_type

from converter.graph import Implementation, Strategy
from converter.timing import Family, Target, timing_for
from converter.types import Fixed
from converter.units.grouped import GroupedMatVec
from converter.units.reuse import legal_reuse_factors

U9 = Target("xcvu9p-flga2104-2L-e", Family.ULTRASCALE_PLUS, 5.0)
U9_FAST = Target("xcvu9p-flga2104-2L-e", Family.ULTRASCALE_PLUS, 2.4)
A7 = Target("xc7a200tfbg676-2", Family.SERIES7, 5.0)
VERSAL = Target("xcvc1902-vsva2197-2MP-e-S", Family.VERSAL, 2.3)
ECP5 = Target("lfe5um5g-85f", Family.ECP5, 10.0)

needs_verilator = pytest.mark.skipif(
    shutil.which("verilator") is None or shutil.which("g++") is None,
    reason="needs verilator and g++",
)


def grouped(
    rng: Random, t: Fixed, weight: Fixed, groups: int, size: tuple[int, int]
) -> GroupedMatVec:
    n_in, n_out = size
    one = matvec_of(rng, t, weight, n_in, groups * n_out)
    weights = random_codes(rng, weight, (groups, n_in, n_out))
    weights = np.where(rng.integers(0, 3, weights.shape) == 0, 0, weights)
    return GroupedMatVec(weights, weight, one.bias, t, one.accum_type)


def cases(reuse: int, count: int, rng: Random, widest: tuple[int, int]) -> list[Case]:
    """All of one reuse factor, so that the full rate of it is measured."""
    made: list[Case] = []
    while len(made) < count:
        n_in, n_out = (int(n) for n in rng.integers(1, 13, 2))
        if reuse not in legal_reuse_factors(n_in, n_out):
            continue
        t, weight = (random_type(rng, 1, most) for most in widest)
        groups = int(rng.integers(1, 4))
        unit = grouped(rng, t, weight, groups, (n_in, n_out))
        strategy = [Strategy.LATENCY, Strategy.RESOURCE][rng.integers(2)]
        made.append((unit, t, groups * n_in, Implementation(strategy, reuse)))
    return made


@needs_verilator
@pytest.mark.slow
@pytest.mark.parametrize(
    ("reuse", "target", "widest"),
    [
        (1, U9, (14, 12)),
        (2, U9, (14, 12)),
        (4, U9_FAST, (40, 45)),
        (6, A7, (14, 12)),
        (8, VERSAL, (40, 45)),
        (12, ECP5, (30, 30)),
    ],
)
def test_groups_side_by_side(reuse: int, target: Target, widest: tuple[int, int]) -> None:
    rng = np.random.default_rng(reuse)
    result = check_verilog(cases(reuse, 5, rng, widest), target, rng, rows=150)
    assert result.interval_cycles == reuse


@needs_verilator
@pytest.mark.slow
def test_weights_that_are_zero_or_alike() -> None:
    """All of a multiplier, of an output, of an input, and all there are."""
    rng, t, weight = np.random.default_rng(7), Fixed(6, 2), Fixed(8, 1)
    made: list[Case] = []
    for reuse in (2, 8, 16):
        for zeros in ((), np.s_[:, :, 1], np.s_[:, 2, :], np.s_[0], np.s_[:]):
            unit = grouped(rng, t, weight, 2, (8, 4))
            weights = np.array(unit.weights)
            weights[zeros] = 0 if zeros else 77
            unit = GroupedMatVec(weights, weight, unit.bias, t, unit.accum_type)
            made.append((unit, t, 16, Implementation(Strategy.RESOURCE, reuse)))
    check_verilog(made, U9, rng, rows=60)


def test_groups_count_together() -> None:
    rng, t, weight = np.random.default_rng(8), Fixed(6, 2), Fixed(8, 1)
    unit = grouped(rng, t, weight, 3, (8, 4))
    facts = unit.facts("dw", Implementation(Strategy.RESOURCE, 8), timing_for(U9))
    assert (facts.n_in, facts.n_out, facts.weights) == (24, 12, 96)
    assert facts.nonzero_weights == int(np.count_nonzero(unit.weights))
    plain = unit.facts("dw", Implementation(), timing_for(U9))
    whole = unit.matrix.facts("dw", Implementation(), timing_for(U9))
    assert (plain.adder_bits, plain.latency_cycles) == (whole.adder_bits, whole.latency_cycles)
