"""Where work runs: futures with one interface, in this process or on Ray."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Protocol


class Job(Protocol):
    """A call under way, like ``concurrent.futures.Future``."""

    def done(self) -> bool:
        """True when it ended, however it ended."""

    def result(self) -> Any:
        """The value; raises what the call raised, or JobLost where its worker died."""

    def cancel(self) -> None:
        """End it, with every process that it started; returns at once."""


class Executor(Protocol):
    """A pool of workers."""

    def submit(self, call: Callable[..., Any], /, *args: Any, kind: str = "evaluate") -> Job:
        """Start ``call(*args)``; ``kind`` is ``evaluate`` or ``synthesise`` (own limits)."""

    def wait(self, jobs: Iterable[Job], timeout: float) -> list[Job]:
        """Jobs that are done, after at most ``timeout`` seconds or as soon as one is."""

    def shutdown(self) -> None:
        """Cancel what runs and free the workers; no process stays behind."""
