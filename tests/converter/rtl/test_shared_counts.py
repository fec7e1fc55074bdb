"""Products with shared multipliers: Yosys finds as many blocks and registers as the facts count."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from unit_cases import network

from converter.backends import BACKENDS
from converter.backends.base import Stage
from converter.facts import Facts
from converter.graph import Implementation, Strategy, TypedGraph
from converter.process import run
from converter.report import Report
from converter.schedule import schedule
from converter.timing import Family, Target, timing_for
from converter.types import Fixed, bits_for
from converter.units.grouped import GroupedMatVec
from estimators.structure import memory_blocks

U9 = Target("xcvu9p-flga2104-2L-e", Family.ULTRASCALE_PLUS, 5.0)
U9_FAST = Target("xcvu9p-flga2104-2L-e", Family.ULTRASCALE_PLUS, 3.0)
Z7 = Target("xc7z020clg400-1", Family.SERIES7, 8.0)
VERSAL = Target("xcvc1902-vsva2197-2MP-e-S", Family.VERSAL, 2.5)


@dataclass(frozen=True)
class Design:
    """``size``: groups, inputs and outputs of each. ``zeros``: share of weights that are zero."""

    size: tuple[int, int, int]
    input: Fixed
    weight_bits: int
    reuse_factor: int
    target: Target = U9
    zeros: float = 0.0
    strategy: Strategy = Strategy.RESOURCE

    @property
    def unit(self) -> GroupedMatVec:
        rng = np.random.default_rng(sum(self.size) + self.reuse_factor)
        groups, n_in, n_out = self.size
        weight = Fixed(self.weight_bits, 1)
        limit = (n_in << self.input.width + weight.width) + 100
        width = bits_for(-limit, limit)[0]
        accum = Fixed(width, width - self.input.fraction - weight.fraction)
        weights = rng.integers(weight.code_min, weight.code_max + 1, self.size)
        weights[rng.random(self.size) < self.zeros] = 0
        bias = rng.integers(-99, 99, groups * n_out)
        return GroupedMatVec(weights, weight, bias, self.input, accum)

    @property
    def typed(self) -> TypedGraph:
        choice = Implementation(self.strategy, self.reuse_factor)
        return network([(self.unit, self.input, self.size[0] * self.size[1], choice)])

    @property
    def facts(self) -> Facts:
        (facts,) = schedule(self.typed, self.target).facts
        return facts


S8, U12, S16 = Fixed(8, 3), Fixed(12, 3, False), Fixed(16, 6)

DESIGNS = {
    "accumulators in DSP blocks": Design((1, 16, 8), S8, 8, 16),
    "several products per step": Design((1, 20, 7), S16, 16, 4, U9_FAST),
    "several passes, block RAM": Design((3, 16, 13), S16, 10, 208, Z7),
    "in LUTs": Design((3, 14, 9), U12, 3, 14, Z7),
    "one bit in two is no weight": Design((1, 22, 20), U12, 3, 110, U9, 0.5),
    "multipliers without a weight": Design((3, 6, 21), S8, 8, 6, U9, 0.8),
    "lanes without a weight": Design((1, 29, 12), S8, 6, 58, Z7, 0.98),
    "latency strategy": Design((1, 15, 16), S8, 8, 5, U9, 0.5, Strategy.LATENCY),
    "limbs": Design((1, 5, 2), Fixed(30, 9), 40, 5),
    "the wider block": Design((1, 6, 3), Fixed(21, 9), 37, 6, VERSAL),
}


@pytest.mark.parametrize("name", DESIGNS)
def test_a_multiplier_per_product_of_a_step_that_has_a_weight(name: str) -> None:
    """ceil(n_in * n_out / reuse_factor) for each group (hls4ml's resource strategy), without
    those whose weights are all zero; a new input every ``reuse_factor`` cycles.
    """
    design = DESIGNS[name]
    facts, (groups, n_in, n_out) = design.facts, design.size
    most = groups * -(-n_in * n_out // design.reuse_factor)
    blocks = timing_for(design.target).dsp.blocks
    operand, weight = design.input.width + (not design.input.signed), design.weight_bits
    built = [m for m in facts.multipliers if m.in_dsp]
    if weight < 5:
        assert built == []
        assert sum(m.count for m in facts.multipliers) <= most
    elif design.zeros == 0:
        assert sum(m.dsp for m in built) == most * blocks(operand, weight)
    else:
        assert 0 < sum(m.dsp for m in built) < most
    assert facts.interval_cycles == design.reuse_factor
    assert (facts.n_in, facts.n_out) == (groups * n_in, groups * n_out)
    assert facts.weights == groups * n_in * n_out


def synthesised(typed: TypedGraph, target: Target, folder: Path) -> Report:
    backend = BACKENDS["yosys"]
    tool = backend.find()
    if tool is None:
        pytest.skip("needs Yosys")
    project = backend.project(typed, target)
    project.write(folder)
    for command in backend.commands(project, tool, Stage.LOGIC):
        assert run(command.argv, folder, timeout_s=300).status == "ok"
    return backend.read_report(folder, tool, Stage.LOGIC)


@pytest.mark.slow
@pytest.mark.parametrize("name", DESIGNS)
def test_yosys_counts_what_the_facts_do(tmp_path: Path, name: str) -> None:
    design = DESIGNS[name]
    facts, report = design.facts, synthesised(design.typed, design.target, tmp_path)
    assert report.dsp == sum(m.dsp for m in facts.multipliers)
    assert report.bram_18k == sum(memory_blocks(m) for m in facts.memories if m.registered)
    # of products in LUTs, bits that follow from the others are found by synthesis alone
    assert report.ff == pytest.approx(facts.register_bits, rel=0.01, abs=1)
