"""Who is told of a run's progress: nobody, a person at the terminal, MLflow."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, Protocol

from dse.quantities import format_seconds

if TYPE_CHECKING:
    from dse.call import Call
    from dse.driver import Clock, State
    from dse.paths import RunPaths
    from dse.trial import Problem

LINE_SECONDS = 10.0
"""Between two plain lines of progress."""


class Observer(Protocol):
    """Told of a run by its driver. Must return at once and raise nothing."""

    def begin(self, paths: RunPaths, call: Call, problem: Problem, clock: Clock) -> None:
        """The run starts or goes on."""

    def progress(self, state: State, evaluating: int, synthesising: int) -> None:
        """Something may have changed; called at least every second."""

    def end(self, reason: str, state: State, trouble: str | None) -> None:
        """The run ended; ``trouble`` is what went wrong beside it."""


class Silent:
    """Tells nobody."""

    def begin(self, paths: RunPaths, call: Call, problem: Problem, clock: Clock) -> None:
        """Nothing."""

    def progress(self, state: State, evaluating: int, synthesising: int) -> None:
        """Nothing."""

    def end(self, reason: str, state: State, trouble: str | None) -> None:
        """Nothing."""


class Terminal:
    """One line on stderr: rewritten in place on a terminal, repeated now and then elsewhere."""

    def __init__(self) -> None:
        self._live = sys.stderr.isatty()
        self._next = 0.0
        self._clock: Clock | None = None

    def begin(self, paths: RunPaths, call: Call, problem: Problem, clock: Clock) -> None:
        """Say what will be done, with what, and where it goes."""
        self._clock = clock
        tool, space = problem.bench.tool, problem.space
        drawn, origin = problem.data.y is None, problem.data.origin
        rows = origin if drawn else f"{len(problem.data.x)} rows of {origin}"
        floor = problem.limits.metric
        bound = "" if floor is None else f" (no design is built below {floor:.4f})"
        self._print(
            f"{problem.graph.name}: {problem.metric.name} on {rows}; "
            f"{problem.float_score:.4f} in floating point{bound}"
        )
        self._print(
            f"{problem.part.name} at {problem.target.clock_period_ns:g} ns, measured by "
            f"{tool.name} {tool.version}; {len(space.knobs)} knobs, {space.size:,} settings"
        )
        for note in problem.notes:
            self._print(note)
        if problem.store is not None:
            self._print(f"learned from {len(problem.learned)} designs of {problem.store}")
        self._print(f"budget {call.budget}; everything goes to {paths.root}")

    def progress(self, state: State, evaluating: int, synthesising: int) -> None:
        """At most a line a second on a terminal, one every ten elsewhere."""
        now = time.monotonic()
        if now < self._next:
            return
        self._next = now + (1.0 if self._live else LINE_SECONDS)
        line = self._line(state, evaluating, synthesising)
        if self._live:
            sys.stderr.write(f"\r\x1b[2K{line}")
            sys.stderr.flush()
        else:
            self._print(line)

    def end(self, reason: str, state: State, trouble: str | None) -> None:
        """Say why it ended and what is there."""
        if self._live:
            sys.stderr.write("\r\x1b[2K")
        measured = sum(d.measured is not None for d in state.designs.values())
        failed = sum(d.failure is not None for d in state.designs.values())
        failures = f", {failed} failed" if failed else ""
        self._print(
            f"ended: {reason}; {len(state.settings)} settings evaluated, "
            f"{measured} designs measured{failures}"
        )
        if trouble:
            self._print(trouble)

    def _line(self, state: State, evaluating: int, synthesising: int) -> str:
        measured = sum(d.measured is not None for d in state.designs.values())
        left = self._clock.left() if self._clock else float("inf")
        time_left = "" if left == float("inf") else f"{format_seconds(max(left, 0))} left; "
        return (
            f"{time_left}{len(state.settings)} settings evaluated (+{evaluating}); "
            f"{measured} designs measured (+{synthesising})"
        )

    def _print(self, text: str) -> None:
        sys.stderr.write(text + "\n")
