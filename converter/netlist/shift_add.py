"""A constant matrix times a vector by few additions: distributed arithmetic.

Weights are canonical signed digits, so that a product is a sum of shifted inputs. Columns
that are alike are told by their differences (``netlist.spanning``), then pairs that are in
common are added once (``netlist.cse``), and what is left of each sum is added by a tree. Which
tree of columns serves best shows afterwards only: some are tried, as their size allows.

The two stages are those of Sun et al., "da4ml: Distributed Arithmetic for Real-time Neural
Networks on FPGAs" (arXiv:2507.04535).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from converter.netlist.cse import Order, Shared, Term, by_lower, by_newer, by_sum, eliminate
from converter.netlist.digits import csd
from converter.netlist.spanning import NARROW, Link, differences, room, span
from converter.types import Codes

MOST_PAIRS = 3_000_000
"""Pairs of terms that all trials of one matrix look at together, some 5 seconds of Python."""

LARGEST_SEARCH = 1_200_000
"""Pairs of terms above which a matrix is searched in blocks of rows."""

MOST_DIFFERENCES = 1 << 26
"""Weights of all differences of columns up to which a tree is grown."""

EXTRA_DEPTH = 2
"""Additions that outputs may be deeper than without any sharing."""

TRIALS: tuple[tuple[int | None, Order], ...] = (
    (None, by_newer), (0, by_newer), (2, by_newer), (None, by_sum), (0, by_sum), (2, by_sum),
    (3, by_newer), (None, by_lower),
)  # fmt: skip
"""Height of the tree, and the order of pairs, as they are tried."""


@dataclass(frozen=True)
class Plan:
    """How a matrix is told by differences, and what these share."""

    links: tuple[Link, ...]
    shared: Shared

    @property
    def adders(self) -> int:
        """Additions and subtractions, but for those of a sign or of a bias."""
        terms = zip(self.shared.terms, self.links, strict=True)
        sums = (len(t) + (link.parent >= 0) - 1 for t, link in terms)
        return len(self.shared.pairs) + sum(max(s, 0) for s in sums)


def plan_shift_add(weights: Codes, extra_depth: int | None = EXTRA_DEPTH) -> Plan:
    """The plan of fewest adders for ``x @ weights`` among some trials; made once per matrix.

    ``weights``: integers [n_in, n_out]. ``extra_depth``: additions that an output may be
    deeper than the deepest needs to be; None: any number.
    """
    values = tuple(int(w) for w in weights.ravel().tolist())
    return search(values, weights.shape[1], extra_depth)


@lru_cache(maxsize=128)
def search(values: tuple[int, ...], n_out: int, extra_depth: int | None) -> Plan:
    """``plan_shift_add`` of weights in row-major order, made once."""
    exact: Codes = np.array(values, object).reshape(-1, n_out)
    small = max(map(abs, values), default=0) <= NARROW
    weights = exact.astype(np.int64) if small else exact
    columns = [_terms(column) for column in weights.T.tolist()]
    depth = None
    if extra_depth is not None:
        depth = max((_depth(len(c)) for c in columns), default=0) + extra_depth
    plans: list[Plan] = []
    cost = max(1, sum(len(c) * (len(c) - 1) // 2 for c in columns))
    trees = small and weights.size * n_out <= MOST_DIFFERENCES
    for tallest, order in TRIALS[: max(1, MOST_PAIRS // cost)]:
        if tallest == 0 or trees:
            plans.append(_try(weights, depth, tallest, order))
    return min(plans or [_try(weights, depth, 0, by_newer)], key=lambda p: p.adders)


def _try(weights: Codes, depth: int | None, tallest: int | None, order: Order) -> Plan:
    links = span(weights, depth, tallest) if tallest != 0 else (Link(),) * weights.shape[1]
    sums = [_terms(column) for column in differences(weights, links).T.tolist()]
    rooms = [math.inf if depth is None else room(depth, link) for link in links]
    return Plan(links, _eliminate(sums, len(weights), rooms, order))


def _terms(column: Sequence[int]) -> list[Term]:
    """The signed digits of a column of weights."""
    return [
        Term(i, position, (sign < 0) != (weight < 0))
        for i, weight in enumerate(column)
        if weight
        for position, sign in csd(abs(weight))
    ]


def _depth(terms: int) -> int:
    return max(terms - 1, 0).bit_length()


def _eliminate(
    sums: Sequence[Sequence[Term]], n_in: int, rooms: Sequence[float], order: Order
) -> Shared:
    """Common pairs within as few blocks of rows as keep the number of pairs in bounds."""
    cost = sum(len(s) * (len(s) - 1) // 2 for s in sums)
    blocks = min(max(1, n_in), -(-cost // LARGEST_SEARCH) or 1)
    rows = -(-n_in // blocks)
    parts, part_rooms = [], []
    for terms, space in zip(sums, rooms, strict=True):
        split: list[list[Term]] = [[] for _ in range(blocks)]
        for term in terms:
            split[term.node // rows].append(term)
        parts += split
        spare = (space - len(terms)) if math.isinf(space) else (int(space) - len(terms)) // blocks
        part_rooms += [len(part) + spare for part in split]
    shared = eliminate(parts, n_in, part_rooms, order)
    joined = tuple(
        tuple(t for part in shared.terms[j : j + blocks] for t in part)
        for j in range(0, len(parts), blocks)
    )
    return Shared(shared.pairs, joined, shared.depth)
