// One of COUNT words, by a balanced tree of two-way selections; word 0 is at the least bits.
module nn_select #(
  parameter WIDTH = 1,
  parameter COUNT = 2,
  parameter INDEX_WIDTH = 1
) (
  input wire [WIDTH*COUNT-1:0] words,
  input wire [INDEX_WIDTH-1:0] index,
  output wire [WIDTH-1:0] word
);
  // the largest power of two below COUNT
  localparam HALF = COUNT > 1 ? 1 << ($clog2(COUNT) - 1) : 1;
  localparam TOP = COUNT > 1 ? $clog2(COUNT) - 1 : 0;
  generate
    if (COUNT == 1) begin : only
      assign word = words;
    end else begin : tree
      wire [WIDTH-1:0] low, high;
      nn_select #(.WIDTH(WIDTH), .COUNT(HALF), .INDEX_WIDTH(INDEX_WIDTH)) lower (
        .words(words[WIDTH*HALF-1:0]), .index(index), .word(low)
      );
      nn_select #(.WIDTH(WIDTH), .COUNT(COUNT - HALF), .INDEX_WIDTH(INDEX_WIDTH)) upper (
        .words(words[WIDTH*COUNT-1:WIDTH*HALF]), .index(index), .word(high)
      );
      assign word = index[TOP] ? high : low;
    end
  endgenerate
endmodule

// The same in two cycles, registered after each: within groups by the low bits of the index,
// then among groups by the high bits.
module nn_select_twice #(
  parameter WIDTH = 1,
  parameter COUNT = 4,
  parameter INDEX_WIDTH = 2
) (
  input wire clk,
  input wire [WIDTH*COUNT-1:0] words,
  input wire [INDEX_WIDTH-1:0] index,
  output reg [WIDTH-1:0] word
);
  localparam LOW = (INDEX_WIDTH + 1) / 2;
  localparam SIZE = 1 << LOW;
  localparam GROUPS = (COUNT + SIZE - 1) / SIZE;
  reg [WIDTH*GROUPS-1:0] held;
  reg [INDEX_WIDTH-1:0] held_index;
  wire [WIDTH-1:0] chosen;
  always @(posedge clk) begin
    held_index <= index >> LOW;
    word <= chosen;
  end
  nn_select #(.WIDTH(WIDTH), .COUNT(GROUPS), .INDEX_WIDTH(INDEX_WIDTH)) outer (
    .words(held), .index(held_index), .word(chosen)
  );
  genvar g;
  generate
    for (g = 0; g < GROUPS; g = g + 1) begin : groups
      localparam MEMBERS = (g + 1) * SIZE <= COUNT ? SIZE : COUNT - g * SIZE;
      wire [WIDTH-1:0] member;
      nn_select #(.WIDTH(WIDTH), .COUNT(MEMBERS), .INDEX_WIDTH(INDEX_WIDTH)) inner (
        .words(words[WIDTH*SIZE*g +: WIDTH*MEMBERS]), .index(index), .word(member)
      );
      always @(posedge clk) held[WIDTH*g +: WIDTH] <= member;
    end
  endgenerate
endmodule

// The same in CYCLES cycles, registered after each: LOW bits of the index at a time, the least
// ones first.
module nn_select_steps #(
  parameter WIDTH = 1,
  parameter COUNT = 4,
  parameter INDEX_WIDTH = 2,
  parameter CYCLES = 1,
  parameter LOW = 1
) (
  input wire clk,
  input wire [WIDTH*COUNT-1:0] words,
  input wire [INDEX_WIDTH-1:0] index,
  output wire [WIDTH-1:0] word
);
  localparam SIZE = 1 << LOW;
  localparam GROUPS = (COUNT + SIZE - 1) / SIZE;
  genvar g;
  generate
    if (CYCLES == 1) begin : last
      wire [WIDTH-1:0] chosen;
      reg [WIDTH-1:0] held;
      nn_select #(.WIDTH(WIDTH), .COUNT(COUNT), .INDEX_WIDTH(INDEX_WIDTH)) choose (
        .words(words), .index(index), .word(chosen)
      );
      always @(posedge clk) held <= chosen;
      assign word = held;
    end else begin : more
      reg [WIDTH*GROUPS-1:0] held;
      reg [INDEX_WIDTH-1:0] held_index;
      always @(posedge clk) held_index <= index >> LOW;
      for (g = 0; g < GROUPS; g = g + 1) begin : groups
        localparam MEMBERS = (g + 1) * SIZE <= COUNT ? SIZE : COUNT - g * SIZE;
        wire [WIDTH-1:0] member;
        nn_select #(.WIDTH(WIDTH), .COUNT(MEMBERS), .INDEX_WIDTH(INDEX_WIDTH)) inner (
          .words(words[WIDTH*SIZE*g +: WIDTH*MEMBERS]), .index(index), .word(member)
        );
        always @(posedge clk) held[WIDTH*g +: WIDTH] <= member;
      end
      nn_select_steps #(
        .WIDTH(WIDTH), .COUNT(GROUPS), .INDEX_WIDTH(INDEX_WIDTH), .CYCLES(CYCLES - 1), .LOW(LOW)
      ) rest (
        .clk(clk), .words(held), .index(held_index), .word(word)
      );
    end
  endgenerate
endmodule
