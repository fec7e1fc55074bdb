"""Reindex: each output element is an input element, or a constant.

Padding, cropping, nearest up-sampling, permutations, repetition, broadcasting, and reshapes
that change how a tensor travels are all of this kind. It computes nothing.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np
import numpy.typing as npt

from converter.actor import Actor
from converter.carriers import carried, carrier
from converter.errors import ConfigError
from converter.facts import Facts
from converter.graph import Bounds, Edge, Implementation, frozen_array
from converter.hls_block import Array, HlsBlock, code_type, type_of
from converter.rtl.module import RtlModule
from converter.rtl.process import RtlProcess
from converter.rtl.regroup import collect_process, split_process
from converter.rtl.reindex import Beats, Gather, beats_process, gather_process
from converter.rtl.wiring import wiring_facts, wiring_module
from converter.timing import Timing
from converter.types import Codes, Fixed
from converter.units.base import OneChoice
from converter.units.reindex_stream import HELD, NOWHERE, Plan, lane_map, plan

Index = npt.NDArray[np.int64]
Loop = tuple[int, int]
"""Number of turns, and the step of the index from one to the next."""

FILL = -1
"""The index of an element that is the constant."""

STREAM_DEPTH = 6
"""Cycles from a beat in to a beat out."""


@dataclass(frozen=True, eq=False)
class Reindex(OneChoice):
    """y[i] = x[index[i]], or the code ``fill`` where ``index[i]`` is -1.

    ``index``: [size], flat, row-major. ``type``: of the input and the output.
    """

    index: Index
    input_size: int
    type: Fixed
    fill: int = 0

    def __post_init__(self) -> None:
        least, most = int(self.index.min()), int(self.index.max())
        if least < FILL or most >= self.input_size:
            raise ConfigError(
                f"an index map must be within -1..{self.input_size - 1}; it has {least}..{most}"
            )

    @staticmethod
    def same(size: int, t: Fixed) -> Reindex:
        """All elements in their order, as where only the shape changes."""
        return Reindex(frozen_array(np.arange(size), np.int64), size, t)

    @property
    def size(self) -> int:
        """Number of output elements."""
        return int(self.index.shape[0])

    @property
    def output_type(self) -> Fixed:
        """The input's."""
        return self.type

    @cached_property
    def keeps_order(self) -> bool:
        """Output element i is input element i."""
        return self.size == self.input_size and self.loops == (0, ((self.size, 1),))

    @cached_property
    def fills(self) -> bool:
        """Some elements are the constant."""
        return bool((self.index < 0).any())

    @cached_property
    def loops(self) -> tuple[int, tuple[Loop, ...]] | None:
        """The index map as a first index and loops, the outermost first; None: it is none."""
        found = None if self.fills else nested_loops(self.index)
        return None if found is None else (int(self.index[0]), found)

    def bounds(self, inputs: tuple[Bounds, ...]) -> Bounds:
        """Those of the elements that are taken, and the constant itself."""
        (x,) = inputs
        lo, hi = (self.emulate(side[np.newaxis])[0] for side in (x.lo, x.hi))
        return Bounds(lo, hi)

    def emulate(self, *inputs: Codes) -> Codes:
        """Codes [batch, input_size] -> [batch, size]; what keeps its order is not copied."""
        (x,) = inputs
        if self.loops is not None:
            return _taken(x, *self.loops)
        if not self.fills:
            return x.take(self.index, axis=1)
        dtype = carrier(abs(self.fill), x.dtype)
        out = carried(x, dtype).take(np.maximum(self.index, 0), axis=1)
        out[:, self._holes] = self.fill
        return out

    @cached_property
    def _holes(self) -> Index:
        return np.flatnonzero(self.index < 0)

    def hls(self, choice: Implementation) -> HlsBlock:
        """Wires."""
        del choice
        sizes = {"size": self.size, "input_size": self.input_size}
        if self.keeps_order:
            return HlsBlock("reindex.h", "same_order", sizes)
        index = tuple(self.index.tolist())
        kind = type_of(index)
        return HlsBlock(
            "reindex.h",
            "reindex",
            sizes,
            {"index_t": kind},
            {"fill": (code_type(self.type), self.fill)},
            (Array("index", kind, index, "[size]; -1: the constant"),),
        )

    def hls_stream(
        self, choice: Implementation, inputs: tuple[Edge, ...], output: Edge
    ) -> HlsBlock:
        """The simplest of the forms in ``hlslib/reindex_stream.h`` that will do."""
        del choice
        (x,) = inputs
        if self.keeps_order and output.lanes % x.lanes == 0:
            return _streamed("reindex_collect", {"beats": x.beats})
        if self.keeps_order and x.lanes % output.lanes == 0:
            return _streamed("reindex_split", {"beats": output.beats})
        index, steps = (
            self.index.reshape(output.beats, output.lanes),
            _planned(self, x.lanes, output.lanes),
        )
        numbers = {"steps": steps.steps, "slots": steps.slots, "outputs": output.beats}
        lanes = lane_map(index, x.lanes)
        if lanes is None:
            name, arrays = "reindex_gather", _gather_arrays(steps, index, x.lanes)
        else:
            name, arrays = "reindex_beats", _beats_arrays(steps, lanes)
        return _streamed(name, numbers, {"fill": (code_type(self.type), self.fill)}, arrays)

    def actor(self, choice: Implementation, inputs: tuple[Edge, ...], output: Edge) -> Actor:
        """The steps of the plan; those that collect or split are the same."""
        del choice
        steps = _planned(self, inputs[0].lanes, output.lanes)
        return Actor(
            frozen_array(np.array(steps.reads, bool)[:, np.newaxis]),
            frozen_array(np.array(steps.writes, bool)),
            frozen_array(np.ones(steps.steps, np.int64)),
            STREAM_DEPTH,
        )

    def processes(
        self,
        stage: str,
        choice: Implementation,
        timing: Timing,
        inputs: tuple[Edge, ...],
        output: Edge,
    ) -> tuple[RtlProcess, ...]:
        """The simplest of the forms of ``converter.rtl`` that will do."""
        (x,) = inputs
        actor, steps = self.actor(choice, inputs, output), _planned(self, x.lanes, output.lanes)
        if self.keeps_order and x.lanes != output.lanes:
            if output.lanes % x.lanes == 0:
                return (collect_process(stage, actor, x, output),)
            if x.lanes % output.lanes == 0:
                return (split_process(stage, actor, x, output),)
        index = self.index.reshape(output.beats, output.lanes)
        lanes = lane_map(index, x.lanes)
        if lanes is None:
            rows = tuple(map(tuple, index.tolist()))
            gather = Gather(steps, self.fill, x, output, timing, rows)
            return (gather_process(stage, actor, gather),)
        beats = Beats(steps, self.fill, x, output, timing, tuple(lanes.tolist()))
        return (beats_process(stage, actor, beats),)

    def facts(self, stage: str, choice: Implementation, timing: Timing) -> Facts:
        """Of wires."""
        del timing
        return wiring_facts(stage, "reindex", choice, (self.input_size, self.size), self.type)

    def rtl(self, name: str, choice: Implementation, timing: Timing) -> RtlModule:
        """Wires."""
        del choice, timing
        return wiring_module(name, self.index.tolist(), [self.input_size], self.type, self.fill)


@lru_cache(maxsize=256)
def _planned(unit: Reindex, lanes: int, output_lanes: int) -> Plan:
    """The steps for beats of ``lanes`` elements in and ``output_lanes`` out."""
    rows = (unit.index.reshape(-1, output_lanes) // lanes).tolist()  # of the constant: -1
    needs = [sorted({beat for beat in row if beat >= 0}) for row in rows]
    return plan(needs, unit.input_size // lanes)


def nested_loops(index: Index) -> tuple[Loop, ...] | None:
    """The map as (turns, step) of nested loops, the outermost first; None where it is none.

    Reshapes, permutations, crops and repetitions are, also one inside the other.
    """
    if len(index) == 1:
        return ((1, 1),)
    step = int(index[1] - index[0])
    breaks = np.flatnonzero(np.diff(index) != step)
    turns = int(breaks[0]) + 1 if breaks.size else len(index)
    if turns == len(index):
        return ((turns, step),)
    if len(index) % turns:
        return None
    rows = index.reshape(-1, turns)
    if not np.array_equal(rows - rows[:, :1], np.broadcast_to(rows[0] - rows[0, 0], rows.shape)):
        return None
    outer = nested_loops(rows[:, 0])
    return None if outer is None else (*outer, (turns, step))


def _taken(x: Codes, first: int, loops: tuple[Loop, ...]) -> Codes:
    """Elements of each row in the order of the loops: a view where it is a slice."""
    if len(loops) == 1 and loops[0][1] == 1:
        return x[:, first : first + loops[0][0]]
    step = x.strides[1]
    view = np.lib.stride_tricks.as_strided(
        x[:, first:],
        (len(x), *(turns for turns, _ in loops)),
        (x.strides[0], *(by * step for _, by in loops)),
        writeable=False,
    )
    return view.reshape(len(x), -1)


def _streamed(
    function: str,
    numbers: dict[str, int],
    scalars: dict[str, tuple[str, int]] | None = None,
    arrays: tuple[Array, ...] = (),
) -> HlsBlock:
    header = "reindex_stream.h"
    types = {f"{array.name}_t": array.type for array in arrays}
    return HlsBlock(header, function, numbers, types, scalars or {}, arrays, depth=STREAM_DEPTH)


def _array(name: str, values: Iterable[int], about: str) -> Array:
    whole = tuple(int(v) for v in values)
    return Array(name, type_of(whole), whole, about)


def _step_arrays(steps: Plan) -> tuple[Array, ...]:
    return (
        _array("reads", steps.reads, "[steps]"),
        _array("writes", steps.writes, "[steps]"),
        _array("stores", steps.stores, "[steps]; the slot of the beat before, from 1 on"),
    )


def _beats_arrays(steps: Plan, lanes: Index) -> tuple[Array, ...]:
    """With the source of each step's output, and the lanes of a beat."""
    written = iter(next(iter(places.values()), NOWHERE) for places in steps.places)
    sources = [next(written) if writes else NOWHERE for writes in steps.writes]
    about = "[steps]; 0 the constant, 1 the beat read last, from 2 on the slots"
    return (
        *_step_arrays(steps),
        _array("sources", sources, about),
        _array("lanes", lanes, "[lanes]; -1: the constant"),
    )


def _gather_arrays(steps: Plan, index: Index, lanes: int) -> tuple[Array, ...]:
    """With the source of each element: 0 for the constant, else 1 + its place in the beat
    read last, the first slot, the second, and so on.
    """
    sources: list[int] = []
    for row, places in zip(index.tolist(), steps.places, strict=True):
        for source in row:
            beat, lane = divmod(source, lanes)
            sources.append(0 if source < 0 else 1 + (places[beat] - HELD) * lanes + lane)
    about = "[output beats][lanes]; 0: the constant"
    return (*_step_arrays(steps), _array("sources", sources, about))
