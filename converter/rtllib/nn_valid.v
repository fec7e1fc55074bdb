// The valid of a pipeline: in_valid, LATENCY cycles later.
module nn_valid #(
  parameter LATENCY = 1
) (
  input wire clk,
  input wire rst,
  input wire in_valid,
  output wire out_valid
);
  generate
    if (LATENCY == 0) begin : wiring
      assign out_valid = in_valid;
    end else if (LATENCY == 1) begin : single
      reg held;
      always @(posedge clk) held <= in_valid && !rst;
      assign out_valid = held;
    end else begin : pipeline
      reg [LATENCY-1:0] held;
      always @(posedge clk)
        held <= rst ? {LATENCY{1'b0}} : {held[LATENCY-2:0], in_valid};
      assign out_valid = held[LATENCY-1];
    end
  endgenerate
endmodule
