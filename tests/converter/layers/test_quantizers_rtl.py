"""Quantizers of activations in Verilog: the bits of the emulation, and of compiled C++."""

from __future__ import annotations

import shutil

import numpy as np
import pytest

import converter
from converter.backends.hls.vectors import drawn_codes
from converter.config import HLSConfig
from converter.csim import csim
from converter.emulate import emulate_codes
from converter.graph import ModelGraph, Node
from converter.layers.input import Input
from converter.layers.quantized import QuantizedActivation
from converter.layers.quantizers import Factors, Quantizer
from converter.layers.quantizers_smooth import (
    QuantizedHswish,
    QuantizedSigmoid,
    QuantizedTanh,
    QuantizedUlaw,
)
from converter.layers.quantizers_staircase import PowerOfTwo, Sign
from converter.layers.quantizers_uniform import QuantizedBits, QuantizedRelu
from converter.rtl.simulate import rtlsim
from converter.timing import Family, Target
from converter.types import Fixed

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        shutil.which("verilator") is None or shutil.which("g++") is None,
        reason="needs verilator and g++",
    ),
]

TARGET = Target("xcvu9p-flga2104-2L-e", Family.ULTRASCALE_PLUS, 5.0)
QUANTIZERS: dict[str, Quantizer] = {
    "scaled": QuantizedBits(4, 1, alpha=3.0),
    "channels": QuantizedBits(4, 1, alpha=Factors((0.5, 3.0, 1.0), (3,))),
    "bounded": QuantizedRelu(4, 1, 0.0, float(np.float32(0.7))),
    "sloped": QuantizedRelu(4, 1, 0.25),
    "steep": QuantizedRelu(4, 1, 2.0),
    "relu_of_sigmoid": QuantizedRelu(4, 1, sigmoid=True),
    "sigmoid": QuantizedSigmoid(4, True),
    "real_tanh": QuantizedTanh(6, real=True),
    "ulaw": QuantizedUlaw(4, 1),
    "hswish": QuantizedHswish(QuantizedBits(6, 2)),
    "quadratic": PowerOfTwo(-4, 2, quadratic=True),
    "sign": Sign(-1.0),
}


def test_all_forms_side_by_side() -> None:
    heads = [Node(n, QuantizedActivation(q), ("x",), (3,)) for n, q in QUANTIZERS.items()]
    graph = ModelGraph("forms", (Node("x", Input((3,)), (), (3,)), *heads), tuple(QUANTIZERS))
    config = HLSConfig(layers={"x": {"precision": {"result": Fixed(9, 4)}}})
    typed = converter.apply(graph, config)
    codes = drawn_codes(typed, 500)
    expected, compiled = emulate_codes(typed, dict(codes)), csim(typed, codes)
    simulated = rtlsim(typed, TARGET, codes)
    for name in typed.outputs:
        assert (compiled[name] == expected[name]).all(), name
        assert (simulated.codes[name] == expected[name]).all(), name
