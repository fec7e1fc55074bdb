"""Whole networks: the generated C++ gives the bits of the emulation."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import converter
from converter.backends.hls.vectors import drawn_codes
from converter.config import Auto, HLSConfig, LayerConfig, Precision
from converter.csim import csim
from converter.emulate import emulate_codes, quantize_inputs
from converter.graph import Implementation, IOType, Strategy, TypedGraph
from converter.types import Fixed, Overflow, Rounding
from converter.units.matvec import MatVec

pytestmark = pytest.mark.skipif(shutil.which("g++") is None, reason="needs g++")

DIGITS = Path(__file__).resolve().parents[2] / "examples" / "digits"
PRECISIONS: dict[str, Precision] = {
    "auto16": Auto(16),
    "auto6": Auto(6),
    "plain": Fixed(16, 6),
    "rounded": Fixed(10, 4, True, Rounding.RND_CONV, Overflow.SAT_SYM),
}


def shared_multipliers(typed: TypedGraph) -> TypedGraph:
    """Another legal reuse factor for every product, small and large."""
    choices = {}
    for number, stage in enumerate(s for s in typed.stages if isinstance(s.unit, MatVec)):
        legal = [c for c in stage.unit.legal() if c.strategy is Strategy.RESOURCE]
        choices[stage.name] = legal[(number * 3 + 1) % len(legal)] if legal else Implementation()
    return typed.with_hardware(choices)


def check(typed: TypedGraph) -> None:
    """In io_parallel and in io_stream."""
    codes = drawn_codes(typed, 1000)
    expected = emulate_codes(typed, dict(codes))
    for io_type in IOType:
        got = csim(replace(typed, io_type=io_type), codes)
        for name in typed.outputs:
            same = expected[name].astype(object) == got[name].astype(object)
            assert same.all(), (name, io_type)


@pytest.mark.parametrize("model", ["keras2.h5", "keras3.keras", "qkeras.h5"])
@pytest.mark.parametrize("precision", PRECISIONS)
def test_every_framework(fixtures: Path, model: str, precision: str) -> None:
    graph = converter.load(fixtures / model)
    config = HLSConfig(model=LayerConfig(default_precision=PRECISIONS[precision]))
    typed = converter.apply(graph, config)
    check(typed)
    if precision == "auto16":
        check(shared_multipliers(typed))


def test_the_example_on_its_own_data() -> None:
    typed = converter.apply(converter.load(DIGITS / "digits.h5"))
    with np.load(DIGITS / "digits.npz") as data:
        codes = quantize_inputs(typed, data["x"])
    name = typed.outputs[0]
    expected = np.asarray(emulate_codes(typed, dict(codes))[name])
    for made in (typed, shared_multipliers(typed)):
        assert (csim(made, codes)[name] == expected).all()


@pytest.mark.parametrize("name", ["KERAS_3layer", "qkeras_3layer"])
def test_the_jet_tagger(shared: Path, name: str) -> None:
    architecture = shared / "models" / f"{name}.json"
    weights = shared / "models" / f"{name}_weights.h5"
    if not architecture.exists():
        pytest.skip(f"{name} is not in the reference folder")
    typed = converter.apply(converter.load(architecture, weights))
    check(typed)
    check(shared_multipliers(typed))
