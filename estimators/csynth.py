"""HLS synthesis reports (``csynth``) of Vivado HLS and Vitis HLS: kernels, and how they chain.

The structure is that of hls4ml's kernels, which ours follow; ``kernels/`` has one file per kind of
structure, each with the reports that its rules were found in. LUTs and flip-flops
are linear in counts, at the rates of ``prices/<tool>.json``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache

from converter.facts import Facts
from converter.timing import Family, Target
from estimators.kernels.base import Delays, Kernel, Mapping
from estimators.kernels.elementwise import elementwise
from estimators.kernels.fifo import fifo
from estimators.kernels.matvec import matvec
from estimators.kernels.recurrent import recurrent
from estimators.kernels.sliding import sliding, streamed_stage

MATVEC = "matvec"
"""The kind of stage that has weights to share multipliers over."""

SLIDING = "sliding_"
"""What the kind of a stage begins with that works at every position of a window."""

MATRICES = (MATVEC, "groupedmatvec", "grouped_matvec")
"""Kinds that multiply by constants: one matrix, or one for each group of channels."""


@lru_cache(maxsize=65536)
def kernel(facts: Facts, target: Target, delays: Delays, mapping: Mapping = Mapping.AUTO) -> Kernel:
    """The structure of one stage. Kinds without a rule of their own are priced by their adders,
    comparisons, choices, products and memories.
    """
    if facts.kind == "fifo":
        return fifo(facts, delays)
    if facts.parts:
        return recurrent(facts, [kernel(part, target, delays, mapping) for part in facts.parts])
    kind = facts.kind.removeprefix(SLIDING)
    if kind != facts.kind:
        return sliding(facts, _body(replace(facts, kind=kind), target, delays, mapping), delays)
    body = _body(facts, target, delays, mapping)
    return streamed_stage(facts, body, delays) if facts.stream else body


def _body(facts: Facts, target: Target, delays: Delays, mapping: Mapping) -> Kernel:
    """What works at one position."""
    if facts.kind in MATRICES and facts.nonzero_weights + facts.weights:
        return matvec(facts, target, delays, mapping)
    return elementwise(facts, target, delays, mapping)


def design_ff(
    facts: Sequence[Facts], kernels: Sequence[Kernel], family: Family
) -> dict[str, float]:
    """Registers of the top level. hls4ml's ports hold their input, but not before a dataflow, and
    the one pipeline of several products holds what goes from one to the next.
    """
    first = facts[0]
    shared = any("resource_kernel" in k.ff for k in kernels)
    held = not shared and not first.stream and family is not Family.SERIES7
    small = not any("input_bit" in k.ff for k in kernels)
    bits = first.n_in * first.input_width if first.positions == 1 else 0
    products = [f.n_out * f.output_width for f in facts if f.kind == MATVEC and not f.stream]
    linked = len(products) > 1 and not any(k.looped for k in kernels)
    return {
        "input_bit": bits * held * small,
        "link_bit": sum(products) * linked,
        "design": 1,
    }


def design_cycles(
    kernels: Sequence[Kernel], family: Family, stream: bool = False, vitis: bool = False
) -> tuple[int, int]:
    """Latency and interval of a chain of stages."""
    if stream:
        return streamed_cycles(kernels, vitis)
    if any(k.looped for k in kernels):
        return _dataflow_cycles(kernels)
    return _pipelined_cycles(kernels, family)


def _pipelined_cycles(kernels: Sequence[Kernel], family: Family) -> tuple[int, int]:
    """One pipeline: stages one after the other, each with its own pace.

    The top level adds a cycle or two per product: 3 n - 1 for n products on a 7-series
    device, 2 n - 2 elsewhere, less where products are shared (9 networks, Vitis HLS 2021.1 to
    2024.1; Vivado HLS 2020.1 adds none to a single one).
    """
    products = sum("input_mux_bit" in k.lut or "addend_bit" in k.lut for k in kernels)
    interval = max(k.interval for k in kernels)
    if products == 0 or len(kernels) == 1:
        extra = 0
    elif family is Family.SERIES7 and interval == 1:
        extra = 3 * products - 1
    else:
        extra = 2 * products - (1 if family is Family.SERIES7 else 2)
    return sum(k.latency for k in kernels) + extra, interval


def _dataflow_cycles(kernels: Sequence[Kernel]) -> tuple[int, int]:
    """Loops one after the other; each starts anew a cycle after it is done."""
    interval = max(k.interval for k in kernels)
    if len(kernels) == 1:
        return kernels[0].latency, interval
    slowest = max(k.latency for k in kernels if k.looped)
    return sum(k.latency for k in kernels) + LINK_CYCLES, max(interval, slowest + 1)


LINK_CYCLES = 2
"""Cycles of a dataflow of whole frames beyond its stages (878 for 876: Vivado HLS 2019.2)."""


def streamed_cycles(kernels: Sequence[Kernel], vitis: bool) -> tuple[int, int]:
    """A dataflow of streams: every stage begins with the first beats of the one before and ends
    after its last. A frame follows a cycle after the slowest stage is done.
    """
    first, last, gap = 0.0, 0.0, 1.0
    for one in kernels:
        if not one.tail:
            continue  # a FIFO
        begun = first
        step = max(gap, float(one.pace))
        ready = first + (one.needs - 1) * step + (1 if one.looped else one.latency)
        last = max(last + one.tail, begun + one.latency)
        first, gap = min(ready, last), step if one.looped else 1.0
    slowest = max(k.interval for k in kernels)
    single = not any(k.looped for k in kernels)
    pipelined = single and slowest <= 1 and not vitis
    return round(last), slowest if pipelined else slowest + 1
