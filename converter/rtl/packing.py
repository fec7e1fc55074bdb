"""Codes as the words of a simulation's ports."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from converter.carriers import whole
from converter.types import Codes, Fixed

Words = npt.NDArray[np.uint32]


def pack(codes: Codes, t: Fixed) -> Words:
    """Codes [rows, size] as port words [rows, words], element 0 at the least bits."""
    codes = whole(codes)
    shifts = np.arange(t.width, dtype=codes.dtype)
    if codes.dtype == object:
        shifts = np.array(range(t.width), object)
    elif t.width > 62:
        codes, shifts = codes.astype(object), np.array(range(t.width), object)
    bits = ((codes[:, :, np.newaxis] >> shifts) & 1).astype(np.uint8)
    flat = bits.reshape(len(codes), -1)
    padded = np.pad(flat, ((0, 0), (0, -flat.shape[1] % 32)))
    return np.packbits(padded, axis=1, bitorder="little").view("<u4")


def unpack(words: Words, size: int, t: Fixed) -> Codes:
    """Inverse of ``pack``."""
    raw = np.ascontiguousarray(words.astype("<u4")).view(np.uint8)
    bits = np.unpackbits(raw, axis=1, bitorder="little")[:, : size * t.width]
    bits = bits.reshape(len(words), size, t.width)
    if t.width > 62:
        weights = np.array([1 << i for i in range(t.width)], object)
    else:
        weights = np.left_shift(np.int64(1), np.arange(t.width, dtype=np.int64))
    if t.signed:
        weights[-1] = -weights[-1]
    return bits.astype(weights.dtype) @ weights
