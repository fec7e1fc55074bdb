"""What an ONNX file computes of constants, and of the sizes of tensors.

Exporters write a shape that keeps the batch's size as Shape, Gather, Unsqueeze and Concat, so these
are done here, and whatever else weights go through on their way to a layer.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from converter.errors import ModelError, UnsupportedError
from converter.frontends.onnx_file import OnnxNode
from converter.graph import Shape
from converter.layers.spec import LayerSpec, shorten

Array = npt.NDArray[Any]

BATCH = -(1 << 62)
"""Stands for the size of the batch's axis, which may only be moved."""

TYPES = {1: np.float32, 6: np.int32, 7: np.int64, 11: np.float64}
"""What constants are cast to, by the numbers of the format."""

Fold = Callable[[OnnxNode, LayerSpec, Sequence[Array]], Array]


def read_constant(node: OnnxNode, spec: LayerSpec) -> Array:
    """The operator Constant."""
    for key, dtype in (
        ("value", None),
        ("value_float", np.float32),
        ("value_floats", np.float32),
        ("value_int", np.int64),
        ("value_ints", np.int64),
    ):
        if key in node.attributes:
            value = spec.get(key)
            spec.finish()
            if key == "value" and not isinstance(value, np.ndarray):
                raise spec.bad(key, value, "a tensor")
            return np.asarray(value, dtype)
    raise UnsupportedError(f"{node.where}: must have a value of numbers")


def sizes_of(node: OnnxNode, spec: LayerSpec, shape: Shape) -> Array:
    """The operator Shape, of a tensor of ``shape`` behind the batch's axis."""
    spec.only("start", 0)
    spec.finish()
    if "end" in node.attributes:
        raise spec.unsupported("end", node.attributes["end"])
    return np.array([BATCH, *shape], np.int64)


def fold(node: OnnxNode, spec: LayerSpec, inputs: Sequence[Array | None]) -> Array:
    """An operator of constants alone. Raises UnsupportedError for one that is not done here."""
    if node.op not in FOLDS:
        raise UnsupportedError(
            f"{node.where}: of constants alone, only {', '.join(FOLDS)} are done; fold the others "
            "when exporting"
        )
    given = [array for array in inputs if array is not None]
    if len(given) < len(inputs) or not given:
        raise ModelError(f"{node.where}: an input is missing")
    try:
        return np.asarray(FOLDS[node.op](node, spec, given))
    except (ValueError, IndexError, TypeError, OverflowError) as error:
        raise ModelError(f"{node.where}: {shorten(str(error))}") from None


def _identity(_node: OnnxNode, spec: LayerSpec, inputs: Sequence[Array]) -> Array:
    spec.finish()
    return inputs[0]


def _cast(_node: OnnxNode, spec: LayerSpec, inputs: Sequence[Array]) -> Array:
    kind, (array,) = spec.integer("to"), inputs
    spec.finish("saturate")
    if kind not in TYPES or (array.dtype.kind in "iu" and (array == BATCH).any() and kind != 7):
        raise spec.unsupported("to", kind)
    return array.astype(TYPES[kind])


def _concat(_node: OnnxNode, spec: LayerSpec, inputs: Sequence[Array]) -> Array:
    axis = spec.integer("axis")
    spec.finish()
    return np.concatenate(inputs, axis)


def _gather(_node: OnnxNode, spec: LayerSpec, inputs: Sequence[Array]) -> Array:
    spec.only("axis", 0)
    spec.finish()
    array, indices = inputs
    if indices.ndim > 1:
        raise ValueError("indices of more than one axis")
    return array[indices]


def _axes(node: OnnxNode, spec: LayerSpec, inputs: Sequence[Array]) -> tuple[int, ...]:
    values = spec.get("axes") if "axes" in node.attributes else inputs[1].ravel().tolist()
    spec.finish()
    return tuple(int(axis) for axis in values)


def _squeeze(node: OnnxNode, spec: LayerSpec, inputs: Sequence[Array]) -> Array:
    return np.squeeze(inputs[0], _axes(node, spec, inputs))


def _unsqueeze(node: OnnxNode, spec: LayerSpec, inputs: Sequence[Array]) -> Array:
    return np.expand_dims(inputs[0], _axes(node, spec, inputs))


def _reshape(_node: OnnxNode, spec: LayerSpec, inputs: Sequence[Array]) -> Array:
    spec.only("allowzero", 0)
    spec.finish()
    array, target = inputs
    sizes = [int(n) for n in target.ravel()]
    return array.reshape([array.shape[k] if n == 0 else n for k, n in enumerate(sizes)])


def _transpose(_node: OnnxNode, spec: LayerSpec, inputs: Sequence[Array]) -> Array:
    perm = spec.get("perm")
    spec.finish()
    return inputs[0].transpose(perm)


FOLDS: Mapping[str, Fold] = {
    "Cast": _cast,
    "Concat": _concat,
    "Gather": _gather,
    "Identity": _identity,
    "Reshape": _reshape,
    "Squeeze": _squeeze,
    "Transpose": _transpose,
    "Unsqueeze": _unsqueeze,
}
