"""ONNX files: names, layouts, constants, and what is refused by node."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from onnx_models import edited, one, refused

from converter.errors import DseError
from converter.forward import forward
from converter.frontends import load
from converter.layers.conv import Conv
from converter.layers.dense import Dense
from converter.layers.padding import Cropping
from converter.layers.reshape import Permute

onnx = pytest.importorskip("onnx")


def layers(graph) -> list[type]:
    return [type(n.layer) for n in graph.nodes]


def test_names_are_the_files_own_or_made_of_the_operator(tmp_path: Path):
    def build(g, x):
        x = g("Relu", g("Relu", x), name="relu_1")
        return g("Relu", g("Tanh", x, name="relu_1"))

    graph = load(one(tmp_path, build))
    assert [n.name for n in graph.nodes] == ["x", "relu_2", "relu_1", "relu_1_1", "relu_3"]


def test_a_bias_that_is_added_is_the_layers_own(tmp_path: Path):
    graph = load(one(tmp_path, lambda g, x: g("Add", g("MatMul", x, g.weights(4, 3)), [1.0, 2, 3])))
    dense = graph[graph.outputs[0]].layer
    assert isinstance(dense, Dense)
    assert dense.bias is not None
    assert dense.bias.tolist() == [1, 2, 3]


def test_a_product_that_is_an_output_too_keeps_what_is_added_apart(tmp_path: Path):
    def build(g, x):
        y = g("MatMul", x, g.weights(4, 3))
        return [y, g("Add", y, [1.0, 2, 3])]

    graph = load(one(tmp_path, build))
    y = forward(graph, np.ones((1, 4)))
    assert (y[graph.outputs[1]] - y[graph.outputs[0]]).tolist() == [[1, 2, 3]]


def test_flattening_costs_no_permutation_before_a_dense_layer(tmp_path: Path):
    """Its rows are taken in the order that there is."""

    def build(g, x):
        x = g("Relu", g("Flatten", g("Conv", x, g.weights(2, 1, 2, 2))))
        return g("Gemm", x, g.weights(8, 3))

    graph = load(one(tmp_path, build, (1, 1, 3, 3)))
    assert [n.name for n in graph.nodes if isinstance(n.layer, Permute)] == []


def test_transpositions_around_a_convolution_cancel(tmp_path: Path):
    def build(g, x):
        y = g("Conv", g("Transpose", x, perm=[0, 3, 1, 2]), g.weights(2, 3, 2, 2))
        return g("Transpose", g("Relu", y), perm=[0, 2, 3, 1])

    graph = load(one(tmp_path, build, ("N", 4, 4, 3)))
    assert not [n for n in graph.nodes if isinstance(n.layer, Permute)]


def test_two_readers_share_one_permutation(tmp_path: Path):
    def build(g, x):
        return g("Add", *(g("Conv", x, g.weights(2, 2, 1, 1)) for _ in range(2)))

    graph = load(one(tmp_path, build, ("N", 2, 3, 3)))
    assert layers(graph).count(Permute) == 2  # of the input, and of the output
    assert layers(graph).count(Conv) == 2


def test_one_tensor_as_two_outputs_has_two_names(tmp_path: Path):
    graph = load(one(tmp_path, lambda g, x: [x, g("Transpose", x, perm=[0, 1])]))
    assert len(set(graph.outputs)) == 2


def test_what_no_output_needs_is_left_out(tmp_path: Path):
    def build(g, x):
        g("Tanh", x)
        return g("Relu", x)

    assert [n.name for n in load(one(tmp_path, build)).nodes] == ["x", "relu_1"]


def test_whole_numbers_are_cast_first(tmp_path: Path):
    kinds = {"x": onnx.TensorProto.UINT8}
    graph = load(one(tmp_path, lambda g, x: g("Relu", g("Cast", x, to=1)), kinds=kinds))
    assert forward(graph, np.full((1, 4), 3.0))[graph.outputs[0]].tolist() == [[3, 3, 3, 3]]
    path = one(tmp_path, lambda g, x: g("Relu", x), kinds=kinds)
    refused(r"relu_1 \(Relu\): input 0 has whole numbers; only Cast takes them", path)


def test_initializers_may_be_inputs_too(tmp_path: Path):
    def as_input(model):
        weight = model.graph.initializer[0]
        shape = onnx.helper.make_tensor_value_info(weight.name, weight.data_type, weight.dims)
        model.graph.input.append(shape)

    assert layers(load(edited(tmp_path, as_input)))[1] is Dense


def test_constants_may_be_nodes(tmp_path: Path):
    def build(g, x):
        tensor = onnx.numpy_helper.from_array(g.weights(3, 4))
        return g("MatMul", x, g("Transpose", g("Constant", value=tensor)))

    assert layers(load(one(tmp_path, build)))[1] is Dense


def test_a_node_before_what_it_reads_is_sorted(tmp_path: Path):
    path = edited(tmp_path, lambda m: m.graph.node.append(m.graph.node.pop(0)))
    assert [n.name for n in load(path).nodes][1:] == ["gemm_1", "relu_1"]


def test_a_transposed_convolution_is_cropped(tmp_path: Path):
    def build(g, x):
        return g("ConvTranspose", x, g.weights(2, 3, 3), strides=[2], pads=[1, 0])

    graph = load(one(tmp_path, build, ("N", 2, 5)))
    assert [n.name for n in graph.nodes if isinstance(n.layer, Cropping)] == ["convtranspose_1"]


def test_the_core_needs_no_onnx():
    code = (
        "import sys, converter; import converter.frontends.onnx_load; "
        "print([m for m in ('onnx', 'google.protobuf') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_without_the_package(tmp_path: Path, monkeypatch):
    path = one(tmp_path, lambda g, x: g("Relu", x))
    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.raises(DseError, match=r"m.onnx: .* needs the package onnx; run pip install"):
        load(path)


REFUSED = {
    "unknown": (
        lambda g, x: g("Erf", g("Floor", x)),
        r"floor_1 \(Floor\): this operator is not supported, nor Erf.*; read are: Add, ",
    ),
    "recurrent": (lambda g, x: g("LSTM", x, hidden_size=2), r"lstm_1 \(LSTM\): this operator"),
    "transposed": (
        lambda g, x: g("Gemm", x, g.weights(4, 3), transA=1), r"attribute transA=1 is not supported"
    ),
    "attribute": (
        lambda g, x: g("Relu", x, strange=1), r"relu_1 \(Relu\): attribute strange=1 is not"
    ),
    "left": (
        lambda g, x: g("MatMul", g.weights(3, 4), x), "input 0 is a constant; it must depend on"
    ),
    "two": (lambda g, x: g("Gemm", x, x), "input 1, B, must be a constant"),
    "variable_bias": (lambda g, x: g("Gemm", x, g.weights(4, 4), x), "input 2, C, must be a const"),
    "kernel": (lambda g, x: g("MatMul", x, g.weights(4)), "must be one matrix"),
    "rows": (
        lambda g, x: g("MatMul", x, g.weights(5, 3)),
        r"matmul_1 \(MatMul\): the kernel has 5 rows, but the input has shape \(4,\)",
    ),
    "nan": (
        lambda g, x: g("MatMul", x, np.full((4, 3), np.nan)), "B has 12 NaN or infinite values"
    ),
    "larger": (lambda g, x: g("Add", x, g.weights(2, 1, 4)), "without making it larger"),
    "batch": (lambda g, x: g("Add", x, g.weights(3, 4)), "without making it larger"),
    "reciprocal": (lambda g, x: g("Div", np.float32(1), x), "by a constant without zeros"),
    "by_zero": (lambda g, x: g("Div", x, np.float32(0)), "by a constant without zeros"),
    "quotient": (lambda g, x: g("Div", x, x), "of tensors alone, or of one"),
    "min_with": (lambda g, x: g("Min", x, np.float32(1)), "only the larger of x and 0"),
    "sum_with": (lambda g, x: g("Sum", x, x, np.float32(1)), "must be of tensors alone"),
    "half_clip": (lambda g, x: g("Clip", x, np.float32(-1)), "from -1.0 to None; only from 0 on"),
    "training": (
        lambda g, x: g("Dropout", x, np.float32(0.5), np.array(1)), "training_mode must be false"
    ),
    "mask": (
        lambda g, x: g("Relu", g("Dropout", x, outputs=2)[1]), "a further output of another node"
    ),
    "cast": (lambda g, x: g("Cast", x, to=10), "to=10; only FLOAT, DOUBLE"),
    "softmax": (lambda g, x: g("Softmax", x, axis=0), "axis=0 must be one of 1 to 1"),
    "flatten": (lambda g, x: g("Flatten", x, axis=0), "axis=0; the batch's axis alone"),
    "reshape": (lambda g, x: g("Reshape", x, [2, -1]), "must hold an input of shape"),
    "reshape_size": (lambda g, x: g("Reshape", x, [-1, 3]), "must hold an input of shape"),
    "reshape_two": (lambda g, x: g("Reshape", x, [-1, -1, 2]), "must hold an input of shape"),
    "reshape_below": (lambda g, x: g("Reshape", x, [0, -7]), "a size of -7"),
    "squeeze": (lambda g, x: g("Squeeze", x), "axes must be given"),
    "squeeze_4": (lambda g, x: g("Squeeze", x, [1]), "must have size 1"),
    "unsqueeze": (lambda g, x: g("Unsqueeze", x, [0]), "must be new ones behind the batch's"),
    "transpose": (lambda g, x: g("Transpose", x), "leave the batch's in place"),
    "concat": (lambda g, x: g("Concat", x, x, axis=0), "axis=0 must be one of"),
    "concat_with": (lambda g, x: g("Concat", x, g.weights(1, 4), axis=1), "input 1 is a constant"),
    "gather": (lambda g, x: g("Gather", x, np.int64(0)), r"gather_1 \(Gather\): is done of const"),
    "quant": (
        lambda g, x: g("Quant", x, domain="qonnx.custom_op.general"),
        r"quant_1 \(Quant\): this operator of qonnx.custom_op.general is not supported",
    ),
    "scalar": (lambda g, x: g("ReduceMean", x, axes=[1]), "so that one remains"),
    "text": (lambda g, x: g("Gelu", x, approximate="x"), "attribute approximate='x'"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_refused(tmp_path: Path, name: str):
    build, message = REFUSED[name]
    opset = 23 if name in ("text", "reduce") else 17
    refused(message, one(tmp_path, build, opset=opset))


WINDOWS = {
    "group": (
        lambda g, x: g("Conv", x, g.weights(2, 1, 2, 2)), "group=1 and W of shape .* do not fit 2"
    ),
    "rank": (lambda g, x: g("Conv", x, g.weights(2, 2, 2)), r"W of shape \(2, 2, 2\) for an input"),
    "auto_pad": (
        lambda g, x: g("Conv", x, g.weights(2, 2, 2, 2), auto_pad="SOME"), "attribute auto_pad="
    ),
    "pads": (lambda g, x: g("Conv", x, g.weights(2, 2, 2, 2), pads=[1]), "pads must be 4 whole"),
    "strides": (
        lambda g, x: g("Conv", x, g.weights(2, 2, 2, 2), strides=[0, 1]), "strides must be 2 whole"
    ),
    "too_large": (
        lambda g, x: g("Conv", x, g.weights(2, 2, 6, 2)), "a window over 6x2 elements does not fit"
    ),
    "too_large_padded": (
        lambda g, x: g("Conv", x, g.weights(2, 2, 9, 2), pads=[1, 0, 0, 0]), "with its padding"
    ),
    "bias": (lambda g, x: g("Conv", x, g.weights(2, 2, 2, 2), g.weights(3)), r"B must have shape"),
    "kernel_shape": (
        lambda g, x: g("Conv", x, g.weights(2, 2, 2, 2), kernel_shape=[3, 3]), "W must have two"
    ),
    "pool_pads": (
        lambda g, x: g("MaxPool", x, kernel_shape=[2, 2], pads=[2, 0, 0, 0]), "must be less than"
    ),
    "pool_kernel": (lambda g, x: g("MaxPool", x), "attribute kernel_shape is missing"),
    "counting": (
        lambda g, x: g(
            "AveragePool", x, kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 0, 0],
            ceil_mode=1, count_include_pad=1,
        ),
        "count_include_pad=1 with a ceil_mode=1",
    ),
    "norm": (
        lambda g, x: g("BatchNormalization", x, *(g.weights(3) for _ in range(4))), "of 2 channels"
    ),
    "variance": (
        lambda g, x: g("BatchNormalization", x, *(-np.ones(2) for _ in range(4))), "above 0"
    ),
    "reflect": (
        lambda g, x: g("Pad", x, [0, 0, 1, 1, 0, 0, 1, 1], mode="reflect"), "mode='reflect'"
    ),
    "pad_value": (
        lambda g, x: g("Pad", x, [0, 0, 1, 1, 0, 0, 1, 1], np.float32(2)), "with 2; only zeros"
    ),
    "crop": (lambda g, x: g("Pad", x, [0, 0, -1, 0, 0, 0, 0, 0]), "only zeros around"),
    "pad_all": (lambda g, x: g("Pad", x, [0] + [1] * 3 + [0] * 4), "only zeros around"),
    "plane": (lambda g, x: g("Mul", x, g.weights(5, 5)), "vary along one axis at most"),
    "ranks": (lambda g, x: g("Add", x, g("Flatten", x)), "must have equal lengths"),
    "output_padding": (
        lambda g, x: g("ConvTranspose", x, g.weights(2, 1, 2, 2), output_padding=[1, 0]),
        "below the strides",
    ),
    "slopes": (lambda g, x: g("PRelu", x, g.weights(3, 1, 1)), "slope of shape .* must fit"),
}  # fmt: skip


@pytest.mark.parametrize("name", WINDOWS)
def test_what_is_refused_of_images(tmp_path: Path, name: str):
    build, message = WINDOWS[name]
    refused(message, one(tmp_path, build, ("N", 2, 5, 5)))
