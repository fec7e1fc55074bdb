// The largest of the words since ``first``, or their sum (SUM = 1), in the cycle after ``go``.
module nn_fold #(
  parameter IN_WIDTH = 8,
  parameter WIDTH = 8,
  parameter SIGNED = 1,
  parameter SUM = 0
) (
  input wire clk,
  input wire go,
  input wire first,
  input wire [IN_WIDTH-1:0] in_data,
  output reg [WIDTH-1:0] kept
);
  generate
    if (SUM) begin : added
      wire [WIDTH-1:0] extended;
      wire [WIDTH-1:0] base = first ? {WIDTH{1'b0}} : kept;
      if (WIDTH == IN_WIDTH) begin : equal
        assign extended = in_data;
      end else begin : longer
        wire top = SIGNED ? in_data[IN_WIDTH-1] : 1'b0;
        assign extended = {{(WIDTH-IN_WIDTH){top}}, in_data};
      end
      always @(posedge clk) if (go) kept <= base + extended;
    end else begin : largest
      wire larger;
      if (SIGNED) begin : with_sign
        assign larger = $signed(in_data) > $signed(kept);
      end else begin : without_sign
        assign larger = in_data > kept;
      end
      always @(posedge clk) if (go && (first || larger)) kept <= in_data;
    end
  endgenerate
endmodule
