"""Networks in io_stream as Verilog: bits and cycles, with gaps and back-pressure."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from rtl_check import check_in_icarus, check_rtl, run_bench
from streaming import HIDDEN, Net

from converter.backends.hls.vectors import drawn_codes
from converter.graph import Implementation, Strategy, TypedGraph, frozen_array
from converter.rtl.engines import Engine
from converter.rtl.simulate import rtlsim
from converter.rtl.stream_plan import stream_plan
from converter.rtl.testbench import testbench_files as bench_files
from converter.rtl.top import Protocol, RtlDesign, rtl_design
from converter.schedule import Schedule, schedule
from converter.timing import Family, Target
from converter.types import Fixed
from converter.units.affine import Affine

TARGET = Target("xc7a200tfbg676-2", Family.SERIES7, 5.0)
ROWS = 60
needs_verilator = pytest.mark.skipif(
    shutil.which("verilator") is None, reason="no verilator on PATH"
)
needs_icarus = pytest.mark.skipif(shutil.which("iverilog") is None, reason="no iverilog on PATH")


class Gathered(Affine):
    """Takes a frame at once, as units do that have no better form."""

    def by_beat(self, lanes: int) -> None:
        del lanes


def scaled(made: Net, x: str, alike: bool) -> str:
    """Constants by element; with ``alike`` the same in all beats, else a frame is gathered."""
    edge, scale = made.edges[x], Fixed(5, 2)
    scales = made.rng.integers(-15, 16, edge.lanes if alike else edge.size)
    scales = np.resize(scales, edge.size)
    width = edge.type.width + 6
    accum = Fixed(width, width - edge.type.fraction - scale.fraction)
    unit = Gathered(frozen_array(scales), scale, frozen_array(0 * scales + 3), edge.type, accum)
    return made.stage(unit, edge.shape, x, kind="bn")


def chain(made: Net) -> tuple[str, ...]:
    """Flat: a product with shared multipliers between others."""
    x = made.relu(made.dense(made.input(12), 8))
    return (made.dense(made.relu(made.dense(x, 6, reuse=16)), 3),)


def beats(made: Net) -> tuple[str, ...]:
    """Beat by beat, with an inner output, and an input that is an output, too."""
    x = made.input(9, 4)
    inner = made.relu(x)
    return made.relu(scaled(made, inner, True)), inner, x


def join(made: Net) -> tuple[str, ...]:
    """One branch waits for a whole frame, the other must hold it."""
    x = made.relu(made.input(10, 3))
    return (made.add(scaled(made, x, False), x),)


def joins(made: Net) -> tuple[str, ...]:
    """Branches of many lengths, and inputs of two kinds."""
    x, y = made.input(7, 2), made.input(7, 2)
    late = made.relu(scaled(made, made.relu(scaled(made, x, False)), False))
    both = made.add(made.relu(made.add(late, x)), y)
    return made.relu(both), made.relu(made.add(x, x)), made.relu(made.dense(made.input(5), 2, 5))


NETS = {make.__name__: make for make in (chain, beats, join, joins)}


def built(name: str) -> TypedGraph:
    made = Net()
    return made.graph(*NETS[name](made), name=name)


@pytest.mark.slow
@needs_verilator
@pytest.mark.parametrize("name", NETS)
def test_bits_and_cycles(name: str) -> None:
    typed = built(name)
    result, plan = check_rtl(typed, drawn_codes(typed, ROWS), TARGET)
    assert result.interval_cycles == plan.interval_cycles


@needs_icarus
@pytest.mark.parametrize("name", NETS)
def test_bits_and_cycles_in_icarus(name: str) -> None:
    typed = built(name)
    check_in_icarus(typed, drawn_codes(typed, 24), TARGET)


def test_the_slowest_process_sets_the_interval() -> None:
    plan = schedule(built("chain"), TARGET)
    assert plan.interval_cycles == 16
    plan = schedule(built("join"), TARGET)
    assert plan.interval_cycles == 10


def test_a_frame_waits_in_the_fifo_beside_a_branch_that_gathers_it() -> None:
    typed = built("join")
    plan = stream_plan(typed, TARGET)
    depths = {n: plan.depths[c] for c, n in enumerate(plan.rtl.names)}
    skip = next(d for n, d in depths.items() if n.startswith("relu0.to1"))
    # 10 beats until the frame is whole, and those that come until the first of them is back
    assert 10 < skip <= 20
    assert all(d <= 6 for n, d in depths.items() if "relu0.to1" not in n)


def test_what_takes_a_beat_in_every_cycle_follows_without_a_fifo() -> None:
    """Rectifiers follow products; what has several readers, shares multipliers, or is an output
    keeps its FIFO.
    """
    typed = built("chain")
    made = stream_plan(typed, TARGET)
    assert made.rtl.names == ("x0.fifo", "relu1.fifo", "relu3.fifo", "fc4.fifo")
    facts = {f.stage: f for f in made.facts}
    depth = facts["fc0"].latency_cycles + facts["relu1"].latency_cycles
    assert made.depths[made.rtl.names.index("relu1.fifo")] >= depth / facts["fc0"].interval_cycles
    assert made.start_cycles["relu1"] == made.start_cycles["fc0"] + facts["fc0"].latency_cycles
    assert made.start_cycles["fc2"] == made.start_cycles["fc0"] + depth + 1
    names = stream_plan(built("beats"), TARGET).rtl.names
    assert "relu0.fifo" in names  # an output
    assert "relu0.to1_fifo" in names


def test_facts_are_of_all_processes_and_fifos() -> None:
    typed = built("join")
    plan: Schedule = schedule(typed, TARGET)
    names = [f.stage for f in plan.facts]
    assert len(set(names)) == len(names)
    assert all(f.stream for f in plan.facts)
    kinds = [f.kind for f in plan.facts]
    assert kinds.count("gather") == kinds.count("scatter") == 1
    fifos = [f for f in plan.facts if f.kind == "fifo"]
    assert len(fifos) == len(stream_plan(typed, TARGET).rtl.network.channels)
    memories = [m for f in fifos for m in f.memories]
    assert memories
    assert all(m.writable for m in memories)


def test_the_design_tells_its_ports() -> None:
    typed = built("beats")
    design = rtl_design(typed, TARGET)
    assert design.protocol is Protocol.AXI_STREAM
    text = design.files[f"{design.top}.v"]
    assert "input wire [31:0] in_x0_tdata" in text  # 4 lanes of 8 bits
    assert "output wire [31:0] out_relu2_tdata" in text  # 4 lanes of 7 bits in whole bytes
    assert "output wire out_x0_tlast" in text
    assert rtl_design(built("beats"), TARGET).files == design.files


@needs_icarus
def test_a_network_of_one_wire() -> None:
    made = Net()
    typed = made.graph(made.input(3, 2))
    plan = check_in_icarus(typed, drawn_codes(typed, 9), TARGET)
    assert plan.output_cycles == {"x0": 3}


def design_of(name: str) -> tuple[TypedGraph, RtlDesign]:
    typed = built(name)
    return typed, rtl_design(typed, TARGET)


@pytest.mark.slow
@needs_verilator
def test_cxxrtl_gives_the_same() -> None:
    typed = built("joins")
    codes = drawn_codes(typed, 12)
    one, other = (rtlsim(typed, TARGET, codes, engine=engine) for engine in Engine)
    assert one.latency_cycles == other.latency_cycles
    assert one.interval_cycles == other.interval_cycles
    for output in typed.outputs:
        assert np.array_equal(one.codes[output], other.codes[output])


@needs_icarus
@pytest.mark.parametrize("name", NETS)
def test_the_test_bench_passes_in_icarus_and_sees_a_fault(name: str, tmp_path: Path) -> None:
    typed, design = design_of(name)
    assert bench(typed, design, tmp_path / "right").startswith("PASSED: 12 rows")
    wrong = drawn_codes(typed, 12)
    files = bench_files(typed, design, 5.0, wrong)
    port = next(iter(design.out_ports.values()))
    lines = files[f"vectors/{port}.hex"].splitlines()
    lines[-1] = f"{int(lines[-1], 16) ^ 1:0{len(lines[-1])}x}"
    files[f"vectors/{port}.hex"] = "\n".join(lines)
    assert "FAILED: 1 differences" in run_bench(files, design, tmp_path / "wrong")
    late = replace(
        design,
        schedule=replace(
            design.schedule,
            output_cycles={n: c + 1 for n, c in design.schedule.output_cycles.items()},
        ),
    )
    assert "FAILED" in bench(typed, late, tmp_path / "late")


def bench(typed: TypedGraph, design: RtlDesign, folder: Path) -> str:
    return run_bench(bench_files(typed, design, 5.0, drawn_codes(typed, 12)), design, folder)


def test_types_of_the_nets_are_what_the_tests_think() -> None:
    assert HIDDEN.width == 7
    assert built("chain").implementation("fc2") == Implementation(Strategy.RESOURCE, 16)
