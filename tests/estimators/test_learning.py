"""What measured designs teach the estimates."""

from __future__ import annotations

import math
import random

import numpy as np
import pytest

from estimators.conformal import interval, quantile, score
from estimators.learning import Correction, Evidence, Learned, Parts, Prior, learn

TRUE = {"matvec": 1.5, "softmax": 0.7, "requantize": 1.0}


def design(rng: np.random.Generator, noise: float = 0.05) -> Evidence:
    """LUTs by kind, and what a tool counts whose factors are ``TRUE``."""
    parts = {kind: {"lut": float(rng.uniform(200, 3000))} for kind in TRUE}
    counted = sum(TRUE[kind] * own["lut"] for kind, own in parts.items())
    return Evidence(parts, {"lut": counted * math.exp(rng.normal(0, noise))})


def errors(correction: Correction, designs: list[Evidence]) -> float:
    return float(
        np.mean(
            [abs(math.log(correction.apply(d.parts)["lut"] / d.measured["lut"])) for d in designs]
        )
    )


def test_the_factor_of_each_kind_is_found_from_totals_alone() -> None:
    rng = np.random.default_rng(1)
    learned = learn([design(rng) for _ in range(60)]).learned["lut"]
    for kind, factor in TRUE.items():
        assert learned.factor(kind) == pytest.approx(factor, rel=0.08)


def test_unseen_designs_are_nearer_the_more_was_measured() -> None:
    rng = np.random.default_rng(2)
    unseen, seen = [design(rng) for _ in range(40)], [design(rng) for _ in range(30)]
    before, few, many = (errors(learn(seen[:k]), unseen) for k in (0, 3, 30))
    assert many < few < before
    assert many < 0.06 < before


def test_one_design_moves_the_estimate_a_part_of_the_way() -> None:
    one = Evidence({"matvec": {"lut": 1000.0}}, {"lut": 2000.0})
    assert 1.2 < learn([one]).apply(one.parts)["lut"] / 1000 < 2.0


def test_order_does_not_matter() -> None:
    rng = np.random.default_rng(3)
    designs = [design(rng) for _ in range(12)]
    shuffled = random.Random(5).sample(designs, len(designs))
    parts: Parts = {"matvec": {"lut": 900.0}, "join": {"lut": 10.0}}
    assert learn(designs).apply(parts) == learn(shuffled).apply(parts)


def test_a_kind_that_was_never_measured_takes_what_all_share() -> None:
    designs = [Evidence({k: {"lut": 500.0}}, {"lut": 750.0}) for k in ("a", "b", "c", "d")]
    learned = learn(designs).learned["lut"]
    assert 1.2 < learned.factor("new") < 1.5
    assert learned.spread({"new": 500.0}) > learned.spread({"a": 500.0})


def test_intervals_narrow_as_evidence_comes() -> None:
    rng = np.random.default_rng(4)
    seen, parts = [design(rng) for _ in range(40)], design(rng).parts
    prior = {"lut": Prior(0.3, 0.3, 0.1)}
    widths = []
    for k in (0, 4, 40):
        low, high = learn(seen[:k], prior).intervals(parts)["lut"]
        widths.append(math.log(high / low))
    assert widths == sorted(widths, reverse=True)
    assert widths[-1] < widths[0] / 2


def test_intervals_cover_what_is_measured() -> None:
    rng = np.random.default_rng(6)
    correction = learn([design(rng, 0.1) for _ in range(60)])
    inside = 0
    for one in (design(rng, 0.1) for _ in range(400)):
        low, high = correction.intervals(one.parts)["lut"]
        inside += low <= one.measured["lut"] <= high
    assert 0.85 <= inside / 400 <= 0.97


def test_nothing_measured_corrects_nothing() -> None:
    assert learn([]).apply({"matvec": {"lut": 5.0}}) == {"lut": 5.0}
    assert learn([]).spread("lut", {"matvec": {"lut": 5.0}}) is None
    assert learn([]).intervals({"matvec": {"lut": 5.0}}) == {}


def test_no_factor_turns_nothing_into_something() -> None:
    learned = learn([Evidence({"matvec": {"dsp": 0.0, "lut": 10.0}}, {"dsp": 3.0, "lut": 10.0})])
    assert "dsp" not in learned.learned
    assert learned.apply({"matvec": {"dsp": 0.0}}) == {"dsp": 0.0}


def test_factors_are_written_and_read() -> None:
    rng = np.random.default_rng(7)
    learned = learn([design(rng) for _ in range(9)]).learned["lut"]
    read = Learned.from_json(learned.to_json())
    assert read.kinds == learned.kinds
    for kind in (*TRUE, "new"):
        assert read.factor(kind) == pytest.approx(learned.factor(kind), rel=1e-3)


def test_a_quantile_of_too_few_scores_is_without_bound() -> None:
    assert quantile([0.1] * 8) == math.inf
    assert quantile([0.1 * k for k in range(1, 10)]) == pytest.approx(0.9)


def test_an_interval_holds_what_scores_less_than_its_width() -> None:
    low, high = interval("lut", 100.0, 0.3)
    for measured, inside in ((low, True), (high, True), (low - 1, False), (high + 1, False)):
        assert (score("lut", 100.0, measured) <= 0.3 + 1e-12) is inside
    assert interval("lut", 0.0, 0.3)[0] == 0.0
