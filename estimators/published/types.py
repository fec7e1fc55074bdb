"""What layers are read with: the type of an edge, the tensor on it, the row around them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from math import prod
from typing import Any

Json = Mapping[str, Any]

DEFAULT_WIDTH = 16
"""Bits of hls4ml's default type, ``fixed<16,6>``."""


class Refusal(Exception):  # noqa: N818
    """Why a row cannot be priced; never leaves the reading of tables."""


@dataclass(frozen=True)
class Spelt:
    """A fixed-point type as a project spells it: bits, and whether results are rounded or
    saturated. ``lanes``: words side by side in a stream's array, 0 where it is none.
    """

    width: int
    integer: int
    rounds: bool = False
    saturates: bool = False
    lanes: int = 0

    @property
    def casts(self) -> bool:
        """Whether a value takes logic to be brought to this type."""
        return self.rounds or self.saturates


DEFAULT = Spelt(16, 6)


def read_type(text: object, default: Spelt = DEFAULT) -> Spelt:
    """``ap_fixed<16,6>``, ``ufixed<8,1,AP_RND_CONV,AP_SAT>``, ``ap_uint<4>``, also in an
    ``nnet::array<type, 4*1>``, and QKeras's ``quantized_bits(6, 0)``; ``default`` for all else.
    """
    spelt = str(text or "")
    quantizer = re.search(r"quantized_(bits|relu)\(\s*(\d+)(?:\s*,\s*(-?\d+))?", spelt)
    if quantizer:
        signed = quantizer[1] == "bits"
        return Spelt(int(quantizer[2]), int(quantizer[3] or 0) + signed, True, True)
    found = re.search(r"(?:fixed|int)<\s*(\d+)(?:\s*,\s*(-?\d+))?([^>]*)>", spelt)
    if not found:
        return default
    modes = found[3].upper()
    lanes = re.search(r">\s*,\s*(\d+)\s*\*\s*(\d+)", spelt)
    return Spelt(
        int(found[1]),
        int(found[2] or found[1]),
        "RND" in modes,
        "SAT" in modes,
        int(lanes[1]) * int(lanes[2]) if lanes else 0,
    )


@dataclass(frozen=True)
class Tensor:
    """What flows between two layers: ``positions`` (height, width or time steps) of ``channels``
    words of a type. ``given`` is False for the input of a network that nobody described.
    """

    positions: tuple[int, ...]
    channels: int
    type: Spelt
    given: bool = True

    @property
    def beats(self) -> int:
        """Positions in all: beats of a stream."""
        return prod(self.positions)

    @property
    def size(self) -> int:
        """Words in all."""
        return self.beats * self.channels


@dataclass(frozen=True)
class Around:
    """What a row says of all its layers. ``reuse``: factors of layers with weights, in order, or
    the one of all; empty where none is given. ``default`` and
    ``weights``: types where a layer gives none. ``lecun``: weights were drawn by ``lecun_uniform``.
    ``vivado``: it was Vivado HLS, with its limits.
    """

    stream: bool
    strategy: str
    reuse: tuple[int, ...]
    default: Spelt
    weights: Spelt
    lecun: bool
    vivado: bool


@dataclass(frozen=True)
class Reading:
    """A layer with its surroundings: ``before`` is its input, ``index`` counts layers with
    weights.
    """

    layer: Json
    around: Around
    before: Tensor
    index: int = 0

    def has(self, *names: str) -> bool:
        """Whether all of these are given."""
        return all(self.layer.get(name) not in (None, "") for name in names)

    def number(self, *names: str, default: int | None = None) -> int:
        """The first of ``names`` that the layer gives as a number; below 0 it means none."""
        for name in names:
            value = self.layer.get(name)
            if isinstance(value, (list, tuple)) and value:
                value = value[0]
            try:
                found = int(float(str(value)))
            except (ValueError, OverflowError):
                continue
            if found >= 0:
                return found
        if default is None:
            raise Refusal(f"{self.op} without {' or '.join(names)}")
        return default

    def pair(self, *names: str, default: tuple[int, int]) -> tuple[int, int]:
        """The first of ``names`` given: a number, or one or two of them."""
        for name in names:
            value = self.layer.get(name)
            if isinstance(value, (int, float)):
                return int(value), int(value)
            if isinstance(value, (list, tuple)) and value:
                return int(value[0]), int(value[-1])
        return default

    @property
    def op(self) -> str:
        """The layer's kind as it is spelt."""
        return str(self.layer.get("op", "layer"))

    @property
    def name(self) -> str:
        """The layer's name, or its kind."""
        return str(self.layer.get("name") or self.op)

    @property
    def input_type(self) -> Spelt:
        """Given, or that of the tensor before."""
        return read_type(self.layer.get("in_t"), self.before.type)

    @property
    def output_type(self) -> Spelt:
        """Given, also as the function's own, or the row's default."""
        return read_type(self.layer.get("out_t") or self.layer.get("op"), self.given_type)

    @property
    def given_type(self) -> Spelt:
        """The type that is given for all of the layer, or the row's default."""
        return read_type(self.layer.get("precision"), self.around.default)

    @property
    def reuse_factor(self) -> int:
        """Of a layer with weights. Raises Refusal where nobody gives one."""
        rest = self.around.reuse
        common = rest[min(self.index, len(rest) - 1)] if rest else 0
        reuse = self.number("reuse_factor", default=common)
        if reuse < 1:
            raise Refusal("reuse_factor not given")
        return reuse

    @property
    def strategy(self) -> str:
        """``latency``, ``resource`` or ``distributed_arithmetic``."""
        spelt = str(self.layer.get("strategy") or self.around.strategy).lower()
        spelt = spelt.rsplit("::", maxsplit=1)[-1]
        return "distributed_arithmetic" if spelt in ("da", "distributed") else spelt

    def made(self, positions: tuple[int, ...], channels: int) -> Tensor:
        """The layer's output."""
        return Tensor(positions, channels, self.output_type)

    def with_input(self, tensor: Tensor) -> Reading:
        """The same behind another layer."""
        return replace(self, before=tensor)
