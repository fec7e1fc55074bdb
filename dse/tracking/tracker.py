"""Tracking that never stops or slows a run.

Events go through a queue to one thread, in order. Where the server fails, the thread
tries again, waiting longer each time; what is left at the end goes to a file, and a
later ``Tracker`` of the same run sends it first. What the server refuses for good is
passed over, so that it does not hold up the rest.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Protocol

from dse.dashboard.view import DesignView, RunView
from dse.tracking.events import Event, Refused, clean, design_event, front_event
from dse.tracking.mlflow_log import MlflowLog

FIRST_PAUSE_SECONDS = 0.5
LONGEST_PAUSE_SECONDS = 30.0


class Log(Protocol):
    """Where events are written; raises where they cannot be."""

    def write(self, event: Event) -> None:
        """Write one event; writing it again changes nothing."""


class Tracker:
    """The log of one run.

    ``uri``: MLflow's tracking URI. ``run_name`` names the run; with ``run_key`` (default:
    the name) it is found again after a stop. ``spool``: folder for what could not be
    sent. Methods return at once and never raise for the server's sake.
    """

    def __init__(
        self,
        uri: str,
        experiment: str,
        run_name: str,
        spool: Path,
        run_key: str | None = None,
        connect: Callable[[str, str, str, str], Log] = MlflowLog,
    ) -> None:
        key = hashlib.sha256((run_key or run_name).encode()).hexdigest()[:12]
        self._open: Callable[[], Log] = lambda: connect(uri, experiment, run_name, key)
        self._spool = spool / "pending.jsonl"
        self._pending: deque[Event] = deque(_read_spool(self._spool))
        self._changed = threading.Condition()
        self._busy = False
        self._closing = False
        self._problem: str | None = None
        self._log: Log | None = None
        self._thread = threading.Thread(target=self._serve, name="tracking", daemon=True)
        self._thread.start()

    # -------------------------------------------------------------- what is logged

    def start(self, params: Mapping[str, object], tags: Mapping[str, str] | None = None) -> None:
        """The study begins, or goes on."""
        plain = {clean(name): str(value) for name, value in params.items()}
        self._put({"event": "start", "params": plain, "tags": dict(tags or {})})

    def metrics(self, step: int, values: Mapping[str, float]) -> None:
        """Figures of the study at ``step``: ``hypervolume``, ``front_size``, ``evaluated``."""
        self._put({"event": "metrics", "step": step, "time": time.time(), "metrics": dict(values)})

    def design(self, design: DesignView) -> None:
        """A promoted design, or what is newly known of it."""
        self._put(design_event(design))

    def front(
        self,
        run: RunView,
        designs: Sequence[DesignView],
        page: str,
        tables: Mapping[str, str] | None = None,
    ) -> None:
        """The front as it stands, with report.html and further tables as text."""
        event = front_event(run, designs, page, tables or {})
        with self._changed:  # only the newest counts
            for old in [e for e in list(self._pending)[self._busy :] if e["event"] == "front"]:
                self._pending.remove(old)
        self._put(event)

    def finish(
        self,
        status: str = "FINISHED",
        metrics: Mapping[str, float] | None = None,
        tags: Mapping[str, str] | None = None,
        timeout: float = 15.0,
    ) -> int:
        """The study ends (``FINISHED``, ``FAILED`` or ``KILLED``). Sends what waits for at most
        ``timeout`` seconds; returns the number of events that went to the file instead.
        """
        self._put(
            {
                "event": "finish",
                "status": status,
                "metrics": dict(metrics or {}),
                "tags": dict(tags or {}),
            }
        )
        return self.close(timeout)

    def close(self, timeout: float = 15.0) -> int:
        """As ``finish``, where the study does not end."""
        self.flush(timeout)
        with self._changed:
            self._closing = True
            self._changed.notify_all()
        self._thread.join(0.2)
        with self._changed:
            left = list(self._pending)
        _write_spool(self._spool, left)
        return len(left)

    def flush(self, timeout: float) -> bool:
        """Wait until all is sent, at most ``timeout`` seconds; True where it is."""
        with self._changed:
            return self._changed.wait_for(lambda: not self._pending, timeout)

    @property
    def problem(self) -> str | None:
        """Why the last event could not be written; None when all is well."""
        return self._problem

    # -------------------------------------------------------------- the thread

    def _put(self, event: Event) -> None:
        with self._changed:
            self._pending.append(event)
            self._changed.notify_all()

    def _serve(self) -> None:
        pause = FIRST_PAUSE_SECONDS
        while (event := self._next()) is not None:
            error = self._try(event)
            if error is None or isinstance(error, Refused):
                pause = FIRST_PAUSE_SECONDS
                self._drop(event, error)
                continue
            self._problem = f"{type(error).__name__}: {_first_line(error)}"
            self._log = None
            with self._changed:
                self._busy = False
                self._changed.wait_for(lambda: self._closing, pause)
            pause = min(2 * pause, LONGEST_PAUSE_SECONDS)

    def _next(self) -> Event | None:
        with self._changed:
            self._changed.wait_for(lambda: self._pending or self._closing)
            if self._closing:
                return None
            self._busy = True
            return self._pending[0]

    def _try(self, event: Event) -> Exception | None:
        try:
            if self._log is None:
                self._log = self._open()
            self._log.write(event)
        except Exception as error:
            return error
        return None

    def _drop(self, event: Event, refusal: Exception | None) -> None:
        with self._changed:
            self._busy = False
            self._problem = f"refused: {_first_line(refusal)}" if refusal else None
            if self._pending and self._pending[0] is event:
                self._pending.popleft()
            self._changed.notify_all()


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [""])[0]


def _read_spool(path: Path) -> list[Event]:
    """What an earlier run could not send; a line cut short by a crash is passed over."""
    events = []
    with contextlib.suppress(OSError):
        for line in path.read_text(encoding="utf-8").splitlines():
            with contextlib.suppress(ValueError):
                events.append(json.loads(line))
    return [e for e in events if isinstance(e, dict) and "event" in e]


def _write_spool(path: Path, events: Sequence[Event]) -> None:
    with contextlib.suppress(OSError):
        if not events:
            path.unlink(missing_ok=True)
            return
        path.parent.mkdir(parents=True, exist_ok=True)
        text = "".join(json.dumps(event) + "\n" for event in events)
        part = path.with_suffix(".part")
        part.write_text(text, encoding="utf-8")
        part.replace(path)
