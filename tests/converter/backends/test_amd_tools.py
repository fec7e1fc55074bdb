"""AMD's tools are found, told apart by version, and called as each version wants it."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from converter import process
from converter.backends import amd_tools
from converter.backends.base import Tool
from converter.errors import ToolError

Install = Callable[[str, str], Path]


@pytest.mark.usefixtures("no_vendor_tools")
def test_nothing_is_found_where_nothing_is() -> None:
    assert amd_tools.find_hls("vivado") is None
    assert amd_tools.find_hls("vitis") is None
    assert amd_tools.find_vivado("vitis") is None
    assert amd_tools.installed("vivado") == []


def test_vivado_hls(fake_tools: Install) -> None:
    path = fake_tools("vivado_hls", "2019.2")
    assert amd_tools.find_hls("vivado") == Tool("vivado", "vivado_hls", "2019.2", str(path))
    assert amd_tools.find_hls("vitis") is None


def test_newest_wins_whatever_the_order_on_path(fake_tools: Install) -> None:
    fake_tools("vitis_hls", "2020.2")
    fake_tools("vitis_hls", "2022.2")
    fake_tools("vitis_hls", "2021.1")
    assert [i.version for i in amd_tools.installed("vitis_hls")] == ["2022.2", "2021.1", "2020.2"]
    tool = amd_tools.find_hls("vitis")
    assert tool is not None
    assert (tool.name, tool.version) == ("vitis_hls", "2022.2")


def test_versions_compare_as_numbers() -> None:
    assert amd_tools.version_number("2019.2.1") > amd_tools.version_number("2019.2")
    assert amd_tools.version_number("2024.1") > amd_tools.version_number("2023.2.2")
    assert amd_tools.version_number("") < amd_tools.version_number("2019.2")


@pytest.mark.parametrize(
    ("programs", "chosen"),
    [
        ([("vitis_hls", "2023.1"), ("vitis-run", "2023.2")], ("vitis-run", "2023.2")),
        ([("vitis-run", "2023.2"), ("vitis_hls", "2023.2")], ("vitis-run", "2023.2")),
        # Before 2023.2 there is no vitis-run that takes a Tcl script.
        ([("vitis-run", "2022.2"), ("vitis_hls", "2022.2")], ("vitis_hls", "2022.2")),
        ([("vitis_hls", "2024.1")], ("vitis_hls", "2024.1")),
    ],
)
def test_the_program_that_fits_the_version(
    fake_tools: Install, programs: list[tuple[str, str]], chosen: tuple[str, str]
) -> None:
    for program, version in programs:
        fake_tools(program, version)
    tool = amd_tools.find_hls("vitis")
    assert tool is not None
    assert (tool.name, tool.version) == chosen


def test_found_by_variable_and_then_reached_by_its_helpers(
    fake_tools: Install, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = fake_tools("vitis_hls", "2022.2")
    rest = os.environ["PATH"].replace(f"{path.parent}{os.pathsep}", "")
    monkeypatch.setenv("PATH", rest)
    assert amd_tools.find_hls("vitis") is None
    monkeypatch.setenv("XILINX_HLS", str(path.parent.parent))
    tool = amd_tools.find_hls("vitis")
    assert tool is not None
    assert tool.executable == str(path)
    assert tool.environment == {"PATH": f"{path.parent}{os.pathsep}{rest}"}


def test_broken_installation_is_told_and_passed_over(
    fake_tools: Install, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake_tools("vitis_hls", "2021.1")
    path = fake_tools("vitis-run", "2024.1")
    monkeypatch.setenv("FAKE_TOOL_MODE", "vitis-run:broken")
    (found,) = amd_tools.installed("vitis-run")
    assert (found.path, found.version) == (path, "2024.1")
    assert found.problem == (
        "'--version' ends with status 127: error while loading shared libraries: "
        "libtinfo.so.5: cannot open"
    )
    tool = amd_tools.find_hls("vitis")
    assert tool is not None
    assert tool.version == "2021.1"


def test_program_that_tells_no_version(
    fake_tools: Install, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = fake_tools("vivado", "2020.1")
    plain = tmp_path / "tools" / "vivado"
    plain.parent.mkdir()
    plain.write_text("#!/bin/sh\necho hello\n")
    plain.chmod(0o755)
    monkeypatch.setenv("PATH", f"{plain.parent}{os.pathsep}{os.environ['PATH']}")
    found = amd_tools.installed("vivado")
    assert [(i.path, i.problem) for i in found] == [
        (path, ""),
        (plain, "'-version' tells no version"),
    ]


def test_vivado_of_the_same_version_is_preferred(fake_tools: Install) -> None:
    fake_tools("vivado", "2020.1")
    fake_tools("vivado", "2023.2")
    same = amd_tools.find_vivado("vivado", "2020.1")
    other = amd_tools.find_vivado("vivado", "2019.2")
    assert same is not None
    assert other is not None
    assert (same.version, other.version) == ("2020.1", "2023.2")


def test_command_lines() -> None:
    def argv(name: str) -> tuple[str, ...]:
        return amd_tools.script_command(Tool("vitis", name, "2023.1", f"/x/{name}"), "build.tcl")

    assert argv("vivado_hls") == ("/x/vivado_hls", "-f", "build.tcl")
    assert argv("vitis_hls") == ("/x/vitis_hls", "-f", "build.tcl")
    assert argv("vitis-run") == ("/x/vitis-run", "--mode", "hls", "--tcl", "build.tcl")
    assert argv("vivado")[1:3] == ("-mode", "batch")
    assert argv("vivado")[-2:] == ("-source", "build.tcl")
    with pytest.raises(ToolError, match=r"v\+\+ runs no Tcl scripts"):
        argv("v++")


BUILD = """
open_project -reset net_prj
set_top net
add_files firmware/net.cpp -cflags "-std=c++0x -Ifirmware"
add_files -tb net_test.cpp
open_solution -reset solution1
set_part {xcvu9p-flga2104-2L-e}
create_clock -period 5 -name default
set_clock_uncertainty 1.35 default
csim_design
csynth_design
cosim_design -rtl verilog
export_design -format ip_catalog
exit 0
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path / "project"
    (folder / "firmware").mkdir(parents=True)
    source = '#include "net.h"\nvoid net(int x[4]) {\n    dense<fc1>(x);\n    relu<act>(x);\n}\n'
    (folder / "firmware" / "net.cpp").write_text(source)
    (folder / "firmware" / "net.h").write_text('#include "ap_fixed.h"\n')
    (folder / "net_test.cpp").write_text("int main() {}\n")
    (folder / "build.tcl").write_text(BUILD)
    return folder


def run_build(project: Path) -> process.Outcome:
    tool = amd_tools.find_hls("vitis")
    assert tool is not None
    return process.run(amd_tools.script_command(tool, "build.tcl"), project, timeout_s=60)


@pytest.mark.parametrize("program", [("vitis_hls", "2021.1"), ("vitis-run", "2023.2")])
def test_script_runs(fake_tools: Install, project: Path, program: tuple[str, str]) -> None:
    fake_tools(*program)
    outcome = run_build(project)
    assert outcome.status == "ok", outcome.log_tail
    solution = project / "net_prj" / "solution1"
    assert (solution / "syn/report/net_csynth.xml").is_file()
    assert (solution / "sim/report/net_cosim.rpt").is_file()


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("csynth_design\n", "csynth_desing\n", 'invalid command name "csynth_desing"'),
        ("set_top net\n", "", "the top function is not set: set_top"),
        ("set_top net\n", "set_top other\n", "Cannot find the top function 'other'"),
        ("firmware/net.cpp", "firmware/lost.cpp", "Cannot find source file 'firmware/lost.cpp'"),
        ("set_part {xcvu9p-flga2104-2L-e}\n", "", "the part is not set: set_part"),
        ("{xcvu9p-flga2104-2L-e}", "xcvu9p", "part 'xcvu9p' is not known"),
        ("create_clock -period 5 -name default\n", "", "there is no clock"),
        ("-period 5 ", "-period soon ", "'soon' is no period"),
        ("add_files -tb net_test.cpp\n", "", "there is no test bench"),
        ("csynth_design\n", "", "csynth_design comes first"),
        (" -rtl verilog", " -rlt verilog", "unknown option '-rlt'"),
    ],
)
def test_fake_tool_finds_faults_in_a_script(
    fake_tools: Install, project: Path, old: str, new: str, message: str
) -> None:
    """A fake that accepts anything would prove nothing."""
    fake_tools("vitis_hls", "2022.2")
    assert BUILD.count(old) == 1
    (project / "build.tcl").write_text(BUILD.replace(old, new))
    outcome = run_build(project)
    assert outcome.returncode == 1
    assert message in outcome.log_tail


def test_fake_tool_finds_a_missing_header(fake_tools: Install, project: Path) -> None:
    fake_tools("vitis_hls", "2022.2")
    (project / "firmware" / "net.h").write_text('#include "lost.h"\n')
    outcome = run_build(project)
    assert outcome.status == "failed"
    assert "'lost.h' file not found" in outcome.log_tail
