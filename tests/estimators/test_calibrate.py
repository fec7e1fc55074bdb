"""Fits: rates are recovered, files are written with their errors, tables round-trip."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from converter.errors import DataError
from converter.facts import Facts, Memory, Multipliers
from converter.parts import target
from estimators import calibrate, labelled
from estimators.calibrate_yosys import BELIEF
from estimators.fitting import Sample, fit, predict
from estimators.learning import Correction, Evidence, learn
from estimators.price_files import FOLDER, Prices
from estimators.yosys import YosysEstimator, parts_of


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
    memories=(Memory(1, 4, 40, 1, False, luts=7), Memory(2, 600, 9)),
)  # fmt: skip
COUNTS = {"lut": 70.0, "lutram": 8.0, "srl": 2.0, "ff": 118.0, "dsp": 8.0, "bram_18k": 4.0}
RUN = labelled.Run(
    "net_0", "shared", False, "abc", "def", "0.70", "xcvu9p", 5.0,
    {**COUNTS, "latency_cycles": 9.0, "interval_cycles": 4.0}, 3.5, {"fc": COUNTS},
    (FACTS, replace(FACTS, stage="b", stream=True, multipliers=())),
)  # fmt: skip


def drawn(number: int) -> labelled.Run:
    """A design of one stage whose counts follow from its facts, but for what no fit can tell."""
    random = np.random.default_rng(number)
    facts = replace(
        FACTS,
        adder_bits=int(random.integers(100, 2000)),
        register_bits=int(random.integers(100, 900)),
        memories=(),
    )
    lut = 0.9 * facts.adder_bits * float(np.exp(random.normal(0, 0.05)))
    counts = {**COUNTS, "lut": lut, "ff": 1.0 * facts.register_bits, "bram_18k": 0.0}
    return replace(
        RUN,
        design=f"net_{number}",
        held_out=number % 3 == 0,
        facts=(facts,),
        figures={**RUN.figures, **counts},
        stages={"fc": counts},
    )


def test_table_round_trips(tmp_path: Path) -> None:
    runs = [RUN, replace(RUN, design="net_1", held_out=True)]
    labelled.write(tmp_path / "t.csv", runs)
    assert labelled.read(tmp_path / "t.csv") == runs


def test_a_damaged_table_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    labelled.write(path, [RUN])
    path.write_text(path.read_text().replace("matvec", "mat\\vec"))
    with pytest.raises(DataError, match=r"t\.csv: cannot be read as a table of runs"):
        labelled.read(path)


def test_yosys_prices_are_written(tmp_path: Path) -> None:
    labelled.write(tmp_path / "t.csv", [drawn(n) for n in range(90)])
    call = ["yosys", "--table", str(tmp_path / "t.csv"), "--out", str(tmp_path)]
    assert calibrate.main([*call, "--date", "2026-01-02"]) == 0
    data = json.loads((tmp_path / "yosys.json").read_text())
    assert data["rates"]["lut"]["chain_bit"] == pytest.approx(0.9, rel=0.1)
    assert data["fit"]["lut"]["n"] == 60
    assert data["fit"]["lut"]["held_out"]["n"] == 30
    assert data["fit"]["lut"]["held_out"]["smape"] < 6
    assert data["fit"]["ff"]["held_out"]["smape"] < 1
    assert data["fit"]["dsp"] == {"n": 90, "exact": 1.0}
    assert 0.8 <= data["fit"]["lut"]["coverage_of_90_percent_intervals"] <= 1.0
    assert data["date"] == "2026-01-02"


def test_a_table_without_held_out_designs_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    labelled.write(tmp_path / "t.csv", [replace(drawn(n), held_out=False) for n in range(9)])
    call = ["yosys", "--table", str(tmp_path / "t.csv"), "--out", str(tmp_path)]
    assert calibrate.main(call) == 2
    assert "and others that are held out" in capsys.readouterr().err


def test_a_missing_table_ends_in_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert calibrate.main(["yosys", "--table", str(tmp_path / "no.csv")]) == 2
    assert "no.csv: cannot be read" in capsys.readouterr().err


def test_yosys_prices_are_those_of_the_table_in_the_package(tmp_path: Path) -> None:
    assert calibrate.main(["yosys", "--out", str(tmp_path)]) == 0
    made = json.loads((tmp_path / "yosys.json").read_text())
    kept = json.loads((FOLDER / "yosys.json").read_text())
    assert {**made, "date": kept["date"]} == kept


def test_yosys_prices_on_designs_that_they_were_not_fitted_to() -> None:
    fitted = json.loads((FOLDER / "yosys.json").read_text())["fit"]
    for figure in ("lut", "ff"):
        assert fitted[figure]["held_out"]["n"] >= 300
        assert fitted[figure]["held_out"]["smape"] <= 15
        assert 0.85 <= fitted[figure]["coverage_of_90_percent_intervals"] <= 0.95
    for figure in ("dsp", "bram_18k"):
        assert fitted[figure]["exact"] >= 0.95


def unfitted() -> YosysEstimator:
    """Rates by construction of the fabric, as for a tool that nothing was measured of yet."""
    flat = {"noise": 0.1, "strange": 0.1, "small": 0, "kinds": {"": [0, 0]}}
    prices = Prices("yosys", "0", BELIEF, {}, "", "", {}, kinds=dict.fromkeys(("lut", "ff"), flat))
    return YosysEstimator("yosys", prices)


def evidence(run: labelled.Run) -> Evidence:
    """What that estimator says of a design that Yosys counted."""
    estimator, where = unfitted(), target(run.part, run.clock_period_ns)
    parts = parts_of(run.facts, [estimator.price(facts, where) for facts in run.facts])
    return Evidence(parts, {name: run.figures[name] for name in ("lut", "ff")})


def missed(one: Evidence, correction: Correction) -> float:
    return abs(math.log(correction.apply(one.parts)["lut"] / one.measured["lut"]))


def test_what_yosys_counted_brings_designs_that_it_has_not_seen_nearer() -> None:
    runs = [run for run in labelled.read(labelled.TABLE) if run.figures["lut"] > 100]
    seen = [evidence(run) for run in runs if not run.held_out]
    unseen = [evidence(run) for run in runs if run.held_out]
    errors = []
    for k in (0, len(seen)):
        correction = learn(seen[:k])
        errors.append(float(np.mean([missed(one, correction) for one in unseen])))
    assert errors[1] < 0.97 * errors[0]


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
        kept = json.loads((FOLDER / f"{tool}.json").read_text())
        assert {**made, "date": kept["date"]} == kept
