"""Columns of a constant matrix as small differences to one another: a spanning tree.

The product with a column is that with its parent in the tree, plus or minus, and that with
the difference, where the difference has fewer signed digits than the column. The tree grows
as Prim's; its root is the column of zeros.
"""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from converter.types import Codes

Ints = npt.NDArray[np.int64]

NARROW = 1 << 20
"""Magnitude of weights up to which digits are counted by table."""


@dataclass(frozen=True)
class Link:
    """A column is ``± parent + difference``; parent -1: it is the difference.

    ``height``: links from the farthest column below it.
    """

    parent: int = -1
    minus: bool = False
    height: int = 0


def span(weights: Codes, depth: int | None, tallest: int | None) -> tuple[Link, ...]:
    """A link of each column of ``weights`` [n_in, n_out], of magnitudes up to NARROW.

    ``depth``: additions that any output may be deep, no less than the columns need on their
    own; None: any number. ``tallest``: most links from a column to the root, 0 for none.
    """
    if tallest == 0:
        return (Link(),) * weights.shape[1]
    return _Tree(weights.astype(np.int64), depth, tallest).grow()


def differences(weights: Codes, links: Sequence[Link]) -> Codes:
    """What each column is more than its parent, plus or minus: [n_in, n_out]."""
    result = weights.copy()
    for j, link in enumerate(links):
        if link.parent >= 0:
            parent = weights[:, link.parent]
            result[:, j] += parent if link.minus else -parent
    return result


class _Tree:
    """A tree under way: each column's parent, its distance from the root and its height."""

    def __init__(self, weights: Ints, depth: int | None, tallest: int | None) -> None:
        self.weights, self.depth, self.tallest = weights, depth, tallest
        n = weights.shape[1]
        digits = _digits(int(np.abs(weights).max(initial=0)) * 2)
        self.table = digits
        self.own = self._count(weights)
        self.links = [Link()] * n
        self.terms, self.links_up, self.height = [0] * n, [0] * n, [0] * n
        self.heap = [(int(d), j, -1, False) for j, d in enumerate(self.own)]
        heapq.heapify(self.heap)
        self.todo = np.ones(n, bool)

    def _count(self, weights: Ints) -> Ints:
        """Signed digits of each column."""
        return self.table[np.abs(weights)].sum(axis=0, dtype=np.int64)

    def grow(self) -> tuple[Link, ...]:
        """Every column is linked where the fewest digits are left and the depth allows."""
        while self.heap:
            distance, j, parent, minus = heapq.heappop(self.heap)
            if not self.todo[j]:
                continue
            terms = distance - (parent >= 0)
            if parent >= 0 and not self._fits(terms, parent):
                continue
            self._link(j, parent, minus, terms)
        return tuple(
            Link(link.parent, link.minus, height)
            for link, height in zip(self.links, self.height, strict=True)
        )

    def _link(self, j: int, parent: int, minus: bool, terms: int) -> None:
        self.todo[j] = False
        self.links[j] = Link(parent, minus)
        self.terms[j] = terms
        self.links_up[j] = 0 if parent < 0 else self.links_up[parent] + 1
        above, height = parent, 1
        while above >= 0 and self.height[above] < height:
            self.height[above] = height
            above, height = self.links[above].parent, height + 1
        if self.tallest is None or self.links_up[j] < self.tallest:
            self._offer(j)

    def _offer(self, j: int) -> None:
        """The new column as a parent of those that are not linked yet."""
        rest = np.flatnonzero(self.todo)
        others, column = self.weights[:, rest], self.weights[:, j : j + 1]
        for minus, difference in ((False, others - column), (True, others + column)):
            distance = self._count(difference) + 1
            for k in np.flatnonzero(distance < self.own[rest]):
                heapq.heappush(self.heap, (int(distance[k]), int(rest[k]), j, minus))

    def _fits(self, terms: int, parent: int) -> bool:
        """Whether a column of ``terms`` digits may be below ``parent``: a column of height h
        is done h additions before the end, and its parent's height is one more.
        """
        if self.depth is None:
            return True
        if terms > room(self.depth, Link(parent)):
            return False
        height = 1
        while parent >= 0 and self.height[parent] < height:
            link = self.links[parent]
            if self.terms[parent] > room(self.depth, Link(link.parent, height=height)):
                return False
            parent, height = link.parent, height + 1
        return True


def room(depth: int, link: Link) -> int:
    """What 2**depth of the terms of a difference may add up to, its parent's set aside."""
    whole = 1 << depth - link.height if link.height <= depth else 0
    return whole // 2 if link.parent >= 0 else whole


def _digits(largest: int) -> Ints:
    """Non-zero canonical signed digits of 0..largest."""
    n = np.arange(largest + 1)
    digits, count = n ^ (3 * n), np.zeros(largest + 1, np.int64)
    while digits.any():
        count += digits & 1
        digits >>= 1
    return count
