"""QKeras' batch normalisation: with quantizers, and folded into a convolution before it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from converter.errors import ModelError
from converter.graph import frozen_array
from converter.layers.base import Real
from converter.layers.batchnorm import TRAINING_ONLY, BatchNormalization, read_axis
from converter.layers.conv import Conv, bias_name, conv_of
from converter.layers.depthwise import depthwise_of
from converter.layers.qkeras import RANGES, kernel_and_bias
from converter.layers.quantized import activation_argument
from converter.layers.quantizer_reading import read_weight_quantizer
from converter.layers.quantizers import Single
from converter.layers.spec import LayerSpec, Part
from converter.layers.weighted import training_only

FITTED = {"gamma": True, "beta": False, "moving_mean": False, "moving_variance": True}
"""Weights of a QBatchNormalization: whether a quantizer without alpha fits one."""

FOLDING = ("ema_stats_folding", "batch_stats_folding")
"""Modes of training; at inference both fold the moving statistics."""


def read_qbatchnorm(spec: LayerSpec) -> tuple[Part, ...]:
    """QBatchNormalization: quantised gamma, beta, mean and variance.

    The factor gamma / sqrt(variance + epsilon) is real, whatever the quantizers.
    """
    axis, epsilon = read_axis(spec), spec.number("epsilon", 1e-3)
    names = _normalisation(spec)
    weights = dict(zip(names, spec.variables(*names), strict=True))
    channels = weights["moving_mean"].shape
    used = {}
    for name, fitted in FITTED.items():
        key = f"{name.removeprefix('moving_')}_quantizer"
        quantizer = read_weight_quantizer(spec, key, fitted)
        if name in weights:
            array = spec.shaped(name, weights[name], (channels[0] if channels else 1,))
            used[name] = array if quantizer is None else quantizer.quantize(array)
    spec.only("inverse_quantizer", None)
    spec.finish(*TRAINING_ONLY, "beta_range", "gamma_range")
    factor = used.get("gamma", 1.0) / np.sqrt(_positive(spec, used["moving_variance"] + epsilon))
    offset = used.get("beta", 0.0) - used["moving_mean"] * factor
    arrays = frozen_array(factor), frozen_array(offset)
    return (Part("", BatchNormalization(*arrays, axis, spec.class_name)),)


def _normalisation(spec: LayerSpec) -> tuple[str, ...]:
    """Names of the weights of a batch normalisation."""
    center, scale = spec.flag("center", True), spec.flag("scale", True)
    spec.only("renorm", False)
    spec.only("virtual_batch_size", None)
    spec.only("adjustment", None)
    return (*["gamma"] * scale, *["beta"] * center, "moving_mean", "moving_variance")


def _positive(spec: LayerSpec, variance: Real) -> Real:
    if not (variance > 0).all():
        raise ModelError(
            f"{spec.where}: moving_variance + epsilon must be above 0; the least is "
            f"{variance.min():g}"
        )
    return variance


def read_qconv2d_batchnorm(spec: LayerSpec) -> tuple[Part, ...]:
    """QConv2DBatchnorm: the kernel is folded, and then quantised."""
    spec.only("groups", 1)
    folded = _folded(spec, "kernel", spec.integer("filters"))
    return _parts(spec, conv_of(folded, 2, *kernel_and_bias(spec)), "kernel")


def read_qdepthwise_conv2d_batchnorm(spec: LayerSpec) -> tuple[Part, ...]:
    """QDepthwiseConv2DBatchnorm."""
    folded = _folded(spec, "depthwise_kernel", None)
    conv = depthwise_of(folded, 2, *kernel_and_bias(spec, "depthwise_quantizer"))
    return _parts(spec, conv, "depthwise", "kernel")


def _parts(spec: LayerSpec, conv: Conv, *kernels: str) -> tuple[Part, ...]:
    parts = (Part("", conv), *activation_argument(spec))
    spec.finish(*training_only(*kernels), *TRAINING_ONLY, *RANGES, "ema_freeze_delay")
    return parts


def _folded(spec: LayerSpec, kernel: str, filters: int | None) -> LayerSpec:
    """The layer as one that has the folded kernel and bias, and nothing to normalise.

    In float32 and step by step as QKeras does, but that TensorFlow's reciprocal square root
    may be off by one unit in the last place, which here it is not.
    """
    spec.only("folding_mode", *FOLDING)
    spec.only("center", True)  # without beta, QKeras fails
    if read_axis(spec) not in (-1, 3):
        raise spec.unsupported("axis", spec.config["axis"])
    biases, norm = bias_name(spec), _normalisation(spec)
    trained, moving = norm[:-2], norm[-2:]
    names = (kernel, *biases, *trained, "iteration", *moving)
    weights = dict(zip(names, spec.variables(*names), strict=True))
    taps = weights[kernel]
    channels = (filters,) if filters else (int(np.prod(taps.shape[2:])),)
    for name in (*biases, *norm):
        spec.shaped(name, weights[name], channels)
    if taps.ndim != 4:
        raise ModelError(f"{spec.where}: {kernel} must have four axes; the file has {taps.shape}")
    folded, bias = _fold(spec, taps.astype(np.float32), weights)
    given: dict[str, Real] = {kernel: folded.astype(np.float64), "bias": bias.astype(np.float64)}
    return replace(spec, config={**spec.config, "use_bias": True}, weights=given)


def _fold(spec: LayerSpec, taps: Single, weights: Mapping[str, Real]) -> tuple[Single, Single]:
    single = {name: array.astype(np.float32) for name, array in weights.items()}
    epsilon = np.float32(spec.number("epsilon", 1e-3))
    variance = _positive(spec, (single["moving_variance"] + epsilon).astype(np.float64))
    factor = (1 / np.sqrt(variance)).astype(np.float32) * single.get("gamma", np.float32(1))
    bias = factor * (single.get("bias", np.float32(0)) - single["moving_mean"]) + single["beta"]
    shape = taps.shape[2:] if factor.size == int(np.prod(taps.shape[2:])) else taps.shape[3:]
    return taps * factor.reshape(shape), bias
