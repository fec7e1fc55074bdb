"""Sums of shifted words that have parts in common: each common pair is added once.

The pair of terms that occurs most often over all sums becomes a node, takes the place of its
occurrences, and may be a half of the next pair: the greedy elimination of Hartley,
"Subexpression sharing in filters using canonic signed digit multipliers", IEEE Trans.
Circuits Syst. II 43 (1996) 677, over a whole matrix.

The number of occurrences of each pair is kept up to date, not counted again: a pair of
older nodes only ever becomes rarer, so that a heap with out-of-date counts finds the most
frequent one, and a pair that occurs once can be forgotten.
"""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

NODE_BITS = 24
"""Bits of a node's number in packed terms and pairs."""

_PAIR_BITS = 64  # of a packed pair, below its rank in the heap
_RANK_BITS = 2 * NODE_BITS
_KEY_BITS = _PAIR_BITS + _RANK_BITS
_PAIR, _RANK, _KEY = (1 << _PAIR_BITS) - 1, (1 << _RANK_BITS) - 1, (1 << _KEY_BITS) - 1

_NODE = (1 << NODE_BITS) - 1
_SHIFT = NODE_BITS + 1  # where a packed term's shift begins


@dataclass(frozen=True)
class Term:
    """``±(node << shift)``."""

    node: int
    shift: int
    negative: bool

    @property
    def packed(self) -> int:
        """Shift, node and sign in one integer, so that order is by shift, then node."""
        return (self.shift << NODE_BITS | self.node) << 1 | self.negative

    @staticmethod
    def unpack(word: int) -> Term:
        """The term of a packed word."""
        return Term(word >> 1 & _NODE, word >> _SHIFT, bool(word & 1))


@dataclass(frozen=True)
class Pair:
    """``a + (b << shift)``, or ``a - (b << shift)``."""

    a: int
    b: int
    shift: int
    minus: bool


@dataclass(frozen=True)
class Shared:
    """Sums after elimination: ``pairs[k]`` is the node ``n_nodes + k``, and each sum is that of
    its ``terms``. ``depth``: additions from the first nodes to each node.
    """

    pairs: tuple[Pair, ...]
    terms: tuple[tuple[Term, ...], ...]
    depth: tuple[int, ...]


Order = Callable[[int, int], int]
"""Which of the pairs that occur equally often is taken first: the one of the largest value for
its nodes, the lower term's first. New nodes have large numbers, and to prefer them is best.
"""


def by_newer(low: int, high: int) -> int:
    """By the newer of the nodes, then by the other."""
    return max(low, high) << NODE_BITS | min(low, high)


def by_lower(low: int, high: int) -> int:
    """By the lower term's node, then by the other's."""
    return low << NODE_BITS | high


def by_sum(low: int, high: int) -> int:
    """By both alike."""
    return low + high


def eliminate(
    sums: Sequence[Iterable[Term]], n_nodes: int, room: Sequence[float], order: Order = by_newer
) -> Shared:
    """Share the pairs that occur more than once among sums of terms of the first ``n_nodes``.

    ``room``: by sum, what the terms' 2**depth may add up to, which is what a balanced tree of
    depth log2(room) holds. No term stands twice in a sum.
    """
    return _Elimination([{t.packed for t in terms} for terms in sums], n_nodes, room, order).run()


@dataclass
class _Elimination:
    """Sums under way as sets of packed terms.

    A packed pair is the upper term, its shift counted from the lower term's and its sign
    multiplied by the lower's, above the lower term's node. ``at[node]``: the shifts of the
    terms of the node, by sum. ``limit``: occurrences of a pair where they are fewer than
    counted, as they overlap, or as a sum has no room. ``heap``: the most frequent pair first, as
    integers, which compare in a fraction of the time of tuples.
    """

    sums: list[set[int]]
    n_nodes: int
    room: Sequence[float]
    order: Order
    counts: dict[int, int] = field(default_factory=dict)
    limit: dict[int, int] = field(default_factory=dict)
    heap: list[int] = field(default_factory=list)
    depth: list[int] = field(default_factory=list)
    at: list[dict[int, list[int]]] = field(default_factory=list)
    load: list[int] = field(default_factory=list)

    def run(self) -> Shared:
        """Until no pair occurs twice."""
        self._start()
        pairs = []
        while self.heap:
            key = heapq.heappop(self.heap)
            pair, count = key & _PAIR, -(key >> _KEY_BITS)
            now = min(self.counts.get(pair, 0), self.limit.get(pair, count))
            if now == count:
                found = self._occurrences(pair)
                if len(found) >= now:
                    pairs.append(_unpack_pair(pair))
                    self._replace(pair, found)
                    continue
                now = self.limit[pair] = len(found)
            if now > 1:
                heapq.heappush(self.heap, -now << _KEY_BITS | key & _KEY)
        terms = tuple(tuple(map(Term.unpack, sorted(s))) for s in self.sums)
        return Shared(tuple(pairs), terms, tuple(self.depth))

    def _start(self) -> None:
        counts: Counter[int] = Counter()
        for terms in self.sums:
            seen: list[int] = []
            for term in sorted(terms):
                counts.update(_pairs(term, seen))
                seen.append(term)
        self.counts = {pair: n for pair, n in counts.items() if n > 1}
        self.heap = [self._key(pair, n) for pair, n in self.counts.items()]
        heapq.heapify(self.heap)
        self.depth = [0] * self.n_nodes
        self.at = [{} for _ in range(self.n_nodes)]
        self.load = [len(terms) for terms in self.sums]
        for j, terms in enumerate(self.sums):
            for term in sorted(terms):
                self.at[term >> 1 & _NODE].setdefault(j, []).append(term >> _SHIFT)

    def _key(self, pair: int, count: int) -> int:
        """More occurrences first, then a larger order, then the smaller pair."""
        rank = _RANK - self.order(pair & _NODE, pair >> NODE_BITS + 1 & _NODE)
        return -count << _KEY_BITS | rank << _PAIR_BITS | pair

    def _occurrences(self, pair: int) -> list[tuple[int, int, int]]:
        """(sum, lower term, upper term) of occurrences that can all be replaced."""
        upper, low = pair >> NODE_BITS, pair & _NODE
        high, distance, opposite = upper >> 1 & _NODE, upper >> _SHIFT, upper & 1
        more = self._more_load(low, high)
        found: list[tuple[int, int, int]] = []
        for j in sorted(self.at[low].keys() & self.at[high].keys()):
            terms, load = self.sums[j], self.load[j]
            used: set[int] = set()
            for shift in sorted(self.at[low][j]):
                a = (shift << NODE_BITS | low) << 1
                a |= a not in terms
                b = ((shift + distance) << NODE_BITS | high) << 1 | (a ^ opposite) & 1
                if b in terms and not used & {a, b} and load + more <= self.room[j]:
                    found.append((j, a, b))
                    used |= {a, b}
                    load += more
        return found

    def _more_load(self, low: int, high: int) -> int:
        shallow, deep = sorted((self.depth[low], self.depth[high]))
        return (1 << deep) - (1 << shallow)

    def _replace(self, pair: int, found: Sequence[tuple[int, int, int]]) -> None:
        """A new node in place of each occurrence, and the counts that this changes."""
        low, high = pair & _NODE, pair >> NODE_BITS + 1 & _NODE
        new, more = len(self.at), self._more_load(low, high)
        self.at.append({})
        self.depth.append(1 + max(self.depth[low], self.depth[high]))
        gone: list[int] = [pair] * len(found)
        come: list[int] = []
        for j, a, b in found:
            terms = self.sums[j]
            terms -= {a, b}
            gone += _pairs(a, terms)
            gone += _pairs(b, terms)
            term = (a >> _SHIFT << NODE_BITS | new) << 1 | a & 1
            come += _pairs(term, terms)
            terms.add(term)
            self.load[j] += more
            for node, word in ((low, a), (high, b)):
                self._forget(node, j, word >> _SHIFT)
            self.at[new].setdefault(j, []).append(a >> _SHIFT)
        self._recount(gone, come)

    def _forget(self, node: int, j: int, shift: int) -> None:
        shifts = self.at[node][j]
        shifts.remove(shift)
        if not shifts:
            del self.at[node][j]

    def _recount(self, gone: Iterable[int], come: Iterable[int]) -> None:
        counts = self.counts
        for pair, n in Counter(gone).items():
            if pair in counts:
                counts[pair] -= n
                if counts[pair] < 2:
                    del counts[pair]
        for pair, n in Counter(come).items():
            if n > 1:
                counts[pair] = n
                heapq.heappush(self.heap, self._key(pair, n))


def _pairs(term: int, others: Iterable[int]) -> list[int]:
    """Packed pairs of one packed term and each of the others: the inner loop of all this."""
    sign, base, node = term & 1, term >> _SHIFT << _SHIFT, term >> 1 & _NODE
    plain = term & -2
    return [
        (((u - base) ^ sign) << NODE_BITS) | node
        if u > term
        else (((plain - (u >> _SHIFT << _SHIFT)) | (u & 1) ^ sign) << NODE_BITS) | u >> 1 & _NODE
        for u in others
    ]


def _unpack_pair(pair: int) -> Pair:
    upper = Term.unpack(pair >> NODE_BITS)
    return Pair(pair & _NODE, upper.node, upper.shift, upper.negative)
