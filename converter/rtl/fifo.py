"""The FIFOs of io_stream (``rtllib/nn_fifo.v``): how they are built, and of what."""

from __future__ import annotations

from converter.facts import Facts, Memory
from converter.netlist.nodes import block_rom
from converter.timing import Timing


def block_fifo(bits: int, depth: int, timing: Timing) -> bool:
    """Whether words behind the first are in block RAM: where as many LUTs are worth it, and a
    read of the memory and a selection behind it fit into a cycle.
    """
    fits = timing.memory_ns + timing.lut_ns <= timing.usable_ns
    return fits and block_rom(depth - 1, bits)


def fifo_facts(name: str, bits: int, beats: int, depth: int, timing: Timing) -> Facts:
    """Counts of one FIFO, which ``beats`` pass per frame. It has a register for the word that it
    shows, and behind it a register, or a memory with two addresses.
    """
    block, behind = block_fifo(bits, depth, timing), depth - 1
    memories: tuple[Memory, ...] = ()
    registers = bits + 1 + depth.bit_length() + 1  # the head, and the count of the places
    if behind == 1:
        registers += bits + 1
    elif behind > 1:
        memories = (Memory(1, behind, bits, 1, block, writable=True),)
        registers += 2 * (behind - 1).bit_length() + 1 + block * (bits + 1)
    return Facts(
        stage=name,
        kind="fifo",
        strategy="latency",
        reuse_factor=1,
        n_in=1,
        n_out=1,
        input_width=bits,
        output_width=bits,
        latency_cycles=1,
        interval_cycles=beats,
        mux_bits=bits if behind else 0,
        register_bits=registers,
        stream=True,
        beats_in=beats,
        beats_out=beats,
        memories=memories,
    )
