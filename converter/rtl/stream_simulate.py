"""Simulation of a network's Verilog with AXI4-Stream ports: bits, order, and cycles."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from converter.errors import ToolError
from converter.graph import TypedGraph
from converter.process import run
from converter.rtl.engines import Engine, Ports, build_simulation, checked
from converter.rtl.packing import Words, pack, unpack
from converter.rtl.result import RtlResult
from converter.rtl.stream_top import padded_bits
from converter.rtl.top import RtlDesign
from converter.types import Codes

Times = npt.NDArray[np.int64]

RANDOM = ((50, 50, 1), (90, 20, 1), (20, 90, 1), (60, 60, 40))
"""Percentages of cycles in which inputs offer and outputs take, and for how many cycles at most
each goes on so.
"""

PATIENCE = 20_000
"""Cycles without any beat after which a network is stuck, beside some frames' own."""


@dataclass(frozen=True, eq=False)
class _Beats:
    """What came out of one output: the cycle, tlast, and words [beats, words] of each beat."""

    cycles: Times
    last: npt.NDArray[np.bool_]
    words: Words


def streamsim(
    typed: TypedGraph,
    design: RtlDesign,
    codes: Mapping[str, Codes],
    folder: Path,
    timeout_s: float,
    engine: Engine,
) -> RtlResult:
    """One frame alone, then frames at the full rate, then some with gaps and back-pressure.

    Raises ToolError where a beat is lost or comes too much, where tlast is not at the end of a
    frame, and where nothing moves.
    """
    rows, plan = len(next(iter(codes.values()))), design.schedule
    _pack_inputs(typed, codes).tofile(folder / "inputs.bin")
    phases = _phases(rows)
    cycles = 2 * rows * plan.interval_cycles
    program = build_simulation(engine, design, _ports(typed, design), folder, cycles, timeout_s)
    patience = PATIENCE + 8 * (plan.latency_cycles + plan.interval_cycles)
    arguments = [":".join(map(str, phase)) for phase in phases]
    argv = [str(program), "inputs.bin", "outputs.bin", str(patience), *arguments]
    checked(run(argv, folder, timeout_s=timeout_s), "the simulation")
    words = np.fromfile(folder / "outputs.bin", np.uint32)
    return _read(typed, design, words, [frames for frames, *_ in phases])


def _phases(rows: int) -> list[tuple[int, ...]]:
    """(frames, inputs, outputs, burst): alone, at the full rate, at random."""
    random = rows // 3
    parts = [random // len(RANDOM) + (k < random % len(RANDOM)) for k in range(len(RANDOM))]
    alone = [(1, 100, 100, 1), (rows - random - 1, 100, 100, 1)]
    shared = [(frames, *duty) for frames, duty in zip(parts, RANDOM, strict=True)]
    return [phase for phase in [*alone, *shared] if phase[0]]


def _ports(typed: TypedGraph, design: RtlDesign) -> Ports:
    ports = (design.in_ports, design.out_ports)
    ins, outs = ({p: padded_bits(typed.edges[n]) for n, p in names.items()} for names in ports)
    beats = {p: typed.edges[n].beats for names in ports for n, p in names.items()}
    return Ports(ins, outs, beats)


def _pack_inputs(typed: TypedGraph, codes: Mapping[str, Codes]) -> Words:
    """All beats of each input, one input after the other."""
    edges = [typed.edges[name] for name in typed.inputs]
    return np.concatenate([pack(codes[e.name].reshape(-1, e.lanes), e.type).ravel() for e in edges])


def _read(typed: TypedGraph, design: RtlDesign, words: Words, phases: list[int]) -> RtlResult:
    """Beats that came out as codes and cycles, checked."""
    end = len(words) - 1 - int(np.argmax(words[::-1] == np.uint32(0xFFFFFFFF)))
    starts = words[end + 1 :].astype(np.int64)
    codes, latency, interval = {}, {}, 0
    for name, beats in zip(design.out_ports, _events(typed, design, words[:end]), strict=True):
        edge = typed.edges[name]
        _check(name, beats, edge.beats, sum(phases))
        ends = beats.cycles[edge.beats - 1 :: edge.beats]
        latency[name] = int(ends[0] - starts[0])
        steady = np.diff(ends[1 : 1 + phases[1]]) if len(phases) > 1 else ends[:0]
        interval = max(interval, int(steady[-1]) if len(steady) else 0)
        codes[name] = unpack(beats.words, edge.lanes, edge.type).reshape(-1, edge.size)
    return RtlResult(codes, latency, interval or design.schedule.interval_cycles)


def _check(name: str, beats: _Beats, per_frame: int, frames: int) -> None:
    if len(beats.cycles) != frames * per_frame:
        raise ToolError(
            f"{name}: of {frames} frames {frames * per_frame} beats must come out; "
            f"{len(beats.cycles)} came"
        )
    wanted = np.arange(1, len(beats.last) + 1) % per_frame == 0
    if not np.array_equal(beats.last, wanted):
        first = int(np.argmax(beats.last != wanted))
        raise ToolError(f"{name}: tlast is wrong at beat {first}, of {per_frame} a frame")


def _events(typed: TypedGraph, design: RtlDesign, words: Words) -> list[_Beats]:
    """What came, by output."""
    lengths = [-(-padded_bits(typed.edges[name]) // 32) for name in design.out_ports]
    found: list[list[int]] = [[] for _ in lengths]
    position = 0
    while position < len(words):
        index = int(words[position])
        found[index].append(position)
        position += 3 + lengths[index]
    out = []
    for places, length in zip(found, lengths, strict=True):
        at = np.array(places, np.int64)
        values = words[at[:, np.newaxis] + 3 + np.arange(length)]
        out.append(_Beats(words[at + 1].astype(np.int64), words[at + 2] != 0, values))
    return out
