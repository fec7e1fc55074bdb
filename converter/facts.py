"""What a unit is made of, in exact integers, with no price on anything.

``estimators/`` puts prices on facts; a price never looks at a layer. Latency,
interval and register bits are those of our own RTL and hold cycle for cycle; HLS
tools schedule for themselves, and their estimators use the structural counts.
"""

from __future__ import annotations

from dataclasses import dataclass

DSP_MIN_WIDTH = 5
"""Least width of the narrower operand for which a multiplier is worth a DSP block.

HLS tools draw the line at the same place: 4-bit weights stay in LUTs, 6-bit ones do not.
"""


@dataclass(frozen=True)
class Multipliers:
    """``count`` general signed multipliers of ``width_a`` by ``width_b`` bits.

    Widths are those of signed operands: one that has no sign counts a bit more.
    ``accumulate`` tells that each is followed by an adder that a DSP block can hold.
    ``blocks``: DSP blocks of each in our RTL on its family, where it goes there at all.
    """

    count: int
    width_a: int
    width_b: int
    accumulate: bool = False
    blocks: int = 1

    @property
    def dsp(self) -> int:
        """DSP blocks of all of them in our RTL."""
        return self.count * self.blocks if self.in_dsp else 0

    @property
    def in_dsp(self) -> bool:
        """Whether our RTL leaves them to DSP blocks; narrower ones are sums in LUTs."""
        return min(self.width_a, self.width_b) >= DSP_MIN_WIDTH


@dataclass(frozen=True)
class Memory:
    """``count`` memories of ``depth`` words by ``width`` bits, ``ports`` read ports each.

    ``registered`` tells that the read is clocked, so that block RAM holds it in our RTL;
    others are small enough to be cheaper in LUTs. ``writable`` ones are line buffers, frames and
    FIFOs: one port more writes them. ``luts``: six-input LUTs of each that is in LUTs, by its
    contents, which may be few functions of the address; 0 where nobody counted them.
    """

    count: int
    depth: int
    width: int
    ports: int = 1
    registered: bool = True
    writable: bool = False
    luts: int = 0


@dataclass(frozen=True)
class Facts:
    """Exact counts of one stage under one implementation.

    Widths are in bits. ``n_in`` and ``n_out`` count elements. Weight statistics are of
    the quantised constants: ``csd_digits`` sums the non-zero canonical-signed-digit
    digits, ``dsp_constants`` counts, over the inputs, the distinct signed weights of at
    least three such digits (the csynth DSP rule for strategy latency at reuse factor 1).

    ``adder_bits``, ``mux_bits`` and ``compare_bits`` are bits of carry chain, of selected
    words, and of compared or reduced words outside of DSP blocks; adders that a DSP holds
    are marked in ``multipliers`` instead. ``register_bits`` are flip-flops outside of DSP
    blocks and memories; words that wait three cycles or more are shift registers in LUTs,
    and are in ``shift_register_bits`` once, however long they wait. ``gate_bits`` of the
    ``mux_bits`` choose between a bit and a constant. ``logic_luts``: six-input LUTs of all these of
    a stage that is a netlist, as its gates are put together; 0 where nobody did so.

    A kernel at every position of a window (convolution, pooling, a dense layer on the last axis)
    has the kind ``sliding_<kind of the kernel>`` and the kernel's ``n_in``, ``n_out`` and weights;
    it works ``positions`` times per frame, ``parallelization_factor`` of them at once. ``stream``
    tells that tensors travel in beats, ``beats_in`` and ``beats_out`` of them per frame.

    What only published designs of others have: ``rounded_bits`` of accumulators that round or
    saturate after every product and sum, ``dividers`` by what is not a constant, and ``parts``,
    the stages inside a recurrent cell, which works at its ``positions`` one after the other.
    """

    stage: str
    kind: str
    strategy: str
    reuse_factor: int
    n_in: int
    n_out: int
    input_width: int
    output_width: int
    latency_cycles: int
    interval_cycles: int
    weight_width: int = 0
    accum_width: int = 0
    weights: int = 0
    nonzero_weights: int = 0
    power_of_two_weights: int = 0
    csd_digits: int = 0
    dsp_constants: int = 0
    adders: int = 0
    adder_bits: int = 0
    mux_bits: int = 0
    compare_bits: int = 0
    register_bits: int = 0
    shift_register_bits: int = 0
    gate_bits: int = 0
    logic_luts: int = 0
    positions: int = 1
    parallelization_factor: int = 1
    stream: bool = False
    beats_in: int = 1
    beats_out: int = 1
    rounded_bits: int = 0
    dividers: int = 0
    parts: tuple[Facts, ...] = ()
    multipliers: tuple[Multipliers, ...] = ()
    memories: tuple[Memory, ...] = ()
