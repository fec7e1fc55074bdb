"""The example of a layer of one's own, installed as a package and found by its entry point."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import h5py
import numpy as np
import pytest

ROOT = Path(__file__).resolve().parents[2]
EXAMPLE = ROOT / "examples" / "custom_layer"

AGREE = """
import shutil, sys, numpy as np, converter
from converter.config import Auto, HLSConfig
from converter.csim import csim
from converter.emulate import emulate_codes, quantize_inputs
from converter.forward import forward
from converter.graph import IOType
from converter.rtl.simulate import rtlsim
from converter.schedule import schedule
from converter.timing import Family, Target
target = Target("xczu28dr-ffvg1517-2-e", Family.ULTRASCALE_PLUS, 5.0)
graph = converter.load(sys.argv[1])
x = np.load(sys.argv[2])["x"]
y = forward(graph, x)["magnitude"]
size = np.sort(np.abs(x), axis=-1)
assert np.array_equal(y[..., 0], size[..., 1] + 0.375 * size[..., 0])
for io_type in IOType:
    wide = {"IQMagnitude": {"precision": {"result": Auto(40)}}}
    typed = converter.apply(graph, HLSConfig(layer_types=wide, io_type=io_type))
    codes = quantize_inputs(typed, x)
    ours, theirs = emulate_codes(typed, codes), csim(typed, codes)
    assert np.array_equal(ours["magnitude"], theirs["magnitude"]), io_type
    values = typed.edges["magnitude"].type.to_float(ours["magnitude"])
    assert np.array_equal(values.reshape(y.shape), y)
    if shutil.which("verilator"):
        result, plan = rtlsim(typed, target, codes), schedule(typed, target)
        assert np.array_equal(result.codes["magnitude"], ours["magnitude"]), io_type
        assert result.latency_cycles == plan.output_cycles
        assert result.interval_cycles == plan.interval_cycles
files = converter.project(typed, "vitis", "xczu28dr").files
assert "firmware/hlslib/iq_readout_iq_magnitude.h" in files
print("agree")
"""


@pytest.fixture(scope="session")
def installed(tmp_path_factory) -> dict[str, str]:
    """The environment in which the example is installed."""
    target, source = tmp_path_factory.mktemp("site"), tmp_path_factory.mktemp("source") / "example"
    shutil.copytree(EXAMPLE, source)  # building leaves files behind
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-build-isolation"]
    done = subprocess.run(
        [*pip, "--target", str(target), str(source)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return {**os.environ, "PYTHONPATH": os.pathsep.join([str(target), str(ROOT)])}


def run(words: list[str], environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *words], capture_output=True, text=True, env=environment, check=False
    )


def model_file(folder: Path) -> Path:
    """What Keras writes for Input -> IQMagnitude."""
    layers = [
        {"class_name": "InputLayer", "config": {"name": "iq", "batch_shape": [None, 5, 2]}},
        {
            "class_name": "IQMagnitude",
            "module": "iq_readout.keras_layer",
            "registered_name": "iq_readout>IQMagnitude",
            "config": {"name": "magnitude", "trainable": True, "dtype": "float32"},
        },
    ]
    model = {"class_name": "Sequential", "config": {"name": "readout", "layers": layers}}
    path = folder / "readout.h5"
    with h5py.File(path, "w") as file:
        file.attrs["model_config"] = json.dumps(model)
        file.create_group("model_weights").attrs["layer_names"] = [b"iq", b"magnitude"]
        for name in ("iq", "magnitude"):
            file["model_weights"].create_group(name).attrs["weight_names"] = []
    return path


@pytest.fixture
def case(tmp_path) -> list[str]:
    """A model file and data on the grid of its input."""
    x = np.random.default_rng(1).integers(-(2**15), 2**15, (40, 5, 2)) / 2**10
    x[0, 0] = -32  # the code that has no positive of its own width
    np.savez(tmp_path / "x.npz", x=x)
    return [str(model_file(tmp_path)), str(tmp_path / "x.npz")]


@pytest.mark.skipif(shutil.which("g++") is None, reason="no g++ here")
def test_emulation_and_both_kinds_of_c_simulation_agree(installed, case):
    done = run(["-c", AGREE, *case], installed)
    assert (done.returncode, done.stdout) == (0, "agree\n"), done.stderr


def test_the_command_line_finds_it(installed, case, tmp_path):
    words = ["-m", "dse.cli", "predict", "--model", case[0], "--data", case[1]]
    done = run([*words, "--out", str(tmp_path / "y.npz")], installed)
    assert done.returncode == 0, done.stderr
    assert np.load(tmp_path / "y.npz")["y"].shape == (40, 5, 1)


def test_what_it_refuses_names_the_layer(installed, tmp_path):
    path = model_file(tmp_path)
    with h5py.File(path, "r+") as file:
        text = file.attrs["model_config"].replace("[null, 5, 2]", "[null, 5, 3]")
        file.attrs["model_config"] = text
    words = ["-m", "dse.cli", "estimate", "--model", str(path), "--part", "xc7z020"]
    done = run(words, installed)
    assert done.returncode == 2
    assert "magnitude (iq_readout>IQMagnitude): the last axis must be pairs" in done.stderr


def test_without_the_package_the_class_is_refused_by_name(case):
    words = ["-m", "dse.cli", "estimate", "--model", case[0], "--part", "xc7z020"]
    done = run(words, {**os.environ, "PYTHONPATH": str(ROOT)})
    assert done.returncode == 2
    assert "magnitude (IQMagnitude): this layer class is not supported" in done.stderr


@pytest.mark.keras3
def test_keras_computes_the_same(keras3, tmp_path, installed):
    script = """
import sys, numpy as np, keras
from iq_readout.keras_layer import IQMagnitude
import converter
from converter.forward import forward
model = keras.Sequential([keras.Input((5, 2)), IQMagnitude(name="magnitude")])
model.save(sys.argv[1])
x = np.random.default_rng(2).integers(-99, 99, (20, 5, 2)) / 16
ours = forward(converter.load(sys.argv[1]), x)["magnitude"]
assert np.array_equal(ours, model.predict(x, verbose=0))
print("agree")
"""
    done = run(["-c", script, str(tmp_path / "m.keras")], installed)
    assert done.stdout.endswith("agree\n"), done.stderr
