"""Runs as a user starts them: from the command line, with real tools, to the picked design."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import psutil
import pytest

from dse.records import read_history

DIGITS = Path(__file__).parents[2] / "examples" / "digits"
FIXTURES = Path(__file__).parents[1] / "fixtures"
pytestmark = pytest.mark.slow
one_worker = pytest.mark.xdist_group("finished")  # they share a run


def dse(*words, cwd, timeout=300):
    argv = [sys.executable, "-m", "dse.cli", *map(str, words)]
    return subprocess.run(
        argv, cwd=cwd, env=environment(cwd), capture_output=True, text=True, timeout=timeout
    )


def environment(folder):
    return {**os.environ, "DSE_TEST_FOLDER": str(folder)}


def start(*words, cwd):
    argv = [sys.executable, "-m", "dse.cli", *map(str, words)]
    return subprocess.Popen(
        argv, cwd=cwd, env=environment(cwd), stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        text=True, start_new_session=True,
    )  # fmt: skip


def options(out, budget, executor="inline", model=None, **more):
    """A run of a very small network, or of ``model`` (the words that name it)."""
    words = [
        "run", *(model or ("--model", FIXTURES / "keras2.h5")), "--part", "xc7z020",
        "--budget", budget, "--space", "tiny", "--executor", executor, "--out", out,
    ]  # fmt: skip
    for name, value in more.items():
        words += [f"--{name.replace('_', '-')}", value]
    return words


def survivors(folder):
    """Processes that a command started in ``folder`` left behind, wherever they went."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.environ().get("DSE_TEST_FOLDER") == str(folder):
                found.append(process)
        except psutil.Error:
            continue
    return found


def wait_for(condition, seconds):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(0.2)
    return False


def measured(run):
    journal = run / "journal.jsonl"
    if not journal.exists():
        return 0
    return sum(d.measured is not None for d in read_history(journal).designs.values())


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """One run to its end, on Ray."""
    folder = tmp_path_factory.mktemp("finished")
    digits = ("--model", DIGITS / "digits.h5", "--data", DIGITS / "digits.npz")
    done = dse(*options("run", "75s", executor="ray", model=digits), cwd=folder)
    assert done.returncode == 0, done.stderr
    return folder, done


@one_worker
def test_a_run_ends_with_a_front_of_measured_designs(finished):
    folder, done = finished
    assert "on the front of" in done.stdout
    front = json.loads(dse("pareto", "run", "--json", cwd=folder).stdout)
    assert front["front"]
    assert front["hypervolume"] > 0
    for design in front["front"]:
        assert design["sources"]["lut"].startswith("yosys")
        assert design["checks"]["csim"] == "passed"
        assert 0 < design["resources"] <= 0.8
    vectors = [(1 - d["accuracy"], d["latency_cycles"], d["resources"]) for d in front["front"]]
    for a in vectors:
        assert not any(all(x <= y for x, y in zip(b, a, strict=True)) and b != a for b in vectors)


@one_worker
def test_every_file_of_a_run_is_there_and_agrees(finished):
    folder, _ = finished
    run = folder / "run"
    front = json.loads((run / "pareto.json").read_text())["front"]
    assert front == json.loads(dse("pareto", "run", "--json", cwd=folder).stdout)["front"]
    assert len((run / "pareto.csv").read_text().splitlines()) == len(front) + 1
    assert "<script" in (run / "report.html").read_text()
    assert (folder / "mlflow.db").is_file()
    for design in front:
        trial = run / "trials" / f"{design['id']:05d}"
        assert {"trial.json", "config.yml", "report.json", "project"} <= {
            p.name for p in trial.iterdir()
        }


@one_worker
def test_status_reads_a_finished_run(finished):
    folder, _ = finished
    status = json.loads(dse("status", "run", "--json", cwd=folder).stdout)
    assert status["state"].startswith("ended")
    assert status["counts"]["designs measured"] >= 1


@one_worker
def test_mlflow_has_the_run_and_a_child_per_design(finished):
    folder, _ = finished
    from mlflow.tracking import MlflowClient

    client = MlflowClient(f"sqlite:///{folder / 'mlflow.db'}")
    experiments = [e.experiment_id for e in client.search_experiments()]
    runs = client.search_runs(experiments, max_results=1000)
    children = [r for r in runs if "mlflow.parentRunId" in r.data.tags]
    designs = read_history(folder / "run" / "journal.jsonl").designs
    assert len(children) == len(designs)
    assert all("lut" in r.data.metrics for r in children)


@one_worker
def test_a_picked_design_stands_alone_and_passes_its_own_checks(finished):
    folder, _ = finished
    done = dse("pick", "run", "--prefer", "latency", "--out", "picked", cwd=folder, timeout=600)
    assert done.returncode == 0, done.stderr
    picked = folder / "picked"
    assert {"README.md", "config.yml", "design.json", "hls", "verilog", "reports"} <= {
        p.name for p in picked.iterdir()
    }
    design = json.loads((picked / "design.json").read_text())
    assert design["checks"] == {"csim": "passed", "RTL simulation": "passed"}
    assert (picked / "verilog" / "component.xml").is_file()
    assert "create_ip -vlnv nn_fpga_dse:network:" in (picked / "README.md").read_text()
    for script in ("hls/csim.sh", "verilog/sim/testbench.sh"):
        again = subprocess.run(["sh", picked / script], capture_output=True, text=True, timeout=600)
        assert again.returncode == 0, again.stdout + again.stderr


@one_worker
def test_a_picked_configuration_gives_the_same_bits_again(finished):
    folder, _ = finished
    dse("pick", "run", "--prefer", "resources", "--out", "again", cwd=folder, timeout=600)
    words = ["--model", DIGITS / "digits.h5", "--config", folder / "again" / "config.yml"]
    data = ["--data", DIGITS / "digits.npz"]
    for engine in ("emulate", "csim"):
        done = dse(
            "predict", *words, *data, "--engine", engine, "--out", f"{engine}.npz", cwd=folder
        )
        assert done.returncode == 0, done.stderr
    y = np.load(folder / "emulate.npz")["y"]
    assert np.array_equal(y, np.load(folder / "csim.npz")["y"])
    truth = np.load(DIGITS / "digits.npz")["y"]
    picked = json.loads((folder / "again" / "design.json").read_text())["design"]
    assert (y.argmax(axis=1) == truth).mean() == picked["accuracy"]


@one_worker
def test_a_limit_no_design_meets_names_what_there_is(finished):
    folder, _ = finished
    done = dse("pick", "run", "--limit", "latency=1", "--out", "none", cwd=folder)
    assert done.returncode == 2
    assert "latency_cycles" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("executor", ["inline", "ray"])
def test_the_budget_is_kept(tmp_path, executor):
    begin = time.monotonic()
    done = dse(*options("run", "30s", executor=executor), cwd=tmp_path)
    took = time.monotonic() - begin
    assert took < 30 + 15, done.stderr
    # on a machine that is busy with other tests it may end before a first design, and says so
    assert done.returncode == 0 or "before any design was measured" in done.stderr, done.stderr
    assert wait_for(lambda: not survivors(tmp_path), 5), survivors(tmp_path)


def test_ctrl_c_ends_in_order_and_resume_goes_on(tmp_path):
    run = tmp_path / "run"
    process = start(*options("run", "10m"), cwd=tmp_path)
    assert wait_for(lambda: measured(run) >= 1, 120)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=30)
    assert process.returncode == 130, err
    assert "dse resume" in err
    assert "Traceback" not in err
    assert "on the front of" in out
    assert wait_for(lambda: not survivors(tmp_path), 5), survivors(tmp_path)


def test_kill_9_loses_no_finished_trial_and_leaves_no_process(tmp_path):
    run = tmp_path / "run"
    process = start(*options("run", "10m", executor="ray"), cwd=tmp_path)
    assert wait_for(lambda: measured(run) >= 2, 180)
    process.kill()
    process.communicate()
    assert wait_for(lambda: not survivors(tmp_path), 15), survivors(tmp_path)
    before = read_history(run / "journal.jsonl")
    done = dse("resume", "run", "--budget", "trials=3", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    after = read_history(run / "journal.jsonl")
    for number, design in before.designs.items():
        if design.ended:
            assert after.designs[number] == design
    for number, setting in before.settings.items():
        assert after.settings[number] == setting
    assert all(d.ended for d in after.designs.values())


def test_a_second_driver_is_refused(tmp_path):
    process = start(*options("run", "10m"), cwd=tmp_path)
    try:
        assert wait_for(lambda: (tmp_path / "run" / "journal.jsonl").exists(), 60)
        done = dse("resume", "run", cwd=tmp_path)
        assert done.returncode == 1
        assert "another process is driving" in done.stderr
        status = json.loads(dse("status", "run", "--json", cwd=tmp_path).stdout)
        assert status["state"] == "running"
        assert 0 < status["seconds_left"] <= 600
    finally:
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=60)
