"""Deep memories of weights: in block RAM as many blocks as the facts say, right in every bit."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from converter.backends import BACKENDS
from converter.backends.base import Stage as Depth
from converter.emulate import emulate_codes
from converter.facts import Memory
from converter.graph import Bounds, Edge, Implementation, Stage, Strategy, TypedGraph
from converter.process import run
from converter.rtl.simulate import rtlsim
from converter.schedule import schedule
from converter.timing import Family, Target
from converter.types import Fixed
from converter.units.matvec import MatVec
from estimators.structure import memory_blocks

TARGET = Target("xcvu9p-flga2104-2L-e", Family.ULTRASCALE_PLUS, 5.0)


def product(n_in: int, n_out: int, weight_bits: int, reuse: int) -> TypedGraph:
    rng = np.random.default_rng(0)
    t, weight = Fixed(8, 2), Fixed(weight_bits, 1)
    accum = Fixed(10 + t.width + weight_bits, 13)
    weights = rng.integers(weight.code_min, weight.code_max + 1, (n_in, n_out))
    unit = MatVec(weights, weight, rng.integers(-9, 9, n_out), t, accum)
    edges = {
        "x": Edge("x", (n_in,), t, Bounds.of_type(t, n_in)),
        "fc": Edge("fc", (n_out,), accum, Bounds.of_type(accum, n_out)),
    }
    typed = TypedGraph("deep", edges, (Stage("fc", "fc", unit, ("x",)),), ("x",), ("fc",))
    return typed.with_hardware({"fc": Implementation(Strategy.RESOURCE, reuse)})


CASES = {
    "half a block": (product(32, 32, 8, 512), Memory(1, 512, 16), 1),
    "two side by side": (product(64, 64, 9, 512), Memory(1, 512, 72), 2),
    "two in depth": (product(64, 64, 8, 2048), Memory(1, 2048, 16), 2),
    "cheaper in LUTs": (product(64, 8, 4, 512), Memory(1, 512, 4, registered=False), 0),
}


@pytest.mark.parametrize("case", CASES)
def test_facts(case: str) -> None:
    typed, memory, blocks = CASES[case]
    (facts,) = schedule(typed, TARGET).facts
    assert replace(facts.memories[0], luts=0) == memory
    assert not any(m.registered for m in facts.memories[1:])
    assert (memory_blocks(memory) if memory.registered else 0) == blocks


@pytest.mark.slow
@pytest.mark.parametrize("case", CASES)
def test_yosys_puts_them_where_the_facts_say(tmp_path: Path, case: str) -> None:
    typed, _, blocks = CASES[case]
    backend = BACKENDS["yosys"]
    tool = backend.find()
    if tool is None:
        pytest.skip("needs Yosys")
    project = backend.project(typed, TARGET)
    project.write(tmp_path)
    (command,) = backend.commands(project, tool, Depth.LOGIC)
    assert run(command.argv, tmp_path, timeout_s=300).status == "ok"
    assert backend.read_report(tmp_path, tool, Depth.LOGIC).bram_18k == blocks


@pytest.mark.slow
@pytest.mark.parametrize("clock_period_ns", [3.0, 5.0])
def test_a_deep_memory_gives_the_right_bits(clock_period_ns: float) -> None:
    """At the faster clock, the word read waits a cycle before the multiplier."""
    if shutil.which("verilator") is None or shutil.which("g++") is None:
        pytest.skip("needs verilator and g++")
    target = Target(TARGET.part, TARGET.family, clock_period_ns)
    rng, typed = np.random.default_rng(1), CASES["half a block"][0]
    codes = {"x": rng.integers(-128, 128, (1000, 32))}
    result, plan = rtlsim(typed, target, codes), schedule(typed, target)
    assert (result.codes["fc"] == emulate_codes(typed, dict(codes))["fc"]).all()
    assert result.latency_cycles == plan.output_cycles
    assert result.interval_cycles == 512
