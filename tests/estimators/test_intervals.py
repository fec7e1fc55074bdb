"""Intervals: what they cover, how strata fall back, what a whole report carries."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from converter.facts import Facts
from converter.parts import target
from converter.report import Fidelity
from estimators.conformal import CONFIDENCE
from estimators.hls import STAGES, hls_estimator
from estimators.intervals import (
    FIDELITIES,
    LEAST,
    SMALL,
    UNSEEN,
    Residual,
    around,
    coverage,
    residual,
    weighted_quantile,
    widths,
)

PARALLEL = ("csynth", "io_parallel")


def drawn(owner: str, n: int, spread: float, seed: int) -> list[Residual]:
    logs = np.random.default_rng(seed).normal(0, spread, n)
    return [Residual(owner, PARALLEL, "lut", float(log)) for log in logs]


def test_new_designs_of_known_owners_are_covered_as_promised() -> None:
    names = [f"owner{k}" for k in range(6)]
    spreads = dict(zip(names, (0.05, 0.1, 0.1, 0.2, 0.3, 0.4), strict=True))
    sizes = dict(zip(names, (700, 40, 30, 24, 60, 50), strict=True))
    seen = [r for k, n in enumerate(names) for r in drawn(n, sizes[n], spreads[n], k)]
    unseen = [r for k, n in enumerate(names) for r in drawn(n, 4000, spreads[n], 100 + k)]
    assert 0.85 <= coverage(unseen, widths(seen))["lut"] <= 0.95


def test_every_owner_weighs_alike() -> None:
    many, few = drawn("sweep", 900, 0.01, 1), [Residual("net", PARALLEL, "lut", 0.8)]
    assert weighted_quantile([*many, *few], CONFIDENCE) == 0.8


def test_a_stratum_of_too_few_owners_borrows_wider_ones() -> None:
    known = [Residual(f"o{k}", PARALLEL, "ff", 0.2) for k in range(4)]
    found = widths([*known, Residual("o9", ("csynth", "io_stream"), "ff", 0.1)])
    assert set(found) == set(FIDELITIES)
    assert found["csynth"]["io_parallel"]["ff"] == 0.2
    assert found["csynth"]["io_stream"]["ff"] == pytest.approx(0.2 * UNSEEN)
    assert found["place_and_route"]["io_stream"]["ff"] == pytest.approx(0.2 * UNSEEN**2)


def test_exact_rules_are_not_trusted_without_end() -> None:
    known = [Residual(f"o{k}", PARALLEL, "dsp", 0.0) for k in range(5)]
    assert widths(known)["csynth"]["io_parallel"]["dsp"] == LEAST["dsp"]


def test_a_figure_without_residuals_has_the_widest() -> None:
    found = widths(drawn("one", 5, 0.1, 3))
    assert found["csynth"]["io_parallel"]["dsp"] == pytest.approx(math.log(2) * UNSEEN**3, abs=1e-4)


@pytest.mark.parametrize("figure", sorted(SMALL))
@pytest.mark.parametrize("value", [0, 1, 7, 1e6])
def test_an_interval_holds_its_estimate_and_what_is_as_near(figure: str, value: float) -> None:
    low, high = around(figure, value, 0.3)
    assert 0 <= low <= value <= high
    near = residual("o", PARALLEL, figure, value, high)
    assert abs(near.log) <= 0.3 + 1 / (value + SMALL[figure])


def test_a_version_without_reports_is_said_and_widens() -> None:
    facts = Facts("fc", "matvec", "latency", 1, 16, 8, 16, 16, 0, 1, weight_width=8,
                  accum_width=16, weights=128, nonzero_weights=120, csd_digits=300,
                  dsp_constants=60)  # fmt: skip
    known = hls_estimator("vitis", "2023.1")
    where = target("xcvu9p")
    neighbour = replace(known, meant="2023.2")
    narrow, wide = (e.total([facts], [e.price(facts, where)], where) for e in (known, neighbour))
    assert (narrow.lut, len(narrow.notes)) == (wide.lut, 1)
    assert "no report of vitis 2023.2 was at hand: the prices are of 2023.1" in wide.notes[1]
    assert wide.intervals["lut"][1] > narrow.intervals["lut"][1]


@pytest.mark.parametrize("stage", sorted(STAGES))
@pytest.mark.parametrize("tool", ["vitis", "vivado"])
def test_prices_carry_intervals_for_every_stage(tool: str, stage: str) -> None:
    estimator = hls_estimator(tool, stage=stage)
    assert (
        estimator.fidelity
        is Fidelity[
            {"csynth": "CSYNTH", "logic": "LOGIC_SYNTHESIS", "route": "PLACE_AND_ROUTE"}[stage]
        ]
    )
    by_io = estimator.prices.intervals[estimator.fidelity.name.lower()]
    for figures in by_io.values():
        assert set(figures) == set(SMALL)
        assert all(width >= 0 for width in figures.values())
