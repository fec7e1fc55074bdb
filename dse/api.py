"""``import dse``: start, resume and read runs in Python, as the commands do."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from converter.errors import RunError
from dse.call import (
    Call,
    check_same_data,
    cores,
    memory_per_job,
    pose,
    read_call,
    save_budget,
    save_call,
    with_lessons,
)
from dse.driver import Clock, Driver, Farm, State, ladder_steps, outcome, proposed_objectives
from dse.executors import make_executor
from dse.paths import RunPaths, new_run, open_run
from dse.quantities import parse_budget
from dse.recorder import Recorder, default_uri, write_page
from dse.records import History, Journal, read_history
from dse.search.proposer import Proposer
from dse.trial import Problem
from dse.views import Views
from dse.watch import Observer, Silent

if TYPE_CHECKING:
    import pandas as pd

STOPPED = "stopped"
"""Why a run ended that Ctrl-C or SIGTERM ended."""


@dataclass(frozen=True)
class Run:
    """A run on disk: its folder, and why it ended (None: it did not)."""

    folder: Path
    ended: str | None

    def history(self) -> History:
        """Everything that its journal tells."""
        return read_history(RunPaths(self.folder).journal)

    def pareto(self) -> pd.DataFrame:
        """The front of measured designs, a row each."""
        import pandas as pd

        return pd.json_normalize(front(self.folder)["front"])

    def pick(self, out: str | Path, **choice: Any) -> Path:
        """Write one design of the front, ready to integrate; see ``dse.pick.pick``."""
        from dse.pick import pick

        return pick(self.folder, Path(out), **choice)

    def resume(self, budget: str | None = None) -> Run:
        """Go on until the budget of the run in all (or a new one) is spent."""
        return resume(self.folder, budget=budget)


def run(
    model: str | Path,
    part: str,
    budget: str,
    *,
    out: str | Path | None = None,
    observer: Observer | None = None,
    **options: Any,
) -> Run:
    """Explore ``model`` on ``part`` for ``budget``; blocks until the end.

    ``options`` are those of ``dse run`` (``data``, ``metric``, ``clock``, ``backend``, ``stage``,
    ``objectives``, ``limits``, ``space``, ``sampler``, ``executor``, ``workers``, ``synth_jobs``,
    ``ray_address``, ``tracking_uri``, ``seed``, ``io_type``, ``learned``). Raises DseError.
    """
    start = time.monotonic()
    call = Call(str(model), part, budget, **_as_text(options)).check()
    problem = pose(call)
    paths = new_run(Path(out) if out else None, Path(model))
    with _only_driver(paths):
        save_call(paths, call, problem)
        problem = with_lessons(paths, problem)
        return _explore(paths, problem, observer or Silent(), start)


def resume(folder: str | Path, budget: str | None = None, observer: Observer | None = None) -> Run:
    """Go on with the run in ``folder``; no finished work is done again. Raises DseError."""
    start = time.monotonic()
    paths = open_run(Path(folder))
    call, document = read_call(paths)
    call = call if budget is None else replace(call, budget=budget).check()
    with _only_driver(paths):
        problem = pose(call)
        check_same_data(problem, document)
        save_budget(paths, call.budget)
        problem = with_lessons(paths, problem)
        return _explore(paths, problem, observer or Silent(), start)


def load(folder: str | Path) -> Run:
    """The run in ``folder``. Raises RunError where there is none."""
    paths = open_run(Path(folder))
    return Run(paths.root, read_history(paths.journal).ended)


def front(folder: str | Path) -> dict[str, Any]:
    """The document of ``dse pareto --json``, from the journal."""
    views, history, volume = _read(folder)
    return views.pareto(history, volume)


def status(folder: str | Path) -> dict[str, Any]:
    """The document of ``dse status --json``: state, counts, time left, the front so far."""
    views, history, volume = _read(folder)
    seconds = parse_budget(views.call.budget).seconds
    designs = history.designs.values()
    driven = _is_driven(views.paths)
    spent = history.spent_s + (time.time() - history.last_event if driven else 0.0)
    counts = {
        "settings evaluated": len(history.settings),
        "designs under way": sum(not d.ended for d in designs),
        "designs measured": sum(d.measured is not None for d in designs),
        "designs failed": sum(d.failure is not None for d in designs),
    }
    return {
        "state": "running" if driven else f"ended: {history.ended or 'killed'}",
        "counts": counts,
        "seconds_left": None if seconds is None else max(0.0, seconds - spent),
        **views.pareto(history, volume),
    }


def page(folder: str | Path, out: str | Path | None = None) -> Path:
    """Write the run's page anew; returns its path."""
    views, history, volume = _read(folder)
    path = Path(out) if out else views.paths.page
    write_page(path, views.run(history, volume), views.designs(history))
    return path


def tracking_uri(folder: str | Path | None) -> str:
    """MLflow's store of a run, or that of the runs below ``runs/``."""
    if folder is None:
        return default_uri(RunPaths(Path("runs") / "any"))
    paths = open_run(Path(folder))
    return read_call(paths)[0].tracking_uri or default_uri(paths)


def _read(folder: str | Path) -> tuple[Views, History, float]:
    paths = open_run(Path(folder))
    call, document = read_call(paths)
    views, history = Views(paths, call, document), read_history(paths.journal)
    return views, history, views.volume(history, ladder_steps(parse_budget(call.budget)))


def _explore(paths: RunPaths, problem: Problem, watch: Observer, start: float) -> Run:
    call, document = read_call(paths)
    before = read_history(paths.journal) if paths.journal.exists() else History({}, {}, 0, 0, None)
    clock = Clock.begin(parse_budget(call.budget), before.spent_s, start)
    if clock.left() <= 0:
        raise RunError(f"{paths.root}: the budget of {call.budget} is spent; see --budget")
    jobs = call.synth_jobs or cores()
    farm = Farm(call.workers or cores(), jobs, memory_per_job(jobs))
    executor = make_executor(call.executor, farm.workers, farm.synth_jobs, call.ray_address)
    journal = Journal(paths.journal)
    journal.append("opened", budget=call.budget, pid=os.getpid())
    recorder = Recorder(paths, call, document)
    driver = Driver(
        problem, paths, State(dict(before.settings), dict(before.designs)), journal, executor,
        _proposer(problem, call, before), farm, clock,
    )  # fmt: skip
    watch.begin(paths, call, problem, clock)
    reason = STOPPED
    try:
        with _orderly_signals():
            reason = driver.run(lambda: _tell(driver, recorder, watch))
    except KeyboardInterrupt:
        pass
    except BaseException:
        reason = "failed"
        raise
    finally:
        executor.shutdown()
        with suppress(RunError):  # a full disk, say, which is told already
            journal.append("ended", reason=reason)
        journal.close()
    trouble = recorder.end(read_history(paths.journal), driver.volume(), reason)
    watch.end(reason, driver.state, trouble)
    return Run(paths.root, reason)


def _tell(driver: Driver, recorder: Recorder, watch: Observer) -> None:
    recorder.progress(driver.history(), driver.volume())
    watch.progress(driver.state, *driver.in_flight())


def _proposer(problem: Problem, call: Call, before: History) -> Proposer:
    objectives = proposed_objectives(call.objectives)
    proposer = Proposer(problem.space, objectives, call.seed, call.sampler)
    proposer.replay(outcome(s, call.objectives) for s in before.settings.values())
    return proposer


@contextmanager
def _only_driver(paths: RunPaths) -> Iterator[None]:
    """Refuse a second driver on the same run."""
    import fcntl

    with paths.lock.open("a+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise RunError(f"{paths.root}: another process is driving this run") from None
        yield


def _is_driven(paths: RunPaths) -> bool:
    try:
        with _only_driver(paths):
            return False
    except RunError:
        return True


@contextmanager
def _orderly_signals() -> Iterator[None]:
    """A SIGTERM ends a run as Ctrl-C does: in order."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _as_text(options: dict[str, Any]) -> dict[str, Any]:
    """Paths as text, lists as tuples: a call is plain data."""
    plain: dict[str, Any] = {}
    for name, value in options.items():
        if isinstance(value, Path):
            plain[name] = str(value)
        elif isinstance(value, Sequence) and not isinstance(value, str):
            plain[name] = tuple(value)
        else:
            plain[name] = value
    return plain
