"""Which differences are taken the other way round, so that few sums end up with a minus.

A word that is only there as its negative costs a subtraction from 0. A difference can be
built as a - b or b - a for the same price, and what reads it adjusts, where it can.
"""

from __future__ import annotations

from collections.abc import Sequence

from converter.netlist.cse import Pair, Shared
from converter.netlist.spanning import Link


class Polarity:
    """The signs that nodes are built with; ``flipped[n]``: node n is the negative of the plan's.

    Nodes are numbered as in the plan: inputs, then pairs.
    """

    def __init__(self, links: Sequence[Link], shared: Shared) -> None:
        self.links, self.shared = links, shared
        self.n_in = len(shared.depth) - len(shared.pairs)
        self.order = sorted(range(len(links)), key=lambda j: -links[j].height)
        self.readers: list[list[int]] = [[] for _ in shared.depth]
        for node, pair in enumerate(shared.pairs, self.n_in):
            for part in {pair.a, pair.b}:
                self.readers[part].append(node)
        self.flipped = [False] * len(shared.depth)
        self._improve()

    def signs(self) -> dict[int, bool | None]:
        """By column, whether its sum is of negative terms alone; None where there are no terms."""
        signs: dict[int, bool | None] = {}
        for j in self.order:
            link = self.links[j]
            below = [t.negative != self.flipped[t.node] for t in self.shared.terms[j]]
            if link.parent >= 0:
                below.append(bool(signs[link.parent]) != link.minus)
            signs[j] = all(below) if below else None
        return signs

    def operands(self, node: int) -> tuple[bool, bool]:
        """Whether each operand of a pair is negative."""
        pair = self.shared.pairs[node - self.n_in]
        own = self.flipped[node]
        return own ^ self.flipped[pair.a], own ^ self.flipped[pair.b] ^ pair.minus

    def _improve(self) -> None:
        """Turn nodes round as long as fewer columns are negative for it."""
        signs = self.signs()
        for j in self.order:
            for term in self.shared.terms[j] if signs[j] else ():
                kept = self.flipped.copy()
                if self._turn(term.node):
                    now = self.signs()
                    if sum(map(bool, now.values())) < sum(map(bool, signs.values())):
                        signs = now
                        break
                self.flipped = kept

    def _turn(self, node: int) -> bool:
        """Turn a node round, and its readers where they must; whether that can be."""
        if node < self.n_in:
            return False
        self.flipped[node] = not self.flipped[node]
        if all(self.operands(node)):
            return False
        for reader in self.readers[node]:
            if all(self.operands(reader)) and not self._turn(reader):
                return False
        return True


def flipped_pair(pair: Pair, signs: tuple[bool, bool]) -> tuple[int, int, int, int, bool]:
    """(a, b, shift of a, shift of b, minus) with the positive operand first."""
    if signs[0]:
        return pair.b, pair.a, pair.shift, 0, True
    return pair.a, pair.b, 0, pair.shift, signs[1]
