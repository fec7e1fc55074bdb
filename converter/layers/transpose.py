"""Transposed convolutions, without any multiplication by inserted zeros.

With strides s, output positions o = s q + r of one phase r see the same taps of the kernel. So
a convolution of stride 1 whose channels are all phases side by side gives every output, and what
remains is to put the phases in their places and to cut the border off.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from converter.config import LayerConfig
from converter.errors import ModelError
from converter.graph import Edge, Shape, frozen_array
from converter.layers.base import Layer, Lowering, Range, Real
from converter.layers.conv import bias_name, read_bias, read_conv_geometry
from converter.layers.geometry import MAX_WINDOWS, Geometry, Padding, checked_size, read_numbers
from converter.layers.lowering import result_type
from converter.layers.product import Constants, Product
from converter.layers.quantized import activation_argument
from converter.layers.quantizers import Quantizer
from converter.layers.spec import LayerSpec, Part
from converter.layers.weighted import (
    Array,
    Weighted,
    apply_matrices,
    check_kernel,
    read_count,
    training_only,
)
from converter.units.reindex import Reindex
from converter.units.window import Pair, Window

Index = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Axis:
    """One axis of a transposed convolution: out[s i + d k - before] gets x[i] times tap k."""

    size: int
    taps: int
    stride: int
    dilation: int
    before: int
    out: int

    @property
    def reach(self) -> int:
        """Inputs before its own that an output sees."""
        return (self.taps - 1) * self.dilation // self.stride

    @property
    def first(self) -> int:
        """The first group of ``stride`` outputs, counted from the first input's first tap."""
        return self.before // self.stride

    @property
    def padding(self) -> Pair:
        """Around the input, so that the window gives all groups of outputs."""
        last = (self.before + self.out - 1) // self.stride
        return self.reach - self.first, max(last - self.size + 1, 0)

    @property
    def tap_of(self) -> Index:
        """The tap [window elements, phases] that an input has for an output; -1: none."""
        at = np.arange(self.reach, -1, -1)[:, None] * self.stride + np.arange(self.stride)
        tap = at // self.dilation
        return np.where((at % self.dilation == 0) & (tap < self.taps), tap, -1)

    @property
    def places(self) -> tuple[Index, Index]:
        """Window position and phase of each output, [out]."""
        at = np.arange(self.out) + self.before
        return at // self.stride - self.first, at % self.stride


@dataclass(frozen=True, eq=False)
class ConvTranspose(Weighted, Layer):
    """``kernel`` [*kernel_size, filters, channels]; the geometry is that of the convolution
    from the output to the input. ``output_padding``: as Keras says it, rows before columns;
    None: Keras' own sizes.
    """

    geometry: Geometry = field(kw_only=True)
    output_padding: tuple[int | None, int | None] = field(kw_only=True, default=(None, None))
    class_name: str = field(kw_only=True)

    @property
    def class_names(self) -> tuple[str, ...]:
        """The file's."""
        return (self.class_name,)

    @property
    def filters(self) -> int:
        """Channels of the output."""
        return int(self.kernel.shape[-2])

    def infer_shape(self, inputs: Sequence[Shape]) -> Shape:
        """[*sizes, channels] -> [*sizes, filters]. Raises ModelError for a wrong input."""
        (shape,) = inputs
        channels = self.kernel.shape[-1]
        if shape[-1:] != (channels,):
            raise ModelError(
                f"the kernel is for {channels} channels, but the input has shape {shape}"
            )
        axes = self._axes(shape)
        sizes = [axis.out for axis in axes]
        if math.prod(sizes) * self.filters > MAX_WINDOWS:
            raise ModelError(
                f"an output of {sizes} positions and {self.filters} channels; at most "
                f"{MAX_WINDOWS} elements are supported"
            )
        checked_size(self._window(axes))
        return (*sizes[2 - self.geometry.rank :], self.filters)

    def _axes(self, shape: Shape) -> tuple[Axis, Axis]:
        """Rows and columns."""
        rows, columns = self.geometry.sizes(shape)
        return self._axis(0, rows), self._axis(1, columns)

    def _axis(self, axis: int, size: int) -> Axis:
        g, same = self.geometry, self.geometry.padding is Padding.SAME
        extra = self.output_padding[axis]
        span, stride = g.span[axis], g.strides[axis]
        if extra is not None:
            out = (size - 1) * stride + span - (span // 2 * 2 if same else 0) + extra
        else:
            out = size * stride + (0 if same else max(span - stride, 0))
        back = -(-out // stride) if same else (out - span) // stride + 1
        if back != size or out < 1:
            raise ModelError(
                f"output_padding={extra} gives an output of {out} that a convolution takes to "
                f"{back} and not to the input's {size}"
            )
        total = max((size - 1) * stride + span - out, 0) if same else 0
        return Axis(size, g.kernel[axis], stride, g.dilation[axis], total // 2, out)

    def _window(self, axes: tuple[Axis, Axis]) -> Window:
        rows, columns = axes
        kernel = (rows.reach + 1, columns.reach + 1)
        padding = (rows.padding, columns.padding)
        return Window(rows.size, columns.size, int(self.kernel.shape[-1]), kernel, padding=padding)

    def arranged(self, kernel: Array) -> Array:
        """Taps by window element and phase: [1, window elements, phases * filters]."""
        rows, columns = (
            Axis(1, k, s, d, 0, 1).tap_of
            for k, s, d in zip(
                self.geometry.kernel, self.geometry.strides, self.geometry.dilation, strict=True
            )
        )
        full = kernel.reshape(*self.geometry.kernel, *kernel.shape[-2:])
        taken = full[rows[:, :, None, None], columns]  # [rows, phases, columns, phases, f, c]
        none = (rows < 0)[:, :, None, None] | (columns < 0)
        taken = np.where(none[..., None, None], 0, taken)
        moved = taken.transpose(0, 2, 5, 1, 3, 4)  # [rows, columns, c, phases, phases, f]
        return moved.reshape(1, int(np.prod(moved.shape[:3])), -1)

    def scaled(self, factors: Real) -> Real:
        """Filters are the last axis but one."""
        return self.kernel * factors[:, None]

    @property
    def phases(self) -> int:
        """Outputs of one window's position."""
        return self.geometry.strides[0] * self.geometry.strides[1]

    def _places(self, axes: tuple[Axis, Axis], window: Window) -> Index:
        """Where each element of the output is among what the windows give, flat."""
        (q_rows, r_rows), (q_columns, r_columns) = (axis.places for axis in axes)
        position = q_rows[:, None] * window.out_columns + q_columns
        phase = r_rows[:, None] * self.geometry.strides[1] + r_columns
        channel = position * self.phases + phase
        flat = channel[:, :, None] * self.filters + np.arange(self.filters)
        return frozen_array(flat.ravel(), np.int64)

    def forward(self, inputs: Sequence[Real]) -> Real:
        """[batch, *sizes, channels] -> [batch, *sizes, filters]."""
        (x,) = inputs
        axes = self._axes(x.shape[1:])
        window = self._window(axes)
        phases = apply_matrices(x, window, self.arranged(self.used_kernel))
        y = phases.reshape(len(x), -1)[:, self._places(axes, window)]
        y = y.reshape(len(x), *self.infer_shape((x.shape[1:],)))
        return y if self.used_bias is None else y + self.used_bias

    def lower(
        self, name: str, inputs: Sequence[Edge], config: LayerConfig, seen: Range | None
    ) -> Lowering:
        """A product that gives all phases, the result's type, and the phases in their places."""
        (x,) = inputs
        axes = self._axes(x.shape)
        window = self._window(axes)
        kernel, bias = self.constants(name, x, config)
        rows = (window.out_rows,) if self.geometry.rank == 2 else ()
        shape = (*rows, window.out_columns, self.phases * self.filters)
        product = Product(window, shape, kernel, self._repeated(bias))
        chain = product.chain(name, x, config)
        types = product.types(chain, config)
        chain = chain.cast(result_type(chain.edge, config, seen, product.exact))
        places = self._places(axes, window)
        unit = Reindex(places, chain.edge.size, chain.edge.type)
        return chain.then("phases", unit, self.infer_shape((x.shape,))).finish(**types)

    def _repeated(self, bias: Constants | None) -> Constants | None:
        """The bias for each phase."""
        if bias is None:
            return None
        return Constants(
            frozen_array(np.tile(bias.codes, self.phases)), bias.type, exact=bias.exact
        )


def read_conv1d_transpose(spec: LayerSpec) -> tuple[Part, ...]:
    """Conv1DTranspose, with its activation as a node of its own."""
    return _read_transpose(spec, 1)


def read_conv2d_transpose(spec: LayerSpec) -> tuple[Part, ...]:
    """Conv2DTranspose."""
    return _read_transpose(spec, 2)


def _read_transpose(spec: LayerSpec, rank: int) -> tuple[Part, ...]:
    conv = transpose_of(spec, rank)
    parts = (Part("", conv), *activation_argument(spec))
    spec.finish(*training_only("kernel"))
    return parts


def transpose_of(
    spec: LayerSpec,
    rank: int,
    kernel_quantizer: Quantizer | None = None,
    bias_quantizer: Quantizer | None = None,
) -> ConvTranspose:
    """A transposed convolution from its attributes and weights, without activation."""
    filters, geometry = read_count(spec, "filters"), read_conv_geometry(spec, rank)
    if geometry.padding is Padding.CAUSAL:
        raise spec.unsupported("padding", geometry.padding.value)
    spec.only("groups", 1)
    kernel, *rest = spec.variables("kernel", *bias_name(spec))
    check_kernel(spec, "kernel", kernel, (*geometry.kernel[2 - rank :], filters, None))
    return ConvTranspose(
        frozen_array(kernel),
        read_bias(spec, rest, filters),
        kernel_quantizer,
        bias_quantizer,
        geometry=geometry,
        output_padding=_output_padding(spec, rank),
        class_name=spec.class_name,
    )


def _output_padding(spec: LayerSpec, rank: int) -> tuple[int | None, int | None]:
    """Rows before columns; None where the file leaves the size to Keras."""
    value = spec.get("output_padding")
    if value is None:
        return None, None
    numbers = read_numbers(spec, rank, "output_padding", value, 0)
    return (None, numbers[0]) if rank == 1 else (numbers[0], numbers[1])
