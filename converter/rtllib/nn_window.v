// The registers of a window: ROWS x SPAN pixels that move on by a column with ``go``; the new one
// comes in last. Row i, column j is word i * SPAN + j.
module nn_window #(
  parameter WIDTH = 1,
  parameter ROWS = 1,
  parameter SPAN = 1
) (
  input wire clk,
  input wire go,
  input wire [WIDTH*ROWS-1:0] column,
  output wire [WIDTH*ROWS*SPAN-1:0] seen
);
  genvar i;
  generate
    for (i = 0; i < ROWS; i = i + 1) begin : rows
      reg [WIDTH*SPAN-1:0] held;
      assign seen[i*WIDTH*SPAN +: WIDTH*SPAN] = held;
      if (SPAN == 1) begin : single
        always @(posedge clk) if (go) held <= column[i*WIDTH +: WIDTH];
      end else begin : several
        always @(posedge clk)
          if (go) held <= {column[i*WIDTH +: WIDTH], held[WIDTH*SPAN-1:WIDTH]};
      end
    end
  endgenerate
endmodule
