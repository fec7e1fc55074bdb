"""Layers that move elements and compute nothing: padding, cropping, reshapes, joins, look-ups."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from harness import (
    Case,
    case,
    check_bits,
    check_float,
    check_wide,
    conform,
    generation,
    save_model,
    shake,
    whole,
)  # fmt: skip

import converter
from converter.types import Fixed, Overflow, Rounding

CASES: dict[str, dict[str, Case]] = {
    "pad": {
        "one_axis": case((4, 3), lambda k, x: k.layers.ZeroPadding1D(2)(x)),
        "one_axis_after": case((4, 3), lambda k, x: k.layers.ZeroPadding1D((0, 3))(x)),
        "even": case((3, 2, 3), lambda k, x: k.layers.ZeroPadding2D(1)(x)),
        "per_axis": case((3, 2, 3), lambda k, x: k.layers.ZeroPadding2D((2, 1))(x)),
        "uneven": case((3, 2, 1), lambda k, x: k.layers.ZeroPadding2D(((1, 0), (3, 2)))(x)),
        "none": case((3, 2, 2), lambda k, x: k.layers.ZeroPadding2D(0)(x)),
        "crop": case((6, 3), lambda k, x: k.layers.Cropping1D((1, 2))(x)),
        "crop_even": case((5, 4, 3), lambda k, x: k.layers.Cropping2D(1)(x)),
        "crop_uneven": case((5, 4, 3), lambda k, x: k.layers.Cropping2D(((0, 2), (3, 0)))(x)),
        "up": case((4, 3), lambda k, x: k.layers.UpSampling1D(3)(x)),
        "up_both": case((3, 2, 3), lambda k, x: k.layers.UpSampling2D(2)(x)),
        "up_one": case((3, 2, 1), lambda k, x: k.layers.UpSampling2D((1, 3))(x)),
    },
    "reshape": {
        "flatten": case((2, 3, 4), lambda k, x: k.layers.Flatten()(x)),
        "flatten_flat": case((5,), lambda k, x: k.layers.Flatten()(x)),
        "split": case((12,), lambda k, x: k.layers.Reshape((3, 4))(x)),
        "unknown": case((4, 3), lambda k, x: k.layers.Reshape((2, -1))(x)),
        "same_beats": case((4, 3), lambda k, x: k.layers.Reshape((2, 2, 3))(x)),
        "other_beats": case((4, 6), lambda k, x: k.layers.Reshape((3, 8))(x)),
        "one_channel": case((3, 4), lambda k, x: k.layers.Reshape((3, 4, 1))(x)),
        "permute": case((3, 4), lambda k, x: k.layers.Permute((2, 1))(x)),
        "positions": case((2, 3, 4), lambda k, x: k.layers.Permute((2, 1, 3))(x)),
        "channels_first": case((2, 3, 4), lambda k, x: k.layers.Permute((3, 1, 2))(x)),
        "channels_last": case((2, 3, 4), lambda k, x: k.layers.Permute((2, 3, 1))(x)),
        "repeat": case((4,), lambda k, x: k.layers.RepeatVector(3)(x)),
        "chain": case(
            (4, 4, 3),
            lambda k, x: k.layers.Dense(2)(k.layers.Flatten()(k.layers.Cropping2D(1)(x))),
        ),
    },
    "concatenate": {
        "vectors": case([(3,), (4,)], lambda k, x, y: k.layers.Concatenate()([x, y])),
        "last": case([(2, 3, 1), (2, 3, 2)], lambda k, x, y: k.layers.Concatenate()([x, y])),
        "first": case([(2, 3), (4, 3)], lambda k, x, y: k.layers.Concatenate(axis=1)([x, y])),
        "middle": case(
            [(2, 3, 2), (2, 1, 2)], lambda k, x, y: k.layers.Concatenate(axis=2)([x, y])
        ),
        "from_the_end": case(
            [(2, 3, 2), (2, 1, 2)], lambda k, x, y: k.layers.Concatenate(axis=-2)([x, y])
        ),
        "three": case([(2,), (3,), (1,)], lambda k, *x: k.layers.Concatenate()(list(x))),
        "five": case(
            [(n, 2) for n in (1, 2, 3, 1, 2)], lambda k, *x: k.layers.Concatenate(axis=1)(list(x))
        ),
        "with_itself": case((3, 2), lambda k, x: k.layers.Concatenate()([x, x])),
        "of_other_types": case(
            [(3,), (4,)],
            lambda k, x, y: k.layers.Concatenate()([k.layers.Dense(2)(x), k.layers.ReLU()(y)]),
        ),
    },
    "embedding": {
        "words": case((5,), lambda k, x: k.layers.Embedding(10, 3)(x), draw=whole(10)),
        "grid": case((2, 3), lambda k, x: k.layers.Embedding(6, 2)(x), draw=whole(6)),
        "one": case((1,), lambda k, x: k.layers.Embedding(300, 4)(x), draw=whole(300)),
    },
    "identities": {
        "dropout": case((3, 2), lambda k, x: k.layers.Dropout(0.5)(x)),
        "spatial": case((3, 2), lambda k, x: k.layers.SpatialDropout1D(0.5)(x)),
        "spatial_2d": case((3, 2, 2), lambda k, x: k.layers.SpatialDropout2D(0.5)(x)),
        "noise": case((3,), lambda k, x: k.layers.GaussianNoise(0.5)(x)),
        "gaussian": case((3,), lambda k, x: k.layers.GaussianDropout(0.5)(x)),
        "alpha": case((3,), lambda k, x: k.layers.AlphaDropout(0.5)(x)),
        "regularised": case((3,), lambda k, x: k.layers.ActivityRegularization(0.5, 0.1)(x)),
    },
}


@pytest.mark.parametrize("group", CASES)
def test_rearranging(framework: ModuleType, group: str, tmp_path: Path) -> None:
    conform(framework, CASES[group], tmp_path)


def test_embedding_of_integers(framework: ModuleType, tmp_path: Path) -> None:
    """An input of a whole type, and a table whose last rows no 16-bit default could name."""
    k = framework
    words = k.Input((4,), dtype="int32", name="words")
    model = k.Model(words, k.layers.Dense(2)(k.layers.Flatten()(k.layers.Embedding(500, 3)(words))))
    shake(model)
    x = np.random.default_rng(0).integers(0, 500, (30, 4))
    saved = save_model(k, model, tmp_path, x)
    graph = converter.load(saved.path)
    check_float(graph, saved.x, saved.y)
    check_wide(graph, saved.x, saved.y)
    assert converter.apply(graph).edges["words"].type == Fixed(
        9, 9, False, Rounding.RND, Overflow.SAT
    )
    if generation(k) == 2:
        check_bits(graph, saved.x)
