"""The Verilog of units of one or two tensors in io_stream: the bits of the emulation, in the cycles
of the plan, whatever waits.
"""

from __future__ import annotations

import shutil

import numpy as np
import pytest
from tensor_cases import (
    check_streams,
    large_moves,
    merges,
    moves,
    others,
    random_constants,
    random_join,
    random_lookup,
    random_matmul,
    random_merge,
    random_reindex,
)

from converter.timing import Family, Target

needs_verilator = pytest.mark.skipif(
    shutil.which("verilator") is None or shutil.which("g++") is None,
    reason="needs verilator and g++",
)
USUAL = Target("xcvu9p-flga2104-2L-e", Family.ULTRASCALE_PLUS, 5.0)
FAST = Target("xcvu9p-flga2104-2L-e", Family.ULTRASCALE_PLUS, 2.5)
OLD = Target("xc7a200tfbg676-2", Family.SERIES7, 5.0)


@needs_verilator
def test_every_form() -> None:
    check_streams([merges()[5], *others(), *moves()], USUAL)


@needs_verilator
@pytest.mark.slow
@pytest.mark.parametrize("target", [USUAL, FAST, OLD], ids=["usual", "fast", "old"])
def test_random_types_and_shapes(target: Target) -> None:
    rng = np.random.default_rng(31)
    counts = {
        random_merge: 3, random_matmul: 8, random_lookup: 8, random_join: 12, random_reindex: 30
    }  # fmt: skip
    check_streams([make(rng) for make, n in counts.items() for _ in range(n)], target)


@needs_verilator
@pytest.mark.slow
@pytest.mark.parametrize("target", [USUAL, FAST], ids=["usual", "fast"])
def test_large_memories_runs_and_long_selections(target: Target) -> None:
    check_streams(large_moves(), target, 9)


@needs_verilator
@pytest.mark.slow
def test_constants_that_differ_from_beat_to_beat() -> None:
    rng = np.random.default_rng(33)
    check_streams([case for _ in range(8) for case in random_constants(rng)], USUAL)
