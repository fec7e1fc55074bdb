"""A self-checking Verilog test bench with vectors, that runs in any simulator."""

from __future__ import annotations

from collections.abc import Mapping

from converter.emulate import emulate_codes
from converter.graph import Edge, TypedGraph
from converter.rtl.module import fill, library_file
from converter.rtl.packing import pack
from converter.rtl.stream_testbench import stream_bench
from converter.rtl.stream_top import padded_bits
from converter.rtl.top import Protocol, RtlDesign
from converter.types import Codes


def testbench_files(
    typed: TypedGraph, design: RtlDesign, clock_period_ns: float, codes: Mapping[str, Codes]
) -> dict[str, str]:
    """``testbench.v``, ``testbench.sh`` and ``vectors/*.hex``, for a folder beside ``rtl/``.

    ``codes``: input codes [rows, size] by input name; the outputs expected are the emulation's.
    The bench ends with status 0 where every bit and the latency are right; that of streams also
    makes gaps and back-pressure.
    """
    expected, streams = emulate_codes(typed, dict(codes)), design.protocol is Protocol.AXI_STREAM
    hexes = _beats_hex if streams else _hex
    files = {}
    for name, port in design.in_ports.items():
        files[f"vectors/{port}.hex"] = hexes(typed.edges[name], codes[name])
    for name, port in design.out_ports.items():
        files[f"vectors/{port}.hex"] = hexes(typed.edges[name], expected[name])
    rows = len(next(iter(codes.values())))
    bench = stream_bench if streams else _bench
    files["testbench.v"] = bench(typed, design, clock_period_ns, rows)
    sources = " ".join(f"../rtl/{name}" for name in sorted(design.files))
    files["testbench.sh"] = fill(library_file("sim/testbench.sh.in"), {"SOURCES": sources})
    return files


def _bench(typed: TypedGraph, design: RtlDesign, clock_period_ns: float, rows: int) -> str:
    ins = {port: _bits(typed.edges[name]) for name, port in design.in_ports.items()}
    outs = {port: _bits(typed.edges[name]) for name, port in design.out_ports.items()}
    cycles = {port: design.schedule.output_cycles[name] for name, port in design.out_ports.items()}
    connections = [f".{p}({p})" for p in (*ins, *outs)]
    connections += [f".{p}_valid({p}_valid)" for p in outs]
    values = {
        "ROWS": rows,
        "FAST": rows - rows // 3,
        "INTERVAL": design.schedule.interval_cycles,
        "LATENCY": design.schedule.latency_cycles,
        "HALF_PERIOD": f"{clock_period_ns / 2:.3f}",
        "TOP": design.top,
        "CONNECTIONS": "".join(f",\n    {c}" for c in connections),
        "DECLARATIONS": "\n".join([*_inputs(ins), *_outputs(outs)]),
        "LOADS": "\n".join(f'    $readmemh("vectors/{p}.hex", rows_{p});' for p in (*ins, *outs)),
        "DRIVES": "\n".join(f"      {p} <= rows_{p}[sent];" for p in ins),
        "IDLES": "\n".join(f"    {p} <= {{{bits}{{1'bx}}}};" for p, bits in ins.items()),
        "CHECKS": "\n".join(_check(p, cycles[p]) for p in outs),
        "ALL_CAME": " && ".join(f"got_{p} == ROWS" for p in outs),
    }
    return fill(library_file("sim/testbench.v.in"), values)


def _inputs(ports: Mapping[str, int]) -> list[str]:
    lines = [f"  reg [{bits - 1}:0] {port} = 0;" for port, bits in ports.items()]
    return lines + [f"  reg [{b - 1}:0] rows_{p} [0:ROWS - 1];" for p, b in ports.items()]


def _outputs(ports: Mapping[str, int]) -> list[str]:
    lines = []
    for port, bits in ports.items():
        lines += [f"  wire [{bits - 1}:0] {port};", f"  wire {port}_valid;"]
        lines += [f"  reg [{bits - 1}:0] rows_{port} [0:ROWS - 1];", f"  integer got_{port} = 0;"]
    return lines


def _check(port: str, latency: int) -> str:
    """Compare a row, which must come exactly ``latency`` cycles after its input. An output without
    latency is there in the cycle of its input.
    """
    return f"""\
    if ({port}_valid) begin
      if ({port} !== rows_{port}[got_{port}]) errors <= errors + 1;
      else if (cycle - starts[got_{port}] != {latency}) errors <= errors + 1;
      got_{port} <= got_{port} + 1;
    end"""


def _bits(edge: Edge) -> int:
    return edge.size * edge.type.width


def _hex(edge: Edge, codes: Codes) -> str:
    """One word a row, element 0 at the least bits."""
    return _words(edge, codes, _bits(edge))


def _beats_hex(edge: Edge, codes: Codes) -> str:
    """One word a beat, lane 0 at the least bits."""
    return _words(edge, codes.reshape(-1, edge.lanes), padded_bits(edge))


def _words(edge: Edge, codes: Codes, bits: int) -> str:
    digits = -(-bits // 4)
    words = (int.from_bytes(row.tobytes(), "little") for row in pack(codes, edge.type))
    return "".join(f"{word:0{digits}x}\n" for word in words)
