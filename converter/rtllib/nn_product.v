// A signed product, CYCLES registers later.
//
// DSP = 1 leaves it to a DSP block. DSP = 0 sums the shifted rows in LUTs, without a
// multiplication sign that a tool might put into a DSP block; the narrower operand,
// of at most four bits, selects the rows.
module nn_product #(
  parameter A_WIDTH = 8,
  parameter B_WIDTH = 8,
  parameter CYCLES = 1,
  parameter DSP = 1
) (
  input wire clk,
  input wire signed [A_WIDTH-1:0] a,
  input wire signed [B_WIDTH-1:0] b,
  output wire signed [A_WIDTH+B_WIDTH-1:0] product
);
  localparam WIDTH = A_WIDTH + B_WIDTH;
  generate
    if (DSP) begin : block
      reg signed [WIDTH-1:0] result;
      always @(posedge clk) result <= a * b;
      if (CYCLES == 1) begin : single
        assign product = result;
      end else begin : double
        reg signed [WIDTH-1:0] held;
        always @(posedge clk) held <= result;
        assign product = held;
      end
    end else if (A_WIDTH < B_WIDTH) begin : swapped
      nn_product_rows #(.A_WIDTH(B_WIDTH), .B_WIDTH(A_WIDTH), .CYCLES(CYCLES)) rows (
        .clk(clk), .a(b), .b(a), .product(product)
      );
    end else begin : straight
      nn_product_rows #(.A_WIDTH(A_WIDTH), .B_WIDTH(B_WIDTH), .CYCLES(CYCLES)) rows (
        .clk(clk), .a(a), .b(b), .product(product)
      );
    end
  endgenerate
endmodule

// The sum of a's rows that b selects; the row of b's sign is subtracted.
module nn_product_rows #(
  parameter A_WIDTH = 8,
  parameter B_WIDTH = 4,
  parameter CYCLES = 1
) (
  input wire clk,
  input wire signed [A_WIDTH-1:0] a,
  input wire signed [B_WIDTH-1:0] b,
  output wire signed [A_WIDTH+B_WIDTH-1:0] product
);
  localparam WIDTH = A_WIDTH + B_WIDTH;
  wire signed [WIDTH-1:0] wide = {{B_WIDTH{a[A_WIDTH-1]}}, a};
  wire [WIDTH-1:0] sign_row = b[B_WIDTH-1] ? wide <<< (B_WIDTH - 1) : {WIDTH{1'b0}};
  wire [WIDTH-1:0] low, high;
  reg [WIDTH-1:0] result;
  assign product = result;
  generate
    if (B_WIDTH == 1) begin : one
      assign low = {WIDTH{1'b0}};
    end else if (B_WIDTH == 2) begin : two
      assign low = b[0] ? wide : {WIDTH{1'b0}};
    end else begin : more
      assign low = (b[0] ? wide : {WIDTH{1'b0}}) + (b[1] ? wide <<< 1 : {WIDTH{1'b0}});
    end
    if (B_WIDTH == 4) begin : four
      assign high = (b[2] ? wide <<< 2 : {WIDTH{1'b0}}) - sign_row;
    end else begin : fewer
      assign high = {WIDTH{1'b0}} - sign_row;
    end
    if (CYCLES == 1) begin : single
      always @(posedge clk) result <= low + high;
    end else begin : double
      reg [WIDTH-1:0] low_held, high_held;
      always @(posedge clk) begin
        low_held <= low;
        high_held <= high;
        result <= low_held + high_held;
      end
    end
  endgenerate
endmodule
