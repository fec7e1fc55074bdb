"""Intervals around estimates, from how far estimates were off where figures are known.

Split conformal prediction: V. Vovk, A. Gammerman, G. Shafer, "Algorithmic Learning in a Random
World" (2005); J. Lei et al., "Distribution-Free Predictive Inference for Regression", JASA 113
(2018). A quantile of the errors on designs that the fit has not seen covers a new design like
them at the stated confidence, whatever the errors are distributed like.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

CONFIDENCE = 0.9
"""Of the intervals that estimates carry."""

SMALL: Mapping[str, float] = {
    "lut": 20.0,
    "ff": 20.0,
    "dsp": 2.0,
    "bram_18k": 2.0,
    "uram": 1.0,
    "latency_cycles": 2.0,
    "interval_cycles": 2.0,
}
"""By figure: what is added before figures are compared; less than this is no difference."""


def score(name: str, estimated: float, measured: float, scale: float = 1.0) -> float:
    """How far off the estimate of a figure was, on the log scale, over its expected size."""
    small = SMALL[name]
    return abs(math.log((measured + small) / (estimated + small))) / scale


def quantile(scores: Sequence[float], confidence: float = CONFIDENCE) -> float:
    """The score that a new one stays at or below with ``confidence``: of n scores, that of rank
    ceil((n + 1) confidence). Infinite where they are too few to say.
    """
    rank = math.ceil((len(scores) + 1) * confidence)
    return sorted(scores)[rank - 1] if 0 < rank <= len(scores) else math.inf


def interval(name: str, estimated: float, width: float) -> tuple[float, float]:
    """What is within ``width`` of the estimate of a figure, as a score; never below 0."""
    factor, small = math.exp(width), SMALL[name]
    low, high = (estimated + small) / factor - small, (estimated + small) * factor - small
    return max(0.0, low), high
