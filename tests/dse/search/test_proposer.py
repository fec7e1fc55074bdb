"""Ladder and proposer: order, no repetition, resumption, and that it finds fronts."""

from __future__ import annotations

import functools
import itertools
import subprocess
import sys

import numpy as np
import pytest

from converter.errors import ConfigError, RunError
from converter.graph import Implementation, Strategy
from dse.pareto import hypervolume, nondominated
from dse.search.hardware import RESOURCES, Option, solve
from dse.search.ladder import STEPS, ladder, spanning_order
from dse.search.objectives import scaled, worth
from dse.search.proposer import SAMPLERS, Outcome, Proposer
from search_spaces import Kind, Knob, Space

GOALS = ("accuracy", "latency", "resources")


def _space(*choices: tuple[int, ...]) -> Space:
    knobs = [Knob(f"k{i}", Kind.WEIGHT, ((f"l{i}", "weight"),), c) for i, c in enumerate(choices)]
    return Space("s", tuple(knobs))


WIDE = _space(*[tuple(range(2, 11))] * 4)


def _toy(values) -> tuple[float, ...]:
    widths = np.array(list(values.values()))
    return float((0.5**widths).sum()), float(widths.sum()), float(widths.max())


def _samplers():
    heavy = {"gp"}  # wants PyTorch
    return [pytest.param(s, marks=pytest.mark.slow) if s in heavy else s for s in SAMPLERS]


def _proposer(space, sampler="tpe", seed=0):
    try:
        return Proposer(space, GOALS, seed, sampler)
    except ConfigError as error:
        pytest.skip(str(error))


def _ask_and_tell(proposer, count):
    asked = []
    for _ in range(count):
        proposal = proposer.ask()
        proposer.tell(proposal.number, _toy(proposal.values))
        asked.append(proposal)
    return asked


def test_the_ladder_spans_the_range_at_once():
    widths = [rung["k0"] for rung in ladder(WIDE)]
    assert widths[:3] == [10, 2, 6]
    assert sorted(widths) == list(range(2, 11))
    assert all(len(set(rung.values())) == 1 for rung in ladder(WIDE))


def test_the_ladder_is_short_and_takes_the_nearest_width():
    many = ladder(_space(tuple(range(1, 40)), (4, 8)))
    assert len(many) == STEPS
    assert {rung["k1"] for rung in many} == {4, 8}
    assert [r["k1"] for r in ladder(_space((6,), (4, 8)))] == [8, 4]  # the wider of two
    assert ladder(Space("none", ())) == ({},)


@pytest.mark.parametrize("count", range(1, 13))
def test_spanning_order_is_a_permutation(count):
    assert sorted(spanning_order(count)) == list(range(count))


@pytest.mark.parametrize("sampler", _samplers())
def test_starts_with_the_ladder_and_repeats_nothing(sampler):
    asked = _ask_and_tell(_proposer(WIDE, sampler), 40)
    steps = ladder(WIDE)
    assert [dict(p.values) for p in asked[: len(steps)]] == list(steps)
    assert [p.number for p in asked] == list(range(40))
    assert len({tuple(p.values.values()) for p in asked}) == 40
    for proposal in asked:
        WIDE.check(proposal.values)


@pytest.mark.parametrize("sampler", _samplers())
def test_a_small_space_is_enumerated_and_then_exhausted(sampler):
    space = _space((2, 4, 8), (3, 5), (1, 2, 3, 4))
    proposer = _proposer(space, sampler)
    asked = _ask_and_tell(proposer, space.size)
    assert len({tuple(p.values.values()) for p in asked}) == space.size == 24
    assert proposer.exhausted
    with pytest.raises(RunError, match="all 24 settings of the space were proposed"):
        proposer.ask()


@pytest.mark.parametrize("sampler", ["tpe", "nsga2", "random"])
def test_the_same_seed_proposes_the_same(sampler):
    first, second = (_ask_and_tell(_proposer(WIDE, sampler, 7), 30) for _ in range(2))
    assert first == second
    assert _ask_and_tell(_proposer(WIDE, sampler, 8), 30) != first


@pytest.mark.parametrize("sampler", ["tpe", "random"])
def test_a_resumed_run_goes_on_as_if_it_had_not_stopped(sampler):
    whole = _ask_and_tell(_proposer(WIDE, sampler, 3), 35)
    resumed = _proposer(WIDE, sampler, 3)
    resumed.replay([Outcome(p.number, p.values, _toy(p.values)) for p in whole[:20]])
    assert _ask_and_tell(resumed, 15) == whole[20:]


def test_replay_skips_what_the_ladder_had():
    proposer = _proposer(WIDE)
    steps = ladder(WIDE)
    proposer.replay([Outcome(4, steps[1], None, failed=True), Outcome(2, steps[0], _toy(steps[0]))])
    proposal = proposer.ask()
    assert (proposal.number, proposal.values) == (5, steps[2])


def test_replay_of_another_space_is_refused():
    with pytest.raises(ConfigError, match="k0=99 is not in the space s; there are: 2, 3"):
        _proposer(WIDE).replay([Outcome(0, {"k0": 99, "k1": 2, "k2": 2, "k3": 2}, None)])


def test_workers_ask_ahead():
    proposer = _proposer(WIDE)
    asked = [proposer.ask() for _ in range(30)]
    assert len({tuple(p.values.values()) for p in asked}) == 30
    for proposal in reversed(asked):
        proposer.tell(proposal.number, _toy(proposal.values))
    with pytest.raises(RunError, match="setting 3 was not proposed, or its outcome is known"):
        proposer.tell(3, (1.0, 1.0, 1.0))


def test_outcomes_without_figures():
    proposer = _proposer(WIDE)
    for _ in range(3):
        proposer.ask()
    proposer.tell(0, None, failed=True)
    proposer.tell(1, None, {"hardware": 1.0})  # nothing seen yet that it could stand with
    with pytest.raises(RunError, match="must break a constraint, or have failed"):
        proposer.tell(2, None, {"hardware": -1.0})


def test_wrong_objectives_are_refused():
    proposer = _proposer(WIDE)
    proposer.ask()
    with pytest.raises(RunError, match="3 finite objectives needed; got"):
        proposer.tell(0, (1.0, float("nan"), 2.0))


def test_an_unknown_sampler_is_refused():
    with pytest.raises(ConfigError, match=r"sampler: there is no tpee; did you mean tpe\?"):
        Proposer(WIDE, GOALS, 0, "tpee")


def test_constraints_steer_the_sampler():
    """Only narrow settings are feasible; the sampler moves there, chance does not."""

    def narrow(sampler: str) -> int:
        proposer = _proposer(WIDE, sampler)
        hits = 0
        for _ in range(80):
            proposal = proposer.ask()
            excess = sum(proposal.values.values()) - 14
            proposer.tell(
                proposal.number, _toy(proposal.values) if excess <= 0 else None, {"lut": excess}
            )
            hits += excess <= 0
        return hits

    assert narrow("tpe") > 1.5 * narrow("random")


def test_optuna_is_imported_when_it_is_needed_and_is_silent():
    code = (
        "import sys, dse.search.proposer as p\n"
        "assert 'optuna' not in sys.modules\n"
        "from search_spaces import Kind, Knob, Space\n"
        "q = p.Proposer(Space('s', (Knob('k', Kind.WEIGHT, (), (1, 2)),)), ['a', 'b'], 0)\n"
        "q.tell(q.ask().number, (1.0, 2.0), {'c': 0.5}); q.ask()\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


PART = dict.fromkeys(RESOURCES, 1e5)
NET = _space((2, 3, 4, 6, 8), (2, 3, 4, 6, 8), (2, 3, 4, 6, 8), (3, 4, 6, 8))
HARDWARE = ("latency", "resources")


@functools.cache
def _front(key: tuple[int, ...]) -> np.ndarray:
    """Loss and scaled hardware front of a setting of three layers' weights and one result."""
    *weights, result = key
    steps = 3.0 ** (2 - np.array(weights)) * [1.0, 0.4, 1.6]
    error = steps.sum() + 2.0 ** (2 - result) * (0.5 + steps[1])
    options = {
        f"l{i}": [_option(512 >> i, width * result, 2**k) for k in range(8)]
        for i, width in enumerate(weights)
    }
    front = scaled(HARDWARE, solve(options, HARDWARE, PART).vectors(HARDWARE))
    return np.hstack([np.full((len(front), 1), error / (1 + error)), front])


def _option(multiplications: int, bits: int, reuse: int) -> Option:
    luts = multiplications / reuse * (bits + 4) + 60 + (reuse > 1) * 2 * bits
    return Option(Implementation(Strategy.RESOURCE, reuse), reuse + 4, reuse, luts, 0)


@pytest.fixture(scope="module")
def truth():
    """The reference, and the volume of the exhaustive front of all 500 settings."""
    every = np.vstack([_front(key) for key in itertools.product(*(k.choices for k in NET.knobs))])
    ref = np.array([0.6, every[:, 1].max() + 0.1, every[:, 2].max() + 0.1])
    return ref, hypervolume(every[nondominated(every)], ref)


def _volume(points, truth) -> float:
    ref, whole = truth
    return hypervolume(points, ref) / whole


def _split_search(seed: int, count: int, sampler="tpe") -> np.ndarray:
    proposer, found = Proposer(NET, ("accuracy", "hardware"), seed, sampler), np.empty((0, 3))
    for _ in range(count):
        proposal = proposer.ask()
        front = _front(tuple(proposal.values.values()))
        figures = np.exp2(front[:, 1]), 10 ** front[:, 2]
        volume = worth(HARDWARE, np.stack(figures, axis=1))
        proposer.tell(proposal.number, (front[0, 0], volume))
        found = np.vstack([found, front])
    return found


def _joint_random(seed: int, count: int) -> np.ndarray:
    """A random setting with random hardware, per evaluation: one point."""
    rng = np.random.default_rng(seed)
    keys = [tuple(int(rng.choice(k.choices)) for k in NET.knobs) for _ in range(count)]
    points = []
    for key in keys:
        *weights, result = key
        picks = [_option(512 >> i, w * result, 2 ** rng.integers(8)) for i, w in enumerate(weights)]
        only = {f"l{i}": [pick] for i, pick in enumerate(picks)}
        row = scaled(HARDWARE, solve(only, HARDWARE, PART).vectors(HARDWARE))[0]
        points.append((_front(key)[0, 0], *row))
    return np.array(points)


@pytest.mark.parametrize("seed", range(3))
def test_the_split_is_far_ahead_of_a_random_joint_search(seed, truth):
    ours, chance = _volume(_split_search(seed, 25), truth), _volume(_joint_random(seed, 25), truth)
    assert ours > 0.95
    assert chance < 0.85
    assert _volume(_joint_random(seed, 400), truth) < ours  # sixteen times the evaluations


def test_the_sampler_goes_on_from_the_ladder(truth):
    volumes = [_volume(_split_search(0, n), truth) for n in (3, len(ladder(NET)), 25, 60)]
    assert volumes == sorted(volumes)
    assert volumes[-1] > 0.98
