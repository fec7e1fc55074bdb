// A FIFO that hands out its places: ``w_room`` tells that one is left, ``w_reserve`` takes it, and
// ``w_valid`` fills the one that was taken first, in the same cycle or any later one. So what is
// under way to it need never wait. A word is shown the cycle after it was written, and its place can
// be taken again the cycle after it was read: ``r_valid`` with ``r_ready``.
//
// The word shown is in a register; up to DEPTH - 1 others are in LUTs, or, with BLOCK, in block RAM.
module nn_fifo #(
  parameter WIDTH = 8,
  parameter DEPTH = 2,
  parameter BLOCK = 0
) (
  input wire clk,
  input wire rst,
  output wire w_room,
  input wire w_reserve,
  input wire w_valid,
  input wire [WIDTH-1:0] w_data,
  output wire r_valid,
  output wire [WIDTH-1:0] r_data,
  input wire r_ready
);
  reg shown;
  reg [WIDTH-1:0] head;
  assign r_valid = shown;
  assign r_data = head;
  wire take = r_ready && shown;
  nn_credits #(.PLACES(DEPTH)) credits (
    .clk(clk), .rst(rst), .reserve(w_reserve), .free(take), .room(w_room)
  );

  // What is written goes on to the head where nothing is before it.
  wire more;
  wire [WIDTH-1:0] front;
  wire next = take || !shown;
  always @(posedge clk) begin
    if (rst) shown <= 1'b0;
    else if (next) shown <= more || w_valid;
    if (next) head <= more ? front : w_data;
  end
  generate
    if (DEPTH == 1) begin : only_head
      assign more = 1'b0;
      assign front = w_data;
    end else begin : behind
      nn_fifo_store #(.WIDTH(WIDTH), .DEPTH(DEPTH - 1), .BLOCK(BLOCK)) store (
        .clk(clk), .rst(rst), .push(w_valid && (more || !next)), .w_data(w_data),
        .pop(next && more), .more(more), .front(front)
      );
    end
  endgenerate
endmodule

// Counts the places of a FIFO that are taken; ``room`` is a register.
module nn_credits #(
  parameter PLACES = 2
) (
  input wire clk,
  input wire rst,
  input wire reserve,
  input wire free,
  output reg room
);
  localparam WIDTH = $clog2(PLACES + 1);
  localparam LAST = PLACES - 1;
  reg [WIDTH-1:0] used;
  wire all = used == PLACES[WIDTH-1:0];
  wire nearly_all = used == LAST[WIDTH-1:0];
  always @(posedge clk)
    if (rst) begin
      used <= 0;
      room <= 1'b0;
    end else begin
      if (reserve != free) used <= reserve ? used + 1'b1 : used - 1'b1;
      room <= free || !(all || (nearly_all && reserve));
    end
endmodule

// Words in the order in which they are pushed; ``front`` is the first of them while there are
// ``more`` than none.
module nn_fifo_store #(
  parameter WIDTH = 8,
  parameter DEPTH = 1,
  parameter BLOCK = 0
) (
  input wire clk,
  input wire rst,
  input wire push,
  input wire [WIDTH-1:0] w_data,
  input wire pop,
  output reg more,
  output wire [WIDTH-1:0] front
);
  generate
    if (DEPTH == 1) begin : single
      reg [WIDTH-1:0] word;
      assign front = word;
      always @(posedge clk) begin
        if (rst) more <= 1'b0;
        else if (push != pop) more <= push;
        if (push) word <= w_data;
      end
    end else begin : several
      localparam ADDRESS_WIDTH = $clog2(DEPTH);
      localparam LAST = DEPTH - 1;
      reg [ADDRESS_WIDTH-1:0] w_at, r_at;
      wire [ADDRESS_WIDTH-1:0] w_after, r_after;
      if ((DEPTH & LAST) == 0) begin : round
        assign w_after = w_at + 1'b1;
        assign r_after = r_at + 1'b1;
      end else begin : wrapped
        localparam [ADDRESS_WIDTH-1:0] FIRST = 0;
        assign w_after = w_at == LAST[ADDRESS_WIDTH-1:0] ? FIRST : w_at + 1'b1;
        assign r_after = r_at == LAST[ADDRESS_WIDTH-1:0] ? FIRST : r_at + 1'b1;
      end
      wire only_one = r_after == w_at;
      always @(posedge clk)
        if (rst) begin
          w_at <= 0;
          r_at <= 0;
          more <= 1'b0;
        end else begin
          if (push) w_at <= w_after;
          if (pop) r_at <= r_after;
          if (push) more <= 1'b1;
          else if (pop) more <= !only_one;
        end
      if (BLOCK == 0) begin : distributed
        (* ram_style = "distributed", syn_ramstyle = "distributed" *)
        reg [WIDTH-1:0] words [0:DEPTH-1];
        always @(posedge clk) if (push) words[w_at] <= w_data;
        assign front = words[r_at];
      end else begin : block
        // The memory is read a word ahead; what it cannot give yet waits in a register beside it.
        (* ram_style = "block", syn_ramstyle = "block_ram" *)
        reg [WIDTH-1:0] words [0:DEPTH-1];
        reg [WIDTH-1:0] ahead, beside;
        reg is_beside;
        assign front = is_beside ? beside : ahead;
        wire first = push && (!more || (pop && only_one));
        always @(posedge clk) begin
          if (push) words[w_at] <= w_data;
          if (pop) ahead <= words[r_after];
          if (first) beside <= w_data;
          if (first || pop) is_beside <= first;
        end
      end
    end
  endgenerate
endmodule
