"""The field's jet tagger through a whole run, where the reference material is."""

import json
import subprocess
import sys

import pytest

pytestmark = pytest.mark.slow


def test_the_jet_tagger_gives_a_front_measured_by_yosys(shared, tmp_path):
    models = shared / "models"
    words = ["run", "--model", models / "KERAS_3layer.json"]
    words += ["--weights", models / "KERAS_3layer_weights.h5", "--part", "xcvu9p"]
    words += ["--budget", "150s", "--executor", "inline", "--out", "run"]
    argv = [sys.executable, "-m", "dse.cli", *map(str, words)]
    done = subprocess.run(argv, cwd=tmp_path, capture_output=True, text=True, timeout=200)
    assert done.returncode == 0, done.stderr
    front = json.loads((tmp_path / "run" / "pareto.json").read_text())["front"]
    assert front
    for design in front:
        assert design["metric"] == "fidelity"  # no data were given: never called accuracy
        assert design["sources"]["lut"].startswith("yosys")
        assert design["checks"] == {"csim": "passed"}
        assert design["fidelity"] >= 0.9
