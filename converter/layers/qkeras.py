"""QKeras' layers with kernels, and its poolings: Keras' own, with quantizers."""

from __future__ import annotations

from dataclasses import replace

from converter.errors import UnsupportedError
from converter.layers.conv import Conv, conv_of
from converter.layers.depthwise import depthwise_of, separable_of
from converter.layers.geometry import Padding, read_geometry
from converter.layers.pooling import Pool, Pooling
from converter.layers.quantized import activation_argument
from converter.layers.quantizer_reading import read_weight_quantizer
from converter.layers.quantizers import Quantizer
from converter.layers.spec import LayerSpec, Part
from converter.layers.transpose import transpose_of
from converter.layers.weighted import training_only

RANGES = ("kernel_range", "depthwise_range", "bias_range")
"""They shape the initial weights alone."""


def read_qconv1d(spec: LayerSpec) -> tuple[Part, ...]:
    """QConv1D, with its activation as a node of its own."""
    return _read_qconv(spec, 1)


def read_qconv2d(spec: LayerSpec) -> tuple[Part, ...]:
    """QConv2D."""
    return _read_qconv(spec, 2)


def _read_qconv(spec: LayerSpec, rank: int) -> tuple[Part, ...]:
    spec.only("groups", 1)  # QKeras' call knows none
    return _finished(spec, conv_of(spec, rank, *kernel_and_bias(spec)), "kernel")


def kernel_and_bias(
    spec: LayerSpec, kernel: str = "kernel_quantizer"
) -> tuple[Quantizer | None, Quantizer | None]:
    """The quantizers of kernel and bias."""
    return (
        read_weight_quantizer(spec, kernel, fitted=True),
        read_weight_quantizer(spec, "bias_quantizer", fitted=False),
    )


def _finished(spec: LayerSpec, conv: Conv, *kernels: str) -> tuple[Part, ...]:
    parts = (Part("", conv), *activation_argument(spec))
    spec.finish(*training_only(*kernels), *RANGES)
    return parts


def read_qdepthwise_conv2d(spec: LayerSpec) -> tuple[Part, ...]:
    """QDepthwiseConv2D; a fitted quantizer has one factor per multiplier, not per channel."""
    quantizers = kernel_and_bias(spec, "depthwise_quantizer")
    return _finished(spec, depthwise_of(spec, 2, *quantizers), "depthwise", "kernel")


def read_qseparable_conv1d(spec: LayerSpec) -> tuple[Part, ...]:
    """QSeparableConv1D as ``<layer>_depthwise`` and the layer itself, which has the bias."""
    return _read_qseparable(spec, 1)


def read_qseparable_conv2d(spec: LayerSpec) -> tuple[Part, ...]:
    """QSeparableConv2D."""
    return _read_qseparable(spec, 2)


def _read_qseparable(spec: LayerSpec, rank: int) -> tuple[Part, ...]:
    first, bias = kernel_and_bias(spec, "depthwise_quantizer")
    second = read_weight_quantizer(spec, "pointwise_quantizer", fitted=True)
    depthwise, pointwise = separable_of(spec, rank, first, second, bias)
    parts = _finished(spec, pointwise, "depthwise", "pointwise", "kernel")
    return (Part("depthwise", depthwise), *parts)


def read_qconv2d_transpose(spec: LayerSpec) -> tuple[Part, ...]:
    """QConv2DTranspose."""
    conv = transpose_of(spec, 2, *kernel_and_bias(spec))
    parts = (Part("", conv), *activation_argument(spec))
    spec.finish(*training_only("kernel"))
    return parts


def read_qaverage_pooling2d(spec: LayerSpec) -> tuple[Part, ...]:
    """QAveragePooling2D."""
    geometry = read_geometry(spec, 2, "pool_size", Padding.VALID, Padding.SAME, unit_strides=False)
    return _pooling(spec, Pooling(Pool.AVERAGE, 2, spec.class_name, geometry))


def read_qglobal_average_pooling2d(spec: LayerSpec) -> tuple[Part, ...]:
    """QGlobalAveragePooling2D."""
    spec.only("data_format", "channels_last", None)
    keepdims = spec.flag("keepdims", False)
    return _pooling(spec, Pooling(Pool.AVERAGE, 2, spec.class_name, keepdims=keepdims))


def _pooling(spec: LayerSpec, pooling: Pooling) -> tuple[Part, ...]:
    quantizer = read_weight_quantizer(spec, "average_quantizer", fitted=False)
    if quantizer is not None and quantizer.from_data:
        raise UnsupportedError(
            f"{spec.where}: average_quantizer with a fitted alpha is not supported; QKeras cannot "
            "compute it, either"
        )
    parts = (Part("", replace(pooling, factor=quantizer)), *activation_argument(spec))
    spec.variables()
    spec.finish()
    return parts
