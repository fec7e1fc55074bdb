"""HGQ2 0.2 (Keras 3): layers with quantizers by element of their inputs, weights and outputs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np

from converter.errors import UnsupportedError
from converter.layers.activation_reading import activation_function
from converter.layers.base import Real
from converter.layers.batchnorm import TRAINING_ONLY, read_axis
from converter.layers.conv import read_conv1d, read_conv2d
from converter.layers.dense import read_dense
from converter.layers.hgq import on_grid
from converter.layers.hgq2_einsum import read_einsum
from converter.layers.hgq2_merge import merging, read_average, read_mean, read_qdot, read_sum
from converter.layers.hgq2_parts import (
    ExactAffine,
    Parts,
    constant,
    converted,
    finish,
    inner_spec,
    of_input_of,
    of_output_of,
    own_variables,
)
from converter.layers.hgq2_quantizer import of_input, read_quantizer
from converter.layers.hgq2_softmax import EPSILON, read_qsoftmax
from converter.layers.hgq_function import ELEMENTWISE, QuantizedFunction
from converter.layers.identity import Identity
from converter.layers.merge import Merging
from converter.layers.pooling import WINDOWS, read_global_pooling, read_pooling
from converter.layers.spec import LayerSpec, Part, shorten
from converter.layers.weighted import training_only

Reader = Callable[[LayerSpec], Parts]


def _kernel_and_bias(spec: LayerSpec, own: Mapping[str, Real]) -> dict[str, Real]:
    """Both, quantised."""
    made = {"kernel": constant(spec, "kq_conf", "kq/", own["kernel"])}
    if "bias" in own:
        made["bias"] = constant(spec, "bq_conf", "bq/", own["bias"])
    return made


def _bias_name(spec: LayerSpec) -> tuple[str, ...]:
    return ("bias",) if spec.flag("use_bias", True) else ()


def _product(class_name: str, reader: Reader) -> Reader:
    """A reader of a layer with a kernel, which is the Keras layer ``class_name`` otherwise."""

    def read(spec: LayerSpec) -> Parts:
        own = own_variables(spec, ("kernel", *_bias_name(spec)))
        before, after = of_input_of(spec), of_output_of(spec)
        inner = inner_spec(spec, class_name, _kernel_and_bias(spec, own))
        return (*before, *on_grid(reader(inner)), *after)

    return read


NORMALISATION = (
    "scale", "momentum", "epsilon", "synchronized", "bn_gamma_initializer",
    "moving_mean_initializer", "moving_variance_initializer", "bn_gamma_regularizer",
    "bn_gamma_constraint",
)  # fmt: skip


def read_batchnorm_dense(spec: LayerSpec) -> Parts:
    """QBatchNormDense normalises its inputs: it has a mean and a variance for each of these."""
    gamma = ("bn_gamma",) if spec.flag("scale", True) else ()
    statistics = ("moving_mean", "moving_variance")
    own = own_variables(spec, ("kernel", "bias", *gamma), fixed=statistics)
    v = {name: np.asarray(array, np.float32) for name, array in own.items()}
    epsilon = np.float32(spec.number("epsilon", 1e-3))
    factor = v.get("bn_gamma", np.float32(1)) / np.sqrt(v["moving_variance"] + epsilon)
    fused = {
        "kernel": factor[:, None] * v["kernel"],
        "bias": v["bias"] - v["moving_mean"] @ v["kernel"],
    }
    before, after = of_input_of(spec), of_output_of(spec)
    inner = inner_spec(spec, "Dense", _kernel_and_bias(spec, fused), *NORMALISATION)
    return (*before, *on_grid(read_dense(inner)), *after)


def read_batch_normalization(spec: LayerSpec) -> Parts:
    """QBatchNormalization: a quantised factor and offset; without centring, the offset of the
    normalised values is 1, as HGQ2 has it.
    """
    scaled, centred = spec.flag("scale", True), spec.flag("center", True)
    names = (*["gamma"] * scaled, *["beta"] * centred)
    own = own_variables(spec, names, early=("moving_mean", "moving_variance"))
    v = {name: np.asarray(array, np.float32) for name, array in own.items()}
    epsilon, one = np.float32(spec.number("epsilon", 1e-3)), np.float32(1)
    factor = v.get("gamma", one) / np.sqrt(v["moving_variance"] + epsilon)
    offset = v.get("beta", one) - v["moving_mean"] * factor
    layer = ExactAffine(
        constant(spec, "kq_conf", "kq/", factor),
        constant(spec, "bq_conf", "bq/", offset),
        read_axis(spec),
    )
    parts = (*of_input_of(spec), Part("", layer), *of_output_of(spec))
    spec.only("renorm", False)
    finish(spec, *TRAINING_ONLY)
    return parts


def _pooling(class_name: str) -> Reader:
    """A reader of a pooling layer, which is the Keras layer ``class_name`` otherwise."""

    def read(spec: LayerSpec) -> Parts:
        own_variables(spec, ())
        before, after = of_input_of(spec), of_output_of(spec)
        inner = inner_spec(spec, class_name, {})
        reader = read_pooling if class_name in WINDOWS else read_global_pooling
        return (*before, *reader(inner), *after)

    return read


def read_quantizer_layer(spec: LayerSpec) -> Parts:
    """Quantizer, as a layer; it has no variables of its own."""
    own_variables(replace(spec, config={**spec.config, "enable_ebops": False}), ())
    parts = converted("", read_quantizer(spec, "config", ""))
    spec.finish()
    return parts or (Part("", Identity()),)


def read_function(spec: LayerSpec) -> Parts:
    """QUnaryFunctionLUT: a function between two quantizers by element."""
    own_variables(spec, ())
    name, function = activation_function(spec, spec.get("activation"))
    parts = (*of_input_of(spec), Part(name, function), *of_output_of(spec))
    finish(spec, *ALLOWED)
    return parts


ALLOWED = ("allow_heterogeneous_table", "allow_heterogeneous_input")
"""Attributes that choose the axes of the quantizers, which their variables show."""


def read_affined_function(spec: LayerSpec) -> Parts:
    """QAffinedUnaryFunctionLUT: a function of a line, in one table with what is behind it."""
    own = own_variables(spec, ("scale", "bias"))
    _, function = activation_function(spec, spec.get("activation"))
    quantizer = read_quantizer(spec, "oq_conf", "oq/") if spec.flag("enable_oq", True) else None
    if quantizer is None or quantizer.affine or not isinstance(function, ELEMENTWISE):
        raise UnsupportedError(
            f"{spec.where}: without a plain quantizer of its output, or with activation "
            f"{shorten(spec.config.get('activation'))}, it is not supported"
        )
    scale, offset = (float(own[k].ravel()[0]) for k in ("scale", "bias"))
    types = of_input(quantizer).types
    parts = (*of_input_of(spec), Part("", QuantizedFunction(function, types, scale, offset)))
    finish(spec, *ALLOWED)
    return parts


def read_einsum_dense(spec: LayerSpec) -> Parts:
    """QEinsumDense whose kernel takes the last axes of its input to the last axes of its output."""
    einsum = read_einsum(spec)
    own = own_variables(spec, ("kernel", *einsum.bias_name))
    parts = (
        *of_input_of(spec),
        *einsum.parts(spec, _kernel_and_bias(spec, own)),
        *of_output_of(spec),
    )
    finish(spec, *training_only("kernel"))
    return parts


def read_einsum_batchnorm(spec: LayerSpec) -> Parts:
    """QEinsumDenseBatchnorm: normalised in training by its results; with Keras' epsilon in place
    of its own, as HGQ2 has it.
    """
    einsum = read_einsum(spec)
    axes = spec.get("normalize_axes")
    if einsum.bias_axes is None or axes not in (None, einsum.bias_axes):
        raise spec.unsupported("normalize_axes", axes)
    gamma = ("gamma",) if spec.flag("scale", True) else ()
    statistics = ("moving_mean", "moving_variance")
    own = own_variables(spec, ("kernel", "bias", *gamma), fixed=statistics)
    v = {name: np.asarray(array, np.float32) for name, array in own.items()}
    factor = v.get("gamma", np.float32(1)) / np.sqrt(v["moving_variance"] + EPSILON)
    offset = (-v["moving_mean"] * factor).reshape(v["bias"].shape)
    fused = {
        "kernel": v["kernel"] * einsum.along_kernel(factor, v["kernel"].shape),
        "bias": v["bias"] + offset,
    }
    made = einsum.parts(spec, _kernel_and_bias(spec, fused))
    parts = (*of_input_of(spec), *made, *of_output_of(spec))
    finish(spec, *training_only("kernel"), *TRAINING_ONLY, "epsilon", "center")
    return parts


READERS: dict[str, Reader] = {
    "hgq>QAdd": merging(Merging.ADD),
    "hgq>QAffinedUnaryFunctionLUT": read_affined_function,
    "hgq>QAveragePow2": read_average,
    "hgq>QAveragePooling1D": _pooling("AveragePooling1D"),
    "hgq>QAveragePooling2D": _pooling("AveragePooling2D"),
    "hgq>QBatchNormDense": read_batchnorm_dense,
    "hgq>QBatchNormalization": read_batch_normalization,
    "hgq>QConv1D": _product("Conv1D", read_conv1d),
    "hgq>QConv2D": _product("Conv2D", read_conv2d),
    "hgq>QDense": _product("Dense", read_dense),
    "hgq>QDot": read_qdot,
    "hgq>QEinsumDense": read_einsum_dense,
    "hgq>QEinsumDenseBatchnorm": read_einsum_batchnorm,
    "hgq>QGlobalAveragePooling1D": _pooling("GlobalAveragePooling1D"),
    "hgq>QGlobalAveragePooling2D": _pooling("GlobalAveragePooling2D"),
    "hgq>QGlobalMaxPooling1D": _pooling("GlobalMaxPooling1D"),
    "hgq>QGlobalMaxPooling2D": _pooling("GlobalMaxPooling2D"),
    "hgq>QMaximum": merging(Merging.MAXIMUM),
    "hgq>QMeanPow2": read_mean,
    "hgq>QMinimum": merging(Merging.MINIMUM),
    "hgq>QMultiply": merging(Merging.MULTIPLY),
    "hgq>QSoftmax": read_qsoftmax,
    "hgq>QSubtract": merging(Merging.SUBTRACT),
    "hgq>QSum": read_sum,
    "hgq>QMaxPooling1D": _pooling("MaxPooling1D"),
    "hgq>QMaxPooling2D": _pooling("MaxPooling2D"),
    "hgq>QUnaryFunctionLUT": read_function,
    "hgq>Quantizer": read_quantizer_layer,
}
