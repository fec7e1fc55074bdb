"""A network that rearranges its tensors has the Verilog and the cycles of one that does not."""

from __future__ import annotations

import shutil

import numpy as np
import pytest

import converter
from converter.emulate import emulate_codes, quantize_inputs
from converter.graph import ModelGraph, Node, Shape, TypedGraph
from converter.layers.base import Layer
from converter.layers.dense import Dense
from converter.layers.input import Input
from converter.layers.padding import ZeroPadding
from converter.layers.reshape import Flatten, Permute
from converter.rtl.simulate import rtlsim
from converter.rtl.wiring import wiring_module
from converter.schedule import schedule
from converter.timing import Family, Target
from converter.types import Fixed

TARGET = Target("xc7z020clg400-1", Family.SERIES7, 5.0)


def network(shape: Shape, *before: Layer) -> TypedGraph:
    """Layers, then a dense one of 24 inputs."""
    rng = np.random.default_rng(0)
    dense = Dense(kernel=rng.normal(0, 1, (24, 3)), bias=rng.normal(0, 1, 3))
    nodes = [Node("x", Input(shape), (), shape)]
    for k, layer in enumerate((*before, dense)):
        shape = layer.infer_shape([shape])
        nodes.append(Node(f"l{k}", layer, (nodes[-1].name,), shape))
    return converter.apply(ModelGraph("net", tuple(nodes), (nodes[-1].name,)))


def test_rearranging_takes_no_cycles() -> None:
    moved = network((2, 3, 2), ZeroPadding(((1, 0), (0, 1))), Permute((2, 1, 3)), Flatten())
    plan, straight = schedule(moved, TARGET), schedule(network((24,)), TARGET)
    assert len(plan.facts) == len(straight.facts) + 3
    assert plan.latency_cycles == straight.latency_cycles
    assert plan.interval_cycles == straight.interval_cycles


@pytest.mark.skipif(
    shutil.which("verilator") is None or shutil.which("g++") is None,
    reason="needs verilator and g++",
)
def test_its_verilog_gives_the_bits_of_emulate() -> None:
    moved = network((2, 3, 2), ZeroPadding(((1, 0), (0, 1))), Permute((2, 1, 3)), Flatten())
    x = np.random.default_rng(1).normal(0, 4, (50, 2, 3, 2))
    codes = quantize_inputs(moved, x)
    expected, result = emulate_codes(moved, dict(codes)), rtlsim(moved, TARGET, codes)
    (name,) = moved.outputs
    assert np.array_equal(expected[name].astype(np.int64), result.codes[name])
    assert result.latency_cycles[name] == schedule(moved, TARGET).latency_cycles


def test_neighbours_are_one_assignment() -> None:
    text = wiring_module("m", [0, 1, 2, -1, -1, 7, 6], [8], Fixed(4, 4), -3).text
    assert text.count("assign out_data") == 4
    assert "out_data[0 +: 12] = in_data[0 +: 12];" in text
    assert "out_data[12 +: 8] = {2{4'hd}};" in text
    assert "out_data[20 +: 4] = in_data[28 +: 4];" in text
