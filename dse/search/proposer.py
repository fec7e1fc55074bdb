"""Proposes precision settings through Optuna's ask and tell; the only file that knows Optuna.

One trial is one setting of the accuracy knobs: hardware is solved exactly for each, and
the sampler sees a summary of that front. First comes a ladder of uniform settings, then
the sampler. A proposal depends on the seed, its number and what was told, and on nothing
else, so that a resumed run goes on as if it had not stopped. (NSGA-II alone is bound to the
generations of its own run: after a resume it starts them afresh from what is known.)
"""

from __future__ import annotations

import importlib.util
import itertools
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from converter.config import near
from converter.errors import ConfigError, RunError
from dse.search.ladder import ladder
from search_spaces import Space

if TYPE_CHECKING:
    import optuna

ENUMERATED = 4096
"""Settings of a space that is listed outright when the sampler only repeats itself."""

_ATTEMPTS = 4  # proposals of the sampler that may be old, before a neighbour is taken
_MUTATIONS = 64


@dataclass(frozen=True)
class Proposal:
    """A setting to evaluate: its number in the run, and the knobs' values."""

    number: int
    values: Mapping[str, int]


@dataclass(frozen=True)
class Outcome:
    """What became of a proposal; ``objectives`` None where there is no hardware within limits.

    ``constraints``: by name, at most 0 where held.
    """

    number: int
    values: Mapping[str, int]
    objectives: Sequence[float] | None
    constraints: Mapping[str, float] = field(default_factory=dict)
    failed: bool = False


def _tpe(seed: int) -> optuna.samplers.BaseSampler:
    import optuna

    return optuna.samplers.TPESampler(seed=seed, multivariate=True)


def _nsga2(seed: int) -> optuna.samplers.BaseSampler:
    import optuna

    return optuna.samplers.NSGAIISampler(seed=seed, population_size=20)


def _gp(seed: int) -> optuna.samplers.BaseSampler:
    import optuna

    if importlib.util.find_spec("torch") is None:
        raise ConfigError("sampler gp needs PyTorch: pip install torch; or choose tpe")
    return optuna.samplers.GPSampler(seed=seed)


def _random(seed: int) -> optuna.samplers.BaseSampler:
    import optuna

    return optuna.samplers.RandomSampler(seed=seed)


SAMPLERS: dict[str, Callable[[int], Any]] = {
    "tpe": _tpe,
    "nsga2": _nsga2,
    "gp": _gp,
    "random": _random,
}
"""By the name that ``--sampler`` takes: seed -> Optuna sampler."""


def check_sampler(name: str) -> None:
    """Raise ConfigError where there is no such sampler, or where what it needs is not here."""
    if name not in SAMPLERS:
        raise ConfigError(f"sampler: there is no {name}{near(name, SAMPLERS)}")
    SAMPLERS[name](0)


class Proposer:
    """The ledger of one run's settings: asked, told, never the same twice."""

    def __init__(
        self, space: Space, objectives: Sequence[str], seed: int, sampler: str = "tpe"
    ) -> None:
        check_sampler(sampler)
        self._space, self._seed, self._make = space, seed, SAMPLERS[sampler]
        self._objectives = tuple(objectives)
        self._seen: set[tuple[int, ...]] = set()
        self._open: dict[int, Any] = {}
        self._next = 0
        self._ladder = [self._key(values) for values in ladder(space)]
        self._worst: list[float] | None = None
        self._study = _study(len(self._objectives))
        self._distributions = _distributions(space)

    @property
    def exhausted(self) -> bool:
        """True when every setting of the space was proposed."""
        return len(self._seen) >= self._space.size

    def ask(self) -> Proposal:
        """The next setting. Raises RunError where none is left."""
        if self.exhausted:
            raise RunError(f"all {self._space.size} settings of the space were proposed")
        number, self._next = self._next, self._next + 1
        key = self._rung()
        self._open[number], key = (
            (self._trial(key), key) if key is not None else self._sampled(number)
        )
        self._seen.add(key)
        return Proposal(number, self._values(key))

    def tell(
        self,
        number: int,
        objectives: Sequence[float] | None,
        constraints: Mapping[str, float] | None = None,
        failed: bool = False,
    ) -> None:
        """The outcome of a proposal; ``objectives`` in the order given at the start, minimised.

        Without objectives there must be a constraint above 0, or ``failed``: the evaluation
        broke, of which the sampler learns nothing.
        """
        if number not in self._open:
            raise RunError(f"setting {number} was not proposed, or its outcome is known")
        trial = self._open.pop(number)
        self._conclude(trial, objectives, dict(constraints or {}), failed)

    def replay(self, outcomes: Iterable[Outcome]) -> None:
        """Take over what an earlier run found; nothing is evaluated again."""
        for outcome in sorted(outcomes, key=lambda o: o.number):
            self._space.check(outcome.values)
            key = self._key(outcome.values)
            self._seen.add(key)
            self._next = max(self._next, outcome.number + 1)
            constraints = dict(outcome.constraints)
            self._conclude(self._trial(key), outcome.objectives, constraints, outcome.failed)

    def _conclude(
        self,
        trial: Any,
        objectives: Sequence[float] | None,
        constraints: dict[str, float],
        failed: bool,
    ) -> None:
        from optuna.trial import TrialState

        values = None if failed else self._told(objectives, constraints)
        if values is None:
            self._study.tell(trial, state=TrialState.FAIL)
            return
        for name, value in constraints.items():
            trial.set_constraint(name, value)
        self._study.tell(trial, values)

    def _told(
        self, objectives: Sequence[float] | None, constraints: Mapping[str, float]
    ) -> list[float] | None:
        """Objectives for the study; None: nothing to learn from.

        Samplers rank settings that break a constraint by how far they break it; those without
        figures stand with the worst that were seen, so that no invented number distorts a scale.
        """
        if objectives is not None:
            values = [float(v) for v in objectives]
            if len(values) != len(self._objectives) or not np.isfinite(values).all():
                raise RunError(f"{len(self._objectives)} finite objectives needed; got {values}")
            self._worst = [max(p) for p in zip(values, self._worst or values, strict=True)]
            return values
        if not any(v > 0 for v in constraints.values()):
            raise RunError("a setting without objectives must break a constraint, or have failed")
        return self._worst

    def _rung(self) -> tuple[int, ...] | None:
        """The next step of the ladder that is new; None: it is behind us."""
        while self._ladder:
            key = self._ladder.pop(0)
            if key not in self._seen:
                return key
        return None

    def _sampled(self, number: int) -> tuple[Any, tuple[int, ...]]:
        """A new setting of the sampler, or a new neighbour of what it insists on."""
        from optuna.trial import TrialState

        rng = np.random.default_rng([self._seed, number])
        for _ in range(_ATTEMPTS):
            self._study.sampler = self._make(int(rng.integers(1 << 31)))
            trial = self._study.ask(self._distributions)
            key = tuple(trial.params[knob.name] for knob in self._space.knobs)
            if key not in self._seen:
                return trial, key
            self._study.tell(trial, state=TrialState.FAIL)
        fresh = self._neighbour(key, rng)
        return self._trial(fresh), fresh

    def _neighbour(self, key: tuple[int, ...], rng: np.random.Generator) -> tuple[int, ...]:
        """A new setting few steps from ``key``; any new one where the space is nearly used up."""
        sizes = [len(knob.choices) for knob in self._space.knobs]
        for attempt in range(_MUTATIONS):
            steps = rng.integers(-1, 2, len(key)) * (1 + attempt // 16)
            mask = rng.random(len(key)) < max(0.3, 1 / len(key))
            moved = np.clip(np.asarray(key) + steps * mask, 0, np.asarray(sizes) - 1)
            fresh = tuple(int(i) for i in moved)
            if fresh not in self._seen:
                return fresh
        return self._any(sizes, rng)

    def _any(self, sizes: list[int], rng: np.random.Generator) -> tuple[int, ...]:
        if self._space.size <= ENUMERATED:
            every = itertools.product(*map(range, sizes))
            left = [key for key in every if key not in self._seen]
            return left[int(rng.integers(len(left)))]
        while True:  # most of a large space is new
            key = tuple(int(rng.integers(n)) for n in sizes)
            if key not in self._seen:
                return key

    def _trial(self, key: tuple[int, ...]) -> Any:
        """A trial of the study with these positions, whatever the sampler thinks of them."""
        names = [knob.name for knob in self._space.knobs]
        self._study.enqueue_trial(dict(zip(names, key, strict=True)))
        return self._study.ask(self._distributions)

    def _key(self, values: Mapping[str, int]) -> tuple[int, ...]:
        return tuple(knob.choices.index(values[knob.name]) for knob in self._space.knobs)

    def _values(self, key: tuple[int, ...]) -> dict[str, int]:
        pairs = zip(self._space.knobs, key, strict=True)
        return {knob.name: knob.choices[position] for knob, position in pairs}


def _study(count: int) -> optuna.Study:
    import optuna

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    return optuna.create_study(directions=["minimize"] * count)


def _distributions(space: Space) -> dict[str, Any]:
    """Positions in each knob's rising list of widths: an ordered scale without illegal values."""
    from optuna.distributions import IntDistribution

    return {knob.name: IntDistribution(0, len(knob.choices) - 1) for knob in space.knobs}
