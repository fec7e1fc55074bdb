"""Files that crash or hang the HDF5 library end in a clear error."""

from __future__ import annotations

import os
import signal
import stat
import sys
from pathlib import Path

import pytest

import converter
from converter.errors import ModelError
from converter.frontends.probe import probe


def interpreter(folder: Path, line: str) -> str:
    """A stand-in for the child's interpreter, which behaves as ``line`` says."""
    path = folder / "python"
    path.write_text(f"#!/bin/sh\n{line}\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return str(path)


def test_a_good_file_passes(fixtures: Path):
    probe(fixtures / "keras2.h5")


def test_other_errors_are_left_to_the_load(tmp_path: Path):
    probe(tmp_path / "none.h5")
    with pytest.raises(ModelError, match=r"none.h5: no such file"):
        converter.load(tmp_path / "none.h5")


def test_what_is_no_model_starts_no_process(monkeypatch):
    monkeypatch.setattr(sys, "executable", "/does/not/exist")
    with pytest.raises(ModelError, match="cannot be read"):
        converter.load("a\0b.h5")


def test_a_crash(fixtures: Path, tmp_path: Path, monkeypatch):
    crash = interpreter(tmp_path, f"kill -{int(signal.SIGSEGV)} $$")
    monkeypatch.setattr(sys, "executable", crash)
    with pytest.raises(ModelError, match=r"^keras2.h5: damaged: the HDF5 library crashes"):
        converter.load(fixtures / "keras2.h5")


def test_a_hang(tmp_path: Path, monkeypatch):
    monkeypatch.setattr(sys, "executable", interpreter(tmp_path, "exec sleep 30"))
    with pytest.raises(ModelError, match=r"^m.h5: damaged: .* still reads after 0.2 s$"):
        probe(Path("m.h5"), time_limit_s=0.2)


def test_the_search_path_is_handed_on(fixtures: Path, tmp_path: Path, monkeypatch):
    """The child finds this package wherever the parent found it."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", os.devnull)
    assert converter.load(fixtures / "keras2.h5").name == "dense"
