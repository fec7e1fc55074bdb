"""One design in parts: each part synthesised once, several at a time, then put together.

A backend that can divide its projects (``ByParts``) gives parts that are projects of their own,
so that the cache, the limits and the names of failures are those of any synthesis. How many
tools run at once is held to over all designs that share a cache, by locks on files.
"""

from __future__ import annotations

import shutil
import socket
import threading
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait
from contextlib import ExitStack, contextmanager, nullcontext
from contextvars import copy_context
from dataclasses import dataclass, replace
from pathlib import Path

from converter.backends import BACKENDS
from converter.backends.base import ByParts, Stage, Tool
from converter.errors import DseError, ToolError
from converter.process import CANCEL
from converter.project import Project
from converter.report import Report
from dse.cache import Cache, locked
from dse.executors.base import JobCancelled, cancel_event
from dse.failures import Failure, Kind, failure
from dse.synthesis import LOGS, Limits, SynthesisResult, prepare, synthesise

__all__ = ["Workshop", "build"]

PARTS = "parts"
"""Folder of the parts that were synthesised here, inside the project's; and the log's name."""

SLOT_POLL_SECONDS = 0.1


@dataclass(frozen=True)
class Workshop:
    """Where and how designs are built. ``cache``: None where nothing is kept. ``jobs``: tools at
    once, over all that share the cache on this machine. ``whole``: never in parts.
    """

    cache: Cache | None = None
    jobs: int = 1
    whole: bool = False


def build(
    project: Project,
    backend_name: str,
    tool: Tool,
    stage: Stage,
    folder: Path,
    limits: Limits,
    workshop: Workshop,
) -> SynthesisResult:
    """Like ``synthesise``, in parts where the backend can and a cache is there."""
    backend = BACKENDS[backend_name]
    parts: Mapping[str, Project] = {}
    start = time.monotonic()
    try:
        if isinstance(backend, ByParts) and stage is Stage.LOGIC and not workshop.whole:
            parts = backend.parts(project)
        if not isinstance(backend, ByParts) or not parts:
            with _slot(workshop):
                return synthesise(project, backend_name, tool, stage, folder, limits)
        trouble = prepare(project, folder)
        shutil.rmtree(folder / PARTS, ignore_errors=True)
        if trouble:
            return SynthesisResult(None, trouble, time.monotonic() - start, 0)
        job = _Job(backend_name, tool, stage, folder, start + limits.timeout_s, limits, workshop)
        results = _all_parts(job, parts)
        _log(folder, results)
        seconds = time.monotonic() - start
        if len(results) < len(parts) and _first_failure(results) is None:
            raise JobCancelled(f"{project.name}: cancelled before all parts were synthesised")
        return _joined(backend, project, tool, results, seconds)
    except DseError as error:
        if isinstance(error, JobCancelled):
            raise
        trouble = failure(Kind.REPORT, str(error))
        return SynthesisResult(None, trouble, time.monotonic() - start, 0)


@dataclass(frozen=True)
class _Result:
    """Of one part; ``known`` where it came from the cache."""

    result: SynthesisResult
    known: bool


@dataclass(frozen=True)
class _Job:
    """What all parts have in common. ``deadline`` in monotonic seconds."""

    backend: str
    tool: Tool
    stage: Stage
    folder: Path
    deadline: float
    limits: Limits
    workshop: Workshop

    def run(self, name: str, part: Project) -> _Result:
        """From the cache, or by the tool, as soon as fewer than ``jobs`` run."""
        cache = self.workshop.cache
        with cache.lock(part, self.tool, self.stage) if cache else nullcontext():
            known = cache.get(part, self.tool, self.stage) if cache else None
            if known is not None:
                return _Result(known, known=True)
            with _slot(self.workshop):
                left = replace(self.limits, timeout_s=max(0.0, self.deadline - time.monotonic()))
                where = self.folder / PARTS / name
                found = synthesise(part, self.backend, self.tool, self.stage, where, left)
            if cache:
                cache.put(part, self.tool, self.stage, found)
            return _Result(found, known=False)


class _Either(threading.Event):
    """Set when it is set itself, or the event of the job around it."""

    def __init__(self, outer: threading.Event | None) -> None:
        super().__init__()
        self.outer = outer

    def is_set(self) -> bool:
        """True for either."""
        return super().is_set() or (self.outer is not None and self.outer.is_set())


def _all_parts(job: _Job, parts: Mapping[str, Project]) -> dict[str, _Result]:
    """Results by part; those of a design that cannot be built any more are missing.

    The longest texts first, so that the last to end is short. What still runs ends with the first
    part that fails, and with any exception here.
    """
    stop = _Either(cancel_event())
    order = sorted(parts, key=lambda name: -sum(map(len, parts[name].files.values())))
    with ExitStack() as stack:
        pool = ThreadPoolExecutor(max(1, min(job.workshop.jobs, len(parts))))
        stack.callback(pool.shutdown, wait=True, cancel_futures=True)
        stack.callback(stop.set)
        futures = {name: _submit(pool, stop, job, name, parts[name]) for name in order}
        wait(futures.values(), return_when=FIRST_EXCEPTION)
    return {n: f.result() for n, f in futures.items() if not f.cancelled() and _ended(f)}


def _submit(
    pool: ThreadPoolExecutor, stop: _Either, job: _Job, name: str, part: Project
) -> Future[_Result]:
    def run() -> _Result:
        CANCEL.set(stop)
        found = job.run(name, part)
        if found.result.failure is not None:
            stop.set()
        return found

    return pool.submit(copy_context().run, run)


def _ended(future: Future[_Result]) -> bool:
    """False where it gave up because another part had failed."""
    error = future.exception()
    if error is not None and not isinstance(error, JobCancelled):
        raise error
    return error is None


def _joined(
    backend: ByParts, project: Project, tool: Tool, results: Mapping[str, _Result], seconds: float
) -> SynthesisResult:
    peak = max((r.result.peak_rss_bytes for r in results.values()), default=0)
    trouble = _first_failure(results)
    if trouble:
        return SynthesisResult(None, trouble, seconds, peak)
    reports = {n: r.result.report for n, r in results.items() if r.result.report is not None}
    return SynthesisResult(backend.join(project, tool, reports), None, seconds, peak)


def _first_failure(results: Mapping[str, _Result]) -> Failure | None:
    """By the part's name; one that was cancelled only where no other failed."""
    failed = {n: r.result.failure for n, r in results.items() if r.result.failure is not None}
    real = {n: f for n, f in failed.items() if f.kind != Kind.CANCELLED.value} or failed
    for name, one in real.items():
        return replace(one, message=f"{name}: {one.message}")
    return None


def _log(folder: Path, results: Mapping[str, _Result]) -> None:
    """What each part took, and whether it was known."""
    lines = []
    for name, found in results.items():
        how = "known" if found.known else f"{found.result.seconds:.1f} s"
        lines.append(f"{name} ({how}): {_figures(found.result)}")
    try:
        (folder / LOGS / f"{PARTS}.log").write_text("\n".join([*lines, ""]), encoding="utf-8")
    except OSError as error:
        raise ToolError(f"{folder / LOGS}: cannot write: {error.strerror}") from error


def _figures(result: SynthesisResult) -> str:
    report: Report | None = result.report
    if report is None:
        return result.failure.message if result.failure else "no report"
    counts = ", ".join(
        f"{getattr(report, name):.0f} {name}"
        for name in ("lut", "ff", "dsp", "bram_18k", "uram", "lutram", "srl")
        if getattr(report, name)
    )
    return f"{counts or 'nothing'}; {report.critical_path_ns} ns"


@contextmanager
def _slot(workshop: Workshop) -> Iterator[None]:
    """Hold one of the machine's places to run a tool; the lock ends with its process.

    Raises JobCancelled where the job that waits is cancelled.
    """
    if workshop.cache is None:
        yield
        return
    folder = workshop.cache.folder / "slots" / socket.gethostname()
    folder.mkdir(parents=True, exist_ok=True)
    with ExitStack() as stack:
        files = [stack.enter_context((folder / f"{i}").open("ab")) for i in range(workshop.jobs)]
        while not any(locked(file) for file in files):
            event = cancel_event()
            if event is not None and event.is_set():
                raise JobCancelled("cancelled while it waited for its turn to run a tool")
            time.sleep(SLOT_POLL_SECONDS)
        yield
