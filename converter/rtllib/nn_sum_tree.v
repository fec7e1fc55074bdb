// The sum of COUNT signed words by a balanced tree, a bit wider per level; bit l of REGISTERS
// puts a register behind level l.
module nn_sum_tree #(
  parameter COUNT = 2,
  parameter WIDTH = 8,
  parameter LEVELS = 1,
  parameter [LEVELS-1:0] REGISTERS = 1'b1
) (
  input wire clk,
  input wire [COUNT*WIDTH-1:0] words,
  output wire [WIDTH+LEVELS-1:0] sum
);
  localparam PAIRS = COUNT / 2;
  localparam NEXT = (COUNT + 1) / 2;
  wire [NEXT*(WIDTH+1)-1:0] sums, level;
  genvar i;
  generate
    for (i = 0; i < PAIRS; i = i + 1) begin : pairs
      wire [WIDTH-1:0] a = words[2*i*WIDTH +: WIDTH];
      wire [WIDTH-1:0] b = words[(2*i+1)*WIDTH +: WIDTH];
      assign sums[i*(WIDTH+1) +: WIDTH+1] = {a[WIDTH-1], a} + {b[WIDTH-1], b};
    end
    if (COUNT % 2 == 1) begin : odd
      assign sums[(NEXT-1)*(WIDTH+1) +: WIDTH+1] =
        {words[COUNT*WIDTH-1], words[(COUNT-1)*WIDTH +: WIDTH]};
    end
    if (REGISTERS[0]) begin : registered
      reg [NEXT*(WIDTH+1)-1:0] held;
      always @(posedge clk) held <= sums;
      assign level = held;
    end else begin : direct
      assign level = sums;
    end
    if (LEVELS == 1) begin : root
      assign sum = level;
    end else begin : upper
      nn_sum_tree #(
        .COUNT(NEXT), .WIDTH(WIDTH + 1), .LEVELS(LEVELS - 1), .REGISTERS(REGISTERS[LEVELS-1:1])
      ) rest (
        .clk(clk), .words(level), .sum(sum)
      );
    end
  endgenerate
endmodule
