"""What is read from the Verilog that this converter prints."""

from __future__ import annotations

from converter.backends.yosys.scripts import Memories, needs
from converter.backends.yosys.verilog import closure, instances, modules, renamed, stub
from converter.rtl.module import library_file

TOP = """\
// a stage, and nn_other in words
module net (
  input wire clk
);
  net_fc s_e1 (
    .clk(clk)
  );
  nn_delay #(.WIDTH(66), .LATENCY(3)) d_e2 (
    .clk(clk), .in_data(e1), .out_data(e2)
  );
endmodule
"""
FC = """\
module net_fc (
  input wire clk
);
  net_fc_lane lane (
    .clk(clk)
  );
endmodule

module net_fc_lane (
  input wire clk
);
endmodule
"""


def known() -> dict[str, str]:
    return modules([TOP, FC, library_file("nn_delay.v")])


def test_instances_with_their_parameters() -> None:
    found = instances(known()["net"], known())
    assert [(i.name, i.module, dict(i.parameters)) for i in found] == [
        ("s_e1", "net_fc", {}),
        ("d_e2", "nn_delay", {"WIDTH": "66", "LATENCY": "3"}),
    ]


def test_what_is_below_a_module() -> None:
    assert closure(known(), "net_fc") == ["net_fc", "net_fc_lane"]
    assert set(closure(known(), "net")) == {"net", "net_fc", "net_fc_lane", "nn_delay"}


def test_modules_are_renamed_and_ports_of_the_same_name_are_not() -> None:
    text = (
        "module in_data (\n  input wire in_data\n);\n  in_data_lane lane (\n    .in_data(in_data)\n"
    )
    names = {"in_data": "unit", "in_data_lane": "unit_lane"}
    assert renamed(text, names) == (
        "module unit (\n  input wire in_data\n);\n  unit_lane lane (\n    .in_data(in_data)\n"
    )


def test_a_stub_has_the_widths_of_the_instance() -> None:
    text = stub(known()["nn_delay"], "box0", {"WIDTH": "66", "LATENCY": "3"})
    assert text.startswith("module box0 #(\n  parameter WIDTH = 66,\n  parameter LATENCY = 3\n)")
    assert "output wire [WIDTH-1:0] out_data\n);\nendmodule\n" in text


def test_needs_of_the_library() -> None:
    def of(name: str) -> tuple[bool, Memories]:
        found = needs(modules([library_file(name)]).values())
        return found.multipliers, found.memories

    assert of("nn_valid.v") == (False, Memories.NONE)
    assert of("nn_select.v") == (False, Memories.NONE)
    assert of("nn_accumulate.v") == (False, Memories.NONE)
    assert of("nn_mult_27x18.v") == (True, Memories.NONE)
    assert of("nn_fifo.v")[1] is Memories.BLOCK_RAM
    assert of("nn_line_shift.v")[1] is Memories.NONE
    assert of("nn_line_luts.v")[1] is Memories.LUT_RAM
    assert of("nn_line_block.v")[1] is Memories.BLOCK_RAM


def test_small_tables_need_no_memory_cells() -> None:
    table = '(* rom_style = "logic" *)\n  reg [7:0] words [0:15];\n'
    assert needs([table]).memories is Memories.SMALL_ROM
    assert needs(["  reg [7:0] words [0:15];\n"]).memories is Memories.LUT_RAM
