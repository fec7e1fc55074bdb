"""The programs that can simulate Verilog here: Verilator, or Yosys' cxxrtl in its place.

Both turn a design into C++, which is compiled with one driver, ``rtllib/sim/drive.cpp``, or
``drive_stream.cpp`` for AXI4-Stream ports. A header per engine gives the drivers the same few
functions, and a generated one the ports.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path

from converter.errors import ToolError
from converter.process import Outcome, run
from converter.rtl.module import library_file
from converter.rtl.top import Protocol, RtlDesign
from converter.yosys import Yosys, every_yosys

COMPILERS = ("g++", "c++", "clang++")

LINT_WAIVERS = ("UNUSEDSIGNAL", "DECLFILENAME")
"""Warnings of Verilator that hold by design: bits that an exact result does not need are not
read, and a stage's file holds the modules of its lanes and tables beside its own.
"""

FAST_FROM_CYCLES = 20_000
"""Above this many cycles an optimised simulation is worth its compilation, which takes thrice."""


class Engine(Enum):
    """What turns Verilog into a program."""

    VERILATOR = "verilator"
    CXXRTL = "cxxrtl"


@dataclass(frozen=True)
class Ports:
    """Widths in bits, by Verilog name, in the order of the simulation's files. ``beats``: of a
    frame, by the name of a stream.
    """

    inputs: Mapping[str, int]
    outputs: Mapping[str, int]
    beats: Mapping[str, int] = field(default_factory=dict)


def find_engine() -> Engine:
    """Verilator where it is on PATH, else cxxrtl. Raises ToolError where neither can work."""
    if find_compiler() is None:
        raise ToolError(
            "RTL simulation needs g++, which is not on PATH; get it by "
            "`apt-get install verilator g++`, or use the engine `emulate`"
        )
    if shutil.which("verilator"):
        return Engine.VERILATOR
    if find_cxxrtl():
        return Engine.CXXRTL
    raise ToolError(
        "RTL simulation needs verilator, which is not on PATH, or Yosys with cxxrtl in its place; "
        "get one by `apt-get install verilator` or `pip install pyosys`, or use `emulate`"
    )


def find_compiler() -> str | None:
    """The C++ compiler on PATH."""
    return next(filter(None, map(shutil.which, COMPILERS)), None)


def find_cxxrtl() -> tuple[Yosys, Path] | None:
    """A Yosys and the folder of its cxxrtl's headers."""
    found = ((yosys, yosys.cxxrtl()) for yosys in every_yosys())
    return next(((yosys, headers) for yosys, headers in found if headers), None)


def build_simulation(
    engine: Engine, design: RtlDesign, ports: Ports, folder: Path, cycles: int, timeout_s: float
) -> Path:
    """The program in ``folder`` that simulates some ``cycles``; see its driver for its use."""
    for name, text in design.files.items():
        (folder / name).write_text(text, encoding="ascii")
    streams = design.protocol is Protocol.AXI_STREAM
    driver = library_file("sim/drive_stream.cpp" if streams else "sim/drive.cpp")
    (folder / "drive.cpp").write_text(driver, encoding="ascii")
    (folder / "files.h").write_text(library_file("sim/files.h"), encoding="ascii")
    header = library_file(f"sim/{engine.value}.h")
    (folder / f"{engine.value}.h").write_text(header, encoding="ascii")
    drain = design.schedule.latency_cycles + 2 * design.schedule.interval_cycles + 4
    lines = _stream_ports(engine, ports) if streams else _static_ports(engine, ports)
    lines = [*_header_begin(engine, design.top, drain), *lines, ""]
    (folder / "ports.h").write_text("\n".join(lines), encoding="ascii")
    build = _verilate if engine is Engine.VERILATOR else _cxxrtl
    return build(design, folder, cycles > FAST_FROM_CYCLES, timeout_s)


def checked(outcome: Outcome, what: str) -> None:
    """Raises ToolError with the end of its log where a program did not end well."""
    if outcome.status != "ok":
        raise ToolError(f"{what} ended with {outcome.status}:\n{outcome.log_tail[-2000:]}")


def _header_begin(engine: Engine, top: str, drain: int) -> list[str]:
    kind = "Vtop" if engine is Engine.VERILATOR else f"cxxrtl_design::{_mangled(top)}"
    return [
        "#pragma once",
        f'#include "{engine.value}.h"',
        f"using Top = {kind};",
        f"constexpr uint32_t DRAIN_CYCLES = {drain};",
    ]


def _static_ports(engine: Engine, ports: Ports) -> list[str]:
    inputs, first = [], 0
    for port, bits in ports.inputs.items():
        inputs.append(f"use(top.{_member(engine, port)}, {first}, {bits});")
        first += -(-bits // 32)
    outputs = [
        f"use({i}, top.{_member(engine, f'{port}_valid')}, top.{_member(engine, port)});"
        for i, port in enumerate(ports.outputs)
    ]
    return [
        f"constexpr std::size_t ROW_WORDS = {first};",
        *_each("input", inputs),
        *_each("output", outputs),
    ]


def _stream_ports(engine: Engine, ports: Ports) -> list[str]:
    def members(port: str, *names: str) -> str:
        return ", ".join(f"top.{_member(engine, f'{port}_{name}')}" for name in names)

    inputs = [
        f"use({i}, {members(port, 'tvalid', 'tready', 'tdata')}, {bits});"
        for i, (port, bits) in enumerate(ports.inputs.items())
    ]
    outputs = [
        f"use({i}, {members(port, 'tvalid', 'tready', 'tlast', 'tdata')});"
        for i, port in enumerate(ports.outputs)
    ]
    return [
        f"constexpr std::size_t INPUTS = {len(inputs)}, OUTPUTS = {len(outputs)};",
        _numbers("IN_BEATS", [ports.beats[port] for port in ports.inputs]),
        _numbers("IN_WORDS", [-(-bits // 32) for bits in ports.inputs.values()]),
        _numbers("OUT_BEATS", [ports.beats[port] for port in ports.outputs]),
        *_each("input", inputs),
        *_each("output", outputs),
    ]


def _numbers(name: str, values: Sequence[int]) -> str:
    return f"constexpr std::size_t {name}[] = {{{', '.join(map(str, values))}}};"


def _each(which: str, calls: Sequence[str]) -> list[str]:
    head = f"template <typename Use> void each_{which}(Top& top, Use use) {{"
    return [head, *(f"    {call}" for call in calls), "}"]


def _member(engine: Engine, port: str) -> str:
    return port if engine is Engine.VERILATOR else _mangled(port)


def _mangled(name: str) -> str:
    """A Verilog name, of letters, digits and _, as cxxrtl spells it."""
    return "p_" + name.replace("_", "__")


def _verilate(design: RtlDesign, folder: Path, fast: bool, timeout_s: float) -> Path:
    argv = [
        "verilator", "--cc", "--exe", "--build", "-O3", "--x-assign", "fast", "-Wall",
        *(f"-Wno-{w}" for w in LINT_WAIVERS),
        "--top-module", design.top, "--prefix", "Vtop", "--Mdir", "build", "-o", "simulate",
        "-CFLAGS", "-I..",
        "-MAKEFLAGS", f"OPT_FAST={'-O1' if fast else '-O0'} OPT_SLOW=-O0 OPT_GLOBAL=-O0",
        "-j", "2", f"{design.top}.v",
        *sorted(f for f in design.files if f != f"{design.top}.v"), "drive.cpp",
    ]  # fmt: skip
    checked(run(argv, folder, timeout_s=timeout_s), "verilator")
    return folder / "build" / "simulate"


def _cxxrtl(design: RtlDesign, folder: Path, fast: bool, timeout_s: float) -> Path:
    """Always optimised, since cxxrtl's templates are slow without. NDEBUG, because a memory's
    address may run past its end while nobody looks, where cxxrtl would end the program.
    """
    del fast
    found, compiler = find_cxxrtl(), find_compiler()
    if found is None or compiler is None:
        raise ToolError("cxxrtl needs g++, and Yosys with its headers: `pip install pyosys`")
    yosys, headers = found
    lines = [f"read_verilog -defer {name}" for name in sorted(design.files)]
    lines += [f"hierarchy -check -top {design.top}", "write_cxxrtl -g0 design.cpp"]
    (folder / "cxxrtl.ys").write_text("\n".join([*lines, ""]), encoding="ascii")
    checked(run(yosys.argv("cxxrtl.ys"), folder, timeout_s=timeout_s), "yosys")
    # up to Yosys 0.33 the header was in the folder itself, since then under ``runtime``
    argv = [
        compiler, "-std=c++14", "-O1", "-w", "-DNDEBUG", "-I", f"{headers / 'runtime'}",
        "-I", f"{headers.parents[1]}", "-o", "simulate", "drive.cpp",
    ]  # fmt: skip
    checked(run(argv, folder, timeout_s=timeout_s), "compiling the simulation")
    return folder / "simulate"
