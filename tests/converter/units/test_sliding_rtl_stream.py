"""The process of sliding windows in io_stream: its Verilog gives the bits of the emulation, and
takes every step in the cycle that its actor says, under any gaps and back-pressure.
"""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import process_bench
import pytest
from process_bench import Bench, simulate
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
from converter.errors import TargetError, UnsupportedError
from converter.graph import Implementation, IOType, Strategy
from converter.rtl.process import RtlProcess
from converter.rtl.simulate import rtlsim
from converter.rtl.sliding_stream import Style, line_style
from converter.schedule import schedule
from converter.timing import Family, Target, timing_for
from converter.types import Codes, Fixed
from converter.units.matvec import MatVec
from converter.units.reduce import Reduce, Reduction
from converter.units.sliding import Sliding
from converter.units.window import Window

simulated = pytest.mark.skipif(
    shutil.which("verilator") is None or shutil.which("iverilog") is None,
    reason="needs verilator and iverilog",
)

FRAMES = 4
TARGET = Target("xcvu9p-flga2104-2L-e", Family.ULTRASCALE_PLUS, 5.0)
TIMING = timing_for(TARGET)


def chain_of(case: Case) -> tuple[RtlProcess, ...]:
    typed = network([case], IOType.STREAM)
    edges = (typed.edges["x0"],), typed.edges["u0"]
    return case.unit.processes("u0", case.choice, TIMING, *edges)


def process_of(case: Case) -> RtlProcess:
    (process,) = chain_of(case)
    return process


def bench_of(case: Case, rng: Random) -> tuple[Bench, Codes]:
    """Full rate, or gaps and back-pressure; and all beats that come out. Of a chain, the first
    process, which gives windows.
    """
    process, *rest = chain_of(case)
    x = codes_of(rng, case.type, (FRAMES, case.window.input_size))
    cycles = 3 * FRAMES * process.actor.interval + process.actor.depth + 20
    duty = rng.choice([0.4, 0.7, 0.95, 1.0], 2)
    valid, room = (rng.random(cycles) < share for share in duty)
    if rest:
        assert isinstance(case.unit, Sliding)
        given = case.window.elements, case.type
        beats = case.window.gather(x, case.unit.fill)
    else:
        given = case.shapes[1][-1], case.unit.output_type
        beats = case.unit.emulate(x)
    lanes = x.reshape(-1, case.window.channels)
    return Bench(process, case.type, lanes, given, valid, room), beats.reshape(-1, given[0])


def check(cases: list[Case], rng: Random, folder: Path) -> None:
    made = [bench_of(case, rng) for case in cases]
    traces = simulate([bench for bench, _ in made], folder)
    done = 0
    for case, (bench, beats), trace in zip(cases, made, traces, strict=True):
        wanted = process_bench.expected(bench, beats)
        assert trace.same(wanted), (case, wanted, trace)
        done += len(wanted.writes) == len(beats)
    assert done > len(cases) // 4, "too few benches come to their ends"


@simulated
def test_a_few_of_each(tmp_path: Path) -> None:
    rng = np.random.default_rng(20)
    makers = (product, pooling, global_pooling, on_last_axis, grouped)
    check([make(rng, False) for make in makers for _ in range(3)], rng, tmp_path)


@simulated
@pytest.mark.slow
@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("make", [product, pooling, grouped])
def test_any_geometry(make, seed: int, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    rng = np.random.default_rng(seed)
    check([make(rng, False) for _ in range(30)], rng, tmp_path)


def convolution(window: Window, filters: int, choice: Implementation) -> Case:
    rng, t, weight = np.random.default_rng(21), Fixed(6, 3), Fixed(5, 2)
    weights = codes_of(rng, weight, (window.elements, filters))
    accum = accumulator(window.elements, t, weight, 0)
    body = MatVec(weights, weight, rng.integers(-99, 99, filters), t, accum)
    return Case(Sliding(window, body, -7), window, t, choice)


SAME = ((1, 1), (1, 1))
SHARED = Implementation(Strategy.RESOURCE, 6)
LONG = [
    (Window(4, 17, 1, (2, 3)), Style.SHIFT, 14),
    (Window(4, 18, 2, (3, 1)), Style.LUTS, 17),
    (Window(5, 30, 2, (3, 3), padding=SAME), Style.LUTS, 29),
    (Window(4, 120, 4, (2, 3), (1, 2), (2, 1)), Style.BLOCK, 237),
    (Window(3, 150, 8, (3, 3), padding=SAME), Style.BLOCK, 149),
    (Window(3, 3, 2, (2, 3)), Style.SHIFT, 0),
]


@simulated
def test_delay_lines_of_every_style(tmp_path: Path) -> None:
    rng, cases = np.random.default_rng(22), []
    for window, style, length in LONG:
        case = convolution(window, 2, Implementation())
        memories = process_of(case).facts.memories
        assert [m.depth for m in memories] == [length] * (style is not Style.SHIFT)
        assert all(m.registered is (style is Style.BLOCK) and m.writable for m in memories)
        cases.append(case)
    check(cases, rng, tmp_path)


def test_what_a_delay_line_is_made_of() -> None:
    assert line_style(15, 1000) is Style.SHIFT
    assert line_style(32, 48) is Style.LUTS  # 32 LUTs
    assert line_style(200, 12) is Style.LUTS  # 56 LUTs, or a block
    assert line_style(200, 18) is Style.BLOCK  # 84 LUTs, or a block
    assert line_style(1 << 15, 1) is Style.BLOCK


@simulated
def test_windows_keep_apart(tmp_path: Path) -> None:
    """A body that takes a window every six cycles; the gaps between them are shorter and longer."""
    windows = [
        Window(5, 5, 1, (3, 2), padding=((0, 1), (1, 0))),
        Window(6, 6, 1, (2, 3), (1, 2)),
        Window(1, 12, 2, (1, 3), (1, 4)),
        Window(8, 6, 1, (2, 3), (2, 1)),
    ]
    cases = [convolution(w, 2, SHARED) for w in windows]
    for case in cases:
        actor = process_of(case).actor
        starts = np.cumsum(actor.cycles) - actor.cycles
        at = starts[actor.writes]
        assert np.diff(at, append=at[0] + actor.interval).min() >= 6
    check(cases, np.random.default_rng(23), tmp_path)


@simulated
def test_rows_without_windows_go_on_while_the_body_works(tmp_path: Path) -> None:
    """Two processes, where one would leave the body without work for half of the time."""
    window = Window(12, 14, 2, (3, 3), (2, 2))
    case = convolution(window, 3, Implementation(Strategy.RESOURCE, 3))
    windows, work = chain_of(case)
    assert (windows.facts.kind, work.facts.kind) == ("windows", "sliding_matvec")
    assert (windows.actor.interval, work.actor.interval) == (168, 90)
    check([case], np.random.default_rng(25), tmp_path)


def test_the_steps_of_a_frame() -> None:
    """Padding by the process itself; the first beat is there before it begins."""
    case = convolution(Window(2, 3, 1, (2, 2), padding=((1, 0), (1, 0))), 1, Implementation())
    actor = process_of(case).actor
    assert actor.reads[:, 0].astype(int).tolist() == [1, 0, 0, 0, 0, 0, 1, 1, 0, 1, 1, 1]
    assert actor.writes.astype(int).tolist() == [0, 0, 0, 0, 0, 1, 1, 1, 0, 1, 1, 1]
    assert actor.cycles.tolist() == [1] * 12


def test_facts_of_a_stream() -> None:
    window = Window(8, 8, 3, (3, 3), padding=SAME)
    facts = process_of(convolution(window, 4, Implementation())).facts
    assert (facts.kind, facts.stream) == ("sliding_matvec", True)
    assert (facts.positions, facts.beats_in, facts.beats_out) == (64, 64, 64)
    assert (facts.n_in, facts.n_out, facts.weights) == (27, 4, 108)
    assert facts.interval_cycles == 100  # pixels of the padded frame
    pool = Window(8, 8, 3, (8, 8), groups=3)
    t = Fixed(6, 3)
    unit = Sliding(pool, Reduce(Reduction.SUM, 3, 64, t))
    facts = process_of(Case(unit, pool, t, Implementation())).facts
    assert (facts.latency_cycles, facts.interval_cycles) == (64, 64)
    assert facts.register_bits == 3 * 12 + 6 + 1


def test_sums_must_fit_into_a_cycle() -> None:
    t = Fixed(90, 50)
    window = Window(4, 4, 1, (4, 4))
    unit = Sliding(window, Reduce(Reduction.SUM, 1, 16, t))
    fast = timing_for(Target(TARGET.part, TARGET.family, 2.5))
    typed = network([Case(unit, window, t, Implementation())], IOType.STREAM)
    with pytest.raises(TargetError, match=r"^u0: adding up 94 bits takes "):
        unit.processes("u0", Implementation(), fast, (typed.edges["x0"],), typed.edges["u0"])


def test_beats_must_be_pixels() -> None:
    case = convolution(Window(4, 4, 3, (2, 2)), 2, Implementation())
    typed = network([case], IOType.STREAM)
    edge = replace(typed.edges["x0"], shape=(48,))
    message = r"^u0: in io_stream its input x0 must travel in 16 beats of 3; it has 1 of 48$"
    with pytest.raises(UnsupportedError, match=message):
        case.unit.processes("u0", case.choice, TIMING, (edge,), typed.edges["u0"])


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("verilator") is None, reason="no verilator on PATH")
def test_networks_take_the_cycles_of_their_plan() -> None:
    rng = np.random.default_rng(24)
    for make in (product, grouped, pooling, global_pooling):
        case = make(rng, False)
        typed = network([case], IOType.STREAM)
        x = codes_of(rng, case.type, (12, typed.edges["x0"].size))
        result, plan = rtlsim(typed, TARGET, {"x0": x}), schedule(typed, TARGET)
        assert np.array_equal(result.codes["u0"], emulate_codes(typed, {"x0": x})["u0"])
        assert result.latency_cycles["u0"] == plan.latency_cycles
        assert result.interval_cycles == plan.interval_cycles
