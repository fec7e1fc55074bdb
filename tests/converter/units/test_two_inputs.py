"""Merge, Join and MatMul, of two tensors, and Lookup: emulation against plain Python, and csim
against emulation in io_parallel and io_stream.

All cases of a test are stages of one network, each with inputs and an output of its own.
"""

from __future__ import annotations

import shutil

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tensor_cases import (
    BIG,
    RNG,
    Case,
    S,
    U,
    check_csim,
    codes_of,
    merges,
    moves,
    network,
    others,
)

from converter.errors import UnsupportedError
from converter.graph import Bounds, Edge, Implementation
from converter.types import Fixed
from converter.units.join import Join
from converter.units.lookup import Lookup
from converter.units.matmul import MatMul
from converter.units.merge import Merge, MergeOp

needs_compiler = pytest.mark.skipif(shutil.which("g++") is None, reason="needs g++")
types = st.builds(Fixed, st.integers(1, 20), st.integers(-6, 24), st.booleans())


@needs_compiler
def test_csim_of_merges() -> None:
    check_csim(merges())


@needs_compiler
def test_csim_of_the_others() -> None:
    check_csim([*others(), *moves()])


def applied(op: MergeOp, a: int, b: int) -> int:
    return {
        MergeOp.ADD: a + b,
        MergeOp.SUB: a - b,
        MergeOp.MUL: a * b,
        MergeOp.MAX: max(a, b),
        MergeOp.MIN: min(a, b),
    }[op]


@settings(max_examples=120, deadline=None)
@given(st.sampled_from(MergeOp), types, types, st.data())
def test_merges_are_exact(op: MergeOp, left: Fixed, right: Fixed, data: st.DataObject) -> None:
    unit = Merge(op, left, right, 1)
    a = data.draw(st.integers(left.code_min, left.code_max))
    b = data.draw(st.integers(right.code_min, right.code_max))
    fine = max(left.fraction, right.fraction)
    x, y, fraction = a, b, left.fraction + right.fraction
    if op is not MergeOp.MUL:
        x, y, fraction = a << fine - left.fraction, b << fine - right.fraction, fine
    wanted = applied(op, x, y)
    for dtype in (np.int64, object):
        got = unit.emulate(np.array([[a]], dtype), np.array([[b]], dtype))
        assert int(got[0, 0]) == wanted
    assert unit.output_type.fraction == fraction
    assert unit.output_type.code_min <= wanted <= unit.output_type.code_max


@settings(max_examples=120, deadline=None)
@given(st.sampled_from(MergeOp), types, types, st.data())
def test_bounds_of_merges_are_reached(
    op: MergeOp, left: Fixed, right: Fixed, data: st.DataObject
) -> None:
    ends = []
    for t in (left, right):
        codes = st.integers(t.code_min, t.code_max)
        ends.append(sorted([data.draw(codes), data.draw(codes)]))
    unit = Merge(op, left, right, 1)
    given_ = tuple(Bounds(np.array([lo]), np.array([hi])) for lo, hi in ends)
    got = unit.bounds(given_)
    corners = [
        int(unit.emulate(np.array([[a]], object), np.array([[b]], object))[0, 0])
        for a in ends[0]
        for b in ends[1]
    ]
    assert (int(got.lo[0]), int(got.hi[0])) == (min(corners), max(corners))


@pytest.mark.parametrize("dtypes", [("f4", "f8"), ("f4", "i8"), ("i8", "f8"), ("f4", "O")])
def test_merges_of_codes_in_any_carrier(dtypes: tuple[str, str]) -> None:
    rng = np.random.default_rng(0)
    a, b = rng.integers(-128, 128, (9, 4)), rng.integers(0, 64, (9, 4))
    for op in MergeOp:
        unit = Merge(op, S, U, 4)
        got = unit.emulate(a.astype(dtypes[0]), b.astype(dtypes[1]))
        assert np.array_equal(got.astype(object), unit.emulate(a, b).astype(object))
    joined = Join(2, 2, 2, S)
    got = joined.emulate(a.astype(dtypes[0]), b.astype(dtypes[1]))
    assert np.array_equal(got.astype(object), joined.emulate(a, b).astype(object))


def test_a_join_is_a_concatenation() -> None:
    a, b = RNG.integers(-9, 9, (3, 2, 3, 4)), RNG.integers(-9, 9, (3, 2, 5, 4))
    got = Join(2, 12, 20, S).emulate(a.reshape(3, -1), b.reshape(3, -1))
    assert np.array_equal(got, np.concatenate([a, b], axis=2).reshape(3, -1))
    sides = [Bounds(x.min(axis=0).ravel(), x.max(axis=0).ravel()) for x in (a, b)]
    bounds = Join(2, 12, 20, S).bounds(tuple(sides))
    assert np.array_equal(bounds.lo, got.min(axis=0))
    assert np.array_equal(bounds.hi, got.max(axis=0))


@settings(max_examples=40, deadline=None)
@given(types, types, st.integers(1, 3), st.integers(1, 4), st.integers(1, 3))
def test_a_product_is_exact_and_within_bounds(
    left: Fixed, right: Fixed, rows: int, inner: int, columns: int
) -> None:
    unit = MatMul(2, rows, inner, columns, left, right)
    a, b = (
        codes_of(Edge("x", (n,), t, Bounds.of_type(t, n)))
        for n, t in ((2 * rows * inner, left), (2 * inner * columns, right))
    )
    wanted = np.matmul(
        a.astype(object).reshape(-1, 2, rows, inner),
        b.astype(object).reshape(-1, 2, inner, columns),
    ).reshape(len(a), -1)
    assert (unit.emulate(a, b).astype(object) == wanted).all()
    got = unit.bounds((Bounds(a.min(axis=0), a.max(axis=0)), Bounds(b.min(axis=0), b.max(axis=0))))
    assert (got.lo <= wanted.min(axis=0)).all()
    assert (got.hi >= wanted.max(axis=0)).all()
    whole = unit.bounds((Bounds.of_type(left, a.shape[1]), Bounds.of_type(right, b.shape[1])))
    t = unit.output_type
    assert t.code_min <= int(whole.lo.min()) <= int(whole.hi.max()) <= t.code_max


def test_wide_products_are_exact() -> None:
    unit = MatMul(1, 2, 3, 2, BIG, BIG)
    a, b = (codes_of(Edge("x", (6,), BIG, Bounds.of_type(BIG, 6))).astype(object) for _ in "ab")
    wanted = np.matmul(a.reshape(-1, 2, 3), b.reshape(-1, 3, 2)).reshape(len(a), -1)
    assert (unit.emulate(a, b) == wanted).all()


@pytest.mark.parametrize("t", [Fixed(8, 8), Fixed(8, 4), Fixed(9, 12), Fixed(4, 4, False)])
def test_an_index_beyond_the_table_takes_the_nearest_row(t: Fixed) -> None:
    table = np.arange(20).reshape(10, 2)
    unit = Lookup(1, table, t, Fixed(6, 6))
    codes = np.arange(t.code_min, t.code_max + 1)[:, np.newaxis]
    rows = np.clip(np.floor(codes[:, 0] * 2.0**-t.fraction), 0, 9).astype(int)
    for dtype in (np.float32, np.int64, object):
        assert np.array_equal(unit.emulate(codes.astype(dtype)), table[rows])
    lo, hi = t.code_min // 2, t.code_max
    got = unit.bounds((Bounds(np.array([lo]), np.array([hi])),))
    reached = table[rows[(codes[:, 0] >= lo) & (codes[:, 0] <= hi)]]
    assert np.array_equal(got.lo, reached.min(axis=0))
    assert np.array_equal(got.hi, reached.max(axis=0))


@pytest.mark.parametrize(
    "case",
    [
        Case(Join(1, 4, 6, S), ((2, 2), (2, 3)), (S, S), (10,)),
        Case(MatMul(1, 2, 3, 4, S, U), ((6,), (3, 4)), (S, U), (2, 4)),
        Case(Lookup(4, np.ones((3, 2), int), U, S), ((4,),), (U,), (8,)),
        Case(Merge(MergeOp.ADD, S, U, 6), ((6,), (2, 3)), (S, U), (6,)),
    ],
    ids=lambda case: type(case.unit).__name__,
)
def test_beats_that_do_not_fit_are_refused(case: Case) -> None:
    typed = network([case])
    inputs = tuple(typed.edges[i] for i in typed.inputs)
    with pytest.raises(UnsupportedError, match=r"^u0: in io_stream"):
        case.unit.hls_stream(Implementation(), inputs, typed.edges["u0"])
