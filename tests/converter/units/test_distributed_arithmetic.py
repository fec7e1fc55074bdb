"""Matrix products under distributed arithmetic: the bits of emulation in C++ and in Verilog, the
cycles of the facts, and what is refused.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from unit_cases import Case, Random, check_csim, check_verilog, wide_matvec
from unit_cases import matvec as random_matvec

from converter.csim import build, csim
from converter.emulate import emulate_codes
from converter.errors import ConfigError
from converter.graph import (
    Bounds,
    Edge,
    Implementation,
    IOType,
    Stage,
    Strategy,
    TypedGraph,
    frozen_array,
)
from converter.netlist.shift_add import search
from converter.timing import Family, Target, timing_for
from converter.types import Fixed, bits_for
from converter.units.matvec import MatVec
from converter.units.sliding import Sliding
from converter.units.window import Window

DA = Implementation(Strategy.DISTRIBUTED_ARITHMETIC)
USUAL = Target("xcvu9p-flga2104-2L-e", Family.ULTRASCALE_PLUS, 5.0)
FAST = Target("xcvu9p-flga2104-2L-e", Family.ULTRASCALE_PLUS, 2.5)

needs_compiler = pytest.mark.skipif(shutil.which("g++") is None, reason="needs g++")
needs_verilator = pytest.mark.skipif(
    shutil.which("verilator") is None or shutil.which("g++") is None,
    reason="needs verilator and g++",
)


def products(count: int, wide: int, rng: np.random.Generator) -> list[Case]:
    made = [random_matvec(rng) for _ in range(count)]
    made += [wide_matvec(rng) for _ in range(wide)]
    return [(*case[:3], DA) for case in made]


def matvec(weights: Any, bias: Any = None) -> MatVec:
    x = Fixed(8, 4)
    weights = np.array(weights, np.int64)
    bias = np.zeros(weights.shape[1], np.int64) if bias is None else np.array(bias, np.int64)
    largest = int(np.abs(weights).sum(axis=0).max()) << x.width
    top = largest + int(np.abs(bias).max())
    width = bits_for(-top - 1, top)[0]
    kind = Fixed(8, 8)
    accum = Fixed(width, width - x.fraction)
    return MatVec(frozen_array(weights), kind, frozen_array(bias), x, accum)


@needs_compiler
def test_csim_gives_the_bits_of_emulate() -> None:
    rng = np.random.default_rng(31)
    check_csim(products(40, 4, rng), rng)


def check_full_rate(made: list[Case], target: Target, rng: Random) -> None:
    """Bits, cycles, and a row in every cycle."""
    assert check_verilog(made, target, rng, rows=300).interval_cycles == 1


@needs_verilator
def test_verilog_gives_the_bits_of_emulate_in_the_cycles_of_the_facts() -> None:
    rng = np.random.default_rng(32)
    check_full_rate(products(6, 0, rng), USUAL, rng)


@pytest.mark.slow
@needs_verilator
@pytest.mark.parametrize("target", [USUAL, FAST], ids=["usual", "fast"])
def test_more_verilog(target: Target) -> None:
    rng = np.random.default_rng(33)
    check_full_rate(products(24, 3 if target is USUAL else 0, rng), target, rng)


def one_stage(unit: Any, shape: tuple[int, ...], out: tuple[int, ...], io: IOType) -> TypedGraph:
    t = unit.input_type if isinstance(unit, MatVec) else unit.body.input_type
    size = int(np.prod(shape))
    x = Edge("x", shape, t, Bounds.of_type(t, size))
    y = Edge("y", out, unit.output_type, unit.bounds((x.bounds,)))
    stage = Stage("y", "y", unit, ("x",))
    return TypedGraph("da", {"x": x, "y": y}, (stage,), ("x",), ("y",), {"y": DA}, {}, io)


@needs_compiler
@pytest.mark.parametrize("io_type", IOType)
def test_a_convolution_of_additions(io_type: IOType) -> None:
    """The graph is the body of a window, in a file of its own."""
    rng = np.random.default_rng(34)
    window = Window(4, 5, 2, (3, 3), padding=((1, 1), (0, 1)))
    body = matvec(rng.integers(-20, 20, (18, 3)), rng.integers(-99, 99, 3))
    unit = Sliding(window, body, 0)
    typed = one_stage(unit, (4, 5, 2), (window.out_rows, window.out_columns, 3), io_type)
    x = rng.integers(-128, 128, (50, 40))
    expected = emulate_codes(typed, {"x": x})["y"]
    assert (csim(typed, {"x": x})["y"].astype(object) == expected.astype(object)).all()


@needs_compiler
def test_the_open_headers_of_the_vendors_agree(tmp_path: Path, open_headers: Path) -> None:
    """Their sums grow by a bit and their shifts do not: words are extended before both."""
    rng = np.random.default_rng(35)
    unit = matvec(rng.integers(-128, 128, (6, 5)), rng.integers(-99, 99, 5))
    typed = one_stage(unit, (6,), (5,), IOType.PARALLEL)
    x = np.concatenate([rng.integers(-128, 128, (50, 6)), [[-128] * 6, [127] * 6]])
    got = build(typed, tmp_path, open_headers).run({"x": x})["y"]
    assert (got == emulate_codes(typed, {"x": x})["y"]).all()


def test_the_same_plan_serves_every_stage_of_equal_weights() -> None:
    weights = np.random.default_rng(36).integers(-32, 32, (12, 12))
    timing = timing_for(USUAL)
    search.cache_clear()
    first, second = (matvec(weights.copy()).facts("fc", DA, timing) for _ in range(2))
    assert first == second
    assert search.cache_info().misses == 1


def test_fewer_adders_than_latency_and_the_same_cycles() -> None:
    unit, timing = matvec(np.random.default_rng(37).integers(-32, 32, (16, 32))), timing_for(USUAL)
    shared, plain = (unit.facts("fc", c, timing) for c in (DA, Implementation()))
    assert shared.adders < 0.9 * plain.adders
    assert shared.adder_bits < 0.9 * plain.adder_bits
    assert shared.latency_cycles == plain.latency_cycles
    assert shared.multipliers == ()


def test_a_reuse_factor_is_refused_with_the_way_out() -> None:
    unit = matvec([[1, 2], [3, 4]])
    choice = Implementation(Strategy.DISTRIBUTED_ARITHMETIC, 2)
    message = (
        "fc1: strategy distributed_arithmetic has no multiplications to share, so that "
        "reuse_factor=2 is not legal; give 1, or strategy resource"
    )
    with pytest.raises(ConfigError, match=message):
        unit.check("fc1", choice)


def test_only_who_asks_waits_for_the_plan_of_a_large_matrix() -> None:
    """It takes seconds: what lists choices does not list it. A small one comes second."""
    small = matvec([[1, 2], [3, 4]])
    assert small.legal()[:2] == (Implementation(), DA)
    large = matvec(np.random.default_rng(38).integers(-128, 128, (64, 64)))
    assert DA not in large.legal()
    large.check("fc1", DA)
