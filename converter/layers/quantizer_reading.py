"""QKeras' quantizers from a model file: as objects, or as text like ``quantized_bits(4,0)``."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from converter.errors import UnsupportedError
from converter.layers.quantizers import Alpha, Quantizer, is_power_of_two
from converter.layers.quantizers_staircase import Binary, PowerOfTwo, Ternary
from converter.layers.quantizers_uniform import QuantizedBits, QuantizedRelu
from converter.layers.spec import LayerSpec, shorten

MAX_BITS = 32
NOISE = ("var_name", "use_ste", "use_variables", "use_stochastic_rounding")
"""Arguments that act in training only, given that qnoise_factor is 1."""


def read_weight_quantizer(spec: LayerSpec, key: str, fitted: bool) -> Quantizer | None:
    """The quantizer of weights in attribute ``key``; None where there is none.

    ``fitted``: a quantizer without alpha gets ``auto_po2``, as QKeras does for kernels.
    """
    found = find_quantizer(spec, key)
    if found is None:
        spec.only(key, None)
        return None
    return READERS[found[0]](found[1], fitted)


def read_activation_quantizer(spec: LayerSpec, key: str) -> tuple[str, Quantizer] | None:
    """Name and quantizer of an activation; None where the attribute is a plain function.

    Raises UnsupportedError where the scale depends on the data, batch by batch.
    """
    found = find_quantizer(spec, key)
    if found is None:
        return None
    name, inner = found
    quantizer = READERS[name](inner, False)
    alpha = getattr(quantizer, "alpha", 1.0)
    uniform = isinstance(quantizer, QuantizedBits)
    if isinstance(alpha, Alpha) or not is_power_of_two(alpha) or (uniform and alpha != 1):
        shown = alpha.value if isinstance(alpha, Alpha) else alpha
        raise UnsupportedError(
            f"{inner.where}: alpha={shown} is not supported for an activation; use alpha=1"
        )
    return name, quantizer


def find_quantizer(spec: LayerSpec, key: str) -> tuple[str, LayerSpec] | None:
    """Class name and arguments of the quantizer in attribute ``key``."""
    value = spec.get(key)
    name: object
    config: object
    if isinstance(value, str) and value.split("(")[0] in SIGNATURES:
        name, config = _parse_text(spec, key, value)
    elif isinstance(value, Mapping) and "class_name" in value:
        name, config = value["class_name"], value.get("config", {})
    elif value is None or (isinstance(value, str) and "(" not in value):
        return None
    else:
        raise spec.unsupported(key, value)
    if name == "function" and isinstance(config, str):  # a function that Keras does not know
        name = config
    if not isinstance(name, str) or name not in READERS:
        raise UnsupportedError(f"{spec.where}: {key} {shorten(name)} is not supported")
    if not isinstance(config, Mapping):
        raise spec.bad(key, config, "a quantizer's arguments")
    return name, spec.inner(key, name, config)


def _parse_text(spec: LayerSpec, key: str, text: str) -> tuple[str, dict[str, Any]]:
    match = re.fullmatch(r"\s*(\w+)\s*(?:\((.*)\))?\s*", text, re.DOTALL)
    if match is None:
        raise spec.bad(key, text, "a quantizer such as quantized_bits(4,0)")
    name, inner = match.group(1), match.group(2) or ""
    names, config = SIGNATURES[name], {}
    for position, word in enumerate(w for w in inner.split(",") if w.strip()):
        argument, _, literal = word.rpartition("=")
        if not argument and position >= len(names):
            raise spec.bad(key, text, f"a quantizer of at most {len(names)} arguments")
        config[argument.strip() or names[position]] = _literal(spec, key, literal.strip())
    return name, config


def _literal(spec: LayerSpec, key: str, word: str) -> object:
    if word in ("True", "False", "None"):
        return {"True": True, "False": False, "None": None}[word]
    if len(word) > 1 and word[0] == word[-1] and word[0] in "'\"":
        return word[1:-1]
    try:
        return int(word) if re.fullmatch(r"[+-]?\d+", word) else float(word)
    except ValueError:
        raise spec.bad(key, word, "a number, a flag or a quoted word") from None


def _alpha(spec: LayerSpec, fitted: bool) -> float | Alpha:
    value = spec.get("alpha")
    if value is None:
        return Alpha.AUTO_PO2 if fitted else 1.0
    if value in ("auto", "auto_po2"):
        return Alpha(value)
    alpha = float(np.float32(spec.number("alpha")))
    if alpha <= 0:
        raise spec.unsupported("alpha", value)
    return alpha


def _bits(spec: LayerSpec, default: int = 8, least: int = 1) -> int:
    bits = spec.integer("bits", default)
    if not least <= bits <= MAX_BITS:
        raise UnsupportedError(
            f"{spec.where}: bits={bits} is not supported; it must be in {least}..{MAX_BITS}"
        )
    return bits


def _integer(spec: LayerSpec) -> int:
    integer = spec.integer("integer", 0)
    if not -64 <= integer <= 64:
        raise UnsupportedError(
            f"{spec.where}: integer={integer} is not supported; it must be in -64..64"
        )
    return integer


def _finish(spec: LayerSpec, *training_only: str) -> None:
    if spec.number("qnoise_factor", 1.0) != 1.0:
        raise spec.unsupported("qnoise_factor", spec.config["qnoise_factor"])
    spec.finish(*NOISE, *training_only)


def _quantized_bits(spec: LayerSpec, fitted: bool) -> Quantizer:
    bits, integer = _bits(spec), _integer(spec)
    keep_negative, alpha = spec.flag("keep_negative", True), _alpha(spec, fitted)
    symmetric = spec.flag("symmetric", False) or isinstance(alpha, Alpha)
    spec.only("scale_axis", None)
    _finish(spec)
    if bits == 1 and isinstance(alpha, Alpha):
        raise UnsupportedError(
            f"{spec.where}: bits=1 with alpha={alpha.value} has no levels in QKeras; use binary"
        )
    if bits == 1 and keep_negative:
        return Binary(False, alpha)
    return QuantizedBits(bits, integer, symmetric, keep_negative, alpha)


def _quantized_relu(spec: LayerSpec, fitted: bool) -> Quantizer:
    del fitted
    bits, integer = _bits(spec), _integer(spec)
    slope, clip = spec.number("negative_slope", 0.0), spec.flag("is_quantized_clip", True)
    bound = spec.get("relu_upper_bound")
    if spec.flag("use_sigmoid", False):
        raise spec.unsupported("use_sigmoid", spec.config["use_sigmoid"])
    if slope and not (is_power_of_two(slope) and 2.0 ** (1 - bits) <= slope <= 1):
        raise UnsupportedError(
            f"{spec.where}: negative_slope={slope} is not supported; it must be 0 or a power of "
            f"two from {2.0 ** (1 - bits)} (one step at bits={bits}) to 1"
        )
    _finish(spec)
    relu = QuantizedRelu(bits, integer, slope)
    if clip or not bound:  # QKeras prefers the quantised clip to the bound
        return relu
    return _bounded(spec, relu)


def _bounded(spec: LayerSpec, relu: QuantizedRelu) -> QuantizedRelu:
    bound, grid = spec.number("relu_upper_bound"), relu.output_type
    if bound >= grid.max:
        return relu
    if bound < 0 or not (bound / grid.lsb).is_integer():
        raise UnsupportedError(
            f"{spec.where}: relu_upper_bound={bound} is not supported; it must be a multiple of "
            f"the step {grid.lsb}"
        )
    return replace(relu, upper_bound=bound)


def _binary(spec: LayerSpec, fitted: bool) -> Quantizer:
    zero_one, alpha = spec.flag("use_01", False), _alpha(spec, fitted)
    _finish(spec, "temperature", "use_real_sigmoid")
    return Binary(zero_one, alpha)


def _ternary(spec: LayerSpec, fitted: bool) -> Quantizer:
    alpha, unrolls = _alpha(spec, fitted), spec.integer("number_of_unrolls", 5)
    threshold = spec.get("threshold")
    if unrolls < 1:
        raise spec.bad("number_of_unrolls", unrolls, "at least 1")
    if threshold is not None and isinstance(alpha, Alpha):
        raise spec.unsupported("threshold", threshold)
    _finish(spec, "temperature", "use_real_sigmoid")
    if threshold is None:
        return Ternary(alpha, unrolls=unrolls)
    return Ternary(alpha, max(0.0, float(np.float32(spec.number("threshold")))), unrolls)


def _quantized_po2(spec: LayerSpec, fitted: bool) -> Quantizer:
    del fitted
    return _power_of_two(spec, _bits(spec) - 1, False)


def _quantized_relu_po2(spec: LayerSpec, fitted: bool) -> Quantizer:
    del fitted
    return _power_of_two(spec, _bits(spec), True)


def _power_of_two(spec: LayerSpec, bits: int, rectified: bool) -> PowerOfTwo:
    """``bits`` hold the exponent and, where the bound may exceed 1, its sign."""
    top, slope = spec.get("max_value"), spec.number("negative_slope", 0.0) if rectified else 0.0
    spec.only("quadratic_approximation", False, 0)
    spec.only("log2_rounding", "rnd")
    _finish(spec)
    if slope and not (slope > 0 and is_power_of_two(slope)):
        raise spec.bad("negative_slope", slope, "a power of two")
    if top is not None and spec.number("max_value") < 2.0**-23:
        raise spec.bad("max_value", top, "at least 2**-23")
    bits -= top is None or top > 1
    if not 0 <= bits <= 6:
        raise UnsupportedError(
            f"{spec.where}: bits={spec.config.get('bits', 8)} gives exponents of {bits} bits; "
            "supported are 0 to 6"
        )
    low, high = -(1 << bits), (1 << bits) - 1
    if top is not None:
        high = max(low, min(high, round(float(np.log2(np.float32(top))))))
    return PowerOfTwo(low, high, rectified, slope)


Reader = Callable[[LayerSpec, bool], Quantizer]

READERS: dict[str, Reader] = {
    "quantized_bits": _quantized_bits,
    "quantized_relu": _quantized_relu,
    "binary": _binary,
    "stochastic_binary": _binary,
    "ternary": _ternary,
    "stochastic_ternary": _ternary,
    "quantized_po2": _quantized_po2,
    "quantized_relu_po2": _quantized_relu_po2,
}

SIGNATURES: dict[str, tuple[str, ...]] = {
    "quantized_bits": (
        "bits", "integer", "symmetric", "keep_negative", "alpha", "use_stochastic_rounding",
        "scale_axis", "qnoise_factor", "var_name", "use_ste", "use_variables",
    ),
    "quantized_relu": (
        "bits", "integer", "use_sigmoid", "negative_slope", "use_stochastic_rounding",
        "relu_upper_bound", "is_quantized_clip", "qnoise_factor", "var_name", "use_ste",
        "use_variables",
    ),
    "binary": ("use_01", "alpha", "use_stochastic_rounding"),
    "stochastic_binary": ("alpha", "temperature", "use_real_sigmoid"),
    "ternary": ("alpha", "threshold", "use_stochastic_rounding", "number_of_unrolls"),
    "stochastic_ternary": (
        "alpha", "threshold", "temperature", "use_real_sigmoid", "number_of_unrolls",
    ),
    "quantized_po2": (
        "bits", "max_value", "use_stochastic_rounding", "quadratic_approximation",
        "log2_rounding", "qnoise_factor", "var_name", "use_ste", "use_variables",
    ),
    "quantized_relu_po2": (
        "bits", "max_value", "negative_slope", "use_stochastic_rounding",
        "quadratic_approximation", "log2_rounding", "qnoise_factor", "var_name", "use_ste",
        "use_variables",
    ),
}  # fmt: skip
"""QKeras' positional arguments, in order."""
