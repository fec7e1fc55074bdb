"""What every backend answers: a tool family that builds a project and measures it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import Protocol, runtime_checkable

from converter.graph import TypedGraph
from converter.project import Project
from converter.report import Report
from converter.timing import Target
from converter.types import Codes


class Stage(Enum):
    """How far a tool goes."""

    HLS = "hls"
    LOGIC = "logic"
    ROUTE = "route"


@dataclass(frozen=True)
class Tool:
    """A tool that is here: the backend it serves, its version, its executable."""

    backend: str
    name: str
    version: str
    executable: str
    environment: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Command:
    """One program run in the project's folder; ``name`` also names its log."""

    name: str
    argv: tuple[str, ...]
    environment: dict[str, str] = field(default_factory=dict)


class Backend(Protocol):
    """A tool family. Stateless: a module-level instance is in ``backends.BACKENDS``."""

    @property
    def name(self) -> str:
        """The key in ``BACKENDS``."""

    @property
    def stages(self) -> tuple[Stage, ...]:
        """How far it can go, cheapest first."""

    def project(
        self, typed: TypedGraph, target: Target, vectors: Mapping[str, Codes] | None = None
    ) -> Project:
        """The files of one design; deterministic, so that the digest is a cache key.

        ``vectors``: input codes [rows, size] by input name for its test bench, which compares
        with the emulated outputs; by default, reproducible random ones.
        """

    def find(self) -> Tool | None:
        """The newest tool of this family on PATH or by its variables; None: not here."""

    def commands(self, project: Project, tool: Tool, stage: Stage) -> tuple[Command, ...]:
        """What to run, in order, in the folder that the project was written to."""

    def read_report(self, folder: Path, tool: Tool, stage: Stage) -> Report:
        """The figures that the tool wrote. Raises ToolError where a report is absent or bad."""


@runtime_checkable
class ByParts(Protocol):
    """A backend that can also build a project in parts, each a project of its own.

    Equal parts of several designs have equal digests, so that each is built once.
    """

    def parts(self, project: Project) -> Mapping[str, Project]:
        """Projects by name, which run in any order; none where the project is built as a whole."""

    def join(self, project: Project, tool: Tool, reports: Mapping[str, Report]) -> Report:
        """The report of the project from those of its parts, by name."""
