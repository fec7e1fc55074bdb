"""Join: two tensors side by side along one axis."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from converter.actor import Actor, each_beat
from converter.carriers import carried, carrier
from converter.errors import UnsupportedError
from converter.graph import Bounds, Edge, Implementation, frozen_array
from converter.hls_block import HlsBlock
from converter.types import Codes, Fixed
from converter.units.base import HlsOnly, OneChoice

STREAM_DEPTH = 4
"""Cycles from a beat in to a beat out."""


@dataclass(frozen=True)
class Join(OneChoice, HlsOnly):
    """``turns`` times: ``left`` elements of the first input, then ``right`` of the second.

    An axis's concatenation is of this kind: a turn is all that lies behind one position of the
    axes before it. All elements are of ``type``.
    """

    turns: int
    left: int
    right: int
    type: Fixed

    @property
    def size(self) -> int:
        """Number of output elements."""
        return self.turns * (self.left + self.right)

    @property
    def output_type(self) -> Fixed:
        """The inputs'."""
        return self.type

    def bounds(self, inputs: tuple[Bounds, ...]) -> Bounds:
        """Those of the elements."""
        left, right = inputs
        lo = self.emulate(left.lo[np.newaxis], right.lo[np.newaxis])[0]
        return Bounds(lo, self.emulate(left.hi[np.newaxis], right.hi[np.newaxis])[0])

    def emulate(self, *inputs: Codes) -> Codes:
        """Codes [batch, turns * left] and [batch, turns * right] -> [batch, size]."""
        dtype = carrier(0, *(x.dtype for x in inputs))
        sizes = (self.left, self.right)
        parts = [
            carried(x, dtype).reshape(len(x), self.turns, size)
            for x, size in zip(inputs, sizes, strict=True)
        ]
        return np.concatenate(parts, axis=2).reshape(len(inputs[0]), self.size)

    def hls(self, choice: Implementation) -> HlsBlock:
        """Wires."""
        del choice
        return HlsBlock("join.h", "join", self._numbers(self.turns, self.left, self.right))

    def hls_stream(
        self, choice: Implementation, inputs: tuple[Edge, ...], output: Edge
    ) -> HlsBlock:
        """Beats side by side where the axis is the last, else one after the other."""
        del choice
        if self._side_by_side(inputs, output):
            return HlsBlock("join_stream.h", "join_lanes", {"beats": output.beats})
        beats = (self.left // output.lanes, self.right // output.lanes)
        return HlsBlock("join_stream.h", "join_beats", self._numbers(self.turns, *beats))

    def actor(self, choice: Implementation, inputs: tuple[Edge, ...], output: Edge) -> Actor:
        """A beat of both inputs in each step, or of one of them."""
        del choice
        if self._side_by_side(inputs, output):
            return each_beat(output.beats, 2, depth=STREAM_DEPTH)
        counts = (self.left // output.lanes, self.right // output.lanes)
        turn = np.repeat([[True, False], [False, True]], counts, axis=0)
        reads = np.tile(turn, (self.turns, 1))
        return Actor(
            frozen_array(reads),
            frozen_array(np.ones(len(reads), bool)),
            frozen_array(np.ones(len(reads), np.int64)),
            STREAM_DEPTH,
        )

    def _side_by_side(self, inputs: tuple[Edge, ...], output: Edge) -> bool:
        """Whether each beat of the output is one of both inputs. Raises UnsupportedError where
        it is neither that nor one of either input.
        """
        lanes = [edge.lanes for edge in inputs]
        if all(edge.beats == self.turns for edge in (*inputs, output)):
            return True
        if all(n == output.lanes for n in lanes):
            return False
        raise UnsupportedError(
            f"{output.name}: in io_stream beats of {lanes[0]} and {lanes[1]} elements do not make "
            f"beats of {output.lanes}"
        )

    @staticmethod
    def _numbers(turns: int, left: int, right: int) -> dict[str, int]:
        return {"turns": turns, "left": left, "right": right}
