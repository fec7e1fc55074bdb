"""Designs built in parts: each once, several at a time, failures by the part's name."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from converter.backends import BACKENDS
from converter.backends.base import Command, Stage, Tool
from converter.errors import ToolError
from converter.process import CANCEL
from converter.project import Project
from converter.report import Fidelity, Report, Source
from dse.cache import Cache
from dse.executors.base import JobCancelled
from dse.parts import Workshop, build
from dse.synthesis import Limits, SynthesisResult

TOOL = Tool("pieces", "sh", "1.0", "/bin/sh")
WHOLE = Project("net", "pieces", "net", {"net.txt": "3 5 3 7"})


@dataclass(frozen=True)
class PiecesBackend:
    """A part is a number, its LUTs; ``line`` is the shell's line that reports it."""

    line: str
    name: str = "pieces"
    stages: tuple[Stage, ...] = (Stage.LOGIC,)
    environment: dict[str, str] = field(default_factory=dict)

    def find(self) -> Tool | None:
        return TOOL

    def commands(self, project: Project, tool: Tool, stage: Stage) -> tuple[Command, ...]:
        return (Command("count", ("/bin/sh", "-c", self.line)),)

    def read_report(self, folder: Path, tool: Tool, stage: Stage) -> Report:
        try:
            text = (folder / "lut.rpt").read_text()
        except OSError as error:
            raise ToolError(f"{folder}: no lut.rpt") from error
        source = Source(tool.name, tool.version, Fidelity.LOGIC_SYNTHESIS)
        return Report(source, lut=sum(map(int, text.split())), critical_path_ns=1.0)

    def parts(self, project: Project) -> Mapping[str, Project]:
        numbers = str(project.files["net.txt"]).split()
        return {f"p{n}": Project(f"p{n}", "pieces", "p", {"n.txt": n}) for n in numbers}

    def join(self, project: Project, tool: Tool, reports: Mapping[str, Report]) -> Report:
        total = sum(int(reports[f"p{n}"].lut or 0) for n in str(project.files["net.txt"]).split())
        return Report(Source("sh", "1.0", Fidelity.LOGIC_SYNTHESIS), lut=total)


@dataclass(frozen=True)
class Bench:
    """Builds with a line of shell."""

    monkeypatch: pytest.MonkeyPatch
    folder: Path

    def run(
        self, line: str, *, whole: bool = False, jobs: int = 2, s: float = 30
    ) -> SynthesisResult:
        self.monkeypatch.setitem(BACKENDS, "pieces", PiecesBackend(line))
        workshop = Workshop(Cache(self.folder / "cache"), jobs, whole)
        where, limits = self.folder / "job", Limits(timeout_s=s)
        return build(WHOLE, "pieces", TOOL, Stage.LOGIC, where, limits, workshop)


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Bench:
    return Bench(monkeypatch, tmp_path)


GOOD = "cat n.txt > lut.rpt; echo $$ >> ../../../ran"


def test_equal_parts_are_built_once_and_summed(bench: Bench) -> None:
    result = bench.run(GOOD)
    assert result.failure is None
    assert result.report is not None
    assert result.report.lut == 3 + 5 + 3 + 7
    assert len((bench.folder / "ran").read_text().split()) == 3
    log = (bench.folder / "job/logs/parts.log").read_text()
    assert "p7 (" in log
    assert "7 lut; 1.0 ns" in log


def test_what_is_known_is_not_built_again(bench: Bench) -> None:
    bench.run(GOOD)
    again = bench.run("exit 9")
    assert again.report is not None
    assert again.report.lut == 18
    assert "p5 (known): 5 lut" in (bench.folder / "job/logs/parts.log").read_text()


def test_a_failure_tells_the_part_and_ends_the_others(bench: Bench) -> None:
    start = time.monotonic()
    result = bench.run("grep -q 5 n.txt && { echo 'ERROR: no way'; exit 1; }; sleep 60")
    assert time.monotonic() - start < 20
    assert result.report is None
    assert result.failure is not None
    assert result.failure.message.startswith("p5: count ended with status 1: ERROR: no way; log: ")


def test_a_timeout_tells_the_part(bench: Bench) -> None:
    result = bench.run(f"grep -q 7 n.txt && sleep 60; {GOOD}", s=2)
    assert result.failure is not None
    assert result.failure.kind == "timeout"
    assert result.failure.message.startswith("p7: count was ended after ")


def test_whole_where_asked(bench: Bench) -> None:
    result = bench.run("cat net.txt > lut.rpt", whole=True)
    assert result.report is not None
    assert result.report.lut == 18
    assert not (bench.folder / "job/parts").exists()


def test_no_more_tools_run_at_once_than_allowed_over_all_designs(bench: Bench) -> None:
    """Two designs, of different digests by the stage's folder, share one place."""
    mark = bench.folder / "mark"
    line = f"mkdir {mark} || exit 3; sleep 0.2; rmdir {mark}; cat n.txt > lut.rpt"
    bench.monkeypatch.setitem(BACKENDS, "pieces", PiecesBackend(line))
    results = []

    def one(number: int) -> None:
        project = Project("net", "pieces", "net", {"net.txt": f"{number} {number + 1}"})
        workshop = Workshop(Cache(bench.folder / "cache"), jobs=1)
        folder = bench.folder / f"job{number}"
        results.append(build(project, "pieces", TOOL, Stage.LOGIC, folder, Limits(60), workshop))

    threads = [threading.Thread(target=one, args=(n,)) for n in (10, 20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [r.failure for r in results] == [None, None]


def test_a_cancelled_job_ends_its_parts(bench: Bench) -> None:
    event = threading.Event()
    token = CANCEL.set(event)
    try:
        threading.Timer(0.5, event.set).start()
        start = time.monotonic()
        try:
            result = bench.run("sleep 60")
            assert result.failure is not None
            assert result.failure.kind == "cancelled"
        except JobCancelled:
            pass
        assert time.monotonic() - start < 20
    finally:
        CANCEL.reset(token)
