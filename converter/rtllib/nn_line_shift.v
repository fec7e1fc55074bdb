// A delay line that moves on with ``go``, in shift registers: what goes in comes out LENGTH steps
// later.
module nn_line_shift #(
  parameter WIDTH = 1,
  parameter LENGTH = 1
) (
  input wire clk,
  input wire rst,
  input wire go,
  input wire [WIDTH-1:0] in_data,
  output wire [WIDTH-1:0] out_data
);
  reg [WIDTH*LENGTH-1:0] held;
  assign out_data = held[WIDTH*(LENGTH-1) +: WIDTH];
  generate
    if (LENGTH == 1) begin : single
      always @(posedge clk) if (go) held <= in_data;
    end else begin : several
      always @(posedge clk) if (go) held <= {held[WIDTH*(LENGTH-1)-1:0], in_data};
    end
  endgenerate
endmodule
