"""Recurrent cells: a loop over time steps that is not pipelined."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from converter.facts import Facts
from estimators.kernels.base import Kernel, added

STEP_CYCLES = 7
"""Cycles of a step beyond its slower product: tables, gates, state (GRU, Vivado HLS 2019.2: RF
30 takes 39 cycles)."""

LOOP_CYCLES = 2
"""Cycles of a turn of the loop beyond its step: 20 steps of 39 take 821."""


def recurrent(facts: Facts, parts: Sequence[Kernel]) -> Kernel:
    """The cell's parts once, at every time step. In io_parallel each of its inputs is chosen
    from the whole sequence.
    """
    products = [k.latency for k, f in zip(parts, facts.parts, strict=True) if f.weights]
    step = max(products, default=0) + STEP_CYCLES
    latency = facts.positions * (step + LOOP_CYCLES) + 1
    state = facts.n_out * facts.output_width * max(f.n_out // facts.n_out for f in facts.parts)
    sequence = facts.positions * facts.n_in * facts.n_in * facts.input_width
    first = replace(
        parts[0],
        dsp=sum(k.dsp for k in parts),
        bram_18k=sum(k.bram_18k for k in parts),
        latency=latency,
        interval=latency,
        lut=added(*(k.lut for k in parts), {} if facts.stream else {"sequence_bit": sequence}),
        ff=added(*(k.ff for k in parts), {"state_bit": state}),
        looped=True,
        pace=max(1, step),
        tail=step,
        synthesised_18k=sum(k.logic_18k for k in parts),
    )
    return replace(first, needs=1)
