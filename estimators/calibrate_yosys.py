"""Fits the prices of our own Verilog under Yosys to a table of synthesis runs.

Stages were synthesised apart, so that each is a sample. Rates of the fabric are fitted first, by
least relative deviations; then each kind of stage gets a factor, which what is known of all kinds
holds back where it has few stages. Held-out designs take no part in either. They tell the errors,
and how wide intervals must be: that is tried with one half of them for the other.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from converter.errors import DataError
from converter.facts import Facts
from converter.parts import target
from estimators.base import kind_of
from estimators.conformal import quantile, score
from estimators.fitting import Sample, fit_beside, predict
from estimators.labelled import Run
from estimators.learning import Evidence, Learned, Prior, learn_figure
from estimators.metrics import smape
from estimators.price_files import Prices
from estimators.yosys import FEATURES, YosysEstimator, ff_features, lut_features

Features = Callable[[Facts], Mapping[str, float]]

EXTRACT: dict[str, Features] = {"lut": lut_features, "ff": ff_features}

BELIEF: dict[str, dict[str, float]] = {
    "lut": {
        "logic_lut": 1.0,
        "fifo_bit": 1.0,
        "fifo_pointer_bit": 9.0,
        "tree_bit": 0.93,
        "chain_bit": 0.93,
        "choice_bit": 0.5,
        "gate_bit": 0.25,
        "compare_bit": 0.5,
        "table_lut": 1.0,
        "ram_lut": 1.0,
        "shift_register_bit": 1.0,
        "control": 4.0,
    },
    "ff": {"register_bit": 1.0},
}
"""Rates by construction of the fabric: a LUT per bit of a carry chain (0.93 measured on three
dense layers), half a LUT per compared or selected bit. They hold where the runs say little.
"""

SMALL = 30.0
"""LUTs or flip-flops of a stage: real ones have hundreds."""

KINDS = {
    "lut": Prior(shared=0.05, kind=0.3, noise=0.1),
    "ff": Prior(shared=0.02, kind=0.05, noise=0.05),
}
"""Kinds differ in LUTs by what the counts do not tell of them; flip-flops are counted."""

ROUNDS = 3
"""Of fitting rates, then factors."""


@dataclass(frozen=True)
class Counted:
    """A stage, and what Yosys counted for it."""

    facts: Facts
    figures: Mapping[str, float]


def stages_of(runs: Sequence[Run]) -> list[Counted]:
    """All stages that were counted by themselves, equal ones once."""
    found = {}
    for run in runs:
        for facts in run.facts:
            if facts.stage in run.stages:
                found[replace(facts, stage="")] = Counted(facts, run.stages[facts.stage])
    return list(found.values())


@dataclass(frozen=True)
class Fit:
    """Rates of one figure, and factors by kind."""

    rates: Mapping[str, float]
    kinds: Learned

    def price(self, facts: Facts, features: Features) -> float:
        """Of one stage."""
        return predict(self.rates, features(facts)) * self.kinds.factor(kind_of(facts))

    def parts(self, run: Run, features: Features) -> dict[str, float]:
        """What each kind of stage of a run is estimated to take."""
        found: dict[str, float] = defaultdict(float)
        for facts in run.facts:
            found[kind_of(facts)] += self.price(facts, features)
        return dict(found)


def fit_figure(name: str, stages: Sequence[Counted]) -> Fit:
    """Rates and factors of one figure."""
    features = EXTRACT[name]
    prior = KINDS[name]
    flat = Learned((), np.zeros(1), np.zeros((1, 1)), prior.noise, prior.kind)
    found = Fit({}, flat)
    for _ in range(ROUNDS):
        samples = [_sample(one, features, name, found.kinds) for one in stages]
        rates = rounded(fit_beside(samples, {}, BELIEF[name], SMALL))
        bare = Fit(rates, flat)
        evidence = [
            Evidence({kind_of(one.facts): {name: bare.price(one.facts, features)}}, one.figures)
            for one in stages
        ]
        kinds = learn_figure(name, evidence, prior)
        found = Fit(rates, flat if kinds is None else Learned.from_json(kinds.to_json()))
    return found


def _sample(one: Counted, features: Features, figure: str, kinds: Learned) -> Sample:
    kind = kind_of(one.facts)
    factor = kinds.factor(kind)
    scaled = {name: factor * value for name, value in features(one.facts).items()}
    return Sample(scaled, one.figures[figure], kind)


def rounded(rates: Mapping[str, float]) -> dict[str, float]:
    """Four significant digits: more would be noise, and make the files unstable."""
    return {name: float(f"{rate:.4g}") for name, rate in sorted(rates.items())}


def calibrated(runs: Sequence[Run], date: str) -> dict[str, Any]:
    """The price file. Raises DataError for a table without designs of both sorts."""
    if {run.held_out for run in runs} != {False, True}:
        raise DataError("the table must have designs to fit to, and others that are held out")
    seen = [run for run in runs if not run.held_out]
    unseen = [run for run in runs if run.held_out]
    stages = stages_of(seen)
    fits = {name: fit_figure(name, stages) for name in FEATURES}
    scores = {name: _scores(fits[name], name, unseen) for name in FEATURES}
    version = runs[0].version
    return {
        "tool": "yosys",
        "default_version": version,
        "source": f"fitted to {len(stages)} stages of {len(seen)} designs of our own Verilog, "
        "estimators/data/yosys_designs.csv, made by benchmarks/yosys_table.py; errors are those on "
        f"{len(unseen)} others of the same kinds",
        "date": date,
        "rates": {name: fits[name].rates for name in FEATURES},
        "kinds": {name: fits[name].kinds.to_json() for name in FEATURES},
        "quantiles": {name: round(quantile(scores[name]), 4) for name in FEATURES},
        "versions": {version: {}},
        "fit": {name: _report(fits[name], name, seen, unseen, scores[name]) for name in FEATURES}
        | exact_counts(runs, version),
    }


def _scores(fitted: Fit, name: str, runs: Sequence[Run]) -> list[float]:
    """Errors over their expected size."""
    found = []
    for run in runs:
        parts = fitted.parts(run, EXTRACT[name])
        spread = fitted.kinds.spread(parts)
        found.append(score(name, sum(parts.values()), run.figures[name], spread))
    return found


def _report(
    fitted: Fit, name: str, seen: Sequence[Run], unseen: Sequence[Run], scores: Sequence[float]
) -> dict[str, Any]:
    by_kind: dict[str, list[Run]] = defaultdict(list)
    for run in unseen:
        by_kind[run.kind].append(run)
    return {
        "n": len(seen),
        "fitted": _errors(fitted, name, seen),
        "held_out": _errors(fitted, name, unseen),
        "coverage_of_90_percent_intervals": _coverage(scores),
        "held_out_by_kind": {k: _errors(fitted, name, own) for k, own in sorted(by_kind.items())},
    }


def _errors(fitted: Fit, name: str, runs: Sequence[Run]) -> dict[str, Any]:
    estimated = np.array([sum(fitted.parts(run, EXTRACT[name]).values()) for run in runs])
    counted = np.array([run.figures[name] for run in runs])
    return {"n": len(runs), "smape": round(smape(estimated, counted), 1)}


def _coverage(scores: Sequence[float]) -> float:
    """Of intervals that are as wide as the other half of the designs demands."""
    halves = scores[::2], scores[1::2]
    inside = [one <= quantile(other) for own, other in (halves, halves[::-1]) for one in own]
    return round(float(np.mean(inside)), 3)


def exact_counts(runs: Sequence[Run], version: str) -> dict[str, Any]:
    """How often what is not fitted agrees with Yosys, over all runs. Cycles are those of the
    schedule, which tests hold against simulation.
    """
    flat = {
        name: {"noise": 0.1, "strange": 0.1, "small": 0, "kinds": {"": [0, 0]}} for name in FEATURES
    }
    prices = Prices(
        "yosys", version, BELIEF, {}, "", "", {}, kinds=flat, quantiles=dict.fromkeys(FEATURES, 1.0)
    )
    estimator = YosysEstimator("yosys", prices)
    equal: Counter[str] = Counter()
    for run in runs:
        where = target(run.part, run.clock_period_ns)
        stages = [estimator.price(facts, where) for facts in run.facts]
        for name in ("dsp", "bram_18k"):
            equal[name] += sum(getattr(s, name) for s in stages) == run.figures[name]
    return {
        name: {"n": len(runs), "exact": round(equal[name] / len(runs), 3)}
        for name in ("dsp", "bram_18k")
    }
