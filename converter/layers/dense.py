"""Dense layers: Keras' Dense and QKeras' QDense."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from converter.config import LayerConfig
from converter.errors import ModelError
from converter.graph import Edge, Shape, frozen_array
from converter.layers.base import Layer, Lowering, Range, Real
from converter.layers.on_grid import OnGrid
from converter.layers.product import Product, lower_product
from converter.layers.quantized import activation_argument
from converter.layers.quantizer_reading import read_weight_quantizer
from converter.layers.spec import LayerSpec, Part
from converter.layers.weighted import (
    Array,
    Weighted,
    check_kernel,
    read_count,
    training_only,
)
from converter.units.window import Window


@dataclass(frozen=True, eq=False)
class Dense(Weighted, Layer):
    """y = x K + b over the last axis. ``kernel`` [n_in, units] and ``bias`` [units]."""

    @property
    def class_names(self) -> tuple[str, ...]:
        """QKeras' where there is a quantizer of the kernel; either where the kernel of HGQ, or of a
        proxy model of it, is quantised already.
        """
        if isinstance(self.kernel_quantizer, OnGrid):
            return ("QDense", "Dense")
        return ("Dense",) if self.kernel_quantizer is None else ("QDense",)

    @property
    def n_in(self) -> int:
        """Length of the input vectors."""
        return int(self.kernel.shape[0])

    @property
    def units(self) -> int:
        """Length of the output vectors."""
        return int(self.kernel.shape[1])

    def arranged(self, kernel: Array) -> Array:
        """One group."""
        return kernel[None]

    def scaled(self, factors: Real) -> Real:
        """Units are the last axis."""
        return self.kernel * factors

    def infer_shape(self, inputs: Sequence[Shape]) -> Shape:
        """[..., n_in] -> [..., units]. Raises ModelError for another length."""
        (shape,) = inputs
        if shape[-1:] != (self.n_in,):
            raise ModelError(f"the kernel has {self.n_in} rows, but the input has shape {shape}")
        return (*shape[:-1], self.units)

    def forward(self, inputs: Sequence[Real]) -> Real:
        """[batch, ..., n_in] -> [batch, ..., units]."""
        (x,) = inputs
        y = x @ self.used_kernel
        return y if self.used_bias is None else y + self.used_bias

    def lower(
        self, name: str, inputs: Sequence[Edge], config: LayerConfig, seen: Range | None
    ) -> Lowering:
        """A matrix-vector product with exact sums at each position, and the result's type."""
        (x,) = inputs
        window, shape = Window.of_positions(x.beats, self.n_in), self.infer_shape((x.shape,))
        product = Product(window, shape, *self.constants(name, x, config))
        return lower_product(name, x, product, config, seen)


def read_dense(spec: LayerSpec) -> tuple[Part, ...]:
    """Keras' Dense, with its activation as a node of its own."""
    dense = Dense(*_weights(spec))
    spec.only("lora_rank", None)
    spec.only("quantization_config", None)
    parts = (Part("", dense), *activation_argument(spec))
    spec.finish(*training_only("kernel"))
    return parts


def read_qdense(spec: LayerSpec) -> tuple[Part, ...]:
    """QKeras' QDense; kernel_range and bias_range only shape the initial weights."""
    kernel = read_weight_quantizer(spec, "kernel_quantizer", fitted=True)
    bias = read_weight_quantizer(spec, "bias_quantizer", fitted=False)
    dense = Dense(*_weights(spec), kernel, bias)
    parts = (Part("", dense), *activation_argument(spec))
    spec.finish(*training_only("kernel"), "kernel_range", "bias_range")
    return parts


def _weights(spec: LayerSpec) -> tuple[Real, Real | None]:
    units, use_bias = read_count(spec, "units"), spec.flag("use_bias", True)
    kernel, *rest = spec.variables("kernel", *(["bias"] if use_bias else []))
    check_kernel(spec, "kernel", kernel, (None, units))
    if not rest:
        return frozen_array(kernel), None
    return frozen_array(kernel), frozen_array(spec.shaped("bias", rest[0], (units,)))
