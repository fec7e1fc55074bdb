// The multiplier of one DSP58, its product registered. A module of its own, since open synthesis
// would spend several DSP blocks of 25x18 bits on the multiplication sign.
module nn_mult_27x24 (
  input wire clk,
  input wire signed [26:0] a,
  input wire signed [23:0] b,
  output reg signed [50:0] p
);
  always @(posedge clk) p <= a * b;
endmodule
