// A delay line that moves on with ``go``, in a memory in LUTs: what goes in comes out LENGTH steps
// later.
module nn_line_luts #(
  parameter WIDTH = 1,
  parameter LENGTH = 2
) (
  input wire clk,
  input wire rst,
  input wire go,
  input wire [WIDTH-1:0] in_data,
  output wire [WIDTH-1:0] out_data
);
  localparam SLOT_WIDTH = $clog2(LENGTH);
  localparam LAST = LENGTH - 1;
  reg [SLOT_WIDTH-1:0] slot;
  always @(posedge clk)
    if (rst) slot <= 0;
    else if (go)
      slot <= slot == LAST[SLOT_WIDTH-1:0] ? {SLOT_WIDTH{1'b0}} : slot + 1'b1;

  (* ram_style = "distributed", syn_ramstyle = "distributed" *)
  reg [WIDTH-1:0] words [0:LENGTH-1];
  assign out_data = words[slot];
  always @(posedge clk) if (go) words[slot] <= in_data;
endmodule
