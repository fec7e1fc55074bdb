"""Prices are fitted without a publisher before its rows are estimated; files are made alike."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pytest

from estimators import calibrate, evaluate
from estimators.cross_validation import held_out, price_data
from estimators.hls import OTHERS
from estimators.price_files import FOLDER
from estimators.tables import Row, read_table

COLUMNS = (
    "layers", "stage", "io_type", "strategy", "reuse_factor", "backend_tool", "part", "clock_ns",
    "project_id", "latency_cycles", "II_cycles", "LUT", "FF", "DSP", "BRAM18", "URAM", "notes",
)  # fmt: skip


def dense(n_in: int, n_out: int, nonzero: int) -> dict[str, Any]:
    return {
        "op": "dense", "n_in": n_in, "n_out": n_out, "weight_t": "ap_fixed<6,1>",
        "in_t": "ap_fixed<8,2>", "accum_t": "ap_fixed<16,6>", "reuse_factor": 1,
        "w": {"n": n_in * n_out, "nnz": nonzero, "pow2": nonzero // 4, "csd": 2 * nonzero,
              "sum_bits": 4 * nonzero, "absmax": 31},
    }  # fmt: skip


def row(owner: str, size: int, lut_per_weight: float, stage: str = "csynth_estimate") -> list[Any]:
    nonzero = 3 * size * size // 4
    whole = lut_per_weight * nonzero
    return [
        json.dumps([dense(size, size, nonzero)]), stage, "io_parallel", "latency", "1",
        "Vitis HLS 2023.1", "xcu250-figd2104-2L-e", "5", f"{owner}__net{size}", 1, 1,
        round(whole), round(whole / 6), 0, 0, 0, "",
    ]  # fmt: skip


def table(path: Path) -> Path:
    rows = [row(owner, n, 18) for owner in ("anna", "ben", "cleo") for n in (8, 12, 16, 24)]
    rows += [row("ben", 16, 9, "logic_synth"), row("dora", 16, 60)]
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(COLUMNS)
        writer.writerows(rows)
    return path


@pytest.fixture
def designs(tmp_path: Path) -> list[Row]:
    return read_table(table(tmp_path / "table.csv"))


def test_each_publisher_is_estimated_by_the_others(designs: list[Row]) -> None:
    scored = {one.row.project: one.report for one in held_out(designs, [])}
    assert len(scored) == 13  # anna, ben and cleo four each (ben's fifth has the same name), dora
    odd, usual = scored["dora__net16"], scored["anna__net16"]
    assert odd is not None
    assert usual is not None
    assert (usual.lut or 0) == pytest.approx(18 * 192, rel=0.25)
    assert (odd.lut or 0) == pytest.approx(18 * 192, rel=0.25)  # knows nothing of its own 60


def test_price_data_tells_errors_and_what_it_is_of(designs: list[Row]) -> None:
    made = price_data(designs, [], "2026-01-02")
    assert set(made) == {"vitis", "vivado"}
    data = made["vitis"]
    assert data["date"] == "2026-01-02"
    assert "anna (4), ben (5), cleo (4), dora (1)" in data["source"]
    assert set(data["fit"]["lut"]["held_out"]) == {"anna", "ben", "cleo", "dora"}
    assert data["fit"]["lut"]["held_out"]["anna"]["smape"] < 30
    assert data["fit"]["lut"]["held_out"]["dora"]["smape"] > 80
    assert data["fit"]["latency_cycles"]["held_out"]["anna"]["within_1_cycle_or_5_percent"] == 1
    assert data["known"] == {"io_parallel": ["matvec"], "io_stream": []}
    assert 0.3 < data["later"]["logic_synthesis"]["lut"][OTHERS] < 0.7
    assert json.loads(json.dumps(data)) == data
    assert price_data(designs, [], "2026-01-02") == made


def test_evaluate_cross_validates(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = table(tmp_path / "table.csv")
    assert evaluate.main([str(path), "--cross-validate", "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    assert result["macro"]["csynth"]["LUT"]["projects"] == 4
    assert result["macro"]["csynth"]["latency_cycles"]["within_1_cycle_or_5_percent_macro"] == 1
    assert result["targets"]["LUT"]["n"] == 14
    assert evaluate.main([str(path), "--cross-validate"]) == 0
    assert "means over projects, logic synthesis" in capsys.readouterr().out


def test_one_publisher_is_too_few(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "one.csv"
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([COLUMNS, row("anna", 8, 18)])
    assert evaluate.main([str(path), "--cross-validate"]) == 2
    assert "needs rows of two projects that can be priced" in capsys.readouterr().err


@pytest.mark.slow
def test_price_files_are_those_of_the_published_tables(shared: Path, tmp_path: Path) -> None:
    tables = [shared / "calibration" / name for name in ("synthesis.csv", "modules.csv")]
    call = ["csynth", "--synthesis", str(tables[0]), "--modules", str(tables[1])]
    assert calibrate.main([*call, "--out", str(tmp_path)]) == 0
    for tool in ("vitis", "vivado"):
        made = json.loads((tmp_path / f"{tool}.json").read_text())
        kept = json.loads((FOLDER / f"{tool}.json").read_text())
        assert {**made, "date": kept["date"]} == kept


def test_errors_on_publishers_that_were_held_out() -> None:
    """What the price files state, made by ``python -m estimators.calibrate csynth``."""
    fit = json.loads((FOLDER / "vitis.json").read_text())["fit"]
    most = {"lut": 30, "ff": 30, "dsp": 10, "bram_18k": 30}
    for figure, smape in most.items():
        assert fit[figure]["smape_macro"] < smape
        assert 0.85 <= fit[figure]["coverage_macro"] <= 0.96
    for figure in ("latency_cycles", "interval_cycles"):
        assert fit[figure]["within_1_cycle_or_5_percent_macro"] >= 0.9
        assert 0.85 <= fit[figure]["coverage_macro"] <= 0.96
