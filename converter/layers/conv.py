"""Convolutions over one or two axes: dilated, grouped and depthwise ones among them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from converter.config import LayerConfig
from converter.errors import ModelError
from converter.graph import Edge, Shape, frozen_array
from converter.layers.base import Layer, Lowering, Range, Real
from converter.layers.geometry import Geometry, Padding, read_geometry
from converter.layers.product import Product, lower_product
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


@dataclass(frozen=True, eq=False)
class Conv(Weighted, Layer):
    """A kernel at each position of a window; channels last.

    ``kernel`` [*kernel_size, channels / groups, filters]: filters in as many equal parts as
    there are groups, each of which sees its part of the channels. If ``depthwise``, a kernel
    [*kernel_size, channels, multiplier] for each channel by itself, whose outputs are
    neighbours. ``class_name``: that of the file.
    """

    geometry: Geometry = field(kw_only=True)
    groups: int = field(kw_only=True, default=1)
    depthwise: bool = field(kw_only=True, default=False)
    class_name: str = field(kw_only=True)

    @property
    def class_names(self) -> tuple[str, ...]:
        """The file's."""
        return (self.class_name,)

    @property
    def filters(self) -> int:
        """Channels of the output."""
        channels, filters = self.kernel.shape[-2:]
        return channels * filters if self.depthwise else filters

    @property
    def channels(self) -> int:
        """Channels of the input."""
        return int(self.kernel.shape[-2]) * (1 if self.depthwise else self.groups)

    def infer_shape(self, inputs: Sequence[Shape]) -> Shape:
        """[*sizes, channels] -> [*sizes, filters]. Raises ModelError for a wrong input."""
        (shape,) = inputs
        if shape[-1:] != (self.channels,):
            raise ModelError(
                f"the kernel is for {self.channels} channels, but the input has shape {shape}"
            )
        window = self.geometry.window(shape, self._groups)
        return self.geometry.out_shape(window, self.filters)

    @property
    def _groups(self) -> int:
        return self.channels if self.depthwise else self.groups

    def arranged(self, kernel: Array) -> Array:
        """In the order of a window's elements: rows, columns, channels of a group."""
        if self.depthwise:
            flat = kernel.reshape(-1, *kernel.shape[-2:])
            return flat.transpose(1, 0, 2)
        inputs = int(np.prod(kernel.shape[:-1]))
        return kernel.reshape(inputs, self.groups, -1).transpose(1, 0, 2)

    def scaled(self, factors: Real) -> Real:
        """Filters are the last axis, or the last two."""
        shape = self.kernel.shape[-2:] if self.depthwise else self.kernel.shape[-1:]
        return self.kernel * factors.reshape(shape)

    def forward(self, inputs: Sequence[Real]) -> Real:
        """[batch, *sizes, channels] -> [batch, *sizes, filters]."""
        (x,) = inputs
        window = self.geometry.window(x.shape[1:], self._groups)
        y = apply_matrices(x, window, self.arranged(self.used_kernel))
        y = y if self.used_bias is None else y + self.used_bias
        return y.reshape(len(x), *self.geometry.out_shape(window, self.filters))

    def lower(
        self, name: str, inputs: Sequence[Edge], config: LayerConfig, seen: Range | None
    ) -> Lowering:
        """A matrix-vector product at each position, with exact sums, and the result's type."""
        (x,) = inputs
        kernel, bias = self.constants(name, x, config)
        window = self.geometry.window(x.shape, self._groups)
        shape = self.geometry.out_shape(window, self.filters)
        return lower_product(name, x, Product(window, shape, kernel, bias), config, seen)


def read_conv1d(spec: LayerSpec) -> tuple[Part, ...]:
    """Conv1D, with its activation as a node of its own."""
    return _read_conv(spec, 1)


def read_conv2d(spec: LayerSpec) -> tuple[Part, ...]:
    """Conv2D."""
    return _read_conv(spec, 2)


def _read_conv(spec: LayerSpec, rank: int) -> tuple[Part, ...]:
    conv = conv_of(spec, rank)
    parts = (Part("", conv), *activation_argument(spec))
    spec.finish(*training_only("kernel"))
    return parts


def conv_of(
    spec: LayerSpec,
    rank: int,
    kernel_quantizer: Quantizer | None = None,
    bias_quantizer: Quantizer | None = None,
) -> Conv:
    """A convolution from its attributes and weights, without activation."""
    filters, groups = read_count(spec, "filters"), read_count(spec, "groups", 1)
    if filters % groups:
        raise spec.bad("filters", filters, f"a multiple of groups={groups}")
    geometry = read_conv_geometry(spec, rank)
    kernel, *rest = spec.variables("kernel", *bias_name(spec))
    sizes = geometry.kernel[2 - rank :]
    check_kernel(spec, "kernel", kernel, (*sizes, None, filters))
    return Conv(
        frozen_array(kernel),
        read_bias(spec, rest, filters),
        kernel_quantizer,
        bias_quantizer,
        geometry=geometry,
        groups=groups,
        class_name=spec.class_name,
    )


def read_conv_geometry(spec: LayerSpec, rank: int) -> Geometry:
    """Size, strides, dilation and padding of a convolution; what Keras 3 has beside them, too."""
    spec.only("lora_rank", None)
    spec.only("quantization_config", None)
    causal = [Padding.CAUSAL] if rank == 1 else []
    return read_geometry(spec, rank, "kernel_size", Padding.VALID, Padding.SAME, *causal)


def bias_name(spec: LayerSpec) -> tuple[str, ...]:
    """The name of the bias where the layer has one."""
    return ("bias",) if spec.flag("use_bias", True) else ()


def read_bias(spec: LayerSpec, rest: Sequence[Real], channels: int) -> Real | None:
    """The bias, [channels], where it remains of the weights."""
    return frozen_array(spec.shaped("bias", rest[0], (channels,))) if rest else None
