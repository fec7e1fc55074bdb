"""Dense layers given by Einstein's summation: those that take the last axes to new last axes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from converter.errors import ModelError, UnsupportedError
from converter.graph import Shape, frozen_array
from converter.layers.base import Layer, Real
from converter.layers.dense import Dense
from converter.layers.on_grid import OnGrid
from converter.layers.quantized import activation_argument
from converter.layers.reshape import Rearranging
from converter.layers.spec import LayerSpec, Part

Array = npt.NDArray[Any]

LETTERS = "abcdefghijklmnopqrstuvwxyz"


@dataclass(frozen=True)
class LastAxes(Rearranging, Layer):
    """The last ``count`` axes as others of the sizes ``sizes``, row-major."""

    class_names: ClassVar[tuple[str, ...]] = ("Reshape",)

    count: int
    sizes: Shape

    def infer_shape(self, inputs: Sequence[Shape]) -> Shape:
        """[..., *old] -> [..., *sizes]. Raises ModelError where the elements are not as many."""
        (shape,) = inputs
        kept, old = shape[: len(shape) - self.count], shape[len(shape) - self.count :]
        if prod(old) != prod(self.sizes) or self.count > len(shape):
            raise ModelError(f"the kernel is for axes of {self.sizes}; the input has shape {shape}")
        return (*kept, *self.sizes)

    def move(self, x: Any, fill: int) -> Any:
        """[batch, ..., *old] -> [batch, ..., *sizes]."""
        del fill
        return x.reshape(len(x), *self.infer_shape((x.shape[1:],)))


@dataclass(frozen=True)
class Einsum:
    """``summed``: axes of the input that the kernel takes to the axes ``made`` of the output, both
    the last ones of each. ``bias_axes``: those of the output that the bias has; None: no bias.
    """

    summed: str
    made: str
    bias_axes: str | None

    @property
    def bias_name(self) -> tuple[str, ...]:
        """The bias, where there is one."""
        return () if self.bias_axes is None else ("bias",)

    def parts(self, spec: LayerSpec, constants: Mapping[str, Real]) -> tuple[Part, ...]:
        """A dense layer over one last axis, between others that make one of several."""
        kernel = constants["kernel"]
        n = len(self.summed)
        if kernel.ndim != n + len(self.made):
            raise ModelError(
                f"{spec.where}: the kernel must have the axes {self.summed + self.made}; the file "
                f"has shape {kernel.shape}"
            )
        old, new = kernel.shape[:n], kernel.shape[n:]
        matrix = frozen_array(kernel.reshape(prod(old), prod(new)))
        bias = frozen_array(self._bias(spec, constants["bias"], new)) if self.bias_name else None
        before = (Part("in", LastAxes(n, (prod(old),))),) if n > 1 else ()
        dense = Part("" if len(new) == 1 else "dense", Dense(matrix, bias, OnGrid(), OnGrid()))
        after = (Part("", LastAxes(1, new)),) if len(new) > 1 else ()
        return (*before, dense, *after, *activation_argument(spec))

    def along_kernel(self, values: Array, shape: Shape) -> Array:
        """Values over the bias' axes, to be broadcast to the kernel's shape."""
        axes = self.bias_axes or ""
        letters = zip(self.summed + self.made, shape, strict=True)
        return values.reshape([n if letter in axes else 1 for letter, n in letters])

    def _bias(self, spec: LayerSpec, bias: Real, new: Shape) -> Real:
        """[*new], of a bias over some of these axes; other axes of its shape are 1."""
        shape = bias.shape[max(bias.ndim - len(new), 0) :]
        padded = (*(1,) * (len(new) - len(shape)), *shape)
        wrong = any(a not in (1, b) for a, b in zip(padded, new, strict=True))
        if bias.size != prod(shape) or wrong:
            raise ModelError(
                f"{spec.where}: the bias must have some of the sizes {new}; the file has "
                f"{bias.shape}"
            )
        return np.broadcast_to(bias.reshape(padded), new).ravel()


def read_einsum(spec: LayerSpec) -> Einsum:
    """The attributes. Raises UnsupportedError for an equation that is not a dense layer's."""
    equation = spec.get("equation")
    axes = spec.get("bias_axes")
    spec.get("output_shape")
    spec.only("lora_rank", None)
    spec.only("quantization_config", None)
    if not isinstance(equation, str) or not (axes is None or isinstance(axes, str)):
        raise spec.bad("equation", equation, "an equation such as abc,cd->abd")
    found = _dense_form(equation)
    if found is None or (axes is not None and not set(axes) <= set(found[1])):
        raise UnsupportedError(
            f"{spec.where}: equation {equation!r} with bias_axes={axes!r} is not supported; the "
            "kernel must take the last axes of the input to the last axes of the output, as in "
            "abc,cd->abd, and the bias must have no others"
        )
    return Einsum(*found, axes)


def _dense_form(equation: str) -> tuple[str, str] | None:
    """Summed and new axes; None where the equation is of another form."""
    sides = equation.replace(" ", "").split("->")
    operands = sides[0].split(",")
    if len(sides) != 2 or len(operands) != 2:
        return None
    x, kernel, y = operands[0], operands[1], sides[1]
    x, y = (_without_ellipsis(side, kernel) for side in (x, y))
    for n in range(1, len(kernel)):
        summed, made = kernel[:n], kernel[n:]
        kept = x[: len(x) - n]
        whole = x == kept + summed and y == kept + made and bool(kept)
        if whole and not set(kept) & set(kernel) and len(set(kernel)) == len(kernel):
            return summed, made
    return None


def _without_ellipsis(side: str, kernel: str) -> str:
    """``...`` as one axis that is not the kernel's."""
    free = next(c for c in LETTERS.upper() if c not in kernel)
    return side.replace("...", free)
