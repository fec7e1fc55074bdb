// The multiplier of one DSP48E2, its product registered. A module of its own, since open synthesis
// would spend two DSP blocks of 25x18 bits on the multiplication sign.
module nn_mult_27x18 (
  input wire clk,
  input wire signed [26:0] a,
  input wire signed [17:0] b,
  output reg signed [44:0] p
);
  always @(posedge clk) p <= a * b;
endmodule
