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

The other values (DSP blocks, block RAM, UltraScale) were not compared with a placed design.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from functools import lru_cache

from converter.errors import TargetError


class Family(Enum):
    """Device families, named as Vivado does."""

    SERIES7 = "7-series"
    ULTRASCALE = "UltraScale"
    ULTRASCALE_PLUS = "UltraScale+"


@dataclass(frozen=True)
class Target:
    """Where and how fast: the full part name, its family, and the clock."""

    part: str
    family: Family
    clock_period_ns: float = 5.0


@dataclass(frozen=True)
class Timing:
    """Delays of one family at one clock, in nanoseconds.

    ``usable_ns`` is the clock period less setup and uncertainty.
    """

    usable_ns: float
    lut_ns: float  # one LUT level with its net
    carry_ns: float  # one bit of carry chain
    multiplier_ns: float  # one registered DSP stage
    memory_ns: float  # one registered block RAM read

    def adder_ns(self, bits: int) -> float:
        """An addition, subtraction or comparison over ``bits`` of carry chain; 0 for none."""
        return self.lut_ns + self.carry_ns * bits if bits else 0.0

    def reduce_ns(self, bits: int) -> float:
        """One bit from ``bits``, by a tree of six-input LUTs."""
        return self.lut_ns * reduce_levels(bits)

    def select_ns(self, ways: int) -> float:
        """One word out of ``ways``: four-to-one per LUT level."""
        return self.lut_ns * -(-max(ways - 1, 0).bit_length() // 2)

    def lookup_ns(self, depth: int) -> float:
        """A read-only memory in LUTs: 64 words in the first level, four-to-one above."""
        address = max(depth - 1, 1).bit_length()
        return self.lut_ns * (1 + -(-max(address - 6, 0) // 2))


@dataclass(frozen=True)
class _Fabric:
    """Delays in nanoseconds; ``overhead`` is clock-to-output, setup and their nets."""

    overhead: float
    lut: float
    carry: float
    multiplier: float
    memory: float


_FABRICS = {
    Family.SERIES7: _Fabric(1.1, 0.85, 0.030, 2.2, 2.6),
    Family.ULTRASCALE: _Fabric(0.85, 0.60, 0.023, 1.6, 1.9),
    Family.ULTRASCALE_PLUS: _Fabric(0.70, 0.50, 0.020, 1.3, 1.5),
}

UNCERTAINTY = 0.05
"""Share of the clock period that is left to jitter and to what planning cannot see."""

SHORTEST_ADDER = 16
"""An adder of this many bits must fit into one cycle for a clock to be of any use."""


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
    return Timing(usable, fabric.lut, fabric.carry, fabric.multiplier, fabric.memory)


def slowest_fit(timing: Timing, needed_ns: float) -> str:
    """Words for an error: how much longer than the usable time ``needed_ns`` is."""
    return (
        f"takes {needed_ns:.2f} ns, but the clock leaves {timing.usable_ns:.2f} ns; "
        f"use a clock period longer by {(needed_ns - timing.usable_ns) / (1 - UNCERTAINTY):.2f} ns"
    )


def reduce_levels(bits: int) -> int:
    """Levels of six-input LUTs that turn ``bits`` into one."""
    levels = 0
    while bits > 1:
        bits, levels = -(-bits // 6), levels + 1
    return levels


def _round_up(period_ns: float) -> float:
    return -(-period_ns * 100 // 1) / 100
