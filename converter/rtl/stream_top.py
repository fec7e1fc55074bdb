"""The Verilog of a whole network in io_stream: its processes, FIFOs, and AXI4-Stream ports."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from converter.dataflow import Kind, Process
from converter.graph import Edge, TypedGraph
from converter.names import comment
from converter.rtl.fifo import block_fifo
from converter.rtl.module import RtlModule
from converter.rtl.stream_plan import StreamPlan
from converter.timing import Timing

Place = tuple[int, int]
"""Of a module: the process, and 0, or which of the stages it is that follow in it."""


def stream_stages(plan: StreamPlan) -> dict[Place, str]:
    """The stage of each module."""
    found: dict[Place, str] = {}
    for p in plan.rtl.parts:
        found[p, 0] = plan.rtl.network.processes[p].name
        for k, follower in enumerate(plan.rtl.behind.get(p, ()), 1):
            found[p, k] = follower.stage
    return found


def stream_modules(plan: StreamPlan, names: Mapping[Place, str]) -> Iterator[RtlModule]:
    """All modules under their ``names``."""
    for p, part in plan.rtl.parts.items():
        yield part.module(names[p, 0])
        for k, follower in enumerate(plan.rtl.behind.get(p, ()), 1):
            beat = follower.part.beat
            if beat is not None:
                yield beat(names[p, k])


def padded_bits(edge: Edge) -> int:
    """Of a beat on an AXI4-Stream port: whole bytes."""
    return -(-edge.lanes * edge.type.width // 8) * 8


@dataclass(frozen=True)
class StreamTop:
    """Writes the top module. Channel c is the wires ``c<c>_…`` around a FIFO.

    ``modules``: by their place. ``ports``: by name of the inputs, and of the outputs.
    """

    typed: TypedGraph
    plan: StreamPlan
    timing: Timing
    modules: Mapping[Place, str]
    ports: tuple[Mapping[str, str], Mapping[str, str]]

    @property
    def library(self) -> set[str]:
        """Files of ``rtllib`` that the top itself needs."""
        steps = any(self.typed.edges[name].beats > 1 for name in self.typed.outputs)
        return {"nn_fifo.v", *(["nn_steps.v"] if steps else [])}

    def text(self, top: str) -> str:
        """The whole module."""
        ports = ["input wire clk", "input wire rst"]
        for name, port in self.ports[0].items():
            ports += _ports(port, self.typed.edges[name], "input", "output")
        for name, port in self.ports[1].items():
            ports += _ports(port, self.typed.edges[name], "output", "input")
            ports.append(f"output wire {port}_tlast")
        lines = [*self._head(), f"module {top} (", ",\n".join(f"  {p}" for p in ports), ");"]
        for c in range(len(self.plan.rtl.network.channels)):
            lines += self._fifo(c)
        for p, process in enumerate(self.plan.rtl.network.processes):
            lines += self._process(p, process)
        return "\n".join([*lines, "endmodule", ""])

    def _head(self) -> list[str]:
        latency = max(self.plan.output_cycles.values())
        lines = [
            f"// {comment(self.typed.name)}: a frame every {self.plan.interval_cycles} cycles;",
            f"// latency {latency} cycles, from the first beat of a frame to the last.",
            "// Integer codes; lane i of W bits is at [i*W +: W]; above the lanes is 0.",
        ]
        for which, ports in zip(("input", "output"), self.ports, strict=True):
            for name, port in ports.items():
                e = self.typed.edges[name]
                lines.append(f"// {which} {port}: {e.beats} beats of {e.lanes} x {e.type}")
        return lines

    def _fifo(self, c: int) -> list[str]:
        """Its wires and the FIFO."""
        bits, depth = self.plan.rtl.network.channels[c].bits, self.plan.depths[c]
        block = int(block_fifo(bits, depth, self.timing))
        names = ("room", "reserve", "write", "valid", "ready")
        return [
            f"  wire {', '.join(f'c{c}_{name}' for name in names)};",
            f"  wire [{bits - 1}:0] c{c}_in, c{c}_out;",
            f"  nn_fifo #(.WIDTH({bits}), .DEPTH({depth}), .BLOCK({block})) f{c} (",
            f"    .clk(clk), .rst(rst), .w_room(c{c}_room), .w_reserve(c{c}_reserve),",
            f"    .w_valid(c{c}_write), .w_data(c{c}_in),",
            f"    .r_valid(c{c}_valid), .r_data(c{c}_out), .r_ready(c{c}_ready)",
            "  );",
        ]

    def _process(self, p: int, process: Process) -> list[str]:
        if process.kind is Kind.SOURCE:
            return self._source(self.ports[0][process.name], process)
        if process.kind is Kind.SINK:
            return self._sink(self.ports[1][process.name], process)
        bits = self.plan.rtl.parts[p].out_width
        connections = [".clk(clk), .rst(rst)"]
        for k, c in enumerate(process.reads):
            wires = (("valid", "valid"), ("data", "out"), ("ready", "ready"))
            connections.append(", ".join(f".x{k}_{a}(c{c}_{b})" for a, b in wires))
        connections.append(f".y_room({_room(process)}), .y_reserve(p{p}_reserve)")
        connections.append(f".y_valid(p{p}_valid), .y_data(p{p}_data)")
        return [
            f"  wire p{p}_reserve, p{p}_valid;",
            f"  wire [{bits - 1}:0] p{p}_data;",
            f"  {self.modules[p, 0]} p{p} (",
            ",\n".join(f"    {c}" for c in connections),
            "  );",
            *self._behind(p),
            *_drive(process, f"p{p}_reserve", f"{self._last(p)}_valid", f"{self._last(p)}_data"),
        ]

    def _last(self, p: int) -> str:
        """What the wires of the beats that a process gives begin with."""
        count = len(self.plan.rtl.behind.get(p, ()))
        return f"p{p}_{count}" if count else f"p{p}"

    def _behind(self, p: int) -> list[str]:
        """What follows in a process."""
        lines, before = [], f"p{p}"
        for k, follower in enumerate(self.plan.rtl.behind.get(p, ()), 1):
            now = f"p{p}_{k}"
            lines += [
                f"  wire {now}_valid;",
                f"  wire [{follower.part.out_width - 1}:0] {now}_data;",
                f"  {self.modules[p, k]} {now} (",
                f"    .clk(clk), .rst(rst), .in_valid({before}_valid), .in_data({before}_data),",
                f"    .out_valid({now}_valid), .out_data({now}_data)",
                "  );",
            ]
            before = now
        return lines

    def _source(self, port: str, process: Process) -> list[str]:
        """A beat that is taken is written at once."""
        edge = self.typed.edges[process.name]
        taken = f"{port}_tvalid && {port}_tready"
        return [
            f"  assign {port}_tready = {_room(process)};",
            *_drive(process, taken, taken, f"{port}_tdata[{edge.lanes * edge.type.width - 1}:0]"),
        ]

    def _sink(self, port: str, process: Process) -> list[str]:
        (c,), edge = process.reads, self.typed.edges[process.name]
        padding = padded_bits(edge) - edge.lanes * edge.type.width
        word = f"{{{padding}'d0, c{c}_out}}" if padding else f"c{c}_out"
        lines = [
            f"  assign {port}_tvalid = c{c}_valid;",
            f"  assign {port}_tdata = {word};",
            f"  assign c{c}_ready = {port}_tready;",
        ]
        if edge.beats == 1:
            return [*lines, f"  assign {port}_tlast = 1'b1;"]
        width = (edge.beats - 1).bit_length()
        return [
            *lines,
            f"  wire [{width - 1}:0] {port}_beat;",
            f"  wire {port}_first;",
            f"  nn_steps #(.STEPS({edge.beats}), .WIDTH({width})) {port}_beats (",
            f"    .clk(clk), .rst(rst), .go(c{c}_valid && {port}_tready),",
            f"    .step({port}_beat), .first({port}_first), .last({port}_tlast)",
            "  );",
        ]


def _ports(port: str, edge: Edge, there: str, back: str) -> list[str]:
    return [
        f"{there} wire {port}_tvalid",
        f"{there} wire [{padded_bits(edge) - 1}:0] {port}_tdata",
        f"{back} wire {port}_tready",
    ]


def _room(process: Process) -> str:
    """Whether all FIFOs behind a process have a place."""
    return " && ".join(f"c{c}_room" for c in process.writes) or "1'b1"


def _drive(process: Process, reserve: str, write: str, data: str) -> list[str]:
    return [
        f"  assign c{c}_{wire} = {value};"
        for c in process.writes
        for wire, value in (("reserve", reserve), ("write", write), ("in", data))
    ]
