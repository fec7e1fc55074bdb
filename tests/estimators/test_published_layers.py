"""Layers as projects and Keras spell them, read into facts: every kind, in both io types."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from converter.facts import Facts
from estimators.published.reader import LAYERS, kind_of, read_layers
from estimators.published.types import DEFAULT, Around, Refusal, Spelt, read_type
from estimators.published.weighted import legal_reuse

PARALLEL = Around(
    stream=False,
    strategy="latency",
    reuse=(1,),
    default=DEFAULT,
    weights=DEFAULT,
    lecun=False,
    vivado=False,
)
STREAM = Around(
    stream=True,
    strategy="latency",
    reuse=(1,),
    default=DEFAULT,
    weights=DEFAULT,
    lecun=False,
    vivado=True,
)

IMAGE = {"op": "input", "shape": [8, 8, 3]}
SEQUENCE = {"op": "input", "shape": [10, 4]}
ONE_OF_EACH: dict[str, list[dict[str, Any]]] = {
    "dense": [{"op": "dense", "n_in": 4, "n_out": 3}],
    "einsumdense": [SEQUENCE, {"op": "EinsumDense", "n_out": 6}],
    "conv1d": [SEQUENCE, {"op": "conv1d", "filters": 2, "kernel": 3}],
    "conv2d": [IMAGE, {"op": "Conv2D", "filters": 2, "kernel": [3, 3], "padding": "same"}],
    "pointwiseconv1d": [SEQUENCE, {"op": "pointwise_conv_1d_cl", "n_filt": 3}],
    "pointwiseconv2d": [IMAGE, {"op": "pointwise_conv_2d_cl", "n_filt": 3}],
    "depthwiseconv1d": [SEQUENCE, {"op": "DepthwiseConv1D", "kernel": 3}],
    "depthwiseconv2d": [IMAGE, {"op": "depthwise_conv_2d_cl", "kernel": [3, 3]}],
    "separableconv1d": [SEQUENCE, {"op": "SeparableConv1D", "filters": 5, "kernel": 3}],
    "separableconv2d": [IMAGE, {"op": "separable_conv_2d_cl", "filters": 5, "kernel": [3, 3]}],
    "lstm": [SEQUENCE, {"op": "lstm_stack", "n_out": 5, "n_sequence": 10}],
    "gru": [SEQUENCE, {"op": "GRU", "units": 5, "return_sequences": True}],
    "simplernn": [SEQUENCE, {"op": "simple_rnn", "units": 5}],
    "relu": [IMAGE, {"op": "relu"}],
    "linear": [IMAGE, {"op": "linear", "out_t": "ap_fixed<8,4,AP_RND,AP_SAT>"}],
    "leakyrelu": [IMAGE, {"op": "leaky_relu(0.3)"}],
    "prelu": [IMAGE, {"op": "PReLU"}],
    "hardsigmoid": [IMAGE, {"op": "hard_sigmoid"}],
    "hardtanh": [IMAGE, {"op": "hard_tanh"}],
    "thresholdedrelu": [IMAGE, {"op": "ThresholdedReLU"}],
    "binarytanh": [IMAGE, {"op": "binary_tanh"}],
    "ternarytanh": [IMAGE, {"op": "ternary_tanh"}],
    "sigmoid": [IMAGE, {"op": "sigmoid"}],
    "tanh": [IMAGE, {"op": "tanh"}],
    "elu": [IMAGE, {"op": "elu(1.0)"}],
    "selu": [IMAGE, {"op": "selu"}],
    "silu": [IMAGE, {"op": "swish"}],
    "gelu": [IMAGE, {"op": "gelu"}],
    "exponential": [IMAGE, {"op": "exponential"}],
    "softplus": [IMAGE, {"op": "softplus"}],
    "softsign": [IMAGE, {"op": "softsign"}],
    "unarylut": [IMAGE, {"op": "unary_lut"}],
    "softmax": [SEQUENCE, {"op": "softmax_stable"}],
    "batchnorm": [IMAGE, {"op": "normalize"}],
    "scale": [IMAGE, {"op": "scale"}],
    "pooling": [IMAGE, {"op": "MaxPooling2D", "pool": [2, 2]}],
    "zeropad": [SEQUENCE, {"op": "zeropad1d_cl", "out_width": 12}],
    "resize": [SEQUENCE, {"op": "resize_nearest", "new_width": 20}],
    "transpose": [IMAGE, {"op": "transpose_2d"}],
    "cropping": [SEQUENCE, {"op": "cropping1d_cl", "out_width": 8}],
    "merge": [IMAGE, {"op": "add"}],
    "multiply": [IMAGE, {"op": "multiply"}],
    "maximum": [IMAGE, {"op": "maximum"}],
    "minimum": [IMAGE, {"op": "minimum"}],
    "dot": [IMAGE, {"op": "dot1d"}],
    "concatenate": [IMAGE, {"op": "concatenate3d"}],
    "fork": [IMAGE, {"op": "clone_stream"}],
    "embedding": [{"op": "embedding", "n_in": 6, "vocab_size": 100, "n_out": 8}],
    "layernorm": [SEQUENCE, {"op": "layernormalize"}],
    "attention": [SEQUENCE, {"op": "MultiHeadAttention", "num_heads": 2, "key_dim": 4}],
    "input": [IMAGE, {"op": "dropout"}],
    "reshape": [IMAGE, {"op": "Flatten"}],
}
"""By kind, a design of one such layer."""

WIRES = {"io_parallel": {"zeropad", "resize", "transpose", "cropping", "concatenate", "fork"}}
"""Kinds that are nothing but wires there."""


def test_every_kind_has_an_example() -> None:
    assert set(ONE_OF_EACH) == set(LAYERS)
    for kind, layers in ONE_OF_EACH.items():
        assert kind_of(layers[-1]["op"]) == kind


@pytest.mark.parametrize("kind", sorted(LAYERS))
@pytest.mark.parametrize("around", [PARALLEL, STREAM], ids=["io_parallel", "io_stream"])
def test_every_kind_is_read(kind: str, around: Around) -> None:
    layers = [*ONE_OF_EACH[kind], {"op": "relu"}]
    facts = read_layers(layers, around)
    stages = [one for one in facts if one.kind != "fifo"]
    assert stages[-1].kind == "requantize"
    assert all(one.stream == around.stream for one in stages)
    free = {"input", "reshape"} | (set() if around.stream else WIRES["io_parallel"])
    assert len(stages) >= (1 if kind in free else 2)
    fifos = len(facts) - len(stages)
    assert fifos == (len(stages) - 1 if around.stream else 0)


@pytest.mark.parametrize(
    ("op", "kind"),
    [
        ("conv_1d_cl", "conv1d"), ("conv_2d_cl", "conv2d"), ("QConv2DBatchnorm", "conv2d"),
        ("QDense", "dense"), ("dense_latency", "dense"), ("HDense", "dense"),
        ("pooling2d_cl", "pooling"), ("global_pooling1d_cl", "pooling"),
        ("GlobalAveragePooling2D", "pooling"), ("AveragePooling1D", "pooling"),
        ("average", "merge"), ("Average", "merge"), ("maximum", "maximum"),
        ("BatchNormalization", "batchnorm"), ("ApplyAlpha", "batchnorm"),
        ("ZeroPadding2D", "zeropad"), ("UpSampling2D", "resize"), ("Permute", "transpose"),
        ("leaky_relu(1.0)", "leakyrelu"), ("LeakyReLU", "leakyrelu"), ("nnet::relu", "relu"),
        ("relu6", "relu"), ("QActivation", None), ("gru_stack", "gru"), ("LSTM", "lstm"),
        ("bidirectional_lstm", "lstm"), ("repack_stream", "reshape"),
        ("clone_stream", "fork"), ("InputLayer", "input"),
    ],
)  # fmt: skip
def test_spellings(op: str, kind: str | None) -> None:
    if kind is None:
        with pytest.raises(Refusal, match="layer qactivation"):
            kind_of(op)
    else:
        assert kind_of(op) == kind


def test_types() -> None:
    assert read_type("ap_fixed<16,6>") == Spelt(16, 6)
    assert read_type("ap_ufixed<8,1,AP_RND_CONV,AP_SAT>") == Spelt(8, 1, True, True)
    assert read_type("ap_int<5>") == Spelt(5, 5)
    lanes = read_type("nnet::array<ap_fixed<28,16,AP_RND_ZERO,AP_SAT>,8*1>")
    assert lanes == Spelt(28, 16, True, True, 8)
    assert read_type("quantized_bits(6,0,alpha=1)") == Spelt(6, 1, True, True)
    assert read_type("quantized_relu(6)") == Spelt(6, 0, True, True)
    assert read_type(None, Spelt(7, 2)) == Spelt(7, 2)


def test_quantizers_of_keras_models_are_types() -> None:
    dense, relu = read_layers(
        [{"op": "QDense", "n_in": 8, "n_out": 4, "weight_t": "quantized_bits(6, 0)",
          "act": "quantized_relu(4)"}],
        PARALLEL,
    )  # fmt: skip
    assert dense.weight_width == 6
    assert (relu.kind, relu.output_width) == ("requantize", 4)


def test_distributed_arithmetic_is_additions() -> None:
    (facts,) = read_layers(
        [{"op": "dense", "n_in": 16, "n_out": 8, "strategy": "da", "weight_t": "ap_fixed<6,1>"}],
        PARALLEL,
    )
    assert facts.strategy == "distributed_arithmetic"
    assert facts.adder_bits > 16 * facts.nonzero_weights / 2


def test_the_reuse_factor_of_a_layer_goes_before_the_rows() -> None:
    layers = [{"op": "dense", "n_in": 16, "n_out": 8, **one} for one in ({}, {"reuse_factor": 4})]
    first, second = read_layers(layers, replace(PARALLEL, reuse=(2, 3)))
    assert (first.reuse_factor, second.reuse_factor) == (2, 4)
    with pytest.raises(Refusal, match="reuse_factor not given"):
        read_layers(layers, replace(PARALLEL, reuse=()))


def only(facts: tuple[Facts, ...], kind: str) -> Facts:
    (found,) = [one for one in facts if one.kind == kind]
    return found


def test_shapes_are_followed_through_a_keras_model() -> None:
    facts = read_layers(
        [
            {"op": "input", "shape": [16, 16, 3]},
            {"op": "conv2d", "filters": 4, "kernel": [5, 5], "padding": "same", "act": "relu"},
            {"op": "batchnormalization"},
            {"op": "maxpooling2d", "pool": [2, 2], "strides": [2, 2]},
            {"op": "flatten"},
            {"op": "dense", "n_out": 8, "act": "softmax"},
        ],
        STREAM,
    )
    padding = only(facts, "reindex")
    assert (padding.beats_in, padding.beats_out) == (256, 400)
    conv = only(facts, "sliding_matvec")
    assert (conv.n_in, conv.n_out, conv.positions, conv.beats_in) == (75, 4, 256, 400)
    pool = only(facts, "sliding_reduce")
    assert (pool.n_in, pool.n_out, pool.positions) == (16, 4, 64)
    dense = only(facts, "matvec")
    assert (dense.n_in, dense.n_out, dense.beats_in) == (256, 8, 64)
    assert only(facts, "softmax").n_in == 8
    assert "affine" in {f.kind for f in facts}  # behind an activation it is not fused
    depths = [f.memories[0].depth for f in facts if f.kind == "fifo"]
    assert depths == [400, 256, 256, 256, 64, 1]


def test_normalisation_is_fused_into_what_it_follows() -> None:
    layers = [{"op": "dense", "n_in": 4, "n_out": 3}, {"op": "batchnorm", "n": 3}]
    assert [f.kind for f in read_layers(layers, PARALLEL)] == ["matvec"]
    as_built = [{"name": "bn", **layer} for layer in layers]
    assert [f.kind for f in read_layers(as_built, PARALLEL)] == ["matvec", "affine"]


def test_a_project_tells_sizes_itself() -> None:
    facts = read_layers(
        [
            {
                "op": "conv_1d_cl", "name": "c", "in_width": 66, "n_chan": 1, "filt_width": 3,
                "n_filt": 8, "out_width": 64, "n_partitions": 64, "reuse_factor": 1,
                "in_t": "nnet::array<ap_int<16>,1*1>", "weight_t": "ap_fixed<12,1>",
                "accum_t": "ap_fixed<28,16,AP_RND_ZERO,AP_SAT>",
                "w": {"n": 24, "nnz": 24, "pow2": 0, "csd": 94, "absmax": 1478},
            }
        ],
        STREAM,
    )  # fmt: skip
    (conv,) = facts
    assert (conv.n_in, conv.n_out, conv.beats_in, conv.beats_out) == (3, 8, 66, 64)
    assert conv.rounded_bits == 24 * 28
    assert (conv.nonzero_weights, conv.csd_digits) == (24, 94)


def test_a_streaming_project_from_end_to_end() -> None:
    q = "ap_fixed<16,6>"
    facts = read_layers(
        [
            {"op": "zeropad2d_cl", "name": "zp", "in_height": 28, "in_width": 28, "n_chan": 1,
             "out_height": 30, "out_width": 30, "in_t": f"nnet::array<{q},1*1>"},
            {"op": "conv_2d_cl", "name": "c1", "in_height": 30, "in_width": 30, "n_chan": 1,
             "filt_height": 3, "filt_width": 3, "n_filt": 8, "stride_height": 1,
             "stride_width": 1, "out_height": 28, "out_width": 28,
             "out_t": f"nnet::array<{q},8*1>"},
            {"op": "normalize", "name": "bn", "n_in": 6272, "n_filt": 8},
            {"op": "relu", "name": "r", "n_in": 6272},
            {"op": "pooling2d_cl", "name": "p", "in_height": 28, "in_width": 28, "n_filt": 8,
             "pool_height": 2, "pool_width": 2, "stride_height": 2, "stride_width": 2,
             "out_height": 14, "out_width": 14, "pool_op": "nnet::Max"},
            {"op": "resize_nearest", "name": "up", "in_height": 14, "in_width": 14, "n_chan": 8,
             "new_height": 28, "new_width": 28},
            {"op": "global_pooling2d_cl", "name": "g", "in_height": 28, "in_width": 28,
             "n_filt": 8, "pool_op": "nnet::Average"},
            {"op": "dense", "name": "d", "n_in": 8, "n_out": 10},
            {"op": "softmax", "name": "s", "n_in": 10},
        ],
        STREAM,
    )  # fmt: skip
    beats = [(f.stage, f.beats_in, f.beats_out, f.n_out) for f in facts if f.kind != "fifo"]
    assert beats == [
        ("zp", 784, 900, 1), ("c1", 900, 784, 8), ("bn", 784, 784, 8), ("r", 784, 784, 8),
        ("p", 784, 196, 8), ("up", 196, 784, 8), ("g", 784, 1, 8), ("d", 1, 1, 10),
        ("s", 1, 1, 10),
    ]  # fmt: skip


def test_pooling_in_one_dimension_of_a_project() -> None:
    (facts,) = read_layers(
        [{"op": "pooling1d_cl", "name": "p", "n_in": 64, "n_filt": 4, "pool_width": 2,
          "stride_width": 2, "n_out": 32, "pool_op": "nnet::Average"}],
        STREAM,
    )  # fmt: skip
    assert (facts.beats_in, facts.beats_out, facts.n_in, facts.n_out) == (64, 32, 8, 4)
    assert facts.adder_bits > 0


def test_a_recurrent_cell_is_two_products_and_its_gates() -> None:
    layer = {"op": "gru_stack", "n_in": 6, "n_out": 20, "n_sequence": 20, "reuse_factor": 30,
             "strategy": "resource"}  # fmt: skip
    (cell,) = read_layers([layer], PARALLEL)
    inputs, states, *rest = cell.parts
    assert (inputs.n_in, inputs.n_out, inputs.reuse_factor) == (6, 60, 30)
    # 30 neither divides 20 inputs nor is a multiple of them: hls4ml takes the nearest that does
    assert (states.n_in, states.n_out, states.reuse_factor) == (20, 60, 20)
    assert [one.kind for one in rest] == ["table", "table", "merge"]
    assert sum(m.count for m in rest[-1].multipliers) == 60
    assert cell.positions == 20


def test_legal_reuse_factors() -> None:
    assert legal_reuse(32, 5, 33) == 32
    assert legal_reuse(16, 64, 1024) == 1024
    assert legal_reuse(27, 16, 30) == 27


def test_vivado_does_not_unroll_large_layers_that_share() -> None:
    layers = [{"op": "dense", "n_in": 128, "n_out": 64}]
    shared = replace(PARALLEL, reuse=(7,), vivado=True)
    (facts,) = read_layers(layers, shared)
    assert (facts.strategy, facts.reuse_factor) == ("resource", 7)
    (small,) = read_layers([{"op": "dense", "n_in": 64, "n_out": 64}], shared)
    assert small.strategy == "latency"


def test_wide_constants_are_as_wide_as_their_values() -> None:
    layers = [{"op": "dense", "n_in": 4, "n_out": 3, "precision": "fixed<32,12>",
               "w": {"n": 12, "nnz": 12, "pow2": 0, "csd": 50, "absmax": 2**19}}]  # fmt: skip
    (facts,) = read_layers(layers, PARALLEL)
    assert (facts.input_width, facts.weight_width) == (16, 21)


def test_an_identity_costs_nothing() -> None:
    (free,) = read_layers([{"op": "leaky_relu(1.0)", "n": 8}], PARALLEL)
    (slope,) = read_layers([{"op": "leaky_relu(0.3)", "n": 8}], PARALLEL)
    assert (free.compare_bits, free.mux_bits) == (0, 0)
    assert slope.compare_bits == 8 * 16


def test_unknown_weights_are_as_keras_draws_them() -> None:
    layers = [{"op": "conv2d", "in": [28, 28, 3], "filters": 32, "kernel": [4, 4],
               "strides": [4, 4], "padding": "same"}]  # fmt: skip
    (facts,) = read_layers(layers, PARALLEL)
    # glorot_uniform: ±sqrt(6 / (48 + 512)). Reports have 740 and 792 DSP blocks of 1536 products
    assert 700 < facts.dsp_constants < 950


JUNK = st.sampled_from([None, "", -1, 0, 1, "x", [], [1], {}, 3.5, "ap_fixed<0,0>", "7", True, 1e9])


@given(st.data(), st.sampled_from(sorted(LAYERS)), st.sampled_from([PARALLEL, STREAM]))
def test_odd_fields_are_read_or_refused(data: st.DataObject, kind: str, around: Around) -> None:
    layers = [dict(layer) for layer in ONE_OF_EACH[kind]]
    for layer in layers:
        for name in data.draw(st.sets(st.sampled_from(sorted(layer)))):
            layer[name] = data.draw(JUNK)
    try:
        facts = read_layers(layers, around)
    except (Refusal, ArithmeticError, AttributeError, LookupError, TypeError, ValueError):
        return  # what ``tables`` refuses a row for
    assert all(f.n_in >= 0 and f.n_out >= 0 and f.positions >= 0 for f in facts)
