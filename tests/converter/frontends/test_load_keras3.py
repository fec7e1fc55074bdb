"""Random models written by Keras 3, and read by us: the same outputs."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from converter.errors import UnsupportedError
from converter.forward import forward
from converter.frontends import load

pytestmark = pytest.mark.keras3

NAMES = ["linear", "relu", "relu6", "sigmoid", "tanh", "softmax"]


def randomise(model, rng) -> None:
    model.set_weights(
        [
            rng.normal(0, 0.5, w.shape) if w.ndim > 1 else rng.uniform(0.2, 1.2, w.shape)
            for w in model.get_weights()
        ]
    )


def saved(model, folder: Path, way: str) -> tuple[Path, ...]:
    if way == "json":
        (folder / "m.json").write_text(model.to_json())
        model.save_weights(folder / "m.weights.h5")
        return folder / "m.json", folder / "m.weights.h5"
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
        lambda: layers.Dropout(0.4, seed=1),
        layers.Flatten,
        lambda: layers.Activation(str(rng.choice(NAMES))),
        lambda: layers.ReLU(max_value=1.5, negative_slope=0.125, threshold=0.25),
        lambda: layers.LeakyReLU(0.2),
        layers.Softmax,
    ]
    shape = (5,) if rng.integers(2) else (2, 3)
    model = keras.Sequential([keras.Input(shape)])
    if len(shape) > 1:
        model.add(layers.BatchNormalization())
        model.add(layers.Flatten())
    for _ in range(int(rng.integers(2, 8))):
        model.add(kinds[int(rng.integers(len(kinds)))]())
    return model, shape


@pytest.mark.parametrize("way", ["h5", "json", "keras"])
@pytest.mark.parametrize("seed", range(6))
def test_sequential_models(keras3, tmp_path: Path, way, seed):
    rng = np.random.default_rng(seed)
    model, shape = random_sequential(keras3, rng)
    randomise(model, rng)
    x = rng.normal(0, 1, (20, *shape)).astype(np.float32)
    graph = load(*saved(model, tmp_path, way))
    assert_float32_close(forward(graph, x)[graph.outputs[0]], model.predict(x, verbose=0))


@pytest.mark.parametrize("way", ["h5", "json", "keras"])
def test_a_functional_model_of_two_inputs_and_three_outputs(keras3, tmp_path: Path, way):
    layers, rng = keras3.layers, np.random.default_rng(1)
    second = keras3.Input((3,), name="second")
    first = keras3.Input((4,), name="first")
    trunk = layers.Dense(6, activation="relu", name="trunk")(first)
    left = layers.Dense(2, activation="softmax", name="left")(trunk)
    right = layers.Dense(3, name="right")(layers.BatchNormalization()(trunk))
    other = layers.Dense(2, activation="tanh", name="other")(second)
    model = keras3.Model([first, second], [right, other, left])
    randomise(model, rng)
    graph = load(*saved(model, tmp_path, way))
    assert graph.inputs == ("first", "second")
    assert graph.outputs == ("right", "other_tanh", "left_softmax")
    x = {"first": rng.normal(0, 1, (9, 4)), "second": rng.normal(0, 1, (9, 3))}
    values = forward(graph, x)
    for name, theirs in zip(graph.outputs, model.predict(list(x.values()), verbose=0), strict=True):
        assert_float32_close(values[name], theirs)


@pytest.mark.parametrize("way", ["h5", "json", "keras"])
def test_a_model_with_one_output_given_bare(keras3, tmp_path: Path, way):
    x = keras3.Input((3,), name="x")
    model = keras3.Model(x, keras3.layers.Dense(2, name="y")(x))
    graph = load(*saved(model, tmp_path, way))
    assert (graph.inputs, graph.outputs) == (("x",), ("y",))


def test_a_trained_model_keeps_its_optimizer_to_itself(keras3, tmp_path: Path):
    model = keras3.Sequential([keras3.Input((3,)), keras3.layers.Dense(2, name="y")])
    model.compile("adam", "mse")
    model.fit(np.ones((8, 3)), np.ones((8, 2)), verbose=0)
    for way in ("h5", "keras"):
        kernel = load(*saved(model, tmp_path, way))["y"].layer.kernel
        assert np.array_equal(kernel, model.layers[0].kernel.numpy())


@pytest.mark.parametrize(
    ("layer", "message"),
    [
        (
            lambda k: k.layers.Conv1D(2, 1, data_format="channels_first"),
            r"conv1d\w* \(Conv1D\): attribute data_format='channels_first' is not",
        ),
        (lambda k: k.layers.Dense(2, activation="log_softmax"), "activation 'log_softmax' is not"),
        (lambda k: k.layers.Dense(2, dtype="float16"), "attribute dtype='float16' is not"),
        (lambda k: k.layers.Dense(2, dtype="mixed_float16"), "attribute dtype='mixed_float16'"),
        (lambda k: k.layers.Lambda(lambda x: x), r"lambda\w* \(Lambda\).*never run"),
    ],
)
@pytest.mark.parametrize("way", ["h5", "keras"])
def test_what_is_not_supported_is_refused_by_name(keras3, tmp_path: Path, layer, message, way):
    x = keras3.Input((4, 3))
    model = keras3.Model(x, layer(keras3)(x))
    with pytest.raises(UnsupportedError, match=message):
        load(*saved(model, tmp_path, way))


def test_low_rank_adapters_are_refused(keras3, tmp_path: Path):
    model = keras3.Sequential([keras3.Input((8,)), keras3.layers.Dense(6, name="fc1")])
    model.layers[0].enable_lora(4)
    with pytest.raises(UnsupportedError, match=r"fc1 \(Dense\): attribute lora_rank=4 is not"):
        load(*saved(model, tmp_path, "keras"))


def test_a_class_of_ones_own_is_not_mistaken_for_kerass(keras3, tmp_path: Path):
    @keras3.saving.register_keras_serializable("mine", "Dense")
    class Dense(keras3.layers.Dense):
        def call(self, x):
            return -super().call(x)

    model = keras3.Sequential([keras3.Input((3,)), Dense(2, name="fc1")])
    with pytest.raises(UnsupportedError, match=r"fc1 \(Dense\): .* is not supported"):
        load(*saved(model, tmp_path, "keras"))
