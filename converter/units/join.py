"""Join: two tensors side by side along one axis."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from converter.actor import Actor, each_beat
from converter.carriers import carried, carrier
from converter.errors import UnsupportedError
from converter.facts import Facts
from converter.graph import Bounds, Edge, Implementation, frozen_array
from converter.hls_block import HlsBlock
from converter.rtl.mapping import beat_bits
from converter.rtl.module import RtlModule, fill, library_file
from converter.rtl.process import RtlProcess, process_ports
from converter.rtl.steps import actor_words, control, stepped_facts
from converter.rtl.wiring import wiring_facts, wiring_module
from converter.timing import Timing
from converter.types import Codes, Fixed
from converter.units.base import OneChoice, mapped

STREAM_DEPTH = 4
"""Cycles from a beat in to a beat out."""


@dataclass(frozen=True)
class Join(OneChoice):
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

    def processes(
        self,
        stage: str,
        choice: Implementation,
        timing: Timing,
        inputs: tuple[Edge, ...],
        output: Edge,
    ) -> tuple[RtlProcess, ...]:
        """Wires, or a selection of one of two beats, which is held for a cycle."""
        if self._side_by_side(inputs, output):
            return (mapped(replace(self, turns=1), stage, choice, timing, inputs, output),)
        actor = replace(self.actor(choice, inputs, output), depth=1)
        words, bits = actor_words(actor, {}, timing), beat_bits(output)

        def printed(name: str) -> RtlModule:
            values = {
                "NAME": name,
                "PORTS": process_ports([bits, bits], bits),
                "CONTROL": control(name, words, 2, 1),
                "WIDTH": bits,
            }
            text = fill(library_file("join_beats.v.in"), values) + words.module(f"{name}_steps")
            return RtlModule(name, text, ("nn_valid.v",))

        facts = stepped_facts(stage, "join", actor, (inputs, output), words)
        facts = replace(facts, register_bits=facts.register_bits + bits, mux_bits=bits)
        return (RtlProcess(actor, facts, bits, printed),)

    def facts(self, stage: str, choice: Implementation, timing: Timing) -> Facts:
        """Of wires."""
        del timing
        return wiring_facts(stage, "join", choice, (self.size, self.size), self.type)

    def rtl(self, name: str, choice: Implementation, timing: Timing) -> RtlModule:
        """Wires."""
        del choice, timing
        sizes = (self.turns * self.left, self.turns * self.right)
        places = np.split(np.arange(self.size), [sizes[0]])
        index = self.emulate(*(p[np.newaxis] for p in places))[0]
        return wiring_module(name, index.tolist(), sizes, self.type)

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
