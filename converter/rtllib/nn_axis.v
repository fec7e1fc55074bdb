// One axis of the padded tensor that a sliding window goes through step by step.
//
// The steps BEFORE .. BEFORE + SIZE - 1 are in the tensor itself, which ``begins`` there. Windows
// end at SPAN - 1 and every STRIDE steps from there, the last of them at LAST_END. ``go`` moves on,
// and after the last of STEPS begins anew. What is told of a step is in registers.
module nn_axis #(
  parameter STEPS = 1,
  parameter BEFORE = 0,
  parameter SIZE = 1,
  parameter SPAN = 1,
  parameter STRIDE = 1,
  parameter LAST_END = 0
) (
  input wire clk,
  input wire rst,
  input wire go,
  output wire first,
  output wire there,
  output wire begins,
  output wire ends,
  output wire last_end,
  output wire last
);
  generate
    if (STEPS == 1) begin : single
      assign first = 1'b1;
      assign there = 1'b1;
      assign begins = 1'b1;
      assign ends = 1'b1;
      assign last_end = 1'b1;
      assign last = 1'b1;
    end else begin : several
      localparam WIDTH = $clog2(STEPS);
      localparam LAST = STEPS - 1;
      reg [WIDTH-1:0] at;
      always @(posedge clk)
        if (rst) at <= 0;
        else if (go) at <= last ? {WIDTH{1'b0}} : at + 1'b1;
      nn_mark #(.WIDTH(WIDTH), .STEP(LAST)) mark_last (
        .clk(clk), .rst(rst), .go(go), .at(at), .last(last), .marked(last)
      );
      nn_mark #(.WIDTH(WIDTH), .STEP(0)) mark_first (
        .clk(clk), .rst(rst), .go(go), .at(at), .last(last), .marked(first)
      );
      if (BEFORE == 0) begin : begins_first
        assign begins = first;
      end else if (BEFORE == LAST) begin : begins_last
        assign begins = last;
      end else begin : begins_later
        nn_mark #(.WIDTH(WIDTH), .STEP(BEFORE)) mark_begin (
          .clk(clk), .rst(rst), .go(go), .at(at), .last(last), .marked(begins)
        );
      end
      if (LAST_END == LAST) begin : ends_last
        assign last_end = last;
      end else if (LAST_END == BEFORE) begin : ends_where_it_begins
        assign last_end = begins;
      end else if (LAST_END == 0) begin : ends_first
        assign last_end = first;
      end else begin : ends_before
        nn_mark #(.WIDTH(WIDTH), .STEP(LAST_END)) mark_end (
          .clk(clk), .rst(rst), .go(go), .at(at), .last(last), .marked(last_end)
        );
      end

      localparam AFTER = BEFORE + SIZE;
      if (BEFORE == 0 && AFTER == STEPS) begin : everywhere
        assign there = 1'b1;
      end else begin : padded
        localparam PREVIOUS = BEFORE - 1;
        localparam FINAL = AFTER - 1;
        wire begins_next = BEFORE == 0 ? last : at == PREVIOUS[WIDTH-1:0];
        wire over = AFTER == STEPS ? last : at == FINAL[WIDTH-1:0];
        reg within_tensor;
        assign there = within_tensor;
        always @(posedge clk)
          if (rst) within_tensor <= BEFORE == 0;
          else if (go) within_tensor <= begins_next || (within_tensor && !over);
      end

      localparam FIRST_END = SPAN - 1;
      if (STRIDE == 1 && SPAN == 1) begin : each
        assign ends = 1'b1;
      end else if (STRIDE == 1) begin : from_there
        localparam PREVIOUS_END = SPAN - 2;
        reg window_ends;
        assign ends = window_ends;
        always @(posedge clk)
          if (rst) window_ends <= 1'b0;
          else if (go)
            window_ends <= at == PREVIOUS_END[WIDTH-1:0] || (window_ends && !last);
      end else begin : counted
        localparam MOST = SPAN > STRIDE ? SPAN : STRIDE;
        localparam LEFT_WIDTH = $clog2(MOST);
        localparam NEXT_END = STRIDE - 1;
        reg [LEFT_WIDTH-1:0] left;
        reg window_ends;
        assign ends = window_ends;
        always @(posedge clk)
          if (rst || (go && last)) begin
            left <= FIRST_END[LEFT_WIDTH-1:0];
            window_ends <= SPAN == 1;
          end else if (go) begin
            left <= ends ? NEXT_END[LEFT_WIDTH-1:0] : left - 1'b1;
            window_ends <= !ends && left == 1;
          end
      end
    end
  endgenerate
endmodule

// High in the step STEP of a counter ``at`` that moves on with ``go``.
module nn_mark #(
  parameter WIDTH = 1,
  parameter STEP = 0
) (
  input wire clk,
  input wire rst,
  input wire go,
  input wire [WIDTH-1:0] at,
  input wire last,
  output reg marked
);
  localparam PREVIOUS = STEP - 1;
  always @(posedge clk)
    if (rst) marked <= STEP == 0;
    else if (go) marked <= STEP == 0 ? last : at == PREVIOUS[WIDTH-1:0];
endmodule
