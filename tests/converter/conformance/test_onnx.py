"""ONNX models against onnxruntime: in real numbers, in wide types, and in csim."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from harness import check_bits, check_float, check_wide
from onnx_models import Case, case, run, save_cases

import converter
from converter.forward import forward
from converter.frontends.onnx_load import OPERATORS

pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")


def batchnorm(g, x, n, **attributes):
    sides = [g.weights(n), g.weights(n), g.weights(n), np.abs(g.weights(n))]
    return g("BatchNormalization", x, *sides, **attributes)


def conv(g, x, *shape, bias=True, **attributes):
    return g("Conv", x, g.weights(*shape), *([g.weights(shape[0])] if bias else []), **attributes)


def classifier(g, x):
    """Convolution, pooling, flattening and a dense layer, as PyTorch exports them."""
    x = g("Relu", conv(g, x, 3, 2, 3, 3, pads=[1, 1, 1, 1]))
    x = g("MaxPool", x, kernel_shape=[2, 2], strides=[2, 2])
    x = g("Gemm", g("Relu", g("Flatten", x)), g.weights(4, 3 * 3 * 2), g.weights(4), transB=1)
    return g("Softmax", x)


def residual(g, x):
    y = conv(g, x, 2, 2, 3, 3, pads=[1, 1, 1, 1], bias=False)
    y = batchnorm(g, y, 2)
    return g("Relu", g("Add", y, x))


def exported_view(g, x):
    """x.view(x.size(0), -1), as PyTorch exports it of a model of any batch's size."""
    size = g("Unsqueeze", g("Gather", g("Shape", x), np.int64(0)), [0])
    return g("Reshape", x, g("Concat", size, [-1], axis=0))


def as_keras(g, x):
    """A convolution as Keras' channels last are exported: with a transposition before and after."""
    y = conv(g, g("Transpose", x, perm=[0, 3, 1, 2]), 4, 2, 2, 2)
    return g("Transpose", g("Relu", y), perm=[0, 2, 3, 1])


def swish(g, x):
    return g("Mul", x, g("Sigmoid", x))


T = 1.5e-3  # of functions by tables and curves
SOFTMAX = 2e-3

DENSE = {
    "gemm": case((5,), lambda g, x: g("Gemm", x, g.weights(5, 3), g.weights(3))),
    "gemm_all": case(
        (5,),
        lambda g, x: g(
            "Gemm", x, g.weights(3, 5), g.weights(1, 3), alpha=0.5, beta=0.25, transA=0, transB=1
        ),
    ),
    "gemm_one_bias": case((5,), lambda g, x: g("Gemm", x, g.weights(5, 3), np.float32(0.5))),
    "gemm_no_bias": case((5,), lambda g, x: g("Gemm", x, g.weights(5, 3))),
    "matmul": case((5,), lambda g, x: g("MatMul", x, g.weights(5, 3))),
    "matmul_add": case((5,), lambda g, x: g("Add", g.weights(3), g("MatMul", x, g.weights(5, 3)))),
    "matmul_deep": case(
        (4, 5), lambda g, x: g("Add", g("MatMul", x, g.weights(1, 5, 3)), g.weights(3))
    ),
    "matmul_turned": case(
        (4, 5), lambda g, x: g("MatMul", g("Transpose", x, perm=[0, 2, 1]), g.weights(4, 3))
    ),
    "matmul_two": case([(3, 4), (4, 2)], lambda g, x, y: g("MatMul", x, y)),
    "batchnorm": case((6,), lambda g, x: batchnorm(g, x, 6, epsilon=0.01)),
    "gemm_batchnorm": case(
        (4,), lambda g, x: batchnorm(g, g("Gemm", x, g.weights(4, 3), g.weights(3)), 3)
    ),
}

ARITHMETIC = {
    "add": case([(4,), (4,)], lambda g, x, y: g("Add", x, y)),
    "add_itself": case((4,), lambda g, x: g("Add", x, x)),
    "add_broadcast": case([(3, 1, 4), (3, 2, 1)], lambda g, x, y: g("Add", x, y)),
    "sub": case([(4,), (4,)], lambda g, x, y: g("Sub", x, y)),
    "mul": case([(2, 3), (1, 3)], lambda g, x, y: g("Mul", x, y)),
    "max": case([(4,)] * 3, lambda g, *x: g("Max", *x)),
    "min": case([(4,)] * 2, lambda g, *x: g("Min", *x)),
    "sum": case([(4,)] * 3, lambda g, *x: g("Sum", *x)),
    "sum_of_one": case((4,), lambda g, x: g("Sum", x)),
    "mean": case([(4,)] * 3, lambda g, *x: g("Mean", *x)),
    "add_scalar": case((4,), lambda g, x: g("Add", x, np.float32(0.75))),
    "sub_vector": case((4,), lambda g, x: g("Sub", x, g.weights(4))),
    "sub_from": case((4,), lambda g, x: g("Sub", g.weights(1, 4), x)),
    "mul_channels": case((3, 2, 2), lambda g, x: g("Mul", x, g.weights(3, 1, 1))),
    "mul_rows": case((3, 4), lambda g, x: g("Mul", g.weights(1, 3, 1), x)),
    "div": case((3, 4), lambda g, x: g("Div", x, g.weights(4))),
    "negative": case((2, 3), lambda g, x: g("Neg", x)),
    "max_0": case((4,), lambda g, x: g("Max", np.float32([0]), x)),
    "swish": case((4,), swish, T),
    "after_conv": case(
        (2, 4, 4), lambda g, x: g("Add", conv(g, x, 3, 2, 2, 2, bias=False), g.weights(3, 1, 1))
    ),
}

FUNCTIONS = {
    "cast": case((4,), lambda g, x: g("Cast", x, to=1)),
    "clip_0_1": case((4,), lambda g, x: g("Clip", x, np.float32(0), np.float32(1))),
    "clip_0": case((4,), lambda g, x: g("Clip", x, np.float32(0))),
    "clip": case((4,), lambda g, x: g("Clip", x, np.float32(-0.5), np.float32(1.25))),
    "clip_none": case((4,), lambda g, x: g("Relu", g("Clip", x))),
    "dropout": case((4,), lambda g, x: g("Relu", g("Dropout", x, np.float32(0.5)))),
    "elu": case((4,), lambda g, x: g("Elu", x, alpha=0.5), T),
    "exp": case((4,), lambda g, x: g("Exp", x), T),
    "hard_sigmoid": case((4,), lambda g, x: g("HardSigmoid", x)),
    "hard_sigmoid_6": case((4,), lambda g, x: g("HardSigmoid", x, alpha=1 / 6, beta=0.25)),
    "hard_swish": case((4,), lambda g, x: g("HardSwish", x)),
    "identity": case((4,), lambda g, x: g("Relu", g("Identity", x))),
    "leaky": case((4,), lambda g, x: g("LeakyRelu", x)),
    "leaky_half": case((4,), lambda g, x: g("LeakyRelu", x, alpha=0.5)),
    "prelu": case((3, 2, 2), lambda g, x: g("PRelu", x, g.weights(3, 1, 1))),
    "prelu_one": case((5,), lambda g, x: g("PRelu", x, g.weights(1))),
    "selu": case((4,), lambda g, x: g("Selu", x), T),
    "selu_other": case((4,), lambda g, x: g("Selu", x, alpha=1.0, gamma=2.0), T),
    "sigmoid": case((4,), lambda g, x: g("Sigmoid", x), T),
    "softplus": case((4,), lambda g, x: g("Softplus", x), T),
    "softsign": case((4,), lambda g, x: g("Softsign", x), T),
    "tanh": case((4,), lambda g, x: g("Tanh", x), T),
    "thresholded": case((4,), lambda g, x: g("ThresholdedRelu", x, alpha=0.5)),
    "softmax": case((4,), lambda g, x: g("Softmax", x), SOFTMAX),
    "softmax_axis": case((3, 2, 2), lambda g, x: g("Softmax", x, axis=1), SOFTMAX),
}

FUNCTIONS_7 = {
    "clip": case((4,), lambda g, x: g("Clip", x, min=-0.5, max=0.5)),
    "clip_relu6": case((4,), lambda g, x: g("Clip", x, min=0.0, max=6.0)),
    "clip_0": case((4,), lambda g, x: g("Clip", x, min=0.0)),
    "dropout": case((4,), lambda g, x: g("Relu", g("Dropout", x, ratio=0.25))),
    "softmax": case((4,), lambda g, x: g("Softmax", x), SOFTMAX),
    "softmax_joint": case((2, 3, 2), lambda g, x: g("Softmax", x), SOFTMAX),
    "softmax_2": case((2, 3, 2), lambda g, x: g("Softmax", x, axis=2), SOFTMAX),
    "flatten": case((2, 3), lambda g, x: g("Flatten", x)),
    "squeeze": case((1, 3, 1), lambda g, x: g("Squeeze", x, axes=[1, -1])),
    "unsqueeze": case((3,), lambda g, x: g("Unsqueeze", x, axes=[1, 3])),
    "pad": case((2, 3), lambda g, x: g("Pad", x, pads=[0, 0, 1, 0, 0, 2])),
    "batchnorm": case((3, 2), lambda g, x: batchnorm(g, x, 3)),
    "reduce": case((2, 4, 4), lambda g, x: g("ReduceMean", x, axes=[2, 3], keepdims=0)),
}

FUNCTIONS_23 = {
    "gelu": case((4,), lambda g, x: g("Gelu", x), T),
    "gelu_tanh": case((4,), lambda g, x: g("Gelu", x, approximate="tanh"), T),
    "mish": case((4,), lambda g, x: g("Mish", x), T),
    "hard_swish": case((4,), lambda g, x: g("HardSwish", x)),
    "reduce": case((2, 4, 4), lambda g, x: g("ReduceMax", x, [-1, -2], keepdims=1)),
    "pad_axes": case((2, 3), lambda g, x: g("Pad", x, [1, 1], np.float32(0), [2], mode="constant")),
    "average": case((2, 8), lambda g, x: g("AveragePool", x, kernel_shape=[2], dilations=[2])),
    "conv": case((2, 6), lambda g, x: conv(g, x, 3, 2, 3)),
    "reshape": case((2, 6), lambda g, x: g("Reshape", x, [0, 3, 4])),
}

SHAPES = {
    "flatten": case((2, 3, 2), lambda g, x: g("Flatten", x)),
    "reshape": case((2, 6), lambda g, x: g("Reshape", x, [-1, 3, 4])),
    "reshape_copies": case((2, 6), lambda g, x: g("Reshape", x, [0, 0, 3, -1])),
    "exported_view": case((2, 3, 2), exported_view),
    "squeeze": case((1, 3, 1), lambda g, x: g("Squeeze", x, [1, 3])),
    "unsqueeze": case((3, 2), lambda g, x: g("Unsqueeze", x, [-1])),
    "transpose": case((2, 3, 4), lambda g, x: g("Transpose", x, perm=[0, 2, 3, 1])),
    "transpose_twice": case(
        (2, 3, 4),
        lambda g, x: g("Transpose", g("Transpose", x, perm=[0, 2, 3, 1]), perm=[0, 2, 1, 3]),
    ),
    "transpose_reshape": case(
        (2, 3), lambda g, x: g("Reshape", g("Transpose", x, perm=[0, 2, 1]), [0, 2, 3])
    ),
    "concat": case([(3,), (2,)], lambda g, x, y: g("Concat", x, y, axis=1)),
    "concat_channels": case(
        [(2, 3, 3), (2, 3, 3)],
        lambda g, x, y: g("Concat", conv(g, x, 3, 2, 2, 2), conv(g, y, 2, 2, 2, 2), axis=1),
    ),
    "concat_mixed": case(
        [(2, 3, 3), (2, 2, 1)],
        lambda g, x, y: g("Concat", conv(g, x, 2, 2, 2, 2), y, axis=-1),
    ),
    "pad": case((2, 3, 4), lambda g, x: g("Pad", x, [0, 0, 1, 2, 0, 0, 0, 1])),
    "flat_functions": case(
        (2, 3, 3),
        lambda g, x: g(
            "Add",
            g("PRelu", g("Flatten", conv(g, x, 2, 2, 2, 2)), g.weights(8)),
            g.weights(8),
        ),
    ),
    "flat_output": case((2, 3, 3), lambda g, x: g("Flatten", conv(g, x, 2, 2, 2, 2))),
    "flat_sum": case(
        [(2, 3, 3), (8,)], lambda g, x, y: g("Add", y, g("Flatten", conv(g, x, 2, 2, 2, 2)))
    ),
}

CONVOLUTIONS = {
    "conv1d": case((2, 9), lambda g, x: conv(g, x, 3, 2, 3, strides=[2], pads=[1, 0])),
    "conv2d": case((2, 5, 6), lambda g, x: conv(g, x, 3, 2, 3, 2)),
    "strided": case(
        (2, 6, 6), lambda g, x: conv(g, x, 3, 2, 3, 3, strides=[2, 2], pads=[1, 1, 1, 1])
    ),
    "uneven": case((2, 5, 5), lambda g, x: conv(g, x, 3, 2, 2, 3, pads=[0, 2, 1, 0])),
    "dilated": case((1, 7, 7), lambda g, x: conv(g, x, 2, 1, 3, 3, dilations=[2, 3])),
    "grouped": case((4, 4, 4), lambda g, x: conv(g, x, 6, 2, 2, 2, group=2)),
    "depthwise": case((3, 4, 4), lambda g, x: conv(g, x, 6, 1, 2, 2, group=3)),
    "same_upper": case(
        (2, 6, 5), lambda g, x: conv(g, x, 3, 2, 3, 2, auto_pad="SAME_UPPER", strides=[2, 2])
    ),
    "same_lower": case(
        (2, 6, 5), lambda g, x: conv(g, x, 3, 2, 3, 2, auto_pad="SAME_LOWER", strides=[2, 2])
    ),
    "valid": case((2, 6), lambda g, x: conv(g, x, 3, 2, 3, auto_pad="VALID", kernel_shape=[3])),
    "transposed": case(
        (2, 3, 3),
        lambda g, x: g(
            "ConvTranspose", x, g.weights(2, 3, 3, 2), g.weights(3), strides=[2, 2],
            pads=[1, 0, 0, 1], output_padding=[1, 0],
        ),
    ),
    "transposed1d": case(
        (2, 4), lambda g, x: g("ConvTranspose", x, g.weights(2, 3, 3), strides=[2], dilations=[2])
    ),
}  # fmt: skip

POOLING = {
    "max": case((2, 6, 6), lambda g, x: g("MaxPool", x, kernel_shape=[2, 2], strides=[2, 2])),
    "max1d": case((2, 7), lambda g, x: g("MaxPool", x, kernel_shape=[3], pads=[1, 1])),
    "max_ceil": case(
        (2, 6, 6),
        lambda g, x: g("MaxPool", x, kernel_shape=[3, 3], strides=[2, 2], ceil_mode=1),
    ),
    "max_dilated": case((1, 6), lambda g, x: g("MaxPool", x, kernel_shape=[2], dilations=[2])),
    "average": case((2, 6), lambda g, x: g("AveragePool", x, kernel_shape=[2], strides=[2])),
    "average_pads": case(
        (2, 4, 4),
        lambda g, x: g("AveragePool", x, kernel_shape=[3, 3], pads=[1, 1, 1, 1], strides=[2, 2]),
    ),
    "average_counts": case(
        (2, 4, 4),
        lambda g, x: g(
            "AveragePool", x, kernel_shape=[2, 2], pads=[1, 0, 1, 1], count_include_pad=1
        ),
    ),
    "average_ceil": case(
        (1, 5),
        lambda g, x: g("AveragePool", x, kernel_shape=[2], strides=[2], ceil_mode=1),
    ),
    "global_average": case((3, 4, 4), lambda g, x: g("GlobalAveragePool", x)),
    "global_max": case((3, 5), lambda g, x: g("GlobalMaxPool", x)),
    "global_flat": case((3, 4, 2), lambda g, x: g("Flatten", g("GlobalAveragePool", x))),
    "reduce_last": case((4, 4, 3), lambda g, x: g("ReduceMean", x, axes=[1, 2], keepdims=0)),
    "reduce_one": case((4, 3), lambda g, x: g("ReduceMax", x, axes=[1], keepdims=1)),
}

NETWORKS = {
    "classifier": case((2, 6, 4), classifier, SOFTMAX),
    "residual": case((2, 4, 4), residual),
    "as_keras": case((4, 4, 2), as_keras),
}

CASES: dict[str, tuple[int, dict[str, Case]]] = {
    "dense": (17, DENSE),
    "dense, opset 7": (7, {n: c for n, c in DENSE.items() if n != "gemm_no_bias"}),
    "arithmetic": (17, ARITHMETIC),
    "functions": (17, FUNCTIONS),
    "functions, opset 7": (7, FUNCTIONS_7),
    "functions, opset 23": (23, FUNCTIONS_23),
    "shapes": (17, SHAPES),
    "convolutions": (17, CONVOLUTIONS),
    "pooling": (17, POOLING),
    "networks": (17, NETWORKS),
}
"""Groups: the opset, and cases that become one model."""


@pytest.mark.parametrize("group", CASES)
def test_onnxruntime_and_csim(tmp_path: Path, group: str):
    opset, cases = CASES[group]
    path, x, y = save_cases(cases, tmp_path, opset)
    graph = converter.load(path)
    check_float(graph, x, y, names=list(cases))
    check_wide(graph, x, y, [c.tolerance for c in cases.values()], list(cases))
    check_bits(graph, x, names=list(cases))


def test_every_operator_has_a_case(tmp_path: Path):
    onnx = pytest.importorskip("onnx")
    seen = set()
    for number, (opset, cases) in enumerate(CASES.values()):
        folder = tmp_path / str(number)
        folder.mkdir()
        path, _, _ = save_cases(cases, folder, opset)
        seen |= {node.op_type for node in onnx.load(path).graph.node}
    assert set(OPERATORS) <= seen


def test_the_shared_model(shared: Path):
    path = shared / "models" / "three_layer_keras.onnx"
    graph = converter.load(path)
    x = {"input_1_0": np.random.default_rng(5).integers(-512, 512, (24, 16)) / 256}
    rows = [run(path, {"input_1_0": row[None]})[0] for row in x["input_1_0"]]  # a batch of 1
    y = [np.concatenate(rows)]
    check_float(graph, x, y)
    check_wide(graph, x, y, SOFTMAX)
    logits = graph[graph.outputs[0]].inputs
    body = replace(graph, nodes=graph.nodes[:-1], outputs=logits)
    check_wide(body, x, forward(body, x)[logits[0]])
    check_bits(graph, x)
