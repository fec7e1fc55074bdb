"""Delays by family, DSP blocks by width, and the clocks that units can be built for."""

from __future__ import annotations

import shutil
from itertools import pairwise

import numpy as np
import pytest
import unit_cases
from hypothesis import given
from hypothesis import strategies as st
from unit_cases import Case, check_verilog, matvec_of, random_type

from converter.errors import TargetError
from converter.graph import Implementation, Strategy
from converter.timing import Family, Target, Timing, limbs, timing_for
from converter.types import Fixed
from converter.units.grouped import GroupedMatVec

PARTS = {
    Family.SERIES7: "xc7a200tfbg676-2",
    Family.ULTRASCALE: "xcku115-flva1517-2-e",
    Family.ULTRASCALE_PLUS: "xcvu9p-flga2104-2L-e",
    Family.VERSAL: "xcvc1902-vsva2197-2MP-e-S",
    Family.ECP5: "lfe5um5g-85f",
}
CLOCKS_NS = (2.0, 2.2, 2.5, 3.0, 4.0, 5.0, 6.5, 8.0, 10.0, 13.0, 20.0)


def target(family: Family, clock_period_ns: float) -> Target:
    return Target(PARTS[family], family, clock_period_ns)


def fastest(family: Family) -> float:
    """The clock period that the refusal of a faster one names."""
    with pytest.raises(TargetError, match="the fastest that fits is") as refusal:
        timing_for(target(family, 0.5))
    return float(str(refusal.value).split("fits is ")[1].split(" ns")[0])


# -- numbers -----------------------------------------------------------------------------------


@pytest.mark.parametrize("family", Family)
def test_the_fastest_clock_that_a_refusal_names_is_taken(family: Family) -> None:
    period = fastest(family)
    assert timing_for(target(family, period)).usable_ns > 0
    with pytest.raises(TargetError, match=r"is too short for .*; the fastest that fits is"):
        timing_for(target(family, period - 0.02))


@pytest.mark.parametrize(
    ("family", "a", "b", "blocks"),
    [
        (Family.SERIES7, 25, 18, 1),
        (Family.SERIES7, 18, 26, 2),
        (Family.SERIES7, 26, 19, 4),
        (Family.SERIES7, 49, 35, 4),
        (Family.SERIES7, 50, 35, 6),
        (Family.ULTRASCALE, 27, 18, 1),
        (Family.ULTRASCALE_PLUS, 18, 27, 1),
        (Family.ULTRASCALE_PLUS, 19, 19, 2),
        (Family.ULTRASCALE_PLUS, 32, 32, 4),
        (Family.VERSAL, 24, 27, 1),
        (Family.VERSAL, 25, 25, 2),
        (Family.ECP5, 18, 18, 1),
        (Family.ECP5, 19, 5, 2),
    ],
)
def test_blocks_of_a_product(family: Family, a: int, b: int, blocks: int) -> None:
    assert timing_for(target(family, 20.0)).dsp.blocks(a, b) == blocks


@given(st.integers(1, 200), st.integers(3, 30))
def test_limbs_hold_the_word(width: int, limit: int) -> None:
    """All but the top one leave a bit to the sign, and the top one is not empty."""
    count = limbs(width, limit)
    assert (count - 1) * (limit - 1) + limit >= width
    assert count == 1 or width - (count - 1) * (limit - 1) >= 2


@given(st.sampled_from(Family), st.sampled_from(CLOCKS_NS), st.integers(0, 1))
def test_the_longest_adder_fits_and_no_longer_one(family: Family, clock: float, luts: int) -> None:
    timing = timing_for(target(family, max(clock, fastest(family))))
    bits = timing.longest_adder(luts)
    spare = timing.usable_ns - luts * timing.lut_ns + 1e-6
    assert bits == 1 or timing.adder_ns(bits) <= spare
    assert timing.adder_ns(bits + 1) > spare - 2e-6


# -- units -------------------------------------------------------------------------------------


def cases(seed: int) -> list[Case]:
    """Units whose operations are long: wide words, deep tables, many inputs."""
    rng = np.random.default_rng(seed)
    names = ("requantize", "relu", "affine", "softmax", "wide_requantize", "wide_relu")
    made = [(*getattr(unit_cases, n)(rng)[:3], Implementation()) for n in names]
    for width, weight in ((9, 6), (16, 16), (34, 30), (58, 45)):
        t = Fixed(width, 3)
        unit = matvec_of(rng, t, Fixed(weight, 1), 12, 4)
        choices = [Implementation(), *(Implementation(Strategy.RESOURCE, r) for r in (4, 24))]
        made += [(unit, t, 12, choice) for choice in choices]
    t = random_type(rng, 8, 8)
    one = matvec_of(rng, t, Fixed(7, 1), 8, 4)
    grouped = GroupedMatVec(
        one.weights.reshape(2, 4, 4), one.weight_type, np.tile(one.bias, 2), t, one.accum_type
    )
    made += [(grouped, t, 8, Implementation(Strategy.RESOURCE, r)) for r in (2, 8)]
    long = matvec_of(rng, Fixed(5, 2), Fixed(6, 1), 200, 1)
    made.append((long, Fixed(5, 2), 200, Implementation(Strategy.RESOURCE, 100)))
    return made


def latencies(made: list[Case], timing: Timing) -> list[int]:
    return [
        unit.facts(f"u{k}", choice, timing).latency_cycles
        for k, (unit, _, _, choice) in enumerate(made)
    ]


@pytest.mark.parametrize("family", Family)
def test_a_faster_clock_takes_more_cycles(family: Family) -> None:
    """Never fewer; some units more from each clock to one that is half as long. None is refused
    that the device can run at.
    """
    made = cases(1)
    first = fastest(family)
    clocks = [first, *(c for c in CLOCKS_NS if c > first)]
    found = [latencies(made, timing_for(target(family, c))) for c in clocks]
    for fast, slow in pairwise(found):
        assert all(a >= b for a, b in zip(fast, slow, strict=True)), (fast, slow)
    assert sum(found[0]) > sum(found[-1])


@pytest.mark.slow
@pytest.mark.skipif(
    shutil.which("verilator") is None or shutil.which("g++") is None,
    reason="needs verilator and g++",
)
@pytest.mark.parametrize("family", Family)
def test_verilog_takes_the_cycles_of_the_facts_at_the_fastest_clock(family: Family) -> None:
    """And gives the bits of emulation: there is most to cut."""
    rng = np.random.default_rng(2)
    check_verilog(cases(2), target(family, fastest(family)), rng, rows=60)


@pytest.mark.slow
@pytest.mark.skipif(
    shutil.which("verilator") is None or shutil.which("g++") is None,
    reason="needs verilator and g++",
)
@pytest.mark.parametrize("clock_period_ns", [3.0, 5.0])
def test_verilog_takes_the_cycles_of_the_facts_at_other_clocks(clock_period_ns: float) -> None:
    rng = np.random.default_rng(3)
    check_verilog(cases(3), target(Family.ULTRASCALE_PLUS, clock_period_ns), rng, rows=60)
