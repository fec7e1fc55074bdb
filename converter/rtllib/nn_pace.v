// When a process that maps beats takes its steps: in a cycle in which it is ``able`` to, at most one
// every INTERVAL cycles.
module nn_pace #(
  parameter INTERVAL = 1
) (
  input wire clk,
  input wire rst,
  input wire able,
  output wire go
);
  generate
    if (INTERVAL == 1) begin : always_free
      assign go = able;
    end else begin : counted
      localparam WIDTH = $clog2(INTERVAL);
      localparam LAST = INTERVAL - 1;
      reg [WIDTH-1:0] left;
      wire free = left == 0;
      assign go = able && free;
      always @(posedge clk)
        if (rst) left <= 0;
        else if (free) left <= go ? LAST[WIDTH-1:0] : {WIDTH{1'b0}};
        else left <= left - 1'b1;
    end
  endgenerate
endmodule
