"""QKeras' quantizers as activations: its own values, and narrow types in both kinds of input."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from harness import Case, case, check_csim, conform, save

import converter
from converter.config import HLSConfig
from converter.emulate import emulate_codes, quantize_inputs
from converter.types import Fixed, Overflow, Rounding

pytestmark = pytest.mark.keras2

GRID = Fixed(12, 4, True, Rounding.RND, Overflow.SAT)
"""Of the inputs: multiples of 2**-8 up to 8."""


def wide(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    """Multiples of 2**-8 in [-8, 8)."""
    return rng.integers(-2048, 2048, shape) / 256


def activation(text: str, **arguments: Any) -> Case:
    """A case of one QActivation, of text, or of an object where there are arguments."""
    build: Callable[..., Any] = lambda k, x: _qactivation(text, arguments)(x)  # noqa: E731
    return case((7, 9), build, draw=wide, generations=(2,))


def _qactivation(text: str, arguments: dict[str, Any]) -> Any:
    import qkeras

    return qkeras.QActivation(getattr(qkeras, text)(**arguments) if arguments else text)


CASES: dict[str, dict[str, Case]] = {
    "exact": {
        "bits": activation("quantized_bits(6,2)"),
        "beyond": activation("quantized_bits(4,4,alpha=1)"),
        "symmetric": activation("quantized_bits(4,1,1,alpha=1)"),
        "unsigned": activation("quantized_bits(4,1,keep_negative=0,alpha=1)"),
        "one_bit": activation("quantized_bits(1,0,alpha=1)"),
        "half": activation("quantized_bits(5,1,alpha=0.5)"),
        "three": activation("quantized_bits(5,1,alpha=3.0)"),
        "per_channel": activation(
            "quantized_bits", bits=4, integer=1, alpha=np.array([0.5, 1, 2] * 3)
        ),
        "relu": activation("quantized_relu(4,2)"),
        "sloped": activation("quantized_relu(4,2,negative_slope=0.25)"),
        "steep": activation("quantized_relu(4,1,negative_slope=2.0)"),
        "flat": activation("quantized_relu(3,1,negative_slope=0.015625)"),
        "sigmoid_relu": activation("quantized_relu(4,2,1)"),
        "sloped_sigmoid_relu": activation("quantized_relu(5,1,1,0.25)"),
        "binary": activation("binary(alpha=1)"),
        "zero_one": activation("binary(1,alpha=0.5)"),
        "stochastic": activation("stochastic_binary(alpha=1)"),
        "ternary": activation("ternary(alpha=1,threshold=0.5)"),
        "stochastic3": activation("stochastic_ternary(alpha=2.0,threshold=0.25)"),
    },
    "steps": {
        "po2": activation("quantized_po2(4)"),
        "po2_top": activation("quantized_po2(4,2)"),
        "po2_floor": activation("quantized_po2(4,log2_rounding='floor')"),
        "po2_quadratic": activation("quantized_po2(4,quadratic_approximation=True)"),
        "relu_po2": activation("quantized_relu_po2(3)"),
        "relu_po2_sloped": activation("quantized_relu_po2(3,4,0.5)"),
        "tanh": activation("quantized_tanh(4)"),
        "tanh_symmetric": activation("quantized_tanh(4,symmetric=1)"),
        "sigmoid": activation("quantized_sigmoid(4)"),
        "sigmoid_symmetric": activation("quantized_sigmoid(6,symmetric=1)"),
        "hswish": activation("quantized_hswish(6,2)"),
        "hard_tanh": activation("hard_tanh"),
        "hard_sigmoid": activation("hard_sigmoid"),
        "smooth_tanh": activation("smooth_tanh"),
        "binary_tanh": activation("binary_tanh"),
        "binary_sigmoid": activation("binary_sigmoid"),
    },
    "rounded": {
        "ulaw": activation("quantized_ulaw(4,1)"),
        "ulaw2": activation("quantized_ulaw(2)"),
        "real_alpha": activation("quantized_bits(5,1,alpha=0.3)"),
        "real_ternary": activation("ternary(alpha=0.3,threshold=0.5)"),
        "real_channels": activation(
            "quantized_bits", bits=4, integer=1, alpha=np.array([0.3, 1, 2] * 3)
        ),
    },
    "real": {
        "tanh": activation("quantized_tanh(4,use_real_tanh=1)"),
        "sigmoid": activation("quantized_sigmoid(6,use_real_sigmoid=1)"),
    },
}


def config(graph: Any) -> HLSConfig:
    """Inputs that hold what is drawn, and nothing else asked for."""
    return HLSConfig(layers={n: {"precision": {"result": GRID}} for n in graph.inputs})


@pytest.mark.parametrize("group", ["exact", "steps", "real"])
def test_values_are_those_of_qkeras(
    keras2: ModuleType, qkeras: ModuleType, group: str, tmp_path: Path
) -> None:
    """Equality: up to 8, the straight-through x + (q - x) loses none of these values' bits."""
    saved = save(keras2, CASES[group], tmp_path)
    graph = converter.load(saved.path)
    typed = converter.apply(graph, config(graph))
    codes = emulate_codes(typed, dict(quantize_inputs(typed, saved.x)))
    for output, name, own in zip(typed.outputs, saved.names, saved.y, strict=True):
        edge = typed.edges[output]
        ours = edge.type.to_float(codes[output]).reshape(own.shape)
        assert np.array_equal(ours, own), f"{name}: {ours[ours != own][:4]} {own[ours != own][:4]}"
    check_csim(typed, saved.x, names=saved.names)


def test_levels_that_are_no_steps_are_rounded(
    keras2: ModuleType, qkeras: ModuleType, tmp_path: Path
) -> None:
    """To 18 bits: within 2**-17 of the largest, which is less than 1e-5."""
    conform(keras2, CASES["rounded"], tmp_path)
