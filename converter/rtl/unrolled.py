"""The unrolled matrix-vector product: an adder graph cut into clock cycles, and its Verilog."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from converter.errors import TargetError
from converter.netlist.adders import Adders
from converter.netlist.pipeline import SHIFT_REGISTER_LENGTH
from converter.netlist.verilog import literal
from converter.timing import Timing, slowest_fit

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Cuts:
    """``cycle[n]``: the cycle that node n is computed in; ``latency``: registers to the output.

    ``last_use[n]``: the last cycle that node n is read in; outputs are read in ``latency``.
    """

    cycle: Ints
    last_use: Ints
    latency: int
    register_bits: int
    shift_register_bits: int


def cut(graph: Adders, timing: Timing, where: str) -> Cuts:
    """Fewest cycles that the clock allows, and of these the fewest register bits."""
    delays = _level_delays(graph, timing)
    if delays.max(initial=0.0) > timing.usable_ns:
        bits = int(graph.bits.max())
        raise TargetError(
            f"{where}: an addition of {bits} bits {slowest_fit(timing, float(delays.max()))}"
        )
    after = _choose(delays, _live_bits(graph), timing.usable_ns)
    cycle_of_level = np.searchsorted(np.array(after, np.int64), np.arange(graph.levels + 1))
    cycle = cycle_of_level[graph.level]
    latency = len(after) + 1
    reader, node = _reads(graph)
    at = np.where(reader < 0, latency, cycle[reader])
    single, shifted, last = _registers(graph, cycle, node, at, latency)
    return Cuts(cycle, last, latency, single, shifted)


def _level_delays(graph: Adders, timing: Timing) -> npt.NDArray[np.float64]:
    """Slowest addition of levels 0, 1, ..."""
    longest = np.zeros(graph.levels + 1, np.int64)
    np.maximum.at(longest, graph.level, graph.bits)
    return np.where(longest > 0, timing.lut_ns + timing.carry_ns * longest, 0.0)


def _reads(graph: Adders) -> tuple[Ints, Ints]:
    """(reader, node read), the outputs being reader -1; constants are not read."""
    sums = np.arange(graph.first_sum, len(graph.level))
    reader = np.concatenate([sums, sums, np.full(len(graph.root), -1)])
    node = np.concatenate([graph.a[sums], graph.b[sums], graph.root])
    real = (node < graph.n_in) | (node >= graph.first_sum)
    return reader[real], node[real]


def _live_bits(graph: Adders) -> Ints:
    """Bits that a cut after each level would have to hold."""
    reader, node = _reads(graph)
    at = np.where(reader < 0, graph.levels + 1, graph.level[reader])
    last = np.zeros(len(graph.level), np.int64)
    np.maximum.at(last, node, at)
    used = np.flatnonzero(last)
    change = np.zeros(graph.levels + 2, np.int64)
    np.add.at(change, graph.level[used], graph.width[used])
    np.subtract.at(change, last[used], graph.width[used])
    return np.cumsum(change)


def _choose(delays: npt.NDArray[np.float64], live: Ints, usable: float) -> list[int]:
    """Levels after which to cut, but for the last: shortest path over the levels."""
    levels = len(delays) - 1
    best: list[tuple[int, int, int]] = [(0, 0, 0)]  # cycles, bits, previous cut
    for end in range(1, levels + 1):
        options, total = [], 0.0
        for start in range(end - 1, -1, -1):
            total += float(delays[start + 1])
            if total > usable:
                break
            cycles, bits, _ = best[start]
            options.append((cycles + 1, bits + int(live[end]), start))
        best.append(min(options))
    path, at = [], levels
    while at > 0:
        at = best[at][2]
        path.append(at)
    return [p for p in reversed(path) if p > 0]


def _registers(
    graph: Adders, cycle: Ints, node: Ints, at: Ints, latency: int
) -> tuple[int, int, Ints]:
    """(flip-flop bits, bits of longer delays, last cycle of use by node)."""
    later = at > cycle[node]
    keys = np.unique(node[later] * (latency + 1) + at[later])
    used, when = keys // (latency + 1), keys % (latency + 1)
    before = np.r_[-1, used[:-1]] if len(used) else used
    start = np.where(before == used, np.r_[0, when[:-1]] if len(when) else when, cycle[used])
    span, width = when - start, graph.width[used]
    long = span >= SHIFT_REGISTER_LENGTH
    last = cycle.copy()
    np.maximum.at(last, used, when)
    return int((width * span)[~long].sum()), int(width[long].sum()), last


def print_unrolled(name: str, graph: Adders, cuts: Cuts, in_width: int, out_width: int) -> str:
    """A module with ports ``clk``, ``in_data``, ``out_data`` and no valid."""
    printer = _Printer(graph, cuts, in_width)
    lines = [
        f"module {name} (",
        "  input wire clk,",
        f"  input wire [{graph.n_in * in_width - 1}:0] in_data,",
        f"  output wire [{len(graph.root) * out_width - 1}:0] out_data",
        ");",
        *(line for n in range(len(graph.level)) for line in printer.node(n)),
        *(printer.output(o, out_width) for o in range(len(graph.root))),
        "endmodule",
        "",
    ]
    return "\n".join(lines)


class _Printer:
    """Text of one graph; plain lists, since single elements of arrays are slow to read."""

    def __init__(self, graph: Adders, cuts: Cuts, in_width: int) -> None:
        self.n_in, self.first_sum, self.in_width = graph.n_in, graph.first_sum, in_width
        self.a, self.b = graph.a.tolist(), graph.b.tolist()
        self.a_shift, self.b_shift = graph.a_shift.tolist(), graph.b_shift.tolist()
        self.minus, self.width = graph.minus.tolist(), graph.width.tolist()
        self.lo, self.hi = graph.lo.tolist(), graph.hi.tolist()
        self.through, self.bits = graph.through.tolist(), graph.bits.tolist()
        self.cycle, self.last = cuts.cycle.tolist(), cuts.last_use.tolist()
        self.latency = cuts.latency
        self.root, self.root_shift = graph.root.tolist(), graph.root_shift.tolist()

    def node(self, n: int) -> list[str]:
        """Declaration, value and registers of a node."""
        if self.n_in <= n < self.first_sum:
            return []
        width = self.width[n]
        lines = [f"  wire [{width - 1}:0] n{n} = {self._value(n)};"]
        for c in range(self.cycle[n] + 1, self.last[n] + 1):
            before = self._at(n, c - 1)
            lines.append(f"  reg [{width - 1}:0] n{n}_c{c};")
            lines.append(f"  always @(posedge clk) n{n}_c{c} <= {before};")
        return lines

    def _at(self, n: int, cycle: int) -> str:
        return f"n{n}" if cycle == self.cycle[n] else f"n{n}_c{cycle}"

    def _value(self, n: int) -> str:
        if n < self.n_in:
            return f"in_data[{n * self.in_width} +: {self.width[n]}]"
        if self.bits[n] == 0:
            return self._joined(n)
        return self._sum(n)

    def _joined(self, n: int) -> str:
        """Operands that do not overlap, side by side."""
        width, through = self.width[n], self.through[n]
        low, high = (self.a[n], self.b[n]) if self.b_shift[n] else (self.b[n], self.a[n])
        cycle = self.cycle[n]
        parts = [self.word(high, cycle, 0, width - through), self.word(low, cycle, 0, through)]
        return "{" + ", ".join(parts) + "}"

    def _sum(self, n: int) -> str:
        """A carry chain above the bits that pass through."""
        through, cycle = self.through[n], self.cycle[n]
        bits = self.width[n] - through
        operands = [
            self._shifted(operand, shift, through, bits, cycle)
            for operand, shift in ((self.a[n], self.a_shift[n]), (self.b[n], self.b_shift[n]))
        ]
        text = f"{operands[0]} {'-' if self.minus[n] else '+'} {operands[1]}"
        if through == 0:
            return text
        low = self.a[n] if self.b_shift[n] else self.b[n]
        # a sum inside a concatenation is as wide as its operands, which are cut to fit
        return f"{{{text}, {self.word(low, cycle, 0, through)}}}"

    def _shifted(self, operand: int, shift: int, through: int, bits: int, cycle: int) -> str:
        """``bits`` bits of ``operand << shift`` from bit ``through`` up."""
        if shift <= through:
            return self.word(operand, cycle, through - shift, bits)
        zeros = shift - through
        if zeros >= bits:
            return literal(0, bits)
        return f"{{{self.word(operand, cycle, 0, bits - zeros)}, {literal(0, zeros)}}}"

    def word(self, n: int, cycle: int, start: int, count: int) -> str:
        """``count`` bits of a node from ``start`` up, its sign repeated above its width."""
        if self.n_in <= n < self.first_sum:
            return literal(self.lo[n] >> start, count)
        name, width, signed = self._at(n, cycle), self.width[n], self.lo[n] < 0
        inside = min(count, width - start)
        piece = name if inside == width else f"{name}[{start} +: {inside}]"
        if inside == count:
            return piece
        top = name if width == 1 else f"{name}[{width - 1}]"
        fill = count - max(inside, 0)
        extension = f"{{{fill}{{{top}}}}}" if signed else literal(0, fill)
        return f"{{{extension}, {piece}}}" if inside > 0 else extension

    def output(self, o: int, out_width: int) -> str:
        """Assignment of one output, extended to its type."""
        shift = self.root_shift[o]
        text = self._shifted(self.root[o], shift, 0, out_width, self.latency)
        return f"  assign out_data[{o * out_width} +: {out_width}] = {text};"
