"""Many designs of one arithmetic at once: only strategies and reuse factors differ.

Every legal choice of every stage is priced once; a design is then a row of indices, and
its figures are sums over looked-up rows. What a tool adds for a whole design, and that is the same
for all of them, is left out.

In io_stream a stage is its processes and the FIFO behind each, and stages work at the same time:
the latency of a choice is that from the last beat in to the last beat out, so that a design takes
the sum of these and once the interval of its slowest stage.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from converter.actor import Actor
from converter.errors import UnsupportedError
from converter.facts import Facts
from converter.graph import Edge, Implementation, IOType, TypedGraph
from converter.report import RESOURCES, Report
from converter.rtl.fifo import fifo_facts
from converter.rtl.network import followed_actor, followers
from converter.rtl.stream_plan import least_depth
from converter.timing import Target, Timing, timing_for
from estimators.analytic import cached_price
from estimators.base import Estimator, kind_of

FIGURES = ("latency_cycles", "interval_cycles", *RESOURCES)
"""Columns of the tables, by their names in a report."""

INTERVAL = FIGURES.index("interval_cycles")

Table = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class ChoiceTable:
    """``figures`` [choices, 7] of one stage, with the columns of ``FIGURES``. ``parts``: by choice,
    what each kind of unit in it takes, with the columns of ``RESOURCES``.
    """

    stage: str
    choices: tuple[Implementation, ...]
    figures: Table
    parts: tuple[Mapping[str, tuple[float, ...]], ...]


def choice_tables(
    typed: TypedGraph,
    target: Target,
    estimator: Estimator,
    allowed: Mapping[str, Sequence[Implementation]] | None = None,
) -> tuple[ChoiceTable, ...]:
    """One table per stage, in order. ``allowed`` narrows the choices of stages by name."""
    narrowed = allowed or {}
    find = _streamed if typed.io_type is IOType.STREAM else _static
    facts = find(typed, timing_for(target), narrowed)
    return tuple(
        _table(stage.name, _choices(typed, stage.name, narrowed), own, target, estimator)
        for stage, own in zip(typed.stages, facts, strict=True)
    )


def totals(parts: Sequence[Table]) -> Table:
    """Figures [..., 7] of each stage -> those of the network: sums, and the slowest interval."""
    total = np.array(parts[0], np.float64)
    slowest = total[..., INTERVAL].copy()
    for rows in parts[1:]:
        total += rows
        np.maximum(slowest, rows[..., INTERVAL], out=slowest)
    total[..., INTERVAL] = slowest
    return total


def parts_of(
    tables: Sequence[ChoiceTable], choices: Mapping[str, Implementation]
) -> dict[str, dict[str, float]]:
    """What each kind of unit of one design takes, by resource."""
    parts: dict[str, dict[str, float]] = {}
    for table in tables:
        for kind, amounts in table.parts[table.choices.index(choices[table.stage])].items():
            own = parts.setdefault(kind, dict.fromkeys(RESOURCES, 0.0))
            for name, amount in zip(RESOURCES, amounts, strict=True):
                own[name] += amount
    return parts


def _choices(
    typed: TypedGraph, stage: str, allowed: Mapping[str, Sequence[Implementation]]
) -> tuple[Implementation, ...]:
    return tuple(allowed.get(stage, typed.legal(stage)))


def _table(
    stage: str,
    choices: tuple[Implementation, ...],
    facts: Sequence[Sequence[Facts]],
    target: Target,
    estimator: Estimator,
) -> ChoiceTable:
    rows, parts = [], []
    for own in facts:
        reports = [cached_price(estimator, one, target) for one in own]
        rows.append(totals([_row(stage, report) for report in reports]))
        kinds: dict[str, tuple[float, ...]] = {}
        for one, report in zip(own, reports, strict=True):
            before = kinds.get(kind_of(one), (0.0,) * len(RESOURCES))
            after = (b + getattr(report, n) for b, n in zip(before, RESOURCES, strict=True))
            kinds[kind_of(one)] = tuple(after)
        parts.append(kinds)
    return ChoiceTable(stage, choices, np.array(rows), tuple(parts))


def _row(stage: str, report: Report) -> Table:
    values = {name: getattr(report, name) for name in FIGURES}
    absent = [name for name, value in values.items() if value is None]
    if absent:
        raise UnsupportedError(f"{stage}: {report.source.tool} gives no {', '.join(absent)}")
    return np.array(list(values.values()), np.float64)


def _static(
    typed: TypedGraph, timing: Timing, allowed: Mapping[str, Sequence[Implementation]]
) -> list[list[tuple[Facts, ...]]]:
    """By stage and choice."""
    return [
        [(stage.unit.facts(stage.name, c, timing),) for c in _choices(typed, stage.name, allowed)]
        for stage in typed.stages
    ]


def _streamed(
    typed: TypedGraph, timing: Timing, allowed: Mapping[str, Sequence[Implementation]]
) -> list[list[tuple[Facts, ...]]]:
    """By stage and choice: processes, and FIFOs of the least depth."""
    found = []
    followed: set[str] = set()
    for stage in typed.stages:
        inputs = tuple(typed.edges[i] for i in stage.inputs)
        edge = typed.edges[stage.name]
        own = []
        for choice in _choices(typed, stage.name, allowed):
            parts = stage.unit.processes(stage.name, choice, timing, inputs, edge)
            facts: list[Facts] = []
            for part in parts:
                facts += [replace(part.facts, latency_cycles=_behind(part.actor, part.facts))]
            for part in parts[:-1]:
                facts.append(_fifo(edge, part.actor, part.out_width, timing))
            if stage.name not in followed:
                behind = followers(typed, stage.name, parts[-1], timing)
                followed |= {follower.stage for follower in behind}
                end = typed.edges[behind[-1].stage] if behind else edge
                bits = (behind[-1].part if behind else parts[-1]).out_width
                fifo = _fifo(end, followed_actor(parts[-1], behind), bits, timing)
                facts += [fifo] * typed.readers(end.name)
            own.append(tuple(facts))
        found.append(own)
    return found


def _behind(actor: Actor, facts: Facts) -> int:
    """Cycles from a frame's last beat in to its last beat out."""
    starts = np.cumsum(actor.cycles) - actor.cycles
    reading = starts[actor.reads.any(axis=1)]
    return facts.latency_cycles - int(reading.max(initial=0))


def _fifo(edge: Edge, actor: Actor, bits: int, timing: Timing) -> Facts:
    beats = int(actor.writes.sum())
    return fifo_facts(f"{edge.name}.fifo", bits, beats, least_depth(actor), timing)
