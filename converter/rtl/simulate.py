"""Cycle-accurate simulation of a network's Verilog: the same bits, and the cycles measured."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from converter.errors import ToolError
from converter.graph import Edge, TypedGraph
from converter.process import Outcome, run
from converter.rtl.module import library_file
from converter.rtl.top import RtlDesign, rtl_design
from converter.timing import Target
from converter.types import Codes, Fixed

Words = npt.NDArray[np.uint32]

LINT_WAIVERS = ("UNUSEDSIGNAL", "DECLFILENAME")
"""Warnings of Verilator that hold by design: bits that an exact result does not need are not
read, and a stage's file holds the modules of its lanes and tables beside its own.
"""

FAST_FROM_CYCLES = 20_000
"""Above this many cycles an optimised simulation is worth its compilation, which takes thrice."""


@dataclass(frozen=True, eq=False)
class RtlResult:
    """What a simulation gave. ``codes``: [rows, size] by output. ``latency_cycles``: from the
    input to each output, by output, the same for every row. ``interval_cycles``: the least
    distance at which rows went in and came out right.
    """

    codes: Mapping[str, Codes]
    latency_cycles: Mapping[str, int]
    interval_cycles: int


def rtlsim(
    typed: TypedGraph,
    target: Target,
    codes: Mapping[str, Codes],
    *,
    folder: Path | None = None,
    timeout_s: float = 900.0,
) -> RtlResult:
    """Simulate input codes [rows, size] by input name.

    Two thirds of the rows go in at the full rate, the others with random gaps. Works in
    ``folder``, or in a temporary one. Raises ToolError where no simulator is here, where
    it fails, and where a row is lost or late.
    """
    if folder is None:
        with tempfile.TemporaryDirectory(prefix="rtlsim-") as made:
            return rtlsim(typed, target, codes, folder=Path(made), timeout_s=timeout_s)
    design = rtl_design(typed, target)
    rows = len(next(iter(codes.values())))
    fast = rows - rows // 3
    write_sources(design, typed, folder)
    _pack_inputs(typed, codes).tofile(folder / "inputs.bin")
    cycles = rows * design.schedule.interval_cycles
    program = _compile(design, folder, cycles, timeout_s)
    argv = [
        str(program), "inputs.bin", "outputs.bin", str(design.schedule.interval_cycles), str(fast),
    ]  # fmt: skip
    _checked(run(argv, folder, timeout_s=timeout_s), "the simulation")
    words = np.fromfile(folder / "outputs.bin", np.uint32)
    return _read(typed, design, words, rows, fast)


def write_sources(design: RtlDesign, typed: TypedGraph, folder: Path) -> None:
    """The Verilog, the driver and the header that tells it the ports."""
    for name, text in design.files.items():
        (folder / name).write_text(text, encoding="ascii")
    (folder / "drive.cpp").write_text(library_file("sim/drive.cpp"), encoding="ascii")
    (folder / "ports.h").write_text(_ports_header(design, typed), encoding="ascii")


def _ports_header(design: RtlDesign, typed: TypedGraph) -> str:
    lines, first = [], 0
    for name, port in design.in_ports.items():
        lines.append(f"    use(top.{port}, {first}, {_bits(typed.edges[name])});")
        first += _words(typed.edges[name])
    outputs = [
        f"    use({i}, top.{port}_valid, top.{port});"
        for i, port in enumerate(design.out_ports.values())
    ]
    drain = design.schedule.latency_cycles + 2 * design.schedule.interval_cycles + 4
    return "\n".join(
        [
            "#pragma once",
            '#include "Vtop.h"',
            "using Top = Vtop;",
            f"constexpr std::size_t ROW_WORDS = {first};",
            f"constexpr uint32_t DRAIN_CYCLES = {drain};",
            "template <typename Use> void each_input(Top& top, Use use) {",
            *lines,
            "}",
            "template <typename Use> void each_output(Top& top, Use use) {",
            *outputs,
            "}",
            "",
        ]
    )


def _bits(edge: Edge) -> int:
    return edge.size * edge.type.width


def _words(edge: Edge) -> int:
    """32-bit words of a port."""
    return -(-_bits(edge) // 32)


def _compile(design: RtlDesign, folder: Path, cycles: int, timeout_s: float) -> Path:
    """The simulation program for some cycles, by Verilator and a C++ compiler."""
    optimise = "-O1" if cycles > FAST_FROM_CYCLES else "-O0"
    verilator, compiler = shutil.which("verilator"), shutil.which("g++") or shutil.which("clang++")
    if not verilator or not compiler:
        missing = "verilator" if not verilator else "g++"
        raise ToolError(
            f"RTL simulation needs {missing}, which is not on PATH; get it by "
            "`apt-get install verilator g++`, or use the engine `emulate`"
        )
    argv = [
        verilator, "--cc", "--exe", "--build", "-O3", "--x-assign", "fast", "-Wall",
        *(f"-Wno-{w}" for w in LINT_WAIVERS),
        "--top-module", design.top, "--prefix", "Vtop", "--Mdir", "build", "-o", "simulate",
        "-CFLAGS", "-I..", "-MAKEFLAGS", f"OPT_FAST={optimise} OPT_SLOW=-O0 OPT_GLOBAL=-O0",
        "-j", "2", f"{design.top}.v",
        *sorted(f for f in design.files if f != f"{design.top}.v"), "drive.cpp",
    ]  # fmt: skip
    _checked(run(argv, folder, timeout_s=timeout_s), "verilator")
    return folder / "build" / "simulate"


def _checked(outcome: Outcome, what: str) -> None:
    if outcome.status != "ok":
        raise ToolError(f"{what} ended with {outcome.status}:\n{outcome.log_tail[-2000:]}")


def _pack_inputs(typed: TypedGraph, codes: Mapping[str, Codes]) -> Words:
    return np.concatenate(
        [pack(codes[name], typed.edges[name].type) for name in typed.inputs], axis=1
    )


def pack(codes: Codes, t: Fixed) -> Words:
    """Codes [rows, size] as port words [rows, words], element 0 at the least bits."""
    whole = codes.astype(np.int64) if codes.dtype.kind == "f" else codes
    shifts = np.arange(t.width, dtype=whole.dtype)
    if whole.dtype == object:
        shifts = np.array(range(t.width), object)
    elif t.width > 62:
        whole, shifts = whole.astype(object), np.array(range(t.width), object)
    bits = ((whole[:, :, np.newaxis] >> shifts) & 1).astype(np.uint8)
    flat = bits.reshape(len(whole), -1)
    padded = np.pad(flat, ((0, 0), (0, -flat.shape[1] % 32)))
    return np.packbits(padded, axis=1, bitorder="little").view("<u4")


def unpack(words: Words, size: int, t: Fixed) -> Codes:
    """Inverse of ``pack``."""
    raw = np.ascontiguousarray(words.astype("<u4")).view(np.uint8)
    bits = np.unpackbits(raw, axis=1, bitorder="little")[:, : size * t.width]
    bits = bits.reshape(len(words), size, t.width)
    if t.width > 62:
        weights = np.array([1 << i for i in range(t.width)], object)
    else:
        weights = np.left_shift(np.int64(1), np.arange(t.width, dtype=np.int64))
    if t.signed:
        weights[-1] = -weights[-1]
    return bits.astype(weights.dtype) @ weights


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
