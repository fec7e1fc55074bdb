"""Cells of an ECP5's netlist, as resources."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from converter.errors import ToolError

RAM_LUTS = 6
"""Of a RAM of 16 words of 4 bits: four that hold it, and the two whose inputs write it."""

LUTS = {"LUT4": 1, "CCU2C": 2, "TRELLIS_DPR16X4": RAM_LUTS}
"""LUTs of four inputs per cell; two bits of a carry chain take two, as nextpnr counts."""

FLIP_FLOPS = frozenset({"TRELLIS_FF"})
DSPS = frozenset({"MULT18X18D"})
BLOCK_RAMS = frozenset({"DP16KD", "PDPW16KD"})
FREE = frozenset({"PFUMX", "L6MUX21", "$scopeinfo"})
"""Multiplexers beside the LUTs of a slice, or no hardware at all."""


@dataclass(frozen=True)
class Resources:
    """Counts of a netlist. ``dsp``: multipliers of 18 bits; ``bram_18k``: blocks of 18 Kb; of
    ``lut``, ``lutram`` are RAM.
    """

    lut: int
    ff: int
    dsp: int
    bram_18k: int
    lutram: int


def resources(cells: Mapping[str, int]) -> Resources:
    """What cells of each type take together.

    Raises ToolError for a cell that is not known, so that nothing is left out of the count.
    """
    known = {*LUTS, *FLIP_FLOPS, *DSPS, *BLOCK_RAMS, *FREE}
    strange = sorted(set(cells) - known)
    if strange:
        raise ToolError(f"Yosys: cells without a price in the count: {', '.join(strange)}")
    return Resources(
        lut=sum(LUTS.get(c, 0) * n for c, n in cells.items()),
        ff=sum(n for c, n in cells.items() if c in FLIP_FLOPS),
        dsp=sum(n for c, n in cells.items() if c in DSPS),
        bram_18k=sum(n for c, n in cells.items() if c in BLOCK_RAMS),
        lutram=RAM_LUTS * cells.get("TRELLIS_DPR16X4", 0),
    )
