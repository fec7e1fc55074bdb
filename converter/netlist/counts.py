"""Counts a placed netlist: what is left of it after trimming, block by block."""

from __future__ import annotations

from dataclasses import dataclass

from converter.facts import Memory, Multipliers
from converter.netlist.covering import luts
from converter.netlist.nodes import Netlist, Op
from converter.netlist.packing import Packed, packed
from converter.netlist.pipeline import (
    Counts,
    Pipeline,
    carry_bits,
    in_block,
    operand_widths,
    pieces_of,
    reading_cycle,
    table_width,
)
from converter.netlist.trimmed import Logic, node_of, own_bits, table_luts, trim
from converter.timing import DspShape

DSP_REGISTERS = 2
"""Cycles that an operand can wait for in the DSP block that multiplies it."""


def count(plan: Pipeline) -> Counts:
    """Exact counts of a placed netlist, without what every synthesis takes away."""
    netlist = plan.netlist
    reading = [
        reading_cycle(netlist, node, cycle, plan.chunk)
        for node, cycle in zip(netlist.nodes, plan.cycle, strict=True)
    ]
    in_dsp = packed(plan)
    left = trim(netlist, reading, plan.latency, in_dsp.products | in_dsp.adders)
    waits = _waits(plan, left, in_dsp)
    return Counts(
        adders=left.adders,
        adder_bits=left.adder_bits,
        mux_bits=left.mux_bits,
        gate_bits=left.gate_bits,
        logic_luts=luts(left.gates) + left.inverted,
        compare_bits=left.compare_bits,
        register_bits=waits.single,
        shift_register_bits=waits.shifted,
        multipliers=_multipliers(netlist, plan.dsp),
        memories=_memories(netlist, left),
    )


@dataclass
class _Waits:
    """Bits of flip-flops, and of words that wait three cycles or more between two uses."""

    shift_length: int
    single: int = 0
    shifted: int = 0

    def add(self, bits: int, cycles: int) -> None:
        """Some bits that wait as long."""
        if cycles >= self.shift_length:
            self.shifted += bits
        else:
            self.single += bits * cycles


def _waits(plan: Pipeline, left: Logic, in_dsp: Packed) -> _Waits:
    waits = _Waits(plan.shift_length)
    for bit, reads in left.reads.items():
        owner, last = node_of(bit), max(reads)
        at = plan.cycle[owner] + (owner in in_dsp.outputs)
        for when in sorted(reads):
            inside = DSP_REGISTERS if when == last and not left.by_logic(bit, last) else 0
            if when > at:
                waits.add(1, max(0, when - at - inside))
                at = when
    for i, node in enumerate(plan.netlist.nodes):
        if pieces_of(plan.netlist, node, plan.chunk) > 1:
            _wait_for_carries(plan, i, waits)
        if node.op is Op.MUL and not plan.dsp.accumulator:
            waits.single += node.width  # a family whose registers synthesis leaves outside
    return waits


def _wait_for_carries(plan: Pipeline, i: int, waits: _Waits) -> None:
    """The carries, the operands of later pieces, the sums of earlier ones."""
    netlist, node, chunk = plan.netlist, plan.netlist.nodes[i], plan.chunk
    pieces, bits = pieces_of(netlist, node, chunk), carry_bits(netlist, node)
    waits.add(pieces - 1, 1)
    for piece in range(pieces):
        length = min(chunk, bits - piece * chunk)
        for a in node.args:
            own = 0 if netlist.nodes[a].op is Op.CONST else netlist.nodes[a].width
            waits.add(max(0, min(length, own - piece * chunk)), piece)
        if node.op is not Op.GE:
            waits.add(length, pieces - 1 - piece)


def unread_by_input(plan: Pipeline) -> dict[int, int]:
    """Bits of each input that no register in front needs to hold."""
    reading = [
        reading_cycle(plan.netlist, node, cycle, plan.chunk)
        for node, cycle in zip(plan.netlist.nodes, plan.cycle, strict=True)
    ]
    in_dsp = packed(plan)
    left = trim(plan.netlist, reading, plan.latency, in_dsp.products | in_dsp.adders)
    return _unread(plan.netlist, left)


def _unread(netlist: Netlist, left: Logic) -> dict[int, int]:
    """By input: nobody reads these bits, or only a DSP block, which has registers of its own."""
    return {
        i: sum(
            not any(left.by_logic(bit, when) for when in left.reads.get(bit, ()))
            for bit in own_bits(i, node.width)
        )
        for i, node in enumerate(netlist.nodes)
        if node.op is Op.INPUT
    }


def _multipliers(netlist: Netlist, dsp: DspShape) -> tuple[Multipliers, ...]:
    widths = [operand_widths(netlist, node) for node in netlist.nodes if node.op is Op.MUL]
    return tuple(
        Multipliers(widths.count(w), *w, blocks=dsp.blocks(*w)) for w in sorted(set(widths))
    )


def _memories(netlist: Netlist, left: Logic) -> tuple[Memory, ...]:
    """Equal tables are one, ``luts`` of each the mean of those that are read."""
    readers: dict[int, list[int]] = {}
    for i, node in enumerate(netlist.nodes):
        if node.op is Op.ROM:
            readers.setdefault(node.data[0], []).append(i)
    found = []
    for table, nodes in sorted(readers.items()):
        entries = netlist.tables[table]
        width = table_width(entries)
        block = in_block(netlist, netlist.nodes[nodes[0]])
        all_luts = sum(table_luts(entries, frozenset(left.columns[i])) for i in nodes)
        each = 0 if block else all_luts // len(nodes)
        found.append(Memory(len(nodes), len(entries), width, 1, block, luts=each))
    return tuple(found)
