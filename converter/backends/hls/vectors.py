"""Test vectors of a project: rows of integer codes, as text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from converter.carriers import integer_dtype, whole
from converter.emulate import emulate_codes
from converter.errors import DataError
from converter.graph import Edge, TypedGraph
from converter.types import Codes

DEFAULT_ROWS = 64


def vector_files(typed: TypedGraph, vectors: Mapping[str, Codes] | None) -> dict[str, str]:
    """``tb_data/inputs.dat`` and ``expected.dat`` for input codes [rows, size] by name.

    One row per line: the codes of all inputs (outputs) one after the other. Without
    ``vectors``, rows drawn over the input types' whole ranges.
    """
    inputs = drawn_codes(typed) if vectors is None else _checked(typed, vectors)
    expected = emulate_codes(typed, dict(inputs))
    return {
        "tb_data/inputs.dat": _text([inputs[name] for name in typed.inputs]),
        "tb_data/expected.dat": _text([expected[name] for name in typed.outputs]),
    }


def drawn_codes(typed: TypedGraph, rows: int = DEFAULT_ROWS, seed: int = 0) -> dict[str, Codes]:
    """Input codes by name: the extremes, then random ones, large and small; reproducible."""
    rng = np.random.default_rng(seed)
    return {name: _draw(typed.edges[name], rows, rng) for name in typed.inputs}


def _draw(edge: Edge, rows: int, rng: np.random.Generator) -> Codes:
    t = edge.type
    unit = rng.integers(0, 1 << 32, (rows, edge.size)).astype(object)
    shrink = rng.integers(0, 8, rows).astype(object)[:, np.newaxis]
    span = t.code_max - t.code_min
    codes = (t.code_min + (unit * span >> 32)) >> shrink
    codes[0], codes[1 % rows] = t.code_min, t.code_max
    return codes.astype(integer_dtype(t.width))


def _checked(typed: TypedGraph, vectors: Mapping[str, Codes]) -> Mapping[str, Codes]:
    for name in typed.inputs:
        shape = vectors[name].shape if name in vectors else None
        if shape is None or len(shape) != 2 or shape[1] != typed.edges[name].size or not shape[0]:
            raise DataError(
                f"test vectors of input {name} must have shape (rows, {typed.edges[name].size}); "
                f"got {shape}"
            )
    return {name: vectors[name] for name in typed.inputs}


def _text(columns: Sequence[Codes]) -> str:
    rows = np.hstack([whole(c) for c in columns]).tolist()
    return "".join(" ".join(map(str, row)) + "\n" for row in rows)
