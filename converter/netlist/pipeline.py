"""Places a netlist's nodes into clock cycles, as soon as the delays allow.

Nothing that a netlist says is refused for being long: products wider than a DSP block are cut into
limbs first (``netlist.products``), and additions and comparisons that do not fit into a cycle are
cut into pieces, one per cycle, each of which hands its carry to the next.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from converter.errors import TargetError
from converter.facts import Memory, Multipliers
from converter.netlist.nodes import WIRING, Netlist, Node, Op, block_rom
from converter.netlist.products import cut_products
from converter.timing import DspShape, Timing, slowest_fit

CARRIES = frozenset({Op.ADD, Op.SUB, Op.GE})
"""Operations by a carry chain."""


@dataclass(frozen=True)
class Pipeline:
    """``cycle[i]``: the cycle in which node i's value is there; ``uses[i]``: the later cycles
    that it is held for, rising; ``latency``: registers from input to output (0: wiring only).
    ``chunk``: bits of a carry chain that fit into a cycle; the rest is of the family.
    """

    netlist: Netlist
    cycle: tuple[int, ...]
    uses: tuple[tuple[int, ...], ...]
    latency: int
    chunk: int
    dsp: DspShape
    shift_length: int


@dataclass(frozen=True)
class Counts:
    """What a netlist is made of, additive: see ``Facts`` for the meaning of each count."""

    adders: int = 0
    adder_bits: int = 0
    mux_bits: int = 0
    gate_bits: int = 0
    logic_luts: int = 0
    compare_bits: int = 0
    register_bits: int = 0
    shift_register_bits: int = 0
    multipliers: tuple[Multipliers, ...] = ()
    memories: tuple[Memory, ...] = ()


def pipeline(netlist: Netlist, timing: Timing, where: str, at_least: int = 0) -> Pipeline:
    """Cut by ``timing``; ``where`` names the stage in errors. The latency is ``at_least`` cycles.

    Raises TargetError where one operation alone does not fit into a cycle.
    """
    netlist = _slow_tables_in_blocks(cut_products(netlist, timing.dsp), timing)
    cycle: list[int] = []
    ready: list[float] = []
    for node in netlist.nodes:
        c, t = _place(netlist, node, cycle, ready, timing, where)
        cycle.append(c)
        ready.append(t)
    latency = max((cycle[o] + (ready[o] > 0) for o in netlist.outputs), default=0)
    latency, chunk = max(latency, at_least), timing.longest_adder()
    uses = _uses(netlist, cycle, latency, chunk)
    rest = (chunk, timing.dsp, timing.shift_length)
    return Pipeline(netlist, tuple(cycle), uses, latency, *rest)


def _place(
    netlist: Netlist,
    node: Node,
    cycle: list[int],
    ready: list[float],
    timing: Timing,
    where: str,
) -> tuple[int, float]:
    """Cycle of a node and how long into it its value settles."""
    inputs = [a for a in node.args if netlist.nodes[a].op is not Op.CONST]
    start, settled = max(((cycle[a], ready[a]) for a in inputs), default=(0, 0.0))
    if node.op in WIRING:
        return start, settled
    delay = _delay(netlist, node, timing)
    if delay > timing.usable_ns:
        if node.op not in CARRIES:
            raise TargetError(
                f"{where}: a {node.op.value} of {node.width} bits {slowest_fit(timing, delay)}"
            )
        return _place_pieces(netlist, node, (start, settled), timing)
    if settled + delay > timing.usable_ns:
        start, settled = start + 1, 0.0
    if node.op is Op.MUL:
        return start + 1, 0.0
    if in_block(netlist, node):
        return start + 1, timing.memory_ns
    return start, settled + delay


def _place_pieces(
    netlist: Netlist, node: Node, after: tuple[int, float], timing: Timing
) -> tuple[int, float]:
    """A carry chain over several cycles, which begins with a register."""
    chunk, bits = timing.longest_adder(), carry_bits(netlist, node)
    pieces = -(-bits // chunk)
    start = after[0] + (after[1] > 0)
    return start + pieces - 1, timing.adder_ns(bits - (pieces - 1) * chunk)


def carry_bits(netlist: Netlist, node: Node) -> int:
    """Length of the carry chain of an addition or comparison."""
    if node.op is not Op.GE:
        return node.width
    operands = [netlist.nodes[a] for a in node.args]
    signed = any(n.signed for n in operands)
    return max(n.width + (signed and not n.signed) for n in operands)


def pieces_of(netlist: Netlist, node: Node, chunk: int) -> int:
    """Cycles that a carry chain takes: 1 for all but the longest."""
    return -(-carry_bits(netlist, node) // chunk) if node.op in CARRIES else 1


def operand_widths(netlist: Netlist, node: Node) -> tuple[int, int]:
    """Signed bits of a product's operands, the narrower first."""
    a, b = (netlist.nodes[i].width + (not netlist.nodes[i].signed) for i in node.args)
    return min(a, b), max(a, b)


def in_block(netlist: Netlist, node: Node) -> bool:
    """Whether a node reads block RAM: a large table, or one marked by a second datum."""
    if node.op is not Op.ROM:
        return False
    entries = netlist.tables[node.data[0]]
    return len(node.data) > 1 or block_rom(len(entries), table_width(entries))


def _slow_tables_in_blocks(netlist: Netlist, timing: Timing) -> Netlist:
    """Tables too deep to be read from LUTs in a cycle, marked to be in block RAM."""
    slow = {t for t, e in enumerate(netlist.tables) if timing.lookup_ns(len(e)) > timing.usable_ns}
    if not slow:
        return netlist
    nodes = [
        replace(n, data=(n.data[0], 1)) if n.op is Op.ROM and n.data[0] in slow else n
        for n in netlist.nodes
    ]
    return Netlist(nodes, netlist.tables, netlist.outputs)


def table_width(entries: Iterable[int]) -> int:
    """Bits of the words of a table."""
    words = list(entries)
    return Node(Op.ROM, (), min(words), max(words)).width


def _delay(netlist: Netlist, node: Node, timing: Timing) -> float:
    width = netlist.nodes[node.args[0]].width
    if node.op in (Op.ANY, Op.ALL, Op.PARITY):
        return timing.reduce_ns(width)
    if node.op in (Op.ADD, Op.SUB):
        return timing.adder_ns(node.width)
    if node.op is Op.GE:
        return timing.adder_ns(carry_bits(netlist, node))
    if node.op is Op.MUL:
        return timing.multiplier_ns
    if node.op is Op.ROM:
        depth = len(netlist.tables[node.data[0]])
        return timing.lut_ns if in_block(netlist, node) else timing.lookup_ns(depth)
    return timing.lut_ns if node.op is Op.MUX else timing.lut_ns / 2


def _uses(
    netlist: Netlist, cycle: list[int], latency: int, chunk: int
) -> tuple[tuple[int, ...], ...]:
    """Later cycles that each node is read in."""
    uses: list[set[int]] = [set() for _ in netlist.nodes]
    for i, node in enumerate(netlist.nodes):
        at = reading_cycle(netlist, node, cycle[i], chunk)
        for a in node.args:
            uses[a].add(at)
    for o in netlist.outputs:
        uses[o].add(latency)
    return tuple(
        () if n.op is Op.CONST else tuple(sorted(u for u in used if u > c))
        for n, used, c in zip(netlist.nodes, uses, cycle, strict=True)
    )


def reading_cycle(netlist: Netlist, node: Node, cycle: int, chunk: int) -> int:
    """The cycle in which a node reads its arguments."""
    if node.op is Op.MUL or in_block(netlist, node):
        return cycle - 1
    return cycle - (pieces_of(netlist, node, chunk) - 1)
