"""Sliding windows in io_parallel: the Verilog gives the bits of the emulation, in the cycles that
the facts say, for random geometry, types and hardware.
"""

from __future__ import annotations

import shutil
from collections import defaultdict
from collections.abc import Callable

import numpy as np
import pytest
from sliding_cases import (
    Case,
    Random,
    accumulator,
    codes_of,
    global_pooling,
    grouped,
    network,
    on_last_axis,
    pooling,
    product,
)

from converter.emulate import emulate_codes
from converter.graph import Implementation, IOType, Strategy
from converter.rtl.simulate import rtlsim
from converter.rtl.sliding import Moves, Partitions
from converter.schedule import schedule
from converter.timing import Family, Target, timing_for
from converter.types import Fixed
from converter.units.base import Unit
from converter.units.matvec import MatVec
from converter.units.reduce import Reduce, Reduction
from converter.units.sliding import Sliding
from converter.units.softmax import Softmax
from converter.units.window import Window

simulated = pytest.mark.skipif(
    shutil.which("verilator") is None or shutil.which("g++") is None,
    reason="needs verilator and g++",
)

ROWS = 60
USUAL = Target("xcvu9p-flga2104-2L-e", Family.ULTRASCALE_PLUS, 5.0)
FAST = Target("xcvu9p-flga2104-2L-e", Family.ULTRASCALE_PLUS, 2.5)
Maker = Callable[[Random, bool], Case]
MAKERS: tuple[Maker, ...] = (product, grouped, pooling, global_pooling, on_last_axis)


def check(cases: list[Case], rng: Random, target: Target = USUAL) -> int:
    """All in one network; its interval."""
    typed = network(cases, IOType.PARALLEL)
    edges = [typed.edges[name] for name in typed.inputs]
    codes = {e.name: codes_of(rng, e.type, (ROWS, e.size)) for e in edges}
    wanted, plan = emulate_codes(typed, dict(codes)), schedule(typed, target)
    result = rtlsim(typed, target, codes)
    for k, (case, facts) in enumerate(zip(cases, plan.facts, strict=True)):
        assert np.array_equal(wanted[f"u{k}"].astype(object), result.codes[f"u{k}"]), case
        assert result.latency_cycles[f"u{k}"] == facts.latency_cycles, case
    assert result.interval_cycles == plan.interval_cycles
    return plan.interval_cycles


def interval_of(case: Case) -> int:
    return case.unit.facts("u", case.choice, timing_for(USUAL)).interval_cycles


def by_interval(rng: Random, makers: tuple[Maker, ...], count: int) -> dict[int, list[Case]]:
    """Cases of one interval each, so that all run at their own full rate."""
    found: dict[int, list[Case]] = defaultdict(list)
    for _ in range(count):
        for make in makers:
            case = make(rng, True)
            found[interval_of(case)].append(case)
    return found


@simulated
def test_a_few_of_each() -> None:
    rng = np.random.default_rng(30)
    found = by_interval(rng, MAKERS, 12)
    assert {1, 2, 4} <= set(found)
    assert check(found[4][:8], rng) == 4


@simulated
@pytest.mark.slow
def test_any_geometry_at_its_full_rate() -> None:
    rng = np.random.default_rng(31)
    found = by_interval(rng, MAKERS, 60)
    for interval in (1, 2, 4, 6):
        assert len(found[interval]) > 12
        assert check(found[interval][:10], rng) == interval


@simulated
@pytest.mark.slow
def test_any_geometry_side_by_side() -> None:
    rng = np.random.default_rng(35)
    check([make(rng, True) for make in MAKERS for _ in range(12)], rng, FAST)


T, WEIGHT = Fixed(6, 3), Fixed(5, 2)
SAME = ((1, 1), (1, 1))


def product_of(rng: Random, window: Window, filters: int) -> MatVec:
    weights = codes_of(rng, WEIGHT, (window.elements, filters))
    accum = accumulator(window.elements, T, WEIGHT, 0)
    return MatVec(weights, WEIGHT, rng.integers(-99, 99, filters), T, accum)


@simulated
@pytest.mark.slow
def test_every_parallelization_factor() -> None:
    """Positions 4 x 6: windows that move on and windows that are selected, padded, too."""
    rng = np.random.default_rng(36)
    plain = Window(5, 7, 2, (2, 2))
    padded = Window(4, 6, 1, (3, 3), padding=SAME)
    for window in (plain, padded):
        unit = Sliding(window, product_of(rng, window, 1), -5)
        alike = (c for c in unit.legal() if c.strategy is Strategy.LATENCY)
        choices = [c for c in alike if c.reuse_factor == 1]
        factors = [c.parallelization_factor for c in choices]
        assert factors == [1, 2, 3, 4, 6, 8, 12, 24]
        check([Case(unit, window, T, c) for c in choices], rng)


@simulated
@pytest.mark.slow
def test_other_bodies_and_reuse_with_parallelism() -> None:
    rng = np.random.default_rng(37)
    window = Window(4, 4, 3, (2, 2), padding=((0, 1), (1, 0)))
    unit = Sliding(window, product_of(rng, window, 4), 3)
    choices = [
        Implementation(strategy, reuse, parallel)
        for strategy, reuse in (
            (Strategy.LATENCY, 12), (Strategy.RESOURCE, 4), (Strategy.RESOURCE, 24),
            (Strategy.DISTRIBUTED_ARITHMETIC, 1),
        )
        for parallel in (1, 2, 8)
    ]  # fmt: skip
    for choice in choices:
        unit.check("u", choice)
    cases = [Case(unit, window, T, choice) for choice in choices]
    exps = np.round(np.exp(-np.arange(30) * 0.125) * 1024).astype(np.int64)
    inverses = np.round(1024 / (1 + (np.arange(16) + 0.5) / 16)).astype(np.int64)
    body: Unit = Softmax(3, T, Fixed(8, 0, False), exps, 0, 10, inverses, 10)
    at_each = Window.of_positions(6, 3)
    softmax = Sliding(at_each, body)
    cases += [Case(softmax, at_each, T, Implementation(parallelization_factor=f)) for f in (1, 3)]
    check(cases, rng)


@simulated
@pytest.mark.slow
def test_selections_of_two_cycles() -> None:
    """Among 65 partitions of 2, at a fast clock."""
    rng, timing, window = np.random.default_rng(38), timing_for(FAST), Window(27, 6, 1, (2, 2))
    body = product_of(rng, window, 1)
    unit, choice = Sliding(window, body), Implementation(parallelization_factor=2)
    unit.check("u", choice)
    assert Partitions(window, 2).moves is None
    facts = unit.facts("u", choice, timing)
    latency = body.facts("u", Implementation(), timing).latency_cycles
    assert facts.latency_cycles == 3 + 65 - 1 + latency
    check([Case(unit, window, T, choice)], rng, FAST)


def test_how_a_frame_moves_on() -> None:
    window = Window(6, 8, 2, (3, 3), padding=SAME)  # a padded frame of 8 x 10
    assert Partitions(window, 1).moves == Moves(1, 3, 8, 6)
    assert Partitions(window, 4).moves == Moves(4, 6, 2, 6)
    assert Partitions(window, 16).moves == Moves(20, 20, 3, 1)
    assert Partitions(window, 3).moves is None  # a partition may begin anywhere in a row
    assert Partitions(window, 48).moves is None  # all at once
    pool = Window(7, 7, 3, (2, 2), (2, 2), groups=3)
    assert Partitions(pool, 1).moves == Moves(2, 8, 3, 3)  # of 6 x 6 pixels that are seen
    assert Partitions(Window(2, 3, 4), 2).moves == Moves(2, 2, 3, 1)  # across the end of a row


def test_facts_are_those_of_the_bodies_and_the_frame() -> None:
    rng, timing = np.random.default_rng(39), timing_for(USUAL)
    window = Window(6, 6, 2, (3, 3))
    unit = Sliding(window, product_of(rng, window, 3))
    body = unit.body.facts("u", Implementation(), timing)
    for factor in (1, 4, 8, 16):
        choice = Implementation(parallelization_factor=factor)
        facts = unit.facts("u", choice, timing)
        assert (facts.kind, facts.positions) == ("sliding_matvec", 16)
        assert facts.parallelization_factor == factor
        assert (facts.n_in, facts.n_out, facts.weights) == (18, 3, 54)
        assert facts.adder_bits == factor * body.adder_bits
        assert facts.csd_digits == body.csd_digits
        assert facts.interval_cycles == 16 // factor
        before = 0 if factor == 16 else 1
        assert facts.latency_cycles == before + 16 // factor - 1 + body.latency_cycles


def test_the_search_is_offered_every_choice() -> None:
    rng = np.random.default_rng(40)
    window = Window(6, 6, 2, (3, 3))
    unit = Sliding(window, product_of(rng, window, 3))
    typed = network([Case(unit, window, T, Implementation())], IOType.PARALLEL)
    timing = timing_for(USUAL)
    factors = {c.parallelization_factor for c in typed.legal("u0")}
    assert factors == {1, 2, 4, 8, 16}
    for choice in typed.legal("u0"):
        expected = 16 // choice.parallelization_factor * choice.reuse_factor
        assert unit.facts("u0", choice, timing).interval_cycles == expected


def test_a_maximum_of_one_element_is_a_wire() -> None:
    unit = Reduce(Reduction.MAX, 4, 1, T)
    assert unit.facts("u", Implementation(), timing_for(USUAL)).latency_cycles == 0
