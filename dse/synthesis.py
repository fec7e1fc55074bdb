"""One synthesis job: write the project, run its commands within limits, read the report.

A report counts only if every command ended with status 0, the report was written by this
very run, and it parses. Everything else is a ``Failure`` that says what to do.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from converter import process
from converter.backends import BACKENDS
from converter.backends.base import Backend, Command, Stage, Tool
from converter.errors import DseError, RunError, ToolError
from converter.project import Project
from converter.report import Report
from dse.failures import Failure, Kind, failure, judge, known_trouble, read_end

__all__ = ["Failure", "Limits", "SynthesisResult", "prepare", "synthesise"]

LOGS = "logs"
"""Folder of the commands' logs, inside the project's."""

FORMER = "former"
"""Where reports of an earlier run in the same folder are moved to, inside the project's."""

MANIFEST = "dse.json"
"""What `dse convert` leaves beside a project's files; it is no report."""

REPORT_SUFFIXES = frozenset({".rpt", ".xml", ".json", ".ndjson", ".txt"})
NEVER_SOURCES = frozenset({".rpt", ".xml"})
"""What no project of ours has among its files: put aside even where it was read as one."""

SCRATCH = frozenset({".autopilot", ".debug", ".Xil", "xsim.dir", ".ipcache", ".cache", ".hw"})
"""Folders (by name, or by suffix) that tools leave and nobody reads again."""

SCRATCH_SUFFIXES = frozenset({".tmp", ".dcp", ".wdb", ".wcfg", ".jou", ".pb", ".rpx", ".bc", ".o"})

FREE_BYTES = 200 << 20
"""Disk space without which no job is started."""


@dataclass(frozen=True)
class Limits:
    """What one job may take: wall time over all its commands, and memory of their processes."""

    timeout_s: float
    memory_bytes: int | None = None


@dataclass(frozen=True)
class SynthesisResult:
    """Either ``report`` or ``failure`` is there. ``peak_rss_bytes`` is over all commands."""

    report: Report | None
    failure: Failure | None
    seconds: float
    peak_rss_bytes: int


def synthesise(
    project: Project,
    backend_name: str,
    tool: Tool,
    stage: Stage,
    folder: Path,
    limits: Limits,
) -> SynthesisResult:
    """Build ``project`` in ``folder`` as far as ``stage`` and read what the tool reports.

    Never raises for what a tool does. Sources, reports, RTL and logs stay in ``folder``;
    scratch files are removed. Safe in threads and in Ray tasks: the working directory is
    never changed, and nothing survives a cancelled or killed caller.
    """
    backend = BACKENDS[backend_name]
    start = time.monotonic()
    trouble = prepare(project, folder)
    if trouble:
        return SynthesisResult(None, trouble, time.monotonic() - start, 0)
    before = _paths(folder)
    try:
        commands = backend.commands(project, tool, stage)
    except ToolError as error:
        missing = failure(Kind.MISSING, str(error))
        return SynthesisResult(None, missing, time.monotonic() - start, 0)
    trouble, peak = _run_all(commands, tool, folder, limits)
    report = None
    if trouble is None:
        report, trouble = _read(backend, folder, tool, stage)
    _tidy(folder, before)
    return SynthesisResult(report, trouble, time.monotonic() - start, peak)


def prepare(project: Project, folder: Path) -> Failure | None:
    """Write the files, and put aside reports that another run left in this folder. The failure
    where that cannot be done.
    """
    try:
        project.write(folder)
        (folder / LOGS).mkdir(exist_ok=True)
        _put_aside(project, folder)
        free = shutil.disk_usage(folder).free
    except (RunError, OSError) as error:
        return failure(Kind.SPACE, f"{folder}: the project cannot be written: {error}")
    if free < FREE_BYTES:
        return failure(
            Kind.SPACE, f"{folder}: {free >> 20} MiB are free, {FREE_BYTES >> 20} needed"
        )
    return None


def _put_aside(project: Project, folder: Path) -> None:
    for path in _paths(folder):
        inside = path.relative_to(folder)
        if not _is_old_report(path) or inside.parts[0] == FORMER:
            continue
        if path.suffix in NEVER_SOURCES or inside.as_posix() not in project.files:
            target = folder / FORMER / inside
            target.parent.mkdir(parents=True, exist_ok=True)
            path.replace(target)


def _is_old_report(path: Path) -> bool:
    return path.suffix in REPORT_SUFFIXES and path.is_file() and path.name != MANIFEST


def _run_all(
    commands: Sequence[Command], tool: Tool, folder: Path, limits: Limits
) -> tuple[Failure | None, int]:
    """Run the commands in order until one fails: the failure, and the peak of memory."""
    end, peak = time.monotonic() + limits.timeout_s, 0
    for command in commands:
        log = folder / LOGS / f"{command.name}.log"
        try:
            outcome = process.run(
                command.argv,
                folder,
                timeout_s=max(0.0, end - time.monotonic()),
                memory_bytes=limits.memory_bytes,
                environment={**tool.environment, **command.environment},
                log=log,
            )
        except ToolError as error:
            return failure(Kind.CRASH, f"{command.name}: {error}"), peak
        peak = max(peak, outcome.peak_rss_bytes)
        trouble = judge(command.name, outcome, log, read_end(log))
        if trouble:
            return trouble, peak
    return None, peak


def _read(
    backend: Backend, folder: Path, tool: Tool, stage: Stage
) -> tuple[Report | None, Failure | None]:
    try:
        return backend.read_report(folder, tool, stage), None
    except DseError as error:
        for log in sorted((folder / LOGS).glob("*.log")):
            known = known_trouble(read_end(log))  # some tools fail with status 0
            if known:
                return None, failure(known[0], f"{log.stem}: {known[1]}; log: {log}")
        return None, failure(Kind.REPORT, str(error))


def _paths(folder: Path) -> set[Path]:
    return set(folder.rglob("*"))


def _tidy(folder: Path, before: set[Path]) -> None:
    """Remove what the tool left and nobody reads; what was there before stays."""
    for path in sorted(_paths(folder) - before):
        if path.is_symlink() or not path.exists():
            continue  # gone with its folder
        if path.is_dir() and (path.name in SCRATCH or path.suffix in SCRATCH):
            shutil.rmtree(path, ignore_errors=True)
        elif path.is_file() and path.suffix in SCRATCH_SUFFIXES:
            path.unlink(missing_ok=True)
