"""What all tests share."""

from __future__ import annotations

import os
import runpy
import shutil
import signal
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import settings

settings.register_profile("no deadline", deadline=None)  # on a busy machine time tells nothing
settings.load_profile("no deadline")

ROOT = Path(__file__).resolve().parent.parent


def pytest_configure() -> None:
    """Ctrl-C counts in tests even where the shell that runs them ignores it (``make test &``)."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of reference material beside the repository; tests of it skip where it is not."""
    folder = ROOT.parent / "shared"
    if not (folder / "vectors").is_dir():
        pytest.skip("the reference folder ../shared is not here")
    return folder


VENDOR_PROGRAMS = ("vivado_hls", "vitis_hls", "vitis-run", "v++", "vivado")


@pytest.fixture
def no_vendor_tools(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine without AMD's tools, whatever is installed on this one."""
    for name in [v for v in os.environ if v.startswith("XILINX")]:
        monkeypatch.delenv(name)
    folders = os.environ.get("PATH", "").split(os.pathsep)
    kept = [f for f in folders if not any((Path(f) / p).exists() for p in VENDOR_PROGRAMS)]
    monkeypatch.setenv("PATH", os.pathsep.join(kept))


@pytest.fixture
def fake_tools(
    no_vendor_tools: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[[str, str], Path]:
    """``fake_tools(program, version)`` installs one of AMD's programs, a fake, on PATH.

    It runs Tcl scripts in a real Tcl interpreter; see ``tests/fake_tools``.
    """
    if shutil.which("tclsh") is None:
        pytest.skip("no tclsh here to run the tools' scripts")
    install = runpy.run_path(str(ROOT / "tests" / "fake_tools" / "install.py"))["install"]

    def add(program: str, version: str) -> Path:
        folder: Path = install(tmp_path / "amd", program, version)
        monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")
        return folder / program

    return add
