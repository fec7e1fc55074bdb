"""The one owner of names under ``runs/``."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from converter.errors import RunError


@dataclass(frozen=True)
class RunPaths:
    """Where everything of one run lies, below ``root``."""

    root: Path

    @property
    def call(self) -> Path:
        """What was asked for, with versions and seed."""
        return self.root / "run.json"

    @property
    def journal(self) -> Path:
        """Every event, one JSON document a line."""
        return self.root / "journal.jsonl"

    @property
    def lock(self) -> Path:
        """Held by the one driver."""
        return self.root / "run.lock"

    @property
    def front(self) -> Path:
        """The front as data."""
        return self.root / "pareto.json"

    @property
    def table(self) -> Path:
        """The front as a table."""
        return self.root / "pareto.csv"

    @property
    def page(self) -> Path:
        """The report for people."""
        return self.root / "report.html"

    @property
    def model(self) -> Path:
        """Folder with the run's own copy of the model file."""
        return self.root / "model"

    @property
    def spool(self) -> Path:
        """What the tracking server has not taken yet."""
        return self.root / "tracking"

    @property
    def cache(self) -> Path:
        """What was synthesised once, shared by the runs beside this one."""
        return self.root.parent / ".cache"

    @property
    def learned(self) -> Path:
        """What was measured before the run, as it began with it."""
        return self.root / "learned.jsonl"

    def trial(self, number: int) -> Path:
        """Folder of one promoted design."""
        return self.root / "trials" / f"{number:05d}"


def new_run(out: Path | None, model: Path) -> RunPaths:
    """Make the folder of a new run: ``out``, or ``runs/<model>-<date>-<n>``.

    Raises RunError where it cannot be made or already holds a run.
    """
    folder = out if out is not None else _free_name(model.stem)
    paths = RunPaths(folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "trials").mkdir(exist_ok=True)
    except OSError as error:
        raise RunError(f"--out {folder}: cannot make the folder: {error.strerror}") from error
    if paths.journal.exists():
        raise RunError(f"--out {folder}: holds a run already; go on with: dse resume {folder}")
    return paths


def open_run(folder: Path) -> RunPaths:
    """An existing run. Raises RunError where there is none."""
    paths = RunPaths(folder)
    if not paths.call.is_file() or not paths.journal.is_file():
        raise RunError(f"{folder}: not a run (no run.json and journal.jsonl there)")
    return paths


def new_folder(folder: Path) -> Path:
    """Make ``--out``, which must be new or empty. Raises RunError."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        occupied = any(folder.iterdir())
    except OSError as error:
        raise RunError(f"--out {folder}: cannot make the folder: {error.strerror}") from error
    if occupied:
        raise RunError(f"--out {folder}: is not empty; give a new folder")
    return folder


def runs_folder() -> Path:
    """Where runs go by default: ``runs/`` below the current folder."""
    return Path("runs")


def _free_name(stem: str) -> Path:
    safe = re.sub(r"[^A-Za-z0-9_-]+", "_", stem).strip("_")[:40] or "model"
    base = f"{safe}-{datetime.now().strftime('%Y%m%d')}"
    taken = {p.name for p in runs_folder().glob(f"{base}-*")}
    number = next(n for n in range(1, 1 << 20) if f"{base}-{n}" not in taken)
    return runs_folder() / f"{base}-{number}"
