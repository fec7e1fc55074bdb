"""What other converters get silently wrong, or crash on: right here, or refused by name.

The list is that of hls4ml 1.3.0, measured: its attributes, its quantizers, and its fixed-point
arithmetic. A trap that belongs to a family of layers is held by that family's tests; ``ELSEWHERE``
says where.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from harness import case, check_float, check_wide, generation, save, save_model, shake, steps

import converter
from converter.config import Auto, HLSConfig, LayerConfig, read_config
from converter.emulate import emulate_codes, quantize_inputs
from converter.errors import ConfigError, UnsupportedError
from converter.forward import forward
from converter.frontends import load
from converter.graph import ModelGraph, Node, frozen_array
from converter.layers.base import Range
from converter.layers.dense import Dense
from converter.layers.input import Input
from converter.pipeline import measure_ranges
from converter.types import Fixed

ELSEWHERE = {
    "Conv2D(groups=2)": ("conformance/test_conform_conv.py", '"groups": case((5, 5, 4)'),
    "Conv2D(dilation_rate=2)": ("conformance/test_conform_conv.py", '"dilation": case('),
    "DepthwiseConv2D(depth_multiplier=2)": (
        "conformance/test_conform_conv.py",
        "DepthwiseConv2D(3, depth_multiplier=2)",
    ),
    "transposed convolutions": ("conformance/test_conform_conv.py", '"transpose2d": {'),
    "ReLU(max_value=6)": ("conformance/test_conform_activations.py", "ReLU(max_value=6)"),
    "keras.ops.add": ("conformance/test_conform_merge.py", "k.ops.add(x, y)"),
    "every key of a configuration": (
        "test_config_keys.py",
        "def test_what_is_not_honoured_changes_nothing_or_is_refused_with_the_reason",
    ),
    "quantized_ulaw": ("conformance/test_qkeras_activations.py", '"quantized_ulaw(4,1)"'),
    "quantized_relu_po2": ("conformance/test_qkeras_activations.py", '"quantized_relu_po2(3)"'),
    "quantized_hswish": ("conformance/test_qkeras_activations.py", '"quantized_hswish(6,2)"'),
    "quantized_linear": (
        "layers/test_quantizers.py",
        "def test_quantized_linear_divides_clips_rounds_and_multiplies",
    ),
    "use_real_tanh": ("conformance/test_qkeras_activations.py", "use_real_tanh=1"),
    "alpha='auto' kernels": ("conformance/test_qkeras_layers.py", '"auto": layer(IMAGE'),
    "logits [20, -12, 0, 1] and the sum in steps of 0.25": (
        "layers/test_lower_tables.py",
        "def test_logits_that_hls4ml_gets_wrong",
    ),
    "logits of over 30 bits": (
        "test_table_errors.py",
        "def test_wide_logits_of_automatic_types_keep_their_order",
    ),
}
"""A trap -> the file, and words of it, that hold it."""


@pytest.mark.parametrize("trap", ELSEWHERE)
def test_traps_of_other_files_are_there(trap: str) -> None:
    path, words = ELSEWHERE[trap]
    assert words in (Path(__file__).parents[1] / path).read_text()


UNSUPPORTED: dict[str, tuple[tuple[int, ...], Callable[[Any, Any], Any]]] = {
    "Conv3D": ((4, 4, 4, 1), lambda k, x: k.layers.Conv3D(2, 2, name="odd")(x)),
    "ConvLSTM1D": ((4, 4, 1), lambda k, x: k.layers.ConvLSTM1D(2, 2, name="odd")(x)),
    "GroupNormalization": ((4, 4), lambda k, x: k.layers.GroupNormalization(2, name="odd")(x)),
    "GRU": ((4, 3), lambda k, x: k.layers.GRU(2, reset_after=False, name="odd")(x)),
    "MultiHeadAttention": (
        (4, 4),
        lambda k, x: k.layers.MultiHeadAttention(2, 2, name="odd")(x, x),
    ),
    "TimeDistributed": (
        (4, 3),
        lambda k, x: k.layers.TimeDistributed(k.layers.Dense(2), name="odd")(x),
    ),
    "Masking": ((4, 3), lambda k, x: k.layers.Masking(0.0, name="odd")(x)),
    "UnitNormalization": ((4, 3), lambda k, x: k.layers.UnitNormalization(name="odd")(x)),
}
"""Layers without a unit: refused, never read as something near to them."""


def file_of(keras: ModuleType, model: Any, folder: Path) -> Path:
    """The model's own kind of file."""
    path = folder / ("model.h5" if generation(keras) == 2 else "model.keras")
    model.save(path)
    return path


@pytest.mark.parametrize("name", UNSUPPORTED)
def test_layers_that_are_refused_by_class(framework: ModuleType, name: str, tmp_path: Path) -> None:
    shape, build = UNSUPPORTED[name]
    x = framework.Input(shape)
    path = file_of(framework, framework.Model(x, build(framework, x)), tmp_path)
    with pytest.raises(UnsupportedError, match=rf"^odd \({name}\): this layer class is not supp"):
        load(path)


@pytest.mark.parametrize("name", ["Dropout", "BatchNormalization", "GaussianNoise"])
def test_layers_that_train_at_inference(framework: ModuleType, name: str, tmp_path: Path) -> None:
    """``training=True`` in the call, as for Monte Carlo dropout."""
    arguments = {"Dropout": (0.5,), "GaussianNoise": (0.5,)}.get(name, ())
    x = framework.Input((4,))
    y = getattr(framework.layers, name)(*arguments, name="odd")(x, training=True)
    path = file_of(framework, framework.Model(x, y), tmp_path)
    with pytest.raises(UnsupportedError, match=r"odd.*: the call argument training=True is not su"):
        load(path)


CASES = {
    "add_of_three": case([(5,), (5,), (5,)], lambda k, *x: k.layers.Add()(list(x))),
    "add_of_seven": case([(2, 3)] * 7, lambda k, *x: k.layers.Add()(list(x))),
    "layernorm": case(
        (4, 6), lambda k, x: k.layers.LayerNormalization()(x), tolerance=6e-5
    ),  # the tolerance of test_conform_activations.py
    "dilated_then_grouped": case(
        (9, 8, 2),
        lambda k, x: k.layers.Conv2D(4, 2, groups=2)(k.layers.Conv2D(4, 3, dilation_rate=2)(x)),
    ),
    "max_value": case((4,), lambda k, x: k.layers.ReLU(max_value=1)(k.layers.Dense(3)(x))),
}


def test_small_networks(framework: ModuleType, tmp_path: Path) -> None:
    saved = save(framework, CASES, tmp_path)
    graph = load(saved.path)
    check_float(graph, saved.x, saved.y, names=saved.names)
    bounds = [c.tolerance for c in CASES.values()]
    check_wide(graph, saved.x, saved.y, bounds, names=saved.names)


def test_a_classifier_with_automatic_types_decides_as_keras_does(
    framework: ModuleType, tmp_path: Path
) -> None:
    """An MLP with softmax, where automatic types of hls4ml gave one output for all inputs.

    With the ranges of data 16 bits suffice. Without, types hold what any input could lead to,
    13 bits left of the point for the logits, and so 16 bits do not.
    """
    framework.utils.set_random_seed(1)
    layers = [framework.layers.Dense(n, activation="relu") for n in (64, 32, 32)]
    layers += [framework.layers.Dense(5, activation="softmax")]
    model = framework.Sequential([framework.Input((16,)), *layers])
    x = np.random.default_rng(0).normal(0, 1, (10000, 16))
    saved = save_model(framework, model, tmp_path, x)
    graph, (own,) = load(saved.path), saved.y
    for width, ranges in ((16, measure_ranges(graph, x[:1000])), (24, None)):
        config = HLSConfig(model=LayerConfig(default_precision=Auto(width)))
        got = converter.emulate(converter.apply(graph, config, ranges), x)
        assert (got.argmax(axis=1) == own.argmax(axis=1)).mean() >= 0.999
        assert np.abs(got - own).max() < 2.0**-9  # half a step of 8 bits


def network(kernel: Any, n_in: int) -> ModelGraph:
    """A dense layer ``fc`` on an input ``x``."""
    weights = frozen_array(kernel)
    shape = (weights.shape[1],)
    nodes = (Node("x", Input((n_in,)), (), (n_in,)), Node("fc", Dense(weights), ("x",), shape))
    return ModelGraph("m", nodes, ("fc",))


def precision(**types: str) -> HLSConfig:
    """hls4ml's spelling, of the model."""
    return read_config({"HLSConfig": {"Model": {"Precision": types, "ReuseFactor": 1}}})


def test_inputs_saturate_and_do_not_wrap() -> None:
    """hls4ml's fixed<16,6> takes 32.0 for -32.0 and 40 for -24."""
    typed = converter.apply(network(np.eye(1), 1), precision(default="fixed<16,6>"))
    x = np.array([[31.0], [32.0], [40.0], [-32.0], [-40.0]])
    got = converter.emulate(typed, x)
    assert got.ravel().tolist() == [31.0, 32 - 2.0**-10, 32 - 2.0**-10, -32.0, -32.0]


def test_weights_are_rounded_and_never_floored() -> None:
    """hls4ml's fixed<16,6> takes 0.3 for 0.2998 and -0.0001 for -0.000977."""
    kernel = np.array([[0.3, -0.0001, -0.3, 0.9998]])
    typed = converter.apply(network(kernel, 1), precision(default="fixed<16,6>"))
    got = converter.emulate(typed, np.ones((1, 1)))
    assert got.ravel().tolist() == (np.rint(kernel.ravel() * 1024) / 1024).tolist()
    assert got[0, 1] == 0


def test_a_widest_type_takes_fraction_and_keeps_what_is_left_of_the_point() -> None:
    """hls4ml limits the width and the integer bits each by itself, and so loses the range."""
    graph = network(np.full((32, 1), 3.0), 32)
    x = np.full((2, 32), [[1.0], [-1.0]])
    ranges = {"x": Range(-1.0, 1.0, 0)}
    typed = converter.apply(graph, precision(default="auto", maximum="fixed<10,4>"), ranges)
    assert typed.edges[typed.outputs[0]].type.width <= 10
    assert converter.emulate(typed, x).ravel().tolist() == [96.0, -96.0]


def test_the_key_compression_is_refused() -> None:
    given = {"HLSConfig": {"Model": {"Precision": "fixed<16,6>", "Compression": True}}}
    with pytest.raises(ConfigError, match="Compression=True is not supported; leave it out"):
        read_config(given)


KERNELS = {
    "no_sign": "quantized_bits(4,0,keep_negative=0,alpha=1)",
    "no_sign_wide": "quantized_bits(5,2,keep_negative=0,alpha=1)",
    "no_fraction": "quantized_bits(4,4,alpha=1)",
    "symmetric": "quantized_bits(4,1,1,alpha=1)",
    "powers": "quantized_po2(4)",
    "ternary": "ternary(alpha=1)",
    "stochastic": "stochastic_binary(alpha=1)",
}
"""Quantizers of kernels, of which hls4ml takes some for others."""


@pytest.mark.keras2
def test_kernels_are_those_of_qkeras(
    keras2: ModuleType, qkeras: ModuleType, tmp_path: Path
) -> None:
    """Bit for bit, in real numbers and in integers."""
    x = keras2.Input((4,), name="x")
    outputs = [
        qkeras.QDense(3, kernel_quantizer=text, use_bias=False, name=name)(x)
        for name, text in KERNELS.items()
    ]
    model = keras2.Model(x, outputs)
    shake(model)
    data = steps(np.random.default_rng(0), (50, 4))
    saved = save_model(keras2, model, tmp_path, data)
    graph = load(saved.path)
    types = {"x": {"precision": {"result": Fixed(10, 2)}}}
    typed = converter.apply(graph, HLSConfig(layers=types))
    codes, real = emulate_codes(typed, dict(quantize_inputs(typed, data))), forward(graph, data)
    for name, output, own in zip(KERNELS, typed.outputs, saved.y, strict=True):
        ours = typed.edges[output].type.to_float(codes[output])
        assert np.array_equal(real[name], own), f"{name}: real numbers"
        assert np.array_equal(ours, own), f"{name}: integers"


@pytest.mark.keras2
@pytest.mark.parametrize("argument", ["kernel_quantizer", "bias_quantizer", "activation"])
def test_random_quantizers_are_refused(
    keras2: ModuleType, qkeras: ModuleType, argument: str, tmp_path: Path
) -> None:
    x = keras2.Input((4,))
    model = keras2.Model(x, qkeras.QDense(3, name="fc", **{argument: "bernoulli"})(x))
    path = file_of(keras2, model, tmp_path)
    with pytest.raises(UnsupportedError, match=rf"^fc .*{argument}.*bernoulli is not supported"):
        load(path)
