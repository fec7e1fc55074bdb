"""Estimates without a tool: a typed graph, a part, a tool's prices; one report.

``ESTIMATORS`` has one estimator per tool, each at its default version.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache

from converter.errors import ConfigError, UnsupportedError
from converter.facts import Facts
from converter.graph import IOType, TypedGraph
from converter.parts import Part
from converter.parts import target as target_of
from converter.report import Report
from converter.schedule import Schedule, schedule
from converter.timing import Target
from estimators.base import Estimator
from estimators.context import design_facts
from estimators.ecp5 import ecp5_estimator
from estimators.hls import hls_estimator
from estimators.yosys import yosys_estimator

_MAKERS: dict[str, Callable[[str, str | None], Estimator]] = {
    "yosys": yosys_estimator,
    "ecp5": ecp5_estimator,
    "vitis": hls_estimator,
    "vivado": hls_estimator,
}

OWN_VERILOG = ("yosys", "ecp5")
"""Tools that synthesise our own Verilog, whose cycles are the schedule's."""

_STAGED = ("vitis", "vivado")
"""Tools whose flow has several reports."""

ESTIMATORS: dict[str, Estimator] = {tool: make(tool, None) for tool, make in _MAKERS.items()}
"""Estimators by tool."""


def estimate(
    typed: TypedGraph,
    part: Part | Target | str,
    tool: str = "yosys",
    clock_period_ns: float = 5.0,
    version: str | None = None,
    stage: str | None = None,
) -> Report:
    """What ``tool`` would report for ``typed`` on ``part``: per stage and in all.

    ``part`` may be a name, a board, or a whole target, which brings its own clock.
    ``version`` is that of the tool, by default the newest with prices; ``stage`` of a vendor's
    flow is ``csynth`` (the default), ``logic`` or ``route``. Latency and interval
    are exact for ``yosys`` and ``ecp5``, whose Verilog is ours; an HLS tool schedules for itself.

    Raises ConfigError for an unknown tool, version or stage, TargetError for an unknown part or a
    clock that does not fit, UnsupportedError for what has no price.
    """
    estimator = find_estimator(tool, version, stage)
    where = part if isinstance(part, Target) else target_of(part, clock_period_ns)
    return price(typed, schedule(typed, where), where, estimator)


def find_estimator(tool: str, version: str | None = None, stage: str | None = None) -> Estimator:
    """The estimator of ``tool``; ConfigError, with the choices, where there is none."""
    if tool in _STAGED and stage is not None:
        return hls_estimator(tool, version, stage)
    if tool in _MAKERS and stage is not None:
        raise ConfigError(
            f"{tool}: has no stages, given {stage!r}; leave it out, or take {', '.join(_STAGED)}"
        )
    if tool not in _MAKERS:
        raise ConfigError(f"tool {tool!r} has no estimator; there are: {', '.join(_MAKERS)}")
    return ESTIMATORS[tool] if version is None else _MAKERS[tool](tool, version)


def price(typed: TypedGraph, plan: Schedule, target: Target, estimator: Estimator) -> Report:
    """The report of one scheduled design under ``estimator``."""
    if not plan.facts:
        raise UnsupportedError(f"{typed.name}: computes nothing, so there is nothing to price")
    whole = design_facts(typed, plan) if estimator.tool in OWN_VERILOG else plan.facts
    prices = [cached_price(estimator, facts, target) for facts in whole]
    total = estimator.total(whole, prices, target)
    names = [facts.stage for facts in plan.facts]
    stages = prices[: len(names)]
    latency = _latency(typed, plan, stages, total, estimator)
    return replace(_with_latency(total, latency), stages=dict(zip(names, stages, strict=True)))


def _with_latency(report: Report, cycles: int) -> Report:
    """Another latency than that of the chain: its interval goes with it."""
    moved = cycles - (report.latency_cycles or 0)
    intervals = dict(report.intervals)
    if "latency_cycles" in intervals:
        low, high = intervals["latency_cycles"]
        intervals["latency_cycles"] = (max(0.0, low + moved), high + moved)
    return replace(report, latency_cycles=cycles, intervals=intervals)


def priced_facts(typed: TypedGraph, plan: Schedule, estimator: Estimator) -> tuple[Facts, ...]:
    """What is priced of a design: its stages, and for our own Verilog what the top adds, too."""
    return design_facts(typed, plan) if estimator.tool == "yosys" else plan.facts


@lru_cache(maxsize=65536)
def cached_price(estimator: Estimator, facts: Facts, target: Target) -> Report:
    """``estimator.price``, made once per stage and target."""
    return estimator.price(facts, target)


def _latency(
    typed: TypedGraph,
    plan: Schedule,
    stages: Sequence[Report],
    total: Report,
    estimator: Estimator,
) -> int:
    """The schedule's for our own Verilog; else the longest path in place of the chain, but for
    streams, whose stages overlap.
    """
    if estimator.tool in OWN_VERILOG:
        return plan.latency_cycles
    if typed.io_type is IOType.STREAM:
        return total.latency_cycles or 0
    cycles = [stage.latency_cycles or 0 for stage in stages]
    by_name = dict(zip((f.stage for f in plan.facts), cycles, strict=True))
    return (total.latency_cycles or 0) - sum(cycles) + _longest(typed, by_name)


def _longest(typed: TypedGraph, cycles: Mapping[str, int]) -> int:
    ready = dict.fromkeys(typed.inputs, 0)
    for stage in typed.stages:
        ready[stage.name] = max(ready[i] for i in stage.inputs) + cycles[stage.name]
    return max(ready[name] for name in typed.outputs)
