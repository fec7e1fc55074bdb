"""The loop of a run: what is in flight, what came back, what to start next.

One process drives. Whatever it learns goes to the journal before anything is built on
it, so that a run can be killed at any moment and go on from there.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from typing import Any

from converter.errors import DseError
from dse.cache import Cache
from dse.executors.base import EVALUATE, SYNTHESISE, Executor, Job, JobCancelled, JobLost
from dse.failures import Kind, failure
from dse.paths import RunPaths
from dse.quantities import Budget
from dse.records import Design, History, Journal, Setting, design_body, setting_body
from dse.search.hardware import OBJECTIVES
from dse.search.objectives import worth
from dse.search.proposer import Outcome, Proposer
from dse.shortlist import Pace, Shortlist, parts_of
from dse.synthesis import Limits as ToolLimits
from dse.trial import Problem, estimated_report, evaluate, measure
from estimators import ESTIMATORS

LADDER = 12
"""Settings that are evaluated before the first design is promoted: the uniform ladder."""

PATIENCE = 150
"""Settings without a better estimated front, after which no more are evaluated."""

BACKSTOP_SECONDS = 60.0
"""After the deadline; a tool is cancelled at the deadline, and goes on when the run does."""

MAX_TOOL_SECONDS = 48 * 3600.0
"""Wall-time limit of one tool run where the budget sets none."""

FAILURES_IN_A_ROW = 8
"""Syntheses that fail one after the other before a run gives up: the tool is broken, not they."""

RETRIES = 1
"""How often a call is made again whose worker died."""


@dataclass(frozen=True)
class Farm:
    """How much may run at once, and how much memory a tool may take."""

    workers: int
    synth_jobs: int
    memory_bytes: int | None = None


@dataclass
class State:
    """What the driver holds in memory; all of it can be read back from the journal."""

    settings: dict[int, Setting] = field(default_factory=dict)
    designs: dict[int, Design] = field(default_factory=dict)
    tries: dict[int, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Clock:
    """When a run must end. ``deadline`` in monotonic seconds, None without a time budget."""

    budget: Budget
    start: float
    deadline: float | None

    @staticmethod
    def begin(budget: Budget, spent_s: float, start: float) -> Clock:
        """A clock for what is left of the budget, running since ``start``."""
        if budget.seconds is None:
            return Clock(budget, start, None)
        return Clock(budget, start, start + budget.seconds - spent_s)

    def left(self) -> float:
        """Seconds until the deadline."""
        return math.inf if self.deadline is None else self.deadline - time.monotonic()


class Driver:
    """Runs until the budget is spent or nothing is left to try. See ``run``."""

    def __init__(
        self,
        problem: Problem,
        paths: RunPaths,
        state: State,
        journal: Journal,
        executor: Executor,
        proposer: Proposer,
        farm: Farm,
        clock: Clock,
    ) -> None:
        self.problem, self.paths, self.state, self.journal = problem, paths, state, journal
        self.executor, self.proposer, self.farm, self.clock = executor, proposer, farm, clock
        self.shared = executor.share(problem)
        self.cache = Cache(paths.cache)
        estimator = ESTIMATORS[problem.bench.backend.name]
        self.pool = Shortlist(
            problem.objectives,
            problem.part,
            ladder_steps(clock.budget),
            estimator.priors,
            [lesson.evidence(estimator) for lesson in problem.learned],
        )
        self.jobs: dict[Job, tuple[str, int, Any]] = {}
        self.stale = 0
        self.late = False
        self.failures = 0
        for setting in state.settings.values():
            self.pool.add(setting)

    def run(self, tell: Callable[[], None]) -> str:
        """Go on until the end; returns why it ended. ``tell`` is called about every second."""
        for design in list(self.state.designs.values()):
            if not design.ended:
                self._synthesise(design)
        while self.clock.left() > 0:
            self._fill_evaluations()
            self._fill_syntheses()
            if self.failures >= FAILURES_IN_A_ROW:
                return f"{self.failures} syntheses failed in a row"
            if not self.jobs:
                return (
                    "no synthesis more would end in time" if self.late else "nothing is left to try"
                )
            self._collect(self.executor.wait(list(self.jobs), min(1.0, self.clock.left())))
            tell()
        return "the budget is spent"

    def history(self) -> History:
        """What is known now."""
        spent = time.monotonic() - self.clock.start
        return History(self.state.settings, self.state.designs, spent, time.time(), None)

    def volume(self) -> float:
        """Hypervolume of the measured designs."""
        return self.pool.volume(self.state.settings, self.state.designs)

    def in_flight(self) -> tuple[int, int]:
        """Evaluations and syntheses under way."""
        kinds = [kind for kind, _, _ in self.jobs.values()]
        return kinds.count(EVALUATE), kinds.count(SYNTHESISE)

    # --- precision settings -----------------------------------------------------------

    def _evaluating(self) -> bool:
        if self.proposer.exhausted or self.stale >= PATIENCE:
            return False
        trials = self.clock.budget.trials
        return trials is None or len(self.state.settings) + self.in_flight()[0] < trials

    def _fill_evaluations(self) -> None:
        while self._evaluating() and self.in_flight()[0] < self.farm.workers:
            proposal = self.proposer.ask()
            self._evaluate(proposal.number, dict(proposal.values))

    def _evaluate(self, number: int, values: dict[str, int]) -> None:
        job = self.executor.submit(evaluate, self.shared, number, values, kind=EVALUATE)
        self.jobs[job] = (EVALUATE, number, values)

    def _take_setting(self, setting: Setting) -> None:
        self.journal.append("setting", **setting_body(setting))
        self.state.settings[setting.number] = setting
        told = outcome(setting, self.problem.objectives)
        self.proposer.tell(told.number, told.objectives, told.constraints, told.failed)
        self.stale = 0 if self.pool.add(setting) else self.stale + 1

    # --- designs ----------------------------------------------------------------------

    def _fill_syntheses(self) -> None:
        while self.in_flight()[1] < self.farm.synth_jobs and self._promoting():
            if self._evaluating() and len(self.state.settings) < ladder_steps(self.clock.budget):
                return
            state = self.state
            pace = Pace().learn(state.designs.values())
            chosen = self.pool.next(state.settings, state.designs, pace, self.clock.left())
            self.late = chosen.late
            if chosen.entry is None:
                return
            number = max(state.designs, default=-1) + 1
            candidate = chosen.entry.candidate
            learned = self.pool.correction(state.settings, state.designs)
            known = parts_of(candidate)
            report = estimated_report(
                self.problem, candidate, learned.apply(known), learned.intervals(known)
            )
            design = Design(number, chosen.entry.setting, candidate.choices, report)
            self.journal.append("design", **design_body(design))
            state.designs[number] = design
            self._synthesise(design)

    def _promoting(self) -> bool:
        trials = self.clock.budget.trials
        return trials is None or len(self.state.designs) < trials

    def _synthesise(self, design: Design) -> None:
        values = self.state.settings[design.setting].values
        folder = self.paths.trial(design.number)
        seconds = min(self.clock.left() + BACKSTOP_SECONDS, MAX_TOOL_SECONDS)
        limits = ToolLimits(seconds, self.farm.memory_bytes)
        args = (self.shared, values, design, folder, self.cache, limits, self.farm.synth_jobs)
        job = self.executor.submit(measure, *args, kind=SYNTHESISE)
        self.jobs[job] = (SYNTHESISE, design.number, None)

    def _take_design(self, design: Design) -> None:
        self.journal.append("design", **design_body(design))
        self.state.designs[design.number] = design
        self.failures = self.failures + 1 if design.failure else 0

    # --- results ----------------------------------------------------------------------

    def _collect(self, done: Iterable[Job]) -> None:
        for job in done:
            kind, number, values = self.jobs.pop(job)
            try:
                result = job.result()
            except JobCancelled:
                continue
            except JobLost as error:
                self._lost(kind, number, values, str(error))
                continue
            except DseError as error:
                self._failed(kind, number, values, str(error))
                continue
            except Exception as error:  # one candidate's trouble must not end a run of days
                message = f"internal error: {type(error).__name__}: {error}"
                self._failed(kind, number, values, message)
                continue
            if kind == EVALUATE:
                self._take_setting(result)
            else:
                self._take_design(result)

    def _lost(self, kind: str, number: int, values: Any, message: str) -> None:
        """A worker died under a call: once more, then a failure like any other."""
        key = number if kind == EVALUATE else -1 - number
        self.state.tries[key] = self.state.tries.get(key, 0) + 1
        again = self.state.tries[key] <= RETRIES
        if not again:
            self._failed(kind, number, values, message)
        elif kind == EVALUATE:
            self._evaluate(number, values)
        else:
            self._synthesise(self.state.designs[number])

    def _failed(self, kind: str, number: int, values: Any, message: str) -> None:
        """A call raised: its setting or design has failed, and the run goes on."""
        if kind == EVALUATE:
            self._take_setting(Setting(number, values, failure=message))
        else:
            trouble = failure(Kind.CRASH, message)
            self._take_design(replace(self.state.designs[number], failure=trouble))


def ladder_steps(budget: Budget) -> int:
    """Settings that come before the first promotion."""
    return LADDER if budget.trials is None else min(LADDER, budget.trials)


def outcome(setting: Setting, objectives: tuple[str, ...]) -> Outcome:
    """What the proposer learns of a setting: its loss, and what its hardware front is worth.
    In the order of ``proposed_objectives``.
    """
    failed = setting.failure is not None
    values = None
    if setting.candidates and setting.loss is not None:
        hardware = [o for o in objectives if o != "accuracy"]
        rows = [[c.figures[OBJECTIVES[o]] for o in hardware] for c in setting.candidates]
        values = (setting.loss, worth(hardware, rows)) if hardware else (setting.loss,)
    return Outcome(setting.number, setting.values, values, setting.constraints, failed)


def proposed_objectives(objectives: tuple[str, ...]) -> tuple[str, ...]:
    """What the proposer minimises: the loss, and what hardware decides as one figure."""
    return ("accuracy",) if objectives == ("accuracy",) else ("accuracy", "hardware")
