"""Estimates without a tool: a typed graph, a part, a tool's prices; one report.

``ESTIMATORS`` has one estimator per tool, each at its default version.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache

from converter.errors import ConfigError, UnsupportedError
from converter.facts import Facts
from converter.graph import TypedGraph
from converter.netlist.pipeline import SHIFT_REGISTER_LENGTH
from converter.parts import Part
from converter.parts import target as target_of
from converter.report import Report
from converter.schedule import Schedule, schedule
from converter.timing import Target
from estimators.base import Estimator
from estimators.hls import hls_estimator
from estimators.yosys import yosys_estimator

_MAKERS: dict[str, Callable[[str, str | None], Estimator]] = {
    "yosys": yosys_estimator,
    "vitis": hls_estimator,
    "vivado": hls_estimator,
}

ESTIMATORS: dict[str, Estimator] = {tool: make(tool, None) for tool, make in _MAKERS.items()}
"""Estimators by tool."""


def estimate(
    typed: TypedGraph,
    part: Part | Target | str,
    tool: str = "yosys",
    clock_period_ns: float = 5.0,
    version: str | None = None,
) -> Report:
    """What ``tool`` would report for ``typed`` on ``part``: per stage and in all.

    ``part`` may be a name, a board, or a whole target, which brings its own clock.
    ``version`` is that of the tool, by default the newest with prices. Latency and interval
    are exact for ``yosys``, whose Verilog is ours; an HLS tool schedules for itself.

    Raises ConfigError for an unknown tool or version, TargetError for an unknown part or a
    clock that does not fit, UnsupportedError for what has no price.
    """
    estimator = find_estimator(tool, version)
    where = part if isinstance(part, Target) else target_of(part, clock_period_ns)
    return price(typed, schedule(typed, where), where, estimator)


def find_estimator(tool: str, version: str | None = None) -> Estimator:
    """The estimator of ``tool``; ConfigError, with the choices, where there is none."""
    if tool not in _MAKERS:
        raise ConfigError(f"tool {tool!r} has no estimator; there are: {', '.join(_MAKERS)}")
    return ESTIMATORS[tool] if version is None else _MAKERS[tool](tool, version)


def price(typed: TypedGraph, plan: Schedule, target: Target, estimator: Estimator) -> Report:
    """The report of one scheduled design under ``estimator``."""
    if not plan.facts:
        raise UnsupportedError(f"{typed.name}: computes nothing, so there is nothing to price")
    stages = [cached_price(estimator, facts, target) for facts in plan.facts]
    waits = _waits(typed, plan) if estimator.tool == "yosys" else ()
    extra = [cached_price(estimator, facts, target) for facts in waits]
    total = estimator.total((*plan.facts, *waits), [*stages, *extra], target)
    names = [facts.stage for facts in plan.facts]
    return replace(
        total,
        latency_cycles=_latency(typed, plan, stages, total, estimator),
        stages=dict(zip(names, stages, strict=True)),
    )


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
    """The schedule's for our own Verilog; else the longest path in place of the chain."""
    if estimator.tool == "yosys":
        return plan.latency_cycles
    cycles = [stage.latency_cycles or 0 for stage in stages]
    by_name = dict(zip((f.stage for f in plan.facts), cycles, strict=True))
    return (total.latency_cycles or 0) - sum(cycles) + _longest(typed, by_name)


def _longest(typed: TypedGraph, cycles: Mapping[str, int]) -> int:
    ready = dict.fromkeys(typed.inputs, 0)
    for stage in typed.stages:
        ready[stage.name] = max(ready[i] for i in stage.inputs) + cycles[stage.name]
    return max(ready[name] for name in typed.outputs)


def _waits(typed: TypedGraph, plan: Schedule) -> tuple[Facts, ...]:
    """Delays of inputs that come early, as stages of their own."""
    return tuple(
        _delay(f"{stage}.{edge}", typed.edges[edge].size * typed.edges[edge].type.width, cycles)
        for (stage, edge), cycles in plan.waits.items()
    )


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
