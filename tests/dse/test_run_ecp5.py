"""A run for a part that open tools alone build for, and its picked design."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from converter.backends import BACKENDS

MODEL = Path(__file__).parents[1] / "fixtures" / "keras2.h5"
pytestmark = pytest.mark.slow


def dse(*words: object, cwd: Path) -> subprocess.CompletedProcess[str]:
    argv = [sys.executable, "-m", "dse.cli", *map(str, words)]
    return subprocess.run(argv, cwd=cwd, capture_output=True, text=True, timeout=500)


def test_auto_takes_the_open_tools_and_a_design_is_picked(tmp_path: Path) -> None:
    if BACKENDS["ecp5"].find() is None:
        pytest.skip("needs Yosys")
    words = ["--model", MODEL, "--part", "lfe5um5g-85f", "--clock", "10ns", "--space", "tiny"]
    words += ["--budget", "trials=1", "--executor", "inline", "--out", "run"]
    done = dse("run", *words, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    (design,) = json.loads(dse("pareto", "run", "--json", cwd=tmp_path).stdout)["front"]
    assert design["sources"]["lut"].startswith("yosys")
    done = dse("pick", "run", "--out", "picked", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    picked = tmp_path / "picked"
    told = json.loads((picked / "design.json").read_text())
    assert set(told["checks"]) == {"RTL simulation"}
    assert {"build.sh", "constraints.lpf", "harness.v", "synth.ys"} <= {
        p.name for p in (picked / "verilog").iterdir()
    }
    assert not (picked / "hls").exists()
    readme = (picked / "README.md").read_text()
    assert "sh verilog/build.sh" in readme
    assert "LUTs have four inputs" in readme
    assert (picked / "reports" / "tool" / "stat.json").is_file()
