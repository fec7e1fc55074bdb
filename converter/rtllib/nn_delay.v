// A word, LATENCY cycles later; no reset, so that long delays become shift registers.
module nn_delay #(
  parameter WIDTH = 1,
  parameter LATENCY = 1
) (
  input wire clk,
  input wire [WIDTH-1:0] in_data,
  output wire [WIDTH-1:0] out_data
);
  generate
    if (LATENCY == 0) begin : wiring
      assign out_data = in_data;
    end else begin : pipeline
      reg [WIDTH*LATENCY-1:0] held;
      if (LATENCY == 1) begin : single
        always @(posedge clk) held <= in_data;
      end else begin : several
        always @(posedge clk) held <= {held[WIDTH*(LATENCY-1)-1:0], in_data};
      end
      assign out_data = held[WIDTH*(LATENCY-1) +: WIDTH];
    end
  endgenerate
endmodule
