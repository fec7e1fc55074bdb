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


def array_of_beats(name: str, values: Codes, about: str, lanes: int, kind: str = "") -> Array:
    """Constants of the elements of all beats, ``lanes`` each; once where all beats have the same.

    ``about``: of one beat's. ``kind``: their C++ type; by default the least that holds them.
    """
    rows = np.asarray(values).reshape(-1, lanes)
    same = bool((rows == rows[:1]).all())
    kept = integers(rows[0] if same else rows)
    each = (about, 0) if same else (f"[beats]{about}", lanes)
    return Array(name, kind or type_of(kept), kept, *each)


@dataclass(frozen=True)
class HlsBlock:
    """One call ``dse::function<config>(x, y, arrays…)``.

    The members of ``config`` are ``numbers`` (static constants), ``types`` (C++ types), and
    ``scalars`` (functions without arguments that give a constant of any width, by type and
    value). ``header`` is the file in ``hlslib/``. ``dataflow`` tells that the function is
    more than one pipeline and stands in a dataflow region. ``interval`` are the cycles from one
    call to the next, and ``depth`` the most cycles from an input to its output under an HLS tool
    at usual clocks: FIFO depths count on what is under way, so more is safe and less is not.

    ``code``: C++ statements that were made for this very block, which the function calls as
    ``CONFIG::code::run(x, y)`` on ``CONFIG::n_in`` codes, in a file of their own.

    ``body``: another block, which the function applies to each position or beat. Its call is
    ``dse::function<config, body>(x, y, arrays…)``; ``body`` is a struct with the members of the
    body's own config and ``static void apply(const T x[], U y[], int beat)`` (of two inputs:
    ``apply(x0, x1, y, beat)``), which calls the body's function with the body's constants.
    """

    header: str
    function: str
    numbers: Mapping[str, int] = field(default_factory=dict)
    types: Mapping[str, str] = field(default_factory=dict)
    scalars: Mapping[str, tuple[str, int]] = field(default_factory=dict)
    arrays: tuple[Array, ...] = ()
    interval: int = 1
    depth: int = 4
    dataflow: bool = False
    code: str = ""
    body: HlsBlock | None = None

    @property
    def chain(self) -> tuple[HlsBlock, ...]:
        """The block, its body, and the body's body, if any."""
        return (self, *(self.body.chain if self.body else ()))


STREAM_DEPTH = 2
"""Cycles that reading and writing a stream add to what a body takes."""


def map_stream(body: HlsBlock, beats: int) -> HlsBlock:
    """``body`` at each beat of its inputs, by ``hlslib/stream.h``.

    A body that is a loop of its own works on one beat after the other.
    """
    depth = body.depth + STREAM_DEPTH
    if not body.dataflow:
        numbers = {"beats": beats, "interval": body.interval}
        return HlsBlock(
            "stream.h", "map_stream", numbers, interval=body.interval, depth=depth, body=body
        )
    steps = body.interval + depth
    return HlsBlock(
        "stream.h", "map_stream_in_steps", {"beats": beats}, interval=steps, depth=steps, body=body
    )


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
