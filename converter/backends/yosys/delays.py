"""Delays of AMD's fabrics for timing a netlist that is not placed, in nanoseconds.

Logic delays are those printed in reports of routed designs, slowest speed grade: of a network on
an XC7Z020-1 (Vivado 2019.2), and of circuits on an XCZU3EG-1 (Vivado 2021.2) in the public
repository gussmith23/lakeroad-evaluation. A net's delay is a line through the nets of these
reports by the logarithm of their fan-out. Of four paths in them, of 1 to 14 levels, which the
table is made from, it gives the delay to 0, 0, +14 and -3 %; no other path was at hand to hold it
against, and a netlist of Yosys is another than Vivado's. UltraScale was scaled from UltraScale+
by the ratio that ``converter/timing.py`` has for planning, and Versal by a guess; delays of DSP
blocks, block RAM and LUT RAM are planning's or guesses, too. None of these was held against a
placed design.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from math import log2

from converter.timing import Family


@dataclass(frozen=True)
class Delays:
    """One family's. A net of fan-out n takes ``net + net_log2 * log2(n)``."""

    clock_to_q: float
    setup: float
    enable_setup: float  # of clock enables and resets
    lut: float
    mux: float  # F7, F8
    carry_in: float  # from S or DI to the carry out of the same four bits
    carry_pass: float  # from carry in to carry out of four bits
    carry_sum: float  # from S or DI to a sum of the same four bits
    carry_out: float  # from carry in to a sum
    net: float
    net_log2: float
    net_inside: float  # inside of a slice: LUT to carry chain, carry chain to register
    ram_read: float  # LUT RAM and shift register, from the address
    ram_clock_to_q: float
    block_clock_to_q: float
    block_setup: float
    dsp_clock_to_q: float
    dsp_multiply: float  # from an operand to the register behind the multiplier, setup included
    dsp_add: float  # from the multiplier's register, or C, through the adder
    dsp_setup: float

    def wire(self, fan_out: int) -> float:
        """A net's delay."""
        return self.net + self.net_log2 * log2(max(fan_out, 1))

    def scaled(self, by: float) -> Delays:
        """All of them, times a factor."""
        return Delays(**{f.name: round(getattr(self, f.name) * by, 4) for f in fields(self)})


_SERIES7 = Delays(
    clock_to_q=0.49, setup=0.10, enable_setup=0.36, lut=0.20, mux=0.25, carry_in=0.55,
    carry_pass=0.115, carry_sum=0.62, carry_out=0.33, net=0.60, net_log2=0.10, net_inside=0.0,
    ram_read=0.20, ram_clock_to_q=1.3, block_clock_to_q=2.45, block_setup=0.55,
    dsp_clock_to_q=0.43, dsp_multiply=2.2, dsp_add=1.7, dsp_setup=0.45,
)  # fmt: skip

_ULTRASCALE_PLUS = Delays(
    clock_to_q=0.095, setup=0.03, enable_setup=0.045, lut=0.11, mux=0.10, carry_in=0.195,
    carry_pass=0.013, carry_sum=0.25, carry_out=0.12, net=0.185, net_log2=0.03, net_inside=0.02,
    ram_read=0.11, ram_clock_to_q=0.65, block_clock_to_q=1.1, block_setup=0.35,
    dsp_clock_to_q=0.25, dsp_multiply=1.3, dsp_add=0.9, dsp_setup=0.25,
)  # fmt: skip

DELAYS = {
    Family.SERIES7: _SERIES7,
    Family.ULTRASCALE: _ULTRASCALE_PLUS.scaled(1.2),
    Family.ULTRASCALE_PLUS: _ULTRASCALE_PLUS,
    Family.VERSAL: _ULTRASCALE_PLUS.scaled(0.9),
}
