"""The Verilog of units of one or two tensors in io_parallel: the bits of the emulation, in the
cycles of the facts.
"""

from __future__ import annotations

import shutil

import numpy as np
import pytest
from tensor_cases import (
    check_verilog,
    merges,
    moves,
    others,
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
MAKERS = (random_merge, random_matmul, random_lookup, random_join, random_reindex)


@needs_verilator
def test_a_few_of_each() -> None:
    check_verilog([*merges()[:11:2], *others(), *moves()[7:]], USUAL)


@needs_verilator
@pytest.mark.slow
@pytest.mark.parametrize("target", [USUAL, FAST, OLD], ids=["usual", "fast", "old"])
def test_random_types_and_shapes(target: Target) -> None:
    rng = np.random.default_rng(21)
    check_verilog([make(rng) for make in MAKERS for _ in range(25)], target)


@needs_verilator
@pytest.mark.slow
def test_every_merge() -> None:
    check_verilog(merges(), FAST)
