"""The ports of a design's Verilog, for what is put around it."""

from __future__ import annotations

from dataclasses import dataclass

from converter.graph import TypedGraph
from converter.rtl.stream_top import padded_bits
from converter.rtl.top import Protocol, RtlDesign


@dataclass(frozen=True)
class Bus:
    """A port that holds a whole tensor of ``bits``; an output has another, ``<name>_valid``."""

    name: str
    bits: int
    is_input: bool


@dataclass(frozen=True)
class Stream:
    """An AXI4-Stream: ``<name>_tdata`` of ``bits``, ``_tvalid``, ``_tready``, and ``_tlast`` of
    an output. A frame has ``beats``.
    """

    name: str
    bits: int
    is_input: bool
    beats: int


Port = Bus | Stream


def design_ports(typed: TypedGraph, design: RtlDesign) -> tuple[Port, ...]:
    """Data ports, inputs first; beside them are ``clk``, ``rst``, and ``in_valid`` with buses."""
    found: list[Port] = []
    for ports, is_input in ((design.in_ports, True), (design.out_ports, False)):
        for name, port in ports.items():
            edge = typed.edges[name]
            if design.protocol is Protocol.AXI_STREAM:
                found.append(Stream(port, padded_bits(edge), is_input, edge.beats))
            else:
                found.append(Bus(port, edge.size * edge.type.width, is_input))
    return tuple(found)
