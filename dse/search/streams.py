"""The hardware half of the search in io_stream, where all stages work at the same time.

A frame takes what each stage adds behind its last beat, and once the interval of the slowest
stage. That sum is not additive, but both of its parts are what the solver merges by: their front
holds that of the latency.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from dse.pareto import nondominated
from dse.search.hardware import HardwareFront, HardwarePoint, Option, solve


def solve_streams(
    options: Mapping[str, Sequence[Option]],
    objectives: Sequence[str],
    capacity: Mapping[str, float],
    limits: Mapping[str, float] | None = None,
) -> HardwareFront:
    """As ``solve``, for stages whose latency is from the last beat in to the last beat out."""
    limits = limits or {}
    both = objectives
    if "latency" in objectives or "latency" in limits:
        both = tuple(dict.fromkeys((*objectives, "latency", "interval")))
    front = solve(options, both, capacity, limits)
    points = [_whole(point) for point in front.points]
    most = limits.get("latency", np.inf)
    kept = [p for p in points if p.figures["latency_cycles"] <= most]
    if points and not kept:
        return _too_slow(min(p.figures["latency_cycles"] for p in points), most)
    front = replace(front, points=tuple(kept))
    if not kept:
        return front
    vectors = front.vectors(objectives)
    order = np.lexsort(vectors.T[::-1])
    best = order[nondominated(vectors[order])]
    return replace(front, points=tuple(kept[i] for i in best))


def _whole(point: HardwarePoint) -> HardwarePoint:
    figures = point.figures
    latency = figures["latency_cycles"] + figures["interval_cycles"]
    return replace(point, figures={**figures, "latency_cycles": latency})


def _too_slow(least: float, most: float) -> HardwareFront:
    reason = f"latency is at least {least:g}, and {most:g} is the limit"
    return HardwareFront((), reason=reason, excess=float(np.log2((1 + least) / (1 + most))))
