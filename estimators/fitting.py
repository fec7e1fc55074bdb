"""Non-negative rates from labelled features, by least relative deviations."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Real = npt.NDArray[np.float64]

ROUNDS = 40
"""Rounds of reweighting; the rates settle to four digits well before."""

LEAST_DEVIATION = 0.03
"""Smaller relative deviations are all alike: else the fit would interpolate a few samples."""


@dataclass(frozen=True)
class Sample:
    """Features with the figure that a tool reported, and the group that it shares weight with."""

    features: Mapping[str, float]
    figure: float
    group: Hashable


def fit(
    samples: Sequence[Sample], prior: Mapping[str, float] | None = None, small: float = 20.0
) -> dict[str, float]:
    """Rates of all features that occur, none negative.

    ``prior``: rates known from the fabric, each worth one design of which the feature makes
    up all: they hold where data are few. ``small`` is added to a figure before an error is
    taken relative to it: what is not much larger is noise.

    Minimises the sum of |e - r| / (e + r), the published measure, by reweighted
    non-negative least squares. A group of n samples weighs as much as sqrt(n) alone, so
    that one large sweep does not drown the rest.
    """
    from scipy.optimize import nnls

    samples = [*samples, *_pseudo(samples, prior or {})]
    names = sorted({name for s in samples for name, value in s.features.items() if value})
    matrix = np.array([[s.features.get(name, 0.0) for name in names] for s in samples], float)
    figures = np.array([s.figure for s in samples], float)
    sizes = Counter(s.group for s in samples)
    share = np.array([sizes[s.group] ** -0.5 for s in samples])
    scale = np.abs(matrix).max(axis=0)
    estimates, rates = figures, np.zeros(len(names))
    for _ in range(ROUNDS):
        relative = 1 / (estimates + figures + small)
        deviation = np.maximum(np.abs(estimates - figures) * relative, LEAST_DEVIATION)
        weight = relative * np.sqrt(share / deviation)
        rates, _ = nnls(matrix / scale * weight[:, None], figures * weight)
        estimates = matrix / scale @ rates
    return {n: float(r) for n, r in zip(names, rates / scale, strict=True)}


def fit_beside(
    samples: Sequence[Sample],
    fixed: Mapping[str, float],
    prior: Mapping[str, float] | None = None,
    small: float = 20.0,
) -> dict[str, float]:
    """Rates of every feature: ``fixed`` ones are taken as they are, those of ``prior`` where no
    sample has the feature, and 0 where nothing is known at all.
    """
    rest = [
        Sample(
            {n: v for n, v in s.features.items() if n not in fixed},
            max(0.0, s.figure - predict(fixed, s.features)),
            s.group,
        )
        for s in samples
    ]
    every = dict.fromkeys(sorted({name for s in samples for name in s.features}), 0.0)
    return {**every, **(prior or {}), **fit(rest, prior, small), **fixed}


def _pseudo(samples: Sequence[Sample], prior: Mapping[str, float]) -> list[Sample]:
    """A design per prior rate, as large as the feature usually is."""
    made = []
    for name, rate in prior.items():
        sizes = [s.features[name] for s in samples if s.features.get(name)]
        if sizes:
            size = float(np.median(sizes))
            made.append(Sample({name: size}, rate * size, ("prior", name)))
    return made


def predict(rates: Mapping[str, float], features: Mapping[str, float]) -> float:
    """Price of ``features``; one without a rate costs nothing."""
    return sum(rates.get(name, 0.0) * value for name, value in features.items())
