"""The dtypes that carry codes through an emulation."""

from __future__ import annotations

from typing import Any

import numpy as np

from converter.types import exact_dtype


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
