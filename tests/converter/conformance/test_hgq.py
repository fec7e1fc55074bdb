"""HGQ 0.2.6: our emulation equals its own inference, bit for bit, of trained models and of the
proxies that it makes for converters; and csim equals our emulation.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from harness import check_csim

import converter
from converter.emulate import emulate, emulate_codes, quantize_inputs
from converter.errors import UnsupportedError
from converter.forward import forward
from converter.pipeline import measure_ranges
from converter.resolved import resolved_config

pytestmark = pytest.mark.keras2

ROWS = 64
Build = Callable[..., Any]
FLAT: Any = (6,)
LINE, IMAGE = (9, 4), (6, 6, 2)


@pytest.fixture(scope="module")
def hgq() -> Any:
    """HGQ's layers."""
    pytest.importorskip("HGQ", reason="needs HGQ")
    import HGQ.layers as layers

    return layers


def config(**changes: Any) -> dict[str, Any]:
    """A quantizer of activations."""
    from HGQ.utils import get_default_paq_conf

    return {**get_default_paq_conf(), **changes}


GROUPS: dict[str, dict[str, tuple[Any, Build]]] = {
    "dense": {
        "plain": (FLAT, lambda h, x: h.HDense(5)(x)),
        "relu": (FLAT, lambda h, x: h.HDense(3)(h.HDense(5, activation="relu")(x))),
        "no bias": (FLAT, lambda h, x: h.HDense(5, use_bias=False)(x)),
        "rank": ((3, 4), lambda h, x: h.HDense(5, activation="relu", parallel_factor=1)(x)),
        "floor": (FLAT, lambda h, x: h.HDense(5, paq_conf=config(rnd_strategy="floor"))(x)),
        "auto": (FLAT, lambda h, x: h.HDense(5, paq_conf=config(rnd_strategy="auto"))(x)),
        "by tensor": (FLAT, lambda h, x: h.HDense(5, paq_conf=config(skip_dims="all"))(x)),
        "by number": (FLAT, lambda h, x: h.HDense(5, paq_conf=config(rnd_strategy=3))(x)),
        "normalised": (FLAT, lambda h, x: h.HDenseBatchNorm(4, activation="relu")(x)),
        "normalised without bias": (
            FLAT, lambda h, x: h.HDenseBatchNorm(4, use_bias=False)(x)
        ),
    },
    "windows": {
        "conv2d": (IMAGE, lambda h, x: h.HConv2D(4, 3, padding="same", activation="relu")(x)),
        "conv1d": (LINE, lambda h, x: h.HConv1D(4, 3, strides=2)(x)),
        "channels": (
            LINE,
            lambda h, x: h.HConv1D(4, 3, paq_conf=config(skip_dims=(0, 1), rnd_strategy="auto"))(x),
        ),
        "normalised": (IMAGE, lambda h, x: h.HConv2DBatchNorm(3, 2)(x)),
        "normalised line": (LINE, lambda h, x: h.HConv1DBatchNorm(3, 2, activation="relu")(x)),
        "max": (IMAGE, lambda h, x: h.PMaxPooling2D(2)(x)),
        "max line": (LINE, lambda h, x: h.PMaxPooling1D(2)(x)),
        "average": (IMAGE, lambda h, x: h.PAveragePooling2D(2)(x)),
        "average line": ((8, 3), lambda h, x: h.PAveragePooling1D(2)(x)),
        "network": (
            (8, 8, 1),
            lambda h, x: h.HDense(3)(
                h.PFlatten()(h.PMaxPooling2D(2)(h.HConv2D(3, 3, activation="relu")(x)))
            ),
        ),
    },
    "others": {
        "tanh": (FLAT, lambda h, x: h.HActivation("tanh")(x)),
        "sigmoid": (
            FLAT, lambda h, x: h.HActivation("sigmoid", paq_conf=config(rnd_strategy="floor"))(x)
        ),
        "relu": (FLAT, lambda h, x: h.HActivation("relu")(x)),
        "add": (FLAT, lambda h, x: h.HAdd()([x, h.HDense(6)(x)])),
        "concatenate": (FLAT, lambda h, x: h.PConcatenate()([x, h.HDense(2)(x)])),
        "reshape": (FLAT, lambda h, x: h.HDense(2)(h.PReshape((2, 3))(x))),
        "permute": (LINE, lambda h, x: h.PPermute((2, 1))(x)),
        "dropout": (FLAT, lambda h, x: h.HDense(2)(h.PDropout(0.5)(x))),
    },
}  # fmt: skip


def train(model: Any) -> None:
    """Bits and weights such as training leaves behind."""
    rng = np.random.default_rng(3)
    for v in model.weights:
        jitter = rng.uniform(-0.4, 0.4, v.shape)
        if "_bw" in v.name:
            v.assign(rng.integers(-2, 6, v.shape) + jitter)
        elif "variance" in v.name:
            v.assign(rng.uniform(0.3, 2, v.shape))
        elif v.name != "beta:0" and "bops" not in v.name:
            v.assign(rng.normal(0, 1, v.shape))


def built(hgq: Any, keras: ModuleType, group: str) -> tuple[Any, dict[str, Any]]:
    """A model of all cases behind a quantizer each, and inputs."""
    keras.backend.clear_session()
    inputs, outputs = [], []
    for k, (shape, build) in enumerate(GROUPS[group].values()):
        x = keras.Input(shape, name=f"x{k}")
        inputs.append(x)
        outputs.append(build(hgq, hgq.HQuantize(name=f"q{k}")(x)))
    model = keras.Model(inputs, outputs)
    train(model)
    rng = np.random.default_rng(5)
    return model, {
        t.name: rng.normal(0, 2, (ROWS, *t.shape[1:])).astype(np.float32) for t in inputs
    }


def check(path: Path, x: dict[str, Any], expected: Any, names: list[str]) -> Any:
    """Equality of ``forward`` and emulation with the framework's outputs."""
    graph = converter.load(path)
    typed = converter.apply(graph)
    x = dict(zip(graph.inputs, x.values(), strict=True))
    values, codes = forward(graph, x), emulate_codes(typed, quantize_inputs(typed, x))
    for name, y, real, bits in zip(names, expected, graph.outputs, typed.outputs, strict=True):
        ours = typed.edges[bits].type.to_float(codes[bits]).reshape(y.shape)
        assert np.array_equal(values[real], y), f"{name}: forward"
        assert np.array_equal(ours, y), f"{name}: emulation"
    assert converter.apply(graph, resolved_config(typed)).digest() == typed.digest()
    return typed, x


@pytest.mark.parametrize("group", GROUPS)
def test_every_bit_is_hgqs_own(hgq: Any, keras2: ModuleType, group: str, tmp_path: Path) -> None:
    from HGQ import to_proxy_model, trace_minmax

    model, x = built(hgq, keras2, group)
    names, given = list(GROUPS[group]), list(x.values())
    model.save(tmp_path / "model.h5")
    expected = model.predict(given, verbose=0)
    typed, inputs = check(tmp_path / "model.h5", x, expected, names)
    check_csim(typed, inputs, names=names)
    trace_minmax(model, given, verbose=False, no_bops_computation=True)
    proxy = to_proxy_model(model)
    proxy.save(tmp_path / "proxy.h5")
    check(tmp_path / "proxy.h5", x, proxy.predict(given, verbose=0), names)


def test_a_proxys_table_is_read(hgq: Any, keras2: ModuleType, tmp_path: Path) -> None:
    from HGQ.proxy.fixed_point_quantizer import FixedPointQuantizer
    from HGQ.proxy.unary_lut import UnaryLUT

    x = keras2.Input((5,))
    y = FixedPointQuantizer(1, 6, 2, "RND", "SAT", name="q")(x)
    table = UnaryLUT.from_activation(np.tanh, (1, 1, 4), (1, 0, 5, "RND", "SAT"))
    model = keras2.Model(x, table(y))
    model.save(tmp_path / "model.h5")
    given = np.random.default_rng(1).normal(0, 2, (ROWS, 5)).astype(np.float32)
    expected = model.predict(given, verbose=0)
    typed, inputs = check(tmp_path / "model.h5", {"x": given}, [expected], ["table"])
    check_csim(typed, inputs)


def test_data_set_the_integer_bits_that_the_file_lacks(
    hgq: Any, keras2: ModuleType, tmp_path: Path
) -> None:
    keras2.backend.clear_session()
    x = keras2.Input((6,))
    model = keras2.Model(x, hgq.HDense(4)(hgq.HDense(5, activation="relu")(hgq.HQuantize()(x))))
    train(model)
    model.save(tmp_path / "model.h5")
    data = np.random.default_rng(2).normal(0, 1, (ROWS, 6)).astype(np.float32)
    graph = converter.load(tmp_path / "model.h5")
    exact = converter.apply(graph)
    typed = converter.apply(graph, ranges=measure_ranges(graph, data))
    expected = model.predict(data, verbose=0)
    assert np.array_equal(emulate(exact, data), expected)
    assert np.array_equal(emulate(typed, data), expected)
    widths = [g.edges[g.outputs[0]].type.width for g in (exact, typed)]
    assert widths[1] < widths[0]


REFUSED = {
    "SAT='WRAP_SM' is not supported|SAT=WRAP_SM is not supported": {"SAT": "WRAP_SM"},
    "RND='nearest' is not supported": {"RND": "nearest"},
}


@pytest.mark.parametrize("message", REFUSED)
def test_modes_that_are_not_there_are_refused_by_name(message: str) -> None:
    from converter.layers import READERS
    from converter.layers.spec import LayerSpec

    attributes = {"RND": "TRN", "SAT": "WRAP", **REFUSED[message]}
    one = np.ones((1, 4))
    bits = {"keep_negative": one, "bits": 4 * one, "integers": 2 * one}
    spec = LayerSpec("q", "HGQ>FixedPointQuantizer", attributes, bits)
    with pytest.raises(UnsupportedError, match=message):
        READERS["HGQ>FixedPointQuantizer"](spec)


def test_the_shared_jet_classifier_gives_its_frameworks_bits(
    hgq: Any, keras2: ModuleType, shared: Path
) -> None:
    from HGQ.proxy.fixed_point_quantizer import FixedPointQuantizer

    path = shared / "models" / "hgq_jet_classifier.h5"
    known = {"FixedPointQuantizer": FixedPointQuantizer}
    model = keras2.models.load_model(path, custom_objects=known, compile=False)
    data = np.load(shared / "data" / "jsc_hlf_2k.npz")
    typed, _ = check(path, {"x": data["X"]}, [model.predict(data["X"], verbose=0)], ["jets"])
    wide = np.random.default_rng(4).normal(0, 4, (2000, 16)).astype(np.float32)
    assert np.array_equal(emulate(typed, wide), model.predict(wide, verbose=0))
    order = [list("gqtwz").index(c) for c in "gqwzt"]  # of the model's outputs
    found = np.array(order)[emulate(typed, data["X"]).argmax(axis=1)]
    assert (found == data["y"]).mean() == 0.768
    check_csim(typed, data["X"])
