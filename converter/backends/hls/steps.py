"""The steps of a top function: what is declared and called, in order, for either ``io_type``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from converter.backends.hls.blocks import call
from converter.dataflow import Channel, Kind, Network, Place, Process
from converter.graph import Edge, TypedGraph
from converter.hls_block import HlsBlock
from converter.names import comment


@dataclass(frozen=True)
class Variable:
    """An array of ``size`` elements, or a stream whose FIFO holds ``size`` beats of ``bits``."""

    type: str
    name: str
    size: int
    bits: int = 0


@dataclass(frozen=True)
class Step:
    """Variables and one call."""

    call: str
    arguments: str
    declare: tuple[Variable, ...] = ()
    about: str = ""


class ParallelSteps:
    """All tensors are arrays. In a dataflow region each has one reader, by forks."""

    def __init__(
        self, typed: TypedGraph, names: Mapping[str, str], blocks: Mapping[str, HlsBlock]
    ) -> None:
        self.typed, self.names, self.blocks = typed, names, blocks
        self.dataflow = any(block.dataflow for block in blocks.values())
        self.copies = self._copies()

    def output(self, edge: str) -> str:
        """Name of an output's port."""
        return self.names[edge] if self._is_port(edge) else f"{self.names[edge]}_out"

    def steps(self) -> list[Step]:
        """Declarations and calls, in order."""
        used: dict[str, int] = {}
        steps: list[Step] = []
        for name in self.typed.inputs:
            steps += self._forks(name)
        for stage in self.typed.stages:
            arguments = [self._read(i, used) for i in stage.inputs]
            steps.append(self._call(stage.name, arguments))
            steps += self._forks(stage.name)
        for name in self.typed.outputs:
            if not self._is_port(name):
                size, text = self.typed.edges[name].size, self.names[name]
                source = self._read(name, used)
                steps.append(Step(f"dse::copy<{size}>", f"{source}, {text}_out"))
        return steps

    def _is_port(self, edge: str) -> bool:
        """The stage writes the output port itself: nobody else reads it."""
        alone = edge in self.typed.outputs and self.typed.readers(edge) == 1
        return alone and edge not in self.typed.inputs

    def _copies(self) -> dict[str, list[str]]:
        """In a dataflow region every array has one reader: names of the copies of an edge."""
        if not self.dataflow:
            return {}
        counts = {edge: self.typed.readers(edge) for edge in self.names}
        return {
            edge: [f"{self.names[edge]}_copy{k}" for k in range(n)]
            for edge, n in counts.items()
            if n > 1
        }

    def _read(self, edge: str, used: dict[str, int]) -> str:
        if edge not in self.copies:
            return self.names[edge]
        used[edge] = used.get(edge, -1) + 1
        return self.copies[edge][used[edge]]

    def _call(self, name: str, arguments: list[str]) -> Step:
        edge, text = self.typed.edges[name], self.names[name]
        return stage_step(
            text,
            self.blocks[name],
            [*arguments, text],
            () if self._is_port(name) else (Variable(f"{text}_t", text, edge.size),),
            f"{name}: {edge.type.spell()}[{edge.size}]",
        )

    def _forks(self, edge: str) -> list[Step]:
        """Split an edge for its readers, two at a time."""
        copies = self.copies.get(edge, [])
        size, text = self.typed.edges[edge].size, self.names[edge]
        steps, source = [], text
        for k, copy in enumerate(copies[:-1]):
            rest = copies[-1] if k == len(copies) - 2 else f"{text}_rest{k}_copy"
            made = tuple(Variable(f"{text}_t", name, size) for name in (copy, rest))
            steps.append(Step(f"dse::fork<{size}>", f"{source}, {copy}, {rest}", made))
            source = rest
        return steps


def stream_steps(
    network: Network,
    names: Mapping[str, str],
    blocks: Mapping[str, HlsBlock],
    depths: Mapping[int, int],
) -> list[Step]:
    """One call per process. ``depths``: beats that each FIFO holds, by position of its channel."""
    steps = []
    for process in network.processes:
        if process.kind in (Kind.SOURCE, Kind.SINK):
            continue
        channels = [network.channels[c] for c in (*process.reads, *process.writes)]
        arguments = [channel_name(channel, names) for channel in channels]
        made = tuple(
            Variable(
                f"{names[network.channels[c].edge.name]}_beat_t",
                channel_name(network.channels[c], names),
                depths[c],
                network.channels[c].bits,
            )
            for c in process.writes
            if network.channels[c].place is Place.FIFO
        )
        steps.append(_process_step(process, channels[-1].edge, names, blocks, arguments, made))
    return steps


def _process_step(
    process: Process,
    edge: Edge,
    names: Mapping[str, str],
    blocks: Mapping[str, HlsBlock],
    arguments: list[str],
    made: tuple[Variable, ...],
) -> Step:
    if process.kind is Kind.STAGE:
        about = f"{edge.name}: {edge.beats} x {edge.type.spell()}[{edge.lanes}]"
        return stage_step(names[process.name], blocks[process.name], arguments, made, about)
    function = f"dse::{process.kind.value}_stream<{edge.beats}>"
    return Step(function, ", ".join(arguments), made)


def channel_name(channel: Channel, names: Mapping[str, str]) -> str:
    """C++ name of a channel."""
    return names[channel.edge.name] + channel.suffix


def stage_step(
    text: str, block: HlsBlock, arguments: list[str], made: tuple[Variable, ...], about: str
) -> Step:
    """The call of a stage, with its constants."""
    arrays = [f"{text}_{array.name}" for array in block.arrays]
    return Step(call(text, block), ", ".join([*arguments, *arrays]), made, comment(about))
