"""The FIFO of streams: random pushes and pops against a model, cycle by cycle, at many depths."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from converter.rtl.engines import LINT_WAIVERS
from converter.rtl.module import library_file

pytestmark = pytest.mark.skipif(shutil.which("verilator") is None, reason="no verilator on PATH")

DEPTHS = (1, 2, 3, 4, 5, 6, 8, 9, 16, 17, 18, 31, 33, 40)
CASES = [
    (depth, (1, 7, 33, 64)[k % 4], block) for block in (0, 1) for k, depth in enumerate(DEPTHS)
]
CYCLES = 60_000


def top() -> str:
    """All FIFOs side by side; every port has a register's or a word's width of its own."""
    ports, body = ["input wire clk", "input wire rst"], []
    for k, (depth, width, block) in enumerate(CASES):
        ports += [f"input wire {name}_{k}" for name in ("w_reserve", "w_valid", "r_ready")]
        ports += [f"output wire {name}_{k}" for name in ("w_room", "r_valid")]
        ports += [f"input wire [63:0] w_data_{k}", f"output wire [63:0] r_data_{k}"]
        if width < 64:
            body.append(f"assign r_data_{k}[63:{width}] = 0;")
        names = ("w_room", "w_reserve", "w_valid", "r_valid", "r_ready")
        wires = [".clk(clk)", ".rst(rst)", *(f".{n}({n}_{k})" for n in names)]
        wires += [f".{n}({n}_{k}[{width - 1}:0])" for n in ("w_data", "r_data")]
        head = f"nn_fifo #(.WIDTH({width}), .DEPTH({depth}), .BLOCK({block})) fifo_{k}"
        body.append(f"{head} ({', '.join(wires)});")
    return "\n".join([f"module fifos ({', '.join(ports)});", *body, "endmodule", ""])


def header() -> str:
    lines = ["#pragma once", f"constexpr unsigned FIFOS = {len(CASES)};"]
    for name, at in (("DEPTHS", 0), ("WIDTHS", 1)):
        lines.append(f"const unsigned {name}[] = {{{', '.join(str(c[at]) for c in CASES)}}};")
    lines.append("struct Ports {")
    for name in ("w_room", "w_reserve", "w_valid", "r_valid", "r_ready", "w_data", "r_data"):
        kind = "QData" if name.endswith("data") else "CData"
        lines.append(f"    {kind}* {name}[FIFOS];")
    lines.append("    explicit Ports(Vfifos& top) {")
    for name in ("w_room", "w_reserve", "w_valid", "r_valid", "r_ready", "w_data", "r_data"):
        lines += [f"        {name}[{k}] = &top.{name}_{k};" for k in range(len(CASES))]
    return "\n".join([*lines, "    }", "};", ""])


def test_every_depth_follows_the_model_cycle_by_cycle(tmp_path: Path) -> None:
    (tmp_path / "fifos.v").write_text(top())
    (tmp_path / "fifos.h").write_text(header())
    (tmp_path / "nn_fifo.v").write_text(library_file("nn_fifo.v"))
    shutil.copy(Path(__file__).parent / "fifo_drive.cpp", tmp_path)
    argv = [
        "verilator", "--cc", "--exe", "--build", "-O3", "-Wall",
        *(f"-Wno-{w}" for w in LINT_WAIVERS), "--top-module", "fifos", "-CFLAGS", "-I..",
        "-MAKEFLAGS", "OPT_FAST=-O1 OPT_SLOW=-O0 OPT_GLOBAL=-O0", "-o", "drive",
        "fifos.v", "nn_fifo.v", "fifo_drive.cpp",
    ]  # fmt: skip
    built = subprocess.run(argv, cwd=tmp_path, capture_output=True, text=True)
    assert built.returncode == 0, built.stderr
    run = subprocess.run(
        [tmp_path / "obj_dir" / "drive", str(CYCLES)], capture_output=True, text=True
    )
    assert run.stdout == "ok\n", run.stdout
