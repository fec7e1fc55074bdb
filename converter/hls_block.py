"""What a unit tells an HLS backend: a function of ``hlslib/``, its types and its constants."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from converter.types import Codes, Fixed, bits_for


@dataclass(frozen=True)
class Array:
    """Integer constants of the C++ type ``type``, passed to the function in their order.

    ``per_beat``: in a body, how many of them belong to one beat; 0: all of them to each.
    """

    name: str
    type: str
    values: tuple[int, ...]
    about: str
    per_beat: int = 0


@dataclass(frozen=True)
class HlsBlock:
    """One call ``dse::function<config>(x, y, arrays…)``.

    The members of ``config`` are ``numbers`` (static constants), ``types`` (C++ types), and
    ``scalars`` (functions without arguments that give a constant of any width, by type and
    value). ``header`` is the file in ``hlslib/``. ``dataflow`` tells that the function is
    more than one pipeline and stands in a dataflow region.

    ``body``: another block, which the function applies to each position or beat. Its call is
    ``dse::function<config, body>(x, y)``, and the body's constants are passed to the body.
    """

    header: str
    function: str
    numbers: Mapping[str, int] = field(default_factory=dict)
    types: Mapping[str, str] = field(default_factory=dict)
    scalars: Mapping[str, tuple[str, int]] = field(default_factory=dict)
    arrays: tuple[Array, ...] = ()
    interval: int = 1
    dataflow: bool = False
    body: HlsBlock | None = None


def code_type(t: Fixed) -> str:
    """C++ type of a fixed-point type's codes."""
    return f"ap_int<{t.width}>" if t.signed else f"ap_uint<{t.width}>"


def int_type(lo: int, hi: int) -> str:
    """Least C++ integer type that holds [lo, hi]."""
    width, signed = bits_for(min(lo, hi), max(lo, hi))
    return f"ap_int<{width}>" if signed else f"ap_uint<{width}>"


def signed_type(*values: int) -> str:
    """Least signed C++ integer type that holds all values."""
    width, _ = bits_for(min(-1, *values), max(values))
    return f"ap_int<{width}>"


def type_of(values: Sequence[int]) -> str:
    """Least C++ integer type that holds all values."""
    return int_type(min(values), max(values))


def integers(codes: Codes) -> tuple[int, ...]:
    """Python integers of codes in any dtype, in row-major order."""
    return tuple(int(c) for c in np.asarray(codes).ravel().tolist())
