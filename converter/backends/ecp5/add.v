// Additions and subtractions as carry chains of an ECP5, tighter than Yosys' own map: the carry
// that goes in has the first half of the first cell, where place and route would put a cell of
// its own before the chain, and none goes out, for which it would put another one behind.
// Those of up to SHORTEST bits are left to the LUTs. The last cell is marked, for open.v.

(* techmap_celltype = "$add $sub" *)
module nn_carry_chain (A, B, Y);
  parameter A_SIGNED = 0, B_SIGNED = 0, A_WIDTH = 1, B_WIDTH = 1, Y_WIDTH = 1;
  parameter _TECHMAP_CELLTYPE_ = "";
  input [A_WIDTH-1:0] A;
  input [B_WIDTH-1:0] B;
  output [Y_WIDTH-1:0] Y;

  wire _TECHMAP_FAIL_ = Y_WIDTH <= `SHORTEST;

  localparam SUBTRACT = _TECHMAP_CELLTYPE_ == "$sub";
  localparam [15:0] SUM = SUBTRACT ? 16'h999a : 16'h666a;  // A xor B, or its inverse; carry A
  localparam [15:0] START = 16'h000a;                      // no sum; carry A
  localparam CELLS = Y_WIDTH / 2 + 1;

  wire [Y_WIDTH-1:0] wide_a, wide_b;
  \$pos #(.A_SIGNED(A_SIGNED), .A_WIDTH(A_WIDTH), .Y_WIDTH(Y_WIDTH)) extend_a (.A(A), .Y(wide_a));
  \$pos #(.A_SIGNED(B_SIGNED), .A_WIDTH(B_WIDTH), .Y_WIDTH(Y_WIDTH)) extend_b (.A(B), .Y(wide_b));

  // bit i of the sum is at i + 1, behind the carry in; the last half may have no bit
  wire [2*CELLS-1:0] a = {1'b0, wide_a, SUBTRACT ? 1'b1 : 1'b0};
  wire [2*CELLS-1:0] b = {1'b0, wide_b, 1'b0};
  wire [2*CELLS-1:0] s;
  wire [CELLS-1:0] carry;
  assign Y = s[Y_WIDTH:1];

  genvar i;
  generate
    for (i = 0; i < CELLS; i = i + 1) begin : chain
      if (i < CELLS - 1) begin : further
        CCU2C #(
          .INIT0(i == 0 ? START : SUM), .INIT1(SUM), .INJECT1_0("NO"), .INJECT1_1("NO")
        ) cell_i (
          .CIN(i == 0 ? 1'bx : carry[i-1]), .COUT(carry[i]),
          .A0(a[2*i]), .B0(b[2*i]), .C0(1'b1), .D0(1'b1), .S0(s[2*i]),
          .A1(a[2*i+1]), .B1(b[2*i+1]), .C1(1'b1), .D1(1'b1), .S1(s[2*i+1])
        );
      end else begin : last
        (* nn_last *) CCU2C #(
          .INIT0(SUM), .INIT1(SUM), .INJECT1_0("NO"), .INJECT1_1("NO")
        ) cell_i (
          .CIN(carry[i-1]),
          .A0(a[2*i]), .B0(b[2*i]), .C0(1'b1), .D0(1'b1), .S0(s[2*i]),
          .A1(a[2*i+1]), .B1(b[2*i+1]), .C1(1'b1), .D1(1'b1), .S1(s[2*i+1])
        );
      end
    end
  endgenerate
endmodule
