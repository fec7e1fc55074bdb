"""Yosys' cell counts of an AMD netlist, as resources.

LUTs are counted as Vivado counts primitives, inverters included: what inverters are left feed
carry chains, registers and ports, none of which can invert, so that each takes a LUT. Vivado's
count of CLB LUTs is lower than that of primitives, since it places pairs of small LUTs in one:
1.07 to 1.29 primitives per CLB LUT in six published designs.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields

from converter.errors import ToolError

LOGIC = {**{f"LUT{n}": 1 for n in range(1, 7)}, "INV": 1}
SHIFT_REGISTERS = {"SRL16E": 1, "SRLC16E": 1, "SRLC32E": 1}
LUT_RAM = {
    "RAM32X1S": 1, "RAM32X1S_1": 1, "RAM64X1S": 1, "RAM128X1S": 2, "RAM256X1S": 4, "RAM512X1S": 8,
    "RAM32X1D": 2, "RAM64X1D": 2, "RAM128X1D": 4, "RAM256X1D": 8, "RAM32X2S": 2,
    "RAM16X1D": 2, "RAM16X1S": 1,
    "RAM32M": 4, "RAM64M": 4, "RAM32M16": 8, "RAM64M8": 8,
}  # fmt: skip
"""LUTs per cell (UG474, UG574)."""

FLIP_FLOPS = {"FDRE": 1, "FDSE": 1, "FDCE": 1, "FDPE": 1}
DSPS = {"DSP48E1": 1, "nn_mult_27x18": 1, "nn_mult_27x24": 1}
"""The last two are black boxes: wider blocks of newer families, which Yosys does not know."""

BRAM_18K = {"RAMB18E1": 1, "RAMB36E1": 2, "RAMB18E2": 1, "RAMB36E2": 2}
URAM = {"URAM288": 1}
FREE = frozenset({"CARRY4", "MUXF7", "MUXF8", "MUXF9", "$scopeinfo"})
"""Cells that are part of a slice beside its LUTs, or no hardware at all."""


@dataclass(frozen=True)
class Resources:
    """Counts of a netlist; ``bram_18k`` in 18 Kb halves; ``lutram`` and ``srl`` are in ``lut``."""

    lut: int = 0
    ff: int = 0
    dsp: int = 0
    bram_18k: int = 0
    uram: int = 0
    lutram: int = 0
    srl: int = 0

    def plus(self, other: Resources) -> Resources:
        """Both together."""
        return Resources(
            **{f.name: getattr(self, f.name) + getattr(other, f.name) for f in fields(self)}
        )


def resources(cells: Mapping[str, int], boxes: frozenset[str] = frozenset()) -> Resources:
    """What cells of each type take together; ``boxes`` are counted elsewhere.

    Raises ToolError for a cell that is not known, so that nothing is left out of the count.
    """
    counted = (LOGIC, SHIFT_REGISTERS, LUT_RAM, FLIP_FLOPS, DSPS, BRAM_18K, URAM)
    known = {*(cell for table in counted for cell in table), *FREE, *boxes}
    strange = sorted(set(cells) - known)
    if strange:
        raise ToolError(f"Yosys: cells without a price in the count: {', '.join(strange)}")
    logic, srl, lutram, ff, dsp, bram, uram = (
        sum(table.get(cell, 0) * n for cell, n in cells.items()) for table in counted
    )
    return Resources(logic + srl + lutram, ff, dsp, bram, uram, lutram, srl)
