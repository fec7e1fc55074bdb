"""How codes are carried: in the fastest dtype that holds them exactly, from float32 to Python
integers.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]


def exact_dtype(bound: int) -> type[Any]:
    """The fastest dtype that carries codes up to ``bound`` in magnitude exactly.

    One bit of head-room is kept for the half that a rounding adds.
    """
    if bound < 1 << 23:
        return np.float32
    if bound < 1 << 52:
        return np.float64
    return integer_dtype(bound.bit_length())


def integer_dtype(width: int) -> type[Any]:
    """The integer dtype for codes of ``width`` bits, and a sum of two of them."""
    return np.int64 if width <= 62 else object


def carrier(bound: int, *dtypes: np.dtype[Any]) -> np.dtype[Any]:
    """The dtype that takes arrays of ``dtypes``, and codes up to ``bound`` in magnitude.

    Floats stay floats where these are exact; what comes as integers stays integers.
    """
    least = np.dtype(exact_dtype(bound))
    kinds = {least.kind, *(d.kind for d in dtypes)}
    if "O" in kinds:
        return np.dtype(object)
    if kinds == {"f"}:
        return np.result_type(least, *dtypes)
    return np.dtype(np.int64)


def carried(codes: Array, dtype: npt.DTypeLike) -> Array:
    """Codes in ``dtype``, which holds them. Floats become Python integers, never Python floats,
    whose products would be rounded.
    """
    if np.dtype(dtype) == object:
        codes = whole(codes)
    return codes.astype(dtype, copy=False)


def widened(codes: Array, dtype: np.dtype[Any]) -> Array:
    """Codes that are about to become some that ``dtype`` holds: floats in it, or in their own
    where that is wider, and as integers where it is no float. Integers stay as they are.
    """
    if codes.dtype.kind != "f" or dtype.kind != "f":
        return whole(codes)
    return codes.astype(np.promote_types(dtype, codes.dtype), copy=False)


def whole(codes: Array) -> Array:
    """Codes as integers: those in floats as int64."""
    return codes.astype(np.int64) if codes.dtype.kind == "f" else codes


def narrowed(codes: Array) -> Array:
    """Python integers as int64 where they fit."""
    small = max((abs(int(c)) for c in codes.ravel()), default=0) < 1 << 62
    return codes.astype(np.int64) if small else codes
