// Counts the steps of a product whose multipliers are shared over time.
//
// A valid input starts PASSES x STEPS steps in the next cycle. ``first`` and ``last`` mark
// the first and last step of each pass, ``done`` the last step of all. ``address`` counts all
// steps; it is the step, or the pass, where these do.
module nn_shared_control #(
  parameter STEPS = 2,
  parameter PASSES = 1,
  parameter STEP_WIDTH = 1,
  parameter PASS_WIDTH = 1,
  parameter ADDRESS_WIDTH = 1
) (
  input wire clk,
  input wire rst,
  input wire start,
  output wire [STEP_WIDTH-1:0] step,
  output wire [PASS_WIDTH-1:0] pass,
  output wire [ADDRESS_WIDTH-1:0] address,
  output wire first,
  output wire last,
  output wire done
);
  localparam LAST_STEP = STEPS - 1;
  localparam LAST_PASS = PASSES - 1;
  reg busy;
  wire at_end, at_last;
  assign last = busy && at_end;
  assign done = last && at_last;
  always @(posedge clk) begin
    if (rst) busy <= 1'b0;
    else busy <= start || (busy && !done);
  end
  generate
    if (STEPS == 1) begin : one_step
      assign step = 1'b0;
      assign first = 1'b1;
      assign at_end = 1'b1;
    end else begin : many_steps
      reg [STEP_WIDTH-1:0] steps;
      always @(posedge clk) steps <= start || at_end ? {STEP_WIDTH{1'b0}} : steps + 1'b1;
      assign step = steps;
      assign first = steps == 0;
      assign at_end = steps == LAST_STEP[STEP_WIDTH-1:0];
    end
    if (PASSES == 1) begin : one_pass
      assign pass = 1'b0;
      assign at_last = 1'b1;
      assign address = step;
    end else begin : many_passes
      reg [PASS_WIDTH-1:0] passes;
      always @(posedge clk)
        passes <= start ? {PASS_WIDTH{1'b0}} : at_end ? passes + 1'b1 : passes;
      assign pass = passes;
      assign at_last = passes == LAST_PASS[PASS_WIDTH-1:0];
      if (STEPS == 1) begin : by_pass
        assign address = passes;
      end else begin : by_both
        reg [ADDRESS_WIDTH-1:0] addresses;
        always @(posedge clk) addresses <= start ? {ADDRESS_WIDTH{1'b0}} : addresses + 1'b1;
        assign address = addresses;
      end
    end
  endgenerate
endmodule
