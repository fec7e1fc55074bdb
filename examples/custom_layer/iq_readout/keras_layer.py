"""The layer in Keras 3, for training."""

from __future__ import annotations

from typing import Any

import keras


@keras.saving.register_keras_serializable("iq_readout")
class IQMagnitude(keras.layers.Layer):
    """[..., 2] -> [..., 1]: max(|i|, |q|) + 3/8 min(|i|, |q|)."""

    def call(self, x: Any) -> Any:
        """Of pairs along the last axis."""
        size = keras.ops.abs(x)
        larger = keras.ops.max(size, axis=-1, keepdims=True)
        smaller = keras.ops.min(size, axis=-1, keepdims=True)
        return larger + 0.375 * smaller

    def compute_output_shape(self, shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        """One magnitude for each pair."""
        return (*shape[:-1], 1)
