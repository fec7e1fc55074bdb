"""Window: which elements of a tensor are seen at each position of a sliding window."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
from numpy.lib.stride_tricks import as_strided

from converter.graph import Bounds, frozen_array
from converter.types import Codes

Pair = tuple[int, int]

Index = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]

BLOCK_ELEMENTS = 1 << 16
"""Elements of the windows that are gathered at once: what stays in a core's cache."""


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

    @cached_property
    def span(self) -> Pair:
        """Rows and columns from a window's first element to its last, inclusive."""
        (kh, kw), (dh, dw) = self.kernel, self.dilation
        return (kh - 1) * dh + 1, (kw - 1) * dw + 1

    @cached_property
    def out_rows(self) -> int:
        """Rows of positions."""
        return (self.rows + sum(self.padding[0]) - self.span[0]) // self.strides[0] + 1

    @cached_property
    def out_columns(self) -> int:
        """Columns of positions."""
        return (self.columns + sum(self.padding[1]) - self.span[1]) // self.strides[1] + 1

    @cached_property
    def positions(self) -> int:
        """Number of positions, row-major."""
        return self.out_rows * self.out_columns

    @cached_property
    def elements(self) -> int:
        """Elements of a window."""
        return self.kernel[0] * self.kernel[1] * self.channels

    @property
    def input_size(self) -> int:
        """Elements of the input tensor."""
        return self.rows * self.columns * self.channels

    @cached_property
    def padded(self) -> bool:
        """Whether anything outside of the tensor is seen."""
        return self.padding != ((0, 0), (0, 0))

    @cached_property
    def trivial(self) -> bool:
        """Every position sees itself alone, in the order of the input."""
        return self.kernel == self.strides == (1, 1) and not self.padded

    @property
    def each_beat(self) -> bool:
        """In io_stream, a beat in is a beat out: ``trivial``, or one position that sees one."""
        return self.trivial or (self.whole and self.rows * self.columns == 1)

    @property
    def whole(self) -> bool:
        """There is one position, which sees every element once."""
        size = (self.rows, self.columns)
        return self.kernel == size and self.dilation == (1, 1) and not self.padded

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
        row, column = self._axis(0, self.out_rows), self._axis(1, self.out_columns)
        counts = np.outer((row >= 0).sum(axis=1), (column >= 0).sum(axis=1))
        return frozen_array(counts.ravel(), np.int64)

    @property
    def steps(self) -> Pair:
        """Rows and columns of the padded tensor, without padding behind the last window."""
        ends = (
            (self.out_rows - 1) * self.strides[0] + self.span[0],
            (self.out_columns - 1) * self.strides[1] + self.span[1],
        )
        (top, _), (left, _) = self.padding
        return max(ends[0], top + self.rows), max(ends[1], left + self.columns)

    @cached_property
    def beats(self) -> tuple[Flags, Flags]:
        """Whether each of the ``steps``, row by row, is in the tensor itself, and whether a
        window ends there.
        """
        (rows, columns), (top, left) = self.steps, (self.padding[0][0], self.padding[1][0])
        inside, ends = np.zeros((2, rows, columns), bool)
        inside[top : top + self.rows, left : left + self.columns] = True
        last_row, last_column = self.span[0] - 1, self.span[1] - 1
        ends[last_row :: self.strides[0], last_column :: self.strides[1]] = True
        return frozen_array(inside.ravel()), frozen_array(ends.ravel())

    def view(self, x: Codes, fill: int) -> Codes:
        """Codes [batch, input size] -> a view [batch, out rows, out columns, kernel rows,
        kernel columns, channels] of them; with padding, of a copy.
        """
        frame = self._frame(x, fill)
        return as_strided(frame, *self._layout(frame), writeable=False)

    def _layout(self, frame: Codes) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """Shape and strides of ``view``."""
        shape = (len(frame), self.out_rows, self.out_columns, *self.kernel, self.channels)
        batch, row, column, channel = frame.strides
        (sr, sc), (dr, dc) = self.strides, self.dilation
        return shape, (batch, row * sr, column * sc, row * dr, column * dc, channel)

    def _frame(self, x: Codes, fill: int) -> Codes:
        """Codes [batch, rows, columns, channels], padded."""
        frame = np.ascontiguousarray(x).reshape(-1, self.rows, self.columns, self.channels)
        if not self.padded:
            return frame
        (top, bottom), (left, right) = self.padding
        shape = (len(x), top + self.rows + bottom, left + self.columns + right, self.channels)
        whole = np.full(shape, fill, x.dtype)
        whole[:, top : top + self.rows, left : left + self.columns] = frame
        return whole

    def gather(self, x: Codes, fill: int) -> Codes:
        """Codes [batch, input size] -> [batch, positions, elements]."""
        if self.trivial:
            return x.reshape(len(x), self.positions, self.elements)
        windows = np.empty((len(x), self.positions, self.elements), x.dtype)
        seen, places = self.source_and_places(x, fill, windows)
        np.copyto(places, seen)
        return windows

    def source_and_places(self, x: Codes, fill: int, windows: Codes) -> tuple[Codes, Codes]:
        """What to copy from where to where, for as many rows as one likes, so that ``windows``
        [rows, positions, elements] become those of codes [batch, input size].

        The last axis of ``windows`` must be contiguous.
        """
        if self.groups > 1 or x.dtype.kind == "O":
            seen = self._by_group(self.view(x, fill))
            return seen, windows.reshape(len(windows), *seen.shape[1:])  # splits axes: a view
        frame = self._frame(x, fill)
        shape, strides = self._layout(frame)
        axes = 4 if self.dilation[1] == 1 else 5  # the rest of them are neighbours in memory
        shape, run = shape[:axes], math.prod(shape[axes:])
        item = np.dtype((np.void, run * x.itemsize))  # copied in half the time of its elements
        places = windows.reshape(len(windows), *shape[1:], run).view(item)[..., 0]
        return np.ndarray(shape, item, frame, 0, strides[:axes]), places

    def _by_group(self, seen: Codes) -> Codes:
        """[…, kernel rows, kernel columns, channels] -> a view with the groups before them."""
        if self.groups == 1:
            return seen
        split = seen.reshape(*seen.shape[:-1], self.groups, -1)  # of one axis, so without a copy
        return np.moveaxis(split, -2, -4)

    @cached_property
    def block_rows(self) -> int:
        """Rows of a batch whose windows, gathered, stay in a core's cache."""
        return max(1, BLOCK_ELEMENTS // (self.positions * self.elements))

    def fold(self, x: Codes, fill: int, function: np.ufunc) -> Codes:
        """``function`` (maximum, add) over each channel of each window: codes [batch, input
        size] -> [batch, positions, channels].

        Rows before columns: neighbouring rows meet in long runs of memory.
        """
        codes = self._frame(x, fill)
        for axis, positions in ((0, self.out_rows), (1, self.out_columns)):
            codes = self._fold_axis(codes, axis, positions, function)
        return codes.reshape(len(x), self.positions, self.channels)

    def _fold_axis(self, codes: Codes, axis: int, positions: int, function: np.ufunc) -> Codes:
        stride, dilation = self.strides[axis], self.dilation[axis]
        length = (positions - 1) * stride + 1
        starts = [k * dilation for k in range(self.kernel[axis])]
        spans = [slice(k, k + length, stride) for k in starts]
        parts = [codes[:, span] if axis == 0 else codes[:, :, span] for span in spans]
        if len(parts) == 1:
            return parts[0]
        folded: Codes = function(parts[0], parts[1])
        for part in parts[2:]:
            function(folded, part, out=folded)
        return folded

    def hull(self, x: Bounds, fill: int) -> Bounds:
        """Bounds of a window's elements over all positions: [elements]."""
        lo, hi = (self._by_group(self.view(side[np.newaxis], fill)) for side in (x.lo, x.hi))
        positions = (0, 1, 2)
        return Bounds(lo.min(axis=positions).ravel(), hi.max(axis=positions).ravel())
