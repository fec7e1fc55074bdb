"""The commands with a configuration of ``IOType: io_stream``."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from dse import cli

FIXTURES = Path(__file__).resolve().parents[1] / "fixtures"
PART = ["--part", "xcvu9p-flga2104-2L-e"]


@pytest.fixture
def model(tmp_path, monkeypatch):
    """Options of a model and a configuration, in a folder of its own."""
    monkeypatch.chdir(tmp_path)
    Path("streams.yml").write_text("IOType: io_stream\nHLSConfig: {Model: {ReuseFactor: 1}}")
    return ["--model", str(FIXTURES / "keras2.h5"), "--config", "streams.yml"]


def test_convert_and_synth(model, fake_tools, capsys):
    fake_tools("vitis_hls", "2023.1")
    assert cli.main(["convert", *model, *PART, "--backend", "vitis", "--out", "project"]) == 0
    top = next(Path("project/firmware").glob("*.cpp")).read_text()
    assert "#pragma HLS DATAFLOW" in top
    assert "io_stream, by schedule: a frame every " in capsys.readouterr().out
    assert cli.main(["synth", "project", "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["lut"] > 0


def test_convert_to_verilog_and_estimate(model, capsys):
    assert cli.main(["convert", *model, *PART, "--backend", "yosys", "--out", "project"]) == 0
    told = capsys.readouterr().out
    assert "io_stream, by schedule: a frame every " in told
    design = json.loads(Path("project/design.json").read_text())
    assert f"every {design['interval_cycles']} cycles, {design['latency_cycles']} from" in told
    (name,) = design["inputs"].values()
    assert f"{name['port']}_tready" in Path(f"project/rtl/{design['top']}.v").read_text()
    assert cli.main(["estimate", *model, *PART, "--backend", "yosys", "--json"]) == 0
    estimated = json.loads(capsys.readouterr().out)
    assert estimated["latency_cycles"] == design["latency_cycles"]
    assert estimated["interval_cycles"] == design["interval_cycles"]
    assert estimated["lut"] > 0


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("g++") is None, reason="needs g++")
@pytest.mark.skipif(shutil.which("verilator") is None, reason="needs verilator")
def test_predict(model):
    data = ["--data", str(FIXTURES / "keras2.npz")]
    for engine in ("emulate", "csim", "rtl"):
        words = ["predict", *model, *data, "--engine", engine, "--out", f"{engine}.npz"]
        assert cli.main([*words, *(PART if engine == "rtl" else [])]) == 0
        assert (np.load("emulate.npz")["y"] == np.load(f"{engine}.npz")["y"]).all()
