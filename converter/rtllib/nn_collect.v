// COUNT words that come one after the other, as one, the first at the least bits; in the cycle in
// which the last of them comes.
module nn_collect #(
  parameter WIDTH = 1,
  parameter COUNT = 1
) (
  input wire clk,
  input wire rst,
  input wire in_valid,
  input wire [WIDTH-1:0] in_data,
  output wire out_valid,
  output wire [WIDTH*COUNT-1:0] out_data
);
  generate
    if (COUNT == 1) begin : wiring
      assign out_valid = in_valid;
      assign out_data = in_data;
    end else begin : several
      localparam PLACE_WIDTH = $clog2(COUNT);
      localparam LAST = COUNT - 1;
      reg [WIDTH*(COUNT-1)-1:0] held;
      reg [PLACE_WIDTH-1:0] place;
      wire last = place == LAST[PLACE_WIDTH-1:0];
      assign out_valid = in_valid && last;
      assign out_data = {in_data, held};
      always @(posedge clk) begin
        if (in_valid) held <= out_data[WIDTH*COUNT-1:WIDTH];
        if (rst) place <= 0;
        else if (in_valid) place <= last ? {PLACE_WIDTH{1'b0}} : place + 1'b1;
      end
    end
  endgenerate
endmodule
