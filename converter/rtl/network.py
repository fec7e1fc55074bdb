"""The processes of a network's Verilog in io_stream, and the FIFOs between them.

Every channel is a FIFO, those at the network's inputs and outputs too, so that all ports are
registers. A process writes to all FIFOs of its edge at once, when each of them has a place: forks,
and copies of an input to an output, are wires. A beat that nobody reads is dropped.

What takes a beat in every cycle, as a rectifier does, needs no FIFO before it: where it is all that
reads a stage, it follows in the same process, and the FIFO behind it has room for both.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from converter.actor import Actor
from converter.dataflow import Channel, Kind, Network, Place, Process, sink_of, source_of
from converter.errors import DseError
from converter.graph import IOType, TypedGraph, check_io_type
from converter.rtl.process import RtlProcess
from converter.timing import Timing


@dataclass(frozen=True, eq=False)
class Follower:
    """A stage without a FIFO before it; ``part`` has a ``beat``."""

    stage: str
    part: RtlProcess


@dataclass(frozen=True, eq=False)
class RtlNetwork:
    """``parts``: of ``network.processes``, what is written in Verilog; sources and sinks are the
    ports. ``behind``: by process, the stages that follow in it. ``names``: of the channels.
    """

    network: Network
    parts: Mapping[int, RtlProcess]
    behind: Mapping[int, tuple[Follower, ...]]
    names: tuple[str, ...]


def rtl_network(typed: TypedGraph, timing: Timing) -> RtlNetwork:
    """All processes and FIFOs of a graph.

    Raises UnsupportedError by stage name where a unit has no Verilog, TargetError where an
    operation does not fit into a cycle, and ConfigError for a parallelization factor.
    """
    builder = _Builder(typed, timing)
    for name in typed.inputs:
        builder.feed(name)
    for stage in typed.stages:
        if stage.name not in builder.followed:
            builder.stage(stage.name)
    builder.sinks()
    net = Network(tuple(builder.processes), tuple(builder.channels))
    return RtlNetwork(net, builder.parts, builder.behind, tuple(builder.names))


def stage_parts(typed: TypedGraph, name: str, timing: Timing) -> tuple[RtlProcess, ...]:
    """The processes of a stage, under its hardware choice."""
    stage = typed[name]
    inputs = tuple(typed.edges[i] for i in stage.inputs)
    choice = typed.implementation(name)
    return stage.unit.processes(name, choice, timing, inputs, typed.edges[name])


def followers(
    typed: TypedGraph, name: str, last: RtlProcess, timing: Timing
) -> tuple[Follower, ...]:
    """The stages that follow the stage ``name``, whose last process is ``last``, without a FIFO.

    They are the same for all hardware choices: what may share multipliers never follows.
    """
    found: list[Follower] = []
    part = last
    while part.beat is not None or part.actor.depth > 0:
        readers = [s for s in typed.stages if name in s.inputs]
        if typed.readers(name) != 1 or not readers:
            break
        (reader,) = readers
        if any(choice.reuse_factor > 1 for choice in reader.unit.legal()):
            break
        parts = stage_parts(typed, reader.name, timing)
        if len(parts) > 1 or parts[0].beat is None:
            break
        name, part = reader.name, parts[0]
        found.append(Follower(name, part))
    return tuple(found)


def followed_actor(last: RtlProcess, behind: Sequence[Follower]) -> Actor:
    """Of the process ``last`` together with the stages that follow."""
    depth = last.actor.depth + sum(f.part.actor.depth for f in behind)
    return replace(last.actor, depth=depth)


@dataclass
class _Builder:
    typed: TypedGraph
    timing: Timing
    channels: list[Channel] = field(default_factory=list)
    names: list[str] = field(default_factory=list)
    processes: list[Process] = field(default_factory=list)
    parts: dict[int, RtlProcess] = field(default_factory=dict)
    behind: dict[int, tuple[Follower, ...]] = field(default_factory=dict)
    followed: set[str] = field(default_factory=set)
    waiting: dict[str, list[int]] = field(default_factory=dict)  # channels to an edge's readers

    def feed(self, name: str) -> None:
        """An input port, and the FIFOs to its readers."""
        beats = self.typed.edges[name].beats
        writes = self._spread(name)
        self.processes.append(Process(Kind.SOURCE, name, (), writes, source_of(beats)))

    def stage(self, name: str) -> None:
        """The chain of a stage's processes, and what follows in the last of them."""
        stage = self.typed[name]
        check_io_type(stage.layer, self.typed.implementation(name), IOType.STREAM)
        *before, last = stage_parts(self.typed, name, self.timing)
        reads = tuple(self.waiting[i].pop(0) for i in stage.inputs)
        for k, part in enumerate(before):
            inner = (self._channel(name, f"part{k}", part.out_width),)
            self._process(name, reads, inner, part, part.actor)
            reads = inner
        behind = followers(self.typed, name, last, self.timing)
        self.behind[len(self.processes)] = behind
        end = behind[-1] if behind else Follower(name, last)
        writes = self._spread(end.stage)
        self._check(end.stage, end.part, writes)
        self._process(name, reads, writes, last, followed_actor(last, behind))
        for follower in behind:
            check_io_type(
                self.typed[follower.stage].layer,
                self.typed.implementation(follower.stage),
                IOType.STREAM,
            )
            self.followed.add(follower.stage)

    def _process(
        self,
        name: str,
        reads: tuple[int, ...],
        writes: tuple[int, ...],
        part: RtlProcess,
        actor: Actor,
    ) -> None:
        self.parts[len(self.processes)] = part
        self.processes.append(Process(Kind.STAGE, name, reads, writes, actor))

    def sinks(self) -> None:
        """The output ports."""
        for name in self.typed.outputs:
            (channel,) = self.waiting[name]
            actor = sink_of(self.typed.edges[name].beats)
            self.processes.append(Process(Kind.SINK, name, (channel,), (), actor))

    def _spread(self, name: str) -> tuple[int, ...]:
        """A FIFO for each reader of an edge; the output port is the last."""
        readers = self.typed.readers(name)
        found = [self._channel(name, f"to{k}" if k else "", None) for k in range(readers)]
        self.waiting[name] = list(found)
        return tuple(found)

    def _channel(self, name: str, suffix: str, width: int | None) -> int:
        edge = self.typed.edges[name]
        self.channels.append(Channel(edge, suffix, Place.FIFO, width))
        self.names.append(f"{name}.{suffix}_fifo" if suffix else f"{name}.fifo")
        return len(self.channels) - 1

    def _check(self, name: str, part: RtlProcess, writes: tuple[int, ...]) -> None:
        wanted = {self.channels[c].bits for c in writes}
        if wanted - {part.out_width}:
            raise DseError(
                f"{name}: its Verilog gives beats of {part.out_width} bits, where they have "
                f"{sorted(wanted)[0]}; this is a fault of ours"
            )
