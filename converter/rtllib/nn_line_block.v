// A delay line that moves on with ``go``, in block RAM: what goes in comes out LENGTH steps later.
// With each step the word for the next is read, so that none is read in the cycle in which it is
// written.
module nn_line_block #(
  parameter WIDTH = 1,
  parameter LENGTH = 2
) (
  input wire clk,
  input wire rst,
  input wire go,
  input wire [WIDTH-1:0] in_data,
  output reg [WIDTH-1:0] out_data
);
  localparam SLOT_WIDTH = $clog2(LENGTH);
  localparam LAST = LENGTH - 1;
  reg [SLOT_WIDTH-1:0] slot;
  wire [SLOT_WIDTH-1:0] next = slot == LAST[SLOT_WIDTH-1:0] ? {SLOT_WIDTH{1'b0}} : slot + 1'b1;
  always @(posedge clk)
    if (rst) slot <= 0;
    else if (go) slot <= next;

  (* ram_style = "block", syn_ramstyle = "block_ram", no_rw_check *)
  reg [WIDTH-1:0] words [0:LENGTH-1];
  always @(posedge clk)
    if (go) begin
      words[slot] <= in_data;
      out_data <= words[next];
    end
endmodule
