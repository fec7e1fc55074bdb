"""The processes of a network in io_stream and the channels between them.

Every stage is a process; so is every fork of an edge to two readers, and what drains an edge
that nobody reads. A channel has one writer and one reader, and is a FIFO, or a port of the top
function. The C++ of the backends and the token simulation are both made from this.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import Enum

import numpy as np

from converter.actor import Actor, each_beat
from converter.graph import Edge, IOType, TypedGraph, check_io_type, frozen_array

FORK_DEPTH = 3
"""Most cycles from the read of a fork to its writes."""


class Place(Enum):
    """Where a channel runs: between two processes, or to the outside."""

    FIFO = "fifo"
    INPUT = "input"
    OUTPUT = "output"


class Kind(Enum):
    """What a process is."""

    SOURCE = "source"
    STAGE = "stage"
    FORK = "fork"
    COPY = "copy"
    DRAIN = "drain"
    SINK = "sink"


@dataclass(frozen=True, eq=False)
class Channel:
    """Beats of ``edge`` on their way. ``suffix`` tells several channels of an edge apart.

    ``width``: bits of a beat inside of a stage, where it is not the edge's.
    """

    edge: Edge
    suffix: str
    place: Place
    width: int | None = None

    @property
    def bits(self) -> int:
        """Of one beat."""
        return self.edge.lanes * self.edge.type.width if self.width is None else self.width


@dataclass(frozen=True, eq=False)
class Process:
    """One process; ``reads`` and ``writes`` are positions in the network's channels.

    ``name``: of the stage, or of the edge that is forked, copied, drained, fed or taken.
    """

    kind: Kind
    name: str
    reads: tuple[int, ...]
    writes: tuple[int, ...]
    actor: Actor


@dataclass(frozen=True, eq=False)
class Network:
    """``processes`` are in topological order, from the sources to the sinks."""

    processes: tuple[Process, ...]
    channels: tuple[Channel, ...]


def network(typed: TypedGraph) -> Network:
    """All processes and channels of a graph, whatever its ``io_type``.

    Raises UnsupportedError by stage name where a unit has no form for io_stream, and ConfigError
    for a parallelization factor.
    """
    builder = _Builder(typed)
    for name in typed.inputs:
        builder.feed(name)
    for stage in typed.stages:
        builder.stage(stage.name)
    return Network((*builder.processes, *builder.sinks), tuple(builder.channels))


@dataclass
class _Builder:
    typed: TypedGraph
    channels: list[Channel] = field(default_factory=list)
    processes: list[Process] = field(default_factory=list)
    sinks: list[Process] = field(default_factory=list)
    waiting: dict[str, Iterator[int]] = field(default_factory=dict)  # channels to an edge's readers

    def feed(self, name: str) -> None:
        """The source of an input, and the way to its readers."""
        edge = self.typed.edges[name]
        port = self._channel(edge, "", Place.INPUT)
        self.processes.append(Process(Kind.SOURCE, name, (), (port,), source_of(edge.beats)))
        if self._only_output(edge):
            self._connect(Kind.COPY, edge, port, (self._output(edge, "_out"),))
        else:
            self._spread(edge, port)

    def stage(self, name: str) -> None:
        """A stage, and the way from it to its readers."""
        stage, edge = self.typed[name], self.typed.edges[name]
        choice = self.typed.implementation(name)
        check_io_type(stage.layer, choice, IOType.STREAM)
        inputs = tuple(self.typed.edges[i] for i in stage.inputs)
        reads = tuple(next(self.waiting[i]) for i in stage.inputs)
        port = self._only_output(edge)
        out = self._output(edge, "") if port else self._channel(edge, "", Place.FIFO)
        actor = stage.unit.actor(choice, inputs, edge)
        self.processes.append(Process(Kind.STAGE, name, reads, (out,), actor))
        if not port:
            self._spread(edge, out)

    def _only_output(self, edge: Edge) -> bool:
        """The output port is all that reads the edge."""
        return edge.name in self.typed.outputs and self.typed.readers(edge.name) == 1

    def _spread(self, edge: Edge, source: int) -> None:
        """From one channel to all readers, two at a time; the output port is the last."""
        readers = self.typed.readers(edge.name)
        if not readers:
            self._connect(Kind.DRAIN, edge, source, ())
        found: list[int] = []
        for k in range(readers - 1):
            last = k == readers - 2
            first = self._channel(edge, f"_copy{k}", Place.FIFO)
            if last and edge.name in self.typed.outputs:
                rest = self._output(edge, "_out")
            else:
                suffix = f"_copy{k + 1}" if last else f"_rest{k}_copy"
                rest = self._channel(edge, suffix, Place.FIFO)
            self._connect(Kind.FORK, edge, source, (first, rest))
            found.append(first)
            source = rest
        self.waiting[edge.name] = iter([*found, source])

    def _connect(self, kind: Kind, edge: Edge, source: int, ends: tuple[int, ...]) -> None:
        actor = each_beat(edge.beats, depth=FORK_DEPTH) if ends else sink_of(edge.beats)
        self.processes.append(Process(kind, edge.name, (source,), ends, actor))

    def _channel(self, edge: Edge, suffix: str, place: Place) -> int:
        self.channels.append(Channel(edge, suffix, place))
        return len(self.channels) - 1

    def _output(self, edge: Edge, suffix: str) -> int:
        port = self._channel(edge, suffix, Place.OUTPUT)
        self.sinks.append(Process(Kind.SINK, edge.name, (port,), (), sink_of(edge.beats)))
        return port


def source_of(beats: int) -> Actor:
    """Offers a beat in each cycle."""
    return Actor(
        frozen_array(np.ones((beats, 0), bool)),
        frozen_array(np.ones(beats, bool)),
        frozen_array(np.ones(beats, np.int64)),
        0,
    )


def sink_of(beats: int) -> Actor:
    """Takes a beat in each cycle."""
    return Actor(
        frozen_array(np.ones((beats, 1), bool)),
        frozen_array(np.zeros(beats, bool)),
        frozen_array(np.ones(beats, np.int64)),
        0,
    )
