"""Train the example: a small dense network on scikit-learn's handwritten digits.

Writes ``digits.h5`` (the trained Keras model) and ``digits.npz`` (``x``, ``y``: rows kept
apart for scoring; ``x_train``, ``y_train``) beside this file. Needs the extra ``keras2``:

    python examples/digits/train.py
"""

from pathlib import Path

import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from tensorflow import keras

HERE = Path(__file__).parent
SEED = 0


def load_data() -> tuple[np.ndarray, ...]:
    """Images [rows, 64] scaled to [0, 1] in steps of 1/16, and their classes."""
    digits = load_digits()
    x = (digits.data / 16.0).astype(np.float32)
    return tuple(
        train_test_split(x, digits.target, test_size=0.4, random_state=SEED, stratify=digits.target)
    )


def build_model() -> keras.Model:
    """64-32-16-10, ReLU, with a softmax at the end."""
    return keras.Sequential(
        [
            keras.layers.Input(shape=(64,), name="pixels"),
            keras.layers.Dense(32, activation="relu", name="fc1"),
            keras.layers.Dense(16, activation="relu", name="fc2"),
            keras.layers.Dense(10, activation="softmax", name="scores"),
        ],
        name="digits",
    )


def main() -> None:
    """Train, save, and print the accuracy on the rows kept apart."""
    keras.utils.set_random_seed(SEED)
    x_train, x, y_train, y = load_data()
    model = build_model()
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    model.fit(x_train, y_train, batch_size=32, epochs=60, verbose=0)
    print(f"accuracy on {len(x)} rows: {model.evaluate(x, y, verbose=0)[1]:.4f}")
    model.save(HERE / "digits.h5", include_optimizer=False)
    np.savez_compressed(HERE / "digits.npz", x=x, y=y, x_train=x_train, y_train=y_train)


if __name__ == "__main__":
    main()
