"""What DSP blocks hold behind their multipliers, as open synthesis packs them for AMD's families.

A product's own register is always in the block. An addition that reads the product as it comes,
and nothing else does, is the block's adder; then the register behind the sum, else a second one
behind the product, is the block's output register.
"""

from __future__ import annotations

from dataclasses import dataclass

from converter.netlist.nodes import Op
from converter.netlist.pipeline import Pipeline, operand_widths, pieces_of, reading_cycle


@dataclass(frozen=True)
class Packed:
    """``products`` in DSP blocks; ``adders``: nodes that are additions in them; ``outputs``: nodes
    whose first register is a DSP block's.
    """

    products: frozenset[int]
    adders: frozenset[int]
    outputs: frozenset[int]


def packed(plan: Pipeline) -> Packed:
    """What the DSP blocks of a placed netlist hold."""
    products: set[int] = set()
    adders: set[int] = set()
    outputs: set[int] = set()
    readers = _readers(plan)
    for i, node in enumerate(plan.netlist.nodes):
        if node.op is not Op.MUL or not _inferred(plan, i):
            continue
        products.add(i)
        held, reading = i, readers[i]
        if len(reading) == 1 and _adds(plan, reading[0], i) and reading[0] not in adders:
            held = reading[0]
            adders.add(held)
        if _registered(plan, held, readers[held]):
            outputs.add(held)
    return Packed(frozenset(products), frozenset(adders), frozenset(outputs))


def _readers(plan: Pipeline) -> list[list[int]]:
    """The nodes that read each, -1 for an output."""
    readers: list[list[int]] = [[] for _ in plan.netlist.nodes]
    for i, node in enumerate(plan.netlist.nodes):
        for a in node.args:
            readers[a].append(i)
    for o in plan.netlist.outputs:
        readers[o].append(-1)
    return readers


def _inferred(plan: Pipeline, i: int) -> bool:
    narrow, wide = operand_widths(plan.netlist, plan.netlist.nodes[i])
    most = plan.dsp.inferred
    return plan.dsp.accumulator > 0 and wide <= most[0] and narrow <= most[1]


def _adds(plan: Pipeline, reader: int, product: int) -> bool:
    """Whether ``reader`` is an addition that a block can hold, right behind the product, which
    open synthesis finds only where all bits of the product go into it.
    """
    if reader < 0:
        return False
    node = plan.netlist.nodes[reader]
    one_cycle = pieces_of(plan.netlist, node, plan.chunk) == 1
    fits = node.op is Op.ADD and node.width <= plan.dsp.accumulator and one_cycle
    return fits and plan.cycle[reader] == plan.cycle[product] and _whole(plan, reader, product)


def _whole(plan: Pipeline, reader: int, product: int) -> bool:
    """Whether all bits of a product go into the addition behind it. An operand without a sign has a
    bit of 0 above it, which the product does not need where the sum is registered at once.
    """
    multiplied = plan.netlist.nodes[product]
    if multiplied.width >= sum(operand_widths(plan.netlist, multiplied)):
        return True
    bare = sum(plan.netlist.nodes[a].width for a in multiplied.args)
    uses = plan.uses[reader]
    return multiplied.width >= bare and bool(uses) and uses[0] > plan.cycle[reader]


def _registered(plan: Pipeline, i: int, readers: list[int]) -> bool:
    """Whether all that read node i read it in a later cycle."""
    nodes = plan.netlist.nodes
    at = [
        plan.latency if r < 0 else reading_cycle(plan.netlist, nodes[r], plan.cycle[r], plan.chunk)
        for r in readers
    ]
    return bool(at) and min(at) > plan.cycle[i]
