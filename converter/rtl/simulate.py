"""Cycle-accurate simulation of a network's Verilog: the same bits, and the cycles measured."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import numpy.typing as npt

from converter.errors import ToolError
from converter.graph import Edge, TypedGraph
from converter.process import run
from converter.rtl.engines import Engine, Ports, build_simulation, checked, find_engine
from converter.rtl.packing import Words, pack, unpack
from converter.rtl.result import RtlResult
from converter.rtl.stream_simulate import streamsim
from converter.rtl.top import Protocol, RtlDesign, rtl_design
from converter.timing import Target
from converter.types import Codes


def rtlsim(
    typed: TypedGraph,
    target: Target,
    codes: Mapping[str, Codes],
    *,
    folder: Path | None = None,
    timeout_s: float = 900.0,
    engine: Engine | None = None,
) -> RtlResult:
    """Simulate input codes [rows, size] by input name.

    Two thirds of the rows go in at the full rate, the others with random gaps, and, in
    io_stream, random back-pressure. Works in ``folder``, or in a temporary one. ``engine``: by
    default, the best that is here. Raises ToolError where there is none, where it fails, and
    where a row is lost or late.
    """
    if folder is None:
        with tempfile.TemporaryDirectory(prefix="rtlsim-") as made:
            return rtlsim(
                typed, target, codes, folder=Path(made), timeout_s=timeout_s, engine=engine
            )
    engine = engine or find_engine()
    design = rtl_design(typed, target)
    if design.protocol is Protocol.AXI_STREAM:
        return streamsim(typed, design, codes, folder, timeout_s, engine)
    rows = len(next(iter(codes.values())))
    fast = rows - rows // 3
    _pack_inputs(typed, codes).tofile(folder / "inputs.bin")
    cycles = rows * design.schedule.interval_cycles
    program = build_simulation(engine, design, _ports(typed, design), folder, cycles, timeout_s)
    argv = [
        str(program), "inputs.bin", "outputs.bin", str(design.schedule.interval_cycles), str(fast),
    ]  # fmt: skip
    checked(run(argv, folder, timeout_s=timeout_s), "the simulation")
    words = np.fromfile(folder / "outputs.bin", np.uint32)
    return _read(typed, design, words, rows, fast)


def _ports(typed: TypedGraph, design: RtlDesign) -> Ports:
    inputs, outputs = (
        {port: _bits(typed.edges[name]) for name, port in ports.items()}
        for ports in (design.in_ports, design.out_ports)
    )
    return Ports(inputs, outputs)


def _bits(edge: Edge) -> int:
    return edge.size * edge.type.width


def _words(edge: Edge) -> int:
    """32-bit words of a port."""
    return -(-_bits(edge) // 32)


def _pack_inputs(typed: TypedGraph, codes: Mapping[str, Codes]) -> Words:
    return np.concatenate(
        [pack(codes[name], typed.edges[name].type) for name in typed.inputs], axis=1
    )


def _read(typed: TypedGraph, design: RtlDesign, words: Words, rows: int, fast: int) -> RtlResult:
    """Events of the simulation as codes and cycles, checked."""
    starts = words[len(words) - rows :].astype(np.int64)
    events = _events(typed, design, words[: len(words) - rows - 1])
    codes, latency, interval = {}, {}, 0
    for index, name in enumerate(design.out_ports):
        cycles, values = events[index]
        if len(cycles) != rows:
            raise ToolError(f"{name}: {rows} rows went in, {len(cycles)} came out")
        delays = np.unique(cycles - starts)
        if len(delays) != 1:
            raise ToolError(f"{name}: the latency is not constant: {delays.tolist()[:5]} cycles")
        latency[name] = int(delays[0])
        steady = np.diff(cycles[:fast])
        interval = max(interval, int(steady.max(initial=0)) or design.schedule.interval_cycles)
        edge = typed.edges[name]
        codes[name] = unpack(values, edge.size, edge.type)
    return RtlResult(codes, latency, interval)


def _events(
    typed: TypedGraph, design: RtlDesign, words: Words
) -> list[tuple[npt.NDArray[np.int64], Words]]:
    """(cycles, port words) by output."""
    lengths = [_words(typed.edges[name]) for name in design.out_ports]
    position = 0
    found: list[list[int]] = [[] for _ in lengths]
    while position < len(words):
        index = int(words[position])
        found[index].append(position)
        position += 2 + lengths[index]
    out = []
    for index, length in enumerate(lengths):
        at = np.array(found[index], np.int64)
        values = words[at[:, np.newaxis] + 2 + np.arange(length)]
        out.append((words[at + 1].astype(np.int64), values))
    return out
