"""What the layers that multiply by a kernel share."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from converter.config import LayerConfig
from converter.errors import ModelError, UnsupportedError
from converter.graph import Edge, frozen_array
from converter.layers.base import Real
from converter.layers.geometry import gathered
from converter.layers.product import Constants, constants, finest_offset
from converter.layers.quantizers import Quantizer
from converter.layers.spec import LayerSpec
from converter.units.window import Window

Array = npt.NDArray[Any]
W = TypeVar("W", bound="Weighted")


@dataclass(frozen=True, eq=False)
class Weighted(ABC):
    """Mixin of the layers y = x K + b, at each position of a window where there is one.

    ``kernel`` and ``bias`` stand as in the file. Where a quantizer is given, the layer computes
    with the quantised values (``used_kernel``, ``used_bias``).
    """

    kernel: Real
    bias: Real | None = None
    kernel_quantizer: Quantizer | None = None
    bias_quantizer: Quantizer | None = None

    @abstractmethod
    def arranged(self, kernel: Array) -> Array:
        """An array of the kernel's shape as matrices [groups, inputs, outputs], 0 where the
        kernel has nothing.
        """

    @abstractmethod
    def scaled(self, factors: Real) -> Real:
        """The kernel with the weights of each output channel times its factor, [channels]."""

    def parameters(self) -> Mapping[str, Real]:
        """Kernel and bias as the layer computes with them."""
        bias = {} if self.used_bias is None else {"bias": self.used_bias}
        return {"weight": self.used_kernel, **bias}

    @cached_property
    def used_kernel(self) -> Real:
        """The kernel that the layer computes with."""
        if self.kernel_quantizer is None:
            return self.kernel
        return self.kernel_quantizer.quantize(self.kernel)

    @cached_property
    def used_bias(self) -> Real | None:
        """The bias that the layer computes with, [channels]; None: there is none."""
        if self.bias is None or self.bias_quantizer is None:
            return self.bias
        return self.bias_quantizer.quantize(self.bias)

    @property
    def quantized(self) -> bool:
        """Whether it is tied to a grid of the model's own."""
        return self.kernel_quantizer is not None or self.bias_quantizer is not None

    def normalised(self: W, scale: Real, offset: Real) -> W:
        """The layer that gives y scale + offset, both [channels]; of real weights only."""
        bias = offset if self.bias is None else self.bias * scale + offset
        return replace(self, kernel=frozen_array(self.scaled(scale)), bias=frozen_array(bias))

    def constants(
        self, name: str, x: Edge, config: LayerConfig
    ) -> tuple[Constants, Constants | None]:
        """Kernel, as matrices [groups, inputs, outputs], and bias, [channels], in integers."""
        kernel = constants(name, "weight", self.kernel, self.kernel_quantizer, config)
        bias = None
        if self.bias is not None:
            held = kernel.exact or kernel.holds(self.kernel)
            finest = finest_offset(x.type, kernel.type, held)
            bias = constants(name, "bias", self.bias, self.bias_quantizer, config, finest)
        scale = None if kernel.scale is None else self._factors(name, kernel.scale)
        codes = frozen_array(self.arranged(kernel.codes))
        return replace(kernel, codes=codes, scale=scale), bias

    def _factors(self, name: str, scale: Real) -> Real:
        """The factor of each output, which a quantizer must give to all weights of it."""
        matrices = self.arranged(np.broadcast_to(scale, self.kernel.shape))
        top = matrices.max(axis=1, keepdims=True)
        if not ((matrices == top) | (matrices == 0)).all():
            raise UnsupportedError(
                f"{name}: the kernel's quantizer has factors that differ within an output channel; "
                "it must have one for each"
            )
        return top.ravel()


def apply_matrices(x: Real, window: Window, matrices: Real) -> Real:
    """Matrices [groups, inputs, outputs] at each position: [batch, ...] -> [batch, positions,
    groups * outputs].
    """
    groups, inputs, outputs = matrices.shape
    parts = []
    for windows in gathered(x, window):
        rows = windows.reshape(-1, groups, inputs).transpose(1, 0, 2) @ matrices
        parts.append(rows.transpose(1, 0, 2).reshape(-1, window.positions, groups * outputs))
    return np.concatenate(parts)


def training_only(*kernels: str) -> tuple[str, ...]:
    """The attributes that act in training only, of the bias and the weights named."""
    kinds = ("initializer", "regularizer", "constraint")
    names = [f"{weight}_{kind}" for weight in (*kernels, "bias") for kind in kinds]
    return (*names, "activity_regularizer")


def check_kernel(spec: LayerSpec, name: str, kernel: Real, shape: Sequence[int | None]) -> None:
    """The file's kernel has the sizes that the attributes tell; None: any, the channels of the
    input. Raises ModelError.
    """
    right = len(kernel.shape) == len(shape) and kernel.size > 0
    if not right or any(n not in (None, m) for n, m in zip(shape, kernel.shape, strict=True)):
        wanted = ", ".join("inputs" if n is None else str(n) for n in shape)
        raise ModelError(
            f"{spec.where}: {name} must have shape ({wanted}); the file has {kernel.shape}"
        )


def read_count(spec: LayerSpec, key: str, default: int | None = None) -> int:
    """A whole number of at least 1."""
    value = spec.integer(key, default)
    if value < 1:
        raise spec.bad(key, value, "at least 1")
    return value
