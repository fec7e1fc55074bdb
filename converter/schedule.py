"""When each stage works: exact cycles of the whole network, from the facts of its stages."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from converter.facts import Facts
from converter.graph import IOType, TypedGraph
from converter.rtl.stream_plan import stream_plan
from converter.timing import Target, timing_for


@dataclass(frozen=True)
class Schedule:
    """Cycles of one network under its hardware choices at one clock.

    ``facts``: by stage, in order. ``start_cycles``: by stage, the cycle in which its (last)
    input is there, the network's input being there in cycle 0. ``output_cycles``: by output,
    the cycle in which it is valid. ``waits``: (stage, edge) -> cycles by which an input is
    delayed, so that all inputs of a stage meet. A new input is taken every
    ``interval_cycles``.

    In io_stream ``facts`` are of all processes, then of all FIFOs; a stage of several processes
    has further ones of names of their own. Cycles are of a frame that comes alone, from its first
    beat: to the first step of each stage, and to the last beat of each output. Nothing waits
    but in FIFOs.
    """

    facts: tuple[Facts, ...]
    start_cycles: Mapping[str, int]
    output_cycles: Mapping[str, int]
    waits: Mapping[tuple[str, str], int]
    latency_cycles: int
    interval_cycles: int


def schedule(typed: TypedGraph, target: Target) -> Schedule:
    """Exact for our own Verilog.

    Raises TargetError where the clock is too fast for the part, or for one operation, and
    UnsupportedError by the stage's name where a unit has no Verilog.
    """
    if typed.io_type is IOType.STREAM:
        return _stream_schedule(typed, target)
    timing = timing_for(target)
    ready = dict.fromkeys(typed.inputs, 0)
    starts: dict[str, int] = {}
    waits: dict[tuple[str, str], int] = {}
    facts = []
    for stage in typed.stages:
        one = stage.unit.facts(stage.name, typed.implementation(stage.name), timing)
        start = max(ready[i] for i in stage.inputs)
        waits.update({(stage.name, i): start - ready[i] for i in stage.inputs if ready[i] < start})
        starts[stage.name] = start
        ready[stage.name] = start + one.latency_cycles
        facts.append(one)
    outputs = {name: ready[name] for name in typed.outputs}
    interval = max((f.interval_cycles for f in facts), default=1)
    return Schedule(tuple(facts), starts, outputs, waits, max(outputs.values()), interval)


def _stream_schedule(typed: TypedGraph, target: Target) -> Schedule:
    """All that is not told of single beats."""
    plan = stream_plan(typed, target)
    latency = max(plan.output_cycles.values())
    return Schedule(
        plan.facts, plan.start_cycles, plan.output_cycles, {}, latency, plan.interval_cycles
    )
