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


@pytest.mark.skipif(shutil.which("g++") is None, reason="needs g++")
def test_predict(model):
    data = ["--data", str(FIXTURES / "keras2.npz")]
    for engine in ("emulate", "csim"):
        words = ["predict", *model, *data, "--engine", engine, "--out", f"{engine}.npz"]
        assert cli.main(words) == 0
    assert (np.load("emulate.npz")["y"] == np.load("csim.npz")["y"]).all()


@pytest.mark.parametrize(
    "words",
    [
        ["estimate", *PART],
        ["convert", *PART, "--backend", "yosys", "--out", "project"],
        ["predict", "--data", str(FIXTURES / "keras2.npz"), "--engine", "rtl", "--out", "y.npz"],
    ],
    ids=lambda words: words[0],
)
def test_what_streams_do_not_have_yet_is_refused_by_name(model, words, capsys):
    command, *options = words
    assert cli.main([command, *model, *options]) == 2
    told = capsys.readouterr().err
    assert "there is no Verilog and no estimate of io_stream" in told
    assert "use io_parallel" in told
