"""Branch and bound for the merging of stages: partial designs that cannot win are dropped.

The largest share of the part is the only objective that does not add up, and merging must
watch every resource for it. But any weighted mean of the shares is at most the largest,
and does add up. So the best completions of a partial design by such a mean, which are few,
bound what it can become; where complete designs that are known already beat every bound,
nothing is lost with it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from converter.report import RESOURCES
from dse.pareto import dominated_by, nondominated
from dse.search.merging import (
    FIGURES,
    FIRST,
    INTERVAL,
    LATENCY,
    SLACK,
    Partial,
    Problem,
    Table,
    joined,
    objective_values,
    rows_of,
    shares_of,
)

_KNOWN = 2000  # partial designs that the search for good complete ones goes on with
_STORED = 192  # segments that a front of completions is kept in
_SEGMENTS = 24  # segments that it is compared in
_COST = 2  # column of a front of completions: latency, interval, weighted share


@dataclass(frozen=True, eq=False)
class Bound:
    """What is known before merging. ``known``: good complete designs, and their ``values``.

    ``weightings``: pairs of weights [5] of the shares, and by place in the order of merging the
    front [k, 3] of what the later stages add. ``rest``: by place, their least figures [7].
    """

    problem: Problem
    known: Partial
    values: Table
    weightings: tuple[tuple[Table, tuple[Table, ...]], ...]
    rest: tuple[Table, ...]

    @staticmethod
    def of(
        problem: Problem, stages: Sequence[Partial], rest: Sequence[Table], columns: Sequence[int]
    ) -> Bound:
        """From the stages in the order of merging."""
        known = _good_designs(problem, stages, rest)
        one = np.eye(len(RESOURCES))[[c - FIRST for c in columns if c >= FIRST]]
        weights = [*one, one.mean(axis=0)] if len(one) > 1 else [np.zeros(len(RESOURCES))]
        return Bound(
            problem,
            known,
            objective_values(problem, known.figures),
            tuple((w, _completions(problem, stages, w)) for w in weights),
            tuple(rest),
        )

    def promising(self, partial: Partial, place: int) -> Partial:
        """Without the designs that no completion by the stages after ``place`` can save."""
        for weights, completions in self.weightings:
            alive = self._alive(partial.figures, weights, completions[place], self.rest[place])
            partial = rows_of(partial, np.flatnonzero(alive))
        return partial

    def _alive(self, figures: Table, weights: Table, completions: Table, rest: Table) -> Table:
        costs = _costs(self.problem, figures, weights)
        floor = objective_values(self.problem, figures + rest)
        alive = np.zeros(len(figures), dtype=bool)
        for completion in _segmented(completions, _SEGMENTS):
            left = np.flatnonzero(~alive)
            bound = self._raised(floor[left], figures[left], costs[left], completion)
            alive[left] = ~dominated_by(self.values, bound)
        return alive

    def _raised(self, floor: Table, figures: Table, costs: Table, completion: Table) -> Table:
        """Least objectives with completions at or above ``completion``; doubles err by an ulp."""
        bound = floor.copy()
        for i, objective in enumerate(self.problem.objectives):
            if objective == "latency":
                bound[:, i] = figures[:, LATENCY] + completion[LATENCY]
            elif objective == "interval":
                bound[:, i] = np.maximum(figures[:, INTERVAL], completion[INTERVAL])
            elif objective == "resources":
                bound[:, i] = np.maximum(floor[:, i], costs + completion[_COST]) / SLACK
            else:
                bound[:, i] /= SLACK
        return bound


def _costs(problem: Problem, figures: Table, weights: Table) -> Table:
    """Weighted means [n] of the shares; a share without weight counts nothing, be it infinite."""
    weighted = weights > 0
    shares = shares_of(problem.capacity, figures[:, FIRST:])[:, weighted]
    costs: Table = shares @ weights[weighted]
    return costs


def _good_designs(problem: Problem, stages: Sequence[Partial], rest: Sequence[Table]) -> Partial:
    """Complete designs by merging on the objectives alone: not all of the best, but quickly."""
    done = Partial(np.zeros((1, len(FIGURES))), np.zeros((1, 0), dtype=np.int64))
    for stage, least in zip(stages, rest, strict=True):
        done = joined(problem, done, stage, least, None)
        if len(done.picks) > _KNOWN:
            rows = np.linspace(0, len(done.picks) - 1, _KNOWN).astype(np.int64)
            done = rows_of(done, rows)
    return done


def _completions(problem: Problem, stages: Sequence[Partial], weights: Table) -> tuple[Table, ...]:
    """By place, the front [k, 3] of what all later stages add: latency, interval, mean share."""
    fronts = [np.zeros((1, 3))]
    for stage in reversed(stages[1:]):
        shares = _costs(problem, stage.figures, weights)
        table = np.column_stack([stage.figures[:, [LATENCY, INTERVAL]], shares])
        pairs = fronts[-1][:, None, :] + table[None, :, :]
        pairs[..., INTERVAL] = np.maximum(fronts[-1][:, None, INTERVAL], table[None, :, INTERVAL])
        fronts.append(_segmented(_relevant(problem, pairs.reshape(-1, 3)), _STORED))
    return tuple(reversed(fronts))


def _relevant(problem: Problem, rows: Table) -> Table:
    """The front of the rows, in rising order; without the interval where nobody asks for it."""
    if "interval" not in problem.objectives:
        rows[:, INTERVAL] = 0.0
    front = rows[nondominated(rows)]
    return front[np.lexsort(front.T[::-1])]


def _segmented(front: Table, count: int) -> Table:
    """At most ``count`` rows, each at most equal to all rows of its stretch of the front."""
    if len(front) <= count:
        return front
    return np.array([part.min(axis=0) for part in np.array_split(front, count)])
