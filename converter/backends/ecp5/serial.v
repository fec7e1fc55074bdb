// Brings wide ports to a few pins, bit by bit, so that a design can be placed, routed and run
// on a device with fewer pins than its ports have bits. Every port of the design meets a register.

// A word, shifted in while ``enable`` is high; the bit that comes last is bit 0.
module nn_serial_in #(
  parameter WIDTH = 1
) (
  input wire clk,
  input wire enable,
  input wire in_bit,
  output reg [WIDTH-1:0] word
);
  wire [WIDTH:0] longer = {word, in_bit};
  always @(posedge clk) if (enable) word <= longer[WIDTH-1:0];
endmodule

// A word, kept in the cycle in which ``valid`` is high, and shifted out after it from the next
// cycle but one, bit WIDTH - 1 first. Each register of ``load`` serves CHUNK bits.
module nn_serial_out #(
  parameter WIDTH = 1,
  parameter CHUNK = 32
) (
  input wire clk,
  input wire valid,
  input wire [WIDTH-1:0] word,
  output wire out_bit
);
  localparam CHUNKS = (WIDTH + CHUNK - 1) / CHUNK;
  reg [WIDTH-1:0] held, shifted;
  (* keep *) reg [CHUNKS-1:0] load;
  wire [WIDTH:0] longer = {shifted, 1'b0};
  assign out_bit = shifted[WIDTH-1];
  integer i;
  always @(posedge clk) begin
    held <= word;
    load <= {CHUNKS{valid}};
    for (i = 0; i < WIDTH; i = i + 1) shifted[i] <= load[i/CHUNK] ? held[i] : longer[i];
  end
endmodule

// A beat for an AXI4-Stream, shifted in, and offered by ``offer`` in the cycle after its last bit;
// ``busy`` until it is taken.
module nn_stream_in #(
  parameter WIDTH = 1
) (
  input wire clk,
  input wire rst,
  input wire offer,
  input wire in_bit,
  output wire busy,
  output reg tvalid,
  input wire tready,
  output wire [WIDTH-1:0] tdata
);
  assign busy = tvalid;
  nn_serial_in #(.WIDTH(WIDTH)) data (
    .clk(clk), .enable(!tvalid && !offer), .in_bit(in_bit), .word(tdata)
  );
  always @(posedge clk)
    if (rst) tvalid <= 1'b0;
    else if (offer) tvalid <= 1'b1;
    else if (tready) tvalid <= 1'b0;
endmodule

// One beat of an AXI4-Stream, taken after ``take``, and shifted out, ``tlast`` first; ``taken``
// follows the beat by a cycle.
module nn_stream_out #(
  parameter WIDTH = 1
) (
  input wire clk,
  input wire rst,
  input wire take,
  output reg taken,
  output wire out_bit,
  input wire tvalid,
  output reg tready,
  input wire tlast,
  input wire [WIDTH-1:0] tdata
);
  wire moves = tvalid && tready;
  nn_serial_out #(.WIDTH(WIDTH + 1)) data (
    .clk(clk), .valid(moves), .word({tlast, tdata}), .out_bit(out_bit)
  );
  always @(posedge clk) begin
    taken <= moves;
    if (rst) tready <= 1'b0;
    else if (take) tready <= 1'b1;
    else if (moves) tready <= 1'b0;
  end
endmodule
