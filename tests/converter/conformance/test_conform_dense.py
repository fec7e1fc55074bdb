"""Dense layers and batch normalisation on tensors of any rank."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType

import pytest
from harness import Case, case, conform

CASES: dict[str, dict[str, Case]] = {
    "dense": {
        "rank1": case((5,), lambda k, x: k.layers.Dense(4)(x)),
        "relu": case((5,), lambda k, x: k.layers.Dense(3, activation="relu")(x)),
        "no_bias": case((5,), lambda k, x: k.layers.Dense(3, use_bias=False)(x)),
        "rank2": case((4, 5), lambda k, x: k.layers.Dense(3)(x)),
        "rank3": case((2, 3, 4), lambda k, x: k.layers.Dense(2, activation="relu")(x)),
        "rank4": case((2, 1, 3, 4), lambda k, x: k.layers.Dense(2)(x)),
        "one_position": case((1, 4), lambda k, x: k.layers.Dense(3)(x)),
        "one_channel": case((6, 1), lambda k, x: k.layers.Dense(2)(x)),
    },
    "batchnorm": {
        "alone": case((4,), lambda k, x: k.layers.BatchNormalization()(x)),
        "rank2": case((3, 4), lambda k, x: k.layers.BatchNormalization()(x)),
        "rank3": case((3, 2, 4), lambda k, x: k.layers.BatchNormalization(epsilon=0.1)(x)),
        "axis1": case((3, 4), lambda k, x: k.layers.BatchNormalization(axis=1)(x)),
        "axis2_of_3": case((2, 3, 2), lambda k, x: k.layers.BatchNormalization(axis=2)(x)),
        "axis_-2": case((3, 4), lambda k, x: k.layers.BatchNormalization(axis=-2)(x)),
        "no_scale": case((3, 4), lambda k, x: k.layers.BatchNormalization(scale=False)(x)),
        "no_center": case((3, 4), lambda k, x: k.layers.BatchNormalization(center=False)(x)),
        "axis1_after_dense": case(
            (3, 4), lambda k, x: k.layers.BatchNormalization(axis=1)(k.layers.Dense(4)(x))
        ),
    },
    "batchnorm_with_conv": {
        "after": case(
            (5, 5, 2),
            lambda k, x: k.layers.BatchNormalization()(k.layers.Conv2D(3, 3, padding="same")(x)),
        ),
        "after_no_bias": case(
            (7, 2),
            lambda k, x: k.layers.BatchNormalization()(k.layers.Conv1D(3, 3, use_bias=False)(x)),
        ),
        "before": case(
            (5, 5, 2),
            lambda k, x: k.layers.Conv2D(3, 3, padding="same")(k.layers.BatchNormalization()(x)),
        ),
        "after_depthwise": case(
            (5, 5, 2),
            lambda k, x: k.layers.BatchNormalization()(
                k.layers.DepthwiseConv2D(3, depth_multiplier=2)(x)
            ),
        ),
        "after_groups": case(
            (5, 5, 4),
            lambda k, x: k.layers.BatchNormalization()(k.layers.Conv2D(4, 3, groups=2)(x)),
        ),
        "after_separable": case(
            (5, 5, 2), lambda k, x: k.layers.BatchNormalization()(k.layers.SeparableConv2D(3, 3)(x))
        ),
        "after_transpose": case(
            (3, 3, 2),
            lambda k, x: k.layers.BatchNormalization()(
                k.layers.Conv2DTranspose(3, 3, strides=2)(x)
            ),
        ),
        "after_dense_rank2": case(
            (3, 4), lambda k, x: k.layers.BatchNormalization()(k.layers.Dense(5)(x))
        ),
        "axis1_after_conv": case(
            (4, 4, 2), lambda k, x: k.layers.BatchNormalization(axis=1)(k.layers.Conv2D(2, 2)(x))
        ),
    },
}


@pytest.mark.parametrize("group", CASES)
def test_dense(framework: ModuleType, group: str, tmp_path: Path) -> None:
    conform(framework, CASES[group], tmp_path)
