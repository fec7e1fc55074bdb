"""Wrong calls and wrong inputs: each ends with a short message that names the culprit."""

import io
import json
import os
import pickle
import shutil
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

import converter
from dse.cli import main
from dse.data import draw_inputs

DIGITS = Path(__file__).parents[2] / "examples" / "digits"
FIXTURES = Path(__file__).parents[1] / "fixtures"

RUN = ("run", "--budget", "trials=2", "--executor", "inline", "--space", "tiny", "--out", "out")
MODEL = ("--model", "digits.h5")
DATA = ("--data", "digits.npz")
PART = ("--part", "xc7z020")
WHOLE = (*RUN, *MODEL, *PART, *DATA)


@pytest.fixture(scope="session")
def inputs(tmp_path_factory):
    """A folder of everything that a user may get wrong, beside what is right."""
    folder = tmp_path_factory.mktemp("inputs")
    for name in ("digits.h5", "digits.npz"):
        shutil.copy(DIGITS / name, folder)
    shutil.copy(FIXTURES / "keras2.json", folder / "arch.json")
    _write_models(folder)
    _write_data(folder)
    _write_configs(folder)
    _write_runs(folder)
    (folder / "full").mkdir()
    (folder / "full" / "something").write_text("kept")
    (folder / "file").write_text("a file where a folder is wanted")
    return folder


def _write_models(folder):
    whole = (folder / "digits.h5").read_bytes()
    (folder / "text.h5").write_text("hello\n")
    (folder / "page.h5").write_text("<!DOCTYPE html><html><body>404</body></html>")
    (folder / "empty.h5").write_bytes(b"")
    (folder / "pickle.h5").write_bytes(pickle.dumps({"a": 1}))
    (folder / "half.h5").write_bytes(whole[: len(whole) // 2])
    (folder / "head.h5").write_bytes(whole[:600])
    (folder / "broken.keras").write_bytes(b"PK\x03\x04" + b"\x00" * 100)


def _write_data(folder):
    x, y = np.zeros((6, 64), np.float32), np.arange(6)
    spoilt = x.copy()
    spoilt[2, 3] = np.nan
    for name, arrays in {
        "no_rows": {"x": x[:0], "y": y[:0]},
        "no_arrays": {},
        "narrow": {"x": x[:, :63], "y": y},
        "nan": {"x": spoilt, "y": y},
        "nan_y": {"x": x, "y": np.where(y == 2, np.nan, y)},
        "no_y": {"x": x},
        "short_y": {"x": x, "y": y[:5]},
        "far_class": {"x": x, "y": y + 7},
        "words": {"x": x.astype(str), "y": y},
        "wide_y": {"x": x, "y": np.zeros((6, 3))},
        "objects": {"x": np.array([{}, []], dtype=object), "y": y},
        "extra": {"x": x, "y": y, "weights": y},
        "one_class": {"x": x, "y": y * 0},
    }.items():
        np.savez(folder / f"{name}.npz", **arrays)
    (folder / "empty.npz").write_bytes(b"")
    (folder / "text.npz").write_text("x y\n")
    whole = (folder / "digits.npz").read_bytes()
    (folder / "half.npz").write_bytes(whole[: len(whole) // 2])
    flipped = bytearray(whole)
    flipped[len(whole) // 2] ^= 0xFF
    (folder / "flipped.npz").write_bytes(bytes(flipped))
    buffer = io.BytesIO()
    np.save(buffer, x)
    (folder / "array.npz").write_bytes(buffer.getvalue())


def _write_configs(folder):
    for name, text in {
        "misspelt": "HLSConfig: {Model: {ReuseFactr: 2}}",
        "layer": "HLSConfig: {LayerName: {fc11: {ReuseFactor: 2}}}",
        "reuse": "HLSConfig: {Model: {ReuseFactor: 0}}",
        "type": "HLSConfig: {Model: {Precision: 'fixed<16;6>'}}",
        "stream": "IOType: io_stream\nHLSConfig: {Model: {ReuseFactor: 1}}",
        "list": "- 1\n- 2\n",
        "broken": "HLSConfig: {Model: [",
        "binary": "\x00\x01",
    }.items():
        (folder / f"{name}.yml").write_text(text)


def _write_runs(folder):
    """``run`` is a run that has measured nothing; each of the others is damaged in one way."""
    call = {
        "call": {
            "model": "m.h5", "weights": None, "part": "xc7z020", "budget": "1m",
            "data": None, "metric": "fidelity", "backend": "yosys",
            "objectives": ["accuracy", "latency", "resources"], "limits": [],
        },
        "model_name": "m", "data": {"origin": "drawn", "digest": ""}, "part": "xc7z020",
        "tool": {"name": "yosys", "version": "0"}, "float_score": 1.0, "versions": {},
    }  # fmt: skip
    drawn = draw_inputs(converter.load(folder / "digits.h5"), seed=0)
    call["data"]["digest"] = drawn.digest()
    opened = json.dumps({"event": "opened", "time": 1.0}) + "\n"
    runs = {
        "run": (json.dumps(call), opened),
        "cut_call": (json.dumps(call)[:100], opened),
        "list_call": ("[1]", opened),
        "bare_call": ("{}", opened),
        "odd_call": (json.dumps({**call, "call": {**call["call"], "colour": 1}}), opened),
        "short_call": (json.dumps({**call, "part": None}), opened),
        "clock_call": (json.dumps({**call, "call": {**call["call"], "clock": 5}}), opened),
        "binary_call": ("\udcff", opened),
        "list_journal": (json.dumps(call), opened + "[1]\n"),
        "bare_journal": (json.dumps(call), opened + '{"event": "setting", "time": 2}\n'),
        "timeless_journal": (json.dumps(call), '{"event": "opened"}\n'),
        "design_journal": (json.dumps(call), opened + '{"event": "design", "time": 2}\n'),
    }
    for name, (document, journal) in runs.items():
        (folder / name).mkdir()
        shutil.copy(folder / "digits.h5", folder / name / "m.h5")
        encoded = document.encode("utf-8", "surrogateescape")
        (folder / name / "run.json").write_bytes(encoded)
        (folder / name / "journal.jsonl").write_text(journal)


def wrong(label, words, status, *culprits):
    return pytest.param(tuple(map(str, words)), status, culprits, id=label)


def estimate(*words):
    return ("estimate", *words, *PART)


MODELS = [
    wrong("missing", estimate("--model", "none.h5"), 2, "none.h5", "no such file"),
    wrong("text", estimate("--model", "text.h5"), 2, "text.h5", "not a model file"),
    wrong("html", estimate("--model", "page.h5"), 2, "page.h5", "web page"),
    wrong("empty", estimate("--model", "empty.h5"), 2, "empty.h5", "empty"),
    wrong("pickle", estimate("--model", "pickle.h5"), 2, "pickle.h5", "never loaded"),
    wrong("truncated", estimate("--model", "half.h5"), 2, "half.h5"),
    wrong("head only", estimate("--model", "head.h5"), 2, "head.h5"),
    wrong("broken zip", estimate("--model", "broken.keras"), 2, "broken.keras"),
    wrong("folder", estimate("--model", "full"), 2, "full", "a folder"),
    wrong("no weights", estimate("--model", "arch.json"), 2, "arch.json", "weights"),
    wrong(
        "weights are text",
        estimate("--model", "arch.json", "--weights", "text.h5"), 2, "text.h5",
    ),
    wrong(
        "weights of another model",
        estimate("--model", "arch.json", "--weights", "digits.h5"), 2, "digits.h5",
    ),
    wrong("weights twice", estimate(*MODEL, "--weights", "digits.h5"), 2, "digits.h5", "weights"),
    wrong("data as model", estimate("--model", "digits.npz"), 2, "digits.npz"),
    wrong("below a file", estimate("--model", "file/m.h5"), 2, "file/m.h5"),
    wrong("in a run", (*RUN, *PART, "--model", "half.h5"), 2, "half.h5"),
]  # fmt: skip


def part(name):
    return ("estimate", *MODEL, "--part", name)


PARTS = [
    wrong("nearest part", part("xcvu9q"), 2, "xcvu9q", "xcvu9p"),
    wrong("nearest board", part("pynq-z3"), 2, "pynq-z3", "pynq-z2"),
    wrong("far from any", part("stratix10"), 2, "stratix10", "dse parts"),
    wrong("empty", part(""), 2, "dse parts"),
    wrong("in a run", (*RUN, *MODEL, "--part", "xcvu9q"), 2, "xcvu9q", "xcvu9p"),
    wrong("in a list", ("parts", "nosuchpart"), 2, "nosuchpart"),
    wrong(
        "Yosys' script for an ECP5",
        (*part("lfe5u-25f"), "--backend", "yosys"),
        2,
        "--backend yosys: is for AMD parts",
        "ECP5",
        "--backend ecp5",
    ),
    wrong(
        "the script of an ECP5 for AMD",
        (*part("xc7z020"), "--backend", "ecp5"),
        2,
        "--backend ecp5: is for ECP5 parts",
        "7-series",
        "--backend yosys",
    ),
    wrong(
        "Vitis for an ECP5",
        (*RUN, *MODEL, "--part", "lfe5u-25f", "--backend", "vitis", "--clock", "12ns"),
        2,
        "--backend vitis",
        "--backend ecp5",
    ),
    wrong("a clock too fast", (*part("lfe5u-25f"), "--clock", "3ns"), 2, "3 ns", "ECP5", "fits"),
    wrong("fast clock", (*part("xc7z020"), "--clock", "0.5ns"), 2, "0.5", "1 to 1000 ns"),
    wrong("clock beyond the family", (*part("xc7z020"), "--clock", "1ns"), 2, "1 ns", "xc7z020"),
    wrong("slow clock", (*part("xc7z020"), "--clock", "5ms"), 2, "1 to 1000 ns"),
    wrong("no clock", (*part("xc7z020"), "--clock", "quick"), 2, "--clock quick", "5ns"),
    wrong("clock of 0", (*part("xc7z020"), "--clock", "0"), 2, "--clock 0", "5ns"),
]


def data(name):
    return (*RUN, *MODEL, *PART, "--data", name)


DATA_FILES = [
    wrong("missing", data("none.npz"), 2, "none.npz", "no such file"),
    wrong("folder", data("full"), 2, "full"),
    wrong("empty file", data("empty.npz"), 2, "empty.npz", "not a readable .npz"),
    wrong("text", data("text.npz"), 2, "text.npz", "not a readable .npz"),
    wrong("an .npy", data("array.npz"), 2, "array.npz", "not a readable .npz"),
    wrong("cut short", data("half.npz"), 2, "half.npz", "not a readable .npz"),
    wrong("a byte changed", data("flipped.npz"), 2, "flipped.npz", "not a readable .npz"),
    wrong("objects", data("objects.npz"), 2, "objects.npz", "plain arrays"),
    wrong("no arrays", data("no_arrays.npz"), 2, "no_arrays.npz", "x and y"),
    wrong("no rows", data("no_rows.npz"), 2, "no_rows.npz", "x is empty"),
    wrong("too narrow", data("narrow.npz"), 2, "(6, 63)", "(rows, 64)"),
    wrong("NaN", data("nan.npz"), 2, "nan.npz: x", "NaN"),
    wrong("NaN in y", data("nan_y.npz"), 2, "nan_y.npz: y", "NaN"),
    wrong("without y", data("no_y.npz"), 2, "no_y.npz", "x and y"),
    wrong("y of other rows", data("short_y.npz"), 2, "y has 5 rows where x has 6"),
    wrong("a class too many", data("far_class.npz"), 2, "0..9", "7..12"),
    wrong("y of another width", data("wide_y.npz"), 2, "3 values a row", "10"),
    wrong("words", data("words.npz"), 2, "words.npz: x must hold numbers"),
    wrong("unknown array", data("extra.npz"), 2, "weights"),
    wrong(
        "for predict", ("predict", *MODEL, "--data", "narrow.npz", "--out", "y.npz"), 2, "(6, 63)"
    ),
    wrong("for convert", ("convert", *MODEL, "--data", "nan.npz", *PART, "--out", "new"), 2, "NaN"),
]


def run(*words):
    return (*WHOLE, *words)


OPTIONS = [
    wrong("budget 0", run("--budget", "0"), 2, "--budget 0", "90s"),
    wrong("budget 0s", run("--budget", "0s"), 2, "--budget 0s", "above 0"),
    wrong("budget of words", run("--budget", "a while"), 2, "--budget a while"),
    wrong("no trials", run("--budget", "trials=0"), 2, "--budget trials=0"),
    wrong("backend", run("--backend", "ice"), 2, "--backend", "ice", "yosys"),
    wrong("objective", run("--objectives", "accuracy,speed"), 2, "speed", "latency"),
    wrong("no objectives", run("--objectives", ","), 2, "--objectives"),
    wrong("an objective twice", run("--objectives", "lut,lut"), 2, "--objectives", "once"),
    wrong("space", run("--space", "tinny"), 2, "tinny", "tiny"),
    wrong("space of text", run("--space", "text.h5"), 2, "text.h5"),
    wrong("sampler", run("--sampler", "tpp"), 2, "tpp", "tpe"),
    wrong("metric that is no text", run("--metric", ""), 2, "--metric"),
    wrong("metric", run("--metric", "accuracies"), 2, "accuracies", "accuracy"),
    wrong("metric's module", run("--metric", "no_module:f"), 2, "no_module"),
    wrong("metric's function", run("--metric", "math:no_function"), 2, "no_function"),
    wrong("metric is no function", run("--metric", "math:pi"), 2, "math:pi"),
    wrong("auc of one class", (*data("one_class.npz"), "--metric", "auc"), 2, "two classes"),
    wrong("accuracy without data", (*RUN, *MODEL, *PART, "--metric", "accuracy"), 2, "--data"),
    wrong("stage", run("--backend", "yosys", "--stage", "hls"), 2, "--stage hls", "logic"),
    wrong("seed below 0", run("--seed", "-1"), 2, "--seed -1"),
    wrong("seed is no number", run("--seed", "x"), 2, "--seed"),
    wrong("no workers", run("--workers", "0"), 2, "--workers 0", "at least 1"),
    wrong("no synthesis jobs", run("--synth-jobs", "0"), 2, "--synth-jobs 0", "at least 1"),
    wrong("tracking store", run("--tracking-uri", "sqlit:///m.db"), 2, "sqlit:///m.db", "sqlite"),
    wrong(
        "no Ray there",
        run("--executor", "ray", "--ray-address", "127.0.0.1:1"), 2, "127.0.0.1:1", "ray start",
    ),
    wrong("no run's folder", run("--out", "file"), 1, "--out file"),
    wrong("below a file", run("--out", "file/run"), 1, "--out file/run", "cannot make the folder"),
    wrong("a run is there", run("--out", "run"), 1, "run", "dse resume"),
    wrong("port", ("ui", "--port", "0"), 2, "--port: 0"),
    wrong("port of words", ("ui", "--port", "http"), 2, "--port"),
]  # fmt: skip

LIMITS = [
    wrong("dsp below 0", run("--limit", "dsp=-1"), 2, "dsp=-1", "0 or more"),
    wrong("accuracy above 1", run("--limit", "accuracy=2"), 2, "accuracy=2", "at most 1"),
    wrong("of another metric", run("--limit", "mse=0.1"), 2, "mse=0.1", "accuracy"),
    wrong("unknown", run("--limit", "lutz=5"), 2, "lutz", "lut"),
    wrong("without a value", run("--limit", "dsp"), 2, "dsp"),
    wrong("latency in metres", run("--limit", "latency=2m"), 2, "latency=2m", "latency=200ns"),
    wrong("interval in ns", run("--limit", "interval=5ns"), 2, "interval=5ns", "interval=4"),
]

CONFIGS = [
    wrong("missing", estimate(*MODEL, "--config", "none.yml"), 2, "none.yml", "No such file"),
    wrong("misspelt", estimate(*MODEL, "--config", "misspelt.yml"), 2, "ReuseFactr", "ReuseFactor"),
    wrong("no such layer", estimate(*MODEL, "--config", "layer.yml"), 2, "fc11", "fc1"),
    wrong("reuse of 0", estimate(*MODEL, "--config", "reuse.yml"), 2, "ReuseFactor"),
    wrong("no type", estimate(*MODEL, "--config", "type.yml"), 2, "fixed<16;6>"),
    wrong("a list", estimate(*MODEL, "--config", "list.yml"), 2, "list.yml", "HLSConfig"),
    wrong("no YAML", estimate(*MODEL, "--config", "broken.yml"), 2, "broken.yml", "not YAML"),
    wrong("control characters", estimate(*MODEL, "--config", "binary.yml"), 2, "binary.yml"),
    wrong("a folder", estimate(*MODEL, "--config", "full"), 2, "full"),
    wrong(
        "for convert",
        ("convert", *MODEL, *PART, "--config", "misspelt.yml", "--out", "new"), 2, "ReuseFactr",
    ),
    wrong(
        "for predict",
        ("predict", *MODEL, *DATA, "--config", "misspelt.yml", "--out", "y.npz"), 2, "ReuseFactr",
    ),
]  # fmt: skip

CONVERT = ("convert", *MODEL, *PART, "--backend", "vitis", "--out")
PREDICT = ("predict", *MODEL, *DATA, "--out")
FOLDERS = [
    wrong("convert into what is full", (*CONVERT, "full"), 1, "--out full", "not empty"),
    wrong("convert below a file", (*CONVERT, "file/p"), 1, "--out file/p"),
    wrong("predict below a file", (*PREDICT, "file/y.npz"), 1, "--out file/y.npz"),
    wrong("predict into a folder", (*PREDICT, "full"), 1, "--out full"),
    wrong("synth of nothing", ("synth", "none"), 2, "none", "dse convert"),
    wrong("synth of no project", ("synth", "full"), 2, "full", "dse convert"),
    wrong("synth of a file", ("synth", "file"), 2, "file", "dse convert"),
    wrong("report below a file", ("report", "run", "--out", "file/page.html"), 1, "file/page.html"),
]

ON_RUNS = ("status", "pareto", "report", "resume", "pick")
DAMAGED = [
    ("cut_call", "run.json"),
    ("list_call", "run.json"),
    ("bare_call", "run.json"),
    ("odd_call", "run.json"),
    ("short_call", "run.json"),
    ("clock_call", "run.json"),
    ("binary_call", "run.json"),
    ("list_journal", "line 2"),
    ("bare_journal", "line 2"),
    ("timeless_journal", "line 1"),
    ("design_journal", "line 2"),
]


def on_run(command, name):
    return (command, name, "--out", "new") if command == "pick" else (command, name)


NO_RUNS = [
    wrong(f"{command} of {name}", on_run(command, name), 1, name, "not a run")
    for command in (*ON_RUNS, "ui")
    for name in ("none", "full", "file")
]
DAMAGED_RUNS = [
    wrong(f"{command} of {name}", on_run(command, name), 1, name, where)
    for command in ON_RUNS
    for name, where in DAMAGED
]

GROUPS = [
    *MODELS, *PARTS, *DATA_FILES, *OPTIONS, *LIMITS, *CONFIGS, *FOLDERS, *NO_RUNS, *DAMAGED_RUNS
]  # fmt: skip


def check(words, status, culprits, found, out, err):
    """The rule for every wrong call."""
    assert found == status, err
    assert out == ""
    assert "Traceback" not in err
    assert "internal error" not in err
    usage = err.startswith(f"usage: dse {words[0]}")
    message = err.splitlines()[-1]
    assert message.startswith(f"dse {words[0]}: "), err
    if not usage:
        lines = [line for line in err.splitlines() if line.startswith(f"dse {words[0]}: ")]
        assert len(lines) == 1, err
        assert len(message) <= 400, "two lines at most, on a wide terminal"
    for culprit in culprits:
        assert culprit in message


@pytest.mark.parametrize(("words", "status", "culprits"), GROUPS)
def test_a_wrong_call_is_told_in_short(words, status, culprits, inputs, monkeypatch, capsys):
    monkeypatch.chdir(inputs)
    monkeypatch.setattr(os, "execv", lambda *_: pytest.fail("a server was started"))
    try:
        found = main(words)
    except SystemExit as end:  # argparse's way of ending
        found = end.code
    finally:
        shutil.rmtree(inputs / "out", ignore_errors=True)
    captured = capsys.readouterr()
    check(words, status, culprits, found, captured.out, captured.err)
    assert not (inputs / "new").exists()
    assert not (inputs / "y.npz").exists()


def test_the_undamaged_run_is_read(inputs, monkeypatch, capsys):
    monkeypatch.chdir(inputs)
    assert main(["status", "run"]) == 0
    assert "settings evaluated" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "status", "culprits"),
    [
        wrong("model", estimate("--model", "half.h5"), 2, "half.h5"),
        wrong("data", data("nan.npz"), 2, "NaN"),
        wrong("run", ("pareto", "none"), 1, "none"),
        wrong("budget", run("--budget", "0"), 2, "--budget 0"),
    ],
)
def test_the_same_from_a_shell(words, status, culprits, inputs):
    argv = [sys.executable, "-m", "dse.cli", *words]
    done = subprocess.run(argv, cwd=inputs, capture_output=True, text=True, timeout=120)
    check(words, status, culprits, done.returncode, done.stdout, done.stderr)


@pytest.mark.slow
def test_a_limit_that_no_design_meets_is_told_with_what_is_attainable(inputs, tmp_path):
    words = run("--limit", "latency=1", "--budget", "trials=1", "--out", tmp_path / "out")
    argv = [sys.executable, "-m", "dse.cli", *map(str, words)]
    done = subprocess.run(argv, cwd=inputs, capture_output=True, text=True, timeout=120)
    check(words, 1, ("latency", "at least"), done.returncode, done.stdout, done.stderr)


@pytest.mark.slow
@pytest.mark.parametrize("executor", ["inline", "ray"])
def test_a_second_is_too_short_for_a_run_and_it_says_so(executor, inputs, tmp_path):
    words = run("--budget", "1s", "--executor", executor, "--out", tmp_path / "out")
    begin = time.monotonic()
    argv = [sys.executable, "-m", "dse.cli", *map(str, words)]
    done = subprocess.run(argv, cwd=inputs, capture_output=True, text=True, timeout=120)
    assert time.monotonic() - begin < 1 + 15
    check(words, 1, ("budget",), done.returncode, done.stdout, done.stderr)


def test_debug_shows_where(inputs, monkeypatch, capsys):
    monkeypatch.chdir(inputs)
    assert main([*estimate("--model", "half.h5"), "--debug"]) == 2
    assert "Traceback" in capsys.readouterr().err
