"""Activations of each element: linear, rectifiers, ramps, and smooth functions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from converter.config import LayerConfig
from converter.graph import Edge
from converter.layers.base import KeepsShape, Layer, Lowering, Range, Real
from converter.layers.elementwise import (
    lower_hard_swish,
    lower_ramp,
    lower_relu,
    lower_smooth,
)
from converter.layers.functions import HARD_SWISH, Kind, Smooth, smooth
from converter.layers.lowering import lower_identity


@dataclass(frozen=True)
class Linear(KeepsShape, Layer):
    """y = x."""

    class_names: ClassVar[tuple[str, ...]] = ("Activation", "Linear")

    def forward(self, inputs: Sequence[Real]) -> Real:
        """Elementwise."""
        (x,) = inputs
        return x

    def lower(
        self, name: str, inputs: Sequence[Edge], config: LayerConfig, seen: Range | None
    ) -> Lowering:
        """A conversion where a type was asked for, else nothing."""
        del seen
        return lower_identity(name, inputs[0], config)


@dataclass(frozen=True)
class Relu(KeepsShape, Layer):
    """min(x, max_value) where x > threshold, else negative_slope (x - threshold).

    The comparison is strict, as in Keras: with a threshold of 1, 1 gives 0. It holds
    0 <= threshold <= max_value.
    """

    class_names: ClassVar[tuple[str, ...]] = (
        "Activation", "LeakyReLU", "ThresholdedReLU", "ReLU"
    )  # fmt: skip
    rounds: ClassVar[bool] = True

    max_value: float | None = None
    negative_slope: float = 0.0
    threshold: float = 0.0

    def forward(self, inputs: Sequence[Real]) -> Real:
        """Elementwise."""
        (x,) = inputs
        above = x if self.max_value is None else np.minimum(x, self.max_value)
        return np.where(x > self.threshold, above, self.negative_slope * (x - self.threshold))

    def lower(
        self, name: str, inputs: Sequence[Edge], config: LayerConfig, seen: Range | None
    ) -> Lowering:
        """One conversion with the rectifier in it."""
        arguments = (self.max_value, self.negative_slope, self.threshold)
        return lower_relu(name, inputs[0], arguments, config, seen)


@dataclass(frozen=True)
class Ramp(KeepsShape, Layer):
    """slope x + offset, held between ``lowest`` and ``highest``: the hard functions."""

    class_names: ClassVar[tuple[str, ...]] = ("Activation",)
    rounds: ClassVar[bool] = True

    slope: float = 1.0
    offset: float = 0.0
    lowest: float = 0.0
    highest: float = 1.0

    def forward(self, inputs: Sequence[Real]) -> Real:
        """Elementwise."""
        (x,) = inputs
        return np.clip(self.slope * x + self.offset, self.lowest, self.highest)

    def lower(
        self, name: str, inputs: Sequence[Edge], config: LayerConfig, seen: Range | None
    ) -> Lowering:
        """An exact line, and a conversion with both ends in it."""
        line, ends = (self.slope, self.offset), (self.lowest, self.highest)
        return lower_ramp(name, inputs[0], line, ends, config, seen)


@dataclass(frozen=True)
class HardSwish(KeepsShape, Layer):
    """x times x / 6 + 1/2 held between 0 and 1."""

    class_names: ClassVar[tuple[str, ...]] = ("Activation",)

    def forward(self, inputs: Sequence[Real]) -> Real:
        """Elementwise."""
        (x,) = inputs
        return HARD_SWISH(x)

    def lower(
        self, name: str, inputs: Sequence[Edge], config: LayerConfig, seen: Range | None
    ) -> Lowering:
        """A ramp, and an exact product with it."""
        return lower_hard_swish(name, inputs[0], HARD_SWISH, config, seen)


@dataclass(frozen=True)
class Function(KeepsShape, Layer):
    """A smooth function of each element; ``alpha`` is that of ELU."""

    class_names: ClassVar[tuple[str, ...]] = ("Activation", "ELU")
    rounds: ClassVar[bool] = True

    kind: Kind
    alpha: float = 1.0

    @property
    def function(self) -> Smooth:
        """The function itself."""
        return smooth(self.kind, self.alpha)

    def forward(self, inputs: Sequence[Real]) -> Real:
        """Elementwise."""
        (x,) = inputs
        return self.function(x)

    def lower(
        self, name: str, inputs: Sequence[Edge], config: LayerConfig, seen: Range | None
    ) -> Lowering:
        """A table or a curve; ``auto`` gives the function's range."""
        return lower_smooth(name, inputs[0], self.function, config, seen)
