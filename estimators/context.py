"""What our own Verilog of a design has beyond its stages."""

from __future__ import annotations

from converter.facts import Facts
from converter.graph import TypedGraph
from converter.schedule import Schedule
from converter.timing import SHIFT_REGISTER_LENGTH


def design_facts(typed: TypedGraph, plan: Schedule) -> tuple[Facts, ...]:
    """Facts of a design: of its stages in order, then of the delays of inputs that come early."""
    delays = [
        _delay(f"{stage}.{edge}", typed.edges[edge].size * typed.edges[edge].type.width, cycles)
        for (stage, edge), cycles in plan.waits.items()
    ]
    return (*plan.facts, *delays)


def _delay(name: str, bits: int, cycles: int) -> Facts:
    long = cycles >= SHIFT_REGISTER_LENGTH
    return Facts(
        stage=name,
        kind="delay",
        strategy="latency",
        reuse_factor=1,
        n_in=1,
        n_out=1,
        input_width=bits,
        output_width=bits,
        latency_cycles=0,
        interval_cycles=1,
        register_bits=0 if long else bits * cycles,
        shift_register_bits=bits if long else 0,
    )
