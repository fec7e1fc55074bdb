"""Distributed arithmetic of whole matrices: exact for every input, and of few additions."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from converter.netlist import shift_add
from converter.netlist.adders import Adders, build
from converter.netlist.digits import csd
from converter.netlist.shift_add import plan_shift_add
from converter.netlist.shift_add_graph import build_shift_add
from converter.netlist.spanning import differences, span
from converter.types import Codes


def evaluate(graph: Adders, x: Codes) -> Codes:
    """Outputs [rows, n_out] in Python integers; every node is held to its interval and width."""
    words: list[Any] = [x[:, n].astype(object) for n in range(graph.n_in)]
    words += [np.full(len(x), int(c), object) for c in graph.lo[graph.n_in : graph.first_sum]]
    for n in range(graph.first_sum, len(graph.level)):
        a, b = int(graph.a[n]), int(graph.b[n])
        assert max(a, b) < n
        assert graph.level[n] == 1 + max(graph.level[a], graph.level[b])
        first, second = words[a] << int(graph.a_shift[n]), words[b] << int(graph.b_shift[n])
        words.append(first - second if graph.minus[n] else first + second)
    for n, word in enumerate(words):
        assert int(word.min()) >= int(graph.lo[n])
        assert int(word.max()) <= int(graph.hi[n])
    roots = zip(graph.root.tolist(), graph.root_shift.tolist(), strict=True)
    return np.stack([words[node] << shift for node, shift in roots], axis=1)


def check(weights: Any, bias: Any = None, shift: int = 0, bits: int = 8, extra: Any = 2) -> Adders:
    weights = np.array(weights)
    bias = np.zeros(weights.shape[1], np.int64) if bias is None else np.array(bias)
    dtype = object if weights.dtype == object or bits > 40 else np.int64
    lo = np.full(len(weights), -(1 << bits - 1), dtype)
    hi = -lo - 1
    graph = build_shift_add(weights.astype(dtype), bias.astype(dtype), shift, lo, hi, extra)
    rng = np.random.default_rng(0)
    noise = rng.integers(-(1 << 30), 1 << 30, (20, len(weights))).astype(object)
    x = np.concatenate([lo + noise % (hi - lo + 1), [lo, hi, 0 * lo]])
    for j in range(weights.shape[1]):  # what gives each output its ends
        x = np.concatenate([x, [np.where(weights[:, j] > 0, hi, lo)]])
        x = np.concatenate([x, [np.where(weights[:, j] > 0, lo, hi)]])
    exact = (x.astype(object) @ weights.astype(object)) * (1 << shift) + bias.astype(object)
    assert (evaluate(graph, x) == exact).all()
    return graph


MATRICES = st.tuples(st.integers(1, 6), st.integers(1, 6)).flatmap(
    lambda size: st.lists(
        st.lists(
            st.one_of(st.integers(-128, 127), st.sampled_from([0, 1, -1, 64, -128, 85, -86])),
            min_size=size[1],
            max_size=size[1],
        ),
        min_size=size[0],
        max_size=size[0],
    )
)


@settings(max_examples=80, deadline=None)
@given(MATRICES, st.integers(0, 3), st.sampled_from([0, 1, 2, None]), st.data())
def test_the_graph_is_the_product(
    weights: list[list[int]], shift: int, extra: int | None, data: Any
) -> None:
    n_out = len(weights[0])
    numbers = st.lists(st.integers(-1000, 1000), min_size=n_out, max_size=n_out)
    check(weights, data.draw(st.one_of(st.none(), numbers)), shift, extra=extra)


def test_intervals_are_the_ends_that_are_reached() -> None:
    """Also of sums of nodes that have inputs in common, where interval arithmetic is wider."""
    graph = check([[7, 23, -9], [5, -46, 18]])
    ends = np.array([[12, 69, 27]]).T * np.array([-128, 127])
    low = np.minimum(ends[:, 0], ends[:, 1])
    assert (graph.lo[graph.root] << graph.root_shift >= low - 69).all()
    x = np.array(np.meshgrid([-128, 127], [-128, 127])).reshape(2, -1).T
    outputs = evaluate(graph, x)
    assert (graph.lo[graph.root] << graph.root_shift == outputs.min(axis=0)).all()
    assert (graph.hi[graph.root] << graph.root_shift == outputs.max(axis=0)).all()


@pytest.mark.parametrize(
    ("weights", "adders"),
    [
        ([[0]], 0),
        ([[1]], 0),
        ([[64]], 0),
        ([[-1]], 1),  # 0 - x
        ([[7]], 1),  # 8x - x
        ([[-7]], 1),  # x - 8x
        ([[45]], 2),  # 5 * 9
        ([[7, 7, 7]], 1),  # equal columns are one
        ([[7, 14, 0, 28]], 1),  # and so are those that are shifted
        ([[0, 0], [0, 0]], 0),
        ([[1, 2], [1, 2]], 1),
        ([[1, -1], [-1, 1]], 2),
        ([[3, 3], [5, 5]], 3),
    ],
)
def test_small_matrices_have_the_adders_that_they_need(
    weights: list[list[int]], adders: int
) -> None:
    assert np.count_nonzero(check(weights).bits) == adders


def test_wide_codes_and_weights() -> None:
    """Past 64 bits in inputs, in weights, and in both."""
    check([[5, -3], [7, 11]], bias=[1, -1], bits=100)
    wide = np.array([[(1 << 90) + 12345, -(1 << 70)], [3, (1 << 100) - 1]], object)
    check(wide, bias=np.array([1 << 80, 0], object))
    check(wide, shift=40, bits=70)


def test_columns_that_differ_little_are_told_by_their_differences() -> None:
    """A second column with one digit more costs one addition, whatever the first costs."""
    first = np.random.default_rng(3).integers(129, 256, (12, 1))
    second = first.copy()
    second[4] += 2
    both = plan_shift_add(np.hstack([first, second]), None).adders
    assert both == plan_shift_add(first, None).adders + 1
    opposite = plan_shift_add(np.hstack([first, -second]), None).adders
    assert opposite == both


@settings(max_examples=40, deadline=None)
@given(MATRICES, st.integers(0, 2))
def test_the_tree_and_the_depth(weights: list[list[int]], extra: int) -> None:
    matrix = np.array(weights)
    digits = [sum(len(csd(abs(int(w)))) for w in column) for column in matrix.T]
    depth = max(max(d - 1, 0).bit_length() for d in digits) + extra
    links = span(matrix, depth, None)
    parts = differences(matrix, links)
    for j, link in enumerate(links):
        whole = parts[:, j].copy()
        if link.parent >= 0:
            whole += (-1 if link.minus else 1) * matrix[:, link.parent]
            assert links[link.parent].height > link.height
        assert (whole == matrix[:, j]).all()
    no_sign = np.where(matrix.max(axis=0) < 0, -matrix, matrix)
    assert check(no_sign, extra=extra).levels <= depth + 1  # 0 - x, where it is needed


@pytest.mark.parametrize(
    ("n", "extra", "published"),
    [(2, None, 8.6), (4, None, 29.2), (8, None, 98.1), (2, 2, 8.7), (4, 2, 29.6), (8, 2, 101.8)],
)
def test_adders_of_random_matrices_are_as_few_as_published(
    n: int, extra: int | None, published: float
) -> None:
    """Means of da4ml, as in ``benchmarks/shift_add.py``; ours are of other draws."""
    rng = np.random.default_rng(n)
    matrices = [rng.integers(129, 256, (n, n)) for _ in range(20 if n < 8 else 8)]
    assert np.mean([plan_shift_add(m, extra).adders for m in matrices]) <= published


def test_fewer_adders_and_bits_than_a_tree_for_each_output() -> None:
    weights = np.random.default_rng(1).integers(-32, 32, (16, 32))
    lo, hi, bias = np.full(16, -128), np.full(16, 127), np.zeros(32, np.int64)
    shared, plain = build_shift_add(weights, bias, 0, lo, hi), build(weights, bias, 0, lo, hi)
    assert np.count_nonzero(shared.bits) < 0.9 * np.count_nonzero(plain.bits)
    assert shared.bits.sum() < 0.9 * plain.bits.sum()


def test_a_matrix_that_is_too_large_to_look_at_whole_is_shared_in_blocks(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    weights = np.random.default_rng(1).integers(-128, 128, (40, 6))
    whole = plan_shift_add(weights, 3).adders
    monkeypatch.setattr(shift_add, "LARGEST_SEARCH", 3000)
    shift_add.search.cache_clear()
    blocks = plan_shift_add(weights, 3).adders
    digits = sum(len(csd(abs(int(w)))) for w in weights.ravel())
    assert whole < blocks < 0.9 * (digits - 6)
    check(weights, extra=3)
    shift_add.search.cache_clear()


@pytest.mark.slow
def test_a_layer_of_64_by_64_takes_seconds() -> None:
    weights = np.random.default_rng(5).integers(-128, 128, (64, 64))
    start = time.process_time()
    adders = plan_shift_add(weights).adders
    assert time.process_time() - start < 20  # 5 to 7 on one idle core
    assert adders < 5000
    check(weights)
