"""Shared pairs: the sums stay what they were, whatever is shared, and within their room."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from converter.netlist.cse import Order, Pair, Shared, Term, by_lower, by_newer, by_sum, eliminate

N_NODES = 5

TERMS = st.dictionaries(
    st.tuples(st.integers(0, N_NODES - 1), st.integers(0, 9)), st.booleans(), max_size=24
)


def terms_of(digits: dict[tuple[int, int], bool]) -> list[Term]:
    return [Term(node, shift, negative) for (node, shift), negative in digits.items()]


def value(terms: list[Term] | tuple[Term, ...], words: list[int]) -> int:
    return sum((-1 if t.negative else 1) * (words[t.node] << t.shift) for t in terms)


def words_of(pairs: tuple[Pair, ...], x: list[int]) -> list[int]:
    """The first nodes, and every pair of nodes before it."""
    words = list(x)
    for pair in pairs:
        second = words[pair.b] << pair.shift
        words.append(words[pair.a] - second if pair.minus else words[pair.a] + second)
    return words


def load(shared: Shared, j: int) -> int:
    return sum(1 << shared.depth[t.node] for t in shared.terms[j])


@settings(max_examples=60, deadline=None)
@given(
    st.lists(TERMS, min_size=1, max_size=6),
    st.lists(st.integers(-1000, 1000), min_size=N_NODES, max_size=N_NODES),
    st.sampled_from([by_lower, by_newer, by_sum]),
    st.sampled_from([0, 1, 3, math.inf]),
)
def test_sums_keep_their_values_and_their_room(
    digits: list[dict[tuple[int, int], bool]], x: list[int], order: Order, extra: float
) -> None:
    sums = [terms_of(d) for d in digits]
    rooms = [(1 << max(len(s) - 1, 0).bit_length()) * 2**extra for s in sums]
    shared = eliminate(sums, N_NODES, rooms, order)
    words = words_of(shared.pairs, x)
    for j, terms in enumerate(sums):
        assert value(shared.terms[j], words) == value(terms, words)
        assert load(shared, j) <= rooms[j]
    for k, pair in enumerate(shared.pairs):
        below = max(shared.depth[pair.a], shared.depth[pair.b])
        assert shared.depth[N_NODES + k] == below + 1


def adders(shared: Shared) -> int:
    return len(shared.pairs) + sum(max(len(t) - 1, 0) for t in shared.terms)


@settings(max_examples=60, deadline=None)
@given(st.lists(TERMS, min_size=1, max_size=6), st.sampled_from([by_newer, by_sum]))
def test_no_pair_is_left_twice_and_none_costs_more_than_it_saves(
    digits: list[dict[tuple[int, int], bool]], order: Order
) -> None:
    sums = [terms_of(d) for d in digits]
    shared = eliminate(sums, N_NODES, [math.inf] * len(sums), order)
    assert adders(shared) <= sum(max(len(s) - 1, 0) for s in sums)
    again = eliminate(shared.terms, N_NODES + len(shared.pairs), [math.inf] * len(sums), order)
    assert again.pairs == ()


def test_a_pair_is_found_under_any_shift_and_sign() -> None:
    """x0 + 4 x1 stands in all of three sums, as it is, shifted by 3, and negative."""
    plain = [Term(0, 0, False), Term(1, 2, False)]
    shifted = [Term(0, 3, False), Term(1, 5, False), Term(2, 0, False)]
    negative = [Term(0, 1, True), Term(1, 3, True), Term(2, 7, True)]
    shared = eliminate([plain, shifted, negative], 3, [math.inf] * 3)
    assert shared.pairs == (Pair(0, 1, 2, False),)
    assert shared.terms[0] == (Term(3, 0, False),)
    assert shared.terms[1] == (Term(2, 0, False), Term(3, 3, False))
    assert shared.terms[2] == (Term(3, 1, True), Term(2, 7, True))


def test_overlapping_occurrences_of_a_pair_are_not_taken_twice() -> None:
    """In x + 4x + 16x the pair x + 4x begins at 1 and at 4, and only one of them can be."""
    chain = [Term(0, 0, False), Term(0, 2, False), Term(0, 4, False)]
    assert eliminate([chain], 1, [math.inf]).pairs == ()
    twice = eliminate([chain, chain], 1, [math.inf] * 2)
    assert adders(twice) == 2  # once x + 4x, once with 16x, and both sums are the same node


@pytest.mark.parametrize(("room", "pairs"), [(4, 0), (5, 1)])
def test_a_sum_without_room_keeps_its_terms(room: int, pairs: int) -> None:
    """Two sums have x0 - x1 and x2 in common: the second pair would be two additions deep."""
    common = [Term(0, 0, False), Term(1, 0, True)]
    sums = [[*common, Term(2, 0, False)], [*common, Term(2, 0, False), Term(3, 0, False)]]
    shared = eliminate(sums, 4, [room - 1, room])
    assert len(shared.pairs) == 1 + pairs


def test_the_order_of_terms_changes_nothing() -> None:
    sums = [terms_of({(k % 5, k % 7): k % 3 == 0 for k in range(start, 40, 2)}) for start in (0, 1)]
    rooms = [math.inf, math.inf]
    assert eliminate(sums, 5, rooms) == eliminate([s[::-1] for s in sums], 5, rooms)
