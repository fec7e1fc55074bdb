"""Batch normalisation at inference."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from converter.config import LayerConfig
from converter.errors import ModelError, UnsupportedError
from converter.graph import Edge, Shape, frozen_array
from converter.layers.base import Layer, Lowering, Range, Real
from converter.layers.product import lower_affine
from converter.layers.spec import LayerSpec, Part


@dataclass(frozen=True, eq=False)
class BatchNormalization(Layer):
    """y = x scale + offset per channel of the last axis; both [channels].

    ``scale`` = gamma / sqrt(variance + epsilon) and ``offset`` = beta - mean scale. ``axis``
    counts the batch axis, or is -1.
    """

    class_names: ClassVar[tuple[str, ...]] = ("BatchNormalization",)

    scale: Real
    offset: Real
    axis: int = -1

    def infer_shape(self, inputs: Sequence[Shape]) -> Shape:
        """The input's. Raises where the last axis is not the channels'."""
        (shape,) = inputs
        if self.axis not in (-1, len(shape)):
            raise UnsupportedError(
                f"attribute axis={self.axis} is not supported; it must be the last axis, "
                f"-1 or {len(shape)}"
            )
        if shape[-1:] != self.scale.shape:
            raise ModelError(f"{len(self.scale)} channels, but the input has shape {shape}")
        return shape

    def forward(self, inputs: Sequence[Real]) -> Real:
        """[batch, *shape] -> the same."""
        (x,) = inputs
        return x * self.scale + self.offset

    def lower(
        self, name: str, inputs: Sequence[Edge], config: LayerConfig, seen: Range | None
    ) -> Lowering:
        """A product and a sum per element, where no layer before could take it in."""
        return lower_affine(name, inputs[0], self.scale, self.offset, config, seen)


TRAINING_ONLY = (
    "momentum", "fused", "synchronized", "renorm_clipping", "renorm_momentum",
    "beta_initializer", "gamma_initializer", "moving_mean_initializer",
    "moving_variance_initializer", "beta_regularizer", "gamma_regularizer", "beta_constraint",
    "gamma_constraint",
)  # fmt: skip


def read_batchnorm(spec: LayerSpec) -> tuple[Part, ...]:
    """Keras' BatchNormalization, in either generation of the layer."""
    axis, epsilon = _axis(spec), spec.number("epsilon", 1e-3)
    center, scale = spec.flag("center", True), spec.flag("scale", True)
    spec.only("renorm", False)
    spec.only("virtual_batch_size", None)
    spec.only("adjustment", None)
    names = (*["gamma"] * scale, *["beta"] * center, "moving_mean", "moving_variance")
    weights = dict(zip(names, spec.variables(*names), strict=True))
    spec.finish(*TRAINING_ONLY)
    shape = weights["moving_mean"].shape
    for name, array in weights.items():
        spec.shaped(name, array, (shape[0] if shape else 1,))
    return (Part("", _affine(spec, weights, epsilon, axis)),)


def _axis(spec: LayerSpec) -> int:
    """A whole number, which Keras 2 writes as a list of one."""
    value = spec.get("axis", -1)
    if isinstance(value, list) and len(value) == 1:
        value = value[0]
    if isinstance(value, bool) or not isinstance(value, int):
        raise spec.unsupported("axis", value)
    return value


def _affine(
    spec: LayerSpec, weights: dict[str, Real], epsilon: float, axis: int
) -> BatchNormalization:
    mean, variance = weights["moving_mean"], weights["moving_variance"] + epsilon
    if not (variance > 0).all():
        raise ModelError(
            f"{spec.where}: moving_variance + epsilon must be above 0; the least is "
            f"{variance.min():g}"
        )
    scale = weights.get("gamma", np.ones_like(mean)) / np.sqrt(variance)
    offset = weights.get("beta", np.zeros_like(mean)) - mean * scale
    return BatchNormalization(frozen_array(scale), frozen_array(offset), axis)
