"""HGQ 0.2 (Keras 2): layers with a quantizer by element behind them, and its proxy models.

A trained layer computes with a quantised kernel and bias and rounds its result to the
fraction bits of each element; how many integer bits it takes is not in the file, and comes from
exact intervals here (or from data, where they are given), so that nothing overflows. In a
proxy model, which HGQ makes for converters, types are whole, and overflow as they say.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from converter.errors import ModelError, UnsupportedError
from converter.graph import frozen_array
from converter.layers.activation_reading import activation_function
from converter.layers.base import Layer, Real
from converter.layers.concatenate import read_concatenate
from converter.layers.conv import read_conv1d, read_conv2d
from converter.layers.dense import read_dense
from converter.layers.hgq_elements import (
    ElementQuantizer,
    ElementTypes,
    bits,
    quantized_constants,
)
from converter.layers.hgq_function import read_unary_lut
from converter.layers.identity import read_identity
from converter.layers.merge import Merge, Merging
from converter.layers.on_grid import OnGrid
from converter.layers.pooling import read_pooling
from converter.layers.reshape import read_flatten, read_permute, read_reshape
from converter.layers.spec import LayerSpec, Part, shorten
from converter.layers.weighted import Weighted
from converter.types import Overflow, Rounding
from converter.units.quantize_elements import OVERFLOWS

Reader = Callable[[LayerSpec], tuple[Part, ...]]
Single = npt.NDArray[np.float32]

OWN = frozenset({"kq_conf", "paq_conf", "beta", "parallel_factor"})
"""Attributes beyond those of the Keras layer of the same kind."""

STATISTICS = frozenset({"beta", "bops", "Variable"})
"""Variables of the training's cost function, and what stands for those that a layer lacks."""

STRATEGIES = {
    "standard_round": Rounding.RND,
    "stochastic_round": Rounding.RND,
    "fast_uniform_noise_injection": Rounding.RND,
    "floor": Rounding.TRN,
}
"""Rounding at inference, by name; a file may also have their numbers, in this order."""


def plain(
    spec: LayerSpec, class_name: str, config: Mapping[str, Any], weights: Mapping[str, Real]
) -> LayerSpec:
    """The layer of Keras that a quantised one is, apart from its quantizers."""
    return replace(
        spec,
        class_name=class_name,
        config=config,
        weights=weights,
        used=set(),
        shown_as=spec.class_name,
    )


def on_grid(parts: tuple[Part, ...]) -> tuple[Part, ...]:
    """The parts with the first's constants taken as they are."""
    first, *rest = parts
    return (replace(first, layer=_taken(first.layer)), *rest)


def _taken(layer: Any) -> Layer:
    """A layer with a kernel whose values are those that it computes with."""
    taken: Layer = replace(layer, kernel_quantizer=OnGrid(), bias_quantizer=OnGrid())
    return taken


def _product(class_name: str, reader: Reader, normalised: bool = False) -> Reader:
    """A reader of a layer with a kernel, which is the Keras layer ``class_name`` otherwise."""

    def read(spec: LayerSpec) -> tuple[Part, ...]:
        weights = _weights(spec)
        values, kernel_bits, bias_bits = _constants(spec, weights, normalised)
        quantizer = ElementQuantizer(replace(bias_bits, signed=_signs(spec)))
        kernel = quantized_constants(kernel_bits, values["kernel"])
        constants = {"kernel": frozen_array(kernel)}
        if "bias" in values:
            by_channel = replace(bias_bits, fraction=_by_channel(bias_bits.fraction))
            constants["bias"] = frozen_array(quantized_constants(by_channel, values["bias"]))
        config = {k: v for k, v in spec.config.items() if k not in OWN}
        inner = plain(spec, class_name, {**config, "activation": "linear"}, constants)
        return (*on_grid(reader(inner)), Part("quantizer", quantizer))

    return read


def _signs(spec: LayerSpec) -> npt.NDArray[np.int64]:
    """Of the result: none behind a rectifier, which is the quantizer's lower end then."""
    name = spec.get("activation", "linear")
    if name not in ("linear", "relu", None):
        raise spec.unsupported("activation", name)
    return np.array(0 if name == "relu" else 1)


def _weights(spec: LayerSpec) -> dict[str, Single]:
    """Variables by name, without the training's statistics."""
    if "0" in spec.weights:
        raise UnsupportedError(
            f"{spec.where}: the file has weights without names; save HGQ models as .h5"
        )
    found = {k: np.asarray(v, np.float32) for k, v in spec.weights.items()}
    return {k: v for k, v in found.items() if k not in STATISTICS}


def _take(spec: LayerSpec, weights: dict[str, Single], name: str) -> Single:
    if name not in weights:
        raise ModelError(
            f"{spec.where}: the weight {name} is missing; the file has "
            f"{', '.join(sorted(weights)) or 'none'}"
        )
    return weights.pop(name)


def _constants(
    spec: LayerSpec, weights: dict[str, Single], normalised: bool
) -> tuple[dict[str, Single], ElementTypes, ElementTypes]:
    """Kernel and bias, any normalisation taken in; the kernel's bits, and the result's."""
    values = {"kernel": _take(spec, weights, "kernel")}
    if spec.get("use_bias", True):
        values["bias"] = _take(spec, weights, "bias")
    kernel_bw, result_bw = (_take(spec, weights, f"{k}_bw") for k in ("kernel", "activation"))
    if normalised:
        values = _normalise(spec, weights, values)
    _none_left(spec, weights)
    kernel = _types(spec, "kq_conf", kernel_bw, Rounding.RND)
    kernel.elements(values["kernel"].shape)
    result = _types(spec, "paq_conf", result_bw[0], _auto_rounding(result_bw, values.get("bias")))
    return values, kernel, result


def _auto_rounding(result_bw: Single, bias: Single | None) -> Rounding:
    """HGQ's choice for ``auto``: to nearest where a bias can make that free."""
    if bias is None:
        return Rounding.TRN
    by_channel = result_bw.size == result_bw.shape[-1] and bias.shape == result_bw.shape[-1:]
    return Rounding.RND if result_bw.size == 1 or by_channel else Rounding.TRN


def _normalise(
    spec: LayerSpec, weights: dict[str, Single], values: dict[str, Single]
) -> dict[str, Single]:
    """Kernel and bias with the batch normalisation in them, as HGQ fuses them, in float32.

    HGQ writes no attribute of the normalisation; it is scaled, with the default epsilon, and
    centred where there is a bias. Of another one the weights here are missing.
    """
    gamma, variance = (_take(spec, weights, n) for n in ("bn_gamma", "moving_variance"))
    factor = gamma * (np.float32(1) / np.sqrt(variance + np.float32(1e-3)))
    kernel = values["kernel"] * factor
    if "bias" not in values:
        return {"kernel": kernel}
    mean, beta = (_take(spec, weights, n) for n in ("moving_mean", "bn_beta"))
    return {"kernel": kernel, "bias": values["bias"] - mean * factor + beta}


def _none_left(spec: LayerSpec, weights: Mapping[str, Single]) -> None:
    if weights:
        needed = sorted(set(spec.weights) - set(weights) - STATISTICS)
        raise ModelError(
            f"{spec.where}: the weights needed are {', '.join(needed)}; the file has "
            f"{', '.join(sorted(spec.weights))}"
        )


def _types(spec: LayerSpec, key: str, fraction: Single, auto: Rounding) -> ElementTypes:
    """Bits of a tensor without integer limit; ``key``: the attribute with its quantizer."""
    config = spec.get(key)
    if not isinstance(config, Mapping):
        raise spec.bad(key, config, "a quantizer's arguments")
    name, clip = config.get("rnd_strategy", "standard_round"), config.get("bw_clip")
    if isinstance(name, int) and 0 <= name < len(STRATEGIES):
        name = list(STRATEGIES)[name]
    if name != "auto" and name not in STRATEGIES:
        raise UnsupportedError(
            f"{spec.where}: {key} rnd_strategy={shorten(name)} is not supported; it must be auto, "
            f"{', '.join(STRATEGIES)}"
        )
    if clip:
        fraction = np.clip(fraction, *clip)
    rounding = auto if name == "auto" else STRATEGIES[name]
    return ElementTypes(np.array(1), bits(fraction), None, rounding)


def _by_channel(fraction: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """A bias has the finest step of its channel's results."""
    most: npt.NDArray[np.int64] = fraction.max(axis=tuple(range(fraction.ndim - 1)))
    return most


def read_quantize(spec: LayerSpec) -> tuple[Part, ...]:
    """HQuantize: the quantizer alone."""
    return (Part("", _alone(spec, 1)),)


def _alone(spec: LayerSpec, signed: int) -> ElementQuantizer:
    """The quantizer of a layer without a kernel."""
    weights = _weights(spec)
    fraction = _take(spec, weights, "activation_bw")
    _none_left(spec, weights)
    types = _types(spec, "paq_conf", fraction[0], _auto_for_alone(spec))
    for key in OWN:
        spec.get(key)
    spec.finish()
    return ElementQuantizer(replace(types, signed=np.array(signed)))


def read_hactivation(spec: LayerSpec) -> tuple[Part, ...]:
    """HActivation: a function, and a quantizer by element."""
    name, function = activation_function(spec, spec.get("activation"))
    quantizer = _alone(spec, 1)
    return (Part(name, function), Part("", quantizer))


def read_hadd(spec: LayerSpec) -> tuple[Part, ...]:
    """HAdd: a sum, and a quantizer by element."""
    return (Part("sum", Merge(Merging.ADD)), Part("", _alone(spec, 1)))


def _auto_for_alone(spec: LayerSpec) -> Rounding:
    """HActivation's ``auto`` is to nearest; without a bias, others' is floor."""
    return Rounding.RND if spec.class_name.endswith("HActivation") else Rounding.TRN


def read_signature(spec: LayerSpec) -> tuple[Part, ...]:
    """Signature: inputs that are promised to have certain types, as HGQ's proxy models take it."""
    keep, width, integer = (_promised(spec, key) for key in ("keep_negative", "bits", "int_bits"))
    spec.variables()
    spec.finish()
    types = _whole_types(keep, width, integer, Rounding.TRN, Overflow.WRAP)
    return (Part("", ElementQuantizer(types)),)


def _promised(spec: LayerSpec, key: str) -> Real:
    try:
        values = np.asarray(spec.get(key), np.float64)
    except (ValueError, TypeError):
        raise spec.bad(key, spec.config.get(key), "an array of numbers") from None
    return values[0] if values.ndim > 1 else values


def _whole_types(
    keep: Real, width: Real, integer: Real, rounding: Rounding, overflow: Overflow
) -> ElementTypes:
    """Types whose integer bits count the sign; of no bits where the width is 0."""
    none = bits(width) <= 0
    signed, fraction = bits(keep), bits(width) - bits(integer)
    whole = np.where(none, -(1 << 10), bits(integer) - signed)
    return ElementTypes(signed, np.where(none, 0, fraction), whole, rounding, overflow)


def read_fixed_point_quantizer(spec: LayerSpec) -> tuple[Part, ...]:
    """FixedPointQuantizer, of proxy models; ``overrides`` are notes for another converter."""
    rounding, overflow = _mode(spec, "RND", Rounding), _mode(spec, "SAT", Overflow)
    if overflow not in OVERFLOWS:
        raise UnsupportedError(
            f"{spec.where}: SAT={overflow.value} is not supported; it must be one of "
            f"{', '.join(o.value for o in OVERFLOWS)}"
        )
    keep, width, integer = (
        array[0] if array.ndim > 1 else array
        for array in spec.variables("keep_negative", "bits", "integers")
    )
    spec.finish("overrides", "fusible", "shape")
    types = _whole_types(keep, width, integer, rounding, overflow)
    return (Part("", ElementQuantizer(types)),)


def _mode(spec: LayerSpec, key: str, kind: Any) -> Any:
    name = spec.get(key)
    if name not in [mode.value for mode in kind]:
        raise spec.unsupported(key, name)
    return kind(name)


def passive(class_name: str, reader: Reader) -> Reader:
    """A reader of a layer of HGQ that computes what the Keras layer ``class_name`` does."""

    def read(spec: LayerSpec) -> tuple[Part, ...]:
        return reader(plain(spec, class_name, spec.config, spec.weights))

    return read


def constants_on_grid(layer: Layer) -> Layer:
    """A layer of a proxy model with its constants taken as they are, where they are on a grid."""
    if not isinstance(layer, Weighted) or layer.quantized:
        return layer
    arrays = [layer.kernel] + ([] if layer.bias is None else [layer.bias])
    if any(_grid_width(a) > WIDEST_GRID for a in arrays):
        return layer
    return _taken(layer)


WIDEST_GRID = 32
"""Bits of trained constants on a grid; those of real ones in float32 spread further."""


def _grid_width(values: Real) -> int:
    return OnGrid().codes_and_scale(values).type.width


READERS: dict[str, Reader] = {
    "FixedPointQuantizer": read_fixed_point_quantizer,
    "HGQ>FixedPointQuantizer": read_fixed_point_quantizer,
    "HGQ>HActivation": read_hactivation,
    "HGQ>HAdd": read_hadd,
    "HGQ>HConv1D": _product("Conv1D", read_conv1d),
    "HGQ>HConv1DBatchNorm": _product("Conv1D", read_conv1d, normalised=True),
    "HGQ>HConv2D": _product("Conv2D", read_conv2d),
    "HGQ>HConv2DBatchNorm": _product("Conv2D", read_conv2d, normalised=True),
    "HGQ>HDense": _product("Dense", read_dense),
    "HGQ>HDenseBatchNorm": _product("Dense", read_dense, normalised=True),
    "HGQ>HQuantize": read_quantize,
    "HGQ>PAveragePooling1D": passive("AveragePooling1D", read_pooling),
    "HGQ>PAveragePooling2D": passive("AveragePooling2D", read_pooling),
    "HGQ>PConcatenate": passive("Concatenate", read_concatenate),
    "HGQ>PDropout": passive("Dropout", read_identity),
    "HGQ>PFlatten": passive("Flatten", read_flatten),
    "HGQ>PMaxPooling1D": passive("MaxPooling1D", read_pooling),
    "HGQ>PMaxPooling2D": passive("MaxPooling2D", read_pooling),
    "HGQ>PPermute": passive("Permute", read_permute),
    "HGQ>PReshape": passive("Reshape", read_reshape),
    "HGQ>Signature": read_signature,
    "HGQ>UnaryLUT": read_unary_lut,
    "UnaryLUT": read_unary_lut,
}
