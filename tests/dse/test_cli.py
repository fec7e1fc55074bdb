"""The command line's manners: help, exit status, JSON for programs, plain text for people."""

import json
import re
import subprocess
import sys
from pathlib import Path

import h5py
import pytest

from dse.cli import main
from dse.commands.options import COMMANDS
from dse.commands.output import answer_table

DIGITS = Path(__file__).parents[2] / "examples" / "digits"
MODEL = ("--model", str(DIGITS / "digits.h5"))
ESTIMATE = ("estimate", *MODEL, "--part", "xc7z020")

HEAVY = (
    "ray",
    "mlflow",
    "optuna",
    "pandas",
    "scipy",
    "tensorflow",
    "keras",
    "h5py",
    "rich",
)

HOSTILE = "a[red]b[/red]"
"""Markup for a terminal, as a layer's name."""


def parse_help(words, capsys):
    with pytest.raises(SystemExit) as end:
        main(words)
    assert end.value.code == 0
    captured = capsys.readouterr()
    assert captured.err == ""
    return captured.out


def test_help_lists_every_command(capsys):
    text = parse_help(["--help"], capsys)
    listed = re.findall(r"^    (\w+)  ", text, re.MULTILINE)
    assert listed == ["run", "resume", "status", "pareto", "pick", *listed[5:]]
    assert set(listed) == set(COMMANDS)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help_with_an_example(command, capsys):
    text = " ".join(parse_help([command, "--help"], capsys).split())
    assert f"example: dse {command}" in text
    assert "--debug" in text


@pytest.mark.parametrize("words", [["--help"], ["run", "--help"], ["--version"]])
def test_help_imports_nothing_heavy(words):
    code = (
        "import sys, json\nfrom dse.cli import main\n"
        f"try:\n    main({words})\nexcept SystemExit:\n    pass\n"
        f"sys.stderr.write(json.dumps([m for m in {HEAVY} if m in sys.modules]))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert json.loads(done.stderr) == []


def test_estimate_imports_no_search_and_no_framework():
    code = (
        "import sys, json\nfrom dse.cli import main\n"
        f"assert main({list(ESTIMATE)}) == 0\n"
        f"sys.stderr.write(json.dumps([m for m in {HEAVY[:7]} if m in sys.modules]))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert json.loads(done.stderr) == []


def test_version(capsys):
    text = parse_help(["--version"], capsys)
    assert re.fullmatch(r"dse \d+\.\d+\.\d+\n", text)


@pytest.mark.parametrize("words", [[], ["explore"], ["estimate"], ["estimate", "--colour"]])
def test_a_call_that_is_none_ends_with_2(words, capsys):
    with pytest.raises(SystemExit) as end:
        main(words)
    assert end.value.code == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("usage: dse")


def test_options_are_not_taken_by_their_beginnings(capsys):
    with pytest.raises(SystemExit):
        main(["estimate", "--mod", "m.h5", "--part", "xc7z020"])
    assert "--model" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "key"),
    [(("parts",), "parts"), (("doctor",), "checks"), (ESTIMATE, "lut"), (("parts", "zynq"), None)],
)
def test_json_is_one_document_and_nothing_else(words, key, capsys):
    status = main([*words, "--json"])
    captured = capsys.readouterr()
    if key is None:
        assert (status, captured.out) == (2, "")
        return
    assert status == 0
    assert captured.err == ""
    assert key in json.loads(captured.out)


def test_estimate_is_the_sum_that_it_says(capsys):
    assert main([*ESTIMATE, "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert set(report["stages"]) >= {"fc1", "fc2", "scores"}
    assert report["lut"] >= max(stage["lut"] for stage in report["stages"].values()) > 0
    assert report["source"]["tool"].startswith("estimate")
    assert main(ESTIMATE) == 0
    text = capsys.readouterr().out
    assert f"{report['lut']:,.0f}" in text
    assert report["notes"][0] in text


def test_names_from_outside_are_shown_as_they_are(capsys):
    answer_table("[bold]title[/bold]", ["stage"], [[HOSTILE], ["[/]"], ["\\[x]"], [":smile:"]])
    text = capsys.readouterr().out
    for cell in (HOSTILE, "[/]", "\\[x]", ":smile:", "[bold]title[/bold]"):
        assert cell in text


def test_a_hostile_layer_name_reaches_no_markup(tmp_path, capsys):
    path = tmp_path / "m.h5"
    path.write_bytes((DIGITS / "digits.h5").read_bytes())
    with h5py.File(path, "r+") as file:
        config = json.loads(file.attrs["model_config"])
        config["config"]["name"] = HOSTILE
        file.attrs["model_config"] = json.dumps(config)
    assert main(["estimate", "--model", str(path), "--part", "xc7z020"]) == 0
    assert HOSTILE in capsys.readouterr().out


def test_a_list_of_parts_can_be_narrowed(capsys):
    assert main(["parts", "xcvu9p"]) == 0
    text = capsys.readouterr().out
    assert "xcvu9p" in text
    assert "xc7z020" not in text


def test_doctor_names_a_way_to_get_what_is_missing(capsys, monkeypatch):
    monkeypatch.setenv("PATH", "")
    assert main(["doctor", "--json"]) == 0
    checks = json.loads(capsys.readouterr().out)["checks"]
    missing = [check for check in checks if not check["ok"]]
    assert any("g++" in check["name"] for check in missing)
    assert all(check["remedy"] for check in missing)


def test_estimates_tell_their_intervals_and_stages(capsys):
    call = ["estimate", *MODEL, "--part", "xczu9eg"]
    assert main([*call, "--backend", "vitis", "--stage", "route", "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["source"]["tool"] == "estimate of vitis place and route"
    assert report["confidence"] == 0.9
    low, high = report["intervals"]["lut"]
    assert low < report["lut"] < high
    assert main([*call, "--backend", "yosys"]) == 0
    printed = capsys.readouterr().out
    assert "90% from" in printed
    assert main([*call, "--backend", "yosys", "--stage", "logic"]) == 2
    assert "yosys: has no stages" in capsys.readouterr().err
