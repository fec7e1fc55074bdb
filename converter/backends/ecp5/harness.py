"""A design behind a few pins: what is placed and routed in its stead.

Buses of whole tensors have more bits than a device has pins, and place and route of dangling
ports was found unreliable. So the top of a bitstream is a harness that shifts the inputs in and
the outputs out, bit by bit, with registers at all ports of the design. The timing that is
reported is of the design among these registers, as it would be within a larger system.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from converter.rtl.ports import Bus, Port, Stream
from converter.rtl.top import Protocol, RtlDesign

TOP = "nn_harness"
DESIGN = "nn_design"
INSIDE = "inside"
"""Names on the way to a bitstream: of the harness, of the design's module and of its instance."""


@dataclass(frozen=True)
class Harness:
    """Verilog of the harness, and its pins in order with their directions."""

    text: str
    pins: tuple[tuple[str, str], ...]


def harness(design: RtlDesign, ports: Sequence[Port]) -> Harness:
    """The harness of a design with these ports."""
    static = design.protocol is Protocol.STATIC
    pins = [("clk", "input"), ("rst", "input"), *([("in_valid", "input")] if static else [])]
    body, connections = [], [".clk(clk)", ".rst(reset)"]
    if static:
        connections.append(".in_valid(valid)")
    for port in ports:
        found = _bus(port) if isinstance(port, Bus) else _stream(port)
        pins += found.pins
        body += found.lines
        connections += found.connections
    lines = [
        f"// {design.top} behind a few pins; see serial.v.",
        f"module {TOP} (",
        ",\n".join(f"  {way} wire {pin}" for pin, way in pins),
        ");",
        "  reg reset;",
        "  always @(posedge clk) reset <= rst;",
        *(["  reg valid;", "  always @(posedge clk) valid <= in_valid;"] if static else []),
        *body,
        f"  {DESIGN} {INSIDE} (",
        ",\n".join(f"    {c}" for c in connections),
        "  );",
        "endmodule",
        "",
    ]
    return Harness("\n".join(lines), tuple(pins))


@dataclass(frozen=True)
class _Part:
    pins: list[tuple[str, str]]
    lines: list[str]
    connections: list[str]


def _bus(bus: Bus) -> _Part:
    """A whole tensor. An input is read in the cycle in which ``valid`` is high, so that it may
    be shifted always.
    """
    name, bits = bus.name, bus.bits
    word = f"  wire [{bits - 1}:0] {name};"
    if bus.is_input:
        lines = [
            word,
            f"  nn_serial_in #(.WIDTH({bits})) s_{name} (",
            f"    .clk(clk), .enable(1'b1), .in_bit({name}_bit), .word({name})",
            "  );",
        ]
        return _Part([(f"{name}_bit", "input")], lines, [f".{name}({name})"])
    lines = [
        word,
        f"  wire {name}_here;",
        f"  reg {name}_seen;",
        f"  always @(posedge clk) {name}_seen <= {name}_here;",
        f"  assign {name}_valid = {name}_seen;",
        f"  nn_serial_out #(.WIDTH({bits})) s_{name} (",
        f"    .clk(clk), .valid({name}_here), .word({name}), .out_bit({name}_bit)",
        "  );",
    ]
    pins = [(f"{name}_valid", "output"), (f"{name}_bit", "output")]
    return _Part(pins, lines, [f".{name}_valid({name}_here)", f".{name}({name})"])


def _stream(stream: Stream) -> _Part:
    """A beat at a time."""
    name, bits = stream.name, stream.bits
    signals = ["tvalid", "tready", *([] if stream.is_input else ["tlast"])]
    wires = [f"  wire {name}_{s};" for s in signals] + [f"  wire [{bits - 1}:0] {name}_tdata;"]
    joined = [f".{s}({name}_{s})" for s in (*signals, "tdata")]
    asked, told = ("offer", "busy") if stream.is_input else ("take", "taken")
    module = "nn_stream_in" if stream.is_input else "nn_stream_out"
    bit = ("in_bit", "input") if stream.is_input else ("out_bit", "output")
    lines = [
        *wires,
        f"  reg {name}_asked;",
        f"  always @(posedge clk) {name}_asked <= {name}_{asked};",
        f"  {module} #(.WIDTH({bits})) s_{name} (",
        f"    .clk(clk), .rst(reset), .{asked}({name}_asked), .{told}({name}_{told}),",
        f"    .{bit[0]}({name}_bit), {', '.join(joined)}",
        "  );",
    ]
    pins = [(f"{name}_{asked}", "input"), (f"{name}_{told}", "output"), (f"{name}_bit", bit[1])]
    return _Part(pins, lines, [f".{name}_{s}({name}_{s})" for s in (*signals, "tdata")])
