// Counts the steps of a product whose multipliers are shared over time.
//
// A valid input starts GROUPS x STEPS steps in the next cycle. ``first`` and ``last`` mark
// the first and last step of each group, ``done`` the last step of all.
module nn_shared_control #(
  parameter STEPS = 2,
  parameter GROUPS = 1,
  parameter STEP_WIDTH = 1,
  parameter GROUP_WIDTH = 1,
  parameter ADDRESS_WIDTH = 1
) (
  input wire clk,
  input wire rst,
  input wire start,
  output reg [STEP_WIDTH-1:0] step,
  output reg [GROUP_WIDTH-1:0] group,
  output reg [ADDRESS_WIDTH-1:0] address,
  output wire first,
  output wire last,
  output wire done
);
  localparam LAST_STEP = STEPS - 1;
  localparam LAST_GROUP = GROUPS - 1;
  reg busy;
  wire at_end = step == LAST_STEP[STEP_WIDTH-1:0];
  assign first = step == 0;
  assign last = busy && at_end;
  assign done = last && group == LAST_GROUP[GROUP_WIDTH-1:0];
  always @(posedge clk) begin
    if (rst) busy <= 1'b0;
    else busy <= start || (busy && !done);
    if (start) begin
      step <= 0;
      group <= 0;
      address <= 0;
    end else begin
      step <= at_end ? {STEP_WIDTH{1'b0}} : step + 1'b1;
      group <= at_end ? group + 1'b1 : group;
      address <= address + 1'b1;
    end
  end
endmodule
