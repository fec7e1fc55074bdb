"""Layers that do nothing at inference: Dropout and its kin."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from converter.config import LayerConfig
from converter.graph import Edge
from converter.layers.base import KeepsShape, Layer, Lowering, Range, Real
from converter.layers.lowering import lower_identity
from converter.layers.spec import LayerSpec, Part

TRAINING_ONLY = ("rate", "seed", "noise_shape", "stddev", "l1", "l2", "data_format")
"""What these layers' attributes say of training; none of it acts at inference."""


@dataclass(frozen=True)
class Identity(KeepsShape, Layer):
    """y = x."""

    class_names: ClassVar[tuple[str, ...]] = (
        "ActivityRegularization",
        "AlphaDropout",
        "Dropout",
        "GaussianDropout",
        "GaussianNoise",
        "SpatialDropout1D",
        "SpatialDropout2D",
    )

    def forward(self, inputs: Sequence[Real]) -> Real:
        """[batch, *shape] -> the same."""
        (x,) = inputs
        return x

    def lower(
        self, name: str, inputs: Sequence[Edge], config: LayerConfig, seen: Range | None
    ) -> Lowering:
        """A conversion where a type was asked for, else nothing."""
        del seen
        return lower_identity(name, inputs[0], config)


def read_identity(spec: LayerSpec) -> tuple[Part, ...]:
    """A layer that acts in training only."""
    spec.variables()
    spec.finish(*TRAINING_ONLY)
    return (Part("", Identity()),)
