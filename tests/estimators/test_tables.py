"""The bridge from published tables to facts: what is read, assumed and refused."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from converter.errors import DataError
from converter.report import Fidelity
from estimators import evaluate
from estimators.kernels.base import Mapping
from estimators.published.constants import csd_digits, distinct_products, random_weights
from estimators.tables import read_modules, read_table

DENSE = {
    "op": "dense", "name": "fc1", "n_in": 16, "n_out": 8, "in_t": "ap_fixed<8,2>",
    "out_t": "ap_fixed<16,4>", "weight_t": "ap_fixed<6,1>", "accum_t": "ap_fixed<18,6>",
    "reuse_factor": 1, "strategy": "latency",
    "w": {"n": 128, "nnz": 100, "pow2": 20, "csd": 260, "sum_bits": 500, "absmax": 31},
}  # fmt: skip
ROW = {
    "layers": json.dumps([DENSE]), "stage": "csynth_estimate", "io_type": "io_parallel",
    "strategy": "latency", "reuse_factor": "1", "backend_tool": "Vitis HLS 2023.2",
    "part": "xcu250-figd2104-2L-e", "clock_ns": "5", "project_id": "someone__net",
    "latency_cycles": "2", "II_cycles": "1", "LUT": "1500", "FF": "400", "DSP": "0",
    "BRAM18": "", "notes": "",
}  # fmt: skip


def write(path: Path, *rows: dict[str, Any]) -> Path:
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(ROW))
        writer.writeheader()
        writer.writerows({**ROW, **row} for row in rows)
    return path


def test_a_row_becomes_facts(tmp_path: Path) -> None:
    (row,) = read_table(write(tmp_path / "t.csv", {}))
    assert row.refused is None
    assert (row.tool, row.version, row.owner) == ("vitis", "2023.2", "someone")
    (facts,) = row.facts
    assert (facts.n_in, facts.n_out, facts.strategy, facts.reuse_factor) == (16, 8, "latency", 1)
    widths = (facts.input_width, facts.weight_width, facts.accum_width, facts.output_width)
    assert widths == (8, 6, 18, 16)
    assert (facts.nonzero_weights, facts.power_of_two_weights, facts.csd_digits) == (100, 20, 260)
    assert "BRAM18" not in row.figures


def test_forced_multipliers_are_read_from_the_notes(tmp_path: Path) -> None:
    (row,) = read_table(write(tmp_path / "t.csv", {"notes": "config_op mul -impl fabric"}))
    assert row.mapping is Mapping.FABRIC


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"stage": "co-simulation"}, "stage co-simulation"),
        ({"io_type": "fully unrolled"}, "io_type fully unrolled"),
        ({"backend_tool": "oneAPI 2025"}, "tool oneAPI 2025"),
        ({"part": "Agilex7"}, "part or clock 'Agilex7' '5'"),
        ({"layers": ""}, "layers not given"),
        ({"layers": '{"op": "dense"}'}, "layers not given"),
        ({"layers": '[{"op": "garnet"}]'}, "layer garnet"),
        ({"layers": '[{"op": "conv2d"}]'}, "conv2d without the size of its input"),
        ({"layers": '[{"op": "dense", "n_out": 3}]'}, "dense without n_in"),
        ({"layers": '[{"op": "dense", "n_in": 4, "n_out": 3}]', "reuse_factor": ""},
         "reuse_factor not given"),
        ({"layers": '[{"op": "conv1d", "in": 5}]'},
         "fields that cannot be read: 'int' object is not subscriptable"),
    ],
)  # fmt: skip
def test_what_is_not_priced_is_refused_with_the_reason(
    tmp_path: Path, change: dict[str, str], reason: str
) -> None:
    (row,) = read_table(write(tmp_path / "t.csv", change))
    assert row.refused == reason


def test_a_wrong_file_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="cannot be read as a table"):
        read_table(tmp_path / "absent.csv")
    other = tmp_path / "other.csv"
    other.write_text("a,b\n1,2\n")
    with pytest.raises(DataError, match="lacks the columns BRAM18"):
        read_table(other)


@given(st.integers(-(2**40), 2**40))
def test_csd_digits(code: int) -> None:
    """Against the recoding digit by digit."""
    rest, digits = abs(code), 0
    while rest:
        if rest & 1:
            rest -= 2 - (rest & 3)
            digits += 1
        rest >>= 1
    assert csd_digits(np.array([code]))[0] == digits


def test_random_weights_are_always_the_same() -> None:
    first = random_weights(32, 32, 8)
    random_weights.cache_clear()
    assert random_weights(32, 32, 8) == first
    assert random_weights(32, 32, 8, 1024)["nonzero_weights"] == 0
    assert random_weights(32, 32, 4)["dsp_constants"] == 0


def test_large_matrices_are_sampled() -> None:
    whole, part = (
        random_weights(500, 2000, 8),
        random_weights(1000, 2000, 8, limit=(3 / 500) ** 0.5),
    )
    assert part == {name: 2 * count for name, count in whole.items()}
    assert random_weights(25_088, 4096, 8)["nonzero_weights"] > 4e7


def test_distinct_products_without_products() -> None:
    assert distinct_products(16, 100, 100, 100, 64) == 0
    assert distinct_products(16, 100, 20, 200, 9) == 0


def test_stages_and_versions_are_read(tmp_path: Path) -> None:
    rows = read_table(
        write(
            tmp_path / "t.csv",
            {"stage": "logic_synth", "backend_tool": "Vivado 2019.2.1", "clock_ns": ""},
            {"stage": "place_and_route", "backend_tool": "Vitis; Vivado 2022.2"},
            {"backend_tool": "hls4ml CI; Vitis backend; Vitis HLS 2020.1"},
        )
    )
    assert [(r.tool, r.version) for r in rows] == [
        ("vivado", "2019.2"), ("vitis", "2022.2"), ("vitis", "2020.1"),
    ]  # fmt: skip
    assert [r.fidelity for r in rows] == [
        Fidelity.LOGIC_SYNTHESIS, Fidelity.PLACE_AND_ROUTE, Fidelity.CSYNTH,
    ]  # fmt: skip
    assert rows[0].target is not None
    assert rows[0].target.clock_period_ns == 5


def test_evaluation_counts_refused_rows(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    table = write(tmp_path / "t.csv", {}, {"stage": "cosim"}, {"LUT": "900"})
    assert evaluate.main([str(table), "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    assert set(result) == {"targets", "macro", "groups", "refusals"}
    assert list(result["targets"])[:6] == [
        "LUT", "FF", "DSP", "BRAM18", "URAM", "latency_cycles",
    ]  # fmt: skip
    lut = result["targets"]["LUT"]
    assert (lut["n"], lut["refused"]) == (2, 1)
    keys = {"n", "refused", "r2", "smape", "mdape", "spearman", "coverage"}
    assert all(set(t) == keys for t in result["targets"].values())
    assert all(set(t) == keys for g in result["groups"].values() for t in g.values())
    assert result["refusals"] == {"stage cosim": 1}
    assert result["targets"]["BRAM18"] == {
        "n": 0, "refused": 0, "r2": None, "smape": None, "mdape": None, "spearman": None,
        "coverage": None,
    }  # fmt: skip
    assert {
        "stage:csynth_estimate", "strategy:latency", "io_type:io_parallel", "project:someone",
        "tool:vitis 2023.2",
    } <= set(result["groups"])  # fmt: skip
    assert 0 <= lut["coverage"] <= 1
    assert evaluate.main([str(table)]) == 0
    assert "refused: 1 × stage cosim" in capsys.readouterr().out


def test_evaluation_of_a_missing_table(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert evaluate.main([str(tmp_path / "absent.csv")]) == 2
    assert "absent.csv: cannot be read" in capsys.readouterr().err


def test_rules_hold_on_the_published_sweep(shared: Path) -> None:
    """Exact where ``relations.md`` 3.1 says so: II and DSP, latency, block RAM within one."""
    rows = [
        row
        for row in read_table(shared / "calibration" / "synthesis.csv")
        if row.owner == "wa-hls4ml-search" and row.strategy == "resource"
    ]
    rows = [row for row in rows if row.facts[0].reuse_factor > 1]
    assert len(rows) == 658
    scored = evaluate.score_rows(rows)
    hits = {"II_cycles": 0, "latency_cycles": 0, "DSP": 0, "BRAM18": 0}
    for one in scored:
        assert one.report is not None
        figures = one.row.figures
        hits["II_cycles"] += one.report.interval_cycles == figures["II_cycles"]
        hits["latency_cycles"] += one.report.latency_cycles == figures["latency_cycles"]
        hits["DSP"] += one.report.dsp == figures["DSP"]
        hits["BRAM18"] += abs((one.report.bram_18k or 0) - figures["BRAM18"]) <= 1
    assert hits["II_cycles"] == 658
    assert hits["latency_cycles"] >= 640
    assert hits["DSP"] >= 646
    assert hits["BRAM18"] >= 646


def test_published_tables_stay_within_the_error_that_the_prices_state(shared: Path) -> None:
    """A change of the structure without a new calibration shows here."""
    rows = read_table(shared / "calibration" / "synthesis.csv")
    targets = evaluate.summary(evaluate.score_rows(rows))["targets"]
    assert targets["LUT"]["n"] == 829
    assert targets["LUT"]["smape"] < 8
    assert targets["FF"]["smape"] < 9
    assert targets["DSP"]["smape"] < 4
    assert targets["BRAM18"]["smape"] < 4
    assert targets["latency_cycles"]["smape"] < 5
    assert targets["II_cycles"]["smape"] < 3


def test_modules_are_single_stages(shared: Path) -> None:
    rows = read_modules(shared / "calibration" / "modules.csv")
    assert len(rows) == 195
    assert all(len(row.facts) == 1 for row in rows)
