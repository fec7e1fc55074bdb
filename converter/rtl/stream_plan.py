"""The plan of our Verilog in io_stream: how deep each FIFO is, and the cycles that follow."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache

import numpy as np

from converter.actor import Actor
from converter.dataflow import Kind, Network
from converter.facts import Facts
from converter.graph import Implementation, Shape, TypedGraph
from converter.rtl.fifo import fifo_facts
from converter.rtl.network import RtlNetwork, rtl_network
from converter.rtl.process import RtlProcess
from converter.selftimed import self_timed
from converter.timing import Target, Timing, timing_for
from converter.tokens import FIFO_CYCLES, RTL, plan


@dataclass(frozen=True, eq=False)
class StreamPlan:
    """Exact cycles. ``depths``: by channel of ``rtl.network``. ``facts``: of all processes, then of
    all FIFOs. ``start_cycles``: of the first step of each stage, ``output_cycles``: of the last
    beat of each output, both for a frame that comes alone, whose first beat comes in cycle 0.
    """

    rtl: RtlNetwork
    depths: Mapping[int, int]
    facts: tuple[Facts, ...]
    start_cycles: Mapping[str, int]
    output_cycles: Mapping[str, int]
    interval_cycles: int

    @property
    def fifo_bits(self) -> int:
        """Bits that all FIFOs hold."""
        return sum(self.rtl.network.channels[c].bits * depth for c, depth in self.depths.items())


def stream_plan(typed: TypedGraph, target: Target) -> StreamPlan:
    """Made once for the same arithmetic, hardware and target; see ``rtl_network`` for errors."""
    hardware = tuple((s.name, typed.implementation(s.name)) for s in typed.stages)
    shapes = tuple((name, edge.shape) for name, edge in typed.edges.items())
    return _planned(_Key(typed.digest(), hardware, shapes, target, typed))


@dataclass(frozen=True)
class _Key:
    digest: str
    hardware: tuple[tuple[str, Implementation], ...]
    shapes: tuple[tuple[str, Shape], ...]
    target: Target
    typed: TypedGraph = field(compare=False)


@lru_cache(maxsize=16)
def _planned(key: _Key) -> StreamPlan:
    timing = timing_for(key.target)
    rtl = rtl_network(key.typed, timing)
    net = rtl.network
    tokens = plan(net, RTL, least_depths(net))
    starts = self_timed(net, tokens.depths)
    first: dict[str, int] = {}
    last: dict[str, int] = {}
    for p, (process, cycles) in enumerate(zip(net.processes, starts, strict=True)):
        if process.kind is Kind.STAGE:
            first.setdefault(process.name, int(cycles[0]))
            first |= _first_beats(rtl, p, int(cycles[process.actor.writes][0]))
        elif process.kind is Kind.SINK:
            last[process.name] = int(cycles[-1])
    facts = (*_process_facts(rtl), *_fifo_facts(rtl, tokens.depths, timing))
    return StreamPlan(rtl, tokens.depths, facts, first, last, tokens.interval_cycles)


def _first_beats(rtl: RtlNetwork, p: int, start: int) -> dict[str, int]:
    """When the first beat comes to the stages that follow in a process, from the step for it."""
    found, at = {}, start + rtl.parts[p].actor.depth
    for follower in rtl.behind.get(p, ()):
        found[follower.stage] = at
        at += follower.part.actor.depth
    return found


def least_depths(net: Network) -> dict[int, int]:
    """Of each FIFO: what its writer can have under way to a reader that takes all at once.

    A place is taken for ``depth`` cycles in the writer, one in the FIFO and one until it can be
    taken again.
    """
    return {c: least_depth(process.actor) for process in net.processes for c in process.writes}


def least_depth(actor: Actor) -> int:
    """The least depth of a FIFO that ``actor`` writes."""
    return -(-(actor.depth + 2 * FIFO_CYCLES) // _writes_apart(actor))


def _writes_apart(actor: Actor) -> int:
    """Least cycles from a step that writes to the next, in the next frame too."""
    starts = (np.cumsum(actor.cycles) - actor.cycles)[actor.writes]
    return int(np.diff(starts, append=starts[0] + actor.interval).min())


def _all_parts(rtl: RtlNetwork) -> Iterator[RtlProcess]:
    """Processes, each with what follows in it."""
    for p, part in rtl.parts.items():
        yield part
        yield from (follower.part for follower in rtl.behind.get(p, ()))


def _process_facts(rtl: RtlNetwork) -> list[Facts]:
    """Under names that are all different."""
    taken: set[str] = set()
    out = []
    for part in _all_parts(rtl):
        name, k = part.facts.stage, 2
        while name in taken:
            name, k = f"{part.facts.stage}.{part.facts.kind}{k if k > 2 else ''}", k + 1
        taken.add(name)
        out.append(replace(part.facts, stage=name))
    return out


def _fifo_facts(rtl: RtlNetwork, depths: Mapping[int, int], timing: Timing) -> list[Facts]:
    beats = {
        c: int(process.actor.writes.sum())
        for process in rtl.network.processes
        for c in process.writes
    }
    return [
        fifo_facts(name, channel.bits, beats[c], depths[c], timing)
        for c, (name, channel) in enumerate(zip(rtl.names, rtl.network.channels, strict=True))
    ]
