"""Bit-exact execution of a typed graph on batches, in numpy."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from converter.carriers import whole
from converter.errors import ConfigError, DataError
from converter.graph import Edge, TypedGraph
from converter.types import Codes

CHUNK_ELEMENTS = 1 << 18
"""Elements of the widest edge per chunk: what stays in a core's cache."""

WIDE = 1 << 10
"""Elements of an edge from which on a network is worth several threads."""

WIDE_CHUNK_ELEMENTS = 1 << 20
"""The same for networks of wide edges: threads that seldom wait for Python's lock gain more than
a cache does.
"""

KEPT_BYTES = 31 << 20
"""Just below the 32 MB up to which glibc learns from a freed block."""

T = TypeVar("T")

Inputs = npt.ArrayLike | Mapping[str, npt.ArrayLike]


def quantize_inputs(typed: TypedGraph, x: Inputs) -> dict[str, Codes]:
    """Real inputs [batch, *shape] -> codes [batch, size] by input name.

    For several inputs ``x`` is a mapping by name. Raises DataError on a wrong shape,
    an empty batch, NaN or infinity.
    """
    return {name: whole(_quantize(typed, name, v)) for name, v in _arrays(typed, x).items()}


def _arrays(typed: TypedGraph, x: Inputs) -> dict[str, npt.NDArray[Any]]:
    """Inputs by name, as [batch, size]."""
    values = x if isinstance(x, Mapping) else {typed.inputs[0]: x}
    if set(typed.inputs) != set(values):
        raise DataError(f"inputs needed: {', '.join(typed.inputs)}; got: {', '.join(values)}")
    arrays = {name: _flat(typed.edges[name], np.asarray(values[name])) for name in typed.inputs}
    if len({len(a) for a in arrays.values()}) > 1:
        raise DataError("all inputs must have the same number of rows")
    return arrays


def _flat(edge: Edge, values: npt.NDArray[Any]) -> npt.NDArray[Any]:
    wrong = values.ndim < 2 or len(values) == 0 or math.prod(values.shape[1:]) != edge.size
    if wrong or values.dtype.kind not in "biuf":
        raise DataError(
            f"input {edge.name} must be numbers, (rows, {', '.join(map(str, edge.shape))}); "
            f"got {values.dtype} {values.shape}"
        )
    return values.reshape(len(values), edge.size)


def _quantize(typed: TypedGraph, name: str, values: npt.NDArray[Any]) -> Codes:
    try:
        return typed.edges[name].type.quantize(values)
    except ConfigError:
        raise DataError(f"input {name} has NaN or infinite values") from None


def emulate_codes(typed: TypedGraph, codes: Mapping[str, Codes]) -> dict[str, Codes]:
    """Output codes [batch, size] by output name for input codes [batch, size]."""
    rows = len(next(iter(codes.values())))

    def chunk(start: int, stop: int) -> dict[str, Codes]:
        values = _outputs(typed, {name: c[start:stop] for name, c in codes.items()})
        return {name: values[name] for name in typed.outputs}

    parts = _each_chunk(typed, rows, chunk)
    return {name: np.concatenate([part[name] for part in parts]) for name in typed.outputs}


def run(typed: TypedGraph, codes: Mapping[str, Codes]) -> dict[str, Codes]:
    """Codes of every edge, [batch, size], in whatever dtype each unit gives."""
    values = dict(codes)
    for stage in typed.stages:
        values[stage.name] = stage.unit.emulate(*(values[i] for i in stage.inputs))
    return values


def _outputs(typed: TypedGraph, codes: Mapping[str, Codes]) -> dict[str, Codes]:
    """Codes of the outputs alone: an edge's memory is free for others after its last reader."""
    values = dict(codes)
    last = {name: k for k, stage in enumerate(typed.stages) for name in stage.inputs}
    for k, stage in enumerate(typed.stages):
        values[stage.name] = stage.unit.emulate(*(values[i] for i in stage.inputs))
        for name in stage.inputs:
            if last[name] == k and name not in typed.outputs:
                values.pop(name, None)
    return values


def emulate(typed: TypedGraph, x: Inputs) -> npt.NDArray[np.float64]:
    """Real outputs [batch, *shape] of the one output, for real inputs [batch, *shape].

    Use ``emulate_codes`` for several outputs or for codes.
    """
    if len(typed.outputs) != 1:
        names = ", ".join(typed.outputs)
        raise DataError(f"{typed.name} has the outputs {names}; use emulate_codes")
    edge = typed.edges[typed.outputs[0]]
    arrays = _arrays(typed, x)
    rows = len(next(iter(arrays.values())))
    out = np.empty((rows, edge.size))

    def chunk(start: int, stop: int) -> None:
        codes = {n: _quantize(typed, n, a[start:stop]) for n, a in arrays.items()}
        out[start:stop] = edge.type.to_float(_outputs(typed, codes)[edge.name])

    _each_chunk(typed, rows, chunk)
    return out.reshape(rows, *edge.shape)


def _each_chunk(typed: TypedGraph, rows: int, work: Callable[[int, int], T]) -> list[T]:
    """``work(start, stop)`` for spans of rows, in their order; one, empty, for no rows.

    Chunks know nothing of each other, so that threads change no bit. A network of wide
    edges takes all cores, as numpy computes outside of Python's lock; for one of narrow edges,
    where Python itself takes most of the time, threads would only wait for each other.
    """
    _keep_memory()
    widest = max(edge.size for edge in typed.edges.values())
    step = max(1, (WIDE_CHUNK_ELEMENTS if widest >= WIDE else CHUNK_ELEMENTS) // widest)
    spans = [(start, min(start + step, rows)) for start in range(0, max(rows, 1), step)]
    threads = min(_threads(), len(spans)) if widest >= WIDE else 1
    if threads == 1:
        return [work(*span) for span in spans]
    with ThreadPoolExecutor(threads) as pool:
        return list(pool.map(lambda span: work(*span), spans))


def _threads() -> int:
    """Cores that this process may use: as many as its BLAS, which the farm of a search limits."""
    limits = [os.environ.get(name, "") for name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS")]
    asked = [int(limit) for limit in limits if limit.isdecimal() and int(limit) > 0]
    has_affinity = hasattr(os, "sched_getaffinity")
    cores = len(os.sched_getaffinity(0)) if has_affinity else os.cpu_count() or 1
    return min([cores, *asked])


def _keep_memory() -> None:
    """Have glibc keep what a chunk frees for the next one, as it does for up to twice the
    largest block ever freed; else fresh pages cost more than the arithmetic. Touches no page.
    """
    np.empty(KEPT_BYTES, np.uint8)
