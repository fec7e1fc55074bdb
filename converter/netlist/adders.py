"""A constant matrix times a vector, as a graph of additions: shifts, sums, no multiplier.

Each input's products by the distinct odd parts of its weights are made once, from their
canonical signed digits, halves shared (Reitwiesner 1960; Hartley 1996); then each output
sums its products by a balanced tree. All additions of one level run side by side, so the
graph is a structure of arrays per level and is built in numpy. It serves both the exact
counts and the Verilog text.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

from converter.netlist.digits import csd
from converter.types import Codes

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Adders:
    """The graph. Nodes 0..n_in-1 are the inputs, then constants, then sums by level.

    A sum is ``(a << a_shift) ± (b << b_shift)``, one of the shifts being 0. ``level``: 0 for
    inputs and constants. ``lo``, ``hi``: exact interval. ``through``: low bits that come
    from one operand unchanged; ``bits``: length of the carry chain, 0 for mere wiring.
    Outputs: ``root[o] << root_shift[o]``. ``constants``: value of the node, for constants.
    """

    n_in: int
    n_const: int
    a: Ints
    b: Ints
    a_shift: Ints
    b_shift: Ints
    minus: npt.NDArray[np.bool_]
    level: Ints
    lo: Codes
    hi: Codes
    width: Ints
    through: Ints
    bits: Ints
    root: Ints
    root_shift: Ints

    @property
    def levels(self) -> int:
        """Depth of the graph in additions."""
        return int(self.level.max(initial=0))

    @property
    def first_sum(self) -> int:
        """Index of the first node that is a sum."""
        return self.n_in + self.n_const


def build(weights: Codes, bias: Codes, shift: int, lo: Codes, hi: Codes) -> Adders:
    """The graph of ``(x @ weights << shift) + bias`` for x in lo..hi (each [n_in])."""
    grow = _Growing(lo, hi)
    rows, outputs = np.nonzero(weights)
    values = weights[rows, outputs]
    negative = (values < 0).astype(bool)
    odd, zeros = _odd_part(np.abs(values))
    product = _products(grow, rows, odd, len(lo), bias, negative, outputs, weights.shape[1])
    terms = _Terms(
        np.concatenate([outputs, product.const_outputs]),
        np.concatenate([product.node, product.const_nodes]),
        np.concatenate([zeros + shift, product.const_shifts]),
        np.concatenate([negative, np.zeros(len(product.const_nodes), bool)]),
    )
    root, root_shift = _sum_trees(grow, terms, weights.shape[1])
    return grow.finish(len(lo), root, root_shift)


@dataclass(frozen=True, eq=False)
class _Terms:
    """Summands under way, sorted by output: ``±(node << shift)``."""

    output: Ints
    node: Ints
    shift: Ints
    negative: npt.NDArray[np.bool_]

    def take(self, index: Any) -> _Terms:
        return _Terms(self.output[index], self.node[index], self.shift[index], self.negative[index])

    def join(self, other: _Terms) -> _Terms:
        return _Terms(
            np.concatenate([self.output, other.output]),
            np.concatenate([self.node, other.node]),
            np.concatenate([self.shift, other.shift]),
            np.concatenate([self.negative, other.negative]),
        )


class _Growing:
    """Nodes collected level by level."""

    def __init__(self, lo: Codes, hi: Codes) -> None:
        none = np.zeros(len(lo), np.int64)
        self.count = len(lo)
        self.constants = 0
        self.parts: list[tuple[Any, ...]] = [
            (none, none, none, none, none.astype(bool), none, lo, hi)
        ]

    def _append(self, part: tuple[Any, ...]) -> Ints:
        first = self.count
        self.parts.append(part)
        self.count += len(part[0])
        return np.arange(first, self.count)

    def add_constants(self, values: Codes) -> Ints:
        none = np.zeros(len(values), np.int64)
        self.constants = len(values)
        return self._append((none, none, none, none, none.astype(bool), none, values, values))

    def add_sums(
        self, a: Ints, b: Ints, shifts: tuple[Ints, Ints], minus: Any, level: int, ends: Any
    ) -> Ints:
        levels = np.full(len(a), level, np.int64)
        return self._append((a, b, *shifts, minus, levels, *ends))

    def column(self, which: int) -> Codes:
        return np.concatenate([part[which] for part in self.parts])

    def finish(self, n_in: int, root: Ints, root_shift: Ints) -> Adders:
        columns = tuple(self.column(i) for i in range(8))
        return complete(columns, (n_in, self.constants), root, root_shift)


def complete(
    columns: tuple[Any, ...], leaves: tuple[int, int], root: Ints, root_shift: Ints
) -> Adders:
    """The graph of ``columns`` = (a, b, a_shift, b_shift, minus, level, lo, hi) with widths and
    carry chains; ``leaves``: the numbers of inputs and of constants.
    """
    a, b, sa, sb, minus, level, lo, hi = columns
    width = _widths(lo, hi)
    through, bits = _chains(a, b, sa, sb, minus, level, lo, hi, width)
    return Adders(
        *leaves, a, b, sa, sb, minus, level, lo, hi, width, through, bits, root, root_shift
    )


def _widths(lo: Codes, hi: Codes) -> Ints:
    """Bits of each interval, as ``bits_for``."""
    above = _bit_length(np.maximum(hi, 0))
    below = _bit_length(np.maximum(-lo - 1, 0))
    return np.where(lo >= 0, np.maximum(above, 1), np.maximum(above, below) + 1)


def _bit_length(values: Codes) -> Ints:
    """Bits of non-negative integers."""
    if values.dtype == object:
        return np.array([int(v).bit_length() for v in values], np.int64)
    rough = np.frexp(values.astype(np.float64))[1].astype(np.int64)
    # a value just under a power of two may round up to it in float64
    return rough - ((rough > 0) & (values >> np.maximum(rough - 1, 0) == 0))


def _chains(
    a: Ints, b: Ints, sa: Ints, sb: Ints, minus: Any, level: Ints, lo: Codes, hi: Codes, width: Ints
) -> tuple[Ints, Ints]:
    """(bits passed through, bits of carry chain) of each node."""
    through = np.where(sb > 0, sb, np.where(minus, 0, sa))
    low = np.where(sb > 0, a, b)
    fits = (lo[low] >= 0) & (_widths(lo, hi)[low] <= through)
    wiring = fits & ~minus & (through > 0)
    bits = np.where(wiring, 0, width - through)
    is_sum = level > 0
    return np.where(is_sum, through, 0), np.where(is_sum, bits, 0)


@dataclass(frozen=True, eq=False)
class _Products:
    node: Ints
    const_outputs: Ints
    const_nodes: Ints
    const_shifts: Ints


def _odd_part(values: Codes) -> tuple[Codes, Ints]:
    """(odd, zeros) with odd << zeros the values, all positive."""
    zeros = _bit_length(values & -values) - 1
    return values >> (zeros if values.dtype != object else zeros.astype(object)), zeros


def _products(
    grow: _Growing,
    rows: Ints,
    odd: Codes,
    n_in: int,
    bias: Codes,
    negative: Any,
    outputs: Ints,
    n_out: int,
) -> _Products:
    """Constants for the biases, then one node for each distinct |odd weight| of each input."""
    positive = np.bincount(outputs[~negative], minlength=n_out) > 0
    const_outputs = np.flatnonzero((bias != 0) | ~positive)
    constants = bias[const_outputs]
    const_odd, const_shifts = _signed_odd(constants)
    const_nodes = grow.add_constants(const_odd)
    distinct, which = np.unique(odd, return_inverse=True)
    parts = _closure(tuple(int(d) for d in distinct))
    node = np.full((n_in, len(parts.value)), -1, np.int64)
    columns = parts.position[which]
    present = np.zeros(node.shape, bool)
    present[rows, columns] = True
    _grow_products(grow, parts, present, node)
    return _Products(node[rows, columns], const_outputs, const_nodes, const_shifts)


def _signed_odd(values: Codes) -> tuple[Codes, Ints]:
    """(odd or 0, zeros) with sign."""
    some = np.where(values == 0, 1, values)
    zeros = np.where(values == 0, 0, _bit_length(np.abs(some) & -np.abs(some)) - 1)
    return values >> (zeros if values.dtype != object else zeros.astype(object)), zeros


@dataclass(frozen=True, eq=False)
class _Parts:
    """Distinct odd constants in rising order with what each is made of:
    ``value = (value[high] << shift) + (1 or -1) value[low]``, ``depth`` additions deep.
    ``position``: where the constants that were asked for stand.
    """

    value: tuple[int, ...]
    low: Ints
    high: Ints
    shift: Ints
    minus: npt.NDArray[np.bool_]
    depth: Ints
    position: Ints


@lru_cache(maxsize=64)
def _closure(wanted: tuple[int, ...]) -> _Parts:
    """The constants wanted and all that they are made of."""
    known: set[int] = {1}
    todo = set(wanted) - known
    while todo:
        known |= todo
        todo = {part for value in todo for part in _split(value)[:2]} - known
    values = sorted(known)
    index = {v: i for i, v in enumerate(values)}
    splits = [_split(v) for v in values]
    return _Parts(
        tuple(values),
        np.array([index[s[0]] for s in splits], np.int64),
        np.array([index[s[1]] for s in splits], np.int64),
        np.array([s[2] for s in splits], np.int64),
        np.array([s[3] for s in splits], bool),
        np.array([s[4] for s in splits], np.int64),
        np.array([index[w] for w in wanted], np.int64),
    )


@lru_cache(maxsize=1 << 16)
def _split(odd: int) -> tuple[int, int, int, bool, int]:
    """(low, high, shift, minus, depth): the lower and the upper half of the digits."""
    digits = csd(odd)
    if len(digits) == 1:
        return 1, 1, 0, False, 0
    lower = digits[: (len(digits) + 1) // 2]
    upper = digits[len(lower) :]
    low = sum(s << p for p, s in lower)
    shift = upper[0][0]
    high = sum(s << p - shift for p, s in upper)
    return abs(low), high, shift, low < 0, (len(digits) - 1).bit_length()


def _grow_products(grow: _Growing, parts: _Parts, present: Any, node: Ints) -> None:
    """Add the nodes that are present or needed by one that is; fills ``node``."""
    deepest = int(parts.depth.max())
    for depth in range(deepest, 0, -1):
        row, column = np.nonzero(present & (parts.depth == depth))
        present[row, parts.low[column]] = True
        present[row, parts.high[column]] = True
    node[:, 0] = np.arange(len(node))
    lo, hi = grow.parts[0][6], grow.parts[0][7]
    value = np.array(parts.value, object if lo.dtype == object else np.int64)
    for depth in range(1, deepest + 1):
        row, column = np.nonzero(present & (parts.depth == depth))
        low, high = node[row, parts.low[column]], node[row, parts.high[column]]
        zero = np.zeros(len(row), np.int64)
        ends = (lo[row] * value[column], hi[row] * value[column])
        shifts, minus = parts.shift[column], parts.minus[column]
        node[row, column] = grow.add_sums(high, low, (shifts, zero), minus, depth, ends)


def _sum_trees(grow: _Growing, terms: _Terms, n_out: int) -> tuple[Ints, Ints]:
    """Sum each output's terms; a term joins when its level is done. Gives roots and shifts."""
    lo, hi, level = grow.column(6), grow.column(7), grow.column(5)
    ready = level[terms.node]
    active, now = terms.take(slice(0, 0)), 0
    while True:
        active = active.join(terms.take(ready == now))
        if now >= ready.max(initial=0) and len(active.output) == n_out:
            break
        now += 1
        active, lo, hi = _sum_level(grow, active, lo, hi, now)
    order = np.argsort(active.output)
    return active.node[order], active.shift[order]


def _sum_level(
    grow: _Growing, active: _Terms, lo: Codes, hi: Codes, level: int
) -> tuple[_Terms, Codes, Codes]:
    """Add neighbours of one output, alike in shift; an odd one waits."""
    active = active.take(np.lexsort((active.node, active.shift, active.output)))
    starts = np.r_[0, np.flatnonzero(np.diff(active.output)) + 1]
    sizes = np.diff(np.r_[starts, len(active.output)])
    rank = np.arange(len(active.output)) - np.repeat(starts, sizes)
    paired = rank < np.repeat(sizes // 2 * 2, sizes)
    first, second = active.take(paired & (rank % 2 == 0)), active.take(paired & (rank % 2 == 1))
    swap = first.negative & ~second.negative
    index = np.where(swap, 1, 0)
    a, b = (
        np.stack([first.node, second.node])[i, np.arange(len(index))] for i in (index, 1 - index)
    )
    shifts = np.stack([first.shift, second.shift])
    sa, sb = (shifts[i, np.arange(len(index))] for i in (index, 1 - index))
    common = np.minimum(sa, sb)
    sa, sb = sa - common, sb - common
    minus = first.negative != second.negative
    up, down = _times_power(hi[b], sb), _times_power(lo[b], sb)
    ends = (
        _times_power(lo[a], sa) + np.where(minus, -up, down),
        _times_power(hi[a], sa) + np.where(minus, -down, up),
    )
    node = grow.add_sums(a, b, (sa, sb), minus, level, ends)
    sums = _Terms(first.output, node, common, first.negative & second.negative)
    return (
        sums.join(active.take(~paired)),
        np.concatenate([lo, ends[0]]),
        np.concatenate([hi, ends[1]]),
    )


def _times_power(values: Codes, shift: Ints) -> Codes:
    return values << (shift.astype(object) if values.dtype == object else shift)
