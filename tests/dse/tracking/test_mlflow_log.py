"""Runs in a real MLflow store on SQLite."""

from __future__ import annotations

import dataclasses
import http.server
import json
import logging
import threading
import time

import pytest

from converter.errors import ConfigError
from dse.dashboard.report import render
from dse.tracking import Tracker, sqlite_uri, ui_command
from dse.tracking.views import TAG

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def uri(tmp_path_factory):
    return sqlite_uri(tmp_path_factory.mktemp("store") / "mlflow.db")


@pytest.fixture
def client(uri):
    from mlflow import MlflowClient

    return MlflowClient(uri)


def log_study(uri, study, name, spool):
    run, designs = study
    tracker = Tracker(uri, "dse", name, spool)
    tracker.start({"model": run.model, "part": run.part, "budget": "5m", "seed": 0})
    for step in range(3):
        tracker.metrics(step, {"hypervolume": 0.1 * step, "front_size": step})
    for design in designs:
        tracker.design(design)
    tracker.front(run, designs, render(run, designs), {"candidates.csv": "id\n1\n"})
    left = tracker.finish(timeout=120)
    assert left == 0, tracker.problem


def runs_of(client, name):
    (experiment,) = [e for e in client.search_experiments() if e.name == "dse"]
    (parent,) = client.search_runs(
        [experiment.experiment_id], f"attributes.run_name = '{name}' and tags.state = 'study'"
    )
    key = f"tags.`mlflow.parentRunId` = '{parent.info.run_id}'"
    return parent, client.search_runs([experiment.experiment_id], key, max_results=1000)


def artifacts(client, run):
    return {a.path for a in client.list_artifacts(run.info.run_id)}


def test_a_study_is_one_parent_with_a_child_per_design(uri, client, study, tmp_path):
    log_study(uri, study, "one", tmp_path)
    parent, children = runs_of(client, "one")
    designs = {str(d.id): d for d in study[1]}
    assert parent.data.params["part"] == "xcvu9p"
    assert parent.info.status == "FINISHED"
    history = client.get_metric_history(parent.info.run_id, "hypervolume")
    assert [(m.step, m.value) for m in history] == [(0, 0.0), (1, 0.1), (2, 0.2)]
    assert len(children) == len(designs)
    for child in children:
        design = designs[child.data.tags["dse.id"]]
        assert child.data.tags["dse.config_hash"] == design.digest
        assert child.data.metrics["lut"] == design.figures()["lut"]
        assert child.data.tags["pareto"] == str(design.on_front).lower()
        assert child.info.status == ("FAILED" if design.state == "failed" else "FINISHED")
    assert artifacts(client, children[0]) == {"config.yml", "report.json"}
    wanted = {"candidates.csv", "front.png", "pareto.csv", "report.html"}
    assert artifacts(client, parent) == wanted
    assert "| design | accuracy |" in parent.data.tags["mlflow.note.content"]


def test_logging_again_changes_nothing(uri, client, study, tmp_path):
    log_study(uri, study, "twice", tmp_path)
    before, children_before = runs_of(client, "twice")
    log_study(uri, study, "twice", tmp_path)
    after, children_after = runs_of(client, "twice")
    assert before.info.run_id == after.info.run_id
    assert {c.info.run_id for c in children_before} == {c.info.run_id for c in children_after}
    assert {c.info.end_time for c in children_before} == {c.info.end_time for c in children_after}


def test_a_design_that_is_measured_later_is_updated(uri, client, study, tmp_path):
    design = next(d for d in study[1] if d.on_front)
    tracker = Tracker(uri, "dse", "later", tmp_path)
    tracker.design(dataclasses.replace(design, measured=None, state="estimated", on_front=False))
    tracker.design(design)
    assert tracker.close(60) == 0
    (child,) = runs_of(client, "later")[1]
    assert child.data.metrics["lut"] == design.measured.lut
    assert child.data.tags["state"] == "measured"
    assert child.data.tags["pareto"] == "true"


def test_a_parameter_that_changes_on_resuming_becomes_a_tag(uri, client, tmp_path):
    for budget in ("5m", "10m"):
        tracker = Tracker(uri, "dse", "longer", tmp_path)
        tracker.start({"budget": budget, "part": "xcvu9p"})
        assert tracker.finish(timeout=60) == 0
        assert tracker.problem is None
    parent, _ = runs_of(client, "longer")
    assert parent.data.params == {"budget": "5m", "part": "xcvu9p"}
    assert parent.data.tags["changed.budget"] == "10m"


def test_an_event_that_mlflow_refuses_is_passed_over(uri, client, tmp_path):
    tracker = Tracker(uri, "dse", "refused", tmp_path)
    tracker.metrics(1, {"hypervolume": "not a number"})
    tracker.metrics(1, {"hypervolume": None})
    tracker.metrics(2, {"hypervolume": 0.5})
    assert tracker.close(60) == 0
    parent, _ = runs_of(client, "refused")
    assert parent.data.metrics["hypervolume"] == 0.5


def test_the_presets_are_those_of_the_study(uri, client, study, tmp_path):
    log_study(uri, study, "views", tmp_path)
    parent, _ = runs_of(client, "views")
    key = parent.data.tags["dse.run"]
    tags = client.get_experiment(parent.info.experiment_id).tags
    for name in ("front", "all"):
        text = tags[f"{TAG}dse-{key}-{name}"]
        assert len(text) < 5000, "what older servers take"
        state = json.loads(text)
        assert [c["type"] for c in state["compareRunCharts"]] == ["PARALLEL", "SCATTER"]
        found = client.search_runs([parent.info.experiment_id], state["searchFilter"])
        wanted = [d for d in study[1] if d.on_front or name == "all"]
        assert len(found) == len(wanted), "the filter is one that MLflow understands"


def test_hostile_names_are_logged_as_text(uri, client, hostile_study, tmp_path):
    log_study(uri, hostile_study, "hostile", tmp_path)
    _, children = runs_of(client, "hostile")
    assert len(children) == len(hostile_study[1])


def test_a_file_is_logged_under_its_name(uri, client, study, tmp_path):
    log = tmp_path / "yosys.log"
    log.write_text("done\n")
    design = dataclasses.replace(
        study[1][0], files={"logs/yosys.log": log, "gone": tmp_path / "no"}
    )
    tracker = Tracker(uri, "dse", "files", tmp_path)
    tracker.design(design)
    assert tracker.close(60) == 0
    (child,) = runs_of(client, "files")[1]
    (entry,) = client.list_artifacts(child.info.run_id, "logs")
    assert entry.path == "logs/yosys.log"


class Broken(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_error(503)

    do_POST = do_GET

    def log_message(self, *_):
        logging.getLogger("test").debug("asked")


def test_a_server_in_trouble_neither_stops_nor_delays(study, tmp_path):
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Broken)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    tracker = Tracker(f"http://127.0.0.1:{server.server_port}", "dse", "x", tmp_path)
    begin = time.monotonic()
    for design in study[1]:
        tracker.design(design)
    assert time.monotonic() - begin < 1.0
    assert tracker.finish(timeout=1.0) == len(study[1]) + 1
    assert time.monotonic() - begin < 5.0
    server.shutdown()


def test_the_pages_are_for_this_machine_alone():
    argv = ui_command("sqlite:///runs/mlflow.db", 5001)
    assert argv[argv.index("--host") + 1] == "127.0.0.1"
    assert argv[argv.index("--port") + 1] == "5001"


def test_a_server_has_its_own_pages():
    with pytest.raises(
        ConfigError, match=r"https://ml\.cern\.ch: this store has a server of its own"
    ):
        ui_command("https://ml.cern.ch")
