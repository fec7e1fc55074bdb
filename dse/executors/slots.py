"""The executor: a queue and a few threads per kind of job, and one way to make a call.

Whether a call runs in this process or on Ray is one function, ``Invoke``. Order,
limits, waiting and cancelling are here, once, the same for both.
"""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from converter.errors import RunError
from dse.executors.base import EVALUATE, Job, JobCancelled, JobLost, Kind


class CancelToken:
    """An order to end, given at most once."""

    def __init__(self) -> None:
        self.event = threading.Event()
        self._lock = threading.Lock()
        self._callbacks: list[Callable[[], None]] = []

    def is_set(self) -> bool:
        """True when the order was given."""
        return self.event.is_set()

    def set(self) -> None:
        """Give the order, and call whoever asked to be told."""
        with self._lock:
            self.event.set()
            callbacks, self._callbacks = self._callbacks, []
        for callback in callbacks:
            callback()

    def when_set(self, callback: Callable[[], None]) -> None:
        """Call ``callback`` when the order is given; at once where it was."""
        with self._lock:
            if not self.event.is_set():
                self._callbacks.append(callback)
                return
        callback()


class Invoke(Protocol):
    """One way to make a call; runs in a thread of the executor and blocks until the end.

    Returns the value or raises what the call raised, JobLost, or JobCancelled; returns
    soon after ``token`` is set.
    """

    def __call__(
        self, kind: Kind, call: Callable[..., Any], args: tuple[Any, ...], token: CancelToken
    ) -> Any:
        """Make the call."""


@dataclass(frozen=True)
class _Outcome:
    value: Any = None
    error: BaseException | None = None


@dataclass(eq=False)
class SlotJob:
    """One submitted call; its outcome is settled once, by whoever is first."""

    kind: Kind
    call: Callable[..., Any]
    args: tuple[Any, ...]
    changed: threading.Condition
    token: CancelToken = field(default_factory=CancelToken)
    started: bool = False
    outcome: _Outcome | None = None

    def done(self) -> bool:
        """True when it ended."""
        return self.outcome is not None

    def result(self) -> Any:
        """The value, or the error raised."""
        with self.changed:
            self.changed.wait_for(self.done)
            outcome = self.outcome
        if outcome is None or outcome.error is None:
            return outcome and outcome.value
        raise outcome.error

    def cancel(self) -> None:
        """End it; a job that has not started is done at once."""
        self.token.set()
        with self.changed:
            if not self.started:
                self.settle(_Outcome(error=self._was_cancelled()))

    def start(self) -> bool:
        """Take the job up; False where it was cancelled before."""
        with self.changed:
            self.started = not self.done()
            return self.started

    def settle(self, outcome: _Outcome) -> None:
        """Set the outcome where there is none yet, and tell who waits."""
        with self.changed:
            if self.outcome is None:
                self.outcome = outcome
                self.call, self.args = _ended, ()
                self.changed.notify_all()

    def run(self, invoke: Invoke) -> None:
        """Make the call and settle. What ends after an order to end, however, was cancelled:
        a cut-short synthesis must not pass for a finished one.
        """
        try:
            value = invoke(self.kind, self.call, self.args, self.token)
        except BaseException as error:
            self.settle(_Outcome(error=self._explain(error)))
        else:
            cancelled = self.token.is_set()
            self.settle(_Outcome(error=self._was_cancelled()) if cancelled else _Outcome(value))

    def abandon(self) -> None:
        """Give up waiting for a call that does not heed the order to end."""
        self.settle(_Outcome(error=self._was_cancelled()))

    def _explain(self, error: BaseException) -> BaseException:
        if self.token.is_set():
            return self._was_cancelled()
        if not isinstance(error, Exception):
            return JobLost(f"{self.kind}: the worker was told to exit ({type(error).__name__})")
        return error

    def _was_cancelled(self) -> JobCancelled:
        return JobCancelled(f"{self.kind}: cancelled before it had a result")


def _ended() -> None:
    """Stands for the call of an ended job, so that its arguments are freed."""


class Slots:
    """An Executor with ``limits[kind]`` threads per kind, each making one call at a time.

    ``share`` turns a large constant into its stand-in; ``grace`` is how long ``shutdown``
    waits, in seconds, for calls to heed the order to end.
    """

    def __init__(
        self,
        limits: Mapping[Kind, int],
        invoke: Invoke,
        share: Callable[[Any], Any] = lambda value: value,
        grace: float = 15.0,
    ) -> None:
        for kind, limit in limits.items():
            if limit < 1:
                raise RunError(f"{kind}: {limit} jobs at once; at least 1 must be allowed")
        self._limits = dict(limits)
        self._invoke = invoke
        self._share = share
        self._grace = grace
        self._changed = threading.Condition(threading.RLock())
        self._queues: dict[Kind, queue.SimpleQueue[SlotJob | None]] = {
            kind: queue.SimpleQueue() for kind in limits
        }
        self._threads: dict[Kind, list[threading.Thread]] = {kind: [] for kind in limits}
        self._open: set[SlotJob] = set()
        self._closed = False

    def submit(self, call: Callable[..., Any], /, *args: Any, kind: Kind = EVALUATE) -> Job:
        """Queue a call; see ``Executor``."""
        if kind not in self._limits:
            raise RunError(f"{kind!r} is no kind of job; there are: {', '.join(self._limits)}")
        job = SlotJob(kind, call, args, self._changed)
        with self._changed:
            if self._closed:
                raise RunError("the executor is shut down; no job can be submitted")
            self._open = {j for j in self._open if not j.done()} | {job}
            self._grow(kind)
        self._queues[kind].put(job)
        return job

    def share(self, value: Any) -> Any:
        """A stand-in for a large constant argument; see ``Executor``."""
        return self._share(value)

    def wait(self, jobs: Iterable[Job], timeout: float) -> list[Job]:
        """Jobs that are done; see ``Executor``. Nothing to wait for returns at once."""
        jobs = list(jobs)
        with self._changed:
            if jobs:
                self._changed.wait_for(lambda: any(j.done() for j in jobs), max(timeout, 0.0))
            return [j for j in jobs if j.done()]

    def shutdown(self) -> None:
        """Cancel all, wait for ``grace`` seconds, and leave what does not heed."""
        with self._changed:
            self._closed = True
            jobs, threads = list(self._open), [t for ts in self._threads.values() for t in ts]
        for job in jobs:
            job.cancel()
        for kind, members in self._threads.items():
            for _ in members:
                self._queues[kind].put(None)
        end = time.monotonic() + self._grace
        for thread in threads:
            thread.join(max(end - time.monotonic(), 0.0))
        for job in jobs:
            job.abandon()

    def _grow(self, kind: Kind) -> None:
        members = self._threads[kind]
        waiting = sum(1 for j in self._open if j.kind == kind and not j.done())
        if len(members) < min(self._limits[kind], waiting):
            name = f"{kind}-{len(members)}"
            thread = threading.Thread(target=self._serve, args=(kind,), name=name, daemon=True)
            members.append(thread)
            thread.start()

    def _serve(self, kind: Kind) -> None:
        while (job := self._queues[kind].get()) is not None:
            if job.start():
                job.run(self._invoke)
