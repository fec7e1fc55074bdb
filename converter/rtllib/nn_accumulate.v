// An accumulator: start value plus addends since ``first``; the sum comes PIECES cycles later,
// WIDTH / CHUNK rounded up.
//
// In one piece, it has the form that DSP blocks hold. In several, each piece works a cycle after
// the one below, whose carry it takes.
module nn_accumulate #(
  parameter WIDTH = 16,
  parameter ADDEND_WIDTH = 8,
  parameter CHUNK = 16
) (
  input wire clk,
  input wire first,
  input wire signed [WIDTH-1:0] start,
  input wire signed [ADDEND_WIDTH-1:0] addend,
  output wire signed [WIDTH-1:0] sum
);
  localparam PIECES = (WIDTH + CHUNK - 1) / CHUNK;
  wire signed [WIDTH-1:0] extended;
  genvar p;
  generate
    if (ADDEND_WIDTH > WIDTH) begin : cut
      assign extended = addend[WIDTH-1:0];
    end else if (ADDEND_WIDTH == WIDTH) begin : equal
      assign extended = addend;
    end else begin : longer
      assign extended = {{(WIDTH-ADDEND_WIDTH){addend[ADDEND_WIDTH-1]}}, addend};
    end
    if (PIECES == 1) begin : whole
      reg signed [WIDTH-1:0] total;
      wire signed [WIDTH-1:0] base = first ? start : total;
      always @(posedge clk) total <= base + extended;
      assign sum = total;
    end else begin : several
      wire [PIECES:0] carry;
      assign carry[0] = 1'b0;
      for (p = 0; p < PIECES; p = p + 1) begin : pieces
        localparam LOW = p * CHUNK;
        localparam LENGTH = LOW + CHUNK <= WIDTH ? CHUNK : WIDTH - LOW;
        wire [LENGTH-1:0] addend_held, start_held;
        wire first_held;
        nn_delay #(.WIDTH(LENGTH), .LATENCY(p)) hold_addend (
          .clk(clk), .in_data(extended[LOW +: LENGTH]), .out_data(addend_held)
        );
        nn_delay #(.WIDTH(LENGTH), .LATENCY(p)) hold_start (
          .clk(clk), .in_data(start[LOW +: LENGTH]), .out_data(start_held)
        );
        nn_delay #(.WIDTH(1), .LATENCY(p)) hold_first (
          .clk(clk), .in_data(first), .out_data(first_held)
        );
        reg [LENGTH-1:0] total;
        reg carried;
        wire [LENGTH-1:0] base = first_held ? start_held : total;
        wire [LENGTH+1:0] next = {1'b0, base, 1'b1} + {1'b0, addend_held, carry[p]};
        always @(posedge clk) begin
          total <= next[LENGTH:1];
          carried <= next[LENGTH+1];
        end
        assign carry[p+1] = carried;
        nn_delay #(.WIDTH(LENGTH), .LATENCY(PIECES - 1 - p)) hold_sum (
          .clk(clk), .in_data(total), .out_data(sum[LOW +: LENGTH])
        );
      end
    end
  endgenerate
endmodule
