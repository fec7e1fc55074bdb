"""Every attribute of every layer of Keras and QKeras: honoured, or refused by name.

The attributes are those of the framework's own ``get_config()``. A class has a ``Sweep``: shapes of
its inputs, the arguments that it is built with, and for each attribute that acts at inference
values other than those. A layer with such a value is built, saved and read. Then either

- ``converter.forward`` gives the framework's output, which must differ from that of the layer
  without the value, so that the value is one that acts; or,
- where the table says ``refused``, the message names the layer, its class and the attribute.

What does not act at inference is in ``IDLE``: other values of these change nothing, and are not
refused. An attribute that stands in neither, such as one of a newer Keras, fails the test.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from inspect import isfunction, signature
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from harness import Draw, Saved, check_float, generation, save_model, shake, steps, whole

from converter.errors import ModelError
from converter.forward import forward
from converter.frontends import load
from converter.layers import READERS

Shape = tuple[int, ...]


@dataclass(frozen=True)
class Value:
    """A value of an attribute, ``also`` with other arguments that it needs."""

    value: Any
    also: Mapping[str, Any] = field(default_factory=dict)
    refused: bool = False


def value(given: Any, **also: Any) -> Value:
    """A value that is honoured, with other arguments."""
    return Value(given, also)


def refused(given: Any, **also: Any) -> Value:
    """A value that is refused by name."""
    return Value(given, also, refused=True)


@dataclass(frozen=True)
class Sweep:
    """``others``: by attribute, values that are not those of ``base``; bare where nothing else is
    needed.
    """

    shapes: tuple[Shape, ...]
    base: Mapping[str, Any] = field(default_factory=dict)
    others: Mapping[str, tuple[Any, ...]] = field(default_factory=dict)
    draw: Draw = steps

    def values(self, keys: set[str]) -> Iterator[tuple[str, Value]]:
        """Attributes, of those in ``keys``, with each of their values."""
        for key, values in self.others.items():
            for one in values if key in keys else ():
                yield key, one if isinstance(one, Value) else Value(one)


def sweep(shape: Any, base: Mapping[str, Any] | None = None, **others: tuple[Any, ...]) -> Sweep:
    """A sweep over one input of ``shape``, or several for a list of shapes."""
    shapes = tuple(shape) if isinstance(shape, list) else (shape,)
    return Sweep(shapes, base or {}, others)


FIRST = (refused("channels_first"),)
FUNCTIONS = ("relu", "tanh", "hard_sigmoid", refused("log_softmax"))

CONV = {"filters": 4, "kernel_size": 3}
CONVOLVED: dict[str, tuple[Any, ...]] = {
    "kernel_size": (2,), "strides": (2,), "padding": ("same",), "dilation_rate": (2,),
    "use_bias": (False,), "activation": FUNCTIONS, "data_format": FIRST,
}  # fmt: skip
FILTERED = {**CONVOLVED, "filters": (2,)}
TRANSPOSED = {
    **FILTERED,
    "output_padding": (value(1, strides=2), value(0, strides=2, padding="same")),
    "groups": (refused(2),),
}
MULTIPLIED = {**CONVOLVED, "depth_multiplier": (2,), "groups": (refused(2),)}
POOLED: dict[str, tuple[Any, ...]] = {
    "pool_size": (3,), "strides": (1,), "padding": ("same",), "data_format": FIRST,
}  # fmt: skip
GLOBAL = {"data_format": FIRST, "keepdims": (True,)}
NORMALISED: dict[str, tuple[Any, ...]] = {
    "axis": (1,), "epsilon": (0.5,), "center": (False,), "scale": (False,),
}  # fmt: skip
ADAPTED = {"lora_rank": (refused(2),), "quantization_config": ()}
"""Of Keras 3; their layers stand in files with them only once the model was adapted."""

SIGNAL, IMAGE = (9, 4), (7, 6, 4)
BITS, OTHER = "quantized_bits(4,0,1,alpha=1)", "quantized_bits(3,1,alpha=1)"
BERNOULLI = refused("bernoulli")
KERNEL = {"kernel_quantizer": BITS, "bias_quantizer": BITS}
QUANTIZED: dict[str, tuple[Any, ...]] = {
    "kernel_quantizer": (OTHER, "quantized_po2(4)", None, BERNOULLI),
    "bias_quantizer": (OTHER, None, BERNOULLI),
    "activation": ("quantized_relu(4,1)", "hard_sigmoid", refused("log_softmax")),
    "groups": (refused(2),),
}
DEPTHWISE = {"depthwise_quantizer": BITS, "bias_quantizer": BITS}
QDEPTHWISE = {
    **{k: v for k, v in QUANTIZED.items() if k != "kernel_quantizer"},
    "depthwise_quantizer": QUANTIZED["kernel_quantizer"],
}
QSEPARABLE = {**QDEPTHWISE, "pointwise_quantizer": QUANTIZED["kernel_quantizer"]}
SEPARABLE = {**DEPTHWISE, "pointwise_quantizer": BITS}
FOLDED: dict[str, tuple[Any, ...]] = {
    "axis": (refused(1, kernel_size=4),), "epsilon": (0.5,), "scale": (False,), "center": (),
    "folding_mode": (), "data_format": (),
}  # fmt: skip
"""QKeras fails without ``center``, knows two modes of training, and forgets the data's format."""

SWEEPS: dict[str, Sweep] = {
    "Activation": sweep((5,), {"activation": "relu"}, activation=("tanh", "elu", *FUNCTIONS[2:])),
    "ActivityRegularization": sweep((5,)),
    "Add": sweep([(5,), (5,)]),
    "AlphaDropout": sweep((5,), {"rate": 0.5}),
    "Average": sweep([(5,), (5,)]),
    "AveragePooling1D": sweep(SIGNAL, {"pool_size": 2}, **POOLED),
    "AveragePooling2D": sweep(IMAGE, {"pool_size": 2}, **POOLED),
    "BatchNormalization": sweep((4, 4), **NORMALISED, renorm=(refused(True),)),
    "Concatenate": sweep([(4, 3), (4, 3)], axis=(1,)),
    "Conv1D": sweep(SIGNAL, CONV, **{**FILTERED, "padding": ("same", "causal")}, groups=(2,)),
    "Conv1DTranspose": sweep(SIGNAL, CONV, **TRANSPOSED),
    "Conv2D": sweep(IMAGE, CONV, **FILTERED, groups=(2,)),
    "Conv2DTranspose": sweep(IMAGE, CONV, **TRANSPOSED),
    "Cropping1D": sweep(SIGNAL, cropping=(2, (0, 1)), data_format=FIRST),
    "Cropping2D": sweep(IMAGE, cropping=(2, ((0, 1), (2, 1))), data_format=FIRST),
    "Dense": sweep(
        (3, 4), {"units": 3}, units=(2,), use_bias=(False,), activation=FUNCTIONS, **ADAPTED
    ),
    "DepthwiseConv1D": sweep(SIGNAL, {"kernel_size": 3}, **MULTIPLIED),
    "DepthwiseConv2D": sweep(IMAGE, {"kernel_size": 3}, **MULTIPLIED),
    "Dot": sweep([(4, 4), (4, 4)], {"axes": 1}, axes=(2, (1, 2)), normalize=(refused(True),)),
    "Dropout": sweep((5,), {"rate": 0.5}),
    "ELU": sweep((5,), alpha=(0.5,)),
    "Embedding": Sweep(
        ((5,),),
        {"input_dim": 7, "output_dim": 3},
        {
            "input_dim": (8,), "output_dim": (2,), "mask_zero": (refused(True),),
            **ADAPTED,
        },
        whole(7),
    ),
    "Flatten": sweep(SIGNAL, data_format=FIRST),
    "GaussianDropout": sweep((5,), {"rate": 0.5}),
    "GaussianNoise": sweep((5,), {"stddev": 0.5}),
    "GlobalAveragePooling1D": sweep(SIGNAL, **GLOBAL),
    "GlobalAveragePooling2D": sweep(IMAGE, **GLOBAL),
    "GlobalMaxPooling1D": sweep(SIGNAL, **GLOBAL),
    "GlobalMaxPooling2D": sweep(IMAGE, **GLOBAL),
    "LayerNormalization": sweep((4, 4), **NORMALISED, rms_scaling=(refused(True),)),
    "LeakyReLU": sweep((5,), alpha=(0.5,), negative_slope=(0.5,)),
    "MaxPooling1D": sweep(SIGNAL, {"pool_size": 2}, **POOLED),
    "MaxPooling2D": sweep(IMAGE, {"pool_size": 2}, **POOLED),
    "Maximum": sweep([(5,), (5,)]),
    "Minimum": sweep([(5,), (5,)]),
    "Multiply": sweep([(5,), (5,)]),
    "PReLU": sweep(SIGNAL, shared_axes=((1,), (2,))),
    "Permute": sweep((3, 4, 2), {"dims": (2, 1, 3)}, dims=((3, 1, 2),)),
    "QActivation": sweep(
        (5,), {"activation": "quantized_relu(4,1)"},
        activation=("quantized_relu(3,1)", "quantized_bits(4,1,alpha=1)", BERNOULLI),
    ),
    "QAveragePooling2D": sweep(
        IMAGE, {"pool_size": 2}, **POOLED,
        average_quantizer=(value("quantized_bits(3,0,1)", pool_size=3),),
        activation=QUANTIZED["activation"],
    ),
    "QBatchNormalization": sweep(
        (4, 4), **NORMALISED,
        **{f"{name}_quantizer": ("quantized_bits(4,1,alpha=1)", None)
           for name in ("beta", "gamma", "mean", "variance")},
        inverse_quantizer=(refused("quantized_bits(8,0,1)"),),
        activation=(refused("quantized_relu(4)"),),
    ),
    "QConv1D": sweep(
        SIGNAL, {**CONV, **KERNEL}, **{**FILTERED, **QUANTIZED, "padding": ("same", "causal")}
    ),
    "QConv2D": sweep(IMAGE, {**CONV, **KERNEL}, **{**FILTERED, **QUANTIZED}),
    "QConv2DBatchnorm": sweep(
        IMAGE, {**CONV, **KERNEL}, **{**FILTERED, **QUANTIZED, **FOLDED}
    ),
    "QDense": sweep(
        (5,), {"units": 3, **KERNEL}, units=(2,), use_bias=(False,), **QUANTIZED
    ),
    "QDepthwiseConv2D": sweep(
        IMAGE, {"kernel_size": 3, **DEPTHWISE}, **{**MULTIPLIED, **QDEPTHWISE}
    ),
    "QDepthwiseConv2DBatchnorm": sweep(
        IMAGE, {"kernel_size": 3, **DEPTHWISE}, **{**MULTIPLIED, **QDEPTHWISE, **FOLDED}
    ),
    "QGlobalAveragePooling2D": sweep(
        IMAGE, **GLOBAL, average_quantizer=("quantized_bits(5,0,1)",),
        activation=QUANTIZED["activation"],
    ),
    "QSeparableConv1D": sweep(
        SIGNAL, {**CONV, **SEPARABLE}, **{**FILTERED, **MULTIPLIED, **QSEPARABLE}
    ),
    "QSeparableConv2D": sweep(
        IMAGE, {**CONV, **SEPARABLE}, **{**FILTERED, **MULTIPLIED, **QSEPARABLE}
    ),
    "ReLU": sweep((9,), max_value=(1.25,), negative_slope=(0.3,), threshold=(0.75,)),
    "RepeatVector": sweep((3,), {"n": 2}, n=(3,)),
    "Reshape": sweep((4, 3), {"target_shape": (12,)}, target_shape=((2, -1),)),
    "SeparableConv1D": sweep(SIGNAL, CONV, **{**MULTIPLIED, **FILTERED}),
    "SeparableConv2D": sweep(IMAGE, CONV, **{**MULTIPLIED, **FILTERED}),
    "Softmax": sweep((4, 4), axis=(1,)),
    "SpatialDropout1D": sweep(SIGNAL, {"rate": 0.5}),
    "SpatialDropout2D": sweep(IMAGE, {"rate": 0.5}, data_format=()),
    "Subtract": sweep([(5,), (5,)]),
    "ThresholdedReLU": sweep((9,), theta=(0.5,)),
    "UpSampling1D": sweep(SIGNAL, size=(3,)),
    "UpSampling2D": sweep(
        IMAGE, size=(3, (1, 2)), interpolation=(refused("bilinear"),), data_format=FIRST
    ),
    "ZeroPadding1D": sweep(SIGNAL, padding=(2, (0, 1)), data_format=FIRST),
    "ZeroPadding2D": sweep(IMAGE, padding=(2, ((0, 1), (2, 1))), data_format=FIRST),
}  # fmt: skip

ELSEWHERE = ("HGQ>", "hgq>", "ops.")
"""Classes of other frameworks, and functions, whose attributes other tests are for."""

IDLE: dict[str, Any] = {
    "ema_freeze_delay": 5, "input_length": 5, "l1": 0.5, "l2": 0.5, "momentum": 0.5, "rate": 0.25,
    "renorm_momentum": 0.5, "seed": 3, "stddev": 0.25, "synchronized": True, "trainable": False,
    **{f"{name}_range": 2 for name in ("beta", "bias", "depthwise", "gamma", "kernel")},
}  # fmt: skip
"""Attributes that act in training or in making the weights only, with other values."""

IDLE_KINDS = {"_initializer": "ones", "_regularizer": "l2", "_constraint": "non_neg"}
"""The same by the end of an attribute's name."""

UNTOUCHED = ("name", "batch_input_shape", "noise_shape", "renorm_clipping")
"""What names the layer, repeats its input's shape, or has None as its only value in a file here."""


def class_of(keras: ModuleType, name: str) -> Any:
    """The class of Keras or QKeras; skips where this Keras has none."""
    module = keras.layers
    if name.startswith("Q"):
        if generation(keras) != 2:
            pytest.skip("QKeras is for Keras 2")
        module = pytest.importorskip("qkeras")
    if not hasattr(module, name):
        pytest.skip(f"no such layer in Keras {generation(keras)}")
    return getattr(module, name)


@dataclass(frozen=True)
class Bench:
    """Builds and saves models of one layer, ``probe``, always with the same weights and inputs."""

    keras: ModuleType
    kind: Any
    sweep: Sweep
    folder: Path

    def model(self, arguments: Mapping[str, Any]) -> Any:
        """The layer with ``arguments`` in place of, or beside, those of the table."""
        inputs = [self.keras.Input(s, name=f"x{k}") for k, s in enumerate(self.sweep.shapes)]
        layer = self.kind(**{**self.sweep.base, **arguments}, name="probe")
        return self.keras.Model(inputs, layer(inputs if len(inputs) > 1 else inputs[0]))

    def saved(self, arguments: Mapping[str, Any]) -> Saved:
        """Its file and outputs."""
        model, rng = self.model(arguments), np.random.default_rng(1)
        probe, trainable = model.layers[-1], arguments.get("trainable", True)
        probe.trainable = True  # else the weights, and what they get, are in another order
        shake(model)
        probe.trainable = trainable
        x = {f"x{k}": self.sweep.draw(rng, (6, *s)) for k, s in enumerate(self.sweep.shapes)}
        return save_model(self.keras, model, self.folder, x)

    def file(self, arguments: Mapping[str, Any]) -> Path:
        """Its file alone, where the framework may not be able to compute it."""
        path = self.folder / ("model.h5" if generation(self.keras) == 2 else "model.keras")
        self.model(arguments).save(path)
        return path


@pytest.fixture
def bench(framework: ModuleType, tmp_path: Path) -> Callable[[str], Bench]:
    """A bench for a class by name."""
    framework.backend.clear_session()
    return lambda name: Bench(framework, class_of(framework, name), SWEEPS[name], tmp_path)


@pytest.mark.parametrize("name", SWEEPS)
def test_every_attribute_is_honoured_or_refused(bench: Any, name: str) -> None:
    layers = bench(name)
    keys = set(layers.kind(**layers.sweep.base).get_config())
    base = layers.saved({})
    check_float(load(base.path), base.x, base.y)
    for key, one in layers.sweep.values(keys):
        arguments = {**one.also, key: one.value}
        if one.refused:
            check_refusal(layers.file(arguments), name, key)
            continue
        saved = layers.saved(arguments)
        assert not same(saved.y, base.y), f"{key}={one.value} does nothing; give another value"
        check_float(load(saved.path), saved.x, saved.y, names=[f"{key}={one.value}"])
    if not name.startswith("Q"):  # QKeras' layers compute in float32 alone
        check_refusal(layers.file({"dtype": "float64"}), name, "dtype")


def check_refusal(path: Path, name: str, key: str) -> None:
    """The message starts with the layer and its class, and names the attribute."""
    with pytest.raises(ModelError, match=rf"^probe \({name}[),].*\b{key}\b"):
        load(path)


def same(ours: Any, theirs: Any) -> bool:
    """Whether all outputs are of the same shapes and values."""
    return all(
        a.shape == b.shape and np.array_equal(a, b) for a, b in zip(ours, theirs, strict=True)
    )


@pytest.mark.parametrize("name", SWEEPS)
def test_attributes_of_training_change_nothing(bench: Any, name: str) -> None:
    layers = bench(name)
    keys = layers.kind(**layers.sweep.base).get_config()
    other = {key: IDLE[key] for key in keys if key in IDLE}
    other |= {k: v for k in keys for end, v in IDLE_KINDS.items() if k.endswith(end)}
    base, saved = layers.saved({}), layers.saved(other)
    assert same(saved.y, base.y), f"one of {sorted(other)} does something at inference"
    check_float(load(saved.path), saved.x, saved.y)


@pytest.mark.parametrize("name", SWEEPS)
def test_no_attribute_is_unknown_to_this_test(framework: ModuleType, name: str) -> None:
    given = SWEEPS[name]
    known = {*given.others, *IDLE, *UNTOUCHED, "dtype"}
    keys = class_of(framework, name)(**given.base).get_config()
    new = {k for k in keys if k not in known and not k.endswith(tuple(IDLE_KINDS))}
    assert not new, f"{name} has attributes that the table does not: {sorted(new)}"


def test_every_class_is_in_the_table() -> None:
    readers = {name for name in READERS if not name.startswith(ELSEWHERE)}
    assert readers - set(SWEEPS) == {*NOT_SWEPT}


NOT_SWEPT = {
    "FixedPointQuantizer": "of HGQ's proxy models",
    "InputLayer": "below",
    "QConv2DTranspose": "whose call fails in TensorFlow 2.15; see test_qkeras_layers.py",
    "UnaryLUT": "of HGQ's proxy models",
}


@pytest.mark.parametrize(
    ("arguments", "key"),
    [
        ({"batch_size": 6}, None),
        ({"dtype": "int32"}, None),
        ({"dtype": "float64"}, "dtype"),
        ({"sparse": True}, "sparse"),
        ({"ragged": True}, "ragged"),
        ({"optional": True}, "optional"),
    ],
)
def test_inputs(
    framework: ModuleType, arguments: dict[str, Any], key: str | None, tmp_path: Path
) -> None:
    """InputLayer, whose attributes are arguments of ``Input``."""
    path = tmp_path / ("model.h5" if generation(framework) == 2 else "model.keras")
    try:
        x = framework.Input((3,), name="probe", **arguments)
        framework.Model(x, framework.layers.Flatten()(x)).save(path)
    except (TypeError, ValueError) as error:
        pytest.skip(f"not in Keras {generation(framework)}: {error}")
    if key is not None:
        check_refusal(path, "InputLayer", key)
        return
    data = np.arange(18.0).reshape(6, 3)
    graph = load(path)
    assert np.array_equal(forward(graph, data)[graph.outputs[0]], data)


def test_every_function_is_honoured_or_refused(framework: ModuleType, tmp_path: Path) -> None:
    """What ``keras.activations`` has, as the argument of Activation."""
    framework.backend.clear_session()
    made = Bench(framework, framework.layers.Activation, sweep((4, 6)), tmp_path)
    honoured = set()
    for name in functions(framework):
        saved = made.saved({"activation": name})
        refusal = refusal_of(saved.path)
        if refusal is None:
            check_float(load(saved.path), saved.x, saved.y, names=[name])
            honoured.add(name)
        else:
            assert refusal.startswith(f"probe (Activation): activation '{name}' is not supported")
    assert honoured >= {"relu", "elu", "selu", "sigmoid", "tanh", "softmax", "softplus", "softsign"}


def refusal_of(path: Path) -> str | None:
    """The message where the file is refused."""
    try:
        load(path)
    except ModelError as error:
        return str(error)
    return None


def functions(keras: ModuleType) -> list[str]:
    """Names of the activation functions that can be called on a tensor alone."""
    found = {n: getattr(keras.activations, n) for n in dir(keras.activations)}
    other = ("deserialize", "get", "serialize")
    return [n for n, f in found.items() if isfunction(f) and n not in other and needed(f) == 1]


def needed(function: Any) -> int:
    """Arguments without a default."""
    return sum(p.default is p.empty for p in signature(function).parameters.values())
