"""The Verilog of maxima and sums: the bits of the emulation, in the cycles of the facts, for random
types and sizes; and what they are made of.
"""

from __future__ import annotations

import shutil

import numpy as np
import pytest
from unit_cases import Case, Random, check_verilog, random_type

from converter.graph import Implementation
from converter.timing import Family, Target, timing_for
from converter.types import Fixed
from converter.units.reduce import Reduce, Reduction

simulated = pytest.mark.skipif(
    shutil.which("verilator") is None or shutil.which("g++") is None,
    reason="needs verilator and g++",
)

USUAL = Target("xcvu9p-flga2104-2L-e", Family.ULTRASCALE_PLUS, 5.0)
FAST = Target("xcvu9p-flga2104-2L-e", Family.ULTRASCALE_PLUS, 2.5)


def case_of(rng: Random) -> Case:
    t, groups, n = random_type(rng, 1, 20), int(rng.integers(1, 5)), int(rng.integers(1, 20))
    unit = Reduce(list(Reduction)[rng.integers(2)], groups, n, t, int(rng.integers(0, 3)))
    return unit, t, groups * n, Implementation()


@simulated
@pytest.mark.parametrize(
    "target", [USUAL, pytest.param(FAST, marks=pytest.mark.slow)], ids=["usual", "fast"]
)
def test_any_type_and_size(target: Target) -> None:
    rng = np.random.default_rng(60)
    check_verilog([case_of(rng) for _ in range(12)], target, rng, rows=200)


def test_what_a_tree_is_made_of() -> None:
    timing, t = timing_for(USUAL), Fixed(8, 4)
    largest = Reduce(Reduction.MAX, 3, 8, t).facts("u", Implementation(), timing)
    assert (largest.kind, largest.n_in, largest.n_out) == ("reduce", 24, 3)
    assert largest.compare_bits == largest.mux_bits == 3 * 7 * 8  # seven comparisons of a group
    assert largest.adders == 0
    total = Reduce(Reduction.SUM, 3, 8, t).facts("u", Implementation(), timing)
    assert total.adders == 3 * 7
    assert total.adder_bits == 3 * (4 * 9 + 2 * 10 + 11)
    assert total.output_width == 11


def test_one_element_is_a_wire() -> None:
    for reduction in Reduction:
        facts = Reduce(reduction, 4, 1, Fixed(8, 4)).facts("u", Implementation(), timing_for(USUAL))
        assert (facts.latency_cycles, facts.register_bits) == (0, 0)
