"""Every attribute of a layer is honoured, known to be without effect, or refused by name."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hgq_layers import NEEDED as OF_HGQ
from hypothesis import given
from hypothesis import strategies as st

from converter.errors import ModelError, UnsupportedError
from converter.layers import READERS
from converter.layers.activation import Function, Linear, Relu
from converter.layers.batchnorm import BatchNormalization
from converter.layers.dense import Dense
from converter.layers.functions import Kind
from converter.layers.identity import Identity
from converter.layers.input import Input
from converter.layers.quantized import QuantizedActivation
from converter.layers.quantizers_staircase import Binary, PowerOfTwo, Ternary
from converter.layers.quantizers_uniform import Alpha, QuantizedBits, QuantizedRelu
from converter.layers.reshape import Flatten
from converter.layers.softmax import Softmax
from converter.layers.spec import LayerSpec

KERNEL = np.arange(6.0).reshape(3, 2)
MOMENTS = {
    "gamma": np.array([2.0, 3.0]),
    "beta": np.array([1.0, -1.0]),
    "moving_mean": np.array([0.5, 0.25]),
    "moving_variance": np.array([3.0, 0.0]),
}


def read(class_name: str, config: dict, **weights):
    """(suffix, layer) of each node."""
    spec = LayerSpec("fc1", class_name, {"name": "fc1", "dtype": "float32", **config}, weights)
    return [(p.suffix, p.layer) for p in READERS[class_name](spec)]


def only(class_name: str, config: dict, **weights):
    ((suffix, layer),) = read(class_name, config, **weights)
    assert suffix == ""
    return layer


CONV = {"filters": 2, "use_bias": False}
DENSE = {"units": 2, "use_bias": False}
QCONV1D = {"filters": 2, "kernel_size": [3], "use_bias": False}
QCONV2D = {"filters": 2, "kernel_size": [3, 2], "use_bias": False}
QDEPTHWISE = {"kernel_size": [3, 2], "use_bias": False}
NEEDED = {
    "Embedding": ({"input_dim": 3, "output_dim": 2}, {"embeddings": KERNEL}),
    "Dot": ({"axes": [1, 1]}, {}),
    "Activation": ({"activation": "relu"}, {}),
    "AveragePooling1D": ({"pool_size": [2]}, {}),
    "AveragePooling2D": ({"pool_size": [2, 2]}, {}),
    "BatchNormalization": ({}, MOMENTS),
    "Conv1D": ({**CONV, "kernel_size": [3]}, {"kernel": np.ones((3, 4, 2))}),
    "Conv1DTranspose": ({**CONV, "kernel_size": [3]}, {"kernel": np.ones((3, 2, 4))}),
    "Conv2D": ({**CONV, "kernel_size": [3, 1]}, {"kernel": np.ones((3, 1, 4, 2))}),
    "Conv2DTranspose": ({**CONV, "kernel_size": [3, 1]}, {"kernel": np.ones((3, 1, 2, 4))}),
    "Cropping1D": ({"cropping": [1, 2]}, {}),
    "Cropping2D": ({"cropping": [[1, 2], [0, 1]]}, {}),
    "Dense": (DENSE, {"kernel": KERNEL}),
    "DepthwiseConv1D": ({"kernel_size": [3], "use_bias": False}, {"kernel": np.ones((3, 4, 1))}),
    "DepthwiseConv2D": (
        {"kernel_size": 3, "use_bias": False},
        {"depthwise_kernel": np.ones((3, 3, 4, 1))},
    ),
    "InputLayer": ({"batch_input_shape": [None, 3]}, {}),
    "LayerNormalization": ({}, {"gamma": [1.0, 2.0], "beta": [0.0, 1.0]}),
    "PReLU": ({}, {"alpha": [0.5, 0.25]}),
    "MaxPooling1D": ({"pool_size": 2}, {}),
    "MaxPooling2D": ({"pool_size": [2, 2], "strides": None}, {}),
    "Permute": ({"dims": [2, 1]}, {}),
    "QActivation": ({"activation": "quantized_relu(4)"}, {}),
    "QAveragePooling2D": ({"pool_size": [2, 2]}, {}),
    "QBatchNormalization": ({}, MOMENTS),
    "QConv1D": (QCONV1D, {"kernel": np.ones((3, 2, 2))}),
    "QConv2D": (QCONV2D, {"kernel": np.ones((3, 2, 2, 2))}),
    "QConv2DBatchnorm": (
        QCONV2D,
        {**MOMENTS, "kernel": np.ones((3, 2, 2, 2)), "iteration": np.array(0.0)},
    ),
    "QConv2DTranspose": (QCONV2D, {"kernel": np.ones((3, 2, 2, 2))}),
    "QDense": (DENSE, {"kernel": KERNEL}),
    "QDepthwiseConv2D": (QDEPTHWISE, {"depthwise_kernel": np.ones((3, 2, 2, 1))}),
    "QDepthwiseConv2DBatchnorm": (
        QDEPTHWISE,
        {**MOMENTS, "depthwise_kernel": np.ones((3, 2, 2, 1)), "iteration": np.array(0.0)},
    ),
    "QSeparableConv1D": (
        QCONV1D,
        {"depthwise_kernel": np.ones((3, 2, 1)), "pointwise_kernel": np.ones((1, 2, 2))},
    ),
    "QSeparableConv2D": (
        QCONV2D,
        {"depthwise_kernel": np.ones((3, 2, 2, 1)), "pointwise_kernel": np.ones((1, 1, 2, 2))},
    ),
    "RepeatVector": ({"n": 3}, {}),
    "Reshape": ({"target_shape": [-1, 2]}, {}),
    "SeparableConv1D": (
        {**CONV, "kernel_size": [3]},
        {"depthwise_kernel": np.ones((3, 4, 1)), "pointwise_kernel": np.ones((1, 4, 2))},
    ),
    "SeparableConv2D": (
        {**CONV, "kernel_size": 3},
        {"depthwise_kernel": np.ones((3, 3, 4, 1)), "pointwise_kernel": np.ones((1, 1, 4, 2))},
    ),
    "UpSampling1D": ({"size": 2}, {}),
    "UpSampling2D": ({"size": [2, 3], "interpolation": "nearest"}, {}),
    "ZeroPadding1D": ({"padding": [1, 2]}, {}),
    "ZeroPadding2D": ({"padding": [[1, 2], [0, 1]]}, {}),
    **OF_HGQ,
}


@pytest.mark.parametrize("class_name", READERS)
def test_an_unknown_attribute_is_refused_by_name(class_name):
    config, weights = NEEDED.get(class_name, ({}, {}))
    assert read(class_name, config, **weights)
    with pytest.raises(
        UnsupportedError, match=rf"^fc1 \({class_name}\): attribute unheard_of=2 is not supported$"
    ):
        read(class_name, {**config, "unheard_of": 2}, **weights)


@pytest.mark.parametrize("class_name", READERS)
@pytest.mark.parametrize(
    "dtype",
    [
        "float16",
        "mixed_float16",
        {"class_name": "DTypePolicy", "config": {"name": "bfloat16"}},
        {"class_name": "QuantizedDTypePolicy", "config": {"name": "float32"}},
    ],
)
def test_other_number_formats_are_refused(class_name, dtype):
    config, weights = NEEDED.get(class_name, ({}, {}))
    with pytest.raises(UnsupportedError, match=rf"fc1 \({class_name}\): attribute dtype="):
        read(class_name, {**config, "dtype": dtype}, **weights)


@pytest.mark.parametrize("class_name", READERS)
def test_left_over_weights_are_refused(class_name):
    config, weights = NEEDED.get(class_name, ({}, {}))
    with pytest.raises(ModelError, match=r"the weights needed are .*; the file has .*extra"):
        read(class_name, config, **weights, extra=np.zeros(1))


@pytest.mark.parametrize("class_name", ["Dense", "QDense"])
def test_dense_and_its_activation(class_name):
    nodes = read(
        class_name,
        {"units": 2, "activation": "relu", "kernel_regularizer": {"l1": 1}},
        kernel=KERNEL,
        bias=np.array([1.0, -100.0]),
    )
    assert [(suffix, type(layer)) for suffix, layer in nodes] == [("", Dense), ("relu", Relu)]
    dense = nodes[0][1]
    assert isinstance(dense, Dense)
    assert (dense.n_in, dense.units, dense.infer_shape([(3,)])) == (3, 2, (2,))
    x = np.array([[1.0, 2.0, 3.0]])
    assert dense.forward([x]).tolist() == [[17.0, -78.0]]


def test_weights_by_position():
    dense = only("Dense", {"units": 2}, **{"0": KERNEL, "1": np.zeros(2)})
    assert np.array_equal(dense.kernel, KERNEL)


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"units": 2, "lora_rank": 4, "use_bias": False}, "attribute lora_rank=4 is not supported"),
        ({"use_bias": False}, "attribute units is missing"),
        ({"units": 2, "use_bias": "no"}, "use_bias must be true or false; the file has 'no'"),
        (
            {**DENSE, "activation": "log_softmax"},
            "activation 'log_softmax' is not supported; supported are: linear",
        ),
        ({**DENSE, "activation": 3}, "attribute activation=3 is not supported"),
        ({**DENSE, "quantization_config": {"a": 1}}, "attribute quantization_config="),
    ],
)
def test_wrong_dense_layers(config, message):
    with pytest.raises(ModelError, match=rf"^fc1 \(Dense\): {message}"):
        read("Dense", config, kernel=KERNEL)


def test_messages_stay_short():
    with pytest.raises(UnsupportedError) as caught:
        read("Flatten", {"junk": ["x" * 50] * 1000})
    assert len(str(caught.value)) < 160


def test_batch_normalisation_is_scale_and_offset():
    layer = only("BatchNormalization", {"axis": [1], "epsilon": 1.0}, **MOMENTS)
    assert layer.scale.tolist() == [1.0, 3.0]
    assert layer.offset.tolist() == [0.5, -1.75]
    assert layer.infer_shape([(2,)]) == (2,)
    assert layer.forward([np.array([[1.0, 1.0]])]).tolist() == [[1.5, 1.25]]


def test_batch_normalisation_without_gamma_and_beta():
    moments = {k: MOMENTS[k] for k in ("moving_mean", "moving_variance")}
    config = {"epsilon": 1.0, "center": False, "scale": False}
    layer = only("BatchNormalization", config, **moments)
    assert layer.scale.tolist() == [0.5, 1.0]
    assert layer.offset.tolist() == [-0.25, -0.25]


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"epsilon": 0.0}, "moving_variance . epsilon must be above 0; the least is 0"),
        ({"axis": [1, 2]}, r"attribute axis=\[1, 2\] is not supported"),
        ({"renorm": True}, "attribute renorm=True is not supported"),
        ({"scale": False}, "the weights needed are beta, moving_mean, moving_variance; the file"),
        ({"epsilon": float("nan")}, "epsilon must be a finite number; the file has nan"),
    ],
)
def test_wrong_batch_normalisations(config, message):
    with pytest.raises(ModelError, match=rf"^fc1 \(BatchNormalization\): {message}"):
        read("BatchNormalization", config, **MOMENTS)


def test_moments_of_different_lengths():
    with pytest.raises(ModelError, match=r"beta must have shape \(2,\); the file has \(3,\)"):
        read("BatchNormalization", {}, **{**MOMENTS, "beta": np.zeros(3)})


def test_the_axis_of_a_batch_normalisation():
    layer = BatchNormalization(np.ones(2), np.zeros(2), axis=1)
    assert layer.infer_shape([(2, 5)]) == (2, 5)
    with pytest.raises(ModelError, match=r"2 channels on axis 1, but the input has shape \(3,\)"):
        layer.infer_shape([(3,)])
    with pytest.raises(ModelError, match=r"axis=3 is not an axis of the input, \(2, 2\)"):
        replace(layer, axis=3).infer_shape([(2, 2)])
    with pytest.raises(ModelError, match="axis=-3 is not an axis"):
        replace(layer, axis=-3).infer_shape([(2, 2)])
    with pytest.raises(ModelError, match="axis=0 is not an axis"):
        replace(layer, axis=0).infer_shape([(2, 2)])


@pytest.mark.parametrize(
    ("class_name", "config", "layer"),
    [
        ("Activation", {"activation": "linear"}, Linear()),
        ("Activation", {"activation": "relu"}, Relu()),
        ("Activation", {"activation": "relu6"}, Relu(6.0)),
        ("Activation", {"activation": "sigmoid"}, Function(Kind.SIGMOID)),
        ("Activation", {"activation": "tanh"}, Function(Kind.TANH)),
        ("Activation", {"activation": "softmax"}, Softmax()),
        ("Activation", {"activation": "quantized_relu(3)"}, QuantizedActivation(QuantizedRelu(3))),
        ("QActivation", {"activation": "relu"}, Relu()),
        ("ReLU", {}, Relu()),
        ("ReLU", {"max_value": 6, "negative_slope": 0.5, "threshold": 1}, Relu(6.0, 0.5, 1.0)),
        ("ReLU", {"max_value": None, "negative_slope": None, "threshold": None}, Relu()),
        ("LeakyReLU", {"alpha": 0.25}, Relu(negative_slope=0.25)),
        ("LeakyReLU", {"negative_slope": 0.25}, Relu(negative_slope=0.25)),
        ("Softmax", {"axis": 1}, Softmax((1,))),
        ("Softmax", {"axis": [1, -1]}, Softmax((1, -1))),
        ("Dropout", {"rate": 0.5, "noise_shape": None, "seed": 3}, Identity()),
        ("Flatten", {"data_format": "channels_last"}, Flatten()),
        ("InputLayer", {"batch_shape": [None, 2, 3], "optional": False}, Input((2, 3))),
    ],
)  # fmt: skip
def test_layers_without_weights(class_name, config, layer):
    assert only(class_name, config) == layer


@pytest.mark.parametrize(
    ("class_name", "config", "message"),
    [
        ("ReLU", {"threshold": -1}, "threshold must be at least 0; the file has -1"),
        ("ReLU", {"max_value": 1, "threshold": 2}, "max_value must be at least the threshold, 2"),
        ("ReLU", {"max_value": "6"}, "max_value must be a number; the file has '6'"),
        ("Softmax", {"axis": ["1"]}, "axis must be a whole number or a list of them"),
        ("Flatten", {"data_format": "channels_first"}, "attribute data_format='channels_first'"),
        ("Activation", {"activation": None}, "attribute activation=None is not supported"),
        ("InputLayer", {"batch_shape": [None, 3], "sparse": True}, "attribute sparse=True is not"),
    ],
)
def test_wrong_layers_without_weights(class_name, config, message):
    with pytest.raises(ModelError, match=rf"^fc1 \({class_name}\): {message}"):
        read(class_name, config)


@given(
    x=st.floats(-10, 10),
    top=st.none() | st.floats(1, 6),
    slope=st.sampled_from([0.0, 0.25]),
    threshold=st.sampled_from([0.0, 1.0]),
)
def test_a_rectifier_by_its_definition(x, top, slope, threshold):
    above = x if top is None else min(x, top)
    wanted = above if x > threshold else slope * (x - threshold)
    assert Relu(top, slope, threshold).forward([np.array([[x]])])[0, 0] == wanted


def test_softmax_of_large_logits():
    y = Softmax().forward([np.array([[1e4, 0.0, -1e4], [5.0, 5.0, -1e9]])])
    assert y.tolist() == [[1.0, 0.0, 0.0], [0.5, 0.5, 0.0]]


def test_smooth_functions_never_overflow():
    x = np.array([[-1e6, 0.0, 1e6]])
    assert Function(Kind.SIGMOID).forward([x]).tolist() == [[0.0, 0.5, 1.0]]
    assert Function(Kind.TANH).forward([x]).tolist() == [[-1.0, 0.0, 1.0]]


QUANTIZERS = [
    ("quantized_bits(4)", QuantizedBits(4)),
    ("quantized_bits(4, 1, 1)", QuantizedBits(4, 1, True)),
    ("quantized_bits(4,1,0,False)", QuantizedBits(4, 1, False, False)),
    ("quantized_bits(bits=6,integer=2,alpha=1.0)", QuantizedBits(6, 2)),
    ("quantized_bits(1)", Binary()),
    ("quantized_relu(6,2)", QuantizedRelu(6, 2)),
    ("quantized_relu(6,2,0,0.25)", QuantizedRelu(6, 2, 0.25)),
    ("quantized_relu(6,2,relu_upper_bound=3)", QuantizedRelu(6, 2)),
    ("quantized_relu(6,2,relu_upper_bound=3,is_quantized_clip=0)", QuantizedRelu(6, 2, 0.0, 3.0)),
    ("quantized_relu(6,2,relu_upper_bound=9,is_quantized_clip=0)", QuantizedRelu(6, 2)),
    ("binary", Binary()),
    ("binary()", Binary()),
    ("binary(True,alpha=0.5)", Binary(True, 0.5)),
    ("stochastic_binary(alpha=1)", Binary()),
    ("ternary(threshold=0.5)", Ternary(threshold=0.5)),
    ("stochastic_ternary", Ternary()),
    ("quantized_po2(4)", PowerOfTwo(-4, 3)),
    ("quantized_po2(4,1)", PowerOfTwo(-8, 0)),
    ("quantized_po2(4,max_value=4)", PowerOfTwo(-4, 2)),
    ("quantized_relu_po2(3)", PowerOfTwo(-4, 3, True)),
    ("quantized_relu_po2(3,2,0.5)", PowerOfTwo(-4, 1, True, 0.5)),
]  # fmt: skip


@pytest.mark.parametrize(("text", "quantizer"), QUANTIZERS)
def test_quantizers_as_text(text, quantizer):
    assert only("QActivation", {"activation": text}).quantizer == quantizer


def test_quantizers_as_objects_in_their_spellings():
    inner = {"bits": 4, "integer": 0, "symmetric": 0, "alpha": None, "keep_negative": True,
             "use_stochastic_rounding": False, "qnoise_factor": 1.0}  # fmt: skip
    bare = {"class_name": "quantized_bits", "config": inner}
    for value in (
        bare,
        {**bare, "__passive_serialization__": True},
        {**bare, "module": "qkeras.quantizers", "registered_name": "quantized_bits"},
    ):
        assert only("QActivation", {"activation": value}).quantizer == QuantizedBits(4)


def test_a_kernel_quantizer_without_alpha_is_fitted_and_a_bias_quantizer_not():
    config = {
        "units": 2,
        "kernel_quantizer": "quantized_bits(4)",
        "bias_quantizer": "quantized_bits(4)",
        "activation": "quantized_relu(4)",
        "kernel_range": None,
        "bias_range": None,
    }
    (_, dense), (suffix, _) = read("QDense", config, kernel=KERNEL, bias=np.zeros(2))
    assert dense.kernel_quantizer == QuantizedBits(4, 0, True, True, Alpha.AUTO_PO2)
    assert dense.bias_quantizer == QuantizedBits(4)
    assert suffix == "quantized_relu"
    assert np.array_equal(dense.used_kernel, dense.kernel_quantizer.quantize(KERNEL))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("quantized_tanh(13,use_real_tanh=1)", r"bits=13 is not supported; it must be in 1..12"),
        ("quantized_tanh(1,symmetric=1)", "bits=1 with symmetric has no level but 0"),
        ("quantized_sigmoid(99)", r"bits=99 is not supported; it must be in 1..32"),
        ("quantized_ulaw(4,u=0)", "u must be above 0"),
        ("quantized_hswish(4,relu_shift=0)", "relu_shift and relu_upper_bound must be above 0"),
        ("bernoulli()", "bernoulli is not supported, as QKeras draws its values at random"),
        ("quantized_bits(4,qnoise_factor=0.5)", "qnoise_factor=0.5 is not supported, as values"),
        ("quantized_bits(4,qnoise_factor=0)", "qnoise_factor=0 is not supported for an activation"),
        ("quantized_bits(4,min_po2_exponent=-2)", "attribute min_po2_exponent=-2 is not supported"),
        ("quantized_bits(4,elements=1)", "attribute elements=1 is not supported"),
        ("quantized_bits(4,alpha='auto')", "alpha=auto is not supported for an activation"),
        ("quantized_linear(4,alpha='auto_po2')", "alpha=auto_po2 is not supported for an activ"),
        ("binary(alpha=-1)", "attribute alpha=-1 is not supported"),
        ("quantized_bits(0)", r"bits=0 is not supported; it must be in 1..32"),
        ("quantized_bits(99)", r"bits=99 is not supported"),
        ("quantized_bits(4,999)", "integer=999 is not supported"),
        ("quantized_bits(1,alpha='auto')", "bits=1 with alpha=auto has no levels"),
        ("quantized_bits(", "activation must be a quantizer such as quantized_bits"),
        ("quantized_bits(4,x)", "activation must be a number, a flag or a quoted word"),
        ("quantized_bits(1,2,3,4,5,6,7,8,9,10,11,12)", "a quantizer of at most 11 arguments"),
        ("quantized_relu(4,0,0,0.3)", "negative_slope=0.3 is not supported; it must be 0 or a"),
        ("quantized_relu(16,0,1,0.5)", r"bits=16 is not supported with negative_slope=0.5 and"),
        ("quantized_relu(4,1,relu_upper_bound=-1,is_quantized_clip=0)", "must be at least 0"),
        ("quantized_po2(4,log2_rounding='ceil')", "attribute log2_rounding='ceil' is not"),
        ("quantized_po2(10)", "bits=10 gives exponents of 8 bits; supported are 0 to 7"),
        ("quantized_po2(1)", "bits=1 gives exponents of -1 bits"),
        ("quantized_po2(4,max_value=0)", "max_value must be at least"),
        ("quantized_relu_po2(4,negative_slope=0.3)", "negative_slope must be a power of two"),
        ("ternary(number_of_unrolls=0)", "number_of_unrolls must be at least 1"),
    ],
)
def test_quantizers_that_are_refused(text, message):
    with pytest.raises(ModelError, match=rf"^fc1 \(QActivation.*{message}"):
        read("QActivation", {"activation": text})


def test_a_function_is_no_quantizer_of_weights():
    config = {"units": 2, "use_bias": False, "kernel_quantizer": "relu"}
    with pytest.raises(UnsupportedError, match="attribute kernel_quantizer='relu' is not"):
        read("QDense", config, kernel=KERNEL)
