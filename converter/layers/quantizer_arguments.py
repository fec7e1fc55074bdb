"""The arguments of QKeras' quantizers, each honoured or refused by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np

from converter.errors import UnsupportedError
from converter.layers.quantizers import Alpha, Factors, Quantizer, Scale, is_power_of_two
from converter.layers.quantizers_bisection import MAX_STAIRCASE_BITS
from converter.layers.quantizers_linear import QuantizedLinear
from converter.layers.quantizers_smooth import (
    QuantizedHswish,
    QuantizedSigmoid,
    QuantizedTanh,
    QuantizedUlaw,
)
from converter.layers.quantizers_staircase import Binary, PowerOfTwo, Sign, Ternary
from converter.layers.quantizers_uniform import QuantizedBits, QuantizedRelu
from converter.layers.spec import LayerSpec

MAX_BITS = 32
MAX_EXPONENT_BITS = 7
"""Up to 2**127, near the end of float32."""

NOISE = ("var_name", "use_ste", "use_variables", "use_stochastic_rounding")
"""Arguments that act in training only, given that qnoise_factor is 1 or 0."""

NEWER = ("elements_per_scale", "min_po2_exponent", "max_po2_exponent", "post_training_scale")
"""Arguments of quantized_bits on QKeras' main branch, in no release up to 0.9.0."""


@dataclass(frozen=True)
class Arguments:
    """How a quantizer is read. ``fitted``: without alpha it gets ``auto_po2``, as QKeras does
    for kernels.
    """

    spec: LayerSpec
    fitted: bool = False

    def bits(self, default: int = 8, most: int = MAX_BITS) -> int:
        """Of 1 to ``most``."""
        bits = self.spec.integer("bits", default)
        if not 1 <= bits <= most:
            raise UnsupportedError(
                f"{self.spec.where}: bits={bits} is not supported; it must be in 1..{most}"
            )
        return bits

    def integer(self) -> int:
        """Bits left of the point, without the sign."""
        integer = self.spec.integer("integer", 0)
        if not -64 <= integer <= 64:
            raise UnsupportedError(
                f"{self.spec.where}: integer={integer} is not supported; it must be in -64..64"
            )
        return integer

    def alpha(self) -> Scale:
        """A number, a way to fit, or an array; float32, as QKeras multiplies."""
        value = self.spec.get("alpha")
        if value is None:
            return Alpha.AUTO_PO2 if self.fitted else 1.0
        if isinstance(value, str) and value in ("auto", "auto_po2"):
            return Alpha(value)
        if isinstance(value, list | Mapping):
            return self._factors(value)
        alpha = float(np.float32(self.spec.number("alpha")))
        if alpha <= 0:
            raise self.spec.unsupported("alpha", value)
        return alpha

    def _factors(self, value: object) -> float | Factors:
        """A nested list, which Keras also wraps as an object of numpy's."""
        if isinstance(value, Mapping):
            inner = value.get("config")
            value = inner.get("value") if isinstance(inner, Mapping) else None
        try:
            array = np.asarray(value, dtype=np.float32).astype(np.float64)
        except (TypeError, ValueError):
            raise self.spec.unsupported("alpha", value) from None
        if array.size == 0 or not (np.isfinite(array) & (array > 0)).all():
            raise self.spec.bad("alpha", value, "numbers above 0")
        if (array == array.flat[0]).all() and array.size == 1:
            return float(array.flat[0])
        return Factors(tuple(array.ravel().tolist()), array.shape)

    def single_alpha(self) -> float | Alpha:
        """What binary and ternary take from a file, from which QKeras itself reads no array."""
        alpha = self.alpha()
        if isinstance(alpha, Factors):
            raise self.spec.unsupported("alpha", self.spec.config["alpha"])
        return alpha

    def scale_axis(self) -> int | None:
        """The axis whose indices have a scale each."""
        return None if self.spec.get("scale_axis") is None else self.spec.integer("scale_axis")

    def finish(self, *training_only: str) -> None:
        """Refuse what is left."""
        self.spec.get("qnoise_factor")  # see ``quantizer_reading``
        self.spec.finish(*NOISE, *training_only)


def _quantized_bits(given: Arguments) -> Quantizer:
    spec = given.spec
    bits, integer = given.bits(), given.integer()
    keep_negative, alpha = spec.flag("keep_negative", True), given.alpha()
    symmetric = spec.flag("symmetric", False) or isinstance(alpha, Alpha)
    axis = given.scale_axis()
    for key in NEWER:
        spec.only(key, None)
    given.finish()
    if bits == 1 and isinstance(alpha, Alpha):
        raise UnsupportedError(
            f"{spec.where}: bits=1 with alpha={alpha.value} has no levels in QKeras; use binary"
        )
    if bits == 1 and keep_negative:
        if isinstance(alpha, Factors):
            raise spec.unsupported("alpha", spec.config["alpha"])
        return Binary(False, alpha)
    axis = axis if isinstance(alpha, Alpha) else None
    return QuantizedBits(bits, integer, symmetric, keep_negative, alpha, axis)


def _quantized_linear(given: Arguments) -> Quantizer:
    spec, alpha = given.spec, given.alpha()
    bits, integer = given.bits(), given.integer()
    symmetric = spec.flag("symmetric", True)
    if given.fitted and spec.get("alpha") is None:
        symmetric = True
    keep_negative, axis = spec.flag("keep_negative", True), given.scale_axis()
    given.finish()
    axis = axis if isinstance(alpha, Alpha) else None
    return QuantizedLinear(bits, integer, symmetric, keep_negative, alpha, axis)


def _quantized_relu(given: Arguments) -> Quantizer:
    spec, bits, integer = given.spec, given.bits(), given.integer()
    slope, clip = spec.number("negative_slope", 0.0), spec.flag("is_quantized_clip", True)
    bound, sigmoid = spec.get("relu_upper_bound"), spec.flag("use_sigmoid", False)
    if slope and not (is_power_of_two(slope) and 2.0**-30 <= slope <= 2.0**8):
        raise UnsupportedError(
            f"{spec.where}: negative_slope={slope} is not supported; it must be 0 or a power of "
            "two from 2**-30 to 2**8"
        )
    given.finish()
    relu = QuantizedRelu(bits, integer, slope, None, sigmoid)
    if not clip and bound:  # QKeras prefers the quantised clip to the bound
        relu = _bounded(spec, relu)
    if relu.stepped and bits > MAX_STAIRCASE_BITS:
        raise UnsupportedError(
            f"{spec.where}: bits={bits} is not supported with negative_slope={slope} and "
            f"use_sigmoid={sigmoid}; it must be in 1..{MAX_STAIRCASE_BITS}"
        )
    return relu


def _bounded(spec: LayerSpec, relu: QuantizedRelu) -> QuantizedRelu:
    bound = float(np.float32(spec.number("relu_upper_bound")))
    if bound < 0:
        raise spec.bad("relu_upper_bound", bound, "at least 0")
    return relu if bound >= relu.output_type.max else replace(relu, upper_bound=bound)


def _binary(given: Arguments) -> Quantizer:
    zero_one, alpha = given.spec.flag("use_01", False), given.single_alpha()
    given.finish("temperature", "use_real_sigmoid")
    return Binary(zero_one, alpha)


def _ternary(given: Arguments) -> Quantizer:
    spec = given.spec
    alpha, unrolls = given.single_alpha(), spec.integer("number_of_unrolls", 5)
    threshold = spec.get("threshold")
    if unrolls < 1:
        raise spec.bad("number_of_unrolls", unrolls, "at least 1")
    if threshold is not None and isinstance(alpha, Alpha):
        raise spec.unsupported("threshold", threshold)
    given.finish("temperature", "use_real_sigmoid")
    if threshold is None:
        return Ternary(alpha, unrolls=unrolls)
    return Ternary(alpha, max(0.0, float(np.float32(spec.number("threshold")))), unrolls)


def _bernoulli(given: Arguments) -> Quantizer:
    raise UnsupportedError(
        f"{given.spec.where}: bernoulli is not supported, as QKeras draws its values at random "
        "at inference, too; use stochastic_binary, or binary(use_01=True)"
    )


def _binary_sigmoid(given: Arguments) -> Quantizer:
    given.finish()
    return Sign(0.0)


def _binary_tanh(given: Arguments) -> Quantizer:
    given.finish()
    return Sign(-1.0)


def _quantized_po2(given: Arguments) -> Quantizer:
    return _power_of_two(given, given.bits() - 1, False)


def _quantized_relu_po2(given: Arguments) -> Quantizer:
    return _power_of_two(given, given.bits(), True)


def _power_of_two(given: Arguments, bits: int, rectified: bool) -> PowerOfTwo:
    """``bits`` hold the exponent and, where the bound may exceed 1, its sign."""
    spec = given.spec
    top, slope = spec.get("max_value"), spec.number("negative_slope", 0.0) if rectified else 0.0
    quadratic = spec.flag("quadratic_approximation", False)
    spec.only("log2_rounding", "rnd", "floor")
    floor = spec.get("log2_rounding", "rnd") == "floor"
    given.finish()
    if slope and not (slope > 0 and is_power_of_two(slope)):
        raise spec.bad("negative_slope", slope, "a power of two")
    if top is not None and spec.number("max_value") < 2.0**-23:
        raise spec.bad("max_value", top, "at least 2**-23")
    bits -= top is None or top > 1
    if not 0 <= bits <= MAX_EXPONENT_BITS - quadratic:
        raise UnsupportedError(
            f"{spec.where}: bits={spec.config.get('bits', 8)} gives exponents of {bits} bits; "
            f"supported are 0 to {MAX_EXPONENT_BITS - quadratic}"
        )
    low, high = -(1 << bits), (1 << bits) - 1
    high = 2 * (high // 2) if quadratic else high
    if top is not None:
        log2 = float(np.log2(np.float32(top))) / (1 + quadratic)
        high = max(low, min(high, int(np.floor(log2) if floor else np.rint(log2))))
    return PowerOfTwo(low, high, rectified, slope, floor, quadratic)


def _quantized_tanh(given: Arguments) -> Quantizer:
    symmetric, real = given.spec.flag("symmetric", False), given.spec.flag("use_real_tanh", False)
    bits = given.bits(most=MAX_STAIRCASE_BITS if real else MAX_BITS)
    given.finish()
    if bits == 1 and symmetric:
        raise UnsupportedError(f"{given.spec.where}: bits=1 with symmetric has no level but 0")
    return QuantizedTanh(bits, symmetric, real)


def _quantized_sigmoid(given: Arguments) -> Quantizer:
    spec = given.spec
    symmetric, real = spec.flag("symmetric", False), spec.flag("use_real_sigmoid", False)
    bits = given.bits(most=MAX_STAIRCASE_BITS if real else MAX_BITS)
    given.finish()
    return QuantizedSigmoid(bits, symmetric, real)


def _quantized_ulaw(given: Arguments) -> Quantizer:
    spec, integer = given.spec, given.integer()
    bits, symmetric = given.bits(most=MAX_STAIRCASE_BITS), spec.flag("symmetric", False)
    u = spec.number("u", 255.0)
    if u <= 0:
        raise spec.bad("u", u, "above 0")
    given.finish()
    return QuantizedUlaw(bits, integer, symmetric, u)


def _quantized_hswish(given: Arguments) -> Quantizer:
    spec = given.spec
    bits, integer = given.bits(most=MAX_STAIRCASE_BITS), given.integer()
    symmetric, alpha, axis = spec.flag("symmetric", False), given.alpha(), given.scale_axis()
    shift, bound = spec.number("relu_shift", 3), spec.number("relu_upper_bound", 6)
    spec.only("keep_negative", True, 1)
    given.finish()
    if shift <= 0 or bound <= 0:
        raise spec.bad("relu_shift and relu_upper_bound", (shift, bound), "above 0")
    if bits == 1 or isinstance(alpha, Factors):
        raise UnsupportedError(
            f"{spec.where}: bits={bits} with alpha={spec.get('alpha')} is not supported; give "
            "at least two bits and one factor"
        )
    symmetric = symmetric or isinstance(alpha, Alpha)
    axis = axis if isinstance(alpha, Alpha) else None
    return QuantizedHswish(QuantizedBits(bits, integer, symmetric, True, alpha, axis), shift, bound)


READERS: dict[str, Callable[[Arguments], Quantizer]] = {
    "bernoulli": _bernoulli,
    "binary": _binary,
    "binary_sigmoid": _binary_sigmoid,
    "binary_tanh": _binary_tanh,
    "quantized_bits": _quantized_bits,
    "quantized_hswish": _quantized_hswish,
    "quantized_linear": _quantized_linear,
    "quantized_po2": _quantized_po2,
    "quantized_relu": _quantized_relu,
    "quantized_relu_po2": _quantized_relu_po2,
    "quantized_sigmoid": _quantized_sigmoid,
    "quantized_tanh": _quantized_tanh,
    "quantized_ulaw": _quantized_ulaw,
    "stochastic_binary": _binary,
    "stochastic_ternary": _ternary,
    "ternary": _ternary,
}

SIGNATURES: dict[str, tuple[str, ...]] = {
    "bernoulli": ("alpha", "temperature", "use_real_sigmoid"),
    "binary": ("use_01", "alpha", "use_stochastic_rounding"),
    "binary_sigmoid": (),
    "binary_tanh": (),
    "quantized_bits": (
        "bits", "integer", "symmetric", "keep_negative", "alpha", "use_stochastic_rounding",
        "scale_axis", "qnoise_factor", "var_name", "use_ste", "use_variables",
    ),
    "quantized_hswish": (
        "bits", "integer", "symmetric", "alpha", "use_stochastic_rounding", "scale_axis",
        "qnoise_factor", "var_name", "use_ste", "use_variables", "relu_shift", "relu_upper_bound",
    ),
    "quantized_linear": (
        "bits", "integer", "symmetric", "keep_negative", "alpha", "use_stochastic_rounding",
        "scale_axis", "qnoise_factor", "var_name", "use_variables",
    ),
    "quantized_po2": (
        "bits", "max_value", "use_stochastic_rounding", "quadratic_approximation",
        "log2_rounding", "qnoise_factor", "var_name", "use_ste", "use_variables",
    ),
    "quantized_relu": (
        "bits", "integer", "use_sigmoid", "negative_slope", "use_stochastic_rounding",
        "relu_upper_bound", "is_quantized_clip", "qnoise_factor", "var_name", "use_ste",
        "use_variables",
    ),
    "quantized_relu_po2": (
        "bits", "max_value", "negative_slope", "use_stochastic_rounding",
        "quadratic_approximation", "log2_rounding", "qnoise_factor", "var_name", "use_ste",
        "use_variables",
    ),
    "quantized_sigmoid": ("bits", "symmetric", "use_real_sigmoid", "use_stochastic_rounding"),
    "quantized_tanh": ("bits", "use_stochastic_rounding", "symmetric", "use_real_tanh"),
    "quantized_ulaw": ("bits", "integer", "symmetric", "u"),
    "stochastic_binary": ("alpha", "temperature", "use_real_sigmoid"),
    "stochastic_ternary": (
        "alpha", "threshold", "temperature", "use_real_sigmoid", "number_of_unrolls",
    ),
    "ternary": ("alpha", "threshold", "use_stochastic_rounding", "number_of_unrolls"),
}  # fmt: skip
"""QKeras' positional arguments, in order."""
