"""The whole life of one candidate. Read this first.

    values of the space's knobs                        (proposed: dse/search)
      -> evaluate: types on every edge, bit-exact outputs, the metric;
                   then every way to build it, priced, and the exact hardware front
      -> a candidate of that front is promoted         (chosen: dse/search/promote)
      -> measure:  its project, checked bit for bit, synthesised; the tool's own figures

``evaluate`` and ``measure`` run on workers: all that they need is in ``Problem``.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

import converter
import estimators
from converter.config import write_config
from converter.emulate import emulate_codes, quantize_inputs
from converter.errors import DataError, DseError, ToolError
from converter.graph import IOType, ModelGraph, TypedGraph
from converter.layers.base import Range
from converter.parts import Part
from converter.report import RESOURCES, Fidelity, Report, Source
from converter.resolved import resolved_config
from converter.schedule import schedule
from converter.timing import Target
from dse.cache import Cache
from dse.data import Dataset
from dse.metrics import Metric, score
from dse.parts import Workshop, build
from dse.quantities import Limits
from dse.records import Candidate, Design, Setting
from dse.search.hardware import OBJECTIVES, HardwareFront, options_of, solve
from dse.search.streams import solve_streams
from dse.synthesis import Limits as ToolLimits
from dse.synthesis import SynthesisResult
from dse.tools import Bench
from estimators import ESTIMATORS, store
from estimators.analytic import priced_facts
from estimators.batch import FIGURES, ChoiceTable, choice_tables, parts_of
from estimators.conformal import CONFIDENCE
from estimators.store import Lesson
from search_spaces import Space

CHECKED_ROWS = 256
"""Rows on which a promoted design's C++ is compared with the emulation."""

PROJECT = "project"
"""Where in a trial's folder the tool works."""

MAX_CANDIDATES = 200
"""Points of one setting's hardware front that are kept for promotion."""


@dataclass(frozen=True, eq=False)
class Problem:
    """Everything that stays the same over a run. ``reference``: the float model's outputs on
    ``data.x``, [rows, outputs], and ``float_score`` its metric, which no fixed-point design is
    expected to beat; ``final``: the kind of its last layer. ``learned``: what was measured before
    the run, of this tool and family; ``store``: where what it measures is added for later runs;
    ``notes``: what a user should know of these.
    """

    graph: ModelGraph
    ranges: Mapping[str, Range]
    data: Dataset
    reference: npt.NDArray[np.float64]
    metric: Metric
    final: str
    float_score: float
    space: Space
    part: Part
    target: Target
    bench: Bench
    objectives: tuple[str, ...]
    limits: Limits
    io_type: IOType = IOType.PARALLEL
    learned: tuple[Lesson, ...] = ()
    store: Path | None = None
    notes: tuple[str, ...] = ()

    @property
    def hardware_objectives(self) -> tuple[str, ...]:
        """The objectives that hardware decides."""
        return tuple(o for o in self.objectives if o != "accuracy")


def realise(problem: Problem, values: Mapping[str, int]) -> TypedGraph:
    """The integer arithmetic of one precision setting."""
    config = replace(problem.space.config(values), io_type=problem.io_type)
    return converter.apply(problem.graph, config, problem.ranges)


def evaluate(problem: Problem, number: int, values: Mapping[str, int]) -> Setting:
    """Score one precision setting and find its hardware front. Never raises DseError: what
    cannot be built is a setting with a failure.
    """
    start = time.monotonic()
    setting = Setting(number, dict(values))
    try:
        typed = realise(problem, values)
        value = _score(problem, typed)
        tables = price_tables(problem, typed)
        front = hardware_front(problem, tables)
    except DseError as error:
        return replace(setting, failure=str(error), seconds=time.monotonic() - start)
    missed = problem.metric.missed_by(value, problem.limits.metric)
    note = f"{problem.metric.name} {value:.4g} is outside the limit" if missed > 0 else front.reason
    return replace(
        setting,
        digest=typed.digest(),
        value=value,
        loss=problem.metric.loss(value),
        note=note,
        constraints={"metric": missed, "hardware": front.excess},
        candidates=() if note else _candidates(front, tables),
        seconds=time.monotonic() - start,
    )


def _score(problem: Problem, typed: TypedGraph) -> float:
    codes = emulate_codes(typed, quantize_inputs(typed, problem.data.x))
    (output,) = typed.outputs
    outputs = typed.edges[output].type.to_float(codes[output])
    return score(problem.metric, problem.data, outputs, problem.reference, problem.final)


def hardware_front(problem: Problem, tables: Sequence[ChoiceTable]) -> HardwareFront:
    """All best ways to build a network within the limits, under the estimator's prices."""
    limits: dict[str, float] = {}
    cycles = problem.limits.cycles(problem.target.clock_period_ns)
    if cycles is not None:
        limits["latency"] = cycles
    if problem.limits.interval_cycles is not None:
        limits["interval"] = problem.limits.interval_cycles
    for name, figure in OBJECTIVES.items():
        if figure in RESOURCES:
            limits[name] = problem.limits.resources[figure]
    capacity = {name: float(getattr(problem.part, name)) for name in RESOURCES}
    objectives = problem.hardware_objectives or ("latency", "resources")
    options = {table.stage: options_of(table) for table in tables}
    find = solve_streams if problem.io_type is IOType.STREAM else solve
    return find(options, objectives, capacity, limits)


def price_tables(problem: Problem, typed: TypedGraph) -> tuple[ChoiceTable, ...]:
    """Every choice of every stage that the space allows, priced."""
    estimator, allowed = ESTIMATORS[problem.bench.backend.name], problem.space.hardware(typed)
    return choice_tables(typed, problem.target, estimator, allowed)


def _candidates(front: HardwareFront, tables: Sequence[ChoiceTable]) -> tuple[Candidate, ...]:
    points = front.points
    if len(points) > MAX_CANDIDATES:
        kept = np.linspace(0, len(points) - 1, MAX_CANDIDATES).round().astype(int)
        points = tuple(points[i] for i in kept)
    return tuple(Candidate(p.choices, p.figures, parts_of(tables, p.choices)) for p in points)


def estimated_report(
    problem: Problem,
    candidate: Candidate,
    figures: Mapping[str, float],
    intervals: Mapping[str, tuple[float, float]],
) -> Report:
    """A candidate's figures, as the run has learned to estimate them, as a report."""
    source = Source(f"estimate for {problem.bench.tool.name}", "", Fidelity.ANALYTIC)
    used: dict[str, Any] = {name: figures.get(name, 0.0) for name in RESOURCES}
    for name in ("latency_cycles", "interval_cycles"):
        used[name] = round(candidate.figures[name])
    return Report(
        source,
        **used,
        clock_period_ns=problem.target.clock_period_ns,
        intervals={name: ends for name, ends in intervals.items() if name in RESOURCES},
        confidence=CONFIDENCE if intervals else None,
    )


def measure(
    problem: Problem,
    values: Mapping[str, int],
    design: Design,
    folder: Path,
    cache: Cache,
    limits: ToolLimits,
    jobs: int = 1,
) -> Design:
    """Describe, build, check and synthesise one promoted design in ``folder``, with at most
    ``jobs`` tools at once on this machine, those of other designs of the cache included.
    """
    start = time.monotonic()
    typed = realise(problem, values).with_hardware(design.choices)
    bench = problem.bench
    project = converter.project(typed, bench.backend.name, problem.target)
    describe(problem, typed, project.digest, folder)
    checks = {"csim": check_csim(problem, typed)}
    with cache.lock(project, bench.tool, bench.stage):
        result = cache.get(project, bench.tool, bench.stage)
        if result is None:
            workshop = Workshop(cache, jobs)
            result = build(
                project, bench.backend.name, bench.tool, bench.stage, folder / PROJECT, limits,
                workshop,
            )  # fmt: skip
            cache.put(project, bench.tool, bench.stage, result)
    measured = _complete(problem, result)
    if measured is not None:
        (folder / "report.json").write_text(json.dumps(measured.to_json(), indent=1) + "\n")
        if problem.store is not None:
            checks["learned"] = keep(problem, typed, project.digest, measured)
    return replace(
        design,
        measured=measured,
        failure=result.failure,
        checks=checks,
        seconds=time.monotonic() - start,
    )


def keep(problem: Problem, typed: TypedGraph, digest: str, measured: Report) -> str:
    """Add a measured design to the store; ``kept``, or why it could not be."""
    bench, where = problem.bench, problem.target
    figures = {n: getattr(measured, n) for n in FIGURES if getattr(measured, n) is not None}
    facts = priced_facts(typed, schedule(typed, where), ESTIMATORS[bench.backend.name])
    lesson = Lesson(
        bench.backend.name, bench.tool.version, bench.stage.value, where.family, where.part,
        where.clock_period_ns, digest, figures, facts,
    )  # fmt: skip
    try:
        store.append(problem.store or Path(), [lesson])
    except DataError as error:
        return str(error)
    return "kept"


def describe(problem: Problem, typed: TypedGraph, digest: str, folder: Path) -> None:
    """Write ``trial.json`` (the stages, with their estimates) and ``config.yml`` to ``folder``."""
    tool = problem.bench.backend.name
    estimate = estimators.estimate(typed, problem.target, tool=tool)
    stages = [
        {
            "name": stage.name,
            "layer": stage.layer,
            "kind": type(stage.unit).__name__,
            "type": str(typed.edges[stage.name].type),
            "strategy": typed.implementation(stage.name).strategy.value,
            "reuse_factor": typed.implementation(stage.name).reuse_factor,
            "parallelization_factor": typed.implementation(stage.name).parallelization_factor,
            "estimate": estimate.stages[stage.name].to_json(),
        }
        for stage in typed.stages
    ]
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "trial.json").write_text(json.dumps({"digest": digest, "stages": stages}, indent=1))
    config = replace(
        resolved_config(typed),
        clock_period_ns=problem.target.clock_period_ns,
        part=problem.target.part,
    )
    (folder / "config.yml").write_text(write_config(config))


def _complete(problem: Problem, result: SynthesisResult) -> Report | None:
    if result.report is None or result.report.clock_period_ns is not None:
        return result.report
    return replace(result.report, clock_period_ns=problem.target.clock_period_ns)


def check_csim(problem: Problem, typed: TypedGraph) -> str:
    """``passed`` where the generated C++ gives the emulation's bits, else why it was not run.

    Raises ToolError where the bits differ: such a design must never be picked.
    """
    from converter.csim import csim

    codes = quantize_inputs(typed, problem.data.x[:CHECKED_ROWS])
    expected = emulate_codes(typed, codes)
    try:
        found = csim(typed, codes)
    except ToolError as error:
        return f"not checked: {error}"
    for name in typed.outputs:
        if not np.array_equal(found[name], expected[name]):
            raise ToolError(f"{name}: the generated C++ and the emulation differ in their bits")
    return "passed"
