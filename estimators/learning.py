"""What measured designs teach the estimates: a factor per kind of unit, and what stays uncertain.

A figure of a design is the sum of what its kinds of units take, each times a factor. Factors are
found on the log scale by maximum a posteriori: one that all kinds share, and one for each kind,
both normal around 1 until measurements say otherwise. So a few designs move the estimates by a
part of what they show, many by all of it, and kinds that were never measured keep to the shared
factor. The same evidence gives the same factors, in any order of its designs.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from estimators.conformal import SMALL, interval

Real = npt.NDArray[np.float64]
Parts = Mapping[str, Mapping[str, float]]
"""By kind of unit, by figure: what an estimator says that all units of the kind take together."""


@dataclass(frozen=True)
class Prior:
    """What is believed before any measurement, as standard deviations on the log scale: of the
    factor that all kinds share, of each kind's own, and of a design beside both. ``worth``:
    designs that the belief in ``noise`` counts as.
    """

    shared: float = 0.5
    kind: float = 0.3
    noise: float = 0.15
    worth: float = 4.0


NORMAL = 1.645
"""Standard deviations on each side that hold 90 % of a normal distribution."""

ROUNDS = 6
"""Gauss-Newton steps; the factors settle to four digits well before."""


@dataclass(frozen=True)
class Evidence:
    """One measured design: what was estimated, by kind, and ``measured`` figures."""

    parts: Parts
    measured: Mapping[str, float]


@dataclass(frozen=True, eq=False)
class Learned:
    """Factors of one figure. ``logs`` [1 + kinds]: the shared one first, then in the order of
    ``kinds``; ``covariance`` of these; ``noise``: log error of a design beside it; ``strange``:
    spread of the factor of a kind that is not among them; ``small``: of which differences are none.
    """

    kinds: tuple[str, ...]
    logs: Real
    covariance: Real
    noise: float
    strange: float
    small: float = 0.0

    def factor(self, kind: str) -> float:
        """By which an estimate of ``kind`` is multiplied."""
        return self._factors.get(kind, self._shared)

    @cached_property
    def _shared(self) -> float:
        return math.exp(float(self.logs[0]))

    @cached_property
    def _factors(self) -> dict[str, float]:
        own = np.exp(self.logs[0] + self.logs[1:]).tolist()
        return dict(zip(self.kinds, own, strict=True))

    @cached_property
    def _place(self) -> dict[str, int]:
        return {kind: i for i, kind in enumerate(self.kinds, 1)}

    def spread(self, amounts: Mapping[str, float]) -> float:
        """Standard deviation of log(measured / corrected) of a design of these ``amounts``."""
        total = sum(amounts.values()) + self.small
        if total <= 0:
            return self.noise
        places, shares, strange = [0], [1.0], 0.0
        for kind, amount in amounts.items():
            place = self._place.get(kind)
            if place is None:
                strange += (amount / total * self.strange) ** 2
            else:
                places.append(place)
                shares.append(amount / total)
        row = np.array(shares)
        known = float(row @ self.covariance[np.ix_(places, places)] @ row)
        return math.sqrt(known + strange + self.noise**2)

    def to_json(self) -> dict[str, Any]:
        """Plain values: by kind, the log of its factor and its spread; "" is the shared one."""
        spread = np.sqrt(np.diag(self.covariance))
        pairs = np.round(np.column_stack([self.logs, spread]), 4).tolist()
        return {
            "noise": round(self.noise, 4),
            "strange": round(self.strange, 4),
            "small": self.small,
            "kinds": dict(zip(("", *self.kinds), pairs, strict=True)),
        }

    @staticmethod
    def from_json(data: Mapping[str, Any]) -> Learned:
        """What ``to_json`` gave, the kinds independent of each other."""
        pairs = np.array(list(data["kinds"].values()), float)
        kinds = tuple(data["kinds"])[1:]
        covariance = np.diag(pairs[:, 1] ** 2)
        return Learned(
            kinds, pairs[:, 0], covariance, data["noise"], data["strange"], data["small"]
        )


@dataclass(frozen=True, eq=False)
class Correction:
    """What evidence teaches, by figure; figures that nothing was learned of stay as they are."""

    learned: Mapping[str, Learned] = field(default_factory=dict)

    def apply(self, parts: Parts) -> dict[str, float]:
        """The figures of a design, corrected."""
        totals: dict[str, float] = {}
        for kind, figures in parts.items():
            for name, amount in figures.items():
                known = self.learned.get(name)
                factor = 1.0 if known is None else known.factor(kind)
                totals[name] = totals.get(name, 0.0) + amount * factor
        return totals

    def spread(self, name: str, parts: Parts) -> float | None:
        """Typical log error of a corrected figure; None where nothing is known of it."""
        known = self.learned.get(name)
        if known is None:
            return None
        corrected = {k: f[name] * known.factor(k) for k, f in parts.items() if f.get(name)}
        return known.spread(corrected)

    def intervals(self, parts: Parts) -> dict[str, tuple[float, float]]:
        """Of each corrected figure that something is known of, at ``conformal.CONFIDENCE``, errors
        being normal: with the few designs of a run there is no quantile to take.
        """
        found = {}
        for name, value in self.apply(parts).items():
            spread = self.spread(name, parts)
            if spread is not None:
                found[name] = interval(name, value, NORMAL * spread)
        return found


def learn(evidence: Sequence[Evidence], priors: Mapping[str, Prior] | None = None) -> Correction:
    """Factors of every figure that was estimated and measured above 0 at least once. ``priors``:
    by figure, where more is known than of any other; these have a spread before any evidence.
    """
    known = priors or {}
    names = sorted({*known, *(name for one in evidence for name in one.measured)})
    found = {name: learn_figure(name, evidence, known.get(name, Prior())) for name in names}
    found |= {n: found[n] or nothing_learned(n, prior) for n, prior in known.items()}
    return Correction({name: one for name, one in found.items() if one is not None})


def nothing_learned(name: str, prior: Prior) -> Learned:
    """What is believed of a figure before any measurement."""
    covariance = np.array([[prior.shared**2]])
    return Learned((), np.zeros(1), covariance, prior.noise, prior.kind, SMALL[name])


@dataclass(frozen=True, eq=False)
class _Samples:
    """``amounts`` [designs, kinds] as estimated, ``measured`` [designs]."""

    kinds: tuple[str, ...]
    amounts: Real
    measured: Real
    small: float

    @cached_property
    def logs(self) -> Real:
        """What the corrected estimates must become."""
        return np.log(self.measured + self.small)


def learn_figure(name: str, evidence: Sequence[Evidence], prior: Prior) -> Learned | None:
    """Factors of one figure; None where no design says anything of it."""
    used = [
        (amounts, one.measured[name])
        for one in evidence
        if one.measured.get(name)
        and sum((amounts := {k: f[name] for k, f in one.parts.items() if f.get(name)}).values()) > 0
    ]
    if not used:
        return None
    used.sort(key=lambda pair: (pair[1], sorted(pair[0].items())))
    kinds = tuple(sorted({kind for amounts, _ in used for kind in amounts}))
    table = np.array([[amounts.get(kind, 0.0) for kind in kinds] for amounts, _ in used])
    samples = _Samples(kinds, table, np.array([m for _, m in used]), SMALL[name])
    logs, noise = np.zeros(1 + len(kinds)), prior.noise
    for _ in range(ROUNDS):
        logs, covariance = _step(samples, logs, noise, prior)
        missed = samples.logs - _estimate(samples, logs)
        squares = prior.worth * prior.noise**2 + float((missed**2).sum())
        noise = math.sqrt(squares / (prior.worth + len(missed)))
    return Learned(kinds, logs, covariance, noise, prior.kind, samples.small)


def _estimate(samples: _Samples, logs: Real) -> Real:
    corrected = samples.amounts @ np.exp(logs[0] + logs[1:])
    return np.asarray(np.log(corrected + samples.small))


def _step(samples: _Samples, logs: Real, noise: float, prior: Prior) -> tuple[Real, Real]:
    """One Gauss-Newton step on the posterior; (new logs, their covariance)."""
    corrected = samples.amounts * np.exp(logs[0] + logs[1:])
    shares = corrected / (corrected.sum(axis=1, keepdims=True) + samples.small)
    slopes = np.hstack([shares.sum(axis=1, keepdims=True), shares])
    target = samples.logs - _estimate(samples, logs) + slopes @ logs
    belief = np.full(len(logs), prior.kind**-2.0)
    belief[0] = prior.shared**-2.0
    covariance = np.linalg.inv(slopes.T @ slopes / noise**2 + np.diag(belief))
    return covariance @ (slopes.T @ target) / noise**2, covariance
