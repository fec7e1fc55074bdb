"""How a window moves over a tensor, as Keras says it: sizes, strides, dilation and padding."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from enum import Enum

from converter.errors import ModelError
from converter.graph import Shape
from converter.layers.base import Real
from converter.layers.spec import LayerSpec
from converter.units.window import Pair, Window

MAX_WINDOWS = 1 << 28
"""Elements of all windows of a layer together: more than any network on an FPGA has."""

CHUNK = 1 << 22
"""Elements of the windows that are gathered at once: 32 MB of doubles."""


class Padding(Enum):
    """What is added around a tensor: nothing, so that only strides shrink it, or only before."""

    VALID = "valid"
    SAME = "same"
    CAUSAL = "causal"


@dataclass(frozen=True)
class Geometry:
    """A window over ``rank`` axes, 1 or 2, rows before columns; of one axis, there is one row.

    ``amounts``: what is added (before, after) each axis, in place of ``padding``.
    """

    rank: int
    kernel: Pair
    strides: Pair = (1, 1)
    dilation: Pair = (1, 1)
    padding: Padding = Padding.VALID
    amounts: tuple[Pair, Pair] | None = None

    @property
    def span(self) -> Pair:
        """Rows and columns from a window's first element to its last, inclusive."""
        (kh, kw), (dh, dw) = self.kernel, self.dilation
        return (kh - 1) * dh + 1, (kw - 1) * dw + 1

    def of_whole(self, shape: Shape) -> Geometry:
        """The same with one window over all of a tensor of ``shape``."""
        size = self.sizes(shape)
        return replace(self, kernel=size, strides=size)

    def sizes(self, shape: Shape) -> Pair:
        """Rows and columns of a tensor. Raises ModelError for one of another rank."""
        if len(shape) != self.rank + 1:
            raise ModelError(
                f"works on {self.rank} axes and channels, but the input has shape {shape}"
            )
        return (1, shape[0]) if self.rank == 1 else (shape[0], shape[1])

    def window(self, shape: Shape, groups: int = 1) -> Window:
        """The window over a tensor of ``shape``. Raises ModelError where none fits in."""
        sizes = self.sizes(shape)
        padding = tuple(self._padding(axis, n) for axis, n in enumerate(sizes))
        window = Window(
            *sizes,
            shape[-1],
            self.kernel,
            self.strides,
            self.dilation,
            (padding[0], padding[1]),
            groups,
        )
        if window.out_rows < 1 or window.out_columns < 1:
            raise ModelError(
                f"a window over {self._shown(self.span)} elements does not fit into an input of "
                f"shape {shape} {'with its' if self.amounts else 'without'} padding"
            )
        return checked_size(window)

    def out_shape(self, window: Window, channels: int) -> Shape:
        """Shape of what has ``channels`` elements at each position."""
        rows = (window.out_rows,) if self.rank == 2 else ()
        return (*rows, window.out_columns, channels)

    def _padding(self, axis: int, n: int) -> Pair:
        if self.amounts is not None:
            return self.amounts[axis]
        span = self.span[axis]
        if self.padding is Padding.CAUSAL:
            return span - 1, 0
        if self.padding is Padding.VALID:
            return 0, 0
        total = max((-(-n // self.strides[axis]) - 1) * self.strides[axis] + span - n, 0)
        return total // 2, total - total // 2

    def _shown(self, pair: Pair) -> str:
        return "x".join(map(str, pair[2 - self.rank :]))


def checked_size(window: Window) -> Window:
    """The window, where it and its tensor with padding are of a sane size. Raises ModelError."""
    (top, bottom), (left, right) = window.padding
    frame = (window.rows + top + bottom) * (window.columns + left + right) * window.channels
    if max(window.positions * window.elements, frame) > MAX_WINDOWS:
        raise ModelError(
            f"{window.positions} windows of {window.elements} elements, over {frame} elements with "
            f"the padding; at most {MAX_WINDOWS} in all are supported"
        )
    return window


def gathered(x: Real, window: Window) -> Iterator[Real]:
    """The windows of x [batch, ...], [rows, positions, elements], some rows at a time; zeros are
    outside.
    """
    flat = x.reshape(len(x), window.input_size)
    step = max(1, CHUNK // (window.positions * window.elements))
    for start in range(0, len(x), step):
        yield window.gather(flat[start : start + step], 0)


def read_geometry(
    spec: LayerSpec, rank: int, size_key: str, *paddings: Padding, unit_strides: bool = True
) -> Geometry:
    """The attributes of a layer with a window; ``size_key`` is that of its size.

    ``paddings``: those that the layer knows. ``unit_strides``: strides without a value are 1,
    else the window's own size.
    """
    kernel = read_pair(spec, rank, size_key)
    name = spec.get("padding", Padding.VALID.value)
    known = {p.value: p for p in paddings}
    if not isinstance(name, str) or name not in known:
        raise spec.unsupported("padding", name)
    spec.only("data_format", "channels_last", None)
    ones = (1, 1)
    return Geometry(
        rank,
        kernel,
        read_pair(spec, rank, "strides", ones if unit_strides else kernel),
        read_pair(spec, rank, "dilation_rate", ones),
        known[name],
    )


def read_pair(spec: LayerSpec, rank: int, key: str, default: Pair | None = None) -> Pair:
    """One whole number for all axes, or one for each; the row's is 1 where there is one axis."""
    value = spec.get(key)
    if value is None and default is not None:
        return default
    numbers = read_numbers(spec, rank, key, value, 1)
    return (1, numbers[0]) if rank == 1 else (numbers[0], numbers[1])


def read_numbers(
    spec: LayerSpec, rank: int, key: str, value: object, least: int
) -> tuple[int, ...]:
    """``rank`` whole numbers of at least ``least``; the file may have one for all."""
    numbers = [value] * rank if type(value) is int else value
    if (
        not isinstance(numbers, list | tuple)
        or len(numbers) != rank
        or not all(type(n) is int and n >= least for n in numbers)
    ):
        what = "a whole number" if rank == 1 else f"{rank} whole numbers"
        raise spec.bad(key, value, f"{what} of at least {least}")
    return tuple(numbers)
