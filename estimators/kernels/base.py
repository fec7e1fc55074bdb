"""What all kernels share: where products go, how a tool schedules, what a kernel is."""

from __future__ import annotations

from collections.abc import Mapping as Dict
from dataclasses import dataclass
from enum import Enum

from converter.timing import Family, Target

DSP_PRODUCT_BITS = 22
"""Operand bits together from which a product goes to a DSP block: 9x12 bits stay in LUTs (1 of
12), 10x12 go (3 of 4), 10x13 and 10x14 go (79 of 80)."""

LUT_ROM_BITS = 1024
"""A ROM of at most so many bits is built from LUTs (32x32 bits in Vivado HLS 2019.2)."""

LUT_PRODUCT_DELAY = 0.1
"""Delay of a product in LUTs as a share of that of a pipelined DSP block."""


class Mapping(Enum):
    """Where multipliers go: as the tool chooses, or forced by ``config_op mul -impl``."""

    AUTO = "auto"
    DSP = "dsp"
    FABRIC = "fabric"


@dataclass(frozen=True)
class Delays:
    """How a version of a tool schedules: nanoseconds of an adder level and of a product or
    table, on a 7-series device; ``fast`` is the share of them on UltraScale and later.
    ``uncertainty`` is the part of the clock that is left unused.

    ``vitis``: loops of a frame do not overlap from frame to frame, and a stream is one FIFO of
    all its words side by side, where Vivado HLS has one for each. ``paired_tables``: softmax
    tables are in pairs (2022.2 and later). ``pipelined_streams``: convolutions of strategy
    ``latency`` take a beat every RF cycles (not yet in 2018).
    """

    adder_level_ns: float
    product_ns: float
    fast: float
    uncertainty: float
    vitis: bool = False
    paired_tables: bool = False
    pipelined_streams: bool = True

    def cycles(self, levels: float, products: float, target: Target) -> int:
        """Whole clock periods that a path takes: cuts, not stages."""
        path = self.adder_level_ns * levels + self.product_ns * products
        return int(path / self._usable_ns(target))

    def levels_before(self, cut: int, products: float, target: Target) -> float:
        """Adder levels that are done by the ``cut``-th register of a path."""
        left = cut * self._usable_ns(target) - self.product_ns * products
        return max(0.0, left / self.adder_level_ns)

    def _usable_ns(self, target: Target) -> float:
        """Time of a cycle, in nanoseconds of a 7-series device."""
        share = 1.0 if target.family is Family.SERIES7 else self.fast
        return target.clock_period_ns * (1 - self.uncertainty) / share


@dataclass(frozen=True)
class Kernel:
    """What HLS makes of one stage: exact counts, cycles, and features that have a price.

    In a stream, a beat goes in
    every ``pace`` cycles, ``needs`` of them before the first one comes out, and the last one
    comes out ``tail`` cycles after the last one went in.
    """

    dsp: int
    bram_18k: int
    latency: int
    interval: int
    lut: Dict[str, float]
    ff: Dict[str, float]
    pace: int = 1
    needs: int = 1
    tail: int = 0
    looped: bool = False
    synthesised_18k: int | None = None
    """Block RAM after logic synthesis, where a rule tells; else as many."""

    @property
    def logic_18k(self) -> int:
        """Block RAM that logic synthesis is expected to leave."""
        return self.bram_18k if self.synthesised_18k is None else self.synthesised_18k


def to_dsp(width_a: int, width_b: int, mapping: Mapping) -> bool:
    """Whether a product of such operands goes to DSP blocks."""
    return mapping is Mapping.DSP or (
        mapping is Mapping.AUTO and width_a + width_b >= DSP_PRODUCT_BITS
    )


def scaled(features: Dict[str, float], times: float) -> dict[str, float]:
    """Features of ``times`` copies."""
    return {name: value * times for name, value in features.items()}


def added(*features: Dict[str, float]) -> dict[str, float]:
    """Features of several, together."""
    total: dict[str, float] = {}
    for one in features:
        for name, value in one.items():
            total[name] = total.get(name, 0.0) + value
    return total
