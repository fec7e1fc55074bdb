"""Convolutional networks end to end: emulation, C++ and Verilog give the same bits, and the Verilog
takes the cycles of the plan, in io_parallel and in io_stream.
"""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from rtl_check import check_rtl
from streaming import Net

import converter
from converter.backends.hls.vectors import drawn_codes
from converter.config import Auto, HLSConfig, LayerConfig
from converter.csim import csim
from converter.emulate import emulate_codes
from converter.graph import Implementation, IOType, Strategy, TypedGraph
from converter.units.grouped import GroupedMatVec
from converter.units.matvec import MatVec
from converter.units.reduce import Reduce, Reduction
from converter.units.sliding import Sliding
from converter.units.window import Window

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        shutil.which("verilator") is None or shutil.which("g++") is None,
        reason="needs verilator and g++",
    ),
]

ROWS = 8


def check(typed: TypedGraph) -> None:
    codes = drawn_codes(typed, ROWS)
    expected, compiled = emulate_codes(typed, dict(codes)), csim(typed, codes)
    for name in typed.outputs:
        assert np.array_equal(expected[name].astype(object), compiled[name].astype(object))
    check_rtl(typed, codes)


def small() -> TypedGraph:
    """Padded, strided and plain windows; largest, sums, and a mean over the whole frame."""
    net = Net()
    x = net.relu(net.conv(net.input(10, 10, 2), 3, same=True, reuse=6))
    x = net.pool(x)
    x = net.relu(net.conv(x, 4, kernel=2, stride=1))
    x = net.relu(net.conv(x, 4, stride=2, same=True, reuse=3))
    rows, columns, channels = net.edges[x].shape
    whole = Window(rows, columns, channels, (rows, columns), groups=channels)
    mean = Reduce(Reduction.SUM, channels, rows * columns, net.edges[x].type)
    x = net.stage(Sliding(whole, mean), (1, 1, channels), x, kind="mean")
    return net.graph(net.dense(net.flatten(x), 5, reuse=4))


@pytest.mark.parametrize("io_type", IOType)
def test_a_small_network(io_type: IOType) -> None:
    check(replace(small(), io_type=io_type))


def test_a_small_network_with_several_positions_at_once() -> None:
    typed = replace(small(), io_type=IOType.PARALLEL)
    factors = iter((10, 5, 8, 2))
    choices = {
        stage.name: Implementation(parallelization_factor=next(factors))
        for stage in typed.stages
        if isinstance(stage.unit, Sliding) and stage.unit.window.positions > 1
    }
    check(typed.with_hardware(choices))


def reused(typed: TypedGraph, most: int) -> TypedGraph:
    """Every product with the largest reuse factor up to ``most``."""
    choices = {}
    for stage in typed.stages:
        body = stage.unit.body if isinstance(stage.unit, Sliding) else stage.unit
        if isinstance(body, MatVec | GroupedMatVec):
            factors = (c.reuse_factor for c in body.legal() if c.reuse_factor <= most)
            choices[stage.name] = Implementation(Strategy.RESOURCE, max(factors))
    return typed.with_hardware(choices)


@pytest.mark.parametrize("io_type", IOType)
@pytest.mark.parametrize("model", ["KERAS_conv1d_small", "KERAS_conv2d_model"])
def test_real_networks(shared: Path, model: str, io_type: IOType) -> None:
    models = shared / "models"
    graph = converter.load(models / f"{model}.json", models / f"{model}_weights.h5")
    config = HLSConfig(model=LayerConfig(default_precision=Auto(8)))
    check(reused(replace(converter.apply(graph, config), io_type=io_type), 100))
