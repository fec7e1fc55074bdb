// An accumulator: start value plus addends since ``first``. In the form that DSP blocks hold.
module nn_accumulate #(
  parameter WIDTH = 16,
  parameter ADDEND_WIDTH = 8
) (
  input wire clk,
  input wire first,
  input wire signed [WIDTH-1:0] start,
  input wire signed [ADDEND_WIDTH-1:0] addend,
  output reg signed [WIDTH-1:0] sum
);
  wire signed [WIDTH-1:0] base = first ? start : sum;
  wire signed [WIDTH-1:0] extended;
  generate
    if (ADDEND_WIDTH > WIDTH) begin : cut
      assign extended = addend[WIDTH-1:0];
    end else if (ADDEND_WIDTH == WIDTH) begin : equal
      assign extended = addend;
    end else begin : longer
      assign extended = {{(WIDTH-ADDEND_WIDTH){addend[ADDEND_WIDTH-1]}}, addend};
    end
  endgenerate
  always @(posedge clk) sum <= base + extended;
endmodule
