"""Stages without weights to share: adders, comparisons, choices, tables, products."""

from __future__ import annotations

from collections.abc import Sequence
from math import log2

from converter.facts import Facts, Memory
from converter.timing import Target
from estimators.kernels.base import (
    LUT_PRODUCT_DELAY,
    LUT_ROM_BITS,
    Delays,
    Kernel,
    Mapping,
    to_dsp,
)
from estimators.structure import dsp_per_product, memory_blocks, rom_luts

SOFTMAX = "softmax"
"""The kind of stage that computes over all of its elements together."""

LOOKED_UP = ("table", "curve")
"""Kinds whose argument is scaled and clipped to an address, and read from a memory."""

TABLE_CYCLES = 2
"""Latency of an activation by table: 2 in Vivado HLS 2020.1, 2 or 3 in Vitis HLS."""

SOFTMAX_LEVELS = 3.5
"""Adder levels per doubling of a softmax: a comparison with its choice, and a sum."""


def elementwise(facts: Facts, target: Target, delays: Delays, mapping: Mapping) -> Kernel:
    """Anything without weights to share: adders, comparisons, choices, tables, products."""
    in_dsp = [m for m in facts.multipliers if to_dsp(m.width_a, m.width_b, mapping)]
    in_lut = [m for m in facts.multipliers if m not in in_dsp]
    held = [m for m in facts.memories if not m.writable]
    roms = [m for m in held if m.depth * m.width > LUT_ROM_BITS]
    together = facts.kind == SOFTMAX
    levels = (SOFTMAX_LEVELS * log2(facts.n_in) + 1 if together else 0.0) + _logic_levels(facts)
    looked_up = len(roms) if together else min(len(roms), 1)  # a curve's two are side by side
    products = len(in_dsp) + LUT_PRODUCT_DELAY * len(in_lut) + looked_up
    latency = delays.cycles(levels, products, target) + looked_up
    if facts.kind in LOOKED_UP and roms:
        latency = max(latency, TABLE_CYCLES)
    logic = facts.adder_bits + facts.compare_bits + facts.mux_bits
    return Kernel(
        dsp=sum(m.count * dsp_per_product(m.width_a, m.width_b, target.family) for m in in_dsp),
        bram_18k=_tables(facts, roms, delays),
        latency=latency,
        interval=1,
        lut={
            "softmax_bit" if together else "logic_bit": logic,
            "lut_product_bit2": sum(m.count * m.width_a * m.width_b for m in in_lut),
            "rom_lut": sum(_rom_luts(m) for m in held if m not in roms),
        },
        ff={"output_bit cycle": facts.n_out * facts.output_width * latency},
    )


def _tables(facts: Facts, roms: Sequence[Memory], delays: Delays) -> int:
    """Block RAM of tables. A softmax of 5 classes has 5 halves in Vitis HLS 2021.1, and 8 in
    2022.2 and 2024.1, in pairs of ports; in streams of Vivado HLS 10 classes share 4.
    """
    blocks = sum(memory_blocks(m) for m in roms)
    if facts.kind != SOFTMAX or not roms:
        return blocks
    if facts.stream and not delays.vitis:
        return min(blocks, max(1, facts.n_in // 2 - 1))
    return blocks + (2 + facts.n_in % 2 if delays.paired_tables and not facts.stream else 0)


def _logic_levels(facts: Facts) -> float:
    """An adder, and the comparison and choice that go with it, at half of an adder's delay."""
    return bool(facts.adder_bits) + bool(facts.compare_bits) / 2


def _rom_luts(memory: Memory) -> int:
    return memory.count * memory.ports * rom_luts(memory.depth, memory.width)
