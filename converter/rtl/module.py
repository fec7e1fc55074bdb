"""Verilog of units: what a stage's module looks like, and the parts that all share.

Every stage is one module with the ports ``clk``, ``rst``, ``in_valid``, ``in_data``,
``out_valid``, ``out_data``. Element i of a bus is at ``[i * W +: W]``. The rate is static:
a valid input at most every ``interval_cycles``, no back-pressure, the output valid
exactly ``latency_cycles`` later, for one cycle. Data registers have no reset.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources

LIBRARY = "converter.rtllib"


@dataclass(frozen=True)
class RtlModule:
    """Verilog text of one stage; ``name`` is its top module, ``library`` the files of
    ``rtllib`` that it needs.
    """

    name: str
    text: str
    library: tuple[str, ...] = ()


@lru_cache(maxsize=64)
def library_file(name: str) -> str:
    """Text of a file of ``rtllib``."""
    return (resources.files(LIBRARY) / name).read_text(encoding="ascii")


def fill(template: str, values: Mapping[str, object]) -> str:
    """A template of ``rtllib`` with ``@NAME@`` replaced; every name must be given."""
    return re.sub(r"@([A-Z_]+)@", lambda m: str(values[m.group(1)]), template)


def stage_ports(name: str, in_widths: Iterable[int], out_width: int) -> list[str]:
    """Head of a stage's module."""
    return [f"module {name} (", *port_list(in_widths, out_width), ");"]


def port_list(in_widths: Iterable[int], out_width: int) -> list[str]:
    """The ports of a stage's module."""
    widths = list(in_widths)
    names = ["in_data"] if len(widths) == 1 else [f"in_data_{i}" for i in range(len(widths))]
    return [
        "  input wire clk,",
        "  input wire rst,",
        "  input wire in_valid,",
        *(f"  input wire [{w - 1}:0] {n}," for n, w in zip(names, widths, strict=True)),
        "  output wire out_valid,",
        f"  output wire [{out_width - 1}:0] out_data",
    ]


def wrap_pipeline(name: str, body: str, latency: int, lanes: tuple[int, int, int]) -> RtlModule:
    """``wrap_lanes`` of one input: ``lanes`` = (count, input bits, output bits) of a copy."""
    count_, in_bits, out_bits = lanes
    return wrap_lanes(name, body, latency, count_, ([in_bits], out_bits))


def wrap_lanes(
    name: str, body: str, latency: int, count: int, bits: tuple[Sequence[int], int]
) -> RtlModule:
    """A stage made of ``count`` copies of ``<name>_lane``; ``bits``: of a copy's part of each
    input, and of its output.

    ``body`` is the text of the lane, with ports ``clk``, ``in_data`` (its parts of the inputs,
    the first at the least bits), ``out_data``.
    """
    in_bits, out_bits = bits
    lines = [
        *stage_ports(name, [count * b for b in in_bits], count * out_bits),
        f"  nn_valid #(.LATENCY({latency})) valid (",
        "    .clk(clk), .rst(rst), .in_valid(in_valid), .out_valid(out_valid)",
        "  );",
        "  genvar i;",
        "  generate",
        f"    for (i = 0; i < {count}; i = i + 1) begin : lanes",
        f"      {name}_lane lane (",
        "        .clk(clk),",
        f"        .in_data({_part(in_bits)}),",
        f"        .out_data(out_data[i * {out_bits} +: {out_bits}])",
        "      );",
        "    end",
        "  endgenerate",
        "endmodule",
        "",
    ]
    return RtlModule(name, "\n".join(lines) + "\n" + body, ("nn_valid.v", *block_files(body)))


def block_files(text: str) -> tuple[str, ...]:
    """The library's files of the DSP blocks that are instances in ``text``."""
    return tuple(f"{name}.v" for name in sorted(set(re.findall(r"\bnn_mult_\d+x\d+\b", text))))


def _part(bits: Sequence[int]) -> str:
    """What copy i takes of the inputs."""
    if len(bits) == 1:
        return f"in_data[i * {bits[0]} +: {bits[0]}]"
    parts = [f"in_data_{k}[i * {b} +: {b}]" for k, b in enumerate(bits)]
    return "{" + ", ".join(reversed(parts)) + "}"
