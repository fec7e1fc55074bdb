"""What was synthesised once is never synthesised again: results by project and tool.

A key is (project's digest, tool's name and version, stage). Reports are kept, and failures
that would come again; what failed for want of a licence, memory, time or space is not.
"""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, Any

from converter.backends.base import Stage, Tool
from converter.errors import RunError
from converter.project import Project
from converter.report import Report
from dse.executors.base import JobCancelled, cancel_event
from dse.failures import Failure
from dse.synthesis import SynthesisResult

LOCK_POLL_SECONDS = 0.05

FORMAT = 1
"""Entries of another format are not read."""


@dataclass(frozen=True)
class Cache:
    """A folder of results, shared by threads, processes and machines. It pickles.

    Entries appear whole or not at all (written beside, then renamed).
    """

    folder: Path

    def get(self, project: Project, tool: Tool, stage: Stage) -> SynthesisResult | None:
        """What is known of this project; None where nothing is. A damaged entry is no entry."""
        path = self._path(project, tool, stage)
        try:
            return _result(json.loads(path.read_text()), _key(project, tool, stage))
        except FileNotFoundError:
            return None
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            warnings.warn(f"{path}: a damaged result is ignored: {error!r}", stacklevel=2)
            return None

    def put(self, project: Project, tool: Tool, stage: Stage, result: SynthesisResult) -> None:
        """Keep ``result``, unless trying again may give another one. Raises RunError."""
        if result.failure is not None and not result.failure.final:
            return
        body = {
            "format": FORMAT,
            "key": _key(project, tool, stage),
            "report": result.report.to_json() if result.report else None,
            "failure": asdict(result.failure) if result.failure else None,
            "seconds": result.seconds,
            "peak_rss_bytes": result.peak_rss_bytes,
        }
        _write(self._path(project, tool, stage), json.dumps(body, indent=1))

    @contextmanager
    def lock(self, project: Project, tool: Tool, stage: Stage) -> Iterator[None]:
        """Hold the key, so that two jobs do not synthesise the same project at once.

        The second one waits, and then finds the result with ``get``. Ends with its process.
        Raises JobCancelled where the job that waits is cancelled.
        """
        path = self._path(project, tool, stage).with_suffix(".lock")
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("ab") as file:
            while not locked(file):
                event = cancel_event()
                if event is not None and event.is_set():
                    raise JobCancelled(f"{project.name}: cancelled while it waited for its twin")
                time.sleep(LOCK_POLL_SECONDS)
            yield

    def _path(self, project: Project, tool: Tool, stage: Stage) -> Path:
        name = hashlib.sha256(json.dumps(_key(project, tool, stage)).encode()).hexdigest()
        return self.folder / name[:2] / f"{name[2:]}.json"


def locked(file: IO[bytes]) -> bool:
    """Lock an open file until it is closed; False where another process or thread holds it."""
    try:
        import fcntl
    except ImportError:  # only Windows has none, and no tools run there
        return True
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _key(project: Project, tool: Tool, stage: Stage) -> list[str]:
    return [project.digest, tool.backend, tool.name, tool.version, stage.value]


def _result(body: dict[str, Any], key: list[str]) -> SynthesisResult:
    if body["format"] != FORMAT or body["key"] != key:
        raise ValueError("it belongs to another project or version")
    report = Report.from_json(body["report"]) if body["report"] else None
    trouble = Failure(**body["failure"]) if body["failure"] else None
    if (report is None) == (trouble is None):
        raise ValueError("it has neither a report nor a failure")
    return SynthesisResult(report, trouble, float(body["seconds"]), int(body["peak_rss_bytes"]))


def _write(path: Path, text: str) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent, suffix=".part")
        try:
            with os.fdopen(handle, "w") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            Path(name).replace(path)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise
    except OSError as error:
        raise RunError(f"{path}: the result cannot be kept: {error.strerror}") from error
