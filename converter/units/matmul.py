"""MatMul: the product of two matrices that both are data, without loss."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from converter.actor import Actor
from converter.carriers import carried, carrier
from converter.graph import Bounds, Edge, Implementation, frozen_array
from converter.hls_block import HlsBlock, map_stream
from converter.types import Codes, Fixed, least_type
from converter.units.base import HlsOnly, OneChoice, actor_of, check_beats

DEPTH = 10
"""Cycles of a product and a tree of sums, and of the streams around them."""


@dataclass(frozen=True)
class MatMul(OneChoice, HlsOnly):
    """``batch`` products of [rows, inner] by [inner, columns]; the output is
    [batch, rows, columns], in a type that holds every partial sum.
    """

    batch: int
    rows: int
    inner: int
    columns: int
    left_type: Fixed
    right_type: Fixed

    @property
    def size(self) -> int:
        """Number of output elements."""
        return self.batch * self.rows * self.columns

    @property
    def output_type(self) -> Fixed:
        """The least type that holds all sums of all products."""
        corners = [a * b for a in self.left_type.ends for b in self.right_type.ends]
        fraction = self.left_type.fraction + self.right_type.fraction
        return least_type(self.inner * min(corners), self.inner * max(corners), fraction)

    @property
    def _magnitude(self) -> int:
        """Bound on every partial sum and every operand."""
        left, right = (max(-t.ends[0], t.ends[1]) for t in (self.left_type, self.right_type))
        return self.inner * max(left, 1) * max(right, 1)

    def bounds(self, inputs: tuple[Bounds, ...]) -> Bounds:
        """Sums of the extremes of each product."""
        dtype: Any = np.int64 if self._magnitude < 1 << 62 else object
        left, right = inputs
        a = [x.astype(dtype).reshape(self._left)[..., np.newaxis] for x in (left.lo, left.hi)]
        b = [x.astype(dtype).reshape(self._right)[:, np.newaxis] for x in (right.lo, right.hi)]
        corners = [x * y for x in a for y in b]  # [batch, rows, inner, columns]
        lo, hi = np.minimum.reduce(corners), np.maximum.reduce(corners)
        return Bounds(lo.sum(axis=2).ravel(), hi.sum(axis=2).ravel())

    @property
    def _left(self) -> tuple[int, int, int]:
        return self.batch, self.rows, self.inner

    @property
    def _right(self) -> tuple[int, int, int]:
        return self.batch, self.inner, self.columns

    def emulate(self, *inputs: Codes) -> Codes:
        """Codes [n, batch * rows * inner] and [n, batch * inner * columns] -> [n, size]."""
        left, right = inputs
        dtype = carrier(self._magnitude, left.dtype, right.dtype)
        a = carried(left, dtype).reshape(len(left), *self._left)
        b = carried(right, dtype).reshape(len(right), *self._right)
        product: Codes = np.matmul(a, b)
        return product.reshape(len(left), self.size)

    def hls(self, choice: Implementation) -> HlsBlock:
        """All products side by side."""
        del choice
        return HlsBlock("matmul.h", "matmul", self._numbers, depth=DEPTH)

    @property
    def _numbers(self) -> dict[str, int]:
        return {
            "batch": self.batch,
            "rows": self.rows,
            "inner": self.inner,
            "columns": self.columns,
        }

    def hls_stream(
        self, choice: Implementation, inputs: tuple[Edge, ...], output: Edge
    ) -> HlsBlock:
        """A right matrix is kept, row by row; then each row on the left gives one of the result."""
        if self._flat(inputs, output):
            return map_stream(self.hls(choice), 1)
        return HlsBlock("matmul_stream.h", "matmul_stream", self._numbers, depth=DEPTH)

    def actor(self, choice: Implementation, inputs: tuple[Edge, ...], output: Edge) -> Actor:
        """A matrix of the right input, then a row of the left one for each row of the output."""
        if self._flat(inputs, output):
            return actor_of(self.hls_stream(choice, inputs, output), inputs, output)
        left = np.tile(np.repeat([False, True], [self.inner, self.rows]), self.batch)
        return Actor(
            frozen_array(np.stack([left, ~left], axis=1)),
            frozen_array(left),
            frozen_array(np.ones(len(left), np.int64)),
            DEPTH,
        )

    def _flat(self, inputs: tuple[Edge, ...], output: Edge) -> bool:
        """Whether all is in one beat. Raises UnsupportedError where it is neither that nor rows."""
        edges = (*inputs, output)
        if all(edge.beats == 1 for edge in edges):
            return True
        rows = (self.batch * self.rows, self.batch * self.inner, self.batch * self.rows)
        lanes = (self.inner, self.columns, self.columns)
        for edge, beats, n in zip(edges, rows, lanes, strict=True):
            check_beats(edge, output, beats, n)
        return False
