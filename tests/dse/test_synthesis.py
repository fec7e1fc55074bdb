"""One synthesis job: what counts as a result, what each failure is called, what stays behind."""

from __future__ import annotations

import pickle
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import psutil
import pytest

from converter.backends import BACKENDS
from converter.backends.base import Command, Stage, Tool
from converter.backends.hls.backend import HlsBackend
from converter.errors import ToolError
from converter.graph import Bounds, Edge, TypedGraph
from converter.graph import Stage as GraphStage
from converter.process import CANCEL, Outcome
from converter.project import Project
from converter.report import Fidelity, Report, Source
from converter.timing import Family, Target
from converter.types import Fixed
from converter.units.matvec import MatVec
from dse.failures import FINAL, Failure, Kind, judge, known_trouble
from dse.synthesis import Limits, SynthesisResult, synthesise

TOOL = Tool("shell", "sh", "1.0", "/bin/sh", {"COLOUR": "red"})
TARGET = Target("xcvu9p-flga2104-2L-e", Family.ULTRASCALE_PLUS, 5.0)
LIMITS = Limits(timeout_s=30)
GOOD = "echo 7 > lut.rpt"


@dataclass(frozen=True)
class ShellBackend:
    """Runs shell lines; its report is a file with the number of LUTs."""

    lines: tuple[str, ...]
    name: str = "shell"
    stages: tuple[Stage, ...] = (Stage.HLS,)
    environment: dict[str, str] = field(default_factory=dict)

    def project(self, typed: TypedGraph, target: Target) -> Project:
        raise NotImplementedError

    def find(self) -> Tool | None:
        return TOOL

    def commands(self, project: Project, tool: Tool, stage: Stage) -> tuple[Command, ...]:
        return tuple(
            Command(f"step{i}", ("/bin/sh", "-c", line), self.environment)
            for i, line in enumerate(self.lines)
        )

    def read_report(self, folder: Path, tool: Tool, stage: Stage) -> Report:
        try:
            lut = int((folder / "lut.rpt").read_text())
        except (OSError, ValueError) as error:
            raise ToolError(f"{folder}: lut.rpt is missing or damaged") from error
        return Report(Source(tool.name, tool.version, Fidelity.CSYNTH), lut=lut)


PROJECT = Project("net", "shell", "net", {"src/net.cpp": "void net();\n", "data.txt": "1 2 3\n"})


@pytest.fixture
def job(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[..., SynthesisResult]:
    def run(*lines: str, limits: Limits = LIMITS, **values: dict[str, str]) -> SynthesisResult:
        monkeypatch.setitem(BACKENDS, "shell", ShellBackend(lines, **values))
        return synthesise(PROJECT, "shell", TOOL, Stage.HLS, tmp_path / "job", limits)

    return run


Job = Callable[..., SynthesisResult]


def kind_of(result: SynthesisResult) -> str:
    assert result.report is None
    assert result.failure is not None
    assert result.failure.next_action
    return result.failure.kind


def test_commands_run_in_the_project_and_the_report_is_read(job: Job, tmp_path: Path) -> None:
    before = Path.cwd()
    result = job("cat src/net.cpp; echo $COLOUR $SHAPE", GOOD, environment={"SHAPE": "round"})
    assert result.failure is None
    assert result.report is not None
    assert result.report.lut == 7
    assert result.seconds > 0
    assert result.peak_rss_bytes > 0
    assert (tmp_path / "job/logs/step0.log").read_text() == "void net();\nred round\n"
    assert Path.cwd() == before
    assert pickle.loads(pickle.dumps(result)) == result


def test_a_report_without_exit_status_0_does_not_count(job: Job) -> None:
    result = job(f"{GOOD}; echo 'ERROR: no luck'; exit 4")
    assert kind_of(result) == "tool error"
    assert result.failure is not None
    assert result.failure.message.startswith("step0 ended with status 4: ERROR: no luck; log: ")


def test_a_device_that_is_too_small(job: Job) -> None:
    said = "ERROR: Unable to place cell 'm', no BELs remaining to implement cell type 'MULT18X18D'"
    result = job(f'echo "{said}"; exit 1')
    assert kind_of(result) == "device full"
    assert result.failure is not None
    assert result.failure.final
    assert said in result.failure.message
    assert "use a larger part" in result.failure.next_action


def test_the_first_failing_command_ends_the_job(job: Job, tmp_path: Path) -> None:
    assert kind_of(job("exit 1", f"{GOOD}; touch reached")) == "tool error"
    assert not (tmp_path / "job/reached").exists()


def test_exit_status_0_without_a_report(job: Job) -> None:
    result = job("true")
    assert kind_of(result) == "bad report"
    assert result.failure is not None
    assert "lut.rpt is missing or damaged" in result.failure.message
    assert kind_of(job("echo nonsense > lut.rpt")) == "bad report"


def test_an_old_report_is_never_taken_for_a_new_one(job: Job, tmp_path: Path) -> None:
    assert job(GOOD).report is not None
    assert kind_of(job("true")) == "bad report"
    assert (tmp_path / "job/former/lut.rpt").read_text() == "7\n"
    assert (tmp_path / "job/data.txt").read_text() == "1 2 3\n"  # of the project: it stays


def test_a_report_read_as_a_source_is_still_an_old_one(
    job: Job, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setitem(BACKENDS, "shell", ShellBackend(("true",)))
    again = Project("net", "shell", "net", {**PROJECT.files, "lut.rpt": "7\n"})
    result = synthesise(again, "shell", TOOL, Stage.HLS, tmp_path / "job", LIMITS)
    assert kind_of(result) == "bad report"


def test_exit_status_0_with_trouble_in_the_log(job: Job) -> None:
    result = job("echo 'ERROR: [Common 17-345] A valid license was not found'")
    assert kind_of(result) == "licence"


def test_time_limit_counts_over_all_commands(job: Job) -> None:
    start = time.monotonic()
    result = job("sleep 0.6", "sleep 60", limits=Limits(timeout_s=1.2))
    assert kind_of(result) == "timeout"
    assert 1.2 <= time.monotonic() - start < 10
    assert result.failure is not None
    assert result.failure.message.startswith("step1 was ended after ")


def test_memory_limit(job: Job) -> None:
    eat = "python3 -c \"import time; x = b'1' * (200 << 20); time.sleep(60)\""
    result = job(eat, limits=Limits(timeout_s=30, memory_bytes=100 << 20))
    assert kind_of(result) == "memory"
    assert result.peak_rss_bytes > 100 << 20


def test_cancelled_by_the_executor(job: Job) -> None:
    event = threading.Event()
    token = CANCEL.set(event)
    threading.Timer(0.5, event.set).start()
    try:
        assert kind_of(job("sleep 60")) == "cancelled"
    finally:
        CANCEL.reset(token)


def test_missing_program(job: Job, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    class Broken(ShellBackend):
        def commands(self, project: Project, tool: Tool, stage: Stage) -> tuple[Command, ...]:
            return (Command("go", ("no-such-tool",)),)

    monkeypatch.setitem(BACKENDS, "shell", Broken(()))
    result = synthesise(PROJECT, "shell", TOOL, Stage.HLS, tmp_path / "job", LIMITS)
    assert kind_of(result) == "missing tool"


def test_full_disk_and_unwritable_folder(
    job: Job, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "job").write_text("in the way")
    assert kind_of(job(GOOD)) == "no space"
    (tmp_path / "job").unlink()
    monkeypatch.setattr("dse.synthesis.FREE_BYTES", 1 << 60)
    assert kind_of(job(GOOD)) == "no space"


def test_scratch_is_removed_and_the_rest_stays(job: Job, tmp_path: Path) -> None:
    make = "mkdir -p p/.autopilot/db p/x.cache p/syn; touch p/.autopilot/db/a p/net.dcp p/syn/net.v"
    assert job(f"{make}; {GOOD}").report is not None
    folder = tmp_path / "job"
    left = {str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file()}
    assert left == {"src/net.cpp", "data.txt", "lut.rpt", "p/syn/net.v", "logs/step0.log"}


LOGS = [
    ("ERROR: [Common 17-345] A valid license was not found for feature 'Synthesis'", Kind.LICENCE),
    ("WARNING: [Common 17-348] Failed to get the license for feature 'Synthesis'", Kind.LICENCE),
    ("FLEXnet Licensing error:-15,570", Kind.LICENCE),
    ("ERROR: [XFORM 203-504] Stop unrolling loop 'Product1' (a.h:37)", Kind.UNROLL),
    (
        "ERROR: [XFORM 203-103] Array 'w2': partitioned elements number (5120) has exeeded the "
        "threshold (4096)",
        Kind.UNROLL,
    ),
    ("terminate called after throwing an instance of 'std::bad_alloc'", Kind.MEMORY),
    ("ERROR: out of memory", Kind.MEMORY),
    ("write failed: No space left on device", Kind.SPACE),
    ("Abnormal program termination (11)", Kind.CRASH),
    ("/bin/loader: line 164: 16352 Segmentation fault      (core dumped)", Kind.CRASH),
    ("# An unexpected error has occurred (6)", Kind.CRASH),
]


@pytest.mark.parametrize(("line", "kind"), LOGS)
def test_trouble_is_told_from_the_log(line: str, kind: Kind) -> None:
    assert known_trouble(f"INFO: starting\n{line}\nINFO: bye\n") == (kind, line)


def test_a_licence_that_was_got_is_no_trouble() -> None:
    text = "INFO: [Common 17-349] Got license for feature 'Synthesis' and/or device 'xc7z020'\n"
    assert known_trouble(text) is None


def test_signals_tell_apart_the_kernel_and_the_tool(tmp_path: Path) -> None:
    def judged(returncode: int) -> Failure | None:
        return judge("go", Outcome("failed", returncode, 1.0, 1, "last words"), tmp_path, "")

    for returncode, kind in ((-9, "memory"), (-11, "tool crash"), (134, "tool crash")):
        found = judged(returncode)
        assert found is not None
        assert found.kind == kind
    plain = judged(3)
    assert plain is not None
    assert plain.message == f"go ended with status 3: last words; log: {tmp_path}"


def test_what_would_come_again_and_what_would_not() -> None:
    assert {k.value for k in FINAL} == {"unroll limit", "device full", "tool crash", "bad report"}
    assert not Failure("licence", "", "").final
    assert Failure("unroll limit", "", "").final


# -- with the vendors' backends and fake tools that run their Tcl scripts ---------------------


@pytest.fixture
def typed() -> TypedGraph:
    t = Fixed(8, 4)
    weights = np.array([[3, -5], [7, 2], [0, 6]])
    unit = MatVec(weights, t, np.array([1, -1]), t, Fixed(20, 12))
    edges = {"x": Edge("x", (3,), t, Bounds.of_type(t, 3))}
    edges["fc1"] = Edge("fc1", (2,), unit.output_type, unit.bounds((edges["x"].bounds,)))
    return TypedGraph("net", edges, (GraphStage("fc1", "fc1", unit, ("x",)),), ("x",), ("fc1",))


Install = Callable[[str, str], Path]
PROGRAMS = [
    ("vivado", "vivado_hls", "2019.2", Stage.ROUTE),
    ("vitis", "vitis_hls", "2022.2", Stage.HLS),
    ("vitis", "vitis_hls", "2022.2", Stage.LOGIC),
    ("vitis", "vitis-run", "2023.2", Stage.ROUTE),
]


def vendor(typed: TypedGraph, backend: str, stage: Stage, folder: Path) -> SynthesisResult:
    found = BACKENDS[backend]
    assert isinstance(found, HlsBackend)
    tool = found.find()
    assert tool is not None
    return synthesise(found.project(typed, TARGET), backend, tool, stage, folder, LIMITS)


@pytest.mark.parametrize(("backend", "program", "version", "stage"), PROGRAMS)
def test_every_stage_of_every_tool(
    fake_tools: Install,
    typed: TypedGraph,
    tmp_path: Path,
    backend: str,
    program: str,
    version: str,
    stage: Stage,
) -> None:
    fake_tools(program, version)
    fake_tools("vivado", version)
    result = vendor(typed, backend, stage, tmp_path / "job")
    assert result.failure is None
    report = result.report
    assert report is not None
    assert report.source.version == version
    expected = {
        Stage.HLS: Fidelity.CSYNTH,
        Stage.LOGIC: Fidelity.LOGIC_SYNTHESIS,
        Stage.ROUTE: Fidelity.PLACE_AND_ROUTE,
    }
    assert report.source.fidelity is expected[stage]
    assert report.latency_cycles is not None
    assert report.clock_period_ns == 5.0
    assert list(report.stages) == ["fc1"]
    assert (report.power_w is not None) == (stage is Stage.ROUTE)
    assert not list((tmp_path / "job").rglob(".autopilot"))


@pytest.mark.parametrize(
    ("mode", "kind", "words"),
    [
        ("licence", "licence", "A valid license was not found"),
        ("memory", "memory", "std::bad_alloc"),
        ("killed", "memory", "was killed from outside"),
        ("unroll", "unroll limit", "Stop unrolling loop 'Product1'"),
        ("crash", "tool crash", "Abnormal program termination"),
        ("nospace", "no space", "No space left on device"),
        ("error", "tool error", "Pre-synthesis failed"),
        ("silent", "bad report", "there is no syn/report/"),
        ("truncated", "bad report", "this is not whole XML"),
    ],
)
def test_how_vendor_tools_fail(
    fake_tools: Install,
    typed: TypedGraph,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    mode: str,
    kind: str,
    words: str,
) -> None:
    fake_tools("vitis_hls", "2022.2")
    monkeypatch.setenv("FAKE_TOOL_MODE", mode)
    result = vendor(typed, "vitis", Stage.HLS, tmp_path / "job")
    assert kind_of(result) == kind
    assert result.failure is not None
    assert words in result.failure.message


def test_licence_that_only_vivado_lacks(
    fake_tools: Install, typed: TypedGraph, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake_tools("vitis_hls", "2022.2")
    fake_tools("vivado", "2022.2")
    monkeypatch.setenv("FAKE_TOOL_MODE", "vivado:licence")
    assert kind_of(vendor(typed, "vitis", Stage.LOGIC, tmp_path / "job")) == "licence"


def test_stage_that_needs_a_missing_vivado(
    fake_tools: Install, typed: TypedGraph, tmp_path: Path
) -> None:
    fake_tools("vitis_hls", "2022.2")
    result = vendor(typed, "vitis", Stage.ROUTE, tmp_path / "job")
    assert kind_of(result) == "missing tool"
    assert result.failure is not None
    assert "needs vivado" in result.failure.message


def test_hanging_tool_leaves_nothing_behind(
    fake_tools: Install, typed: TypedGraph, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake_tools("vitis_hls", "2022.2")
    monkeypatch.setenv("FAKE_TOOL_MODE", "hang")
    found = BACKENDS["vitis"]
    tool = found.find()
    assert tool is not None
    folder = tmp_path / "job"
    limits = Limits(timeout_s=2)
    project = found.project(typed, TARGET)
    result = synthesise(project, "vitis", tool, Stage.HLS, folder, limits)
    assert kind_of(result) == "timeout"
    assert (folder / "logs/csynth.log").read_text().endswith("hanging\n")
    assert [p for p in psutil.process_iter(["cwd"]) if p.info["cwd"] == str(folder)] == []
