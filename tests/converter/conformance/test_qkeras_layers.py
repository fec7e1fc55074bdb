"""QKeras' layers: real numbers, wide types, and narrow types in both kinds of input and output."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from harness import (
    Case,
    Saved,
    case,
    check_bits,
    check_float,
    check_wide,
    save,
    shake,
    steps,
)

import converter
from converter.config import HLSConfig
from converter.emulate import emulate_codes, quantize_inputs
from converter.errors import UnsupportedError
from converter.graph import ModelGraph
from converter.layers import READERS
from converter.layers.spec import LayerSpec
from converter.types import Fixed

pytestmark = pytest.mark.keras2

IMAGE = (6, 5, 3)
SIGNAL = (9, 3)


def layer(shape: tuple[int, ...], name: str, *arguments: Any, **options: Any) -> Case:
    """A case of one layer of QKeras."""
    build: Callable[..., Any] = lambda k, x: _qkeras(name)(*arguments, **options)(x)  # noqa: E731
    return case(shape, build, generations=(2,))


def _qkeras(name: str) -> Any:
    import qkeras

    return getattr(qkeras, name)


BITS, PO2 = "quantized_bits(4,0,1,alpha=1)", "quantized_bits(4,0,1,alpha='auto_po2')"
UNSIGNED = "quantized_bits(4,1,keep_negative=0,alpha=1)"
AUTO, BIAS = "quantized_bits(4,0,1,alpha='auto')", "quantized_bits(6,1,1,alpha=1)"


def kernel(quantizer: str, bias: str | None = BIAS) -> dict[str, Any]:
    return {"kernel_quantizer": quantizer, "bias_quantizer": bias}


def depthwise(quantizer: str, bias: str | None = BIAS) -> dict[str, Any]:
    return {"depthwise_quantizer": quantizer, "bias_quantizer": bias}


CASES: dict[str, dict[str, Case]] = {
    "dense": {
        "fixed": layer((5,), "QDense", 4, **kernel(BITS)),
        "rank3": layer((3, 2, 5), "QDense", 4, **kernel(PO2)),
        "auto": layer((5,), "QDense", 4, **kernel(AUTO)),
        "no_quantizers": layer((5,), "QDense", 3, activation="quantized_relu(4,1)"),
        "ternary": layer((4, 5), "QDense", 3, **kernel("ternary()", None)),
        "power": layer((5,), "QDense", 3, **kernel("quantized_po2(4)")),
        "no_bias": layer((5,), "QDense", 3, use_bias=False, kernel_quantizer=BITS),
    },
    "conv1d": {
        "fixed": layer(SIGNAL, "QConv1D", 4, 3, **kernel(BITS)),
        "causal": layer(SIGNAL, "QConv1D", 4, 3, padding="causal", **kernel(PO2)),
        "dilated": layer(SIGNAL, "QConv1D", 4, 3, dilation_rate=2, **kernel(AUTO)),
        "strided": layer(
            SIGNAL, "QConv1D", 2, 3, strides=2, activation="quantized_tanh(5)", **kernel(BITS)
        ),
    },
    "conv2d": {
        "fixed": layer(IMAGE, "QConv2D", 4, 3, **kernel(BITS)),
        "same": layer(IMAGE, "QConv2D", 4, (3, 2), padding="same", strides=2, **kernel(PO2)),
        "auto": layer(IMAGE, "QConv2D", 4, 2, **kernel(AUTO, None)),
        "binary": layer(IMAGE, "QConv2D", 4, 1, **kernel("binary(alpha='auto_po2')")),
        "unsigned": layer(IMAGE, "QConv2D", 2, 2, **kernel(UNSIGNED)),
        "beyond": layer(IMAGE, "QConv2D", 2, 2, **kernel("quantized_bits(4,4,alpha=1)")),
    },
    "depthwise": {
        "fixed": layer(IMAGE, "QDepthwiseConv2D", 3, **depthwise(BITS)),
        "multiplied": layer(IMAGE, "QDepthwiseConv2D", 2, depth_multiplier=2, **depthwise(PO2)),
        "auto": layer(
            IMAGE, "QDepthwiseConv2D", 2, padding="same", depth_multiplier=2, **depthwise(AUTO)
        ),
        "no_bias": layer(IMAGE, "QDepthwiseConv2D", 2, use_bias=False, strides=(2, 2)),
    },
    "separable": {
        "two": layer(
            IMAGE, "QSeparableConv2D", 4, 3, depthwise_quantizer=BITS, pointwise_quantizer=PO2,
            bias_quantizer=BIAS,
        ),
        "auto": layer(
            IMAGE, "QSeparableConv2D", 4, 2, depthwise_quantizer=AUTO, pointwise_quantizer=AUTO,
            depth_multiplier=2, activation="quantized_relu(6,2)",
        ),
        "one": layer(
            SIGNAL, "QSeparableConv1D", 4, 3, depthwise_quantizer=PO2, pointwise_quantizer=BITS,
            padding="same", bias_quantizer=BIAS,
        ),
    },
    "batchnorm": {
        "default": layer(IMAGE, "QBatchNormalization"),
        "flat": layer((5,), "QBatchNormalization", scale=False, mean_quantizer=None),
        "plain": layer(
            (5,), "QBatchNormalization", beta_quantizer="quantized_bits(6,1)",
            gamma_quantizer="quantized_bits(6,1)", mean_quantizer="quantized_bits(6,1)",
            variance_quantizer=None, epsilon=0.1,
        ),
    },
    "folded": {
        "conv": layer(IMAGE, "QConv2DBatchnorm", 4, 3, **kernel(BITS)),
        "batch_stats": layer(
            IMAGE, "QConv2DBatchnorm", 4, 2, use_bias=False, strides=2,
            folding_mode="batch_stats_folding", activation="quantized_relu(6,3)", **kernel(PO2),
        ),
        "no_scale": layer(IMAGE, "QConv2DBatchnorm", 2, 1, scale=False, **kernel(AUTO, None)),
        "depthwise": layer(IMAGE, "QDepthwiseConv2DBatchnorm", 3, **depthwise(BITS)),
        "multiplied": layer(
            IMAGE, "QDepthwiseConv2DBatchnorm", 2, depth_multiplier=2, use_bias=False,
            **depthwise(PO2, None),
        ),
    },
    "pooling": {
        "average": layer(IMAGE, "QAveragePooling2D", average_quantizer="quantized_bits(6,0,1)"),
        "same": layer(
            IMAGE, "QAveragePooling2D", 3, 2, "same", average_quantizer="quantized_bits(6,0,1)"
        ),
        "plain": layer(IMAGE, "QAveragePooling2D", activation="quantized_bits(5,1,alpha=1)"),
        "whole": layer(
            IMAGE, "QGlobalAveragePooling2D", average_quantizer="quantized_bits(8,0,1)",
            activation="quantized_relu(6,1)",
        ),
        "whole_plain": layer(IMAGE, "QGlobalAveragePooling2D"),
    },
}  # fmt: skip


INEXACT = {
    "dense": ("auto", "no_quantizers", "ternary"),
    "conv1d": ("dilated",),
    "conv2d": ("auto",),
    "depthwise": ("auto", "no_bias"),
    "separable": ("auto",),
    "batchnorm": ("default", "flat", "plain"),
    "folded": ("no_scale", "multiplied"),
    "pooling": ("same", "whole_plain", "whole"),
}
"""Cases with real factors or biases, or whose float32 is rounded."""


@pytest.mark.parametrize("group", CASES)
def test_layers(keras2: ModuleType, qkeras: ModuleType, group: str, tmp_path: Path) -> None:
    saved = save(keras2, CASES[group], tmp_path, seed=1)
    graph = converter.load(saved.path)
    check_float(graph, saved.x, saved.y, names=saved.names)
    check_wide(graph, saved.x, saved.y, names=saved.names)
    check_bits(graph, saved.x, names=saved.names)
    check_exact(graph, saved, INEXACT.get(group, ()))


def check_exact(graph: ModelGraph, saved: Saved, but: tuple[str, ...]) -> None:
    """Bit for bit where all of QKeras' float32 sums are exact."""
    types = {n: {"precision": {"result": Fixed(10, 2)}} for n in graph.inputs}
    typed = converter.apply(graph, HLSConfig(layers=types))
    codes = emulate_codes(typed, dict(quantize_inputs(typed, saved.x)))
    for output, name, own in zip(typed.outputs, saved.names, saved.y, strict=True):
        ours = typed.edges[output].type.to_float(codes[output]).reshape(own.shape)
        assert name in but or np.array_equal(ours, own), f"{name}: {(ours != own).mean()} differ"


@pytest.mark.parametrize("padding", ["valid", "same"])
def test_a_transposed_convolution_has_the_quantised_kernel(
    keras2: ModuleType, qkeras: ModuleType, padding: str, tmp_path: Path
) -> None:
    """QKeras' own call fails in TensorFlow 2.15, so the reference is Keras' with its kernel."""
    x = steps(np.random.default_rng(0), (4, 5, 4, 3))
    one = keras2.layers.Conv2DTranspose(4, 3, strides=2, padding=padding, name="one")
    plain = keras2.Sequential([keras2.layers.InputLayer((5, 4, 3), name="x"), one])
    shake(plain)
    quantizer = qkeras.quantized_bits(4, 0, 1, alpha="auto_po2")
    kernel, bias = (np.array(w) for w in one.get_weights())
    config = {**one.get_config(), "kernel_quantizer": str(quantizer), "bias_quantizer": BIAS}
    spec = LayerSpec("one", "QConv2DTranspose", config, {"kernel": kernel, "bias": bias})
    one.set_weights([quantizer(kernel), qkeras.get_quantizer(BIAS)(bias)])
    (part,) = READERS["QConv2DTranspose"](spec)
    own = plain.predict(x, verbose=0)
    assert np.array_equal(part.layer.forward([x]), own.astype(np.float64))


@pytest.mark.parametrize(
    ("name", "arguments"), [("QAdaptiveActivation", ("quantized_relu", 6)), ("QLSTM", (4,))]
)
def test_layers_that_are_refused_by_name(
    keras2: ModuleType, qkeras: ModuleType, name: str, arguments: Any, tmp_path: Path
) -> None:
    model = keras2.Sequential([keras2.layers.InputLayer((5, 3), name="x")])
    model.add(getattr(qkeras, name)(*arguments, name="one"))
    model.save(tmp_path / "m.h5", include_optimizer=False)
    with pytest.raises(UnsupportedError, match=rf"one \({name}\): this layer class is not supp"):
        converter.load(tmp_path / "m.h5")
