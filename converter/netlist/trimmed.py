"""What is left of a netlist when constant bits, equal bits and bits that nobody reads are gone, as
they are after any logic synthesis.

Each bit of each node is named by where it comes from: wiring, and additions below the first place
that both sides have, hand on bits of others. Reads are followed backwards from the outputs.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import pairwise

from converter.netlist.covering import Gate
from converter.netlist.nodes import Netlist, Node, Op

ZERO, ONE = -1, -2
"""The bits that are constant."""

_STEP = 1 << 10  # more bits than any node has

Bits = Sequence[int]


def own_bits(i: int, width: int) -> list[int]:
    """Names of the bits that node i makes."""
    return [i * _STEP + k for k in range(width)]


def node_of(bit: int) -> int:
    """The node that makes a bit."""
    return bit // _STEP


@dataclass
class Logic:
    """Counts of what is left, with the meaning of ``Facts``.

    ``reads``: by bit, the cycles that it is read in. ``logic_reads``: (bit, cycle) where anything
    but a DSP block reads it. ``columns``: by node, the bits of its table that are read.
    ``gates``: by the bit that they make, ``inverted``: bits that a chain needs the other way round.
    """

    adders: int = 0
    adder_bits: int = 0
    mux_bits: int = 0
    gate_bits: int = 0
    compare_bits: int = 0
    reads: dict[int, set[int]] = field(default_factory=lambda: defaultdict(set))
    logic_reads: set[tuple[int, int]] = field(default_factory=set)
    columns: dict[int, set[int]] = field(default_factory=lambda: defaultdict(set))
    gates: dict[int, Gate] = field(default_factory=dict)
    inverted: int = 0

    def by_logic(self, bit: int, when: int) -> bool:
        """Whether anything outside of DSP blocks reads a bit in a cycle."""
        return (bit, when) in self.logic_reads


def trim(netlist: Netlist, reading: Sequence[int], latency: int, in_dsp: Collection[int]) -> Logic:
    """What is left. ``reading[i]``: the cycle in which node i reads; outputs are read in
    ``latency``. ``in_dsp``: products and additions in DSP blocks that hold their operands, too.
    """
    trimmer = _Trimmer(netlist, in_dsp)
    for output in netlist.outputs:
        trimmer.read(trimmer.named[output], latency)
    for i in range(len(netlist.nodes) - 1, -1, -1):
        trimmer.count(i, reading[i])
    return trimmer.left


class _Trimmer:
    """``named``: by node, the names of its bits, least first."""

    def __init__(self, netlist: Netlist, in_dsp: Collection[int]) -> None:
        self.nodes, self.tables, self.left = netlist.nodes, netlist.tables, Logic()
        self.in_dsp = in_dsp
        self.named: list[list[int]] = []
        for i, node in enumerate(netlist.nodes):
            self.named.append(self._names(i, node))

    # -- names -----------------------------------------------------------------------------

    def _names(self, i: int, node: Node) -> list[int]:
        special = _NAMES.get(node.op)
        return own_bits(i, node.width) if special is None else special(self, i, node)

    def word(self, i: int, width: int) -> list[int]:
        """Names of a node's bits, cut or continued to ``width``."""
        node = self.nodes[i]
        if node.op is Op.CONST:
            return [ONE if node.lo >> k & 1 else ZERO for k in range(width)]
        bits = self.named[i][:width]
        return bits + [bits[-1] if node.signed else ZERO] * (width - len(bits))

    def const(self, i: int, node: Node) -> list[int]:
        """Of a constant."""
        del i
        return [ONE if node.lo >> k & 1 else ZERO for k in range(node.width)]

    def take(self, i: int, node: Node) -> list[int]:
        """Bits from a place up."""
        del i
        start = node.data[0]
        return self.word(node.args[0], start + node.width)[start:]

    def shl(self, i: int, node: Node) -> list[int]:
        """Zeros, then the bits."""
        del i
        shift = node.data[0]
        return [ZERO] * shift + self.word(node.args[0], node.width - shift)

    def concat(self, i: int, node: Node) -> list[int]:
        """Single bits."""
        del i
        return [self.named[a][0] for a in node.args]

    def sum(self, i: int, node: Node) -> list[int]:
        """Low bits that only one side has, then sums."""
        a, b = (self.word(arg, node.width) for arg in node.args)
        start = _first_place(a, b, node.op is Op.SUB)
        low = [y if x == ZERO else x for x, y in zip(a[:start], b[:start], strict=True)]
        return low + own_bits(i, node.width)[start:]

    def mux(self, i: int, node: Node) -> list[int]:
        """Bits that are equal on both sides, the condition itself, or a choice."""
        yes, no = (self.word(arg, node.width) for arg in node.args[1:])
        condition = self.named[node.args[0]][0]
        own = own_bits(i, node.width)
        return [
            y if y == n else condition if (y, n) == (ONE, ZERO) else o
            for y, n, o in zip(yes, no, own, strict=True)
        ]

    def rom(self, i: int, node: Node) -> list[int]:
        """Columns that are constant, or equal, are one."""
        entries = self.tables[node.data[0]]
        first: dict[int, int] = {}
        bits = []
        for k, function in enumerate(columns(entries)[: node.width]):
            if function in (0, (1 << len(entries)) - 1):
                bits.append(ONE if function else ZERO)
            else:
                bits.append(first.setdefault(function, i * _STEP + k))
        return bits

    # -- reads -----------------------------------------------------------------------------

    def read(self, bits: Bits, when: int, in_dsp: bool = False) -> None:
        """Note that bits are read."""
        real = [bit for bit in bits if bit >= 0]
        for bit in real:
            self.left.reads[bit].add(when)
        if not in_dsp:
            self.left.logic_reads.update((bit, when) for bit in real)

    def count(self, i: int, when: int) -> None:
        """Node i, where any bit of it is read: what it takes, and what it reads."""
        node, base = self.nodes[i], i * _STEP
        own = [b - base for b in self.named[i] if b >= base and b in self.left.reads]
        if own and node.args:
            _COUNTS.get(node.op, _Trimmer.plain)(self, i, sorted(set(own)), when)

    def plain(self, i: int, own: list[int], when: int) -> None:
        """All bits of all arguments."""
        del own
        node = self.nodes[i]
        for a in node.args:
            self.read(self.named[a], when, i in self.in_dsp)

    def add(self, i: int, own: list[int], when: int) -> None:
        """A chain from the first place that both sides have to the highest bit that is read."""
        node, top = self.nodes[i], own[-1] + 1
        a, b = (self.word(arg, top) for arg in node.args)
        start = _first_place(a, b, node.op is Op.SUB)
        if i not in self.in_dsp:
            self.left.adders += 1
            self.left.adder_bits += top - start
            self._chain(i, start, a[start:], b[start:], ONE if node.op is Op.ADD else ZERO)
        self.read(a[start:] + b[start:], when, i in self.in_dsp)

    def _chain(self, i: int, start: int, a: Bits, b: Bits, flips: int) -> None:
        """A LUT where both bits vary; an inverter where the constant ``flips`` the other one."""
        for k, (x, y) in enumerate(zip(a, b, strict=True), start):
            varied = tuple(self._plain_bit(bit) for bit in (x, y) if bit >= 0)
            if len(varied) == 2:
                self.left.gates[i * _STEP + k] = Gate(varied, chain=True)
            elif varied:
                constant = y if x >= 0 else x
                self.left.inverted += constant == flips if x >= 0 else flips == ZERO

    def _plain_bit(self, bit: int) -> int:
        """What a bit is made of but for inverters, which cost nothing in front of a LUT."""
        while bit >= 0 and self.nodes[node_of(bit)].op is Op.NOT:
            bit = self.named[self.nodes[node_of(bit)].args[0]][0]
        return bit

    def _gate(self, bit: int, fan: Bits, when: int, data: int | None = None) -> None:
        """Note a function that is made in cycle ``when``."""
        varied = tuple(dict.fromkeys(self._plain_bit(f) for f in fan if f >= 0))
        registered = min(self.left.reads[bit]) > when
        self.left.gates[bit] = Gate(varied, data=data, registered=registered)

    def choose(self, i: int, own: list[int], when: int) -> None:
        """A bit of two; a gate where one is constant."""
        node = self.nodes[i]
        yes, no = (self.word(arg, node.width) for arg in node.args[1:])
        self.read(self.named[node.args[0]], when)
        condition = self.named[node.args[0]][0]
        for k in own:
            self.read((yes[k], no[k]), when)
            sides = [x for x in (yes[k], no[k]) if x >= 0]
            data = None if len(sides) == 2 else sides[0] if sides else -1
            self._gate(i * _STEP + k, (condition, *sides), when, data)
        self.left.mux_bits += len(own)
        self.left.gate_bits += sum(yes[k] < 0 or no[k] < 0 for k in own)

    def gate(self, i: int, own: list[int], when: int) -> None:
        """AND and OR of bits."""
        self.left.mux_bits += 1
        self.left.gate_bits += 1
        self._gate(i * _STEP, [self.named[a][0] for a in self.nodes[i].args], when)
        self.plain(i, own, when)

    def reduce(self, i: int, own: list[int], when: int) -> None:
        """The bits that differ."""
        bits = sorted({b for b in self.named[self.nodes[i].args[0]] if b >= 0})
        self.left.compare_bits += len(bits)
        self._gate(i * _STEP, bits, when)
        self.plain(i, own, when)

    def compare(self, i: int, own: list[int], when: int) -> None:
        """A chain, but for the zeros at the end of a constant."""
        del own
        node = self.nodes[i]
        width = max(self.nodes[a].width for a in node.args)
        a, b = (self.word(arg, width) for arg in node.args)
        start = next((k for k, y in enumerate(b) if y != ZERO), width - 1)
        self.left.compare_bits += width - start
        self._chain(i, start, a[start:], b[start:], ZERO)
        self.read(a[start:] + b[start:], when)

    def look_up(self, i: int, own: list[int], when: int) -> None:
        """Columns of a table."""
        self.left.columns[i].update(own)
        self.plain(i, own, when)


_NAMES: dict[Op, Callable[[_Trimmer, int, Node], list[int]]] = {
    Op.CONST: _Trimmer.const,
    Op.TAKE: _Trimmer.take,
    Op.SHL: _Trimmer.shl,
    Op.CONCAT: _Trimmer.concat,
    Op.ADD: _Trimmer.sum,
    Op.SUB: _Trimmer.sum,
    Op.MUX: _Trimmer.mux,
    Op.ROM: _Trimmer.rom,
}

_COUNTS: dict[Op, Callable[[_Trimmer, int, list[int], int], None]] = {
    Op.ADD: _Trimmer.add,
    Op.SUB: _Trimmer.add,
    Op.MUX: _Trimmer.choose,
    Op.AND: _Trimmer.gate,
    Op.OR: _Trimmer.gate,
    Op.ANY: _Trimmer.reduce,
    Op.ALL: _Trimmer.reduce,
    Op.PARITY: _Trimmer.reduce,
    Op.GE: _Trimmer.compare,
    Op.ROM: _Trimmer.look_up,
}


def _first_place(a: Bits, b: Bits, minus: bool) -> int:
    """The first place where a chain is needed: below, one side is 0."""
    for k, (x, y) in enumerate(zip(a, b, strict=True)):
        if y != ZERO and (minus or x != ZERO):
            return k
    return len(a)


@lru_cache(maxsize=256)
def columns(entries: tuple[int, ...]) -> tuple[int, ...]:
    """Each bit of the words of a table as a function of the address: a bit per entry."""
    width = max(max(entries).bit_length(), (~min(entries)).bit_length()) + 1
    texts = ("".join("1" if e >> k & 1 else "0" for e in reversed(entries)) for k in range(width))
    return tuple(int(text, 2) for text in texts)


@lru_cache(maxsize=1024)
def table_luts(entries: tuple[int, ...], wanted: frozenset[int]) -> int:
    """Six-input LUTs of the ``wanted`` columns: one for every distinct function of six address
    bits, and one for every three of these that are chosen from above.
    """
    mask, chunks = (1 << 64) - 1, -(-len(entries) // 64)
    leaves: set[int] = set()
    choices = 0
    for k in sorted(wanted):
        own = [columns(entries)[k] >> 64 * c & mask for c in range(chunks)]
        leaves.update(min(f, ~f & mask) for f in own)
        choices += -(-sum(a != b for a, b in pairwise(own)) // 3)
    return len(leaves - {0}) + choices
