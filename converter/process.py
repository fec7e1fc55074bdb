"""Run one program to its end, within limits, and leave no process behind.

Every tool is started here. A supervisor (``converter/supervisor.py``) stands between,
so that the tool's whole process tree ends when the time or memory limit is passed, when
the caller cancels, and when the caller itself is killed.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Mapping, Sequence
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Literal

from converter.errors import ToolError
from converter.supervisor import pack, start_time, unpack

Status = Literal["ok", "failed", "timeout", "memory", "cancelled", "missing"]

LOG_LIMIT_BYTES = 64 << 20
MARK = "DSE_PROCESS_MARK"
"""Environment variable that every process of a tool carries: the way to find them again."""

CANCEL: ContextVar[threading.Event | None] = ContextVar("CANCEL", default=None)
"""An event that, when set, ends whatever is run in this context; executors set it around a job."""

_SUPERVISOR = Path(__file__).with_name("supervisor.py")
_POLL_MILLISECONDS = 50
_GRACE_SECONDS = 30.0


@dataclass(frozen=True)
class Outcome:
    """How a program ended.

    ``ok`` is exit status 0; ``failed`` another one, or a signal (``returncode`` < 0);
    ``missing``: it could not be started, ``log_tail`` says why. ``peak_rss_bytes`` is the
    largest sum of resident memory over its process tree that a poll saw; pages that two
    of them share count twice. ``log_tail`` is the last 16 KiB of what it printed.
    """

    status: Status
    returncode: int | None
    seconds: float
    peak_rss_bytes: int
    log_tail: str


def run(
    argv: Sequence[str | os.PathLike[str]],
    cwd: Path,
    *,
    timeout_s: float,
    memory_bytes: int | None = None,
    environment: Mapping[str, str] | None = None,
    log: Path | None = None,
    log_limit_bytes: int = LOG_LIMIT_BYTES,
    cancel: threading.Event | None = None,
) -> Outcome:
    """Run ``argv`` in ``cwd`` with nothing on its standard input.

    ``environment`` is added to ours. What it prints goes to ``log``, of which at most
    ``log_limit_bytes`` and the tail are kept. ``memory_bytes`` limits the resident memory of
    the whole tree. Safe in threads; never changes the working directory. Any exception
    here (KeyboardInterrupt, a cancelled Ray task) ends the tool first, as does ``cancel``, by
    default the event of ``CANCEL``. Raises ToolError where the
    folder is not there, or on a system without ``fork``.
    """
    if not hasattr(os, "fork"):
        raise ToolError("running tools needs Linux or macOS; on Windows, use WSL 2")
    if not cwd.is_dir():
        raise ToolError(f"{cwd}: no such folder to run {os.fspath(argv[0])} in")
    _start_log(log)
    mark = uuid.uuid4().hex
    order = {
        "argv": [str(os.fspath(a)) for a in argv],
        "cwd": str(cwd.absolute()),
        "timeout": float(timeout_s),
        "memory": memory_bytes and int(memory_bytes),
        "environment": {**{str(k): str(v) for k, v in (environment or {}).items()}, MARK: mark},
        "log": None if log is None else str(log.absolute()),
        "log_limit": log_limit_bytes,
        "caller": [os.getpid(), start_time(os.getpid())],
    }
    answer = _ask(order, CANCEL.get() if cancel is None else cancel)
    if answer is None or answer["status"] == "broken":
        _sweep(mark)
        why = answer["tail"] if answer else "it was killed"
        raise ToolError(f"{argv[0]}: the program that supervises it failed: {why}")
    tail = answer["tail"]
    _bury(answer["supervisor"])
    if answer["survivors"]:
        tail += f"\n[processes that do not end: {answer['survivors']}]"
    return Outcome(answer["status"], answer["returncode"], answer["seconds"], answer["peak"], tail)


def _start_log(log: Path | None) -> None:
    try:
        if log is not None:
            log.write_bytes(b"")
    except OSError as error:
        raise ToolError(f"{log}: cannot write the log: {error.strerror}") from error


def _ask(order: dict[str, Any], cancel: threading.Event | None) -> dict[str, Any] | None:
    """Give the order to a supervisor and wait for its answer; None where it gave none."""
    supervisor = subprocess.Popen(
        [sys.executable, "-I", "-S", str(_SUPERVISOR)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        cwd="/",
        start_new_session=True,
    )
    lifeline, answers = supervisor.stdin, supervisor.stdout
    assert lifeline is not None  # noqa: S101  both are pipes
    assert answers is not None  # noqa: S101
    end = time.monotonic() + order["timeout"] + _GRACE_SECONDS
    with answers:
        try:
            with contextlib.suppress(BrokenPipeError):
                lifeline.write(pack(order))
                lifeline.flush()
            supervisor.wait()
            _wait_for(answers, end, cancel)
        finally:
            with contextlib.suppress(BrokenPipeError):
                lifeline.close()
            # Closing the lifeline ends the tool; the answer tells that it did.
            came = _wait_for(answers, time.monotonic() + _GRACE_SECONDS, None)
        return unpack(answers.read()) if came else None


def _wait_for(answers: IO[bytes], end: float, cancel: threading.Event | None) -> bool:
    """Until there is an answer (or its end), the time is over, or the caller cancels.

    In short steps: an exception that another thread sends us is only raised between them.
    """
    poll = select.poll()  # select() cannot take a file descriptor of 1024 or more
    poll.register(answers, select.POLLIN | select.POLLHUP)
    while not poll.poll(_POLL_MILLISECONDS):
        if time.monotonic() > end or (cancel is not None and cancel.is_set()):
            return False
    return True


def _bury(supervisor: int) -> None:
    """Where orphans come to us (we are a container's first process), collect it."""
    with contextlib.suppress(ChildProcessError):
        os.waitpid(supervisor, 0)


def _sweep(mark: str) -> None:
    """Kill what carries ``mark``: the last resort when a supervisor was killed (Linux only)."""
    wanted = f"{MARK}={mark}".encode()
    for _ in range(20):
        found = [pid for pid in _numbers() if wanted in _environ(pid)]
        if not found:
            return
        for pid in found:
            with contextlib.suppress(OSError):
                os.kill(pid, signal.SIGKILL)
        time.sleep(0.01)


def _numbers() -> list[int]:
    proc = Path("/proc")
    return [int(p.name) for p in proc.iterdir() if p.name.isdigit()] if proc.is_dir() else []


def _environ(pid: int) -> list[bytes]:
    try:
        return Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    except OSError:
        return []  # it ended, or is another user's
