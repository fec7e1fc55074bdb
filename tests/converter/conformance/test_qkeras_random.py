"""Random small networks of QKeras: its own values bit for bit, and csim, in both kinds of input."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from harness import check_csim, save_model, shake, steps

import converter
from converter.config import HLSConfig
from converter.emulate import emulate_codes, quantize_inputs
from converter.types import Fixed

pytestmark = [pytest.mark.keras2, pytest.mark.slow]

BRANCHES = 6


def kernel(rng: np.random.Generator) -> str:
    """A quantizer whose values have few bits, whatever it fits."""
    bits, integer = rng.integers(2, 6), rng.integers(0, 3)
    return str(
        rng.choice([
            f"quantized_bits({bits},{integer},{rng.integers(2)},alpha=1)",
            f"quantized_bits({bits},{integer},keep_negative=0,alpha=1)",
            f"quantized_bits({bits},{integer},alpha='auto_po2')",
            f"quantized_bits({bits},{bits},alpha=0.5)",
            f"quantized_po2({rng.integers(3, 5)},1)",
            "quantized_relu_po2(3,1)",
            "binary(alpha=1)",
            "stochastic_binary(alpha='auto_po2')",
            f"ternary(alpha=2.0,threshold={rng.integers(4) / 4})",
            "stochastic_ternary(alpha='auto_po2')",
        ])
    )  # fmt: skip


def activation(rng: np.random.Generator) -> str:
    """An activation whose steps float32 meets exactly."""
    bits, integer = rng.integers(2, 7), rng.integers(0, 4)
    return str(
        rng.choice([
            f"quantized_bits({bits},{integer},{rng.integers(2)},alpha=1)",
            f"quantized_bits({bits},{bits},alpha=1)",
            f"quantized_bits({bits},{integer},alpha=0.25)",
            f"quantized_relu({bits},{integer})",
            f"quantized_relu({bits},{integer},negative_slope={2.0 ** -rng.integers(6)})",
            f"quantized_relu({bits},{integer},1)",
            f"quantized_tanh({bits},symmetric={rng.integers(2)})",
            f"quantized_sigmoid({bits},symmetric={rng.integers(2)})",
            f"quantized_hswish({bits},{integer})",
            "quantized_po2(4)",
            "quantized_relu_po2(3,4)",
            "binary(alpha=1)",
            f"ternary(alpha=1,threshold={rng.integers(1, 4) / 2})",
            "binary_tanh",
        ])
    )  # fmt: skip


def branch(keras: ModuleType, q: Any, rng: np.random.Generator, name: str) -> tuple[Any, Any]:
    """Input and output of one layer with a kernel, an activation, and a dense layer."""
    bias = f"quantized_bits({rng.integers(4, 7)},1,alpha=1)"
    kind = int(rng.integers(5))
    x = keras.Input([(6,), (7, 3), (5, 4, 2), (5, 4, 3), (5, 4, 2)][kind], name=name)
    options = {"kernel_quantizer": kernel(rng), "bias_quantizer": bias}
    padding = str(rng.choice(["valid", "same"]))
    if kind == 0:
        y = q.QDense(4, **options)(x)
    elif kind == 1:
        y = q.QConv1D(3, 3, padding=padding, strides=int(rng.integers(1, 3)), **options)(x)
    elif kind == 2:
        y = q.QConv2D(3, (2, 3), padding=padding, **options)(x)
    elif kind == 3:
        options["depthwise_quantizer"] = options.pop("kernel_quantizer")
        y = q.QDepthwiseConv2D(2, depth_multiplier=int(rng.integers(1, 3)), **options)(x)
    else:
        first = {"depthwise_quantizer": kernel(rng), "pointwise_quantizer": kernel(rng)}
        y = q.QSeparableConv2D(3, 2, padding=padding, bias_quantizer=bias, **first)(x)
    y = q.QActivation(activation(rng))(y)
    y = keras.layers.Flatten()(y) if rng.integers(2) else y
    return x, q.QDense(2, kernel_quantizer=kernel(rng), activation=activation(rng))(y)


@pytest.mark.parametrize("seed", range(2))
def test_random_networks(keras2: ModuleType, qkeras: ModuleType, seed: int, tmp_path: Path) -> None:
    keras2.backend.clear_session()
    rng = np.random.default_rng(seed)
    pairs = [branch(keras2, qkeras, rng, f"x{k}") for k in range(BRANCHES)]
    model = keras2.Model([x for x, _ in pairs], [y for _, y in pairs])
    shake(model, seed)
    inputs = {x.name: steps(rng, (12, *x.shape[1:])) for x, _ in pairs}
    saved = save_model(keras2, model, tmp_path, inputs)
    graph = converter.load(saved.path)
    types = {n: {"precision": {"result": Fixed(10, 2)}} for n in graph.inputs}
    typed = converter.apply(graph, HLSConfig(layers=types))
    codes = emulate_codes(typed, dict(quantize_inputs(typed, saved.x)))
    for output, own in zip(typed.outputs, saved.y, strict=True):
        ours = typed.edges[output].type.to_float(codes[output]).reshape(own.shape)
        layers = [n.layer for n in graph.nodes if n.name.split("_x")[0] == output]
        assert np.array_equal(ours, own), f"{output}: {(ours != own).mean()} differ; {layers}"
    check_csim(typed, saved.x)
