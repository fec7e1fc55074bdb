"""The hardware half of the search, solved exactly: given precision, which reuse factors?

Strategy and reuse factor of a stage change what it costs and never a bit of what it
computes. So for one precision setting the best hardware is a multiple-choice knapsack:
one option per stage, latencies and resources add up, the slowest stage sets the interval.
Stages are merged one by one; after each merge only the partial designs stay that no other
beats in everything that can still matter. That is exact, under the additive model that
prices the options, and stamped so.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from converter.errors import ConfigError, RunError
from converter.graph import Implementation
from converter.report import RESOURCES
from dse.search.bounds import Bound
from dse.search.merging import (
    FIGURES,
    FIRST,
    INTERVAL,
    NAMES,
    OBJECTIVES,
    Partial,
    Picks,
    Problem,
    Table,
    best_rows,
    front_of,
    joined,
    objective_values,
    shares_of,
    stacked,
    thinned,
    totals,
    trim,
    watched_columns,
)
from estimators.batch import ChoiceTable

__all__ = [
    "FIGURES", "OBJECTIVES", "RESOURCES", "HardwareFront", "HardwarePoint", "Option", "options_of",
    "solve",
]  # fmt: skip

GUARD = 50_000
"""Partial designs that are kept at most; above, close ones are merged and the front is
stamped as not exact, with the loss that this may cost."""
EPSILON = 0.01
"""The loss in any figure that is aimed at where ``GUARD`` is passed."""

BOUND_ABOVE = 300
"""Partial designs above which bounding costs less than it saves."""


@dataclass(frozen=True)
class Option:
    """One way to build a stage, and what it costs there."""

    choice: Implementation
    latency_cycles: float
    interval_cycles: float
    lut: float
    ff: float
    dsp: float = 0.0
    bram_18k: float = 0.0
    uram: float = 0.0


def options_of(table: ChoiceTable) -> list[Option]:
    """The choices of a stage with their figures."""
    return [
        Option(choice, *row)
        for choice, row in zip(table.choices, table.figures.tolist(), strict=True)
    ]


@dataclass(frozen=True)
class HardwarePoint:
    """One design: what is chosen per stage, and the whole network's figures by ``FIGURES``
    and ``resources``, the largest share of the part.
    """

    choices: Mapping[str, Implementation]
    figures: Mapping[str, float]


@dataclass(frozen=True)
class HardwareFront:
    """All best designs, in rising order of the objectives.

    ``exact``: equal to trying every combination. Else every design is real, but one may be
    missed that is better by the share ``loss`` in any figure, or that just meets a limit.
    Without points, ``reason`` tells which limit cannot be met and what is attainable, and
    ``excess`` how far the nearest design is from the limits: doublings, above 0.
    """

    points: tuple[HardwarePoint, ...]
    exact: bool = True
    loss: float = 0.0
    reason: str = ""
    excess: float = 0.0

    def vectors(self, objectives: Sequence[str]) -> Table:
        """Figures [points, objectives]."""
        rows = [[p.figures[OBJECTIVES[o]] for o in objectives] for p in self.points]
        return np.array(rows, dtype=np.float64).reshape(len(rows), len(objectives))


def solve(
    options: Mapping[str, Sequence[Option]],
    objectives: Sequence[str],
    capacity: Mapping[str, float],
    limits: Mapping[str, float] | None = None,
) -> HardwareFront:
    """The Pareto front of a chain of stages, over ``objectives`` (keys of ``OBJECTIVES``).

    ``capacity``: what the part has, by ``RESOURCES``; no design may exceed it. ``limits``:
    further upper limits by objective name, in cycles, counts, or shares for ``resources``.
    A stage with one option is a fixed cost. Raises ConfigError on an unknown name.
    """
    problem = _problem(options, objectives, capacity, limits or {})
    kept = trim(problem)
    found = None if kept is None else _search(problem, kept)
    if found is None or not len(found.picks):
        return _infeasible(problem)
    return HardwareFront(_points(problem, found.picks), found.loss == 1.0, found.loss - 1.0)


def _search(problem: Problem, kept: list[Picks]) -> Partial:
    """The whole network's front, its option numbers in the order of ``problem.names``."""
    tables = [t[k] for t, k in zip(problem.tables, kept, strict=True)]
    columns = watched_columns(problem, tables)
    fronts = [best_rows(t[:, columns], t, problem.capacity) for t in tables]
    order = sorted(range(len(tables)), key=lambda i: len(fronts[i]))
    stages = [Partial(tables[i][fronts[i]], kept[i][fronts[i]][:, None]) for i in order]
    found = _merged(problem, stages, columns)
    return replace(found, picks=found.picks[:, np.argsort(order)])


def _merged(problem: Problem, stages: Sequence[Partial], columns: list[int]) -> Partial:
    """All stages, one by one; bounds are made when there is much to drop."""
    least = np.stack([stage.figures.min(axis=0) for stage in stages])
    least[:, INTERVAL] = 0.0
    rest = [least[place + 1 :].sum(axis=0) for place in range(len(stages))]
    done, bound = stages[0], None
    for place, stage in enumerate(stages[1:-1], 1):
        done = joined(problem, done, stage, rest[place], columns)
        if len(done.picks) > BOUND_ABOVE and len(columns) > len(problem.objectives):
            bound = bound or Bound.of(problem, stages, rest, columns)
            done = bound.promising(done, place)
        if len(done.picks) > GUARD:
            done = thinned(done, columns, (1 + EPSILON) ** (1 / len(stages)) - 1, GUARD)
    start = Partial(np.zeros((1, len(FIGURES))), np.zeros((1, 0), dtype=np.int64))
    pair = (start, done) if len(stages) == 1 else (done, stages[-1])
    done = joined(problem, *pair, rest[-1], None)
    return done if bound is None else front_of(problem, stacked([done, bound.known]), None)


def _problem(
    options: Mapping[str, Sequence[Option]],
    objectives: Sequence[str],
    capacity: Mapping[str, float],
    limits: Mapping[str, float],
) -> Problem:
    for name in (*objectives, *limits):
        if name not in OBJECTIVES:
            raise ConfigError(
                f"{name}: not a figure of hardware; there are: {', '.join(OBJECTIVES)}"
            )
    for name, value in limits.items():
        if not value >= 0:
            raise ConfigError(f"{name}: the limit must be 0 or more; got {value}")
    if not objectives or not options or not all(options.values()):
        raise ConfigError("the hardware search needs an objective, a stage, and options for each")
    missing = [r for r in RESOURCES if r not in capacity]
    if missing:
        raise ConfigError(f"capacity: {missing[0]} is missing; needed: {', '.join(RESOURCES)}")
    have = np.array([capacity[r] for r in RESOURCES], dtype=np.float64)
    return Problem(
        names=tuple(options),
        choices=tuple(tuple(o.choice for o in group) for group in options.values()),
        tables=tuple(_table(stage, group) for stage, group in options.items()),
        objectives=tuple(dict.fromkeys(objectives)),
        capacity=have,
        caps=_caps(have, limits),
    )


def _table(stage: str, group: Sequence[Option]) -> Table:
    table = np.array([[getattr(o, f) for f in FIGURES] for o in group], dtype=np.float64)
    if not np.isfinite(table).all() or (table < 0).any():
        raise RunError(f"{stage}: a figure of an option is negative or not finite")
    return table


def _caps(capacity: Table, limits: Mapping[str, float]) -> Table:
    caps = np.concatenate([[np.inf, np.inf], capacity])
    for name, value in limits.items():
        if name == "resources":
            caps[FIRST:] = np.minimum(caps[FIRST:], capacity * value)
        else:
            at = FIGURES.index(OBJECTIVES[name])
            caps[at] = min(caps[at], value)
    return caps


def _points(problem: Problem, picks: Picks) -> tuple[HardwarePoint, ...]:
    figures = totals([t[picks[:, i]] for i, t in enumerate(problem.tables)])
    order = np.lexsort(objective_values(problem, figures).T[::-1])
    share = shares_of(problem.capacity, figures[:, FIRST:]).max(axis=1)
    return tuple(
        HardwarePoint(
            {n: c[p] for n, c, p in zip(problem.names, problem.choices, picks[i], strict=True)},
            {**dict(zip(FIGURES, figures[i].tolist(), strict=True)), "resources": float(share[i])},
        )
        for i in order
    )


def _infeasible(problem: Problem) -> HardwareFront:
    """Which limit cannot be met, the best that can be had, and how far that is."""
    least = totals([t.min(axis=0) for t in problem.tables])
    over = [i for i, cap in enumerate(problem.caps) if least[i] > cap]
    if over:
        texts = [
            f"{NAMES[i]} is at least {least[i]:g}, and {problem.caps[i]:g} is the limit"
            for i in over
        ]
        return _empty("; ".join(texts), max(_excess(least[i], problem.caps[i]) for i in over))
    found = [
        (i, best)
        for i in np.flatnonzero(np.isfinite(problem.caps))
        if (best := _attainable(problem, i)) is not None and best > problem.caps[i]
    ]
    if not found:
        return _empty("no design meets all limits at once, nor all but one of them", 1.0)
    texts = [f"{NAMES[i]} {best:g} instead of {problem.caps[i]:g}" for i, best in found]
    reason = "no design meets all limits at once; one would with " + ", or with ".join(texts)
    return _empty(reason, min(_excess(best, problem.caps[i]) for i, best in found))


def _empty(reason: str, excess: float) -> HardwareFront:
    return HardwareFront((), reason=reason, excess=excess)


def _excess(value: float, cap: float) -> float:
    """Doublings by which a figure passes its limit, each counted with one more: caps may be 0."""
    return float(np.log2((1 + value) / (1 + cap)))


def _attainable(problem: Problem, figure: int) -> float | None:
    """Least value of a figure when all limits but its own are kept."""
    caps = problem.caps.copy()
    caps[figure] = np.inf
    relaxed = replace(problem, caps=caps, objectives=(NAMES[figure],))
    kept = trim(relaxed)
    found = None if kept is None else _search(relaxed, kept).figures
    return None if found is None or not len(found) else float(found[0, figure])
