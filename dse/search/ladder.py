"""The first settings of every search: all tensors equally wide, from low to high."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise

from search_spaces import Knob, Space

STEPS = 12
"""Settings at most."""


def ladder(space: Space) -> tuple[dict[str, int], ...]:
    """Distinct uniform settings, in an order whose first few already span the range.

    A knob without the width takes its nearest, the wider of two. A space without knobs has
    one setting.
    """
    if not space.knobs:
        return ({},)
    widths = sorted({width for knob in space.knobs for width in knob.choices})
    rungs: dict[tuple[int, ...], Mapping[str, int]] = {}
    for width in _thinned(widths):
        rung = {knob.name: _nearest(knob, width) for knob in space.knobs}
        rungs.setdefault(tuple(rung.values()), rung)
    steps = [dict(rung) for rung in rungs.values()]
    return tuple(steps[i] for i in spanning_order(len(steps)))


def spanning_order(count: int) -> list[int]:
    """0..count-1: last, first, middle, then always the middle of the widest gap (the higher)."""
    order = [count - 1, 0][:count] if count != 1 else [0]
    while len(order) < count:
        marks = sorted(order)
        gaps = [(b - a, a) for a, b in pairwise(marks)]
        width, start = max(gaps)
        order.append(start + width // 2)
    return order


def _thinned(widths: list[int]) -> list[int]:
    if len(widths) <= STEPS:
        return widths
    return [widths[round(i * (len(widths) - 1) / (STEPS - 1))] for i in range(STEPS)]


def _nearest(knob: Knob, width: int) -> int:
    return min(knob.choices, key=lambda choice: (abs(choice - width), -choice))
