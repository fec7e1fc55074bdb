"""Exact rules that several tools share: DSP blocks by operand width, block RAM by geometry."""

from __future__ import annotations

from converter.facts import Memory
from converter.timing import Family


def dsp_per_product(width_a: int, width_b: int, family: Family) -> int:
    """DSP blocks of one product: 27 by 18 bits fit into a DSP48E2, 25 by 18 into a DSP48E1.

    Wider signed operands are cut into limbs that leave a sign bit to each but the top one.
    """
    wide = 25 if family is Family.SERIES7 else 27
    small, large = sorted((width_a, width_b))
    return _limbs(small, 18) * _limbs(large, wide)


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


def _limbs(width: int, limit: int) -> int:
    return 1 if width <= limit else -(-(width - 1) // (limit - 1))
