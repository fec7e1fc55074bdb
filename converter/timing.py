"""How long logic takes, per family of parts: what cuts pipelines are placed by.

The delays are round values for planning before placement, typical routing included. They
are nobody's data sheet and no sign-off: a design that follows them still has to be placed,
routed and timed. What they were held against:

- Additions of 18 bits on UltraScale+: one, two and three between registers need 1.6, 2.5 and
  3.5 ns here (609, 393, 290 MHz). A static timing analysis of such adder trees, with
  RapidWright's delays and estimated wires, gave 574, 392 and 298 MHz; that analysis said
  4.25 ns where Vivado's routed netlist of another design had 3.66 ns.
- 7-series: one path of a routed design in the slowest grade (xc7z020-1, Vivado 2019.2), five
  LUTs and two carry chains, took 9.2 ns, of which 6.4 ns was routing, at a clock of 10 ns
  that did not press it; it is 5.6 ns here. Slow grades, full devices and nets of large fan-out
  need a longer clock period than these delays suggest.
- ECP5: additions of 18 bits, one and three between registers, need 3.75 and 7.65 ns here (267,
  131 MHz). Adder trees of 16x16 constants, placed and routed by nextpnr 0.11.1 for LFE5U-85F-8,
  ran at 271 and 135 MHz; a product with shared multipliers and weights in block RAM at 125 MHz,
  where the fastest clock is 127 MHz here. Its block RAM is read without the output register,
  which open synthesis does not use; nextpnr gives 5.8 ns for that in the slowest grade.
  The faster LFE5UM5G-85F-8 took 0.59 to 0.82 of the period that six designs were planned for by
  these delays (8.5 to 10 ns), and 4.9 to 6.6 ns for a path through a multiplier, 7.1 here.

The other values (DSP blocks and block RAM of AMD's families, UltraScale, and all of Versal, which
is UltraScale+ less what its faster process promises) were not compared with a placed design.
What a DSP block holds is from the user guides: 25x18 bits in a DSP48E1 (UG479), 27x18 in a
DSP48E2 (UG579), 27x24 in a DSP58 (AM004), 18x18 in ECP5's MULT18X18D (Lattice TN1267).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from functools import lru_cache

from converter.errors import TargetError


class Family(Enum):
    """Device families, named as their vendors do: AMD's, and Lattice's ECP5."""

    SERIES7 = "7-series"
    ULTRASCALE = "UltraScale"
    ULTRASCALE_PLUS = "UltraScale+"
    VERSAL = "Versal"
    ECP5 = "ECP5"


@dataclass(frozen=True)
class Target:
    """Where and how fast: the full part name, its family, and the clock."""

    part: str
    family: Family
    clock_period_ns: float = 5.0


SHIFT_REGISTER_LENGTH = 3
"""Delays of this many cycles and more are shift registers in LUTs (Yosys, Vivado alike)."""

NO_SHIFT_REGISTERS = 1 << 30
"""The same of a family whose LUTs are none: no delay is as long."""


@dataclass(frozen=True)
class DspShape:
    """The multiplier in a family's DSP blocks, of signed operands.

    ``wide``, ``narrow``: bits of its operands. ``accumulator``: bits that the block adds up,
    0 where synthesis leaves the registers and the adder to the fabric; 48 of a DSP58's 58, as
    open synthesis takes any for a DSP48E1. ``inferred``: operands of a ``*`` that it takes for one
    block, so that others, up to ``wide`` and ``narrow``, are instances of
    ``nn_mult_<wide>x<narrow>`` (``rtllib``).
    """

    name: str
    wide: int
    narrow: int
    accumulator: int
    inferred: tuple[int, int]

    def blocks(self, a: int, b: int) -> int:
        """DSP blocks of a product of signed operands: one for each pair of their limbs."""
        narrow, wide = sorted((a, b))
        return limbs(wide, self.wide) * limbs(narrow, self.narrow)

    def holds(self, a: int, b: int, accumulator: int) -> bool:
        """Whether the block adds products of such operands up, too."""
        narrow, wide = sorted((a, b))
        fits = wide <= self.inferred[0] and narrow <= self.inferred[1]
        return fits and accumulator <= self.accumulator


def limbs(width: int, limit: int) -> int:
    """Parts that a signed word is cut into: all but the top one leave a bit to the sign."""
    return 1 if width <= limit else -(-(width - 1) // (limit - 1))


@dataclass(frozen=True)
class Timing:
    """Delays of one family at one clock, in nanoseconds.

    ``usable_ns`` is the clock period less setup and uncertainty. ``shift_length``: cycles from
    which on a delay is a shift register in LUTs.
    """

    usable_ns: float
    lut_ns: float  # one LUT level with its net
    carry_ns: float  # one bit of carry chain
    multiplier_ns: float  # one registered DSP stage
    memory_ns: float  # one registered block RAM read
    dsp: DspShape
    lut_inputs: int = 6
    shift_length: int = SHIFT_REGISTER_LENGTH

    def adder_ns(self, bits: int) -> float:
        """An addition, subtraction or comparison over ``bits`` of carry chain; 0 for none."""
        return self.lut_ns + self.carry_ns * bits if bits else 0.0

    def longest_adder(self, luts: int = 0) -> int:
        """Bits of the longest addition that fits into a cycle behind ``luts`` levels of LUTs;
        at least one.
        """
        left = self.usable_ns - self.lut_ns * (1 + luts)
        # the quotient of two sums may miss an integer by rounding
        return max(1, int(left / self.carry_ns + 1e-9))

    def reduce_ns(self, bits: int) -> float:
        """One bit from ``bits``, by a tree of LUTs."""
        return self.lut_ns * reduce_levels(bits, self.lut_inputs)

    def select_ns(self, ways: int) -> float:
        """One word out of ``ways``: four-to-one per level of six-input LUTs, else two-to-one."""
        bits = max(ways - 1, 0).bit_length()
        return self.lut_ns * -(-bits // (2 if self.lut_inputs >= 6 else 1))

    def lookup_ns(self, depth: int) -> float:
        """A read-only memory in LUTs: 2**inputs words in the first level, selections above."""
        address = max(depth - 1, 1).bit_length()
        return self.lut_ns + self.select_ns(1 << max(address - self.lut_inputs, 0))


@dataclass(frozen=True)
class _Fabric:
    """Delays in nanoseconds; ``overhead`` is clock-to-output, setup and their nets."""

    overhead: float
    lut: float
    carry: float
    multiplier: float
    memory: float
    dsp: DspShape
    lut_inputs: int = 6
    shift_length: int = SHIFT_REGISTER_LENGTH


_DSP48E1 = DspShape("DSP48E1", 25, 18, 48, (25, 18))
_DSP48E2 = DspShape("DSP48E2", 27, 18, 48, (25, 18))
_DSP58 = DspShape("DSP58", 27, 24, 48, (25, 18))
_MULT18X18D = DspShape("MULT18X18D", 18, 18, 0, (18, 18))

_FABRICS = {
    Family.SERIES7: _Fabric(1.1, 0.85, 0.030, 2.2, 2.6, _DSP48E1),
    Family.ULTRASCALE: _Fabric(0.85, 0.60, 0.023, 1.6, 1.9, _DSP48E2),
    Family.ULTRASCALE_PLUS: _Fabric(0.70, 0.50, 0.020, 1.3, 1.5, _DSP48E2),
    Family.VERSAL: _Fabric(0.65, 0.48, 0.018, 1.2, 1.4, _DSP58),
    Family.ECP5: _Fabric(1.8, 1.3, 0.036, 5.3, 5.7, _MULT18X18D, 4, NO_SHIFT_REGISTERS),
}

UNCERTAINTY = 0.05
"""Share of the clock period that is left to jitter and to what planning cannot see."""

SHORTEST_ADDER = 16
"""An adder of this many bits must fit into one cycle for a clock to be of any use."""


def dsp_shape(family: Family) -> DspShape:
    """The multiplier of a family's DSP blocks."""
    return _FABRICS[family].dsp


@lru_cache(maxsize=256)
def timing_for(target: Target) -> Timing:
    """Delays of the target's family at its clock.

    Raises TargetError where the clock is too fast for one registered multiplication,
    memory read or short addition.
    """
    fabric = _FABRICS[target.family]
    period = target.clock_period_ns
    needed = max(fabric.multiplier, fabric.memory, fabric.lut + SHORTEST_ADDER * fabric.carry)
    fastest = (needed + fabric.overhead) / (1 - UNCERTAINTY)
    if not period >= fastest:
        raise TargetError(
            f"{target.part}: a clock period of {period:g} ns is too short for "
            f"{target.family.value}; the fastest that fits is {_round_up(fastest):g} ns"
        )
    usable = period * (1 - UNCERTAINTY) - fabric.overhead
    return Timing(
        usable, fabric.lut, fabric.carry, fabric.multiplier, fabric.memory, fabric.dsp,
        fabric.lut_inputs, fabric.shift_length,
    )  # fmt: skip


def slowest_fit(timing: Timing, needed_ns: float) -> str:
    """Words for an error: how much longer than the usable time ``needed_ns`` is."""
    return (
        f"takes {needed_ns:.2f} ns, but the clock leaves {timing.usable_ns:.2f} ns; "
        f"use a clock period longer by {(needed_ns - timing.usable_ns) / (1 - UNCERTAINTY):.2f} ns"
    )


def reduce_levels(bits: int, inputs: int = 6) -> int:
    """Levels of LUTs that turn ``bits`` into one."""
    levels = 0
    while bits > 1:
        bits, levels = -(-bits // inputs), levels + 1
    return levels


def _round_up(period_ns: float) -> float:
    return -(-period_ns * 100 // 1) / 100
