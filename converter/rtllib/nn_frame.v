// A frame of PIXELS words that moves on under windows which stand still: captured by ``load``, and
// with ``take`` moved on by STEP pixels, or with ``turn``, too, by TURN. Pixel 0 is at the least
// bits. Pixels without a bit in KEPT are always ``outside``; what would come from behind the end is
// never seen.
module nn_frame #(
  parameter WIDTH = 1,
  parameter PIXELS = 2,
  parameter STEP = 1,
  parameter TURN = 1,
  parameter [PIXELS-1:0] KEPT = {PIXELS{1'b1}}
) (
  input wire clk,
  input wire load,
  input wire take,
  input wire turn,
  input wire [WIDTH-1:0] outside,
  input wire [WIDTH*PIXELS-1:0] pixels,
  output wire [WIDTH*PIXELS-1:0] frame
);
  genvar p;
  generate
    for (p = 0; p < PIXELS; p = p + 1) begin : places
      // pixels read each other by name: event-driven simulators are slow where one bus is read
      // and written in a thousand places
      wire [WIDTH-1:0] word;
      assign frame[p*WIDTH +: WIDTH] = word;
      if (!KEPT[p]) begin : constant
        assign word = outside;
      end else begin : kept
        reg [WIDTH-1:0] held;
        wire [WIDTH-1:0] captured = pixels[p*WIDTH +: WIDTH];
        assign word = held;
        if (p + STEP >= PIXELS && p + TURN >= PIXELS) begin : at_the_end
          always @(posedge clk) if (load) held <= captured;
        end else begin : moving
          wire [WIDTH-1:0] moved;
          if (STEP == TURN || p + TURN >= PIXELS) begin : by_step
            assign moved = places[p + STEP].word;
          end else if (p + STEP >= PIXELS) begin : by_turn
            assign moved = places[p + TURN].word;
          end else begin : by_both
            assign moved = turn ? places[p + TURN].word : places[p + STEP].word;
          end
          always @(posedge clk) if (load || take) held <= load ? captured : moved;
        end
      end
    end
  endgenerate
endmodule
