"""ONNX's functions of single elements, Softmax, and what does nothing at inference."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from converter.frontends.onnx_build import Call, Reader, Value, without_batch
from converter.graph import frozen_array
from converter.layers.activation import Function, HardSwish, Ramp, Relu
from converter.layers.base import Layer
from converter.layers.batchnorm import BatchNormalization
from converter.layers.functions import SELU_ALPHA, SELU_SCALE, Kind
from converter.layers.identity import Identity
from converter.layers.prelu import PReLU
from converter.layers.softmax import Softmax

CAST_TO = {1: "FLOAT", 11: "DOUBLE"}
"""Types that nothing is lost by, by their numbers in the format."""


def function_of(layer: Layer) -> Reader:
    """A function without attributes."""

    def read(call: Call) -> Value:
        call.arity(1)
        call.spec.finish()
        return call.elementwise(layer, call.tensor())

    return read


def with_attributes(make: Callable[[Call], Layer]) -> Reader:
    """A function that ``make`` reads from the attributes."""

    def read(call: Call) -> Value:
        call.arity(1)
        layer = make(call)
        call.spec.finish()
        return call.elementwise(layer, call.tensor())

    return read


def leaky_relu(call: Call) -> Layer:
    """LeakyRelu."""
    return Relu(negative_slope=call.spec.number("alpha", _single(0.01)))


def thresholded_relu(call: Call) -> Layer:
    """ThresholdedRelu: x where it is above alpha."""
    alpha = call.spec.number("alpha", 1.0)
    if alpha < 0:
        raise call.spec.unsupported("alpha", alpha)
    return Relu(threshold=alpha)


def elu(call: Call) -> Layer:
    """Elu."""
    return Function(Kind.ELU, call.spec.number("alpha", 1.0))


def hard_sigmoid(call: Call) -> Layer:
    """HardSigmoid: alpha x + beta, held between 0 and 1."""
    return Ramp(call.spec.number("alpha", _single(0.2)), call.spec.number("beta", 0.5))


def gelu(call: Call) -> Layer:
    """Gelu, exact or by tanh."""
    kinds = {"none": Kind.GELU, "tanh": Kind.GELU_TANH}
    approximate = call.spec.get("approximate", "none")
    if approximate not in kinds:
        raise call.spec.unsupported("approximate", approximate)
    return Function(kinds[approximate])


def read_selu(call: Call) -> Value:
    """Selu; with other constants than its own, it is Elu and a factor."""
    call.arity(1)
    alpha, gamma = call.spec.number("alpha", SELU_ALPHA), call.spec.number("gamma", SELU_SCALE)
    call.spec.finish()
    x = call.tensor()
    if math.isclose(alpha, SELU_ALPHA, rel_tol=1e-6) and math.isclose(
        gamma, SELU_SCALE, rel_tol=1e-6
    ):  # the format has them as float32
        return call.elementwise(Function(Kind.SELU), x)
    x = call.elementwise(Function(Kind.ELU, alpha), x, "elu")
    factor = BatchNormalization(_everywhere(gamma, x), _everywhere(0.0, x))
    return call.elementwise(factor, x)


def _everywhere(number: float, x: Value) -> np.ndarray:  # type: ignore[type-arg]
    return frozen_array(np.full(x.stored[-1], number))


def read_clip(call: Call) -> Value:
    """Clip from 0 on as a rectifier, between any two numbers as a ramp."""
    call.arity(1, 1 if call.opset < 11 else 3)
    x = call.tensor()
    if call.opset < 11:
        lowest = call.spec.number("min") if "min" in call.spec.config else None
        highest = call.spec.number("max") if "max" in call.spec.config else None
    else:
        lowest, highest = call.scalar(1, "min", None), call.scalar(2, "max", None)
    call.spec.finish()
    return call.elementwise(clip_layer(call, _bound(lowest), _bound(highest)), x)


def _bound(value: float | None) -> float | None:
    """None for a bound that no float32 exceeds."""
    if value is None or abs(value) >= float(np.finfo(np.float32).max):
        return None
    return value


def clip_layer(call: Call, lowest: float | None, highest: float | None) -> Layer:
    """min(max(x, lowest), highest)."""
    if lowest is None and highest is None:
        return Identity()
    if lowest == 0 and (highest is None or highest >= 0):
        return Relu(max_value=highest)
    if lowest is None or highest is None or lowest > highest:
        raise call.refused(
            f"from {lowest} to {highest}; only from 0 on, or between two numbers is supported"
        )
    return Ramp(1.0, 0.0, lowest, highest)


def read_prelu(call: Call) -> Value:
    """PRelu with constant slopes."""
    call.arity(2)
    call.spec.finish()
    x = call.tensor()
    slope = without_batch(call, call.real(1, "slope"), x, "slope")
    return call.elementwise(PReLU(frozen_array(x.arranged(slope))), x)


def read_softmax(call: Call) -> Value:
    """Softmax over one axis; before opset 13, over all from ``axis`` on as if they were one."""
    call.arity(1)
    x = call.tensor()
    if x.flattened:
        x = call.builder.plain(call.where, x)
    joint = call.opset < 13
    axis = call.inner_axis(call.spec.integer("axis", 1 if joint else -1), x)
    call.spec.finish()
    last = len(x.shape) if joint else axis + 1
    axes = tuple(x.axis(a) + 1 for a in range(axis, last))
    return call.elementwise(Softmax(axes), x)


def read_dropout(call: Call) -> Value:
    """Dropout at inference."""
    call.arity(1, 3 if call.opset >= 12 else 1)
    call.optional(1, "ratio")
    if call.scalar(2, "training_mode", 0.0):
        raise call.refused("training_mode must be false")
    call.spec.finish("ratio", "seed")
    return call.elementwise(Identity(), call.tensor())


def read_cast(call: Call) -> Value:
    """Cast to a type that holds every value of a float32."""
    call.arity(1)
    kind = call.spec.integer("to")
    if kind not in CAST_TO:
        raise call.refused(f"to={kind}; only {', '.join(CAST_TO.values())} keep every value")
    call.spec.finish("saturate")
    x = call.tensor()
    return Value(call.add(Identity(), x.node), x.shape, x.view, x.order)


def _single(value: float) -> float:
    return float(np.float32(value))


FUNCTIONS: dict[str, Reader] = {
    "Cast": read_cast,
    "Clip": read_clip,
    "Dropout": read_dropout,
    "Elu": with_attributes(elu),
    "Exp": function_of(Function(Kind.EXPONENTIAL)),
    "Gelu": with_attributes(gelu),
    "HardSigmoid": with_attributes(hard_sigmoid),
    "HardSwish": function_of(HardSwish()),
    "Identity": function_of(Identity()),
    "LeakyRelu": with_attributes(leaky_relu),
    "Mish": function_of(Function(Kind.MISH)),
    "PRelu": read_prelu,
    "Relu": function_of(Relu()),
    "Selu": read_selu,
    "Sigmoid": function_of(Function(Kind.SIGMOID)),
    "Softmax": read_softmax,
    "Softplus": function_of(Function(Kind.SOFTPLUS)),
    "Softsign": function_of(Function(Kind.SOFTSIGN)),
    "Tanh": function_of(Function(Kind.TANH)),
    "ThresholdedRelu": with_attributes(thresholded_relu),
}
