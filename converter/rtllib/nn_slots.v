// One beat out: FILL where ``blank``; else the one that is kept in a slot where ``kept``; else the
// one read before this step, where ``old``, or in it. It comes one cycle after its step, and two
// where the read of the slots is LATE; these are in block RAM with BLOCK, which is LATE.
//
// With ``read``, the beat read before goes to a slot where ``put``. No slot is taken in the cycle in
// which it is put.
module nn_slots #(
  parameter WIDTH = 1,
  parameter SLOTS = 0,
  parameter ADDRESS_WIDTH = 1,
  parameter LATE = 0,
  parameter BLOCK = 0,
  parameter [WIDTH-1:0] FILL = 0
) (
  input wire clk,
  input wire read,
  input wire [WIDTH-1:0] now,
  input wire blank,
  input wire old,
  input wire kept,
  input wire put,
  input wire [ADDRESS_WIDTH-1:0] put_at,
  input wire [ADDRESS_WIDTH-1:0] take_at,
  output reg [WIDTH-1:0] beat
);
  reg [WIDTH-1:0] held;
  always @(posedge clk) if (read) held <= now;
  wire [WIDTH-1:0] near = old ? held : now;
  wire store = read && put;
  generate
    if (SLOTS == 0) begin : none
      always @(posedge clk) beat <= blank ? FILL : near;
    end else if (SLOTS == 1) begin : single
      reg [WIDTH-1:0] word;
      always @(posedge clk) begin
        if (store) word <= held;
        beat <= blank ? FILL : kept ? word : near;
      end
    end else if (LATE == 0) begin : luts
      (* ram_style = "distributed" *)
      reg [WIDTH-1:0] words [0:SLOTS-1];
      always @(posedge clk) begin
        if (store) words[put_at] <= held;
        beat <= blank ? FILL : kept ? words[take_at] : near;
      end
    end else begin : late
      wire [WIDTH-1:0] word;
      nn_slots_memory #(
        .WIDTH(WIDTH), .SLOTS(SLOTS), .ADDRESS_WIDTH(ADDRESS_WIDTH), .BLOCK(BLOCK)
      ) memory (
        .clk(clk), .put(store), .put_at(put_at), .beat(held), .take_at(take_at), .word(word)
      );
      reg [WIDTH-1:0] near_then;
      reg kept_then, blank_then;
      always @(posedge clk) begin
        near_then <= near;
        kept_then <= kept;
        blank_then <= blank;
        beat <= blank_then ? FILL : kept_then ? word : near_then;
      end
    end
  endgenerate
endmodule

// Slots in a memory that is read into a register: block RAM, or in LUTs.
module nn_slots_memory #(
  parameter WIDTH = 1,
  parameter SLOTS = 2,
  parameter ADDRESS_WIDTH = 1,
  parameter BLOCK = 0
) (
  input wire clk,
  input wire put,
  input wire [ADDRESS_WIDTH-1:0] put_at,
  input wire [WIDTH-1:0] beat,
  input wire [ADDRESS_WIDTH-1:0] take_at,
  output reg [WIDTH-1:0] word
);
  generate
    if (BLOCK == 0) begin : luts
      (* ram_style = "distributed", no_rw_check *)
      reg [WIDTH-1:0] words [0:SLOTS-1];
      always @(posedge clk) begin
        if (put) words[put_at] <= beat;
        word <= words[take_at];
      end
    end else begin : block
      (* ram_style = "block", no_rw_check *)
      reg [WIDTH-1:0] words [0:SLOTS-1];
      always @(posedge clk) begin
        if (put) words[put_at] <= beat;
        word <= words[take_at];
      end
    end
  endgenerate
endmodule

// All slots at once, in registers.
module nn_slots_open #(
  parameter WIDTH = 1,
  parameter SLOTS = 1,
  parameter ADDRESS_WIDTH = 1
) (
  input wire clk,
  input wire put,
  input wire [ADDRESS_WIDTH-1:0] put_at,
  input wire [WIDTH-1:0] beat,
  output wire [WIDTH*SLOTS-1:0] words
);
  genvar i;
  generate
    for (i = 0; i < SLOTS; i = i + 1) begin : slots
      localparam [ADDRESS_WIDTH-1:0] HERE = i;
      reg [WIDTH-1:0] word;
      always @(posedge clk) if (put && put_at == HERE) word <= beat;
      assign words[i * WIDTH +: WIDTH] = word;
    end
  endgenerate
endmodule
