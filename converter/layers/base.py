"""What every layer answers, free of any target."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from converter.config import LayerConfig
from converter.graph import Edge, Shape, Stage
from converter.types import Fixed

Real = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Range:
    """Least and largest real value seen on an edge.

    ``fraction``: the least fraction bits that hold every value seen, where that was asked.
    """

    lo: float
    hi: float
    fraction: int | None = None


@dataclass(frozen=True, eq=False)
class Lowering:
    """What a layer becomes: stages, and the edge that each of them gives.

    The last stage gives the layer's output and has the layer's node name. A layer that
    changes nothing (Dropout) gives no stage, and is left out of the typed graph; an input
    gives an edge alone. ``types``: of the result and the constants, by the keys of the
    configuration.
    """

    stages: tuple[Stage, ...]
    edges: Mapping[str, Edge]
    types: Mapping[str, Fixed] = field(default_factory=dict)


class Layer(ABC):
    """One layer of a model in real numbers: a frozen dataclass.

    ``rounds``: it converts what it reads, so that a producer need not round for it.
    ``arity``: least and largest number of inputs. ``bit_exact``: a model with such a layer was
    quantised in training, and nothing of it is rounded again.
    """

    rounds: ClassVar[bool] = False
    arity: ClassVar[tuple[int, int]] = (1, 1)
    bit_exact: ClassVar[bool] = False

    @property
    @abstractmethod
    def class_names(self) -> tuple[str, ...]:
        """What a configuration's ``LayerType`` may call it, the closest last."""

    def parameters(self) -> Mapping[str, Real]:
        """Real values of the constants that the layer computes with, by configuration key."""
        return {}

    @abstractmethod
    def infer_shape(self, inputs: Sequence[Shape]) -> Shape:
        """Shape of the output, without the batch axis."""

    @abstractmethod
    def forward(self, inputs: Sequence[Real]) -> Real:
        """The framework's own inference in real numbers, [batch, *shape] -> [batch, *shape]."""

    @abstractmethod
    def lower(
        self, name: str, inputs: Sequence[Edge], config: LayerConfig, seen: Range | None
    ) -> Lowering:
        """Stages of this layer for typed inputs.

        ``config`` is what the user asked for this layer, ``seen`` the range of its output on
        data, where data were given. Raises ConfigError or UnsupportedError by layer name.
        """


class KeepsShape:
    """Mixin of the layers that work on each element by itself, whatever the shape."""

    def infer_shape(self, inputs: Sequence[Shape]) -> Shape:
        """The input's."""
        (shape,) = inputs
        return shape
