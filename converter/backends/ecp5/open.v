// The last cell of a carry chain with its carry out marked as open, as nextpnr needs to be told:
// it takes any net there, even one that nobody reads, for a carry that leaves the chain.

(* techmap_celltype = "CCU2C" *)
module nn_open_carry (CIN, A0, B0, C0, D0, A1, B1, C1, D1, S0, S1);
  parameter INIT0 = 0, INIT1 = 0, INJECT1_0 = "", INJECT1_1 = "";
  input CIN, A0, B0, C0, D0, A1, B1, C1, D1;
  output S0, S1;
  CCU2C #(
    .INIT0(INIT0), .INIT1(INIT1), .INJECT1_0(INJECT1_0), .INJECT1_1(INJECT1_1)
  ) _TECHMAP_REPLACE_ (
    .CIN(CIN), .A0(A0), .B0(B0), .C0(C0), .D0(D0), .A1(A1), .B1(B1), .C1(C1), .D1(D1),
    .S0(S0), .S1(S1), .COUT(1'bx)
  );
endmodule
