"""The checks of conformance fail where they should."""

from __future__ import annotations

import shutil
from dataclasses import replace

import numpy as np
import pytest
from harness import (
    check_bits,
    check_csim,
    check_float,
    check_verilog,
    check_wide,
    input_ranges,
    steps,
)

import converter
from converter.backends.hls.vectors import drawn_codes
from converter.emulate import emulate_codes
from converter.graph import IOType, ModelGraph, Node, TypedGraph
from converter.layers.dense import Dense
from converter.layers.input import Input

X = steps(np.random.default_rng(0), (8, 3))
KERNEL = np.array([[1.0, 0.5], [-0.25, 2.0], [0.75, -1.5]])


def model(kernel: np.ndarray = KERNEL) -> ModelGraph:
    nodes = (Node("x", Input((3,)), (), (3,)), Node("fc", Dense(kernel), ("x",), (2,)))
    return ModelGraph("m", nodes, ("fc",))


@pytest.mark.parametrize("check", [check_float, check_wide])
def test_an_error_of_some_steps_of_float32_passes_and_a_larger_one_does_not(check) -> None:
    y = X @ KERNEL
    largest = np.abs(y).max()
    check(model(), X, y)
    check(model(), X, y + 9e-6 * largest)
    with pytest.raises(AssertionError, match=r"fc: .* is off by 2.0\de-05 of the largest output"):
        check(model(), X, y + 2.05e-5 * largest)
    with pytest.raises(AssertionError, match=r"fc: .* gives \(8, 2\), the framework \(8, 1, 2\)"):
        check(model(), X, y[:, np.newaxis])


def test_a_bit_that_differs_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """The emulation of another kernel, against the C++ of this one."""
    ranges = input_ranges(model(), X)
    check_bits(model(), X)
    mine, other = (
        converter.apply(model(kernel), None, ranges) for kernel in (KERNEL, KERNEL * [1, -1])
    )

    def emulated(typed: TypedGraph, codes: dict) -> dict:
        del typed
        return emulate_codes(other, codes)

    monkeypatch.setattr("harness.emulate_codes", emulated)
    with pytest.raises(AssertionError, match=r"fc, io_parallel: csim differs from emulation in"):
        check_csim(mine, X)


@pytest.mark.skipif(shutil.which("iverilog") is None, reason="no iverilog: no Verilog is simulated")
def test_a_bit_that_differs_in_the_verilog_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """The test bench of another kernel, against the Verilog of this one."""
    ranges = input_ranges(model(), X)
    mine, other = (
        converter.apply(model(kernel), None, ranges) for kernel in (KERNEL, KERNEL * [1, -1])
    )
    codes = drawn_codes(mine, 9)
    for io_type in IOType:
        check_verilog(replace(mine, io_type=io_type), codes)

    def emulated(typed: TypedGraph, codes: dict) -> dict:
        del typed
        return emulate_codes(other, codes)

    monkeypatch.setattr("converter.rtl.testbench.emulate_codes", emulated)
    for io_type in IOType:
        with pytest.raises(AssertionError, match=f"{io_type.value}: FAILED: [0-9]+ differences"):
            check_verilog(replace(mine, io_type=io_type), codes)
