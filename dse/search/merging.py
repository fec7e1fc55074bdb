"""Partial designs of a network, merged stage by stage; what ``hardware`` is made of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from converter.graph import Implementation
from converter.report import RESOURCES
from dse.pareto import nondominated
from estimators.batch import FIGURES, totals

__all__ = ["FIGURES", "totals"]

Table = npt.NDArray[np.float64]
Picks = npt.NDArray[np.int64]

OBJECTIVES = {
    "latency": "latency_cycles",
    "interval": "interval_cycles",
    "resources": "resources",  # the largest share of any one resource of the part
    "lut": "lut",
    "ff": "ff",
    "dsp": "dsp",
    "bram": "bram_18k",
    "uram": "uram",
}
"""Names of objectives and limits, and the figure that each speaks of."""

NAMES = tuple(name for name in OBJECTIVES if name != "resources")  # in the order of FIGURES
LATENCY, INTERVAL, FIRST = 0, 1, 2
_ROWS = 500_000  # pairs that are formed at once
SLACK = 1 + 1e-9  # doubles that are summed in two orders differ by less


@dataclass(frozen=True, eq=False)
class Problem:
    """Tables [options, 7] by stage in ``FIGURES`` order; ``caps`` [7], ``capacity`` [5]."""

    names: tuple[str, ...]
    choices: tuple[tuple[Implementation, ...], ...]
    tables: tuple[Table, ...]
    objectives: tuple[str, ...]
    capacity: Table
    caps: Table


@dataclass(frozen=True, eq=False)
class Partial:
    """Designs of some stages: figures [designs, 7] and option numbers [designs, stages].

    ``loss``: the factor that a figure may be worse by than in an exact merge.
    """

    figures: Table
    picks: Picks
    loss: float = 1.0


def trim(problem: Problem) -> list[Picks] | None:
    """Options of each stage that fit when all other stages take their least; None: none do."""
    kept = [np.arange(len(t)) for t in problem.tables]
    while True:
        least = np.stack([t[k].min(axis=0) for t, k in zip(problem.tables, kept, strict=True)])
        before = [len(k) for k in kept]
        for i, table in enumerate(problem.tables):
            rest = least.sum(axis=0) - least[i]
            rest[INTERVAL] = 0.0
            kept[i] = kept[i][(table[kept[i]] + rest <= problem.caps * SLACK).all(axis=1)]
            if not len(kept[i]):
                return None
        if before == [len(k) for k in kept]:
            return kept


def shares_of(capacity: Table, used: Table) -> Table:
    """Shares of the part; infinite where something is used that the part has none of."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(used > 0, used / capacity, 0.0)


def objective_values(problem: Problem, figures: Table) -> Table:
    """Objectives [designs, objectives] of whole designs [designs, 7]."""
    share = shares_of(problem.capacity, figures[:, FIRST:]).max(axis=1)
    columns = [
        share if o == "resources" else figures[:, FIGURES.index(OBJECTIVES[o])]
        for o in problem.objectives
    ]
    return np.stack(columns, axis=1)


def watched_columns(problem: Problem, tables: Sequence[Table]) -> list[int]:
    """Figures that merging must watch: objectives, and limits that can bind.

    A resource whose share never passes that of another which is watched, for any choice of
    options, needs no watching: it can neither be the largest share nor bind first.
    """
    most = np.sum([t.max(axis=0) for t in tables], axis=0)
    binds = most > problem.caps
    wanted = {FIGURES.index(OBJECTIVES[o]) for o in problem.objectives if o != "resources"}
    shares = [shares_of(problem.capacity, t[:, FIRST:]) for t in tables]
    limit = shares_of(problem.capacity, problem.caps[FIRST:])
    watched = [c for c in (LATENCY, INTERVAL) if c in wanted or (c == LATENCY and binds[c])]
    left = [r for r in range(len(RESOURCES)) if most[r + FIRST] > 0]
    kept = (
        list(left) if "resources" in problem.objectives else [r for r in left if binds[r + FIRST]]
    )
    for r in tuple(kept):
        others = [s for s in kept if s != r and limit[r] >= limit[s]]
        if any(_never_above(shares, r, s) for s in others):
            kept.remove(r)
    watched += [r + FIRST for r in kept]
    return sorted({*watched, *(w for w in wanted if w >= FIRST)}) or [LATENCY]


def _never_above(shares: Sequence[Table], r: int, s: int) -> bool:
    """True where resource ``r``'s share stays at or below that of ``s``, whatever is chosen."""
    with np.errstate(invalid="ignore"):  # two infinite shares compare as unknown, thus False
        return bool(sum((t[:, r] - t[:, s]).max() for t in shares) <= 0)


def joined(
    problem: Problem, done: Partial, stage: Partial, rest: Table, columns: list[int] | None
) -> Partial:
    """The best of all pairs within the limits, when later stages take at least ``rest`` [7]."""
    pieces = -(-len(done.picks) * len(stage.picks) // _ROWS) or 1
    found: list[Partial] = []
    for part in np.array_split(np.arange(len(done.picks)), pieces):
        pairs = _pairs(replace(done, figures=done.figures[part], picks=done.picks[part]), stage)
        fits = (pairs.figures + rest <= problem.caps * SLACK).all(axis=1)
        found.append(front_of(problem, rows_of(pairs, np.flatnonzero(fits)), columns))
    if pieces == 1:
        return found[0]
    return front_of(problem, stacked(found), columns)


def stacked(parts: Sequence[Partial]) -> Partial:
    """All designs of all parts."""
    return Partial(
        np.concatenate([part.figures for part in parts]),
        np.concatenate([part.picks for part in parts]),
        max(part.loss for part in parts),
    )


def _pairs(done: Partial, stage: Partial) -> Partial:
    figures = done.figures[:, None, :] + stage.figures[None, :, :]
    pair = done.figures[:, None, INTERVAL], stage.figures[None, :, INTERVAL]
    figures[..., INTERVAL] = np.maximum(*pair)
    chosen = np.tile(stage.picks, (len(done.picks), 1))
    picks = np.hstack([np.repeat(done.picks, len(stage.picks), axis=0), chosen])
    return Partial(figures.reshape(-1, len(FIGURES)), picks, done.loss)


def front_of(problem: Problem, partial: Partial, columns: list[int] | None) -> Partial:
    """The designs that no other beats in ``columns``, or where there are none in the objectives."""
    figures = partial.figures
    values = objective_values(problem, figures) if columns is None else figures[:, columns]
    return rows_of(partial, best_rows(values, figures, problem.capacity))


def rows_of(partial: Partial, rows: Picks) -> Partial:
    """The designs at ``rows``."""
    return replace(partial, figures=partial.figures[rows], picks=partial.picks[rows])


def best_rows(values: Table, figures: Table, capacity: Table) -> Picks:
    """Rows of the front of ``values``; of equal ones that which uses least of the part."""
    spent = shares_of(capacity, figures[:, FIRST:]).sum(axis=1)
    order = np.lexsort((figures[:, INTERVAL], figures[:, LATENCY], spent))
    picked: Picks = order[nondominated(values[order])]
    return picked


def thinned(partial: Partial, columns: list[int], grid: float, most: int) -> Partial:
    """One design for each box of a grid in steps of a factor 1 + ``grid``, or of a multiple
    of it until at most ``most`` are left: M. Laumanns et al., "Combining convergence and
    diversity in evolutionary multiobjective optimization", Evol. Comp. 10 (2002).
    """
    with np.errstate(divide="ignore"):
        logs = np.log(partial.figures[:, columns])
    while True:
        boxes = np.floor(logs / np.log1p(grid))
        rows = np.sort(np.unique(boxes, axis=0, return_index=True)[1])
        if len(rows) <= most:
            return replace(rows_of(partial, rows), loss=partial.loss * (1 + grid))
        grid *= 1.5
