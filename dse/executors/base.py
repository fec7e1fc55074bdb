"""Where work runs: futures with one interface, in this process or on Ray."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from typing import Any, Protocol

from converter.errors import RunError
from converter.process import CANCEL

Kind = str
"""``evaluate`` or ``synthesise``: what a job is, and so which limit it counts against."""

EVALUATE: Kind = "evaluate"
SYNTHESISE: Kind = "synthesise"


class JobCancelled(RunError):  # noqa: N818 - it tells of an order, not of an error
    """The job was cancelled before it had a value."""


class JobLost(RunError):  # noqa: N818 - the field's word
    """The worker died under the job: killed, out of memory, its node gone. Not the job's fault."""


class Job(Protocol):
    """A call under way, like ``concurrent.futures.Future``."""

    def done(self) -> bool:
        """True when it ended, however it ended."""

    def result(self) -> Any:
        """The value, waited for. Raises what the call raised, with its type; JobLost where its
        worker died; JobCancelled where it was cancelled before it was done.
        """

    def cancel(self) -> None:
        """End it, with every process that it started; returns at once. What is done stays done."""


class Executor(Protocol):
    """A pool of workers."""

    def submit(self, call: Callable[..., Any], /, *args: Any, kind: Kind = EVALUATE) -> Job:
        """Start ``call(*args)``, in the order of submission within a kind (own limit each).

        ``call`` is a function of an importable module; it and the arguments pickle.
        """

    def share(self, value: Any) -> Any:
        """A stand-in for a large constant argument (a model, data), sent to the workers once.

        Good as a direct argument of ``submit``, where the call receives ``value`` itself.
        """

    def wait(self, jobs: Iterable[Job], timeout: float) -> list[Job]:
        """Jobs that are done, after at most ``timeout`` seconds or as soon as one is."""

    def shutdown(self) -> None:
        """Cancel what runs and free the workers; no process stays behind. May be called twice."""


def cancel_event() -> threading.Event | None:
    """Set when the job that calls this was told to end; None outside of any job.

    Give it to what waits: ``process.run(..., cancel=cancel_event())``. In a Ray worker the
    order comes as a KeyboardInterrupt in the job's own thread instead.
    """
    return CANCEL.get()
