"""Convolutions of all kinds against Keras: padding, strides, dilation, groups, multipliers."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from harness import Case, case, check_float, conform, save_model, shake, steps

from converter.frontends import load

CASES: dict[str, dict[str, Case]] = {
    "conv1d": {
        "valid": case((9, 3), lambda k, x: k.layers.Conv1D(4, 3)(x)),
        "same": case((9, 3), lambda k, x: k.layers.Conv1D(4, 3, padding="same")(x)),
        "same_even": case((8, 2), lambda k, x: k.layers.Conv1D(3, 4, padding="same")(x)),
        "same_strided": case(
            (8, 2), lambda k, x: k.layers.Conv1D(3, 3, strides=2, padding="same")(x)
        ),
        "causal": case((7, 2), lambda k, x: k.layers.Conv1D(3, 3, padding="causal")(x)),
        "causal_dilated": case(
            (9, 2), lambda k, x: k.layers.Conv1D(3, 3, padding="causal", dilation_rate=2)(x)
        ),
        "causal_strided": case(
            (9, 2), lambda k, x: k.layers.Conv1D(3, 3, padding="causal", strides=2)(x)
        ),
        "strides_above_kernel": case((11, 2), lambda k, x: k.layers.Conv1D(3, 2, strides=4)(x)),
        "pointwise": case((5, 3), lambda k, x: k.layers.Conv1D(2, 1, activation="relu")(x)),
        "groups": case((6, 6), lambda k, x: k.layers.Conv1D(6, 3, groups=3)(x)),
        "whole": case((5, 2), lambda k, x: k.layers.Conv1D(3, 5)(x)),
    },
    "conv2d": {
        "valid": case((6, 5, 3), lambda k, x: k.layers.Conv2D(4, 3)(x)),
        "same_odd_shape": case(
            (5, 7, 2), lambda k, x: k.layers.Conv2D(3, (3, 2), padding="same")(x)
        ),
        "same_even_kernel": case((6, 5, 2), lambda k, x: k.layers.Conv2D(3, 4, padding="same")(x)),
        "same_strided": case(
            (7, 6, 2), lambda k, x: k.layers.Conv2D(3, 3, strides=2, padding="same")(x)
        ),
        "unequal_strides": case((7, 8, 2), lambda k, x: k.layers.Conv2D(3, 2, strides=(2, 3))(x)),
        "strides_above_kernel": case((8, 8, 1), lambda k, x: k.layers.Conv2D(2, 2, strides=3)(x)),
        "no_bias": case((4, 4, 2), lambda k, x: k.layers.Conv2D(2, 3, use_bias=False)(x)),
        "relu": case((4, 4, 2), lambda k, x: k.layers.Conv2D(2, 3, activation="relu")(x)),
    },
    "conv2d_traps": {
        "groups": case((5, 5, 4), lambda k, x: k.layers.Conv2D(6, 3, groups=2)(x)),
        "dilation": case((7, 8, 2), lambda k, x: k.layers.Conv2D(3, 3, dilation_rate=2)(x)),
        "dilation_same": case(
            (7, 6, 2),
            lambda k, x: k.layers.Conv2D(3, 3, dilation_rate=(2, 3), padding="same")(x),
        ),
        "groups_dilated": case(
            (6, 6, 4), lambda k, x: k.layers.Conv2D(4, 2, groups=2, dilation_rate=2)(x)
        ),
        "pointwise_groups": case((3, 4, 4), lambda k, x: k.layers.Conv2D(4, 1, groups=2)(x)),
        "pointwise_strided": case((5, 6, 3), lambda k, x: k.layers.Conv2D(4, 1, strides=2)(x)),
        "one_pixel": case((1, 1, 3), lambda k, x: k.layers.Conv2D(4, 3, padding="same")(x)),
    },
    "depthwise": {
        "2d_unequal_strides": case(
            (7, 7, 2), lambda k, x: k.layers.DepthwiseConv2D(3, strides=(1, 2))(x)
        ),
        "2d_strided_and_dilated": case(
            (9, 9, 2),
            lambda k, x: k.layers.DepthwiseConv2D(3, strides=2, dilation_rate=2)(x),
            generations=(3,),
        ),
        "1d": case((8, 3), lambda k, x: k.layers.DepthwiseConv1D(3)(x)),
        "1d_multiplied": case(
            (8, 3),
            lambda k, x: k.layers.DepthwiseConv1D(2, strides=2, padding="same", depth_multiplier=2)(
                x
            ),
        ),
        "2d": case((5, 6, 3), lambda k, x: k.layers.DepthwiseConv2D(3)(x)),
        "2d_multiplied": case(
            (5, 6, 3), lambda k, x: k.layers.DepthwiseConv2D(3, depth_multiplier=2)(x)
        ),
        "2d_same_strided": case(
            (5, 6, 2),
            lambda k, x: k.layers.DepthwiseConv2D(3, strides=2, padding="same", activation="relu")(
                x
            ),
        ),
        "2d_dilated": case(
            (7, 7, 2),
            lambda k, x: k.layers.DepthwiseConv2D(3, dilation_rate=2, use_bias=False)(x),
        ),
    },
    "separable": {
        "1d_causal": case(
            (8, 2),
            lambda k, x: k.layers.SeparableConv1D(3, 3, padding="causal", dilation_rate=2)(x),
            generations=(2,),
        ),
        "1d": case((8, 3), lambda k, x: k.layers.SeparableConv1D(4, 3)(x)),
        "1d_multiplied": case(
            (8, 3),
            lambda k, x: k.layers.SeparableConv1D(
                4, 3, strides=2, padding="same", depth_multiplier=2
            )(x),
        ),
        "2d": case((5, 6, 3), lambda k, x: k.layers.SeparableConv2D(4, 3, activation="relu")(x)),
        "2d_multiplied": case(
            (6, 6, 2),
            lambda k, x: k.layers.SeparableConv2D(
                3, 3, padding="same", depth_multiplier=2, use_bias=False
            )(x),
        ),
        "2d_dilated": case(
            (7, 7, 2), lambda k, x: k.layers.SeparableConv2D(3, 3, dilation_rate=2)(x)
        ),
    },
    "transpose1d": {
        "dilated": case((5, 2), lambda k, x: k.layers.Conv1DTranspose(2, 3, dilation_rate=2)(x)),
        "dilated_same": case(
            (5, 2),
            lambda k, x: k.layers.Conv1DTranspose(2, 3, dilation_rate=2, padding="same")(x),
        ),
        "valid": case((5, 3), lambda k, x: k.layers.Conv1DTranspose(2, 3, strides=2)(x)),
        "same": case(
            (5, 3), lambda k, x: k.layers.Conv1DTranspose(2, 3, strides=2, padding="same")(x)
        ),
        "same_even": case(
            (4, 2), lambda k, x: k.layers.Conv1DTranspose(3, 4, strides=2, padding="same")(x)
        ),
        "plain": case((5, 2), lambda k, x: k.layers.Conv1DTranspose(3, 3)(x)),
        "strides_above_kernel": case(
            (4, 2), lambda k, x: k.layers.Conv1DTranspose(3, 2, strides=3)(x)
        ),
        "strides_above_kernel_same": case(
            (4, 2), lambda k, x: k.layers.Conv1DTranspose(3, 2, strides=3, padding="same")(x)
        ),
        "output_padding": case(
            (4, 2),
            lambda k, x: k.layers.Conv1DTranspose(
                3, 3, strides=2, padding="same", output_padding=1
            )(x),
        ),
        "output_padding_0": case(
            (4, 2),
            lambda k, x: k.layers.Conv1DTranspose(
                3, 3, strides=2, padding="same", output_padding=0
            )(x),
        ),
        "output_padding_valid": case(
            (4, 2),
            lambda k, x: k.layers.Conv1DTranspose(3, 3, strides=3, output_padding=2)(x),
        ),
    },
    "transpose2d": {
        "unequal_dilation": case(
            (4, 3, 2),
            lambda k, x: k.layers.Conv2DTranspose(2, 3, dilation_rate=(1, 2))(x),
            generations=(3,),
        ),
        "even_kernel_output_padding": case(
            (3, 4, 2),
            lambda k, x: k.layers.Conv2DTranspose(
                2, 4, strides=2, padding="same", output_padding=1
            )(x),
        ),
        "wide_kernel_output_padding": case(
            (3, 3, 2),
            lambda k, x: k.layers.Conv2DTranspose(
                2, 5, strides=3, padding="same", output_padding=(1, 2)
            )(x),
        ),
        "valid": case((3, 4, 2), lambda k, x: k.layers.Conv2DTranspose(3, 3, strides=2)(x)),
        "same": case(
            (3, 4, 2),
            lambda k, x: k.layers.Conv2DTranspose(3, 3, strides=2, padding="same")(x),
        ),
        "unequal": case(
            (3, 2, 2),
            lambda k, x: k.layers.Conv2DTranspose(
                2, (2, 5), strides=(3, 2), padding="same", activation="relu"
            )(x),
        ),
        "output_padding": case(
            (3, 3, 2),
            lambda k, x: k.layers.Conv2DTranspose(
                2, 3, strides=2, output_padding=(1, 0), use_bias=False
            )(x),
        ),
        "plain_same": case(
            (3, 4, 2), lambda k, x: k.layers.Conv2DTranspose(2, 3, padding="same")(x)
        ),
        "dilated": case((4, 4, 2), lambda k, x: k.layers.Conv2DTranspose(2, 3, dilation_rate=2)(x)),
        "dilated_same": case(
            (5, 4, 2),
            lambda k, x: k.layers.Conv2DTranspose(2, 3, dilation_rate=2, padding="same")(x),
        ),
    },
}


@pytest.mark.parametrize("group", CASES)
def test_convolutions(framework: ModuleType, group: str, tmp_path: Path) -> None:
    conform(framework, CASES[group], tmp_path)


@pytest.mark.parametrize("kind", ["h5", "keras", "json"])
def test_every_kind_of_file(framework: ModuleType, kind: str, tmp_path: Path) -> None:
    """Weights by name, which the generations of Keras give others, and by position."""
    layers = framework.layers
    model = framework.Sequential(
        [
            framework.Input((6, 6, 2)),
            layers.Conv2D(4, 3, groups=2, padding="same"),
            layers.BatchNormalization(),
            layers.DepthwiseConv2D(2, depth_multiplier=2),
            layers.SeparableConv2D(3, 2),
            layers.Conv2DTranspose(2, 3, strides=2, use_bias=False),
            layers.Reshape((9 * 9, 2)),
            layers.DepthwiseConv1D(3, strides=9),
            layers.SeparableConv1D(3, 2),
            layers.Conv1DTranspose(2, 3),
        ]
    )
    shake(model)
    saved = save_model(framework, model, tmp_path, steps(np.random.default_rng(0), (8, 6, 6, 2)))
    if kind == "json":
        (tmp_path / "m.json").write_text(model.to_json())
        model.save_weights(tmp_path / "m.weights.h5")
        files = [tmp_path / "m.json", tmp_path / "m.weights.h5"]
    else:
        files = [tmp_path / f"m.{kind}"]
        model.save(files[0])
    graph = load(*files)
    check_float(graph, {graph.inputs[0]: next(iter(saved.x.values()))}, saved.y)
