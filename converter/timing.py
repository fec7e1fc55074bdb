"""How long logic takes, per family of parts: what cuts pipelines are placed by.

The delays are for planning before placement, with typical routing included; they
are not sign-off figures.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


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
