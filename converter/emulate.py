"""Bit-exact execution of a typed graph on batches, in numpy."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from converter.errors import DataError
from converter.graph import TypedGraph
from converter.types import Codes

CHUNK_ELEMENTS = 1 << 17
"""Elements of the widest edge per chunk: what stays in a core's cache."""


Inputs = npt.ArrayLike | Mapping[str, npt.ArrayLike]


def quantize_inputs(typed: TypedGraph, x: Inputs) -> dict[str, Codes]:
    """Real inputs [batch, *shape] -> codes [batch, size] by input name.

    For several inputs ``x`` is a mapping by name. Raises DataError on a wrong shape,
    an empty batch, NaN or infinity.
    """
    values = x if isinstance(x, Mapping) else {typed.inputs[0]: x}
    missing = set(typed.inputs) ^ set(values)
    if missing:
        raise DataError(f"inputs needed: {', '.join(typed.inputs)}; got: {', '.join(values)}")
    return {name: _quantize(typed, name, values[name]) for name in typed.inputs}


def _quantize(typed: TypedGraph, name: str, x: npt.ArrayLike) -> Codes:
    edge, values = typed.edges[name], np.asarray(x)
    if values.ndim < 2 or len(values) == 0 or int(np.prod(values.shape[1:])) != edge.size:
        raise DataError(
            f"input {name} must have shape (rows, {', '.join(map(str, edge.shape))}); "
            f"got {values.shape}"
        )
    if not np.isfinite(values).all():
        raise DataError(f"input {name} has NaN or infinite values")
    return edge.type.from_float(values.reshape(len(values), edge.size))


def emulate_codes(typed: TypedGraph, codes: dict[str, Codes]) -> dict[str, Codes]:
    """Output codes [batch, size] by output name for input codes [batch, size]."""
    rows = len(next(iter(codes.values())))
    widest = max(edge.size for edge in typed.edges.values())
    step = max(1, CHUNK_ELEMENTS // widest)
    chunks = [
        _run(typed, {name: c[start : start + step] for name, c in codes.items()})
        for start in range(0, rows, step)
    ]
    return {name: np.concatenate([c[name] for c in chunks]) for name in typed.outputs}


def _run(typed: TypedGraph, values: dict[str, Codes]) -> dict[str, Codes]:
    for stage in typed.stages:
        values[stage.name] = stage.unit.emulate(*(values[i] for i in stage.inputs))
    return {name: values[name] for name in typed.outputs}


def emulate(typed: TypedGraph, x: Inputs) -> npt.NDArray[np.float64]:
    """Real outputs [batch, *shape] of the one output, for real inputs [batch, *shape].

    Use ``emulate_codes`` for several outputs or for codes.
    """
    (output,) = typed.outputs
    codes = emulate_codes(typed, quantize_inputs(typed, x))[output]
    edge = typed.edges[output]
    return edge.type.to_float(codes).reshape(len(codes), *edge.shape)
