"""Many designs of one arithmetic at once: only strategies and reuse factors differ.

Every legal choice of every stage is priced once; a design is then a row of indices, and
its figures are sums over looked-up rows.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from converter.graph import Implementation, TypedGraph
from converter.timing import Target, timing_for
from estimators.analytic import cached_price
from estimators.base import Estimator

FIGURES = ("lut", "ff", "dsp", "bram_18k", "uram", "latency_cycles", "interval_cycles")
"""Columns of the tables, by their names in a report."""


@dataclass(frozen=True, eq=False)
class ChoiceTable:
    """``figures`` [choices, 7] of one stage, with the columns of ``FIGURES``."""

    stage: str
    choices: tuple[Implementation, ...]
    figures: npt.NDArray[np.float64]


def choice_tables(
    typed: TypedGraph,
    target: Target,
    estimator: Estimator,
    allowed: Mapping[str, Sequence[Implementation]] | None = None,
) -> tuple[ChoiceTable, ...]:
    """One table per stage, in order. ``allowed`` narrows the choices of stages by name."""
    timing = timing_for(target)
    tables = []
    for stage in typed.stages:
        choices = tuple((allowed or {}).get(stage.name, typed.legal(stage.name)))
        facts = [stage.unit.facts(stage.name, choice, timing) for choice in choices]
        reports = [cached_price(estimator, one, target) for one in facts]
        rows = [[getattr(report, name) for name in FIGURES] for report in reports]
        tables.append(ChoiceTable(stage.name, choices, np.array(rows, np.float64)))
    return tuple(tables)


def totals(tables: Sequence[ChoiceTable], picks: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
    """Figures [designs, 7] of a chain of stages for ``picks`` [designs, stages].

    Sums, but for the interval, which is the slowest stage's. What a tool adds for a whole
    design, and that is the same for all of them, is left out.
    """
    total = np.zeros((len(picks), len(FIGURES)))
    slowest = np.zeros(len(picks))
    for position, table in enumerate(tables):
        rows = table.figures[picks[:, position]]
        total += rows
        np.maximum(slowest, rows[:, -1], out=slowest)
    total[:, -1] = slowest
    return total
