"""Verilog of a stage that only rearranges elements: wires, without a register."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from converter.rtl.module import RtlModule, stage_ports
from converter.types import Fixed


def wiring_module(
    name: str, index: Sequence[int], input_size: int, t: Fixed, fill: int
) -> RtlModule:
    """Output element i is input element ``index[i]``, or the code ``fill`` where that is -1."""
    width = t.width
    constant = f"{width}'h{fill & (1 << width) - 1:x}"
    lines = stage_ports(name, [input_size * width], len(index) * width)
    lines.append("  assign out_valid = in_valid;")
    for at, source, count in _runs(index):
        bits = count * width
        taken = (
            f"in_data[{source * width} +: {bits}]" if source >= 0 else f"{{{count}{{{constant}}}}}"
        )
        lines.append(f"  assign out_data[{at * width} +: {bits}] = {taken};")
    return RtlModule(name, "\n".join([*lines, "endmodule", ""]))


def _runs(index: Sequence[int]) -> Iterator[tuple[int, int, int]]:
    """(first output, first source, count) of neighbours that stay neighbours; source -1: fill."""
    start = 0
    for i in range(1, len(index) + 1):
        wanted = index[start] + (i - start) if index[start] >= 0 else -1
        if i == len(index) or index[i] != wanted:
            yield start, index[start], i - start
            start = i
