"""A design in parts and as a whole, by the real Yosys where it is here."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from converter.backends import BACKENDS
from converter.backends.base import Stage, Tool
from converter.backends.yosys.backend import YosysBackend
from converter.backends.yosys.parts import TOP, divide, stage_instances
from converter.backends.yosys.report import BETWEEN
from converter.backends.yosys.scripts import needs, script, text_file
from converter.backends.yosys.verilog import modules
from converter.process import run
from converter.project import Project
from converter.report import Report
from converter.rtl.module import library_file

BACKEND = YosysBackend()
STAGE = """\
// a stage of {top}
module {name} (
  input wire clk,
  input wire signed [11:0] in_data,
  output wire signed [15:0] out_data
);
  {name}_lane lane (
    .clk(clk), .in_data(in_data), .out_data(out_data)
  );
endmodule

module {name}_lane (
  input wire clk,
  input wire signed [11:0] in_data,
  output reg signed [15:0] out_data
);
  always @(posedge clk) out_data <= {value};
endmodule
"""
SUM = "in_data + (in_data <<< 3)"
PRODUCT = "$signed(in_data[11:4]) * $signed(in_data[7:0])"


def top(name: str) -> str:
    return f"""\
// nothing of {name}_fc is here
module {name} (
  input wire clk,
  input wire rst,
  input wire reserve,
  input wire write,
  input wire take,
  output wire room,
  input wire [23:0] in_data,
  output wire valid,
  output wire [15:0] a,
  output wire [15:0] b,
  output wire [15:0] c
);
  wire [15:0] e1, e2, e3;
  {name}_fc s_e1 (
    .clk(clk), .in_data(in_data[11:0]), .out_data(e1)
  );
  {name}_more s_e2 (
    .clk(clk), .in_data(in_data[23:12]), .out_data(e2)
  );
  {name}_squared s_e3 (
    .clk(clk), .in_data(in_data[11:0]), .out_data(e3)
  );
  nn_delay #(.WIDTH(16), .LATENCY(2)) d_a (
    .clk(clk), .in_data(e1 & e2), .out_data(a)
  );
  nn_delay #(.WIDTH(16), .LATENCY(2)) d_b (
    .clk(clk), .in_data(e2), .out_data(b)
  );
  nn_fifo #(.WIDTH(16), .DEPTH(20), .BLOCK(0)) f0 (
    .clk(clk), .rst(rst), .w_room(room), .w_reserve(reserve), .w_valid(write),
    .w_data(e3), .r_valid(valid), .r_data(c), .r_ready(take)
  );
endmodule
"""


def demo(name: str = "demo") -> Project:
    stages = {"fc": SUM, "more": SUM, "squared": PRODUCT}
    files = {f"{name}.v": top(name)}
    for stage, value in stages.items():
        files[f"{name}_{stage}.v"] = STAGE.format(top=name, name=f"{name}_{stage}", value=value)
    files |= {f: library_file(f) for f in ("nn_delay.v", "nn_fifo.v")}
    facts = ["fc", "more", "squared", "fifo"]
    design = {
        "top": name, "family": "UltraScale+", "clock_period_ns": 5.0,
        "latency_cycles": 7, "interval_cycles": 1,
        "stages": {s: {"latency_cycles": 1, "interval_cycles": 1} for s in facts},
        "instances": stage_instances(files, name, facts),
    }  # fmt: skip
    read = "\n".join(f"read_verilog -defer rtl/{f}" for f in sorted(files))
    need = needs(modules(files.values()).values())
    return Project(
        name,
        "yosys",
        name,
        {
            **{f"rtl/{f}": text for f, text in files.items()},
            "synth.ys": script(name, read, need, {}, netlist=True),
            "addalu.v": text_file("addalu.v"),
            "design.json": json.dumps(design),
        },
    )


def test_equal_modules_are_one_part_and_names_do_not_matter() -> None:
    division = divide(demo(), "UltraScale+")
    assert set(division.parts) == {"fc", "squared", "nn_delay_16_2", "nn_fifo_16_20_0", TOP}
    assert division.part_of == {
        "s_e1": "fc", "s_e2": "fc", "s_e3": "squared", "d_a": "nn_delay_16_2",
        "d_b": "nn_delay_16_2", "f0": "nn_fifo_16_20_0",
    }  # fmt: skip
    other = divide(demo("other_name"), "UltraScale+")
    for part in ("fc", "squared", "nn_delay_16_2", "nn_fifo_16_20_0"):
        assert other.parts[part].digest == division.parts[part].digest
    slower = divide(demo(), "7-series")
    assert slower.parts["fc"].digest != division.parts["fc"].digest


def test_a_part_needs_only_its_own_steps() -> None:
    parts = divide(demo(), "UltraScale+").parts
    assert "map_dsp" not in str(parts["fc"].files["synth.ys"])
    assert "lutrams" not in str(parts["fc"].files["synth.ys"])
    assert "-chparam WIDTH 16 -chparam LATENCY 2 -top unit" in str(
        parts["nn_delay_16_2"].files["synth.ys"]
    )


def test_wider_multipliers_are_black_boxes() -> None:
    project = demo()
    files = dict(project.files)
    text = str(files["rtl/demo_fc.v"]).replace(
        "out_data <= in_data", "out_data <= p[15:0] + in_data"
    )
    box = (
        "  wire [44:0] p;\n  nn_mult_27x18 m (\n    .clk(clk), .a(27'd3), .b(18'd5), .p(p)\n  );\n"
    )
    text = text.replace("  always", box + "  always")
    files |= {"rtl/demo_fc.v": text, "rtl/nn_mult_27x18.v": library_file("nn_mult_27x18.v")}
    part = divide(Project("demo", "yosys", "demo", files), "UltraScale+").parts["fc"]
    assert "read_verilog -lib boxes.v" in str(part.files["synth.ys"])
    assert "module nn_mult_27x18" not in str(part.files["unit.v"])


def tool_here() -> Tool:
    tool = BACKENDS["yosys"].find()
    if tool is None:
        pytest.skip("needs Yosys")
    return tool


def report_of(project: Project, folder: Path, tool: Tool) -> Report:
    project.write(folder)
    (command,) = BACKEND.commands(project, tool, Stage.LOGIC)
    outcome = run(command.argv, folder, timeout_s=300)
    assert outcome.status == "ok", outcome.log_tail[-2000:]
    return BACKEND.read_report(folder, tool, Stage.LOGIC)


@pytest.mark.slow
def test_parts_add_up_to_the_whole(tmp_path: Path) -> None:
    tool, project = tool_here(), demo()
    reports = {
        name: report_of(part, tmp_path / name, tool)
        for name, part in BACKEND.parts(project).items()
    }
    joined = BACKEND.join(project, tool, reports)
    whole = report_of(project, tmp_path / "whole", tool)
    for figure in ("ff", "dsp", "bram_18k", "uram", "lutram", "srl"):
        assert getattr(joined, figure) == getattr(whole, figure), figure
    # ABC sees other neighbours: some LUTs, and levels, more or less
    assert joined.lut == pytest.approx(whole.lut, rel=0.05)
    assert joined.dsp == 1
    assert joined.lutram
    assert joined.lutram % 4 == 0
    assert joined.critical_path_ns == pytest.approx(whole.critical_path_ns, rel=0.35)
    assert (joined.latency_cycles, joined.interval_cycles) == (7, 1)
    assert joined.stages["fc"].lut == joined.stages["more"].lut
    assert joined.stages["fifo"].lutram == joined.lutram
    assert joined.stages[BETWEEN].lut == 16  # the gates before d_a
    assert sum(s.ff or 0 for s in joined.stages.values()) == joined.ff
