"""Networks that fork and join in time: a valid per output, each in its own cycle."""

from __future__ import annotations

import shutil
from itertools import pairwise

import numpy as np
import pytest

import converter
from converter.backends.hls.vectors import drawn_codes
from converter.config import Auto, HLSConfig, LayerConfig
from converter.csim import csim
from converter.emulate import emulate_codes
from converter.graph import Implementation, ModelGraph, Node, Strategy, TypedGraph, frozen_array
from converter.layers.activation import Relu
from converter.layers.dense import Dense
from converter.layers.input import Input
from converter.rtl.simulate import rtlsim
from converter.rtl.top import rtl_design
from converter.schedule import schedule
from converter.timing import Family, Target

TARGET = Target("xc7a200tfbg676-2", Family.SERIES7, 5.0)
ROWS = 1000


def dense(rng: np.random.Generator, n_in: int, n_out: int) -> Dense:
    return Dense(frozen_array(rng.normal(0, n_in**-0.5, (n_in, n_out))))


def two_heads() -> TypedGraph:
    """x -> trunk -> relu, which two heads read: one of them short, one of two layers. The
    inner layer ``relu`` is an output as well.
    """
    rng = np.random.default_rng(4)
    nodes = (
        Node("x", Input((8,)), (), (8,)),
        Node("trunk", dense(rng, 8, 6), ("x",), (6,)),
        Node("relu", Relu(), ("trunk",), (6,)),
        Node("near", dense(rng, 6, 2), ("relu",), (2,)),
        Node("middle", dense(rng, 6, 6), ("relu",), (6,)),
        Node("far", dense(rng, 6, 3), ("middle",), (3,)),
    )
    graph = ModelGraph("two heads", nodes, ("far", "near", "relu"))
    return converter.apply(graph, HLSConfig(model=LayerConfig(default_precision=Auto(7))))


def reuse(**factors: int) -> dict[str, Implementation]:
    return {n: Implementation(Strategy.RESOURCE, f) for n, f in factors.items()}


def products(typed: TypedGraph) -> dict[str, str]:
    """Stage of the product by layer."""
    return {s.layer: s.name for s in typed.stages if typed[s.name].unit.legal()[1:]}


CHOICES = {
    "unrolled": {},
    "mixed": {"trunk": 4, "near": 12, "far": 2},
}


@pytest.mark.parametrize("choice", CHOICES)
@pytest.mark.slow
def test_every_output_comes_in_its_own_cycle(choice: str) -> None:
    if shutil.which("verilator") is None or shutil.which("g++") is None:
        pytest.skip("needs verilator and g++")
    typed = two_heads()
    stages = products(typed)
    factors = {stages[layer]: factor for layer, factor in CHOICES[choice].items()}
    typed = typed.with_hardware(reuse(**factors))
    codes, plan = drawn_codes(typed, ROWS), schedule(typed, TARGET)
    expected, compiled = emulate_codes(typed, dict(codes)), csim(typed, codes)
    result = rtlsim(typed, TARGET, codes)
    for name in ("far", "near", "relu"):
        assert (result.codes[name] == expected[name]).all(), name
        assert (compiled[name] == expected[name]).all(), name
    assert result.latency_cycles == plan.output_cycles
    assert result.interval_cycles == plan.interval_cycles == max([1, *CHOICES[choice].values()])


def test_outputs_are_ready_in_order_of_their_depth() -> None:
    plan = schedule(two_heads(), TARGET)
    cycles = [plan.output_cycles[name] for name in ("relu", "near", "far")]
    assert all(a < b for a, b in pairwise(cycles))
    assert plan.latency_cycles == cycles[-1]


def test_the_top_has_a_valid_for_each_output() -> None:
    design = rtl_design(two_heads(), TARGET)
    text = design.files[f"{design.top}.v"]
    assert design.out_ports == {"far": "out_far", "near": "out_near", "relu": "out_relu"}
    for port in design.out_ports.values():
        assert f"output wire {port}_valid" in text
