"""Embedding: each index becomes a row of a trained table."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from converter.config import LayerConfig
from converter.errors import ConfigError
from converter.graph import Edge, Shape, frozen_array
from converter.layers.base import Layer, Lowering, Range, Real
from converter.layers.lowering import Chain, constant_type, fit, result_type
from converter.layers.reshape import checked_size
from converter.layers.spec import LayerSpec, Part
from converter.types import MAX_WIDTH
from converter.units.lookup import Lookup

TRAINING_ONLY = (
    "embeddings_initializer",
    "embeddings_regularizer",
    "embeddings_constraint",
    "activity_regularizer",
)
"""What acts in training alone; ``input_length`` only tells a shape that is known anyway."""


@dataclass(frozen=True, eq=False)
class Embedding(Layer):
    """Whole numbers -> rows of ``table`` [entries, width], along a new last axis.

    A number without a row, which Keras refuses, takes the nearest one.
    """

    class_names: ClassVar[tuple[str, ...]] = ("Embedding",)

    table: Real

    def infer_shape(self, inputs: Sequence[Shape]) -> Shape:
        """One more axis."""
        (shape,) = inputs
        return checked_size((*shape, self.table.shape[1]))

    def forward(self, inputs: Sequence[Real]) -> Real:
        """[batch, *shape] -> [batch, *shape, width]."""
        (x,) = inputs
        return self.table[np.clip(np.floor(x), 0, len(self.table) - 1).astype(np.int64)]

    def lower(
        self, name: str, inputs: Sequence[Edge], config: LayerConfig, seen: Range | None
    ) -> Lowering:
        """A look-up. Raises ConfigError where the input's type cannot name the last rows."""
        (x,) = inputs
        self._check_input(name, x)
        t = constant_type(self.table, config, "weight")
        table = frozen_array(t.from_float(self.table))
        chain = Chain(name, x).then(
            "rows", Lookup(x.size, table, x.type, t), (*x.shape, table.shape[1])
        )
        return chain.cast(result_type(chain.edge, config, seen)).finish(weight=t)

    def _check_input(self, name: str, x: Edge) -> None:
        last = len(self.table) - 1
        largest = int(x.bounds.hi.max()) / 2**x.type.fraction
        if largest < last:
            raise ConfigError(
                f"{name}: its input has the type {x.type}, which ends at {largest:g}, and the "
                f"table has rows up to {last}; give the layer that it reads the result "
                f"{fit(0, last, 0, MAX_WIDTH)}"
            )


def range_of_indices(readers: Iterable[Layer], seen: Range | None) -> Range | None:
    """What an input must hold for those of its readers that look up rows; ``seen``, on data."""
    rows = [len(layer.table) for layer in readers if isinstance(layer, Embedding)]
    if not rows:
        return seen
    if seen is None:
        return Range(0.0, max(rows) - 1.0, 0)
    return Range(min(seen.lo, 0.0), max(seen.hi, max(rows) - 1.0), seen.fraction)


def read_embedding(spec: LayerSpec) -> tuple[Part, ...]:
    """Embedding; masks are refused, since other layers would have to heed them."""
    (table,) = spec.variables("embeddings")
    shape = (spec.integer("input_dim"), spec.integer("output_dim"))
    spec.only("mask_zero", False)
    spec.only("sparse", False)
    spec.only("lora_rank", None)
    spec.only("quantization_config", None)
    if min(shape) < 1:
        raise spec.bad("output_dim", shape, "at least 1, as must be input_dim")
    spec.finish(*TRAINING_ONLY, "input_length")
    return (Part("", Embedding(frozen_array(spec.shaped("embeddings", table, shape)))),)
