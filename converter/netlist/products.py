"""Products of wide words, cut into limbs that DSP blocks multiply, and the sums of these."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from converter.netlist.nodes import Netlist, Node, Op
from converter.timing import DspShape, limbs


def cut_products(netlist: Netlist, dsp: DspShape) -> Netlist:
    """The same values, each product of which is one DSP block's; the netlist itself where it is
    so already. A limb too narrow for a DSP block is multiplied in logic.
    """
    if not any(n.op is Op.MUL and _blocks(netlist, n, dsp) > 1 for n in netlist.nodes):
        return netlist
    made = Netlist(tables=netlist.tables)
    place: list[int] = []
    for node in netlist.nodes:
        args = tuple(place[a] for a in node.args)
        if node.op is Op.MUL and _blocks(netlist, node, dsp) > 1:
            place.append(_cut(made, (args[0], args[1]), node, dsp))
        else:
            made.nodes.append(replace(node, args=args))
            place.append(len(made.nodes) - 1)
    made.outputs = [place[o] for o in netlist.outputs]
    return made


def _signed_width(netlist: Netlist, a: int) -> int:
    return netlist.nodes[a].width + (not netlist.nodes[a].signed)


def _blocks(netlist: Netlist, node: Node, dsp: DspShape) -> int:
    return dsp.blocks(*(_signed_width(netlist, a) for a in node.args))


def _cut(made: Netlist, args: tuple[int, int], node: Node, dsp: DspShape) -> int:
    """A product in place of ``node``, its wider operand cut to the wider port."""
    a, b = args
    if _signed_width(made, a) < _signed_width(made, b):
        a, b = b, a
    rows = []
    for start, limb in _limbs(made, b, dsp.narrow):
        columns = [
            (made.shl(made.product(part, limb), place + start), False)
            for place, part in _limbs(made, a, dsp.wide)
        ]
        rows += columns
    return made.known(made.signed_sum(_by_place(made, rows)), node.lo, node.hi)


def _by_place(made: Netlist, rows: Sequence[tuple[int, bool]]) -> list[tuple[int, bool]]:
    """Words that are near to each other in place are added first, which is shortest."""
    return sorted(rows, key=lambda row: (made.nodes[row[0]].hi, row[0]))


def _limbs(made: Netlist, a: int, limit: int) -> list[tuple[int, int]]:
    """(place, limb) of a word: those below the top one have no sign."""
    count, step = limbs(_signed_width(made, a), limit), limit - 1
    parts = [(i * step, made.low(a, step, i * step)) for i in range(count - 1)]
    return [*parts, ((count - 1) * step, made.shr(a, (count - 1) * step))]
