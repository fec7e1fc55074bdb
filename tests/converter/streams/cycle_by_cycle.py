"""A network of processes run cycle by cycle, the plain way, to hold ``converter.tokens`` to."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field

from converter.dataflow import Kind, Network, Place, Process
from converter.tokens import CALL_CYCLES, FIFO_CYCLES

Events = dict[int, tuple[list[int], list[int]]]
"""By local cycle: the channels that are read and those that are written."""


@dataclass
class Fifo:
    """``ready``: cycles from which each beat can be read; ``free``: each place, written."""

    ready: deque[int]
    free: deque[int]


@dataclass
class Walker:
    """Where a process is: its own cycle in its frame."""

    process: Process
    events: Events
    length: int
    cycle: int = 0
    frame: int = 0
    ends: list[int] = field(default_factory=list)


def events_of(process: Process) -> tuple[Events, int]:
    """Reads and writes of a frame by the process's own cycles, and the frame's length."""
    events: Events = {}
    start = last = 0
    for reads, writes, cycles in zip(
        process.actor.reads, process.actor.writes, process.actor.cycles, strict=True
    ):
        for channel, wanted in zip(process.reads, reads, strict=True):
            if wanted:
                events.setdefault(start, ([], []))[0].append(channel)
                last = max(last, start)
        if writes:
            leaves = start + process.actor.depth
            for channel in process.writes:
                events.setdefault(leaves, ([], []))[1].append(channel)
            last = max(last, leaves)
        start += int(cycles)
    if process.kind in (Kind.SOURCE, Kind.SINK):
        return events, start
    return events, max(start, last + 1) + CALL_CYCLES


def run(net: Network, depths: Mapping[int, int], frames: int, offered: int = 0) -> list[int] | None:
    """The cycles in which the frames are all out; None where the processes wait for each other.

    ``offered``: frames that the sources have after those, which push out what is under way.
    """
    walkers = [Walker(process, *events_of(process)) for process in net.processes]
    fifos = [
        Fifo(deque(), deque([0] * (depths[c] if channel.place is Place.FIFO else 2)))
        for c, channel in enumerate(net.channels)
    ]
    sinks = [w for w in walkers if w.process.kind is Kind.SINK]
    cycle = 0
    while any(len(sink.ends) < frames for sink in sinks):
        able = [w for w in walkers if _able(w, fifos, cycle, frames + offered)]
        if not able and not any(_coming(fifo, cycle) for fifo in fifos):
            return None
        for walker in able:
            _step(walker, fifos, cycle)
        cycle += 1
    return [max(sink.ends[k] for sink in sinks) for k in range(frames)]


def _able(walker: Walker, fifos: list[Fifo], cycle: int, offered: int) -> bool:
    if walker.process.kind is Kind.SOURCE and walker.frame == offered:
        return False
    reads, writes = walker.events.get(walker.cycle, ([], []))
    can_read = all(fifos[c].ready and fifos[c].ready[0] <= cycle for c in reads)
    return can_read and all(fifos[c].free and fifos[c].free[0] <= cycle for c in writes)


def _coming(fifo: Fifo, cycle: int) -> bool:
    """Something changes by itself in the next cycle."""
    return any(queue and queue[-1] > cycle for queue in (fifo.ready, fifo.free))


def _step(walker: Walker, fifos: list[Fifo], cycle: int) -> None:
    reads, writes = walker.events.get(walker.cycle, ([], []))
    for c in reads:
        fifos[c].ready.popleft()
        fifos[c].free.append(cycle + FIFO_CYCLES)
    for c in writes:
        fifos[c].free.popleft()
        fifos[c].ready.append(cycle + FIFO_CYCLES)
    walker.cycle += 1
    if walker.cycle == walker.length:
        walker.cycle, walker.frame = 0, walker.frame + 1
        walker.ends.append(cycle + 1)
