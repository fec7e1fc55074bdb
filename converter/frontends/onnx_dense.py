"""ONNX's products of matrices: Gemm and MatMul."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from converter.frontends.onnx_build import Call, Value
from converter.graph import frozen_array
from converter.layers.base import Real
from converter.layers.dense import Dense
from converter.layers.dot import Dot
from converter.layers.spec import finite


def read_gemm(call: Call) -> Value:
    """Alpha x B + beta C, with constants B and C; x is of one axis."""
    call.arity(2, 3)
    x, spec = call.tensor(), call.spec
    if len(x.shape) != 1:
        raise call.refused(f"input 0 must be vectors; its shape is {x.shape}")
    spec.only("transA", 0)
    kernel = spec.number("alpha", 1.0) * _matrix(call)
    if spec.flag("transB", False):
        kernel = kernel.T
    beta, bias = spec.number("beta", 1.0), call.optional(2, "C")
    spec.finish()
    if bias is not None:
        bias = beta * _bias(call, finite(call.where, "C", bias), kernel.shape[1])
    return _dense(call, x, kernel, bias)


def read_matmul(call: Call) -> Value:
    """A product with a constant matrix on the right, or of two tensors of matrices."""
    call.arity(2)
    call.spec.finish()
    if isinstance(call.inputs[1], Value):
        return _dot(call)
    return _dense(call, call.tensor(), _matrix(call), None)


def _matrix(call: Call) -> Real:
    """The constant on the right, [inputs, units]."""
    array = call.real(1, "B")
    while array.ndim > 2 and array.shape[0] == 1:
        array = array[0]
    if array.ndim != 2 or not array.size:
        raise call.refused(f"input 1, B, must be one matrix; its shape is {array.shape}")
    return array


def _bias(call: Call, array: Real, units: int) -> Real:
    if array.shape not in ((), (1,), (1, 1), (units,), (1, units)):
        raise call.refused(f"C must have one number per unit, {units}; its shape is {array.shape}")
    return np.broadcast_to(array.ravel(), (units,))


def _dense(call: Call, x: Value, kernel: Real, bias: Real | None) -> Value:
    """A Dense layer over the last axis; of a flattened tensor it takes its rows in its order."""
    if x.flattened and len(kernel) == x.shape[0]:
        kernel = kernel[x.arranged(np.arange(len(kernel)))]
    elif x.flattened or x.order[-1] != len(x.shape) - 1:
        x = call.builder.plain(call.where, x)
    layer = Dense(frozen_array(kernel), None if bias is None else frozen_array(bias))
    node, shape = call.add(layer, x.node), (*x.shape[:-1], kernel.shape[1])
    if x.flattened:
        return Value.plain(node, shape)
    return replace(x, node=node, shape=shape, view=shape)


def _dot(call: Call) -> Value:
    """Matrices of two tensors, multiplied."""
    left, right = (call.builder.plain(call.where, call.tensor(k)) for k in (0, 1))
    if len(left.shape) != 2 or len(right.shape) != 2:
        raise call.refused(
            "both inputs must be matrices behind the batch's axis; they have shapes "
            f"{left.shape} and {right.shape}"
        )
    node = call.add(Dot((2, 1)), left.node, right.node)
    return Value.plain(node, (left.shape[0], right.shape[1]))
