"""Pooling against Keras: windows that overlap, leave gaps, or reach over the border."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType

import pytest
from harness import Case, case, conform

CASES: dict[str, dict[str, Case]] = {
    "max": {
        "1d": case((8, 3), lambda k, x: k.layers.MaxPooling1D(2)(x)),
        "1d_odd": case((7, 3), lambda k, x: k.layers.MaxPooling1D(2)(x)),
        "1d_same": case((7, 2), lambda k, x: k.layers.MaxPooling1D(3, 2, padding="same")(x)),
        "2d": case((6, 4, 3), lambda k, x: k.layers.MaxPooling2D(2)(x)),
        "2d_overlapping": case((6, 7, 2), lambda k, x: k.layers.MaxPooling2D(3, 2)(x)),
        "2d_same": case((5, 7, 2), lambda k, x: k.layers.MaxPooling2D(2, padding="same")(x)),
        "2d_gaps": case((7, 8, 2), lambda k, x: k.layers.MaxPooling2D((2, 1), (3, 2))(x)),
        "2d_same_of_negatives": case(
            (4, 4, 2),
            lambda k, x: k.layers.MaxPooling2D(3, 3, padding="same")(
                k.layers.BatchNormalization(center=False)(x)
            ),
            draw=lambda rng, shape: -rng.integers(256, 512, shape) / 256,
        ),
        "2d_same_wide": case(
            (3, 3, 2), lambda k, x: k.layers.MaxPooling2D(5, 1, padding="same")(x)
        ),
    },
    "average": {
        "1d": case((8, 3), lambda k, x: k.layers.AveragePooling1D(2)(x)),
        "1d_of_3": case((9, 3), lambda k, x: k.layers.AveragePooling1D(3)(x)),
        "1d_same": case((7, 2), lambda k, x: k.layers.AveragePooling1D(3, 2, padding="same")(x)),
        "2d": case((6, 4, 3), lambda k, x: k.layers.AveragePooling2D(2)(x)),
        "2d_of_6": case((6, 6, 2), lambda k, x: k.layers.AveragePooling2D((2, 3))(x)),
        "2d_overlapping": case((6, 7, 2), lambda k, x: k.layers.AveragePooling2D(3, 2)(x)),
        "2d_same": case((5, 7, 2), lambda k, x: k.layers.AveragePooling2D(2, padding="same")(x)),
        "2d_same_of_3": case(
            (5, 6, 2), lambda k, x: k.layers.AveragePooling2D(3, 2, padding="same")(x)
        ),
        "2d_gaps": case((7, 8, 2), lambda k, x: k.layers.AveragePooling2D(2, 3)(x)),
    },
    "global": {
        "max_1d": case((6, 3), lambda k, x: k.layers.GlobalMaxPooling1D()(x)),
        "max_1d_kept": case((6, 3), lambda k, x: k.layers.GlobalMaxPooling1D(keepdims=True)(x)),
        "max_2d": case((3, 4, 2), lambda k, x: k.layers.GlobalMaxPooling2D()(x)),
        "max_2d_kept": case((3, 4, 2), lambda k, x: k.layers.GlobalMaxPooling2D(keepdims=True)(x)),
        "average_1d": case((6, 3), lambda k, x: k.layers.GlobalAveragePooling1D()(x)),
        "average_1d_of_8": case((8, 3), lambda k, x: k.layers.GlobalAveragePooling1D()(x)),
        "average_2d": case((3, 4, 2), lambda k, x: k.layers.GlobalAveragePooling2D()(x)),
        "average_2d_kept": case(
            (4, 4, 2), lambda k, x: k.layers.GlobalAveragePooling2D(keepdims=True)(x)
        ),
        "before_dense": case(
            (4, 3, 3), lambda k, x: k.layers.Dense(2)(k.layers.GlobalAveragePooling2D()(x))
        ),
    },
}


@pytest.mark.parametrize("group", CASES)
def test_pooling(framework: ModuleType, group: str, tmp_path: Path) -> None:
    conform(framework, CASES[group], tmp_path)
