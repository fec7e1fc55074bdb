// Which of its STEPS a process is at; it goes on with ``go``, and after the last begins anew.
module nn_steps #(
  parameter STEPS = 2,
  parameter WIDTH = 1
) (
  input wire clk,
  input wire rst,
  input wire go,
  output reg [WIDTH-1:0] step,
  output wire first,
  output wire last
);
  localparam LAST = STEPS - 1;
  assign first = step == 0;
  assign last = step == LAST[WIDTH-1:0];
  always @(posedge clk)
    if (rst) step <= 0;
    else if (go) step <= last ? {WIDTH{1'b0}} : step + 1'b1;
endmodule
