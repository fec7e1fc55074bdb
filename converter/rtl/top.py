"""The Verilog of a whole network: one module per stage, and a top that chains them.

The top of io_stream is in ``converter.rtl.stream_top``.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum

from converter.graph import Edge, IOType, TypedGraph
from converter.names import comment, identifier, identifiers
from converter.rtl.module import library_file
from converter.rtl.stream_plan import stream_plan
from converter.rtl.stream_top import Place, StreamTop, stream_modules, stream_stages
from converter.schedule import Schedule, schedule
from converter.timing import Target, timing_for


class Protocol(Enum):
    """What the ports of a design speak.

    ``STATIC``: ``in_valid`` for all inputs, data ports that hold whole tensors, element i at
    ``[i * W +: W]``, and for each output its port with ``_valid`` behind; a new input at most
    every interval, and no back-pressure.

    ``AXI_STREAM``: for each port ``_tvalid``, ``_tready`` and ``_tdata``, one beat of a tensor in
    whole bytes, lane i at ``[i * W +: W]``; outputs have ``_tlast``, high with the last beat of a
    frame. Inputs have none: beats are counted. All outputs are registers, but that ``_tready`` and
    ``_tlast`` may be a gate behind some.
    """

    STATIC = "static"
    AXI_STREAM = "axi_stream"


@dataclass(frozen=True)
class RtlDesign:
    """Verilog of one network. ``files``: text by file name, the library's files included.

    ``in_ports`` and ``out_ports``: ports by input and output name: of the data, or, for
    streams, what their names begin with; see ``Protocol``. There are also ``clk`` and ``rst``
    (synchronous, active high).
    """

    top: str
    files: Mapping[str, str] = field(repr=False)
    in_ports: Mapping[str, str]
    out_ports: Mapping[str, str]
    schedule: Schedule
    protocol: Protocol = Protocol.STATIC


def rtl_design(typed: TypedGraph, target: Target) -> RtlDesign:
    """Verilog under the graph's hardware choices, cut for the target's clock; deterministic."""
    if typed.io_type is IOType.STREAM:
        return _stream_design(typed, target)
    timing, plan = timing_for(target), schedule(typed, target)
    top = identifier(typed.name)
    names = identifiers([f"{top} ", *(f"{top}_{s.name}" for s in typed.stages)])
    files, library = {}, {"nn_valid.v"}
    for stage in typed.stages:
        name = names[f"{top}_{stage.name}"]
        module = stage.unit.rtl(name, typed.implementation(stage.name), timing)
        files[f"{name}.v"] = f"// {comment(stage.name)}\n{module.text}"
        library.update(module.library)
    ports = (_ports("in", typed.inputs), _ports("out", typed.outputs))
    writer = _Top(typed, plan, names, ports)
    text = writer.text(top)
    if plan.waits:
        library.add("nn_delay.v")
    files[f"{top}.v"] = text
    files.update({f: library_file(f) for f in sorted(library)})
    return RtlDesign(top, files, *ports, plan)


def _stream_design(typed: TypedGraph, target: Target) -> RtlDesign:
    """A file per process."""
    plan, top = stream_plan(typed, target), identifier(typed.name)
    stages = stream_stages(plan)
    labels = _labels(stages)
    known = identifiers([f"{top} ", *(f"{top}_{label}" for label in labels.values())])
    names = {p: known[f"{top}_{label}"] for p, label in labels.items()}
    files: dict[str, str] = {}
    library: set[str] = set()
    for stage, module in zip(stages.values(), stream_modules(plan, names), strict=True):
        files[f"{module.name}.v"] = f"// {comment(stage)}\n{module.text}"
        library.update(module.library)
    ports = (_ports("in", typed.inputs), _ports("out", typed.outputs))
    writer = StreamTop(typed, plan, timing_for(target), names, ports)
    files[f"{top}.v"] = writer.text(top)
    files.update({f: library_file(f) for f in sorted(library | writer.library)})
    return RtlDesign(top, files, *ports, schedule(typed, target), Protocol.AXI_STREAM)


def _labels(stages: Mapping[Place, str]) -> dict[Place, str]:
    """The stage of each module, with a number where it has several."""
    seen: dict[str, int] = {}
    counts, labels = Counter(stages.values()), {}
    for place, stage in stages.items():
        seen[stage] = seen.get(stage, 0) + 1
        labels[place] = stage if counts[stage] == 1 else f"{stage} part{seen[stage]}"
    return labels


def _ports(prefix: str, names: tuple[str, ...]) -> dict[str, str]:
    known = identifiers(names)
    return {name: f"{prefix}_{known[name]}" for name in names}


@dataclass(frozen=True)
class _Top:
    """Writes the top module. Edges become wires ``e<i>`` with a valid ``e<i>_valid``."""

    typed: TypedGraph
    plan: Schedule
    modules: Mapping[str, str]
    ports: tuple[Mapping[str, str], Mapping[str, str]]

    def text(self, top: str) -> str:
        """The whole module."""
        in_ports, out_ports = self.ports
        wires = {name: f"e{i}" for i, name in enumerate(self.typed.edges)}
        ports = ["input wire clk", "input wire rst", "input wire in_valid"]
        ports += [f"input wire {self._range(n)} {p}" for n, p in in_ports.items()]
        for name, port in out_ports.items():
            ports += [f"output wire {port}_valid", f"output wire {self._range(name)} {port}"]
        lines = [*self._head(), f"module {top} (", ",\n".join(f"  {p}" for p in ports), ");"]
        for name, port in in_ports.items():
            lines.append(f"  wire {self._range(name)} {wires[name]} = {port};")
            lines.append(f"  wire {wires[name]}_valid = in_valid;")
        for stage in self.typed.stages:
            lines += self._stage(
                stage.name, stage.inputs, wires, self.modules[f"{top}_{stage.name}"]
            )
        for name, port in out_ports.items():
            lines.append(f"  assign {port} = {wires[name]};")
            lines.append(f"  assign {port}_valid = {wires[name]}_valid;")
        return "\n".join([*lines, "endmodule", ""])

    def _head(self) -> list[str]:
        s = self.plan
        lines = [
            f"// {comment(self.typed.name)}: a new input at most every {s.interval_cycles} cycles,",
            f"// no back-pressure; latency {s.latency_cycles} cycles.",
            "// Integer codes; element i of W bits is at [i*W +: W].",
        ]
        for which, ports in zip(("input", "output"), self.ports, strict=True):
            for name, port in ports.items():
                edge = self.typed.edges[name]
                lines.append(f"// {which} {port}: {edge.size} x {edge.type}")
        return lines

    def _range(self, name: str) -> str:
        edge: Edge = self.typed.edges[name]
        return f"[{edge.size * edge.type.width - 1}:0]"

    def _stage(
        self, name: str, inputs: tuple[str, ...], wires: Mapping[str, str], module: str
    ) -> list[str]:
        out = wires[name]
        lines = [f"  wire {self._range(name)} {out};", f"  wire {out}_valid;"]
        data = []
        for position, source in enumerate(inputs):
            wait = self.plan.waits.get((name, source), 0)
            data.append(f"{out}_in{position}" if wait else wires[source])
            if wait:
                lines += self._delay(source, wires[source], data[-1], wait)
        # the valid of the input that comes last; all of them meet it
        last = next(i for i in inputs if (name, i) not in self.plan.waits)
        bus = ["in_data"] if len(data) == 1 else [f"in_data_{i}" for i in range(len(data))]
        return [
            *lines,
            f"  {module} s_{out} (",
            f"    .clk(clk), .rst(rst), .in_valid({wires[last]}_valid),",
            *(f"    .{port}({wire})," for port, wire in zip(bus, data, strict=True)),
            f"    .out_valid({out}_valid), .out_data({out})",
            "  );",
        ]

    def _delay(self, edge: str, wire: str, delayed: str, cycles: int) -> list[str]:
        width = self.typed.edges[edge].size * self.typed.edges[edge].type.width
        return [
            f"  wire {self._range(edge)} {delayed};",
            f"  nn_delay #(.WIDTH({width}), .LATENCY({cycles})) d_{delayed} (",
            f"    .clk(clk), .in_data({wire}), .out_data({delayed})",
            "  );",
        ]
