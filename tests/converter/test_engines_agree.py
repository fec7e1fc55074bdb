"""Whole networks: emulation, compiled C++ and simulated Verilog give the same bits, in the
cycles of the schedule.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

import converter
from converter.backends.hls.vectors import drawn_codes
from converter.config import Auto, HLSConfig, LayerConfig
from converter.csim import csim
from converter.emulate import emulate_codes
from converter.graph import Implementation, ModelGraph, TypedGraph
from converter.rtl.simulate import rtlsim
from converter.schedule import schedule
from converter.timing import Family, Target
from converter.units.matvec import MatVec

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        shutil.which("verilator") is None or shutil.which("g++") is None,
        reason="needs verilator and g++",
    ),
]

ROWS = 1000
TARGET = Target("xcvu9p-flga2104-2L-e", Family.ULTRASCALE_PLUS, 5.0)
DIGITS = Path(__file__).resolve().parents[2] / "examples" / "digits" / "digits.h5"


def narrow(graph: ModelGraph, bits: int) -> TypedGraph:
    """With few bits, so that a whole unrolled network is soon compiled."""
    return converter.apply(graph, HLSConfig(model=LayerConfig(default_precision=Auto(bits))))


def mixed(typed: TypedGraph) -> TypedGraph:
    """One reuse factor after another, none 1: the larger the product, the fewer multipliers."""
    choices: dict[str, Implementation] = {}
    products = {s.name: s.unit for s in typed.stages if isinstance(s.unit, MatVec)}
    by_size = sorted(products.items(), key=lambda item: -item[1].n_in * item[1].n_out)
    for number, (name, unit) in enumerate(by_size):
        legal = [c for c in unit.legal() if c.reuse_factor > 1]
        fewest_first = sorted(legal, key=lambda c: -c.reuse_factor)
        choices[name] = fewest_first[min(2 * number + 1, len(legal) - 1)]
    return typed.with_hardware(choices)


def check(typed: TypedGraph) -> None:
    codes = drawn_codes(typed, ROWS)
    expected, compiled = emulate_codes(typed, dict(codes)), csim(typed, codes)
    simulated, plan = rtlsim(typed, TARGET, codes), schedule(typed, TARGET)
    for name in typed.outputs:
        assert expected[name].shape[0] == ROWS
        assert (compiled[name] == expected[name]).all(), name
        assert (simulated.codes[name] == expected[name]).all(), name
    assert simulated.latency_cycles == plan.output_cycles
    assert simulated.interval_cycles == plan.interval_cycles


@pytest.mark.parametrize("hardware", ["unrolled", "mixed"])
@pytest.mark.parametrize("model", ["keras2.h5", "keras3.h5", "keras3.keras", "qkeras.h5"])
def test_fixtures(fixtures: Path, model: str, hardware: str) -> None:
    typed = narrow(converter.load(fixtures / model), 8)
    check(mixed(typed) if hardware == "mixed" else typed)


@pytest.mark.parametrize("hardware", ["unrolled", "mixed"])
def test_the_example(hardware: str) -> None:
    graph = converter.load(DIGITS)
    check(narrow(graph, 4) if hardware == "unrolled" else mixed(narrow(graph, 8)))


@pytest.mark.parametrize("hardware", ["unrolled", "mixed"])
@pytest.mark.parametrize("name", ["KERAS_3layer", "qkeras_3layer"])
def test_the_jet_tagger(shared: Path, name: str, hardware: str) -> None:
    architecture = shared / "models" / f"{name}.json"
    weights = shared / "models" / f"{name}_weights.h5"
    if not architecture.exists():
        pytest.skip(f"{name} is not in the reference folder")
    graph = converter.load(architecture, weights)
    check(narrow(graph, 4) if hardware == "unrolled" else mixed(narrow(graph, 10)))
