"""Intervals of vendor tools' figures: how far estimates were off on publishers they had not seen.

Split conformal prediction on the log scale. Publishers differ from each other more than the
designs of one do, so that each counts alike, whatever the number of its rows.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from estimators.conformal import CONFIDENCE, SMALL

LEAST: Mapping[str, float] = {
    "lut": 0.1,
    "ff": 0.1,
    "dsp": 0.1,
    "bram_18k": 0.1,
    "uram": 0.1,
    "latency_cycles": 0.02,
    "interval_cycles": 0.02,
}
"""No half width is less: two builds of one design may differ by 10 % in area and 2 % in cycles
(hls4ml's own tests accept that), and rules that hold on all known designs were found on them."""

FEW_OWNERS = 3
"""With fewer publishers than this a stratum has no width of its own."""

FIDELITIES = ("csynth", "logic_synthesis", "place_and_route")
"""Of vendors' reports."""

NO_RESIDUALS = math.log(2.0)
"""Half width of what was never compared: half to twice as much."""

ROUNDING = 1e-9
"""Of sums of weights."""

UNSEEN = 1.5
"""Widths grow by this where designs of a sort were never held against a report."""


@dataclass(frozen=True)
class Residual:
    """How far an estimate was off that was made without its owner: log of reported over
    estimated. ``stratum`` tells what it was like: fidelity and io_type.
    """

    owner: str
    stratum: tuple[str, str]
    figure: str
    log: float


def residual(
    owner: str, stratum: tuple[str, str], figure: str, estimated: float, reported: float
) -> Residual:
    """Of one figure of one row."""
    small = SMALL[figure]
    return Residual(owner, stratum, figure, math.log((reported + small) / (estimated + small)))


def widths(
    residuals: Sequence[Residual], confidence: float = CONFIDENCE
) -> dict[str, dict[str, dict[str, float]]]:
    """Half widths on the log scale, by fidelity, io_type and figure. A stratum of too few
    publishers has that of its fidelity, and a fidelity of too few that of all, each time wider.
    """
    found: dict[str, dict[str, dict[str, float]]] = {}
    for fidelity in FIDELITIES:
        for io in ("io_parallel", "io_stream"):
            found.setdefault(fidelity, {})[io] = {
                f: max(least, _width(residuals, fidelity, io, f, confidence))
                for f, least in LEAST.items()
            }
    return found


def _width(
    residuals: Sequence[Residual], fidelity: str, io: str, figure: str, confidence: float
) -> float:
    of_figure = [r for r in residuals if r.figure == figure]
    levels = (
        [r for r in of_figure if r.stratum == (fidelity, io)],
        [r for r in of_figure if r.stratum[0] == fidelity],
        of_figure,
    )
    for wider, known in enumerate(levels):
        if len({r.owner for r in known}) >= FEW_OWNERS:
            return round(weighted_quantile(known, confidence) * UNSEEN**wider, 4)
    return round(weighted_quantile(of_figure, confidence) * UNSEEN ** len(levels), 4)


def weighted_quantile(residuals: Sequence[Residual], confidence: float) -> float:
    """The least width that holds ``confidence`` of the weight, every owner weighing alike."""
    if not residuals:
        return NO_RESIDUALS
    counts = Counter(r.owner for r in residuals)
    total = 0.0
    for one in sorted(residuals, key=lambda r: abs(r.log)):
        total += 1 / counts[one.owner] / len(counts)
        if total >= confidence - ROUNDING:
            return abs(one.log)
    return max(abs(r.log) for r in residuals)


def around(figure: str, estimated: float, width: float) -> tuple[float, float]:
    """The interval of one figure, in whole numbers, never below 0."""
    small, factor = SMALL[figure], math.exp(width)
    low, high = (estimated + small) / factor - small, (estimated + small) * factor - small
    return float(max(0, math.floor(low))), float(max(0, math.ceil(high)))


def coverage(residuals: Sequence[Residual], found: Mapping[str, Mapping[str, Mapping[str, float]]]
) -> dict[str, float]:  # fmt: skip
    """Share of residuals within the widths, by figure; the mean over owners."""
    inside: dict[tuple[str, str], list[bool]] = defaultdict(list)
    for r in residuals:
        inside[r.figure, r.owner].append(abs(r.log) <= found[r.stratum[0]][r.stratum[1]][r.figure])
    by_figure: dict[str, list[float]] = defaultdict(list)
    for (figure, _), hits in inside.items():
        by_figure[figure].append(sum(hits) / len(hits))
    return {f: round(sum(shares) / len(shares), 3) for f, shares in sorted(by_figure.items())}
