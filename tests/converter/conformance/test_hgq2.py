"""HGQ2 0.2: our emulation equals its own inference, bit for bit, and csim equals our emulation.

All cases of a group are branches of one model. Bits are random by element, as a training would
leave them, also none at all.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from harness import check_csim

import converter
from converter.emulate import emulate_codes, quantize_inputs
from converter.errors import UnsupportedError
from converter.forward import forward
from converter.resolved import resolved_config

pytestmark = [pytest.mark.keras3, pytest.mark.filterwarnings("ignore:__array__ implementation")]

ROWS = 32


@pytest.fixture(scope="module")
def hgq() -> Any:
    """The layers, with the quantizers' configurations."""
    pytest.importorskip("hgq", reason="needs HGQ2")
    import hgq.layers as layers
    from hgq.config import HardSigmoidConfig, HardTanhConfig, QuantizerConfig

    class Names:
        def __getattr__(self, name: str) -> Any:
            return getattr(layers, name)

    names = Names()
    names.q, names.sigmoid, names.tanh = QuantizerConfig, HardSigmoidConfig, HardTanhConfig
    return names


Build = Callable[..., Any]
Case = tuple[tuple[int, ...], ...]

FLAT: Any = (6,)
LINE, IMAGE = (9, 4), (6, 6, 2)


def lines(h: Any, **options: Any) -> Any:
    """A quantizer of a tensor that is alike at all positions."""
    return h.q("kif", "datalane", homogeneous_axis=(0, 1), **options)


GROUPS: dict[str, dict[str, tuple[Any, Build]]] = {
    "dense": {
        "plain": (FLAT, lambda h, k, x: h.QDense(5)(x)),
        "relu": (FLAT, lambda h, k, x: h.QDense(3)(h.QDense(5, activation="relu")(x))),
        "rank": ((3, 4), lambda h, k, x: h.QDense(5, activation="relu")(x)),
        "output": (
            FLAT,
            lambda h, k, x: h.QDense(
                3, iq_conf=h.q(overflow_mode="SAT", round_mode="RND_CONV"), enable_oq=True
            )(x),
        ),
        "kif weights": (
            FLAT,
            lambda h, k, x: h.QDense(
                5, kq_conf=h.q("kif", "weight"), bq_conf=h.q("kif", "bias", overflow_mode="SAT")
            )(x),
        ),
        "free weights": (
            FLAT,
            lambda h, k, x: h.QDense(
                5,
                kq_conf=h.q("kif", "weight", overflow_mode="WRAP"),
                bq_conf=h.q("kbi", "bias", overflow_mode="SAT_SYM", round_mode="TRN"),
            )(x),
        ),
        "free bits": (
            FLAT,
            lambda h, k, x: h.QDense(5, kq_conf=h.q("kbi", "weight", overflow_mode="WRAP"))(x),
        ),
        "wrapped weights": (
            FLAT,
            lambda h, k, x: h.QDense(
                5, kq_conf=h.q("kbi", "weight", overflow_mode="WRAP", round_mode="RND_CONV")
            )(x),
        ),
        "not trained": (
            FLAT,
            lambda h, k, x: h.QDense(
                5,
                kq_conf=h.q("kif", "weight", overflow_mode="WRAP", trainable=False),
                iq_conf=h.q("kbi", trainable=False),
            )(x),
        ),
        "hard sigmoid": (FLAT, lambda h, k, x: h.QDense(5, iq_conf=h.sigmoid())(x)),
        "hard tanh": (FLAT, lambda h, k, x: h.QDense(5, iq_conf=h.tanh())(x)),
        "one type": (
            FLAT,
            lambda h, k, x: h.QDense(
                5,
                iq_conf=h.q("kif", heterogeneous_axis=()),
                kq_conf=h.q("kbi", "weight", heterogeneous_axis=(0,)),
            )(x),
        ),
        "scaled": (FLAT, lambda h, k, x: h.QDense(5, iq_conf=h.q("kif", scaler=4.0))(x)),
        "no input quantizer": (
            FLAT, lambda h, k, x: h.QDense(3, enable_iq=False)(h.Quantizer("kbi")(x))
        ),
        "normalised": (FLAT, lambda h, k, x: h.QBatchNormDense(4, activation="relu")(x)),
        "einsum": (FLAT, lambda h, k, x: h.QEinsumDense("bi,ij->bj", (3,), bias_axes="j")(x)),
        "einsum normalised": (
            (4, 3),
            lambda h, k, x: h.QEinsumDenseBatchnorm("abc,cd->abd", (4, 5), bias_axes="d")(x),
        ),
        "einsum of axes": (
            (5, 3, 2),
            lambda h, k, x: h.QEinsumDense(
                "...ai,aijk->...jk", (5, 4, 2), bias_axes="k", activation="relu"
            )(x),
        ),
    },
    "windows": {
        "conv2d": (IMAGE, lambda h, k, x: h.QConv2D(4, 3, padding="same", activation="relu")(x)),
        "conv1d": (
            LINE, lambda h, k, x: h.QConv1D(4, 3, strides=2, groups=2, iq_conf=lines(h))(x)
        ),
        "causal": (
            LINE, lambda h, k, x: h.QConv1D(4, 3, padding="causal", iq_conf=lines(h))(x)
        ),
        "max": (IMAGE, lambda h, k, x: h.QMaxPooling2D(2)(x)),
        "max1d": (LINE, lambda h, k, x: h.QMaxPooling1D(3, 2, padding="same")(x)),
        "average": (IMAGE, lambda h, k, x: h.QAveragePooling2D(2, enable_oq=True)(x)),
        "average of nine": (IMAGE, lambda h, k, x: h.QAveragePooling2D(3, enable_oq=True)(x)),
        "average at edges": (
            IMAGE,
            lambda h, k, x: h.QAveragePooling2D(
                3, 2, padding="same", oq_conf=h.q("kif", round_mode="TRN"), enable_oq=True
            )(x),
        ),
        "global max": (IMAGE, lambda h, k, x: h.QGlobalMaxPooling2D()(x)),
        "global average": ((8, 2), lambda h, k, x: h.QGlobalAveragePooling1D(enable_oq=True)(x)),
        "network": (
            (8, 8, 1),
            lambda h, k, x: h.QDense(3)(
                k.layers.Flatten()(h.QMaxPooling2D(2)(h.QConv2D(3, 3, activation="relu")(x)))
            ),
        ),
    },
    "several": {
        "add": ([FLAT, FLAT], lambda h, k, a, b: h.QAdd(enable_oq=True)([a, b, a])),
        "multiply": ([FLAT, FLAT], lambda h, k, a, b: h.QMultiply()([a, b])),
        "subtract": ([FLAT, FLAT], lambda h, k, a, b: h.QSubtract()([a, b])),
        "maximum": ([(3, 4), (3, 4)], lambda h, k, a, b: h.QMaximum()([a, b])),
        "minimum": ([FLAT, FLAT], lambda h, k, a, b: h.QMinimum()([a, b])),
        "average": ([FLAT, FLAT], lambda h, k, a, b: h.QAveragePow2()([a, b, a])),
        "dot": ([FLAT, FLAT], lambda h, k, a, b: h.QDot(axes=1)([a, b])),
        "sum": ((3, 4), lambda h, k, x: h.QSum(axes=(1,), scale=0.25)(x)),
        "sum of axes": ((3, 4, 2), lambda h, k, x: h.QSum(axes=(1, 2), keepdims=True)(x)),
        "mean": ((3, 4), lambda h, k, x: h.QMeanPow2(axes=(2,))(x)),
    },
    "functions": {
        "normalisation": (FLAT, lambda h, k, x: h.QBatchNormalization()(x)),
        "bare normalisation": (
            (4, 3), lambda h, k, x: h.QBatchNormalization(center=False, scale=False)(x)
        ),
        "softmax": (FLAT, lambda h, k, x: h.QSoftmax()(h.Quantizer("kif")(x))),
        "softmax of rows": ((3, 4), lambda h, k, x: h.QSoftmax(enable_iq=True)(x)),
        "softmax of columns": (
            (3, 4), lambda h, k, x: h.QSoftmax(axis=1, stable=False, enable_iq=True)(x)
        ),
        "softmax of images": (
            (3, 4, 2), lambda h, k, x: h.QSoftmax((1, 2), enable_oq=True)(h.Quantizer("kbi")(x))
        ),
        "tanh": (FLAT, lambda h, k, x: h.QUnaryFunctionLUT("tanh")(x)),
        "sigmoid": (
            FLAT,
            lambda h, k, x: h.QUnaryFunctionLUT(
                "sigmoid", oq_conf=h.q("kif", round_mode="RND_CONV", overflow_mode="SAT")
            )(x),
        ),
        "exponential": (
            FLAT,
            lambda h, k, x: h.QUnaryFunctionLUT(
                "exponential",
                oq_conf=h.q("kif", "table", overflow_mode="WRAP", homogeneous_axis=(0,)),
            )(x),
        ),
        "affine": ((3, 4), lambda h, k, x: h.QAffinedUnaryFunctionLUT("gelu")(x)),
        "bounded": ((3, 4), lambda h, k, x: h.QUnaryFunctionLUT("relu6")(x)),
        "argument": (FLAT, lambda h, k, x: h.QDense(4)(h.QDense(5, activation="tanh")(x))),
        "argument and output": (
            FLAT, lambda h, k, x: h.QDense(4, activation="silu", enable_oq=True)(x)
        ),
        "saturating": (FLAT, lambda h, k, x: h.Quantizer("kbi", overflow_mode="SAT")(x)),
        "through": (
            (4, 3),
            lambda h, k, x: k.layers.Flatten()(
                k.layers.MaxPooling1D(2)(h.Quantizer("kif", round_mode="TRN")(x))
            ),
        ),
    },
}  # fmt: skip


def train(model: Any, seed: int) -> None:
    """Bits and weights such as training leaves behind."""
    rng = np.random.default_rng(seed)
    for layer in model._flatten_layers():
        bits = "fixed_point" in layer.name
        for v in layer._trainable_variables + layer._non_trainable_variables:
            values = _trained(rng, v.name, v.shape, bits)
            if values is not None:
                v.assign(values.astype(v.dtype))


def _trained(rng: np.random.Generator, name: str, shape: Any, bits: bool) -> Any:
    if name in ("i_decay_speed", "beta", "ebops"):
        return None
    jitter = rng.uniform(-0.4, 0.4, shape)
    if bits and name == "k":
        return (rng.integers(0, 4, shape) > 0) + 0
    if bits and name == "b":
        return np.maximum(rng.integers(0, 7, shape) + jitter, 0)
    if bits:
        return rng.integers(*{"i": (-1, 3), "f": (-2, 5)}[name], shape) + jitter
    return rng.uniform(0.3, 2, shape) if "variance" in name else rng.normal(0, 1, shape)


def predicted(
    hgq: Any, keras: ModuleType, cases: Mapping[str, tuple[Any, Build]], path: Path
) -> tuple[dict[str, Any], list[Any]]:
    """Inputs, and the framework's outputs of a model of all cases, which is saved."""
    keras.backend.clear_session()
    inputs, outputs = [], []
    for shapes, build in cases.values():
        shapes = shapes if isinstance(shapes, list) else [shapes]
        tensors = [keras.Input(s, name=f"x{len(inputs) + k}") for k, s in enumerate(shapes)]
        inputs += tensors
        outputs.append(build(hgq, keras, *tensors))
    model = keras.Model(inputs, outputs)
    train(model, 3)
    model.save(path)
    rng = np.random.default_rng(5)
    x = {t.name: rng.normal(0, 2, (ROWS, *t.shape[1:])).astype(np.float32) for t in inputs}
    y = model.predict(list(x.values()), verbose=0)
    return x, y if isinstance(y, list) else [y]


@pytest.mark.parametrize("group", GROUPS)
def test_every_bit_is_hgq2s_own(hgq: Any, keras3: ModuleType, group: str, tmp_path: Path) -> None:
    cases = GROUPS[group]
    x, expected = predicted(hgq, keras3, cases, tmp_path / "model.keras")
    graph = converter.load(tmp_path / "model.keras")
    typed = converter.apply(graph)
    values, codes = forward(graph, x), emulate_codes(typed, quantize_inputs(typed, x))
    for name, y, real, bits in zip(cases, expected, graph.outputs, typed.outputs, strict=True):
        ours = typed.edges[bits].type.to_float(codes[bits]).reshape(y.shape)
        assert np.array_equal(values[real], y), f"{name}: forward"
        assert np.array_equal(ours, y), f"{name}: emulation"
    assert converter.apply(graph, resolved_config(typed)).digest() == typed.digest()
    check_csim(typed, x, names=list(cases))


REFUSED: dict[str, tuple[Any, Build, str]] = {
    "attention": (
        (4, 6),
        lambda h, k, x: h.QMultiHeadAttention(2, 3, fuse="none")(x, x),
        "QMultiHeadAttention",
    ),
    "recurrent": ((4, 6), lambda h, k, x: h.QGRU(3)(x), "QGRU"),
    "conv3d": ((4, 4, 4, 2), lambda h, k, x: h.QConv3D(2, 2)(x), "QConv3D"),
    "wrap_sm": (
        FLAT,
        lambda h, k, x: h.QDense(3, iq_conf=h.q("kif", overflow_mode="WRAP_SM"))(x),
        "overflow_mode='WRAP_SM' is not supported",
    ),
    "scaler": (
        FLAT,
        lambda h, k, x: h.QDense(3, iq_conf=h.q("kif", scaler=3.0))(x),
        "scaler=3 is not supported; it must be a power of two",
    ),
    "einsum": (
        (4, 2),
        lambda h, k, x: h.QEinsumDense("abc,bcd->abd", (4, 3), bias_axes="d")(x),
        "equation 'abc,bcd->abd' with bias_axes='d' is not supported",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_not_there_is_refused_by_name(
    hgq: Any, keras3: ModuleType, name: str, tmp_path: Path
) -> None:
    shape, build, message = REFUSED[name]
    keras3.backend.clear_session()
    x = keras3.Input(shape)
    keras3.Model(x, build(hgq, keras3, x)).save(tmp_path / "model.keras")
    with pytest.raises(UnsupportedError, match=message):
        converter.load(tmp_path / "model.keras")


def test_a_file_without_places_for_the_bits_names_the_way_out(
    hgq: Any, keras3: ModuleType, tmp_path: Path
) -> None:
    x = keras3.Input((4,))
    keras3.Model(x, hgq.QDense(2)(x)).save(tmp_path / "model.h5")
    with pytest.raises(UnsupportedError, match=r"not read from \.h5 files; save .* as \.keras"):
        converter.load(tmp_path / "model.h5")
