"""FIFO depths and cycles of a network in io_stream, from the actors of its processes.

Written for the pipelines of HLS tools; ``RTL`` are the other rules, of our own Verilog.

Every process steps through a frame in its own cycles: a step starts ``cycles`` after the one
before, and its beat leaves ``depth`` cycles later. A process that cannot read or write waits, and
all that is under way in it with it, as HLS pipelines do; at the end of a frame it runs empty. So
the cycle in which an event can happen is the largest of: the event before it in its process, the
write of what it reads, and the read that frees the place for what it writes. These are
difference constraints of a marked graph with a period (Commoner et al., J. Comput. Syst. Sci. 5
(1971) 511; Baccelli et al., Synchronization and Linearity, 1992), in which a running maximum
over a frame takes one array operation.

The period is that of the slowest process. A schedule of that period is built first for unbounded
FIFOs, from the slowest process outwards: what feeds it as late as may be, what follows as early.
The beats that it leaves waiting are depths that suffice. Then each depth is lowered, the widest
FIFO first, as far as a schedule of the period is still found: one beat less is a deadlock or a
loss of rate, given the others, but for rare FIFOs whose search is cut short. Where a schedule
exists, a run that starts empty and does all as early as it can is never behind it, since all is
monotone, so that it neither stops nor loses rate; and a pipeline that is shorter than its
actor's, or that runs on while its process waits, only takes constraints away. Parks (PhD thesis,
Berkeley 1995) goes the other way: from least depths, a FIFO grows at each deadlock of a run.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from converter.dataflow import Kind, Network, Place, Process, network
from converter.errors import DseError
from converter.graph import Implementation, Shape, TypedGraph

LEAST_DEPTH = 2
"""Of a FIFO that takes and gives a beat in every cycle, and the tools' default."""

FIFO_CYCLES = 1
"""From the write of a beat to the cycle in which it can be read, and from a read to the cycle in
which its place can be written."""

CALL_CYCLES = 2
"""Between two frames of a process: the end of one call and the start of the next."""


@dataclass(frozen=True)
class Rules:
    """How processes behave.

    ``call_cycles``: between two frames of a process, which is empty then; None: its steps just
    go on. ``credits``: a step takes the place of its beat when it starts, and nothing that is
    under way ever waits (``converter.rtl.process``); else it does so when the beat leaves.
    """

    call_cycles: int | None
    credits: bool


HLS = Rules(CALL_CYCLES, credits=False)
RTL = Rules(None, credits=True)

FIRST_ROUNDS = 4
LAST_ROUNDS = 64
"""Passes over the network before the first look whether it settles and, doubled each time, before
the last.
"""

Times = npt.NDArray[np.int64]
FAR = np.int64(1) << 60


@dataclass(frozen=True, eq=False)
class TokenPlan:
    """What the simulation tells of a network.

    ``depths``: beats that each FIFO holds, by position in ``network.channels``.
    ``latency_cycles``: from the first beat of an input to the last of the outputs, for a frame
    that comes alone. ``interval_cycles``: from frame to frame.
    """

    network: Network
    depths: Mapping[int, int]
    latency_cycles: int
    interval_cycles: int

    @property
    def fifo_bits(self) -> int:
        """Bits that all FIFOs hold."""
        return sum(self.network.channels[c].bits * depth for c, depth in self.depths.items())


def token_plan(typed: TypedGraph) -> TokenPlan:
    """Depths, latency and interval; computed once for the same arithmetic and hardware."""
    hardware = tuple((s.name, typed.implementation(s.name)) for s in typed.stages)
    shapes = tuple((name, edge.shape) for name, edge in typed.edges.items())
    return _planned(_Key(typed.digest(), hardware, shapes, typed))


@dataclass(frozen=True)
class _Key:
    digest: str
    hardware: tuple[tuple[str, Implementation], ...]
    shapes: tuple[tuple[str, Shape], ...]
    typed: TypedGraph = field(compare=False)


@lru_cache(maxsize=16)
def _planned(key: _Key) -> TokenPlan:
    return safe_plan(network(key.typed))


def safe_plan(net: Network) -> TokenPlan:
    """``plan``, with depths that also do for pipelines without any depth: what is under way in a
    deep one is room that a shallow one does not have, and a fork and join may need it.
    """
    deep = plan(net)
    processes = (replace(p, actor=replace(p.actor, depth=0)) for p in net.processes)
    shallow = plan(replace(net, processes=tuple(processes)))
    depths = {c: max(depth, shallow.depths[c]) for c, depth in deep.depths.items()}
    return replace(deep, depths=depths)


def plan(net: Network, rules: Rules = HLS, least: Mapping[int, int] | None = None) -> TokenPlan:
    """Depths, latency and interval of any network of processes. ``least``: of a FIFO's depth, by
    channel.
    """
    system = _System(net, rules)
    times = system.scheduled()
    floor = least or dict.fromkeys(range(len(net.channels)), LEAST_DEPTH)
    depths = {c: max(floor[c], system.occupancy(c, times)) for c in range(len(net.channels))}
    ports = {c for c, channel in enumerate(net.channels) if channel.place is not Place.FIFO}
    for c in sorted(depths, key=lambda c: (-depths[c] * net.channels[c].bits, c)):
        lowest = floor[c] if c not in ports else depths[c]
        times = system.lower(c, lowest, depths, times)
    kept = {c: depth for c, depth in depths.items() if c not in ports}
    if not system.holds(depths, times):
        raise DseError("the schedule of the FIFO depths does not hold; this is a fault of ours")
    return TokenPlan(net, kept, _latency(net), system.period)


def local_events(process: Process, rules: Rules = HLS) -> tuple[list[Times], Times, int]:
    """Cycles of a frame, in the process's own time: of the reads of each input, of taking the
    places of the writes, and until the next frame.
    """
    actor = process.actor
    starts = np.cumsum(actor.cycles) - actor.cycles
    reads = [starts[actor.reads[:, k]] for k in range(actor.reads.shape[1])]
    writes = starts[actor.writes] + (0 if rules.credits else actor.depth)
    if process.kind in (Kind.SOURCE, Kind.SINK) or rules.call_cycles is None:
        return reads, writes, actor.interval
    end = max(actor.interval, *(int(times[-1]) + 1 for times in (*reads, writes) if len(times)))
    return reads, writes, end + rules.call_cycles


class _System:
    """The constraints of a network. Times are by process and event, of one period.

    ``events[p]``: local cycles of p's events. ``ends[c]``: (writer, its events that write,
    reader, its events that read), one per beat. ``way[c]``: cycles from taking a place to the
    first in which the beat can be read.
    """

    def __init__(self, net: Network, rules: Rules) -> None:
        self.net = net
        found = [local_events(process, rules) for process in net.processes]
        self.length = [length for _, _, length in found]
        self.period = max(self.length)
        self.events = [np.unique(np.concatenate([*reads, writes])) for reads, writes, _ in found]
        writer: dict[int, tuple[int, Times]] = {}
        reader: dict[int, tuple[int, Times]] = {}
        for p, process in enumerate(net.processes):
            reads, writes, _ = found[p]
            for c in process.writes:
                writer[c] = p, np.searchsorted(self.events[p], writes)
            for c, at in zip(process.reads, reads, strict=True):
                reader[c] = p, np.searchsorted(self.events[p], at)
        self.ends = {c: (*writer[c], *reader[c]) for c in range(len(net.channels))}
        held = [process.actor.depth if rules.credits else 0 for process in net.processes]
        self.way = [FIFO_CYCLES + held[self.ends[c][0]] for c in range(len(net.channels))]
        self.neighbours: list[set[int]] = [set() for _ in found]
        for p, _, q, _ in self.ends.values():
            self.neighbours[p].add(q)
            self.neighbours[q].add(p)
        self._check_beats()

    def _check_beats(self) -> None:
        for c, (p, writes, q, reads) in self.ends.items():
            if len(writes) != len(reads):
                processes, name = self.net.processes, self.net.channels[c].edge.name
                raise DseError(
                    f"{name}: {processes[p].name} writes {len(writes)} beats and "
                    f"{processes[q].name} reads {len(reads)}; they must be equal"
                )

    # -- one process ---------------------------------------------------------------------------

    def early(self, p: int, lower: Times) -> Times:
        """The earliest times of p's events that are not below ``lower``."""
        ahead = np.maximum.accumulate(lower - self.events[p])
        ahead = np.maximum(ahead, ahead[-1] + self.length[p] - self.period)
        return ahead + self.events[p]

    def late(self, p: int, upper: Times) -> Times:
        """The latest times of p's events that are not above ``upper``."""
        ahead = np.minimum.accumulate((upper - self.events[p])[::-1])[::-1]
        ahead = np.minimum(ahead, ahead[0] + self.period - self.length[p])
        return ahead + self.events[p]

    # -- a schedule for unbounded FIFOs --------------------------------------------------------

    def scheduled(self) -> list[Times]:
        """Times of the period: the slowest process first, then outwards from it."""
        times: dict[int, Times] = {}
        order = range(len(self.events))
        for p in sorted(order, key=lambda p: (-self.length[p], p)):
            if p in times:
                continue
            times[p] = self.events[p].copy()
            grown = True
            while grown:
                before = len(times)
                for q in order:
                    self._follow(q, times)
                for q in reversed(order):
                    self._feed(q, times)
                grown = len(times) > before
        return [times[p] for p in order]

    def _follow(self, q: int, times: dict[int, Times]) -> None:
        """Schedule a process early, behind those that feed it."""
        feeders = [c for c in self.net.processes[q].reads if self.ends[c][0] in times]
        if q in times or not feeders:
            return
        lower = np.full(len(self.events[q]), -FAR)
        for c in feeders:
            p, writes, _, reads = self.ends[c]
            lower[reads] = np.maximum(lower[reads], times[p][writes] + self.way[c])
        times[q] = self.early(q, lower)

    def _feed(self, p: int, times: dict[int, Times]) -> None:
        """Schedule a process late, before those that it feeds."""
        readers = [c for c in self.net.processes[p].writes if self.ends[c][2] in times]
        if p in times or not readers:
            return
        upper = np.full(len(self.events[p]), FAR)
        for c in readers:
            _, writes, q, reads = self.ends[c]
            upper[writes] = np.minimum(upper[writes], times[q][reads] - self.way[c])
        times[p] = self.late(p, upper)

    def occupancy(self, c: int, times: list[Times]) -> int:
        """The least depth with which a schedule for unbounded FIFOs holds."""
        p, writes, q, reads = self.ends[c]
        write, read = times[p][writes], times[q][reads] + FIFO_CYCLES
        frames = (write - read[0]) // self.period
        freed = frames * len(read) + np.searchsorted(read, write - frames * self.period, "right")
        return int((np.arange(len(write)) + 1 - freed).max())

    # -- bounded FIFOs -------------------------------------------------------------------------

    def lower(self, c: int, least: int, depths: dict[int, int], times: list[Times]) -> list[Times]:
        """Set ``depths[c]`` to the least depth from ``least`` on for which a schedule exists; that
        schedule. The first steps down are small, as most depths are nearly right.
        """
        low, high, step = least, depths[c], 1
        while low < high:
            middle = max(low, high - step)
            found = self.settled({**depths, c: middle}, times, c)
            if found is None:
                low = middle + 1
                step = max(1, (high - low) // 2)
            else:
                high, times = middle, found
                step = 2 * step if low == least else max(1, (high - low) // 2)
        depths[c] = high
        return times

    def settled(
        self, depths: Mapping[int, int], times: list[Times], changed: int
    ) -> list[Times] | None:
        """The least schedule that is nowhere before ``times``; None where there is none, or none
        was found in reasonable time, so that the FIFO is left larger than it might be.

        ``times`` holds but for the FIFO ``changed``.
        """
        stale, before, rounds = {self.ends[changed][0]}, times, FIRST_ROUNDS
        while rounds <= LAST_ROUNDS:
            now = self._rounds(depths, before, stale, rounds)
            if not stale:
                return now
            if self._run_away(depths, before, now, rounds):
                return None
            before, rounds = now, 2 * rounds
        return None

    def _rounds(
        self, depths: Mapping[int, int], times: list[Times], stale: set[int], rounds: int
    ) -> list[Times]:
        """The times after some passes, to and fro, over the processes whose neighbours moved;
        ``stale`` are then those that may move on.
        """
        times, order = list(times), list(range(len(times)))
        for _ in range(rounds):
            for p in order:
                if p not in stale:
                    continue
                stale.discard(p)
                moved = self.early(p, self._least(p, depths, times))
                if not np.array_equal(moved, times[p]):
                    times[p] = moved
                    stale |= self.neighbours[p]
            order.reverse()
        return times

    def _run_away(
        self, depths: Mapping[int, int], before: list[Times], now: list[Times], rounds: int
    ) -> bool:
        """Whether the events that moved push each other on and on.

        They do if in as many rounds again each of them moves, by those alone: as only
        differences count, this then repeats.
        """
        core = [a < b for a, b in zip(before, now, strict=True)]
        alone = [np.where(c, t, -FAR) for c, t in zip(core, now, strict=True)]
        moved = self._rounds(depths, alone, set(range(len(now))), rounds)
        return all((m > t)[c].all() for c, m, t in zip(core, moved, now, strict=True))

    def _least(self, p: int, depths: Mapping[int, int], times: list[Times]) -> Times:
        """Lower bounds of p's events from its neighbours and from where they are."""
        lower = times[p].copy()
        for c in self.net.processes[p].reads:
            writer, writes, _, reads = self.ends[c]
            lower[reads] = np.maximum(lower[reads], times[writer][writes] + self.way[c])
        for c in self.net.processes[p].writes:
            _, writes, reader, reads = self.ends[c]
            freed = self._shifted(times[reader][reads] + FIFO_CYCLES, depths[c])
            lower[writes] = np.maximum(lower[writes], freed)
        return lower

    def _shifted(self, freed: Times, depth: int) -> Times:
        """The time at which the place for each beat is free, the one of ``depth`` beats before."""
        frames, beats = divmod(depth, len(freed))
        split = len(freed) - beats
        return np.concatenate([freed[split:] - self.period, freed[:split]]) - frames * self.period

    def holds(self, depths: Mapping[int, int], times: list[Times]) -> bool:
        """Whether the schedule keeps every constraint; it then proves the depths."""
        return all(
            np.array_equal(times[p], self.early(p, self._least(p, depths, times)))
            for p in range(len(self.events))
        )


def _latency(net: Network) -> int:
    """Cycles of a frame that comes alone, through FIFOs that are never full."""
    ready: dict[int, Times] = {}
    last = 0
    for process in net.processes:
        actor = process.actor
        arrived = np.zeros(len(actor.cycles), np.int64)
        for k, c in enumerate(process.reads):
            wanted = actor.reads[:, k]
            arrived[wanted] = np.maximum(arrived[wanted], ready[c] + FIFO_CYCLES)
        offset = np.cumsum(actor.cycles) - actor.cycles
        starts = np.maximum.accumulate(arrived - offset) + offset
        for c in process.writes:
            ready[c] = starts[actor.writes] + actor.depth
        if process.kind is Kind.SINK:
            last = max(last, int(starts[-1]) + 1)
    return last
