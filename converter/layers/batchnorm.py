"""Batch normalisation at inference."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from converter.config import LayerConfig
from converter.errors import ModelError
from converter.graph import Edge, Shape, frozen_array
from converter.layers.axes import inner_axis
from converter.layers.base import Layer, Lowering, Range, Real
from converter.layers.product import lower_affine
from converter.layers.spec import LayerSpec, Part


@dataclass(frozen=True, eq=False)
class BatchNormalization(Layer):
    """y = x scale + offset per channel; both [channels].

    ``scale`` = gamma / sqrt(variance + epsilon) and ``offset`` = beta - mean scale. ``axis`` is
    that of the channels; it counts the batch axis, or is negative. ``class_name``: that of the
    file.
    """

    scale: Real
    offset: Real
    axis: int = -1
    class_name: str = "BatchNormalization"

    @property
    def class_names(self) -> tuple[str, ...]:
        """The file's."""
        return (self.class_name,)

    def parameters(self) -> Mapping[str, Real]:
        """Factor and offset of each channel."""
        return {"scale": self.scale, "bias": self.offset}

    def infer_shape(self, inputs: Sequence[Shape]) -> Shape:
        """The input's. Raises ModelError where the axis is not there, or of another length."""
        (shape,) = inputs
        axis = self._axis(shape)
        if shape[axis] != len(self.scale):
            raise ModelError(
                f"{len(self.scale)} channels on axis {self.axis}, but the input has shape {shape}"
            )
        return shape

    def _axis(self, shape: Shape) -> int:
        """The channels' axis without the batch's."""
        axis = inner_axis(self.axis, shape)
        if axis is None:
            raise ModelError(f"attribute axis={self.axis} is not an axis of the input, {shape}")
        return axis

    def on_last_axis(self, shape: Shape) -> bool:
        """Whether the last axis of the input is the channels'."""
        return self._axis(shape) == len(shape) - 1

    def forward(self, inputs: Sequence[Real]) -> Real:
        """[batch, *shape] -> the same."""
        (x,) = inputs
        scale, offset = (self._along(side, x.shape[1:]) for side in (self.scale, self.offset))
        return x * scale + offset

    def _along(self, channels: Real, shape: Shape) -> Real:
        """Values per channel, to be broadcast to a tensor of ``shape``."""
        axis = self._axis(shape)
        return channels.reshape([-1 if k == axis else 1 for k in range(len(shape))])

    def lower(
        self, name: str, inputs: Sequence[Edge], config: LayerConfig, seen: Range | None
    ) -> Lowering:
        """A product and a sum per element, where no layer before could take it in.

        At every position the same, where the last axis is the channels'.
        """
        (x,) = inputs
        scale, offset = self.scale, self.offset
        if not self.on_last_axis(x.shape):
            scale, offset = (
                np.broadcast_to(self._along(s, x.shape), x.shape) for s in (scale, offset)
            )
        return lower_affine(name, x, scale, offset, config, seen)


TRAINING_ONLY = (
    "momentum", "fused", "synchronized", "renorm_clipping", "renorm_momentum",
    "beta_initializer", "gamma_initializer", "moving_mean_initializer",
    "moving_variance_initializer", "beta_regularizer", "gamma_regularizer", "beta_constraint",
    "gamma_constraint",
)  # fmt: skip


def read_batchnorm(spec: LayerSpec) -> tuple[Part, ...]:
    """Keras' BatchNormalization, in either generation of the layer."""
    axis, epsilon = read_axis(spec), spec.number("epsilon", 1e-3)
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


def read_axis(spec: LayerSpec) -> int:
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
