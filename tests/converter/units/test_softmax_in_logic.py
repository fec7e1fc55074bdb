"""A softmax without multipliers: the same bits, no DSP block, refused where it is not there."""

import shutil
from dataclasses import replace

import numpy as np
import pytest

from converter import apply, load
from converter.config import read_config
from converter.csim import csim
from converter.emulate import emulate_codes, quantize_inputs
from converter.errors import ConfigError
from converter.graph import Implementation, Strategy, TypedGraph
from converter.parts import target
from converter.resolved import resolved_config
from converter.rtl.simulate import rtlsim
from converter.schedule import schedule

LOGIC = Implementation(Strategy.DISTRIBUTED_ARITHMETIC)
TARGET = target("xc7z020")


@pytest.fixture(scope="module")
def typed(fixtures) -> TypedGraph:
    softmax = {"classes_softmax": {"Strategy": "distributed_arithmetic"}}
    config = read_config({"HLSConfig": {"Model": {"Precision": "auto<8>"}, "LayerName": softmax}})
    return apply(load(fixtures / "keras2.h5"), config)


def test_it_has_no_multiplier_and_says_so(typed):
    facts = {f.stage: f for f in schedule(typed, TARGET).facts}["classes_softmax"]
    assert facts.multipliers == ()
    assert facts.strategy == "distributed_arithmetic"
    plain = typed.with_hardware({"classes_softmax": Implementation()})
    (product,) = {f.stage: f for f in schedule(plain, TARGET).facts}["classes_softmax"].multipliers
    assert product.count == 3


def test_the_configuration_gives_it_again(typed, fixtures):
    again = apply(load(fixtures / "keras2.h5"), resolved_config(typed))
    assert again.hardware == typed.hardware
    assert again.hardware["classes_softmax"] == LOGIC
    assert again.digest() == typed.digest()


def test_it_is_refused_where_it_is_not_there(typed):
    with pytest.raises(ConfigError, match="hidden_relu: strategy distributed_arithmetic is not"):
        typed.with_hardware({"hidden_relu": LOGIC})
    with pytest.raises(ConfigError, match="reuse_factor=2"):
        typed.with_hardware({"classes_softmax": replace(LOGIC, reuse_factor=2)})


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("g++") is None, reason="needs g++")
def test_the_three_engines_agree(typed):
    x = np.random.default_rng(5).normal(0, 2, (1000, 6))
    codes = quantize_inputs(typed, x)
    expected = emulate_codes(typed, codes)["classes_softmax"]
    assert np.array_equal(csim(typed, codes)["classes_softmax"], expected)
    result = rtlsim(typed, TARGET, codes)
    assert np.array_equal(result.codes["classes_softmax"], expected)
    assert result.latency_cycles["classes_softmax"] == schedule(typed, TARGET).latency_cycles
