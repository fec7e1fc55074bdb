"""The exact hardware solver: equality with trying every combination."""

from __future__ import annotations

import itertools
import time

import numpy as np
import pytest

from converter.errors import ConfigError, RunError
from converter.graph import Implementation, Strategy
from dse.pareto import nondominated
from dse.search import hardware
from dse.search.hardware import (
    FIGURES,
    OBJECTIVES,
    RESOURCES,
    HardwareFront,
    Option,
    options_of,
    solve,
)
from dse.search.streams import solve_streams
from estimators.batch import ChoiceTable

PART = {"lut": 100.0, "ff": 200.0, "dsp": 20.0, "bram_18k": 10.0, "uram": 0.0}


def _option(rng: np.random.Generator, number: int) -> Option:
    """Figures that are whole numbers, so that sums are exact in every order."""
    uram = int(rng.random() < 0.05)
    values = rng.integers(0, [40, 20, 60, 100, 10, 6])
    return Option(Implementation(Strategy.RESOURCE, number + 1), *values.tolist(), uram)


def _every_design(options, capacity, limits):
    """All combinations that meet the limits: choices and figures."""
    designs = []
    for combination in itertools.product(*options.values()):
        rows = np.array([[getattr(o, f) for f in FIGURES] for o in combination], dtype=float)
        figures = dict(zip(FIGURES, rows.sum(axis=0), strict=True))
        figures["interval_cycles"] = rows[:, 1].max()
        figures["resources"] = max(
            (figures[r] / capacity[r] if capacity[r] else np.inf) if figures[r] else 0.0
            for r in RESOURCES
        )
        fits = all(figures[r] <= capacity[r] for r in RESOURCES)
        if fits and all(figures[OBJECTIVES[n]] <= v for n, v in limits.items()):
            designs.append(
                ({n: o.choice for n, o in zip(options, combination, strict=True)}, figures)
            )
    return designs


def _brute_front(options, objectives, capacity, limits):
    designs = _every_design(options, capacity, limits)
    values = np.array([[f[OBJECTIVES[o]] for o in objectives] for _, f in designs])
    if not designs:
        return []
    return sorted(map(tuple, values[nondominated(values)].tolist()))


def _random_instance(seed):
    rng = np.random.default_rng(seed)
    options = {
        f"stage{i}": [_option(rng, k) for k in range(rng.integers(1, 6))]
        for i in range(rng.integers(1, 5))
    }
    count = int(rng.integers(1, 5))
    objectives = [str(o) for o in rng.permutation(list(OBJECTIVES))[:count]]
    names = rng.permutation(list(OBJECTIVES))[: rng.integers(0, 3)]
    scale = {"latency": 120, "interval": 20, "resources": 1, "lut": 150, "ff": 250}
    limits = {str(n): float(rng.random() * scale.get(str(n), 30)) for n in names}
    capacity = PART if rng.random() < 0.5 else dict.fromkeys(RESOURCES, 1000.0)
    return options, objectives, capacity, limits


@pytest.mark.parametrize("block", range(10))
def test_equals_brute_force_on_a_thousand_instances(block):
    empty = 0
    for seed in range(100 * block, 100 * block + 100):
        options, objectives, capacity, limits = _random_instance(seed)
        front = solve(options, objectives, capacity, limits)
        expected = _brute_front(options, objectives, capacity, limits)
        assert list(map(tuple, front.vectors(objectives).tolist())) == expected, seed
        assert front.exact
        assert bool(front.reason) == (front.excess > 0) == (not expected)
        empty += not expected
        _figures_are_those_of_the_choices(front, options, capacity, limits)
    assert 0 < empty < 90  # both kinds are among them


@pytest.mark.parametrize("block", range(3))
def test_bounding_loses_nothing(block, monkeypatch):
    """Bounds from the second stage on, where they are a hundred times more than needed."""
    monkeypatch.setattr(hardware, "BOUND_ABOVE", 0)
    for seed in range(100 * block, 100 * block + 100):
        options, objectives, capacity, limits = _random_instance(seed)
        objectives = [["latency", "resources"], ["interval", "resources", "latency"], objectives][
            block
        ]
        front = solve(options, objectives, capacity, limits)
        expected = _brute_front(options, objectives, capacity, limits)
        assert list(map(tuple, front.vectors(objectives).tolist())) == expected, seed
        _figures_are_those_of_the_choices(front, options, capacity, limits)


def test_bounding_loses_nothing_in_deep_networks(monkeypatch):
    """Against merging without bounds, which the thousand instances hold to brute force."""
    part = {"lut": 1182240, "ff": 2364480, "dsp": 6840, "bram_18k": 4320, "uram": 960}
    goals = ["latency", "interval", "resources"]
    with_bounds = solve(_plausible(7), goals, part, {"resources": 0.5})
    monkeypatch.setattr(hardware, "BOUND_ABOVE", 10**9)
    without = solve(_plausible(7), goals, part, {"resources": 0.5})
    assert with_bounds.vectors(goals).tolist() == without.vectors(goals).tolist()


def _figures_are_those_of_the_choices(front: HardwareFront, options, capacity, limits):
    for point in front.points:
        chosen = {
            name: [o for o in group if o.choice == point.choices[name]]
            for name, group in options.items()
        }
        ((choices, figures),) = _every_design(chosen, capacity, limits)
        assert choices == point.choices
        assert figures == point.figures


def _simple(latency, lut, dsp, factor=1, **rest):
    return Option(Implementation(Strategy.RESOURCE, factor), latency, factor, lut, 0, dsp, **rest)


TWO = {
    "fc1": [_simple(2, 50, 8), _simple(9, 20, 4, 2), _simple(30, 10, 0, 4)],
    "fc2": [_simple(3, 40, 6), _simple(8, 12, 2, 2)],
}


def test_a_limit_that_no_design_meets_is_named_with_what_is_attainable():
    front = solve(TWO, ["latency", "resources"], PART, {"dsp": 1, "latency": 4})
    assert not front.points
    assert front.reason == (
        "latency is at least 5, and 4 is the limit; dsp is at least 2, and 1 is the limit"
    )
    assert front.excess == pytest.approx(np.log2(3 / 2))  # dsp: 2 for 1, counted with one more


def test_limits_that_only_clash_together_say_what_would_do():
    front = solve(TWO, ["latency", "resources"], PART, {"dsp": 4, "latency": 20})
    assert front.reason == (
        "no design meets all limits at once; one would with latency 38 instead of 20, "
        "or with dsp 6 instead of 4"
    )
    assert front.excess == pytest.approx(np.log2(7 / 5))  # the nearer of the two


def test_limits_of_which_more_than_one_must_give():
    front = solve(TWO, ["latency"], PART, {"dsp": 4, "latency": 20, "lut": 30, "interval": 2})
    assert front.reason == "no design meets all limits at once, nor all but one of them"
    assert front.excess > 0


def test_of_equal_designs_the_one_that_uses_least_is_chosen():
    options = {"a": [_simple(1, 9, 1, 1), _simple(1, 3, 1, 2), _simple(1, 5, 1, 4)]}
    (point,) = solve(options, ["dsp"], PART).points
    assert point.choices["a"].reuse_factor == 2


def test_a_fixed_cost_is_a_stage_with_one_option():
    options = {**TWO, "overhead": [Option(Implementation(), 1, 1, 7, 0)]}
    plain, more = (solve(o, ["latency"], PART).points[0].figures for o in (TWO, options))
    assert (more["latency_cycles"], more["lut"]) == (plain["latency_cycles"] + 1, plain["lut"] + 7)


def test_wrong_calls_are_refused():
    with pytest.raises(ConfigError, match="watts: not a figure of hardware; there are: latency"):
        solve(TWO, ["watts"], PART)
    with pytest.raises(ConfigError, match="capacity: uram is missing"):
        solve(TWO, ["latency"], {"lut": 1, "ff": 1, "dsp": 1, "bram_18k": 1})
    with pytest.raises(ConfigError, match="lut: the limit must be 0 or more; got -1"):
        solve(TWO, ["latency"], PART, {"lut": -1})
    with pytest.raises(ConfigError, match="needs an objective, a stage"):
        solve({}, ["latency"], PART)
    bad = {"fc1": [Option(Implementation(), 1, 1, float("nan"), 0)]}
    with pytest.raises(RunError, match="fc1: a figure of an option is negative or not finite"):
        solve(bad, ["latency"], PART)


def test_options_are_the_rows_of_a_table():
    choices = (Implementation(), Implementation(Strategy.RESOURCE, 2))
    rows = np.array([[6.0, 7, 1, 2, 3, 4, 5], [8, 9, 0, 1, 2, 3, 4]])
    first, second = options_of(ChoiceTable("fc1", choices, rows, ({}, {})))
    assert (first.choice, first.latency_cycles, first.lut, first.uram) == (choices[0], 6, 1, 5)
    assert (second.choice, second.interval_cycles, second.dsp) == (choices[1], 9, 2)


def _wild(stages, seed=0):
    """Tables with no structure at all: figures that have nothing to do with each other."""
    rng = np.random.default_rng(seed)
    return {
        f"s{i}": [
            Option(Implementation(Strategy.RESOURCE, k + 1), *rng.integers(1, 1000, 6).tolist())
            for k in range(12)
        ]
        for i in range(stages)
    }


WIDE = dict.fromkeys(RESOURCES, 1e4)


def test_past_the_guard_the_front_is_stamped_and_keeps_its_promise(monkeypatch):
    options, objectives = _wild(6), ["latency", "resources"]
    exact = solve(options, objectives, WIDE)
    monkeypatch.setattr(hardware, "GUARD", 1000)
    monkeypatch.setattr(hardware, "BOUND_ABOVE", 10**9)
    thinned = solve(options, objectives, WIDE)
    assert exact.exact
    assert exact.loss == 0.0
    assert not thinned.exact
    assert 0 < thinned.loss < 1
    ours, best = thinned.vectors(objectives), exact.vectors(objectives)
    for point in best:  # within the stated loss of each exact point there is one of ours
        assert (ours <= point * (1 + thinned.loss) * (1 + 1e-12)).all(axis=1).any()


def _plausible(stages):
    """Dense layers priced by simple rules: reuse trades latency for multipliers and memories."""
    rng = np.random.default_rng(1)

    def option(reuse: int) -> Option:
        mult = 1024 / reuse
        luts = round(mult * 40 * rng.uniform(0.8, 1.2)) + 900
        brams = round(mult / 5) if reuse >= 4 else 0
        choice = Implementation(Strategy.RESOURCE, reuse)
        dsps = round(mult * rng.uniform(0.1, 1))
        return Option(choice, reuse + 5, reuse, luts, round(luts * 0.9), dsps, brams)

    return {f"s{i}": [option(2**k) for k in range(12)] for i in range(stages)}


@pytest.mark.parametrize(("stages", "seconds"), [(4, 0.05), (10, 1.0)])
def test_takes_milliseconds(stages, seconds):
    part = {"lut": 1182240, "ff": 2364480, "dsp": 6840, "bram_18k": 4320, "uram": 960}
    options = _plausible(stages)
    times = []
    for _ in range(3):  # processor time: other work on the machine is not ours
        start = time.process_time()
        front = solve(options, ["latency", "resources"], part, {"resources": 0.8})
        times.append(time.process_time() - start)
    assert front.exact
    assert min(times) < seconds


def test_streams_take_their_tails_and_once_the_slowest_interval():
    """Against every combination, over latency and resources."""
    rng = np.random.default_rng(11)
    for _ in range(10):
        options = {f"s{i}": [_option(rng, k) for k in range(4)] for i in range(3)}
        front = solve_streams(options, ("latency", "lut"), PART, {"latency": 90.0})
        every = []
        for combination in itertools.product(*options.values()):
            latency = sum(o.latency_cycles for o in combination)
            latency += max(o.interval_cycles for o in combination)
            used = {n: sum(getattr(o, n) for o in combination) for n in RESOURCES}
            if latency <= 90 and all(used[n] <= PART[n] for n in RESOURCES):
                every.append((latency, used["lut"]))
        best = (
            sorted({tuple(p) for p in np.array(every)[nondominated(np.array(every))]})
            if every
            else []
        )
        assert sorted(map(tuple, front.vectors(("latency", "lut")))) == best


def test_a_stream_that_cannot_be_fast_enough_says_what_can_be_had():
    options = {"s": [Option(Implementation(), 5, 7, 1, 1), Option(Implementation(), 9, 2, 1, 1)]}
    front = solve_streams(options, ("latency", "lut"), PART, {"latency": 10.0})
    assert not front.points
    assert front.reason == "latency is at least 11, and 10 is the limit"
    assert front.excess > 0
