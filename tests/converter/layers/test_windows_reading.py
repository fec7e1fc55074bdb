"""Convolutions and pooling of bad files and wrong arguments: refused by layer and attribute."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest

from converter.errors import ModelError, UnsupportedError
from converter.frontends.architecture import Architecture, Entry, build
from converter.graph import ModelGraph, Shape
from converter.layers.conv import Conv
from converter.layers.geometry import Geometry, Padding
from converter.layers.pooling import Pooling
from converter.layers.transpose import ConvTranspose

CONV2D = {"filters": 4, "kernel_size": [3, 3], "use_bias": False}
CONV1D = {"filters": 4, "kernel_size": [3], "use_bias": False}
DEPTHWISE = {"kernel_size": [3, 3], "depth_multiplier": 2, "use_bias": False}


def model(
    class_name: str, shape: Shape, config: Mapping[str, Any], **weights: np.ndarray
) -> ModelGraph:
    """An input and the layer ``c1``."""
    entries = (
        Entry("x", "InputLayer", {"batch_input_shape": [None, *shape]}, (), ("x",)),
        Entry("c1", class_name, config, ("x",), ("c1",)),
    )
    architecture = Architecture("m", entries, ("x",), ("c1",))
    return build(architecture, lambda entry: weights if entry.name == "c1" else {})


def kernel(*shape: int) -> dict[str, np.ndarray]:
    return {"kernel": np.ones(shape)}


@pytest.mark.parametrize(
    ("class_name", "config", "weights", "message"),
    [
        ("Conv2D", CONV2D, kernel(3, 3, 4), r"kernel must have shape \(3, 3, inputs, 4\)"),
        ("Conv2D", CONV2D, kernel(3, 2, 2, 4), r"the file has \(3, 2, 2, 4\)"),
        ("Conv2D", CONV2D, kernel(3, 3, 2, 5), r"the file has \(3, 3, 2, 5\)"),
        ("Conv2D", CONV2D, kernel(3, 3, 0, 4), r"the file has \(3, 3, 0, 4\)"),
        ("Conv2D", CONV2D, kernel(3, 3, 5, 4), r"the kernel is for 5 channels, but the input"),
        ("Conv2D", {**CONV2D, "groups": 3}, kernel(3, 3, 2, 4), "filters must be a multiple of gr"),
        ("Conv2D", {**CONV2D, "groups": 2}, kernel(3, 3, 2, 4), r"the kernel is for 4 channels"),
        ("Conv2D", {**CONV2D, "groups": 0}, kernel(3, 3, 2, 4), "groups must be at least 1"),
        ("Conv2D", {**CONV2D, "filters": -4}, kernel(3, 3, 2, 4), "filters must be at least 1"),
        ("Conv2D", {**CONV2D, "filters": "4"}, kernel(3, 3, 2, 4), "filters must be a whole"),
        (
            "Conv2D", {**CONV2D, "strides": [1, -1]}, kernel(3, 3, 2, 4),
            r"strides must be 2 whole numbers of at least 1; the file has \[1, -1\]",
        ),
        ("Conv2D", {**CONV2D, "strides": [1]}, kernel(3, 3, 2, 4), "strides must be 2 whole"),
        ("Conv2D", {**CONV2D, "strides": True}, kernel(3, 3, 2, 4), "strides must be 2 whole"),
        ("Conv2D", {**CONV2D, "strides": 1.5}, kernel(3, 3, 2, 4), "strides must be 2 whole"),
        ("Conv2D", {**CONV2D, "dilation_rate": 0}, kernel(3, 3, 2, 4), "dilation_rate must be 2"),
        ("Conv2D", {**CONV2D, "kernel_size": None}, kernel(3, 3, 2, 4), "kernel_size must be 2"),
        ("Conv2D", {**CONV2D, "padding": "causal"}, kernel(3, 3, 2, 4), "padding='causal' is not"),
        ("Conv2D", {**CONV2D, "padding": ["same"]}, kernel(3, 3, 2, 4), "attribute padding="),
        (
            "Conv2D", {**CONV2D, "data_format": "channels_first"}, kernel(3, 3, 2, 4),
            "attribute data_format='channels_first' is not supported",
        ),
        (
            "Conv2D", {**CONV2D, "dilation_rate": 3}, kernel(3, 3, 2, 4),
            r"a window over 7x7 elements does not fit into an input of shape \(5, 6, 2\)",
        ),
        ("Conv1D", CONV1D, kernel(3, 2, 4), r"works on 1 axes and channels, but the input has"),
        (
            "DepthwiseConv2D", DEPTHWISE, kernel(3, 3, 2, 1),
            r"kernel must have shape \(3, 3, inputs, 2\); the file has \(3, 3, 2, 1\)",
        ),
        ("DepthwiseConv2D", DEPTHWISE, kernel(3, 3, 3, 2), "the kernel is for 3 channels"),
        (
            "DepthwiseConv2D", {**DEPTHWISE, "depth_multiplier": 0}, kernel(3, 3, 2, 2),
            "depth_multiplier must be at least 1",
        ),
        (
            "SeparableConv2D", {**CONV2D, "depth_multiplier": 2},
            {"depthwise_kernel": np.ones((3, 3, 2, 2)), "pointwise_kernel": np.ones((1, 1, 2, 4))},
            r"pointwise_kernel must have shape \(1, 1, 4, 4\); the file has \(1, 1, 2, 4\)",
        ),
        ("Conv2DTranspose", CONV2D, kernel(3, 3, 2, 4), r"must have shape \(3, 3, 4, inputs\)"),
        ("Conv2DTranspose", CONV2D, kernel(3, 3, 4, 3), "the kernel is for 3 channels"),
        (
            "Conv2DTranspose", {**CONV2D, "output_padding": [0, 1]}, kernel(3, 3, 4, 2),
            r"output_padding=1 gives an output of 9 that a convolution takes to 7",
        ),
        (
            "Conv2DTranspose", {**CONV2D, "output_padding": [0, -1]}, kernel(3, 3, 4, 2),
            "output_padding must be 2 whole numbers of at least 0",
        ),
        ("Conv2DTranspose", {**CONV2D, "groups": 2}, kernel(3, 3, 4, 2), "groups=2 is not support"),
        (
            "MaxPooling2D", {"pool_size": [6, 2]}, {},
            r"a window over 6x2 elements does not fit into an input of shape \(5, 6, 2\)",
        ),
        ("MaxPooling2D", {"pool_size": [2, 0]}, {}, "pool_size must be 2 whole numbers"),
        ("MaxPooling2D", {}, {}, "pool_size must be 2 whole numbers"),
        ("MaxPooling2D", {"pool_size": 2, "padding": "full"}, {}, "padding='full' is not support"),
        (
            "AveragePooling2D", {"pool_size": 1 << 20, "padding": "same"}, {},
            "windows of .* elements, over .*; at most .* are supported",
        ),
        (
            "Conv2D", {**CONV2D, "dilation_rate": 1 << 30, "padding": "same"}, kernel(3, 3, 2, 4),
            "elements with the padding; at most",
        ),
        (
            "Conv2DTranspose", {**CONV2D, "strides": 1 << 20}, kernel(3, 3, 4, 2),
            r"an output of \[5242880, 6291456\] positions and 4 channels; at most",
        ),
        (
            "Conv2DTranspose", {**CONV2D, "dilation_rate": 1 << 30, "padding": "same"},
            kernel(3, 3, 4, 2), "elements with the padding; at most",
        ),
        ("GlobalMaxPooling1D", {}, {}, "works on 1 axes and channels"),
        ("GlobalMaxPooling2D", {"keepdims": 3}, {}, "keepdims must be true or false"),
        (
            "GlobalMaxPooling2D", {"data_format": "channels_first"}, {},
            "data_format='channels_first' is not supported",
        ),
    ],
)  # fmt: skip
def test_refused_by_name(class_name, config, weights, message):
    with pytest.raises(ModelError, match=rf"^c1 \({class_name}\): .*{message}"):
        model(class_name, (5, 6, 2), config, **weights)


def test_what_a_file_says_of_a_convolution():
    config = {
        "filters": 4, "kernel_size": [2, 3], "strides": [2, 1], "padding": "same", "groups": 2,
        "dilation_rate": 1, "activation": "relu", "kernel_initializer": {"class_name": "Zeros"},
        "data_format": "channels_last", "bias_constraint": None,
    }  # fmt: skip
    graph = model("Conv2D", (5, 6, 2), config, bias=np.arange(4.0), **kernel(2, 3, 1, 4))
    assert [n.name for n in graph.nodes] == ["x", "c1", "c1_relu"]
    conv = graph["c1"].layer
    assert isinstance(conv, Conv)
    assert conv.geometry == Geometry(2, (2, 3), (2, 1), (1, 1), Padding.SAME)
    assert (conv.groups, conv.depthwise, conv.class_names) == (2, False, ("Conv2D",))
    assert graph["c1"].shape == (3, 6, 4)
    window = conv.geometry.window((5, 6, 2), 2)
    assert window.padding == ((0, 1), (1, 1))  # an even kernel pads less before


def test_a_separable_convolution_is_two_layers():
    weights = {
        "depthwise_kernel": np.ones((3, 2, 2)),
        "pointwise_kernel": np.ones((1, 4, 5)),
        "bias": np.ones(5),
    }
    config = {"filters": 5, "kernel_size": 3, "strides": 2, "depth_multiplier": 2,
              "activation": "relu"}  # fmt: skip
    graph = model("SeparableConv1D", (9, 2), config, **weights)
    assert [(n.name, n.shape) for n in graph.nodes[1:]] == [
        ("c1_depthwise", (4, 4)),
        ("c1", (4, 5)),
        ("c1_relu", (4, 5)),
    ]
    first, second = graph["c1_depthwise"].layer, graph["c1"].layer
    assert isinstance(first, Conv)
    assert isinstance(second, Conv)
    assert (first.geometry.strides, second.geometry.strides) == ((1, 2), (1, 1))
    assert first.bias is None
    assert first.class_names == second.class_names == ("SeparableConv1D",)


def test_weights_by_position():
    """A .keras file has no names."""
    graph = model(
        "DepthwiseConv1D", (5, 3), {"kernel_size": 2}, **{"0": np.ones((2, 3, 1)), "1": np.ones(3)}
    )
    assert graph["c1"].shape == (4, 3)


def test_pooling_strides_are_the_size_where_there_are_none():
    layer = model("MaxPooling1D", (9, 2), {"pool_size": [3], "strides": None})["c1"].layer
    assert isinstance(layer, Pooling)
    assert layer.geometry is not None
    assert layer.geometry.strides == (1, 3)


@pytest.mark.parametrize(
    ("stride", "size", "taps", "padding", "extra", "out"),
    [
        (2, 5, 3, "valid", None, 11),
        (2, 5, 3, "same", None, 10),
        (3, 4, 2, "valid", None, 12),
        (2, 4, 3, "same", 0, 7),
        (3, 4, 3, "valid", 2, 14),
    ],
)
def test_sizes_of_a_transposed_convolution(stride, size, taps, padding, extra, out):
    """As Keras' deconv_output_length."""
    config = {"filters": 1, "kernel_size": taps, "strides": stride, "padding": padding,
              "output_padding": extra, "use_bias": False}  # fmt: skip
    graph = model("Conv1DTranspose", (size, 1), config, **kernel(taps, 1, 1))
    assert graph["c1"].shape == (out, 1)
    layer = graph["c1"].layer
    assert isinstance(layer, ConvTranspose)


def test_unknown_layer_arguments_are_refused():
    with pytest.raises(UnsupportedError, match="attribute lora_rank=2 is not supported"):
        model("Conv1D", (5, 2), {**CONV1D, "lora_rank": 2}, **kernel(3, 2, 4))
