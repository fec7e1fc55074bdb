"""When each step of each process starts, where all begin empty and do all as early as they can.

For processes of our own Verilog (``converter.rtl.process``): a step starts when the one before it
is over, what it reads is there, and a place is free for what it writes.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from converter.dataflow import Network, Process
from converter.errors import DseError
from converter.tokens import FIFO_CYCLES

Times = npt.NDArray[np.int64]


def self_timed(net: Network, depths: Mapping[int, int], frames: int = 1) -> list[Times]:
    """Cycle in which each step starts, by process, over ``frames`` frames that come as fast as they
    are taken. ``depths``: of the FIFOs, by channel.

    Raises DseError in a deadlock.
    """
    if frames == 1:
        starts = _unbounded(net)
        if _has_room(net, depths, starts):
            return starts
    return _Run(net, depths, frames).all()


def _unbounded(net: Network) -> list[Times]:
    """Of one frame, with FIFOs that are never full."""
    ready: dict[int, Times] = {}
    out = []
    for process in net.processes:
        actor = process.actor
        arrived = np.zeros(len(actor.cycles), np.int64)
        for k, c in enumerate(process.reads):
            wanted = actor.reads[:, k]
            arrived[wanted] = np.maximum(arrived[wanted], ready[c])
        offset = np.cumsum(actor.cycles) - actor.cycles
        starts = np.maximum.accumulate(arrived - offset) + offset
        for c in process.writes:
            ready[c] = starts[actor.writes] + actor.depth + FIFO_CYCLES
        out.append(starts)
    return out


def _has_room(net: Network, depths: Mapping[int, int], starts: list[Times]) -> bool:
    """Whether these steps never find a FIFO full."""
    reads = {
        c: starts[p][process.actor.reads[:, k]]
        for p, process in enumerate(net.processes)
        for k, c in enumerate(process.reads)
    }
    return all(
        bool((starts[p][process.actor.writes][depths[c] :] > reads[c][: -depths[c]]).all())
        for p, process in enumerate(net.processes)
        for c in process.writes
        if depths[c] < len(reads[c])
    )


class _Run:
    """Steps one by one, each process as far as it can, until all are done.

    ``there[c]``: the cycle in which each beat can be read; ``free[c]``: in which its place is free
    again.
    """

    def __init__(self, net: Network, depths: Mapping[int, int], frames: int) -> None:
        self.net, self.depths, self.frames = net, depths, frames
        self.there: list[list[int]] = [[] for _ in net.channels]
        self.free: list[list[int]] = [[] for _ in net.channels]
        self.starts: list[list[int]] = [[] for _ in net.processes]
        self.steps = [_steps(process) for process in net.processes]
        self.around = _neighbours(net)

    def all(self) -> list[Times]:
        """Run to the end."""
        waiting = list(range(len(self.net.processes)))
        queued = [True] * len(waiting)
        while waiting:
            changed = []
            for p in waiting:
                queued[p] = False
                if self.advance(p):
                    changed += [q for q in self.around[p] if not queued[q]]
                    for q in self.around[p]:
                        queued[q] = True
            waiting = changed
        late = [
            process.name
            for process, starts in zip(self.net.processes, self.starts, strict=True)
            if len(starts) < self.frames * len(process.actor.cycles)
        ]
        if late:
            raise DseError(f"{late[0]}: waits for ever; this is a fault of ours")
        return [np.array(starts, np.int64) for starts in self.starts]

    def advance(self, p: int) -> bool:
        """Take the steps of one process that can be taken; whether there were any."""
        process, steps, starts = self.net.processes[p], self.steps[p], self.starts[p]
        begun = len(starts)
        total, count, depth = self.frames * len(steps), len(steps), process.actor.depth
        inputs, outputs = self.there, process.writes
        for i in range(begun, total):
            reads, writes, _ = steps[i % count]
            at = starts[-1] + steps[(i - 1) % count][2] if i else 0
            for c in reads:
                beat = len(self.free[c])
                if beat >= len(inputs[c]):
                    return i > begun
                at = max(at, inputs[c][beat])
            if writes:
                for c in outputs:
                    before = len(self.there[c]) - self.depths[c]
                    if before >= len(self.free[c]):
                        return i > begun
                    if before >= 0:
                        at = max(at, self.free[c][before])
                for c in outputs:
                    self.there[c].append(at + depth + FIFO_CYCLES)
            for c in reads:
                self.free[c].append(at + FIFO_CYCLES)
            starts.append(at)
        return total > begun


Step = tuple[tuple[int, ...], bool, int]
"""Channels read, whether it writes, cycles."""


def _steps(process: Process) -> list[Step]:
    actor = process.actor
    rows = zip(actor.reads.tolist(), actor.writes.tolist(), actor.cycles.tolist(), strict=True)
    return [
        (tuple(c for c, read in zip(process.reads, row, strict=True) if read), writes, cycles)
        for row, writes, cycles in rows
    ]


def _neighbours(net: Network) -> list[list[int]]:
    """The processes at the other ends of each process's channels."""
    ends: dict[int, set[int]] = {c: set() for c in range(len(net.channels))}
    for p, process in enumerate(net.processes):
        for c in (*process.reads, *process.writes):
            ends[c].add(p)
    return [
        sorted({q for c in (*process.reads, *process.writes) for q in ends[c]} - {p})
        for p, process in enumerate(net.processes)
    ]
