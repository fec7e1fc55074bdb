"""The additions of a plan for a constant matrix, put into the form of ``netlist.adders``."""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from converter.netlist.adders import Adders, Ints, complete
from converter.netlist.polarity import Polarity, flipped_pair
from converter.netlist.shift_add import EXTRA_DEPTH, Plan, plan_shift_add
from converter.types import Codes

CHUNK = 32
"""Inputs whose factors in all nodes are held at once."""


def build_shift_add(
    weights: Codes,
    bias: Codes,
    shift: int,
    lo: Codes,
    hi: Codes,
    extra_depth: int | None = EXTRA_DEPTH,
) -> Adders:
    """The graph of ``(x @ weights << shift) + bias`` for x in lo..hi (each [n_in]).

    ``lo`` and ``hi`` are of a dtype that holds four times the largest partial sum.
    """
    plan = plan_shift_add(weights, extra_depth)
    return _finish(_Assembly(plan, len(weights), [int(b) for b in bias], shift), lo, hi)


@dataclass(frozen=True)
class _Term:
    """``±(node << shift)``, ``depth`` additions deep; the order is the one of adding up."""

    depth: int
    shift: int
    node: int
    negative: bool

    def __lt__(self, other: _Term) -> bool:
        return (self.depth, self.shift, self.node) < (other.depth, other.shift, other.node)


class _Assembly:
    """Nodes are the inputs, the constants, the plan's pairs, and the sums of what is left.

    ``nodes``: (a, b, shift of a, shift of b, minus) of all but inputs and constants.
    """

    def __init__(self, plan: Plan, n_in: int, bias: Sequence[int], shift: int) -> None:
        self.plan, self.n_in, self.bias, self.shift = plan, n_in, bias, shift
        self.polarity = polarity = Polarity(plan.links, plan.shared)
        negative = polarity.signs()
        wanted = [j for j, b in enumerate(bias) if b or negative[j] is not False]
        self.constants = [bias[j] for j in wanted]
        self.constant = {j: n_in + k for k, j in enumerate(wanted)}
        self.first_sum = n_in + len(wanted)
        self.nodes = [self._pair(node) for node in range(n_in, len(plan.shared.depth))]
        self.depth = [0] * self.first_sum + list(plan.shared.depth[n_in:])

    def _pair(self, node: int) -> tuple[int, int, int, int, bool]:
        pair = self.plan.shared.pairs[node - self.n_in]
        a, b, *rest = flipped_pair(pair, self.polarity.operands(node))
        return (self._moved(a), self._moved(b), *rest)  # type: ignore[return-value]

    def _moved(self, node: int) -> int:
        return node if node < self.n_in else node - self.n_in + self.first_sum

    def outputs(self) -> list[_Term]:
        """Add up all columns, parents first; what others are made of has no bias yet."""
        roots: dict[int, _Term] = {}
        done: dict[int, _Term] = {}
        parents = {link.parent for link in self.plan.links}
        for j in self.polarity.order:
            terms = self._terms(j, roots)
            constant = self._constant(j)
            if j in parents:
                roots[j] = self._sum(terms)
                done[j] = self._sum([roots[j], *constant])
            else:
                done[j] = self._sum([*terms, *constant])
        return [done[j] for j in range(len(self.bias))]

    def _terms(self, j: int, roots: dict[int, _Term]) -> list[_Term]:
        flipped = self.polarity.flipped
        terms = [
            self._term(self._moved(t.node), t.shift + self.shift, t.negative != flipped[t.node])
            for t in self.plan.shared.terms[j]
        ]
        link = self.plan.links[j]
        if link.parent >= 0:
            above = roots[link.parent]
            terms.append(self._term(above.node, above.shift, above.negative != link.minus))
        return terms

    def _constant(self, j: int) -> list[_Term]:
        """The bias, or 0 to subtract from; none where neither is needed."""
        return [self._term(self.constant[j], 0, False)] if j in self.constant else []

    def _term(self, node: int, shift: int, negative: bool) -> _Term:
        return _Term(self.depth[node], shift, node, negative)

    def _sum(self, terms: Sequence[_Term]) -> _Term:
        """By a tree of the least depth: the two shallowest first, alike in shift."""
        heap = list(terms)
        heapq.heapify(heap)
        while len(heap) > 1:
            heapq.heappush(heap, self._add(heapq.heappop(heap), heapq.heappop(heap)))
        return heap[0]

    def _add(self, a: _Term, b: _Term) -> _Term:
        if a.negative and not b.negative:
            a, b = b, a
        common = min(a.shift, b.shift)
        self.nodes.append(
            (a.node, b.node, a.shift - common, b.shift - common, a.negative != b.negative)
        )
        self.depth.append(1 + max(a.depth, b.depth))
        return self._term(len(self.depth) - 1, common, a.negative and b.negative)


def _finish(assembly: _Assembly, lo: Codes, hi: Codes) -> Adders:
    """Nodes in the order of their levels, with intervals."""
    roots = assembly.outputs()
    leaves = np.zeros((assembly.first_sum, 5), np.int64)
    table = np.concatenate([leaves, np.array(assembly.nodes, np.int64).reshape(-1, 5)])
    level = np.array(assembly.depth, np.int64)
    order = np.argsort(level, kind="stable")
    place = np.empty_like(order)
    place[order] = np.arange(len(order))
    table, level = table[order], level[order]
    sums = np.arange(len(level)) >= assembly.first_sum
    a, b = (np.where(sums, place[table[:, c]], 0) for c in (0, 1))
    sa, sb, minus = table[:, 2], table[:, 3], table[:, 4].astype(bool)
    ends = _intervals((a, b, sa, sb, minus), level, np.array(assembly.constants, lo.dtype), lo, hi)
    root = place[[r.node for r in roots]]
    root_shift = np.array([r.shift for r in roots], np.int64)
    return complete(
        (a, b, sa, sb, minus, level, *ends), (len(lo), len(assembly.constants)), root, root_shift
    )


def _intervals(
    sums: tuple[Any, ...], level: Ints, constants: Codes, lo: Codes, hi: Codes
) -> tuple[Codes, Codes]:
    """Exact least and largest value of every node, from its factor of each input."""
    n_in, leaves = len(lo), len(lo) + len(constants)
    offset = np.zeros((len(level), 1), lo.dtype)
    offset[n_in:leaves, 0] = constants
    _propagate(offset, sums, level)
    low, high = offset[:, 0].copy(), offset[:, 0].copy()
    for start in range(0, n_in, CHUNK):
        stop = min(start + CHUNK, n_in)
        factors = np.zeros((len(level), stop - start), lo.dtype)
        factors[np.arange(start, stop), np.arange(stop - start)] = 1
        _propagate(factors, sums, level)
        one, other = factors * lo[start:stop], factors * hi[start:stop]
        low += np.minimum(one, other).sum(axis=1)
        high += np.maximum(one, other).sum(axis=1)
    return low, high


def _propagate(values: Codes, sums: tuple[Any, ...], level: Ints) -> None:
    """Fill in the rows of sums from those of what they add, level by level."""
    a, b, sa, sb, minus = sums
    if values.dtype == object:
        sa, sb = sa.astype(object), sb.astype(object)
    for now in range(1, int(level.max(initial=0)) + 1):
        at = slice(*np.searchsorted(level, [now, now + 1]))
        second = values[b[at]] << sb[at, None]
        values[at] = (values[a[at]] << sa[at, None]) + np.where(minus[at, None], -second, second)
