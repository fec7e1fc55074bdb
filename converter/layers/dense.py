"""Dense layers: Keras' Dense and QKeras' QDense."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

from converter.config import LayerConfig
from converter.errors import ModelError, UnsupportedError
from converter.graph import Edge, Shape, frozen_array
from converter.layers.base import Layer, Lowering, Range, Real
from converter.layers.product import constants, lower_product
from converter.layers.quantized import activation_argument
from converter.layers.quantizer_reading import read_weight_quantizer
from converter.layers.quantizers import Quantizer
from converter.layers.spec import LayerSpec, Part


@dataclass(frozen=True, eq=False)
class Dense(Layer):
    """y = x K + b. ``kernel`` [n_in, units] and ``bias`` [units] as they stand in the file.

    Where a quantizer is given, the layer computes with the quantised values
    (``used_kernel``, ``used_bias``).
    """

    class_names: ClassVar[tuple[str, ...]] = ("Dense",)

    kernel: Real
    bias: Real | None = None
    kernel_quantizer: Quantizer | None = None
    bias_quantizer: Quantizer | None = None

    @property
    def n_in(self) -> int:
        """Length of the input vector."""
        return int(self.kernel.shape[0])

    @property
    def units(self) -> int:
        """Length of the output vector."""
        return int(self.kernel.shape[1])

    @cached_property
    def used_kernel(self) -> Real:
        """The kernel that the layer computes with, [n_in, units]."""
        if self.kernel_quantizer is None:
            return self.kernel
        return self.kernel_quantizer.quantize(self.kernel)

    @cached_property
    def used_bias(self) -> Real | None:
        """The bias that the layer computes with, [units]; None: there is none."""
        if self.bias is None or self.bias_quantizer is None:
            return self.bias
        return self.bias_quantizer.quantize(self.bias)

    def infer_shape(self, inputs: Sequence[Shape]) -> Shape:
        """[n_in] -> [units]. Raises for another length, and for inputs of higher rank."""
        (shape,) = inputs
        if len(shape) != 1:
            raise UnsupportedError(
                f"an input of shape {shape} is not supported; it must be flat: ({self.n_in},)"
            )
        if shape[0] != self.n_in:
            raise ModelError(f"the kernel has {self.n_in} rows, but the input has shape {shape}")
        return (self.units,)

    def forward(self, inputs: Sequence[Real]) -> Real:
        """[batch, n_in] -> [batch, units]."""
        (x,) = inputs
        y = x @ self.used_kernel
        return y if self.used_bias is None else y + self.used_bias

    def lower(
        self, name: str, inputs: Sequence[Edge], config: LayerConfig, seen: Range | None
    ) -> Lowering:
        """A matrix-vector product with exact sums, and the result's type."""
        (x,) = inputs
        kernel = constants(name, "weight", self.kernel, self.kernel_quantizer, config)
        bias = None
        if self.bias is not None:
            finest = x.type.fraction + kernel.type.fraction
            bias = constants(name, "bias", self.bias, self.bias_quantizer, config, finest)
        return lower_product(name, x, kernel, bias, config, seen)


TRAINING_ONLY = (
    "kernel_initializer", "bias_initializer", "kernel_regularizer", "bias_regularizer",
    "activity_regularizer", "kernel_constraint", "bias_constraint",
)  # fmt: skip


def read_dense(spec: LayerSpec) -> tuple[Part, ...]:
    """Keras' Dense, with its activation as a node of its own."""
    dense = Dense(*_weights(spec))
    spec.only("lora_rank", None)
    spec.only("quantization_config", None)
    parts = (Part("", dense), *activation_argument(spec))
    spec.finish(*TRAINING_ONLY)
    return parts


def read_qdense(spec: LayerSpec) -> tuple[Part, ...]:
    """QKeras' QDense; kernel_range and bias_range only shape the initial weights."""
    kernel = read_weight_quantizer(spec, "kernel_quantizer", fitted=True)
    bias = read_weight_quantizer(spec, "bias_quantizer", fitted=False)
    dense = Dense(*_weights(spec), kernel, bias)
    parts = (Part("", dense), *activation_argument(spec))
    spec.finish(*TRAINING_ONLY, "kernel_range", "bias_range")
    return parts


def _weights(spec: LayerSpec) -> tuple[Real, Real | None]:
    units, use_bias = spec.integer("units"), spec.flag("use_bias", True)
    if units < 1:
        raise spec.bad("units", units, "at least 1")
    kernel, *rest = spec.variables("kernel", *(["bias"] if use_bias else []))
    if kernel.ndim != 2 or kernel.shape[1] != units or kernel.shape[0] < 1:
        raise ModelError(
            f"{spec.where}: kernel must have shape (inputs, {units}); the file has {kernel.shape}"
        )
    if not rest:
        return frozen_array(kernel), None
    return frozen_array(kernel), frozen_array(spec.shaped("bias", rest[0], (units,)))
