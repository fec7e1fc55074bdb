"""QKeras' layers and quantizers as model files spell them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from converter.errors import ModelError, UnsupportedError
from converter.layers import READERS
from converter.layers.base import Layer
from converter.layers.quantized import QuantizedActivation
from converter.layers.quantizers import Alpha, Factors
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

KERNEL = np.arange(6.0).reshape(3, 2)


def layer(class_name: str, config: dict[str, Any], **weights: np.ndarray) -> Layer:
    """The last node that a layer becomes."""
    return READERS[class_name](LayerSpec("one", class_name, config, weights))[-1].layer


SPELLINGS = [
    ("quantized_tanh(6)", QuantizedTanh(6)),
    ("quantized_tanh(6,0,1,1)", QuantizedTanh(6, True, True)),
    ("quantized_sigmoid(6,1,use_real_sigmoid=True)", QuantizedSigmoid(6, True, True)),
    ("quantized_ulaw(6, 1, 1, 100.0)", QuantizedUlaw(6, 1, True, 100.0)),
    ("quantized_hswish(6,2,relu_shift=2)", QuantizedHswish(QuantizedBits(6, 2), 2.0, 6.0)),
    ("quantized_linear(6,2)", QuantizedLinear(6, 2)),
    ("quantized_linear(6,2,0,alpha=0.5)", QuantizedLinear(6, 2, False, True, 0.5)),
    ("quantized_relu(6,2,1)", QuantizedRelu(6, 2, sigmoid=True)),
    ("quantized_relu(4,2,negative_slope=2.0)", QuantizedRelu(4, 2, 2.0)),
    (
        "quantized_relu(6,2,relu_upper_bound=0.3,is_quantized_clip=False)",
        QuantizedRelu(6, 2, 0.0, float(np.float32(0.3))),
    ),
    ("quantized_po2(4,log2_rounding='floor')", PowerOfTwo(-4, 3, floor=True)),
    ("quantized_po2(4,quadratic_approximation=True)", PowerOfTwo(-4, 2, quadratic=True)),
    ("quantized_po2(5,7,quadratic_approximation=1)", PowerOfTwo(-8, 1, quadratic=True)),
    ("quantized_bits(4,alpha=0.5)", QuantizedBits(4, alpha=0.5)),
    ("quantized_bits(4,alpha=1.0,qnoise_factor=1)", QuantizedBits(4)),
    ("stochastic_binary(alpha=2.0)", Binary(False, 2.0)),
    ("stochastic_ternary(threshold=0.5)", Ternary(1.0, 0.5)),
    ("binary_tanh", Sign(-1.0)),
    ("binary_sigmoid", Sign(0.0)),
]


@pytest.mark.parametrize(("text", "quantizer"), SPELLINGS)
def test_quantizers_as_text(text, quantizer):
    found = layer("QActivation", {"activation": text})
    assert found == QuantizedActivation(quantizer)


def test_functions_as_objects():
    value = {"class_name": "function", "config": "binary_tanh", "registered_name": "function"}
    assert layer("QActivation", {"activation": value}) == QuantizedActivation(Sign(-1.0))


def numpy_object(values: list[float]) -> dict[str, Any]:
    return {"class_name": "__numpy__", "config": {"value": values, "dtype": "float64"}}


@pytest.mark.parametrize("wrapped", [numpy_object([0.5, 1.0]), [0.5, 1.0], [[0.5, 1.0]]])
def test_arrays_of_factors_in_both_spellings(wrapped):
    config = {"bits": 4, "alpha": wrapped}
    value = {"class_name": "quantized_bits", "config": config, "registered_name": "quantized_bits"}
    found = layer("QActivation", {"activation": value})
    assert isinstance(found, QuantizedActivation)
    shape = (1, 2) if isinstance(wrapped, list) and isinstance(wrapped[0], list) else (2,)
    assert found.quantizer == QuantizedBits(4, alpha=Factors((0.5, 1.0), shape))


def dense(quantizer: object) -> Layer:
    config = {"units": 2, "use_bias": False, "kernel_quantizer": quantizer}
    return layer("QDense", config, kernel=KERNEL)


def test_kernels_of_every_kind_of_quantizer():
    assert dense("quantized_linear(4)").kernel_quantizer == QuantizedLinear(
        4, 0, True, True, Alpha.AUTO_PO2
    )
    assert dense("quantized_bits(4,scale_axis=0)").kernel_quantizer == QuantizedBits(
        4, 0, True, True, Alpha.AUTO_PO2, 0
    )
    assert dense("quantized_ulaw(4)").kernel_quantizer == QuantizedUlaw(4)
    assert dense("quantized_bits(4,qnoise_factor=0.0)").kernel_quantizer is None


REFUSED = [
    ("bernoulli()", "one .QDense, kernel_quantizer: bernoulli.: bernoulli is not supported, as"),
    ("hard_tanh", "one .QDense.: attribute kernel_quantizer='hard_tanh' is not supported"),
    ("quantized_float(4)", r"attribute kernel_quantizer='quantized_float\(4\)' is not supported"),
    ({"class_name": "mine", "config": {}}, "kernel_quantizer 'mine' is not supported"),
    ("quantized_bits(4,qnoise_factor=0.5)", "qnoise_factor=0.5 is not supported, as values"),
    ("quantized_bits(4,alpha=-1.0)", "attribute alpha=-1.0 is not supported"),
]


@pytest.mark.parametrize(("quantizer", "message"), REFUSED)
def test_kernels_that_are_refused(quantizer, message):
    with pytest.raises(UnsupportedError, match=message):
        dense(quantizer)


@pytest.mark.parametrize("alpha", [[0.5, -1.0], ["a"], [], {"class_name": "__numpy__"}])
def test_wrong_arrays_of_factors_are_refused(alpha):
    value = {"class_name": "quantized_bits", "config": {"bits": 4, "alpha": alpha}}
    with pytest.raises(ModelError, match="alpha"):
        layer("QActivation", {"activation": value})


MOMENTS = {name: np.ones(2) for name in ("gamma", "beta", "moving_mean", "moving_variance")}
CONV = {"filters": 2, "kernel_size": [1, 1], "use_bias": False}
TAPS = np.ones((1, 1, 3, 2))


def test_a_folded_convolution_needs_a_beta_and_a_known_mode():
    weights = {**MOMENTS, "kernel": TAPS, "iteration": np.array(0.0)}
    assert layer("QConv2DBatchnorm", CONV, **weights)
    for key, value in (("center", False), ("folding_mode", "other"), ("axis", 1), ("groups", 2)):
        with pytest.raises(UnsupportedError, match=f"attribute {key}={value!r} is not supported"):
            layer("QConv2DBatchnorm", {**CONV, key: value}, **weights)
    with pytest.raises(ModelError, match="moving_variance must have shape"):
        layer("QConv2DBatchnorm", CONV, **{**weights, "moving_variance": np.ones(3)})
    with pytest.raises(ModelError, match="epsilon must be above 0; the least is -1"):
        layer("QConv2DBatchnorm", CONV, **{**weights, "moving_variance": np.full(2, -1.001)})


REFUSED_ACTIVATIONS = [
    ("quantized_linear(16,alpha=0.3)", "attribute alpha=0.3 is not supported"),
    (
        "quantized_relu(16,2,negative_slope=0.5,relu_upper_bound=0.3,is_quantized_clip=0)",
        "bits=16 is not supported with negative_slope=0.5",
    ),
]


@pytest.mark.parametrize(("text", "message"), REFUSED_ACTIVATIONS)
def test_staircases_of_many_steps_are_refused(text, message):
    with pytest.raises(UnsupportedError, match=message):
        layer("QActivation", {"activation": text})


def test_a_quantised_normalisation_goes_by_its_own_name():
    assert layer("QBatchNormalization", {}, **MOMENTS).class_names == ("QBatchNormalization",)


def test_a_fitted_average_is_refused():
    config = {"pool_size": [2, 2], "average_quantizer": "quantized_bits(4,alpha='auto')"}
    with pytest.raises(UnsupportedError, match="average_quantizer with a fitted alpha is not supp"):
        layer("QAveragePooling2D", config)
