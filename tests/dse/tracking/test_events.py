"""What is logged of a design and of a front."""

from __future__ import annotations

import csv
import dataclasses
import io
import json
import math

import pytest

from dse.tracking.events import clean, design_event, front_event, front_table, note


def test_a_design_becomes_a_run(study):
    design = next(d for d in study[1] if d.on_front)
    event = json.loads(json.dumps(design_event(design)))
    assert event["params"]["weights"] == str(design.knobs["weights"])
    assert event["params"]["reuse_factor.fc1"] == str(design.knobs["reuse_factor"])
    metrics = event["metrics"]
    assert metrics["accuracy"] == design.value
    assert metrics["loss"] == design.loss
    assert metrics["lut"] == design.measured.lut
    assert metrics["estimate_lut"] == design.estimate.lut
    assert metrics["log10_lut"] == math.log10(design.measured.lut)
    assert metrics["latency_ns"] == design.measured.latency_cycles * 5
    assert metrics["share_largest"] == max(design.shares.values())
    assert event["pareto"] is True
    assert event["tags"]["source"] == "yosys 0.70 (logic synthesis)"
    assert json.loads(event["texts"]["report.json"])["lut"] == design.measured.lut
    assert event["texts"]["config.yml"] == design.config


def test_the_version_follows_the_figures_and_not_the_front(study):
    design = study[1][0]
    version = design_event(design)["version"]
    assert design_event(dataclasses.replace(design, on_front=True))["version"] == version
    assert design_event(dataclasses.replace(design, measured=None))["version"] != version


def test_no_logarithm_of_zero(study):
    design = study[1][0]
    none = dataclasses.replace(design, measured=dataclasses.replace(design.estimate, lut=0.0))
    assert "log10_lut" not in design_event(none)["metrics"]


@pytest.mark.parametrize(
    ("name", "kept"),
    [("fc1", "fc1"), ("a:b<c>", "a_b_c_"), ("../../etc", "etc"), ("", "_"), ("é", "_")],
)
def test_names_are_cleaned(name, kept):
    assert clean(name) == kept


def test_the_table_holds_the_front(study):
    front = [d for d in study[1] if d.on_front]
    rows = list(csv.DictReader(io.StringIO(front_table(front))))
    assert [int(r["id"]) for r in rows] == [d.id for d in front]
    assert [float(r["lut"]) for r in rows] == [d.measured.lut for d in front]
    assert {r["source_lut"] for r in rows} == {"yosys 0.70 (logic synthesis)"}


def test_the_note_links_to_the_designs(study):
    run, designs = study
    event = front_event(run, designs, "<html></html>", {"candidates.csv": "id\n"})
    first = event["rows"][0]
    text = note(event, {first["id"]: "#/experiments/1/runs/abc"}, "get-artifact?path=x", "Charts.")
    assert f"| [{first['id']}](#/experiments/1/runs/abc) | {first['cells'][0]} |" in text
    assert "![The front](get-artifact?path=x)" in text
    assert set(event["texts"]) == {"candidates.csv", "pareto.csv", "report.html"}


def test_hostile_names_are_inert_in_the_note(hostile_study):
    text = note(front_event(*hostile_study, "", {}), {}, None, "")
    assert "<img" not in text.replace("\\<img", "")
    assert "\n<" not in text
