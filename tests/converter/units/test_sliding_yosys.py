"""Sliding units after logic synthesis: the registers, and the memories, that their facts count."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from sliding_cases import Case, accumulator, codes_of, network

from converter.backends.yosys.cells import resources
from converter.backends.yosys.scripts import needs, script, text_file
from converter.facts import Facts
from converter.graph import Implementation, IOType, Strategy
from converter.process import run
from converter.rtl.module import RtlModule, library_file
from converter.timing import Family, Target, timing_for
from converter.types import Fixed
from converter.units.matvec import MatVec
from converter.units.reduce import Reduce, Reduction
from converter.units.sliding import Sliding
from converter.units.window import Window
from converter.yosys import find_yosys

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(find_yosys() is None, reason="needs Yosys"),
]

TIMING = timing_for(Target("xc7a200tfbg676-2", Family.SERIES7, 8.0))
T, WEIGHT = Fixed(6, 3), Fixed(5, 2)
SAME = ((1, 1), (1, 1))


def convolution(window: Window, choice: Implementation) -> Case:
    rng = np.random.default_rng(50)
    weights = codes_of(rng, WEIGHT, (window.elements, 2))
    weights[weights == 0] = 3  # no input is left out
    accum = accumulator(window.elements, T, WEIGHT, 0)
    body = MatVec(weights, WEIGHT, rng.integers(-99, 99, 2), T, accum)
    return Case(Sliding(window, body), window, T, choice)


def pooling(window: Window, choice: Implementation, reduction: Reduction) -> Case:
    n = window.kernel[0] * window.kernel[1]
    unit = Sliding(window, Reduce(reduction, window.channels, n, T), T.code_min)
    return Case(unit, window, T, choice)


def latency(parallel: int) -> Implementation:
    return Implementation(parallelization_factor=parallel)


def shared(reuse: int, parallel: int = 1) -> Implementation:
    return Implementation(Strategy.RESOURCE, reuse, parallel)


PLAIN = Window(6, 6, 2, (3, 3))
PADDED = Window(6, 6, 2, (3, 3), padding=SAME)
PAIRS = Window(7, 7, 3, (2, 2), (2, 2), groups=3)
PARALLEL = {
    "at_once": convolution(Window(4, 4, 2, (3, 3)), latency(4)),
    "one_by_one": convolution(PADDED, latency(1)),
    "by_row": convolution(PLAIN, latency(4)),
    "by_two_rows": convolution(PLAIN, latency(8)),
    "selected": convolution(PADDED, latency(4)),
    "shared": convolution(PADDED, shared(3)),
    "shared_twice": convolution(PLAIN, shared(18, 2)),
    "largest": pooling(PAIRS, latency(3), Reduction.MAX),
    "sums": pooling(PAIRS, latency(1), Reduction.SUM),
    "last_axis": convolution(Window.of_positions(6, 4), latency(2)),
}
STREAM = {
    "plain": convolution(PLAIN, latency(1)),
    "padded": convolution(PADDED, latency(1)),
    "spaced": convolution(PADDED, shared(6)),
    "luts": convolution(Window(5, 30, 2, (3, 3)), latency(1)),
    "blocks": convolution(Window(4, 200, 4, (3, 3), padding=SAME), latency(1)),
    "dilated": convolution(Window(1, 20, 2, (1, 3), (1, 1), (1, 4)), latency(1)),
    "largest": pooling(PAIRS, latency(1), Reduction.MAX),
    "whole": pooling(Window(6, 6, 3, (6, 6), groups=3), latency(1), Reduction.SUM),
}


def check(module: RtlModule, facts: Facts, folder: Path) -> None:
    files = {f"{module.name}.v": module.text, **{n: library_file(n) for n in module.library}}
    for name, text in {**files, "addalu.v": text_file("addalu.v")}.items():
        (folder / name).write_text(text, encoding="ascii")
    read = "\n".join(f"read_verilog -defer {name}" for name in sorted(files))
    text = script(module.name, read, needs(files.values()), {}, False)
    (folder / "synth.ys").write_text(text, encoding="ascii")
    yosys = find_yosys()
    assert yosys is not None
    outcome = run(yosys.argv("synth.ys"), folder, timeout_s=300.0)
    assert outcome.status == "ok", outcome.log_tail
    stat = (folder / "stat.json").read_text()
    cells = json.loads(stat[stat.index("{") :])["design"]["num_cells_by_type"]
    used = resources(cells)
    assert (used.ff, used.srl) == (facts.register_bits, facts.shift_register_bits)
    assert bool(used.bram_18k) is any(m.registered for m in facts.memories)
    assert bool(used.lutram) is any(m.writable and not m.registered for m in facts.memories)


@pytest.mark.parametrize("case", PARALLEL)
def test_registers_in_io_parallel(case: str, tmp_path: Path) -> None:
    unit, choice = PARALLEL[case].unit, PARALLEL[case].choice
    check(unit.rtl("u", choice, TIMING), unit.facts("u", choice, TIMING), tmp_path)


@pytest.mark.parametrize("case", STREAM)
def test_registers_and_memories_in_io_stream(case: str, tmp_path: Path) -> None:
    made = STREAM[case]
    typed = network([made], IOType.STREAM)
    edges = (typed.edges["x0"],), typed.edges["u0"]
    (process,) = made.unit.processes("u0", made.choice, TIMING, *edges)
    check(process.module("u"), process.facts, tmp_path)
