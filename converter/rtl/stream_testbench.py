"""The self-checking test bench of a design with AXI4-Stream ports."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from converter.graph import TypedGraph
from converter.rtl.module import fill, library_file
from converter.rtl.stream_top import padded_bits
from converter.rtl.top import RtlDesign

PATIENCE = 4096
"""Cycles without any beat after which a network is stuck, beside some frames' own."""


@dataclass(frozen=True)
class _Port:
    """A stream: its name, bits and beats of a frame, and which bit of the random word gates it."""

    name: str
    bits: int
    beats: int
    gate: int


def stream_bench(typed: TypedGraph, design: RtlDesign, clock_period_ns: float, rows: int) -> str:
    """Text of ``testbench.v`` for as many frames."""
    ins, outs = _named(typed, design.in_ports, 0), _named(typed, design.out_ports, 3)
    cycles = design.schedule.output_cycles
    latency = {port: cycles[name] for name, port in design.out_ports.items()}
    plan = design.schedule
    signals = [f".{p.name}_{s}({p.name}_{s})" for p in ins for s in ("tvalid", "tready", "tdata")]
    signals += [
        f".{p.name}_{s}({p.name}_{s})" for p in outs for s in ("tvalid", "tready", "tdata", "tlast")
    ]
    values = {
        "ROWS": rows,
        "FAST": rows - rows // 3,
        "PATIENCE": PATIENCE + 8 * (plan.latency_cycles + plan.interval_cycles),
        "HALF_PERIOD": f"{clock_period_ns / 2:.3f}",
        "TOP": design.top,
        "CONNECTIONS": "".join(f",\n    {s}" for s in signals),
        "DECLARATIONS": "\n".join(line for p in (*ins, *outs) for line in _declare(p, p in ins)),
        "LOADS": "\n".join(
            f'    $readmemh("vectors/{p.name}.hex", rows_{p.name});' for p in (*ins, *outs)
        ),
        "DRIVES": "\n".join(_drive(p) for p in ins),
        "CHECKS": "\n".join(_check(p, latency[p.name]) for p in outs),
        "ALL_CAME": " && ".join(f"got_{p.name} == limit * {p.beats}" for p in outs),
    }
    return fill(library_file("sim/testbench_stream.v.in"), values)


def _named(typed: TypedGraph, ports: Mapping[str, str], gate: int) -> list[_Port]:
    edges = ((port, typed.edges[name]) for name, port in ports.items())
    return [
        _Port(port, padded_bits(e), e.beats, (gate + 5 * k) % 32)
        for k, (port, e) in enumerate(edges)
    ]


def _declare(port: _Port, is_input: bool) -> list[str]:
    name, bits = port.name, port.bits
    lines = [f"  reg [{bits - 1}:0] rows_{name} [0:ROWS * {port.beats} - 1];"]
    if is_input:
        return [
            *lines,
            f"  reg {name}_tvalid = 0;",
            f"  reg [{bits - 1}:0] {name}_tdata = 0;",
            f"  wire {name}_tready;",
            f"  integer sent_{name} = 0;",
        ]
    return [
        *lines,
        f"  wire {name}_tvalid, {name}_tlast;",
        f"  wire [{bits - 1}:0] {name}_tdata;",
        f"  wire {name}_tready = !gaps || random[{port.gate}];",
        f"  integer got_{name} = 0, end_{name} = 0;",
    ]


def _drive(port: _Port) -> str:
    """Offer the next beat once the one before is taken."""
    name = port.name
    return f"""\
    if ({name}_tvalid && {name}_tready) begin
      if (first < 0) first <= cycle;
      moved <= cycle;
    end
    if (!{name}_tvalid || {name}_tready) begin
      {name}_tvalid <= 0;
      {name}_tdata <= {{{port.bits}{{1'bx}}}};
      if (cycle >= 8 && sent_{name} < limit * {port.beats} && (!gaps || random[{port.gate}])) begin
        {name}_tvalid <= 1;
        {name}_tdata <= rows_{name}[sent_{name}];
        sent_{name} <= sent_{name} + 1;
      end
    end"""


def _check(port: _Port, latency: int) -> str:
    """Compare a beat; the last of the first frame comes ``latency`` cycles after the first beat."""
    name, last = port.name, port.beats - 1
    return f"""\
    if ({name}_tvalid && {name}_tready) begin
      moved <= cycle;
      if ({name}_tdata !== rows_{name}[got_{name}]) errors <= errors + 1;
      else if ({name}_tlast !== (got_{name} % {port.beats} == {last})) errors <= errors + 1;
      else if (got_{name} == {last} && cycle - first != {latency}) errors <= errors + 1;
      if (got_{name} == FAST * {port.beats} - 1 && cycle - end_{name} > interval)
        interval = cycle - end_{name};
      if ({name}_tlast) end_{name} <= cycle;
      got_{name} <= got_{name} + 1;
    end"""
