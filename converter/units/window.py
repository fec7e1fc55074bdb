"""Window: which elements of a tensor are seen at each position of a sliding window."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from converter.graph import Bounds, frozen_array
from converter.types import Codes

Pair = tuple[int, int]

Index = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Window:
    """Geometry of convolutions and pooling, rows before columns; channels last.

    A one-dimensional tensor has one row. ``padding`` is (top, bottom), (left, right), in
    elements. The elements of a window are in the order [groups, kernel rows, kernel columns,
    channels / groups], so that each group's are neighbours; group g sees the g-th part of
    the channels.
    """

    rows: int
    columns: int
    channels: int
    kernel: Pair = (1, 1)
    strides: Pair = (1, 1)
    dilation: Pair = (1, 1)
    padding: tuple[Pair, Pair] = ((0, 0), (0, 0))
    groups: int = 1

    @staticmethod
    def of_positions(positions: int, channels: int) -> Window:
        """Every position by itself: a layer that works on the last axis alone."""
        return Window(1, positions, channels)

    @property
    def span(self) -> Pair:
        """Rows and columns from a window's first element to its last, inclusive."""
        (kh, kw), (dh, dw) = self.kernel, self.dilation
        return (kh - 1) * dh + 1, (kw - 1) * dw + 1

    @property
    def out_rows(self) -> int:
        """Rows of positions."""
        return (self.rows + sum(self.padding[0]) - self.span[0]) // self.strides[0] + 1

    @property
    def out_columns(self) -> int:
        """Columns of positions."""
        return (self.columns + sum(self.padding[1]) - self.span[1]) // self.strides[1] + 1

    @property
    def positions(self) -> int:
        """Number of positions, row-major."""
        return self.out_rows * self.out_columns

    @property
    def elements(self) -> int:
        """Elements of a window."""
        return self.kernel[0] * self.kernel[1] * self.channels

    @property
    def input_size(self) -> int:
        """Elements of the input tensor."""
        return self.rows * self.columns * self.channels

    @property
    def trivial(self) -> bool:
        """Every position sees itself alone, in the order of the input."""
        whole = self.kernel == self.strides == (1, 1) and self.padding == ((0, 0), (0, 0))
        return whole and self.groups in (1, self.channels)

    @cached_property
    def index(self) -> Index:
        """Flat input index [positions, elements]; -1 outside of the tensor."""
        row, column = self._axis(0, self.out_rows), self._axis(1, self.out_columns)
        inside = (row >= 0)[:, None, :, None] & (column >= 0)[None, :, None, :]
        pixel = row[:, None, :, None] * self.columns + column[None, :, None, :]
        channel = np.arange(self.channels).reshape(self.groups, -1)
        # [out rows, out columns, groups, kernel rows, kernel columns, channels / groups]
        full = pixel[:, :, None, :, :, None] * self.channels + channel[:, None, None, :]
        full = np.where(inside[:, :, None, :, :, None], full, -1)
        return frozen_array(full.reshape(self.positions, self.elements), np.int64)

    def _axis(self, axis: int, positions: int) -> Index:
        """Input coordinate [positions, kernel]; -1 outside."""
        first = np.arange(positions) * self.strides[axis] - self.padding[axis][0]
        at = first[:, None] + np.arange(self.kernel[axis]) * self.dilation[axis]
        size = (self.rows, self.columns)[axis]
        return np.where((at >= 0) & (at < size), at, -1)

    @cached_property
    def inside(self) -> Index:
        """Elements of one channel that are inside of the tensor, by position: [positions]."""
        return frozen_array((self.index >= 0).sum(axis=1) // self.channels)

    def gather(self, x: Codes, fill: int) -> Codes:
        """Codes [batch, input size] -> [batch, positions, elements]."""
        if self.trivial:
            return x.reshape(len(x), self.positions, self.elements)
        if self.padding == ((0, 0), (0, 0)):
            return x[:, self.index]
        edge = np.full((len(x), 1), fill, x.dtype)
        return np.concatenate([x, edge], axis=1)[:, self.index]  # -1 is the last column

    def hull(self, x: Bounds, fill: int) -> Bounds:
        """Bounds of a window's elements over all positions: [elements]."""
        lo, hi = (self.gather(side[np.newaxis], fill)[0] for side in (x.lo, x.hi))
        return Bounds(_extreme(np.minimum, lo), _extreme(np.maximum, hi))


def _extreme(function: Any, sides: Codes) -> Codes:
    least: Codes = function.reduce(sides, axis=0)
    return least
