"""Depthwise convolutions, and separable ones: a depthwise one, and then one over the channels."""

from __future__ import annotations

from converter.graph import frozen_array
from converter.layers.conv import Conv, bias_name, read_bias, read_conv_geometry
from converter.layers.geometry import Geometry
from converter.layers.quantized import activation_argument
from converter.layers.quantizers import Quantizer
from converter.layers.spec import LayerSpec, Part
from converter.layers.weighted import check_kernel, read_count, training_only


def read_depthwise_conv1d(spec: LayerSpec) -> tuple[Part, ...]:
    """DepthwiseConv1D, with its activation as a node of its own."""
    return _read_depthwise(spec, 1)


def read_depthwise_conv2d(spec: LayerSpec) -> tuple[Part, ...]:
    """DepthwiseConv2D."""
    return _read_depthwise(spec, 2)


def read_separable_conv1d(spec: LayerSpec) -> tuple[Part, ...]:
    """SeparableConv1D as ``<layer>_depthwise`` and the layer itself, which has the bias."""
    return _read_separable(spec, 1)


def read_separable_conv2d(spec: LayerSpec) -> tuple[Part, ...]:
    """SeparableConv2D."""
    return _read_separable(spec, 2)


def _read_depthwise(spec: LayerSpec, rank: int) -> tuple[Part, ...]:
    conv = depthwise_of(spec, rank)
    parts = (Part("", conv), *activation_argument(spec))
    spec.finish(*training_only("depthwise", "kernel"))
    return parts


def depthwise_of(
    spec: LayerSpec,
    rank: int,
    kernel_quantizer: Quantizer | None = None,
    bias_quantizer: Quantizer | None = None,
) -> Conv:
    """A depthwise convolution from its attributes and weights, without activation."""
    geometry, multiplier = read_conv_geometry(spec, rank), read_count(spec, "depth_multiplier", 1)
    spec.only("groups", 1)
    name = "kernel" if "kernel" in spec.weights else "depthwise_kernel"  # Keras 3, Keras 2
    kernel, *rest = spec.variables(name, *bias_name(spec))
    check_kernel(spec, name, kernel, (*geometry.kernel[2 - rank :], None, multiplier))
    return Conv(
        frozen_array(kernel),
        read_bias(spec, rest, kernel.shape[-2] * multiplier),
        kernel_quantizer,
        bias_quantizer,
        geometry=geometry,
        depthwise=True,
        class_name=spec.class_name,
    )


def _read_separable(spec: LayerSpec, rank: int) -> tuple[Part, ...]:
    depthwise, pointwise = separable_of(spec, rank)
    parts = (Part("depthwise", depthwise), Part("", pointwise), *activation_argument(spec))
    spec.finish(*training_only("depthwise", "pointwise", "kernel"))
    return parts


def separable_of(
    spec: LayerSpec,
    rank: int,
    depthwise_quantizer: Quantizer | None = None,
    pointwise_quantizer: Quantizer | None = None,
    bias_quantizer: Quantizer | None = None,
) -> tuple[Conv, Conv]:
    """The two convolutions of a separable one: strides, dilation and padding are the first's."""
    geometry, multiplier = read_conv_geometry(spec, rank), read_count(spec, "depth_multiplier", 1)
    filters = read_count(spec, "filters")
    spec.only("groups", 1)
    names = ("depthwise_kernel", "pointwise_kernel")
    kernel, point, *rest = spec.variables(*names, *bias_name(spec))
    check_kernel(spec, names[0], kernel, (*geometry.kernel[2 - rank :], None, multiplier))
    check_kernel(spec, names[1], point, (*[1] * rank, kernel.shape[-2] * multiplier, filters))
    depthwise = Conv(
        frozen_array(kernel),
        None,
        depthwise_quantizer,
        geometry=geometry,
        depthwise=True,
        class_name=spec.class_name,
    )
    pointwise = Conv(
        frozen_array(point),
        read_bias(spec, rest, filters),
        pointwise_quantizer,
        bias_quantizer,
        geometry=Geometry(rank, (1, 1)),
        class_name=spec.class_name,
    )
    return depthwise, pointwise
