// Keeps windows apart: cycles to wait after one that is not the last of its row, after the last of
// a row, and after the last of a frame.
module nn_spacing #(
  parameter COLUMN = 1,
  parameter ROW = 0,
  parameter FRAME = 0,
  parameter WIDTH = 1
) (
  input wire clk,
  input wire rst,
  input wire window,
  input wire row_ends,
  input wire frame_ends,
  output wire free
);
  reg [WIDTH-1:0] left;
  wire [WIDTH-1:0] wait_row = frame_ends ? FRAME[WIDTH-1:0] : ROW[WIDTH-1:0];
  assign free = left == 0;
  always @(posedge clk)
    if (rst) left <= 0;
    else if (window) left <= row_ends ? wait_row : COLUMN[WIDTH-1:0];
    else if (!free) left <= left - 1'b1;
endmodule
