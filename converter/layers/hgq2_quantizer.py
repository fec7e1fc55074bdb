"""HGQ2's quantizers from a ``.keras`` file: their arguments, and their bits by element.

``kif`` has integer and fraction bits, ``kbi`` bits and integer bits; neither counts the sign.
At inference, values are rounded, and then wrap or saturate; where sign, integer and fraction
give no bits the result is 0. A quantizer of weights that wraps only rounds.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from converter.errors import ModelError, UnsupportedError
from converter.graph import frozen_array
from converter.layers.base import Real
from converter.layers.hgq_elements import ElementTypes, bits, quantized_constants
from converter.layers.lowering import exact_type
from converter.layers.spec import LayerSpec, shorten
from converter.types import Overflow, Rounding
from converter.units.quantize_elements import OVERFLOWS

SIGMOID, TANH = "HardSigmoidConfig", "HardTanhConfig"
TRAINING_ONLY = (
    "qnoise_factor", "bc", "ic", "fc", "br", "ir", "fr", "i_decay_speed", "homogeneous_axis",
    "heterogeneous_axis", "k0", "b0", "i0", "f0",
)  # fmt: skip
"""Of a quantizer; the bits that training ended with are among the weights."""

WIDEST_FACTOR = 16


@dataclass(frozen=True, eq=False)
class Quantizer2:
    """A conversion of each element, and then value * scale + offset where there is that."""

    types: ElementTypes
    scale: float = 1.0
    offset: float = 0.0

    @property
    def affine(self) -> bool:
        """There is something after the conversion."""
        return (self.scale, self.offset) != (1.0, 0.0)

    def constants(self, values: npt.NDArray[Any]) -> Real:
        """Weights or a bias, computed in float32 up to the conversion, as HGQ2 does."""
        converted = quantized_constants(self.types, values.astype(np.float32))
        return frozen_array(converted * self.scale + self.offset)


def read_quantizer(
    spec: LayerSpec, key: str, where: str, config: object = None
) -> Quantizer2 | None:
    """The quantizer in attribute ``key``, whose variables start with ``where``; None: a dummy.

    ``config``: the attribute's value, where it is an element of a list.
    """
    value = spec.get(key) if config is None else config
    inner = value.get("config") if isinstance(value, Mapping) else None
    if not isinstance(value, Mapping) or not isinstance(inner, Mapping):
        raise spec.bad(key, value, "a quantizer's configuration")
    kind = value.get("class_name")
    if kind not in ("QuantizerConfig", SIGMOID, TANH):
        raise spec.unsupported(key, kind)
    one = spec.inner(key, str(kind), inner)
    if one.get("q_type") == "dummy":
        return None
    types = _types(one, {SIGMOID: "SAT", TANH: "SAT"}.get(kind), _variables(spec, where))
    scale, offset = _affine(one, (0.25, 0.5) if kind == SIGMOID else (1.0, 0.0))
    types = _scaled(one, types)
    one.get("place")
    one.finish(*TRAINING_ONLY)
    return Quantizer2(types, scale, offset)


def _variables(spec: LayerSpec, where: str) -> dict[str, Real]:
    prefix = f"{where}quantizer/"
    return {k[len(prefix) :]: v for k, v in spec.weights.items() if k.startswith(prefix)}


def _types(one: LayerSpec, fixed_mode: str | None, found: Mapping[str, Real]) -> ElementTypes:
    kind = one.get("q_type")
    if kind not in ("kif", "kbi"):
        raise UnsupportedError(
            f"{one.where}: q_type={shorten(kind)} is not supported; it must be kif or kbi"
        )
    one.only("bw_mapper", None)
    rounding = _rounding(one)
    overflow = _overflow(one, fixed_mode)
    keep, first, second = _in_order(one, kind, overflow, found)
    integer = bits(second if kind == "kbi" else first)
    fraction = bits(first) - integer if kind == "kbi" else bits(second)
    weight, trained = one.flag("is_weight", False), one.flag("trainable", True)
    free = weight and trained and overflow is Overflow.WRAP
    if free and (kind == "kif" or rounding is Rounding.RND):
        return ElementTypes(np.array(1), fraction, None, rounding)
    return ElementTypes(bits(keep), fraction, integer, rounding, overflow)


def _in_order(
    one: LayerSpec, kind: str, overflow: Overflow, found: Mapping[str, Real]
) -> tuple[Real, Real, Real]:
    """Signs; and integer and fraction bits of kif, or bits and integer bits of kbi.

    Keras stores what is trained before what is not: integer bits are not where they wrap.
    """
    if overflow is not Overflow.WRAP:
        names = ("2", "0", "1")
    elif kind == "kif":
        names = ("1", "2", "0")
    else:
        names = ("1", "0", "2")
    missing = [n for n in names if n not in found]
    if missing:
        raise ModelError(
            f"{one.where}: a quantizer has 3 arrays of bits; the file has {len(found)}"
        )
    keep, first, second = (found[n] for n in names)
    if not keep.shape == first.shape == second.shape:
        raise ModelError(f"{one.where}: the quantizer's arrays of bits must be of one shape")
    return keep, first, second


def _rounding(one: LayerSpec) -> Rounding:
    name = one.get("round_mode")
    known = {mode.value: mode for mode in Rounding}
    plain = str(name).upper().removeprefix("S_")  # stochastic in training only
    if plain not in known:
        raise one.unsupported("round_mode", name)
    return known[plain]


def _overflow(one: LayerSpec, fixed_mode: str | None) -> Overflow:
    name = one.get("overflow_mode", fixed_mode)
    known = {mode.value: mode for mode in OVERFLOWS}
    if str(name).upper() not in known:
        raise one.unsupported("overflow_mode", name)
    return known[str(name).upper()]


def _affine(one: LayerSpec, default: tuple[float, float]) -> tuple[float, float]:
    """What is done to a converted value: exact in few bits, or refused."""
    value = one.get("affine")
    pair = default if value is None else value
    numbers = isinstance(pair, list | tuple) and len(pair) == 2
    if not numbers or not all(type(v) in (int, float) and math.isfinite(v) for v in pair):
        raise one.bad("affine", value, "a factor and an offset")
    if any(exact_type(np.array([v], np.float64)).width > WIDEST_FACTOR for v in pair):
        raise one.unsupported("affine", value)
    return float(pair[0]), float(pair[1])


def _scaled(one: LayerSpec, types: ElementTypes) -> ElementTypes:
    """The types of x / scaler, times scaler: other integer and fraction bits."""
    if one.get("scaler") is None:
        return types
    scaler = one.number("scaler")
    mantissa, exponent = math.frexp(scaler)
    if mantissa != 0.5:
        raise UnsupportedError(
            f"{one.where}: scaler={scaler:g} is not supported; it must be a power of two"
        )
    by = exponent - 1
    integer = None if types.integer is None else types.integer + by
    return replace(types, fraction=types.fraction - by, integer=integer)


def of_input(quantizer: Quantizer2) -> Quantizer2:
    """The same for a tensor without its batch axis, in which all bits must be alike."""
    types = quantizer.types
    integer = None if types.integer is None else _without_batch(types.integer)
    return replace(
        quantizer,
        types=replace(
            types,
            signed=_without_batch(types.signed),
            fraction=_without_batch(types.fraction),
            integer=integer,
        ),
    )


def _without_batch(values: npt.NDArray[Any]) -> npt.NDArray[Any]:
    return values[0] if values.ndim else values
