"""The estimated designs that are worth measuring, over all settings of a run."""

from __future__ import annotations

import math
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from converter.parts import Part
from converter.report import RESOURCES, Report
from dse.front import largest_share, measured_design, vector
from dse.pareto import hypervolume, hypervolume_improvement, nondominated
from dse.records import Candidate, Choices, Design, Setting
from dse.search.hardware import FIGURES, OBJECTIVES
from dse.search.objectives import reference, scaled
from dse.search.promote import Pool, choose, expected_gains
from estimators.learning import Correction, Evidence, Parts, Prior, learn

Points = npt.NDArray[np.float64]

LAYERS = 3
"""Fronts that are kept, each behind the one before: an estimate may be wrong by some."""

LEAST_GAIN = 1e-3
"""Of the volume known; less is as good as nothing."""

WHOLE = "design"
"""The kind of what no unit has by itself: cycles."""

SAMPLED = 50
"""Candidates whose expected error stands for all."""

_UNITS = {"latency": math.log(2), "interval": math.log(2)}  # of SCALES: log2; all else log10


@dataclass(frozen=True)
class Entry:
    """A candidate of a setting; ``key`` is the design's identity."""

    key: Hashable
    setting: int
    loss: float
    candidate: Candidate


@dataclass(frozen=True)
class Next:
    """What to measure next. Without an ``entry`` nothing is left that is worth it, or
    (``late``) nothing that would end in time.
    """

    entry: Entry | None
    late: bool = False


@dataclass(frozen=True)
class Pace:
    """How long a synthesis takes: ``fixed_s`` and ``per_kilo_lut_s`` for each 1,000 LUTs."""

    fixed_s: float = 5.0
    per_kilo_lut_s: float = 1.0

    def seconds(self, lut: float) -> float:
        """Expected time of a design of that many LUTs."""
        return self.fixed_s + self.per_kilo_lut_s * lut / 1000

    def learn(self, designs: Iterable[Design]) -> Pace:
        """The same shape, scaled to the times that were measured."""
        timed = [d for d in designs if d.measured is not None and d.seconds > 1]
        ratios = [d.seconds / self.seconds(d.estimate.lut or 0.0) for d in timed]
        if not ratios:
            return self
        scale = float(np.median(ratios))
        return Pace(self.fixed_s * scale, self.per_kilo_lut_s * scale)


class Shortlist:
    """Grows with every setting; answers which design to measure next."""

    def __init__(
        self,
        objectives: Sequence[str],
        part: Part,
        ladder: int,
        priors: Mapping[str, Prior] | None = None,
        before: Sequence[Evidence] = (),
    ) -> None:
        """``priors``: how far off the estimator is known to be, by figure; ``before``: what was
        measured before the run.
        """
        self._objectives, self._part = tuple(objectives), part
        self._priors, self._before = priors, tuple(before)
        self._ladder = ladder
        self._entries: list[Entry] = []
        self._settings = 0
        self._reference: Points | None = None

    def add(self, setting: Setting) -> bool:
        """Take a setting's candidates in; True where they push the estimated front forward."""
        self._settings += 1
        if not setting.candidates or setting.loss is None:
            return self._settings <= self._ladder
        loss = setting.loss
        new = [Entry(_key(setting, c.choices), setting.number, loss, c) for c in setting.candidates]
        gained = self._gains(new)
        everything = {e.key: e for e in (*self._entries, *new)}
        self._entries = self._best(list(everything.values()))
        if self._reference is None and self._settings >= self._ladder:
            self._reference = reference(self._points(list(everything.values()), Correction()))
        return gained or self._settings <= self._ladder

    def next(
        self,
        settings: Mapping[int, Setting],
        designs: Mapping[int, Design],
        pace: Pace,
        left_s: float = math.inf,
    ) -> Next:
        """The design to measure of those whose synthesis ends within ``left_s`` seconds."""
        if not self._entries:
            return Next(None)
        correction = self.correction(settings, designs)
        points = self._points(self._entries, correction)
        known = self._known(settings, designs, correction)
        limit = self._limit(points)
        done = [_key(settings[d.setting], d.choices) for d in designs.values()]
        seconds = np.array([pace.seconds(e.candidate.figures["lut"]) for e in self._entries])
        keys, spread = [e.key for e in self._entries], self._spread(correction)
        if len(known) and not self._worth(Pool(points, keys, spread), done, known, limit):
            return Next(None)
        late = [key for key, s in zip(keys, seconds, strict=True) if s > left_s]
        pool = Pool(points, keys, spread, seconds)
        choice = choose(pool, [*done, *late], known, list(limit), len(designs))
        if choice is None:
            return Next(None, late=bool(late))
        return Next(self._entries[choice.index])

    def correction(
        self, settings: Mapping[int, Setting], designs: Mapping[int, Design]
    ) -> Correction:
        """What the measured designs of the run, and those before it, teach the estimates."""
        own = [
            Evidence(parts_of(candidate_of(settings[d.setting], d)), _figures(d.measured))
            for d in designs.values()
            if d.measured is not None
        ]
        return learn([*self._before, *own], self._priors)

    def volume(self, settings: Mapping[int, Setting], designs: Mapping[int, Design]) -> float:
        """Hypervolume of the measured designs, on the scales of ``SCALES``."""
        known = self._known(settings, designs, Correction(), only_measured=True)
        if not len(known) or not self._entries:
            return 0.0
        return hypervolume(known, list(self._limit(self._points(self._entries, Correction()))))

    def _worth(self, pool: Pool, done: Sequence[Hashable], known: Points, limit: Points) -> bool:
        """Whether any open design is expected to add volume worth a synthesis."""
        keys = set(done)
        still = [i for i, key in enumerate(pool.keys) if key not in keys]
        if not still:
            return False
        gains = expected_gains(pool.points[still], known, list(limit), pool.spread)
        return bool(gains.max() > LEAST_GAIN * hypervolume(known, list(limit)))

    def _gains(self, new: Sequence[Entry]) -> bool:
        if not self._entries:
            return True
        old = self._points(self._entries, Correction())
        limit = list(self._limit(old))
        gains = hypervolume_improvement(self._points(new, Correction()), old, limit)
        return bool(gains.max() > LEAST_GAIN * hypervolume(old, limit))

    def _best(self, entries: list[Entry]) -> list[Entry]:
        """The first ``LAYERS`` fronts."""
        kept: list[Entry] = []
        for _ in range(LAYERS):
            if not entries:
                break
            mask = nondominated(self._points(entries, Correction()))
            kept += [e for e, best in zip(entries, mask, strict=True) if best]
            entries = [e for e, best in zip(entries, mask, strict=True) if not best]
        return kept

    def _points(self, entries: Sequence[Entry], correction: Correction) -> Points:
        rows = []
        for entry in entries:
            figures = correction.apply(parts_of(entry.candidate))
            figures["resources"] = largest_share(figures, self._part)
            rows.append(vector(entry.loss, figures, self._objectives))
        return scaled(self._objectives, rows)

    def _known(
        self,
        settings: Mapping[int, Setting],
        designs: Mapping[int, Design],
        correction: Correction,
        only_measured: bool = False,
    ) -> Points:
        """Points of measured designs, and of those under way as estimated."""
        rows = []
        for design in designs.values():
            loss = settings[design.setting].loss or 0.0
            if design.measured is not None:
                figures = measured_design(design, settings[design.setting], self._part).figures
            elif design.failure is None and not only_measured:
                candidate = candidate_of(settings[design.setting], design)
                figures = correction.apply(parts_of(candidate))
                figures["resources"] = largest_share(figures, self._part)
            else:
                continue
            rows.append(vector(loss, figures, self._objectives))
        return scaled(self._objectives, rows) if rows else np.zeros((0, len(self._objectives)))

    def _limit(self, points: Points) -> Points:
        """The reference point: fixed once the ladder is evaluated, so that volumes compare."""
        return reference(points) if self._reference is None else self._reference

    def _spread(self, correction: Correction) -> Points | None:
        """Typical error of an estimate, on the scales of the objectives."""
        sample = [parts_of(entry.candidate) for entry in self._entries[:SAMPLED]]

        def typical(name: str) -> float:
            found = [correction.spread(name, parts) for parts in sample]
            return float(np.median([s for s in found if s is not None] or [0.0]))

        worst = max(typical("lut"), typical("dsp"))
        errors = [
            0.0
            if o == "accuracy"
            else (worst if o == "resources" else typical(OBJECTIVES[o])) / _unit(o)
            for o in self._objectives
        ]
        return np.array(errors) if any(errors) else None


def parts_of(candidate: Candidate) -> Parts:
    """Estimated figures by kind of unit; cycles, and all where nobody told the kinds, of the
    design as a whole.
    """
    figures = {n: candidate.figures[n] for n in FIGURES}
    if not candidate.parts:
        return {WHOLE: figures}
    cycles = {n: v for n, v in figures.items() if n not in RESOURCES}
    nothing = dict.fromkeys(RESOURCES, 0.0)
    return {**candidate.parts, WHOLE: {**nothing, **cycles}}


def candidate_of(setting: Setting, design: Design) -> Candidate:
    """The candidate that a design was promoted from."""
    for candidate in setting.candidates:
        if candidate.choices == design.choices:
            return candidate
    return Candidate(design.choices, _figures(design.estimate))


def _unit(objective: str) -> float:
    return _UNITS.get(objective, math.log(10))


def _key(setting: Setting, choices: Choices) -> Hashable:
    """Settings of one digest compute the same bits, whatever their knobs say."""
    built = sorted(
        (name, c.strategy.value, c.reuse_factor, c.parallelization_factor)
        for name, c in choices.items()
    )
    return setting.digest, tuple(built)


def _figures(report: Report) -> dict[str, float]:
    return {n: float(getattr(report, n)) for n in FIGURES if getattr(report, n) is not None}
