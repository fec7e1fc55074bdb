"""The model in real numbers, layer by layer: the reference for ranges and fidelity."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from converter.errors import DataError
from converter.graph import ModelGraph
from converter.layers.base import Real


def forward(graph: ModelGraph, x: npt.ArrayLike | Mapping[str, npt.ArrayLike]) -> dict[str, Real]:
    """Values of every node, [batch, *shape], by node name, in float64.

    ``x``: real inputs [batch, *shape]; for several inputs a mapping by name. Raises
    DataError on a wrong name or shape, an empty batch, NaN or infinity.
    """
    values: dict[str, Real] = _inputs(graph, x)
    for node in graph.nodes:
        given = [values[name] for name in node.inputs or (node.name,)]
        values[node.name] = node.layer.forward(given)
    return values


def _inputs(graph: ModelGraph, x: npt.ArrayLike | Mapping[str, npt.ArrayLike]) -> dict[str, Real]:
    given = x if isinstance(x, Mapping) else {graph.inputs[0]: x}
    if set(given) != set(graph.inputs):
        raise DataError(f"inputs needed: {', '.join(graph.inputs)}; got: {', '.join(given)}")
    arrays = {name: np.asarray(given[name], dtype=np.float64) for name in graph.inputs}
    for name, array in arrays.items():
        shape = graph[name].shape
        if array.shape[1:] != shape or array.ndim != len(shape) + 1 or len(array) == 0:
            raise DataError(
                f"input {name} must have shape (rows, {', '.join(map(str, shape))}); "
                f"got {array.shape}"
            )
        if not np.isfinite(array).all():
            raise DataError(f"input {name} has NaN or infinite values")
    if len({len(a) for a in arrays.values()}) > 1:
        raise DataError("all inputs must have the same number of rows")
    return arrays
