"""Exact rules that several tools share: DSP blocks by operand width, block RAM by geometry."""

from __future__ import annotations

from converter.facts import Memory
from converter.timing import Family, dsp_shape


def dsp_per_product(width_a: int, width_b: int, family: Family) -> int:
    """DSP blocks of one product: wider signed operands than a block's are cut into limbs that
    leave a sign bit to each but the top one.
    """
    return dsp_shape(family).blocks(width_a, width_b)


def block_ram_18k(depth: int, width: int) -> int:
    """18 Kb halves of one read-only memory.

    Deeper than 1024 words it is cut by depth, as the csynth reports of weights in
    ``calibration`` show (1280 words of 256 bits: 15 + 8 halves).
    """
    if depth <= 512:
        return -(-width // 36)
    if depth <= 1024:
        return -(-width // 18)
    return depth // 1024 * -(-width // 18) + (
        block_ram_18k(depth % 1024, width) if depth % 1024 else 0
    )


def memory_blocks(memory: Memory) -> int:
    """18 Kb halves of ``memory``; two ports read from one copy."""
    copies = -(-memory.ports // 2)
    return memory.count * copies * block_ram_18k(memory.depth, memory.width)


def rom_luts(depth: int, width: int) -> int:
    """Six-input LUTs of a small read-only memory: 64 words of one bit each."""
    return -(-depth // 64) * width
