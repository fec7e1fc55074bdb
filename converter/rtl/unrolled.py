"""The unrolled matrix-vector product: an adder graph cut into clock cycles, and its Verilog.

All additions of one level begin in one cycle. A level with an addition that is too long for a
cycle has several, in which its carry chain goes on piece by piece.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from converter.netlist.adders import Adders
from converter.netlist.verilog import held, literal, print_pieces
from converter.timing import Timing

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Cuts:
    """``start[n]``: the cycle in which node n reads; ``cycle[n]``: in which its value is there,
    the same for all that are not in pieces of ``chunk`` bits; ``latency``: registers to the
    output. ``last_use[n]``: the last cycle that node n is read in; outputs are read in
    ``latency``.
    """

    start: Ints
    cycle: Ints
    last_use: Ints
    latency: int
    chunk: int
    register_bits: int
    shift_register_bits: int


def cut(graph: Adders, timing: Timing) -> Cuts:
    """Fewest cycles that the clock allows, and of these the fewest register bits."""
    chunk = timing.longest_adder()
    pieces = np.maximum(-(-graph.bits // chunk), 1)
    cycles = np.ones(graph.levels + 1, np.int64)
    np.maximum.at(cycles, graph.level, pieces)
    delays = np.where(cycles > 1, np.inf, _level_delays(graph, timing))
    parts = _choose(delays, cycles, _live_bits(graph), timing.usable_ns)
    begins = np.cumsum([0, *(int(cycles[first + 1 : last + 1].max()) for first, last in parts)])
    ends = np.array([last for _, last in parts], np.int64)
    latency = max(int(begins[-1]), 1)
    start = begins[np.searchsorted(ends, np.arange(graph.levels + 1))][graph.level]
    cycle = start + pieces - 1
    reader, node = _reads(graph)
    at = np.where(reader < 0, latency, start[reader])
    single, shifted, last = _registers(graph, cycle, (node, at), latency, timing.shift_length)
    single += sum(_inner_registers(graph, int(n), chunk) for n in np.flatnonzero(pieces > 1))
    return Cuts(start, cycle, last, latency, chunk, single, shifted)


def _inner_registers(graph: Adders, n: int, chunk: int) -> int:
    """Registers inside of an addition in pieces: carries, later parts of operands, earlier parts
    of the sum and what passes by.
    """
    bits, through = int(graph.bits[n]), int(graph.through[n])
    pieces = -(-bits // chunk)
    total = pieces - 1 + through * (pieces - 1)
    sides = ((graph.a[n], graph.a_shift[n]), (graph.b[n], graph.b_shift[n]))
    for piece in range(pieces):
        low, length = piece * chunk, min(chunk, bits - piece * chunk)
        total += length * (pieces - 1 - piece)
        for operand, shift in sides:
            constant = graph.n_in <= operand < graph.first_sum
            own = 0 if constant else int(graph.width[operand] + shift) - through
            total += piece * max(0, min(length, own - low))
    return total


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


def _choose(
    delays: npt.NDArray[np.float64], cycles: Ints, live: Ints, usable: float
) -> list[tuple[int, int]]:
    """Parts of the levels between cuts, as (level before, last level), by the shortest path; a
    level of several ``cycles``, whose delay is infinite, is a part by itself.
    """
    levels = len(delays) - 1
    best: list[tuple[int, int, int]] = [(0, 0, 0)]  # cycles, bits, previous cut
    for end in range(1, levels + 1):
        options, total = [], 0.0
        for start in range(end - 1, -1, -1):
            total += float(delays[start + 1])
            if total > usable and start < end - 1:
                break
            before, bits, _ = best[start]
            options.append((before + int(cycles[start + 1]), bits + int(live[end]), start))
            if total > usable:
                break
        best.append(min(options))
    parts, at = [], levels
    while at > 0:
        parts.append((best[at][2], at))
        at = best[at][2]
    return parts[::-1]


def _registers(
    graph: Adders, cycle: Ints, reads: tuple[Ints, Ints], latency: int, shift_length: int
) -> tuple[int, int, Ints]:
    """(flip-flop bits, bits of longer delays, last cycle of use by node); ``reads``: (node, in
    which cycle).
    """
    node, at = reads
    later = at > cycle[node]
    keys = np.unique(node[later] * (latency + 1) + at[later])
    used, when = keys // (latency + 1), keys % (latency + 1)
    before = np.r_[-1, used[:-1]] if len(used) else used
    start = np.where(before == used, np.r_[0, when[:-1]] if len(when) else when, cycle[used])
    span, width = when - start, graph.width[used]
    long = span >= shift_length
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
        self.start, self.latency, self.chunk = cuts.start.tolist(), cuts.latency, cuts.chunk
        self.root, self.root_shift = graph.root.tolist(), graph.root_shift.tolist()

    def node(self, n: int) -> list[str]:
        """Declaration, value and registers of a node."""
        if self.n_in <= n < self.first_sum:
            return []
        width = self.width[n]
        if self.start[n] < self.cycle[n]:
            lines = self._pieces(n)
        else:
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
        # an operand that is always zero leaves no bits above the other's
        above = [self.word(high, cycle, 0, width - through)] if width > through else []
        return "{" + ", ".join([*above, self.word(low, cycle, 0, through)]) + "}"

    def _sum(self, n: int) -> str:
        """A carry chain above the bits that pass through."""
        a, b = self._operands(n)
        text = f"{a} {'-' if self.minus[n] else '+'} {b}"
        # a sum inside a concatenation is as wide as its operands, which are cut to fit
        return f"{{{text}, {self._low(n)}}}" if self.through[n] else text

    def _pieces(self, n: int) -> list[str]:
        """The same over several cycles."""
        width, through = self.width[n], self.through[n]
        lines = print_pieces(f"n{n}", self._operands(n), width - through, self.chunk, self.minus[n])
        if not through:
            return [*lines, f"  wire [{width - 1}:0] n{n} = n{n}_sum;"]
        lines += held(f"n{n}_low", self._low(n), through, self.cycle[n] - self.start[n])
        return [*lines, f"  wire [{width - 1}:0] n{n} = {{n{n}_sum, n{n}_low}};"]

    def _operands(self, n: int) -> tuple[str, str]:
        """Both sides of the carry chain."""
        through, cycle = self.through[n], self.start[n]
        bits = self.width[n] - through
        return (
            self._shifted(self.a[n], self.a_shift[n], through, bits, cycle),
            self._shifted(self.b[n], self.b_shift[n], through, bits, cycle),
        )

    def _low(self, n: int) -> str:
        """The bits that pass through."""
        low = self.a[n] if self.b_shift[n] else self.b[n]
        return self.word(low, self.start[n], 0, self.through[n])

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
