"""Yosys' cell counts of an AMD netlist, as resources."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from converter.errors import ToolError

LUTS = {
    **{f"LUT{n}": 1 for n in range(1, 7)},
    "SRL16E": 1,
    "SRLC32E": 1,
    "RAM32X1D": 2,
    "RAM64X1D": 2,
    "RAM128X1D": 4,
    "RAM32M": 4,
    "RAM64M": 4,
}
"""LUTs per cell: logic, shift registers and RAM in LUTs. Pairs that could share a LUT are not
merged, as in Vivado's count of primitives; inverters are not counted, since placement puts
them into the LUT that they feed or come from.
"""

FLIP_FLOPS = frozenset({"FDRE", "FDSE", "FDCE", "FDPE"})
DSPS = frozenset({"DSP48E1"})
BRAM_18K = {"RAMB18E1": 1, "RAMB36E1": 2}
FREE = frozenset({"CARRY4", "INV", "MUXF7", "MUXF8", "MUXF9", "$scopeinfo"})
"""Cells that are part of a slice beside its LUTs, or no hardware at all."""


@dataclass(frozen=True)
class Resources:
    """Counts of a netlist; ``bram_18k`` in 18 Kb halves."""

    lut: int
    ff: int
    dsp: int
    bram_18k: int


def resources(cells: Mapping[str, int]) -> Resources:
    """What cells of each type take together.

    Raises ToolError for a cell that is not known, so that nothing is left out of the count.
    """
    known = {*LUTS, *FLIP_FLOPS, *DSPS, *BRAM_18K, *FREE}
    strange = sorted(set(cells) - known)
    if strange:
        raise ToolError(f"Yosys: cells without a price in the count: {', '.join(strange)}")
    return Resources(
        lut=sum(LUTS.get(c, 0) * n for c, n in cells.items()),
        ff=sum(n for c, n in cells.items() if c in FLIP_FLOPS),
        dsp=sum(n for c, n in cells.items() if c in DSPS),
        bram_18k=sum(BRAM_18K.get(c, 0) * n for c, n in cells.items()),
    )
