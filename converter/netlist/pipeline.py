"""Places a netlist's nodes into clock cycles, as soon as the delays allow."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from converter.errors import TargetError
from converter.facts import Memory, Multipliers
from converter.netlist.nodes import WIRING, Netlist, Node, Op, block_rom
from converter.timing import Timing, slowest_fit

DSP_WIDTHS = (18, 25)
"""Signed operands that one DSP block of every family multiplies."""

SHIFT_REGISTER_LENGTH = 3
"""Delays of this many cycles and more are shift registers in LUTs (Yosys, Vivado alike)."""


@dataclass(frozen=True)
class Pipeline:
    """``cycle[i]``: the cycle in which node i's value is there; ``uses[i]``: the later cycles
    that it is held for, rising; ``latency``: registers from input to output (0: wiring only).
    """

    netlist: Netlist
    cycle: tuple[int, ...]
    uses: tuple[tuple[int, ...], ...]
    latency: int


@dataclass(frozen=True)
class Counts:
    """What a netlist is made of, additive: see ``Facts`` for the meaning of each count."""

    adders: int = 0
    adder_bits: int = 0
    mux_bits: int = 0
    compare_bits: int = 0
    register_bits: int = 0
    shift_register_bits: int = 0
    multipliers: tuple[Multipliers, ...] = ()
    memories: tuple[Memory, ...] = ()


def pipeline(netlist: Netlist, timing: Timing, where: str) -> Pipeline:
    """Cut by ``timing``; ``where`` names the stage in errors.

    Raises TargetError where one operation alone does not fit into a cycle.
    """
    cycle: list[int] = []
    ready: list[float] = []
    for node in netlist.nodes:
        c, t = _place(netlist, node, cycle, ready, timing, where)
        cycle.append(c)
        ready.append(t)
    latency = max((cycle[o] + (ready[o] > 0) for o in netlist.outputs), default=0)
    return Pipeline(netlist, tuple(cycle), _uses(netlist, cycle, latency), latency)


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
        raise TargetError(
            f"{where}: a {node.op.value} of {node.width} bits {slowest_fit(timing, delay)}"
        )
    if settled + delay > timing.usable_ns:
        start, settled = start + 1, 0.0
    if node.op is Op.MUL:
        return start + multiplier_cycles(netlist, node), 0.0
    if _in_block(netlist, node):
        return start + 1, timing.memory_ns
    return start, settled + delay


def multiplier_cycles(netlist: Netlist, node: Node) -> int:
    """Registers behind a product: two where it takes more than one DSP block."""
    return 1 if _fits_dsp(*_operand_widths(netlist, node)) else 2


def _operand_widths(netlist: Netlist, node: Node) -> tuple[int, int]:
    a, b = (netlist.nodes[i].width + (not netlist.nodes[i].signed) for i in node.args)
    return min(a, b), max(a, b)


def _fits_dsp(a: int, b: int) -> bool:
    return a <= DSP_WIDTHS[0] and b <= DSP_WIDTHS[1]


def _in_block(netlist: Netlist, node: Node) -> bool:
    if node.op is not Op.ROM:
        return False
    entries = netlist.tables[node.data[0]]
    return block_rom(len(entries), table_width(entries))


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
        return timing.adder_ns(max(netlist.nodes[a].width for a in node.args))
    if node.op is Op.MUL:
        return timing.multiplier_ns
    if node.op is Op.ROM:
        depth = len(netlist.tables[node.data[0]])
        return timing.lut_ns if _in_block(netlist, node) else timing.lookup_ns(depth)
    return timing.lut_ns if node.op is Op.MUX else timing.lut_ns / 2


def _uses(netlist: Netlist, cycle: list[int], latency: int) -> tuple[tuple[int, ...], ...]:
    """Later cycles that each node is read in."""
    uses: list[set[int]] = [set() for _ in netlist.nodes]
    for i, node in enumerate(netlist.nodes):
        at = _reading_cycle(netlist, node, cycle[i])
        for a in node.args:
            uses[a].add(at)
    for o in netlist.outputs:
        uses[o].add(latency)
    return tuple(
        () if n.op is Op.CONST else tuple(sorted(u for u in used if u > c))
        for n, used, c in zip(netlist.nodes, uses, cycle, strict=True)
    )


def _reading_cycle(netlist: Netlist, node: Node, cycle: int) -> int:
    """The cycle in which a node reads its arguments."""
    if node.op is Op.MUL:
        return cycle - multiplier_cycles(netlist, node)
    return cycle - _in_block(netlist, node)


def count(plan: Pipeline) -> Counts:
    """Exact counts of a placed netlist."""
    netlist, nodes = plan.netlist, plan.netlist.nodes

    def width(*ops: Op) -> int:
        return sum(n.width for n in nodes if n.op in ops)

    compared = sum(
        max(nodes[a].width for a in n.args)
        for n in nodes
        if n.op in (Op.GE, Op.ANY, Op.ALL, Op.PARITY)
    )
    registers, shifted = _register_bits(plan)
    return Counts(
        adders=sum(n.op in (Op.ADD, Op.SUB) for n in nodes),
        adder_bits=width(Op.ADD, Op.SUB),
        mux_bits=width(Op.MUX, Op.AND, Op.OR),
        compare_bits=compared,
        register_bits=registers,
        shift_register_bits=shifted,
        multipliers=_multipliers(netlist),
        memories=_memories(netlist),
    )


def _register_bits(plan: Pipeline) -> tuple[int, int]:
    """Bits of flip-flops, and of words that wait three cycles or more between two uses."""
    single = shifted = 0
    for node, born, uses in zip(plan.netlist.nodes, plan.cycle, plan.uses, strict=True):
        for start, end in zip((born, *uses), uses, strict=False):
            if end - start >= SHIFT_REGISTER_LENGTH:
                shifted += node.width
            else:
                single += node.width * (end - start)
    return single, shifted


def _multipliers(netlist: Netlist) -> tuple[Multipliers, ...]:
    widths = [_operand_widths(netlist, node) for node in netlist.nodes if node.op is Op.MUL]
    return tuple(Multipliers(widths.count(w), *w) for w in sorted(set(widths)))


def _memories(netlist: Netlist) -> tuple[Memory, ...]:
    used = [node.data[0] for node in netlist.nodes if node.op is Op.ROM]
    return tuple(
        Memory(used.count(i), len(t), table_width(t), 1, block_rom(len(t), table_width(t)))
        for i, t in enumerate(netlist.tables)
        if i in used
    )
