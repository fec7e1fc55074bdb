"""Verilog and facts of a stage that only rearranges elements: wires, without a register."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from converter.facts import Facts
from converter.graph import Implementation
from converter.rtl.module import RtlModule, stage_ports
from converter.types import Fixed


def wiring_module(
    name: str, index: Sequence[int], input_sizes: Sequence[int], t: Fixed, fill: int = 0
) -> RtlModule:
    """Output element i is element ``index[i]`` of all inputs one after the other, or the code
    ``fill`` where that is -1.
    """
    width = t.width
    lines = stage_ports(name, [size * width for size in input_sizes], len(index) * width)
    lines.append("  assign out_valid = in_valid;")
    data = "in_data"
    if len(input_sizes) > 1:
        data, bits = "whole", sum(input_sizes) * width
        names = ", ".join(f"in_data_{k}" for k in reversed(range(len(input_sizes))))
        lines.append(f"  wire [{bits - 1}:0] whole = {{{names}}};")
    lines += wires("out_data", data, index, width, fill)
    return RtlModule(name, "\n".join([*lines, "endmodule", ""]))


def wires(out: str, data: str, index: Sequence[int], width: int, fill: int = 0) -> list[str]:
    """Assignments: word i of ``out`` is word ``index[i]`` of ``data``, or ``fill``."""
    constant = f"{width}'h{fill & (1 << width) - 1:x}"
    lines = []
    for at, source, count in _runs(index):
        bits = count * width
        taken = (
            f"{data}[{source * width} +: {bits}]" if source >= 0 else f"{{{count}{{{constant}}}}}"
        )
        lines.append(f"  assign {out}[{at * width} +: {bits}] = {taken};")
    return lines


def wiring_facts(
    stage: str, kind: str, choice: Implementation, sizes: tuple[int, int], t: Fixed
) -> Facts:
    """Wires cost nothing and take no time. ``sizes``: elements of all inputs, and of the output."""
    return Facts(
        stage=stage,
        kind=kind,
        strategy=choice.strategy.value,
        reuse_factor=1,
        n_in=sizes[0],
        n_out=sizes[1],
        input_width=t.width,
        output_width=t.width,
        latency_cycles=0,
        interval_cycles=1,
    )


def _runs(index: Sequence[int]) -> Iterator[tuple[int, int, int]]:
    """(first output, first source, count) of neighbours that stay neighbours; source -1: fill."""
    start = 0
    for i in range(1, len(index) + 1):
        wanted = index[start] + (i - start) if index[start] >= 0 else -1
        if i == len(index) or index[i] != wanted:
            yield start, index[start], i - start
            start = i
