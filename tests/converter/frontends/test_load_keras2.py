"""Random models written by Keras 2 and QKeras, and read by us: the same outputs."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from converter.forward import forward
from converter.frontends import load

pytestmark = pytest.mark.keras2


def randomise(model, rng) -> None:
    """Weights of size 1, variances above 0."""
    model.set_weights(
        [
            rng.normal(0, 0.5, w.shape) if w.ndim > 1 else rng.uniform(0.2, 1.2, w.shape)
            for w in model.get_weights()
        ]
    )


def saved(model, folder: Path, way: str) -> tuple[Path, ...]:
    """The model's files in one of the formats."""
    if way == "json":
        (folder / "m.json").write_text(model.to_json())
        model.save_weights(folder / "w.h5")
        return folder / "m.json", folder / "w.h5"
    model.save(folder / f"m.{way}")
    return (folder / f"m.{way}",)


def assert_float32_close(ours: np.ndarray, theirs: np.ndarray) -> None:
    """Keras computes in float32, we in float64: a few roundings of 2**-24 per layer."""
    np.testing.assert_allclose(ours, theirs, atol=2e-5 * max(1.0, np.abs(theirs).max()))


def random_sequential(keras, rng):
    layers = keras.layers
    kinds = [
        lambda: layers.Dense(int(rng.integers(1, 9)), activation=str(rng.choice(NAMES))),
        lambda: layers.Dense(int(rng.integers(1, 9)), use_bias=False),
        lambda: layers.BatchNormalization(
            center=bool(rng.integers(2)), scale=bool(rng.integers(2)), epsilon=0.01
        ),
        lambda: layers.Dropout(0.4),
        layers.Flatten,
        lambda: layers.Activation(str(rng.choice(NAMES))),
        lambda: layers.ReLU(max_value=1.5, negative_slope=0.125, threshold=0.25),
        lambda: layers.ReLU(max_value=6.0),
        lambda: layers.LeakyReLU(0.2),
        layers.Softmax,
    ]
    model = keras.Sequential(name="m")
    shape = (5,) if rng.integers(2) else (2, 3)
    model.add(layers.InputLayer(input_shape=shape))
    if len(shape) > 1:
        model.add(layers.BatchNormalization())
        model.add(layers.Flatten())
    for _ in range(int(rng.integers(2, 8))):
        model.add(kinds[int(rng.integers(len(kinds)))]())
    return model, shape


NAMES = ["linear", "relu", "sigmoid", "tanh", "softmax"]


@pytest.mark.parametrize("way", ["h5", "json", "keras"])
@pytest.mark.parametrize("seed", range(4))
def test_sequential_models(keras2, tmp_path: Path, way, seed):
    rng = np.random.default_rng(seed)
    model, shape = random_sequential(keras2, rng)
    randomise(model, rng)
    x = rng.normal(0, 1, (20, *shape)).astype(np.float32)
    graph = load(*saved(model, tmp_path, way))
    values = forward(graph, x)
    assert_float32_close(values[graph.outputs[0]], model.predict(x, verbose=0))


@pytest.mark.parametrize("way", ["h5", "json", "keras"])
def test_a_functional_model_of_two_inputs_and_three_outputs(keras2, tmp_path: Path, way):
    layers, rng = keras2.layers, np.random.default_rng(1)
    second = layers.Input((3,), name="second")
    first = layers.Input((4,), name="first")
    trunk = layers.Dense(6, activation="relu", name="trunk")(first)
    left = layers.Dense(2, activation="softmax", name="left")(trunk)
    right = layers.Dense(3, name="right")(layers.BatchNormalization()(trunk))
    other = layers.Dense(2, activation="tanh", name="other")(second)
    model = keras2.Model([first, second], [right, other, left])
    randomise(model, rng)
    graph = load(*saved(model, tmp_path, way))
    assert graph.inputs == ("first", "second")
    assert graph.outputs == ("right", "other_tanh", "left_softmax")
    x = {"first": rng.normal(0, 1, (9, 4)), "second": rng.normal(0, 1, (9, 3))}
    values = forward(graph, x)
    for name, theirs in zip(graph.outputs, model.predict(list(x.values()), verbose=0), strict=True):
        assert_float32_close(values[name], theirs)


def test_a_sequential_model_without_an_input_layer(keras2, tmp_path: Path):
    model = keras2.Sequential([keras2.layers.Dense(3, name="a")])
    model.build((None, 4))
    graph = load(*saved(model, tmp_path, "json"))
    assert [(n.name, n.shape) for n in graph.nodes] == [("a_input", (4,)), ("a", (3,))]


@pytest.mark.parametrize(
    ("layer", "message"),
    [
        (
            lambda k: k.layers.Conv1D(2, 1, data_format="channels_first"),
            r"conv1d\w* \(Conv1D\): attribute data_format='channels_first' is not",
        ),
        (lambda k: k.layers.Dense(2, activation="log_softmax"), "activation 'log_softmax' is not"),
        (lambda k: k.layers.Dense(2, dtype="float64"), r"attribute dtype='float64' is not"),
        (lambda k: k.layers.Lambda(lambda x: x), r"lambda\w* \(Lambda\).*never run"),
    ],
)
def test_what_is_not_supported_is_refused_by_name(keras2, tmp_path: Path, layer, message):
    from converter.errors import UnsupportedError

    x = keras2.layers.Input((4, 3))
    model = keras2.Model(x, layer(keras2)(x))
    with pytest.raises(UnsupportedError, match=message):
        load(*saved(model, tmp_path, "h5"))


def quantized_model(keras, q, rng, kernel, activation):
    layers = [
        keras.layers.InputLayer(input_shape=(6,)),
        q.QActivation(q.quantized_bits(8, 3, alpha=1)),
        q.QDense(7, kernel_quantizer=kernel, bias_quantizer=q.quantized_bits(5, 1, alpha=1)),
        q.QActivation(activation),
        q.QDense(4, kernel_quantizer=q.quantized_bits(4, 0, alpha=1), activation=activation),
    ]
    model = keras.Sequential(layers)
    # Kernels that lie where x + (q - x) is exact in float32, so that all of QKeras is.
    model.set_weights(
        [rng.choice([-1, 1], w.shape) * rng.uniform(0.5, 0.9, w.shape) for w in model.get_weights()]
    )
    return model


KERNELS = [
    lambda q: q.quantized_bits(4, 0, alpha=1),
    lambda q: q.quantized_bits(6, 1, 1, alpha=1),
    lambda q: q.quantized_bits(4, 0, alpha="auto_po2"),
    lambda q: q.binary(alpha=1),
    lambda q: q.ternary(alpha=1),
    lambda q: q.ternary(alpha="auto_po2"),
    lambda q: q.stochastic_ternary(alpha="auto_po2"),
    lambda q: q.quantized_po2(4),
]
ACTIVATIONS = [
    lambda q: q.quantized_relu(4, 2),
    lambda q: q.quantized_relu(5, 1, negative_slope=0.25),
    lambda q: "quantized_relu(6,2)",
    lambda q: "quantized_bits(5,2,alpha=1)",
    lambda q: q.binary(alpha=1),
    lambda q: "ternary",
    lambda q: q.quantized_po2(3, 2),
    lambda q: q.quantized_relu_po2(4, 4),
]


@pytest.mark.parametrize("way", ["h5", "json", "keras"])
@pytest.mark.parametrize("case", range(8))
def test_qkeras_models_have_the_very_outputs(keras2, qkeras, tmp_path: Path, way, case):
    rng = np.random.default_rng(case)
    kernel, activation = KERNELS[case](qkeras), ACTIVATIONS[case](qkeras)
    model = quantized_model(keras2, qkeras, rng, kernel, activation)
    x = (rng.integers(-128, 128, (64, 6)) / 16).astype(np.float32)
    graph = load(*saved(model, tmp_path, way))
    assert np.array_equal(forward(graph, x)[graph.outputs[0]], model.predict(x, verbose=0))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"kernel_quantizer": "bernoulli"}, "bernoulli is not supported, as QKeras draws"),
        ({"activation": "quantized_bits(4,0,alpha='auto')"}, "alpha=auto is not supported for an"),
        ({"activation": "log_softmax"}, "activation 'log_softmax' is not supported"),
    ],
)
def test_quantizers_that_are_not_honoured(keras2, qkeras, tmp_path: Path, arguments, message):
    from converter.errors import UnsupportedError

    model = keras2.Sequential(
        [keras2.layers.InputLayer(input_shape=(3,)), qkeras.QDense(2, name="fc", **arguments)]
    )
    with pytest.raises(UnsupportedError, match=rf"fc \(QDense.*{message}"):
        load(*saved(model, tmp_path, "h5"))
