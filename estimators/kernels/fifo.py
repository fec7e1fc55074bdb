"""FIFOs between the stages of a stream, as HLS tools build them."""

from __future__ import annotations

from math import log2

from converter.facts import Facts, Memory
from estimators.kernels.base import Delays, Kernel, added

SHIFT_REGISTER_DEPTH = 16
"""Deeper FIFOs go to block RAM under HLS (36 places do, 16 do not: Vivado HLS 2020.1)."""

LUT_RAM_BITS = 1024
"""Logic synthesis leaves FIFOs of at most so many bits to LUTs: 36x16, 169x6 and 35x28 bits are
there, 66x16, 64x28 and 169x16 bits in block RAM (Vivado 2020.1, five designs)."""


def fifo(facts: Facts, delays: Delays) -> Kernel:
    """All memories of the stage. A word is as wide as its FIFO: in Vitis HLS all of a beat."""
    kernels = [_one(memory, delays) for memory in facts.memories]
    return Kernel(
        dsp=0,
        bram_18k=sum(k.bram_18k for k in kernels),
        latency=0,
        interval=1,
        lut=added(*(k.lut for k in kernels)),
        ff=added(*(k.ff for k in kernels)),
        synthesised_18k=sum(k.logic_18k for k in kernels),
    )


def _one(memory: Memory, delays: Delays) -> Kernel:
    count, width = memory.count, memory.width
    if delays.vitis:
        count, width = 1, count * width
    if memory.depth > SHIFT_REGISTER_DEPTH:
        return _in_block_ram(count, memory.depth, width, delays)
    bits = count * width
    doubled = delays.vitis and memory.depth <= 2
    lut = {"srl_fifo": count, "srl_fifo_bit": bits}
    return Kernel(0, 0, 0, 1, lut, {"fifo_ff": 2 * bits if doubled else 6 * count})


def _in_block_ram(count: int, depth: int, width: int, delays: Delays) -> Kernel:
    """18 bits to a block, 36 after logic synthesis where it is shallow: 15 FIFOs of 20 to 1408
    bits (Vitis HLS 2023.1) and all of five designs of Vivado HLS 2020.1 agree.
    """
    ff = 147.0 if delays.vitis else width + 3.4 * log2(depth)
    small = depth * width <= LUT_RAM_BITS
    narrow = 36 if depth <= 512 else 18
    return Kernel(
        dsp=0,
        bram_18k=count * _blocks(depth, width, 18),
        latency=0,
        interval=1,
        lut={"bram_fifo": count},
        ff={"fifo_ff": count * ff},
        synthesised_18k=0 if small else count * _blocks(depth, width, narrow),
    )


def _blocks(depth: int, width: int, shallow: int) -> int:
    """Halves of 18 Kb: ``shallow`` bits wide up to 1024 words, half as wide for twice as many."""
    places, bits = 1024, shallow
    while places < depth and bits > 1:
        places, bits = 2 * places, bits // 2
    return -(-width // bits) * -(-depth // places)
