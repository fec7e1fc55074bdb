// Counts the partitions of a frame: one every INTERVAL cycles from the cycle after ``start`` on.
//
// ``take`` marks the cycle of a partition, ``column`` its place in a row of COLUMNS of them, and
// ``turn`` the last of a row. The next ``start`` may come with the last partition's ``take``.
module nn_partitions #(
  parameter COLUMNS = 2,
  parameter ROWS = 1,
  parameter INTERVAL = 1,
  parameter COLUMN_WIDTH = 1
) (
  input wire clk,
  input wire rst,
  input wire start,
  output wire take,
  output wire turn,
  output reg [COLUMN_WIDTH-1:0] column
);
  localparam LAST_COLUMN = COLUMNS - 1;
  reg busy;
  wire free, last_row;
  assign take = busy && free;
  assign turn = column == LAST_COLUMN[COLUMN_WIDTH-1:0];
  always @(posedge clk) begin
    if (rst) busy <= 1'b0;
    else busy <= start || (busy && !(take && turn && last_row));
    if (start) column <= 0;
    else if (take) column <= turn ? {COLUMN_WIDTH{1'b0}} : column + 1'b1;
  end
  generate
    if (ROWS == 1) begin : one_row
      assign last_row = 1'b1;
    end else begin : many_rows
      localparam ROW_WIDTH = $clog2(ROWS);
      localparam LAST_ROW = ROWS - 1;
      reg [ROW_WIDTH-1:0] row;
      assign last_row = row == LAST_ROW[ROW_WIDTH-1:0];
      always @(posedge clk)
        if (start) row <= 0;
        else if (take && turn) row <= row + 1'b1;
    end
    if (INTERVAL == 1) begin : every_cycle
      assign free = 1'b1;
    end else begin : paced
      localparam LEFT_WIDTH = $clog2(INTERVAL);
      localparam MOST_LEFT = INTERVAL - 1;
      reg [LEFT_WIDTH-1:0] left;
      assign free = left == 0;
      always @(posedge clk)
        if (start) left <= 0;
        else left <= free ? MOST_LEFT[LEFT_WIDTH-1:0] : left - 1'b1;
    end
  endgenerate
endmodule
