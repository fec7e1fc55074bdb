"""Fits: rates are recovered, files are written with their errors, tables round-trip."""

from __future__ import annotations

import csv
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from converter.errors import DataError
from converter.facts import Facts, Memory, Multipliers
from estimators import calibrate, labelled
from estimators.fitting import Sample, fit, predict


def test_exact_rates_are_recovered() -> None:
    random = np.random.default_rng(0)
    true = {"adder": 0.93, "mux": 0.4, "stage": 12.0}
    samples = []
    for _ in range(40):
        features = {name: float(random.integers(1, 200)) for name in true}
        samples.append(Sample(features, predict(true, features), "one"))
    found = fit(samples)
    assert found == {name: pytest.approx(rate, rel=1e-3) for name, rate in true.items()}


def test_outliers_do_not_move_the_rates() -> None:
    samples = [Sample({"a": float(n)}, 2.0 * n, n % 2) for n in range(50, 90)]
    samples.append(Sample({"a": 50.0}, 10_000.0, 0))
    assert fit(samples)["a"] == pytest.approx(2.0, rel=0.02)


def test_rates_are_never_negative() -> None:
    samples = [Sample({"a": n, "b": 1.0}, 3 * n - 1, "g") for n in (10.0, 20.0, 40.0)]
    assert min(fit(samples).values()) >= 0


FACTS = Facts(
    "fc", "matvec", "resource", 4, 8, 4, 6, 14, 9, 4, weight_width=5, adder_bits=40,
    register_bits=120, mux_bits=18, multipliers=(Multipliers(8, 7, 5, True),),
    memories=(Memory(1, 4, 40),),
)  # fmt: skip
FIGURES = {
    "lut": 70.0, "ff": 118.0, "dsp": 8.0, "bram_18k": 2.0, "latency_cycles": 9.0,
    "interval_cycles": 4.0,
}  # fmt: skip
RUN = labelled.Run(
    "net_0",
    "shared",
    False,
    "0.70",
    "xcvu9p",
    5.0,
    FIGURES,
    3.5,
    (FACTS, replace(FACTS, stage="b")),
)


def write(path: Path, runs: list[labelled.Run]) -> Path:
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, labelled.COLUMNS)
        writer.writeheader()
        writer.writerows(labelled.line(run) for run in runs)
    return path


def test_table_round_trips(tmp_path: Path) -> None:
    runs = [RUN, replace(RUN, design="net_1", held_out=True)]
    assert labelled.read(write(tmp_path / "t.csv", runs)) == runs


def test_a_damaged_table_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path / "t.csv", [RUN])
    path.write_text(path.read_text().replace("matvec", "mat\\vec"))
    with pytest.raises(DataError, match=r"t\.csv: cannot be read as a table of runs"):
        labelled.read(path)


def test_yosys_prices_are_written(tmp_path: Path) -> None:
    runs = []
    for n in range(12):
        facts = replace(FACTS, adder_bits=40 + 10 * n, register_bits=100 + n)
        figures = {**FIGURES, "lut": 0.9 * facts.adder_bits + 20, "ff": 1.0 * facts.register_bits}
        runs.append(replace(RUN, facts=(facts,), figures=figures, held_out=n % 3 == 0))
    table = write(tmp_path / "t.csv", runs)
    call = ["yosys", "--table", str(table), "--out", str(tmp_path), "--date", "2026-01-02"]
    assert calibrate.main(call) == 0
    data = json.loads((tmp_path / "yosys.json").read_text())
    assert data["fit"]["lut"]["n"] == 8
    assert data["fit"]["lut"]["held_out"]["n"] == 4
    assert data["fit"]["ff"]["held_out"]["smape"] < 1
    assert data["fit"]["latency_cycles"] == {"n": 12, "exact": 1.0}
    assert data["date"] == "2026-01-02"


def test_a_missing_table_ends_in_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert calibrate.main(["yosys", "--table", str(tmp_path / "no.csv")]) == 2
    assert "no.csv: cannot be read" in capsys.readouterr().err


def test_yosys_prices_are_those_of_the_table_in_the_package(tmp_path: Path) -> None:
    assert calibrate.main(["yosys", "--out", str(tmp_path)]) == 0
    made = json.loads((tmp_path / "yosys.json").read_text())
    kept = json.loads((calibrate.FOLDER / "yosys.json").read_text())
    assert {**made, "date": kept["date"]} == kept


def test_yosys_prices_on_designs_that_they_were_not_fitted_to() -> None:
    fitted = json.loads((calibrate.FOLDER / "yosys.json").read_text())["fit"]
    for figure in ("lut", "ff"):
        assert fitted[figure]["held_out"]["n"] >= 30
        assert fitted[figure]["held_out"]["smape"] < 15
    for figure in ("dsp", "bram_18k", "latency_cycles", "interval_cycles"):
        assert fitted[figure]["exact"] == 1.0


@pytest.mark.slow
def test_csynth_prices_are_those_of_the_published_tables(shared: Path, tmp_path: Path) -> None:
    folder = shared / "calibration"
    tables = [
        "--synthesis",
        str(folder / "synthesis.csv"),
        "--modules",
        str(folder / "modules.csv"),
    ]
    assert calibrate.main(["csynth", *tables, "--out", str(tmp_path), "--date", "2026-01-02"]) == 0
    for tool in ("vitis", "vivado"):
        made = json.loads((tmp_path / f"{tool}.json").read_text())
        kept = json.loads((calibrate.FOLDER / f"{tool}.json").read_text())
        assert {**made, "date": kept["date"]} == kept
