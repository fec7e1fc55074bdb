"""Projects for Vitis HLS and Vivado HLS: their text, their test bench, their scripts."""

from __future__ import annotations

import itertools
import os
import re
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from streaming import Net

import converter
from converter import process
from converter.backends import BACKENDS
from converter.backends.base import Command, Stage
from converter.backends.hls.backend import HlsBackend
from converter.backends.hls.dialect import VITIS, VIVADO, Dialect
from converter.backends.hls.vectors import drawn_codes
from converter.csim import csim
from converter.emulate import emulate_codes
from converter.errors import ConfigError, DataError, TargetError, ToolError, UnsupportedError
from converter.graph import Bounds, Edge, IOType, TypedGraph
from converter.graph import Stage as GraphStage
from converter.hlslib import header
from converter.names import RESERVED, SUFFIXES, identifiers
from converter.project import Project
from converter.report import Fidelity
from converter.timing import Family, Target
from converter.types import Fixed
from converter.units.requantize import Requantize

HEADERS = Path(converter.__file__).parent / "hlslib"
GOLDEN = Path(__file__).resolve().parents[2] / "golden" / "hls"
TARGET = Target("xcvu9p-flga2104-2L-e", Family.ULTRASCALE_PLUS, 5.0)
HLS = [VITIS, VIVADO]
needs_compiler = pytest.mark.skipif(shutil.which("g++") is None, reason="needs g++")


def backend(name: str) -> HlsBackend:
    found = BACKENDS[name]
    assert isinstance(found, HlsBackend)
    return found


def project(typed: TypedGraph, name: str = "vitis") -> Project:
    return backend(name).project(typed, TARGET)


def streaming_block() -> TypedGraph:
    """A convolution and a residual block, in io_stream; the input's pixels are an output."""
    made = Net()
    x = made.input(6, 6, 2)
    y = made.pool(made.residual(made.relu(made.conv(x, 3, same=True))))
    return made.graph(made.dense(made.flatten(y), 3, reuse=9), x, name="block")


def text(made: Project, path: str) -> str:
    body = made.files[path]
    assert isinstance(body, str)
    return body


# -- the text ---------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["vitis", "vivado"])
@pytest.mark.parametrize("streams", [False, True])
def test_golden_files(small_network: TypedGraph, name: str, streams: bool) -> None:
    """DSE_UPDATE_GOLDEN=1 writes them anew; look at the difference before you commit it."""
    made = project(streaming_block() if streams else small_network, name)
    folder = GOLDEN / (f"{name}_stream" if streams else name)
    if os.environ.get("DSE_UPDATE_GOLDEN"):
        shutil.rmtree(folder, ignore_errors=True)
        made.write(folder)
        for path in folder.glob("sim/*"):  # as in hlslib/sim
            path.unlink()
    kept = {str(p.relative_to(folder).as_posix()): p for p in folder.rglob("*") if p.is_file()}
    assert sorted(kept) == sorted(p for p in made.files if not p.startswith("sim/"))
    for path, file in kept.items():
        assert file.read_text(encoding="utf-8") == made.files[path], path


def test_a_project_is_the_same_every_time_and_follows_every_choice(
    small_network: TypedGraph,
) -> None:
    made = project(small_network)
    assert made.digest == project(small_network).digest
    other = project(small_network.with_hardware({"fc2": small_network["fc2"].unit.legal()[0]}))
    faster = backend("vitis").project(small_network, replace(TARGET, clock_period_ns=4.0))
    vivado = project(small_network, "vivado")
    assert len({made.digest, other.digest, faster.digest, vivado.digest}) == 4


@pytest.mark.parametrize("dialect", HLS, ids=lambda d: d.tool)
def test_every_header_is_put_in_the_tool_s_dialect(dialect: Dialect) -> None:
    for path in HEADERS.glob("*.h"):
        assert "#pragma DSE" not in dialect.translate(header(path.name))


def test_the_words_that_code_puts_behind_a_name_are_known() -> None:
    """So that no layer is called as another's constants."""
    units = Path(converter.__file__).parent / "units"
    text = "".join(path.read_text(encoding="utf-8") for path in units.glob("*.py"))
    words = set(re.findall(r'\b_?[Aa]rray\(\s*"(\w+)"', text))
    assert {"weights", "index"} <= words <= SUFFIXES


def test_the_dialects_pack_beats_each_in_its_way() -> None:
    in_vivado, in_vitis = (d.translate(header("stream.h")) for d in (VIVADO, VITIS))
    assert "#pragma HLS DATA_PACK variable=out" in in_vivado
    assert "PACK" not in in_vitis


def test_the_dialects_spell_memories_each_in_its_way() -> None:
    assert "RESOURCE variable=weights core=ROM_nP_BRAM" in VIVADO.translate(header("matvec.h"))
    assert "BIND_STORAGE variable=weights type=ROM_NP" in VITIS.translate(header("matvec.h"))


def test_a_pragma_without_a_spelling_is_refused() -> None:
    with pytest.raises(UnsupportedError, match=r"Vitis HLS: the dialect has no spelling of .*FOO"):
        VITIS.translate("#pragma DSE FOO x\n")


def test_shared_multipliers_make_a_dataflow_region_and_unrolled_ones_a_pipeline(
    small_network: TypedGraph,
) -> None:
    assert "#pragma HLS DATAFLOW" in text(project(small_network), "firmware/tagger.cpp")
    unrolled = small_network.with_hardware({"fc2": small_network["fc2"].unit.legal()[0]})
    assert "#pragma HLS PIPELINE II=1" in text(project(unrolled), "firmware/tagger.cpp")


def test_beats_too_wide_to_be_packed_are_left_to_the_tool() -> None:
    made = Net()
    typed = made.graph(made.relu(made.input(512)), made.relu(made.input(513)))
    in_vitis, in_vivado = (
        text(project(typed, name), "firmware/net.cpp") for name in ("vitis", "vivado")
    )
    assert re.findall("AGGREGATE variable=(.*)", in_vitis) == ["x0", "relu0", "relu1"]
    assert len(re.findall("DATA_PACK", in_vivado)) == 4


def test_no_constant_is_computed_by_floating_point(small_network: TypedGraph) -> None:
    for path, body in project(small_network).files.items():
        if path.startswith("firmware/") and isinstance(body, str):
            body = re.sub(r"//.*", "", body)
            assert not re.search(r"\b(float|double|exp\(|cmath|math\.h)", body), path


# -- names from outside -----------------------------------------------------------------------

HOSTILE = [
    "int", "main", "x; system(\"id\")", "a\nb", "a b", "a_b", "A_B", "../../etc/passwd", "", "1st",
    "fc_weights", "fc", "fc_t", "fc_config", "déjà", "\\", "// \\", "*/", "${HOME}", "[exit 1]",
    "softmax", "dse", "row", "in", "out", "inputs", "expected", "rows", "tb", "bridge", "EOF",
    "NULL", "size", "int8", "fc_beat", "fc_body", "fc_beats", "hls", "stream",
    "beat", "windows", "x" * 500, "x" * 499 + "y", "con", "_", "__", "std", "fork", "copy",
]  # fmt: skip


def chain(names: list[str], title: str) -> TypedGraph:
    """Requantize after Requantize; the first name is the input's."""
    t = Fixed(8, 4)
    edges = {n: Edge(n, (2,), t, Bounds.of_type(t, 2)) for n in names}
    stages = [
        GraphStage(name, name, Requantize(2, t, t), (before,))
        for before, name in itertools.pairwise(names)
    ]
    return TypedGraph(title, edges, tuple(stages), (names[0],), (names[-1],))


@needs_compiler
@pytest.mark.parametrize("first", ["int", "inputs", "row", 'x; system("id")'])
@pytest.mark.parametrize("io_type", IOType)
def test_hostile_names_neither_break_the_code_nor_reach_it(
    tmp_path: Path, first: str, io_type: IOType
) -> None:
    names = [first, *(n for n in HOSTILE if n != first)]
    typed = replace(chain(names, 'a"; exec rm [x] \n#include <evil>'), io_type=io_type)
    made = project(typed)
    for path, body in made.files.items():
        assert re.fullmatch(r"[A-Za-z0-9_./]+", path), path
        if path != "design.json":
            code = re.sub(r"//.*|^# .*", "", str(body), flags=re.MULTILINE)
            assert not re.search(r"evil>|exec rm|system\(|[$]{HOME}|[.][.]/", code), path
    made.write(tmp_path)
    run = subprocess.run(["sh", "csim.sh"], cwd=tmp_path, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    codes = {first: np.arange(-8, 8).reshape(8, 2)}
    assert (csim(typed, codes)[names[-1]] == codes[first]).all()


def test_identifiers_are_legal_distinct_and_stable() -> None:
    made = identifiers(HOSTILE)
    assert len({text.lower() for text in made.values()}) == len(HOSTILE)
    assert all(re.fullmatch(r"[A-Za-z][A-Za-z0-9_]*", text) for text in made.values())
    assert not {text.lower() for text in made.values()} & RESERVED
    assert all("__" not in text for text in made.values())
    assert made == identifiers(HOSTILE)
    assert identifiers(["fc1", "dense_2"]) == {"fc1": "fc1", "dense_2": "dense_2"}


@needs_compiler
@pytest.mark.parametrize("title", ["main", "exp", "small", "fc_t", "float", "read", "x", "y"])
def test_a_network_of_any_name_compiles(tmp_path: Path, title: str) -> None:
    project(chain(["x", "y"], title)).write(tmp_path)
    run = subprocess.run(["sh", "csim.sh"], cwd=tmp_path, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr


# -- branches ---------------------------------------------------------------------------------


def branched(small_network: TypedGraph) -> TypedGraph:
    """fc1 read by three stages and an output, an input that is an output, fc2 read twice."""
    hidden = small_network.edges["fc1"].type
    t = Fixed(10, 5)
    extra = [
        GraphStage(name, name, Requantize(6, hidden, t), ("fc1",)) for name in ("left", "right")
    ]
    edges = {**small_network.edges}
    for name in ("left", "right"):
        edges[name] = Edge(name, (6,), t, Bounds.of_type(t, 6))
    outputs = ("softmax", "fc1", "left", "x", "right", "fc2")
    stages = (*small_network.stages, *extra)
    return replace(small_network, edges=edges, stages=stages, outputs=outputs)


@needs_compiler
def test_branches_and_several_outputs_as_streams(small_network: TypedGraph, tmp_path: Path) -> None:
    """In the test bench of the project; each stream has one writer and one reader."""
    typed = replace(branched(small_network), io_type=IOType.STREAM)
    for name in ("vitis", "vivado"):
        made = project(typed, name)
        made.write(tmp_path / name)
        run = subprocess.run(["sh", "csim.sh"], cwd=tmp_path / name, capture_output=True)
        assert run.returncode == 0, run.stderr.decode()
    body = text(made, "firmware/tagger.cpp")
    calls = re.findall(r"dse::\w+<[\w, ]+>\((.*)\);", body)
    taken = [argument for call in calls for argument in call.split(", ")]
    streams = re.findall(r"^    hls::stream<\w+> (\w+)\(", body, re.MULTILINE)
    ports = re.findall(r"^    hls::stream<\w+>& (\w+)[,)]", body, re.MULTILINE)
    assert all(taken.count(stream) == 2 for stream in streams)
    assert all(taken.count(port) == 1 for port in ports)
    assert len(ports) == 1 + len(typed.outputs)


@needs_compiler
@pytest.mark.parametrize("shared", [True, False])
def test_branches_and_several_outputs(
    small_network: TypedGraph, tmp_path: Path, shared: bool
) -> None:
    typed = branched(small_network)
    if not shared:
        typed = typed.with_hardware({"fc2": typed["fc2"].unit.legal()[0]})
    codes = drawn_codes(typed, 1000)
    expected, got = emulate_codes(typed, dict(codes)), csim(typed, codes)
    assert list(got) == list(typed.outputs)
    for name in typed.outputs:
        assert (expected[name].astype(object) == got[name].astype(object)).all(), name
    made = project(typed)
    made.write(tmp_path)
    assert subprocess.run(["sh", "csim.sh"], cwd=tmp_path, capture_output=True).returncode == 0
    body = text(made, "firmware/tagger.cpp")
    if shared:  # one writer and one reader for every array of a dataflow region
        calls = re.findall(r"dse::\w+<\w+>\((.*)\);", body)
        read = [argument for call in calls for argument in call.split(", ")]
        for array in re.findall(r"^    \w+_t (\w+)\[", body, re.MULTILINE):
            ports = body.split(") {")[0].count(f" {array}[")
            assert read.count(array) + ports == 2, array


# -- test bench and vectors -------------------------------------------------------------------


@needs_compiler
def test_the_test_bench_finds_one_wrong_code(small_network: TypedGraph, tmp_path: Path) -> None:
    made = project(small_network)
    made.write(tmp_path)
    run = subprocess.run(["sh", "csim.sh"], cwd=tmp_path, capture_output=True, text=True)
    assert (run.returncode, run.stdout) == (0, "64 rows, 0 of them different, 0 codes different\n")
    expected = tmp_path / "tb_data" / "expected.dat"
    lines = expected.read_text().splitlines()
    first, *rest = lines[5].split()
    lines[5] = " ".join([str(int(first) ^ 1), *rest])
    expected.write_text("\n".join(lines) + "\n")
    run = subprocess.run(["./tagger_test"], cwd=tmp_path, capture_output=True, text=True)
    assert (run.returncode, run.stdout) == (1, "64 rows, 1 of them different, 1 codes different\n")
    expected.write_text("\n".join(lines[:-1]) + "\n")
    run = subprocess.run(["./tagger_test"], cwd=tmp_path, capture_output=True, text=True)
    assert run.returncode == 2
    assert "fewer rows than inputs.dat" in run.stderr
    expected.unlink()
    assert subprocess.run(["./tagger_test"], cwd=tmp_path, capture_output=True).returncode == 2


def test_vectors_of_the_user_reach_the_test_bench(small_network: TypedGraph) -> None:
    rows = np.arange(16).reshape(2, 8)
    made = converter.project(small_network, "vitis", "xcvu9p", vectors={"x": rows})
    assert text(made, "tb_data/inputs.dat") == "0 1 2 3 4 5 6 7\n8 9 10 11 12 13 14 15\n"
    expected = emulate_codes(small_network, {"x": rows})["softmax"].astype(int)
    assert text(made, "tb_data/expected.dat").split() == [str(c) for c in expected.ravel()]


def test_vectors_of_a_wrong_shape_are_refused(small_network: TypedGraph) -> None:
    with pytest.raises(DataError, match=r"test vectors of input x must have shape \(rows, 8\)"):
        backend("vitis").project(small_network, TARGET, {"x": np.zeros((3, 7), int)})


# -- scripts ----------------------------------------------------------------------------------


def run_all(commands: tuple[Command, ...], folder: Path) -> list[process.Outcome]:
    return [process.run(c.argv, folder, timeout_s=60, environment=c.environment) for c in commands]


TOOLS = [
    ("vivado", "vivado_hls", "2019.2"),
    ("vivado", "vivado_hls", "2020.1"),
    ("vitis", "vitis_hls", "2020.2"),
    ("vitis", "vitis_hls", "2023.1"),
    ("vitis", "vitis-run", "2023.2"),
    ("vitis", "vitis-run", "2024.1"),
]


@pytest.mark.parametrize(("name", "program", "version"), TOOLS)
@pytest.mark.parametrize("io_type", IOType)
def test_the_scripts_run_and_the_reports_are_read(
    small_network: TypedGraph,
    tmp_path: Path,
    fake_tools: Callable[[str, str], Path],
    name: str,
    program: str,
    version: str,
    io_type: IOType,
) -> None:
    fake_tools(program, version)
    fake_tools("vivado", version)
    made = project(replace(small_network, io_type=io_type), name)
    folder = tmp_path / "project"
    made.write(folder)
    tool = backend(name).find()
    assert tool is not None
    assert (tool.name, tool.version) == (program, version)
    commands = backend(name).commands(made, tool, Stage.ROUTE)
    for outcome in run_all(commands, folder):
        assert outcome.status == "ok", outcome.log_tail
    reports = [backend(name).read_report(folder, tool, stage) for stage in backend(name).stages]
    assert {stage.name for stage in small_network.stages} <= set(reports[0].stages)
    assert [report.source.fidelity for report in reports] == [
        Fidelity.CSYNTH, Fidelity.LOGIC_SYNTHESIS, Fidelity.PLACE_AND_ROUTE,
    ]  # fmt: skip


def test_every_step_runs_and_an_unknown_one_fails(
    small_network: TypedGraph, tmp_path: Path, fake_tools: Callable[[str, str], Path]
) -> None:
    fake_tools("vitis_hls", "2022.2")
    project(small_network).write(tmp_path / "p")
    tool = backend("vitis").find()
    assert tool is not None
    every = backend("vitis").step(tool, "csim csynth cosim export")
    (outcome,) = run_all((every,), tmp_path / "p")
    assert outcome.status == "ok", outcome.log_tail
    assert (tmp_path / "p" / "tagger_prj" / "solution1" / "impl" / "ip").is_dir()
    (outcome,) = run_all((backend("vitis").step(tool, "fly"),), tmp_path / "p")
    assert (outcome.status, outcome.returncode) == ("failed", 1)
    assert "DSE_STEPS: no step is called 'fly'" in outcome.log_tail


def test_an_error_of_the_tool_is_an_exit_status(
    small_network: TypedGraph, tmp_path: Path, fake_tools: Callable[[str, str], Path]
) -> None:
    fake_tools("vitis_hls", "2022.2")
    project(small_network).write(tmp_path / "p")
    (tmp_path / "p" / "firmware" / "tagger.cpp").unlink()
    tool = backend("vitis").find()
    assert tool is not None
    (outcome,) = run_all((backend("vitis").step(tool, "csynth"),), tmp_path / "p")
    assert (outcome.status, outcome.returncode) == ("failed", 1)
    assert "Cannot find source file" in outcome.log_tail


def test_logic_synthesis_without_vivado_says_what_is_missing(
    small_network: TypedGraph, fake_tools: Callable[[str, str], Path]
) -> None:
    fake_tools("vitis_hls", "2022.2")
    tool = backend("vitis").find()
    assert tool is not None
    with pytest.raises(ToolError, match="tagger: the stage logic needs vivado, which is not on"):
        backend("vitis").commands(project(small_network), tool, Stage.LOGIC)


def test_a_folder_that_is_no_project_has_no_report(
    tmp_path: Path, fake_tools: Callable[[str, str], Path]
) -> None:
    fake_tools("vitis_hls", "2022.2")
    tool = backend("vitis").find()
    assert tool is not None
    with pytest.raises(ToolError, match=r"design\.json: missing or damaged; write the project"):
        backend("vitis").read_report(tmp_path, tool, Stage.HLS)


# -- calls that are wrong ---------------------------------------------------------------------


def test_an_unknown_backend_or_part_is_refused(small_network: TypedGraph) -> None:
    with pytest.raises(ConfigError, match="backend 'vhls' is not known; there are: vitis, vivado"):
        converter.project(small_network, "vhls", "xcvu9p")
    with pytest.raises(TargetError, match="xcvu99"):
        converter.project(small_network, "vitis", "xcvu99")
    with pytest.raises(TargetError, match="is not a part's name"):
        backend("vitis").project(small_network, replace(TARGET, part="x} ; exec id ; {"))


def test_csim_without_a_compiler_says_how_to_get_one(
    small_network: TypedGraph, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ToolError, match="apt-get install g\\+\\+"):
        csim(small_network, drawn_codes(small_network, 4))


@needs_compiler
def test_csim_checks_its_inputs(small_network: TypedGraph) -> None:
    with pytest.raises(DataError, match="inputs needed: x; got: z"):
        csim(small_network, {"z": np.zeros((1, 8))})
    with pytest.raises(DataError, match=r"input x must have shape \(rows, 8\); got \(4, 9\)"):
        csim(small_network, {"x": np.zeros((4, 9))})
