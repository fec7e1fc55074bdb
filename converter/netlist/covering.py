"""How many six-input LUTs the logic of a trimmed netlist takes.

As synthesis does it: a function that only one other reads is put into the LUT of that one while
both have at most six inputs together; a choice between a bit and a constant in front of a register
is the register's reset; a bit of a carry chain needs a LUT only where both of its operands vary, or
one of them is inverted.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

INPUTS = 6


@dataclass(frozen=True)
class Gate:
    """A function of the bits ``fan``. ``chain``: the sum bit of a carry chain, into whose LUT only
    the last of ``fan`` can be put; ``data``: of a choice between a bit and a constant, the bit
    (-1: there is none). ``registered``: it is read by registers alone.
    """

    fan: tuple[int, ...]
    chain: bool = False
    data: int | None = None
    registered: bool = False


def luts(gates: Mapping[int, Gate]) -> int:
    """LUTs of gates by the name of what they make; names rise from inputs to outputs."""
    gates = {bit: _without_reset(gate) for bit, gate in gates.items()}
    readers = Counter(f for gate in gates.values() for f in gate.fan)
    leaves: dict[int, frozenset[int]] = {}
    inside: set[int] = set()
    for bit in sorted(gates):
        leaves[bit] = _cover(gates[bit], gates, readers, leaves, inside)
    return sum(_size(gate, leaves[bit]) for bit, gate in gates.items() if bit not in inside)


def _without_reset(gate: Gate) -> Gate:
    """A register takes the choice; its data come as they are, its reset is a signal."""
    if gate.registered and gate.data is not None:
        return Gate((), registered=True)
    return gate


def _cover(
    gate: Gate,
    gates: Mapping[int, Gate],
    readers: Counter[int],
    leaves: Mapping[int, frozenset[int]],
    inside: set[int],
) -> frozenset[int]:
    """The inputs of the LUT, as it takes in what only it reads."""
    found = set(gate.fan)
    for f in gate.fan[-1:] if gate.chain else gate.fan:
        source = gates.get(f)
        if source is None or source.chain or source.registered or readers[f] != 1:
            continue
        whole = (found - {f}) | leaves[f]
        if len(whole) <= INPUTS:
            found = whole
            inside.add(f)
    return frozenset(found)


def _size(gate: Gate, leaves: frozenset[int]) -> int:
    """Wide functions are trees."""
    if gate.chain:
        return int(len(leaves) > 1)
    return -(-(len(leaves) - 1) // (INPUTS - 1)) if len(leaves) > 1 else 0
