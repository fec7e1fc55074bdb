"""Reindex in io_stream: which beats are read, kept and written at each step.

A step reads one beat or none, then writes one or none. A beat is read when an output needs it, or
before where that saves steps and no memory; the first is read at once, so that nothing of a frame
is written before the frame is there. A beat is held until the next one is read, and then kept
as long as an output to come needs it, in the lowest slot that is free. So a padded or repeated
tensor needs no memory, an up-sampled one a row, and a permuted one most of a frame.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from heapq import heappop, heappush

import numpy as np
import numpy.typing as npt

Index = npt.NDArray[np.int64]

NOWHERE, HELD = 0, 1
"""Sources of an output: the constant alone, and the beat that was read last; from 2 on, the
slots."""


@dataclass(frozen=True, eq=False)
class Plan:
    """Steps of one frame. ``reads``, ``writes``: [steps], of flags. ``stores``: [steps], 0 or
    the slot, from 1 on, that takes the held beat before another is read. ``places``: by output
    beat, where each input beat that it needs is found: ``HELD``, or a slot from 2 on.
    """

    reads: Sequence[bool]
    writes: Sequence[bool]
    stores: Sequence[int]
    places: Sequence[dict[int, int]]
    slots: int

    @property
    def steps(self) -> int:
        """Number of steps."""
        return len(self.reads)


def plan(needs: Sequence[Sequence[int]], beats: int) -> Plan:
    """Steps for outputs that each need some of the ``beats`` input beats."""
    until = [-1] * beats  # the last output that needs a beat
    for output, needed in enumerate(needs):
        for beat in needed:
            until[beat] = output
    late = _Writer(needs, until, None).run()
    if late.steps == max(beats, len(needs)):
        return late
    early = _Writer(needs, until, late.slots).run()
    return early if early.steps < late.steps else late


class _Writer:
    """Goes through a frame step by step. ``room``: slots that reading ahead may fill; None: no
    beat is read before it is needed.
    """

    def __init__(
        self, needs: Sequence[Sequence[int]], until: Sequence[int], room: int | None
    ) -> None:
        self.needs, self.until, self.room = needs, until, room
        self.last = [max(needed, default=-1) for needed in needs]
        self.read = self.written = 0
        self.kept: dict[int, int] = {}  # input beat -> slot, from 0 on
        self.free: list[int] = []
        self.slots = 0
        self.reads: list[bool] = []
        self.writes: list[bool] = []
        self.stores: list[int] = []
        self.places: list[dict[int, int]] = []

    def run(self) -> Plan:
        """All steps."""
        while self.read < len(self.until) or self.written < len(self.needs):
            reads = self._wants_beat()
            self.reads.append(reads)
            self.stores.append(self._read() if reads else 0)
            self.writes.append(self._ready())
            if self.writes[-1]:
                self._write()
        return Plan(self.reads, self.writes, self.stores, self.places, self.slots)

    def _ready(self) -> bool:
        """Whether the next output has all that it needs."""
        if self.written == len(self.needs):
            return False
        return self.last[self.written] < self.read

    def _needed(self, beat: int) -> bool:
        """Whether an output to come needs a beat that was read."""
        return beat >= 0 and self.until[beat] >= self.written

    def _wants_beat(self) -> bool:
        if self.read == len(self.until):
            return False
        if self.read == 0 or not self._ready():
            return True
        return self.room is not None and len(self.kept) + self._needed(self.read - 1) <= self.room

    def _read(self) -> int:
        """The slot, from 1 on, that the held beat goes to; 0: it is not needed any more."""
        before = self.read - 1
        self.read += 1
        if not self._needed(before):
            return 0
        if self.free:
            slot = heappop(self.free)
        else:
            slot, self.slots = self.slots, self.slots + 1
        self.kept[before] = slot
        return slot + 1

    def _write(self) -> None:
        needed = self.needs[self.written]
        self.places.append({b: 2 + self.kept[b] if b in self.kept else HELD for b in needed})
        self.written += 1
        for b in needed:
            if b in self.kept and not self._needed(b):
                heappush(self.free, self.kept.pop(b))


def lane_map(index: Index, lanes: int) -> Index | None:
    """Source lane [output lanes] of all beats of ``index`` [beats, output lanes], -1 for the
    constant; None where beats differ, or one takes from several. Beats of constants alone
    count for nothing.
    """
    rows = index[(index >= 0).any(axis=1)]
    if not len(rows):
        return np.full(index.shape[1], -1)
    beats = np.where(rows >= 0, rows // lanes, rows.max(axis=1, keepdims=True) // lanes)
    source = np.where(rows >= 0, rows % lanes, -1)
    same = bool((beats == beats[:, :1]).all() and (source == source[:1]).all())
    return source[0] if same else None
