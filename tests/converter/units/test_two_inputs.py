"""Merge, Join and MatMul, of two tensors, and Lookup: emulation against plain Python, and csim
against emulation in io_parallel and io_stream.

All cases of a test are stages of one network, each with inputs and an output of its own.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass, replace
from math import prod

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from converter.csim import csim
from converter.emulate import emulate_codes
from converter.errors import UnsupportedError
from converter.graph import Bounds, Edge, Implementation, IOType, Stage, TypedGraph
from converter.types import Fixed, Overflow, Rounding
from converter.units.base import Unit
from converter.units.join import Join
from converter.units.lookup import Lookup
from converter.units.matmul import MatMul
from converter.units.merge import Merge, MergeOp
from converter.units.reindex import FILL, Reindex

needs_compiler = pytest.mark.skipif(shutil.which("g++") is None, reason="needs g++")
RNG = np.random.default_rng(6)
S, U = Fixed(8, 4), Fixed(6, 3, signed=False)
FINE, COARSE = Fixed(5, -2, signed=False), Fixed(5, 5, signed=False)
ROUNDED = Fixed(8, 4, True, Rounding.RND, Overflow.SAT)
BIG = Fixed(60, 20)

types = st.builds(Fixed, st.integers(1, 20), st.integers(-6, 24), st.booleans())


@dataclass(frozen=True, eq=False)
class Case:
    """A unit with its inputs' shapes and types, and its output's shape."""

    unit: Unit
    shapes: tuple[tuple[int, ...], ...]
    types: tuple[Fixed, ...]
    output: tuple[int, ...]


def network(cases: list[Case]) -> TypedGraph:
    edges: dict[str, Edge] = {}
    stages: list[Stage] = []
    for k, one in enumerate(cases):
        for j, (shape, t) in enumerate(zip(one.shapes, one.types, strict=True)):
            name = f"x{k}_{j}"
            edges[name] = Edge(name, shape, t, Bounds.of_type(t, prod(shape)))
    inputs = tuple(edges)
    for k, one in enumerate(cases):
        t = one.unit.output_type
        edges[f"u{k}"] = Edge(f"u{k}", one.output, t, Bounds.of_type(t, one.unit.size))
        names = tuple(f"x{k}_{j}" for j in range(len(one.shapes)))
        stages.append(Stage(f"u{k}", f"u{k}", one.unit, names))
    return TypedGraph("units", edges, tuple(stages), inputs, tuple(s.name for s in stages))


def codes_of(edge: Edge, rows: int = 25) -> np.ndarray:
    """Random codes, the extremes among them."""
    t = edge.type
    codes = RNG.integers(t.code_min, t.code_max, (rows, edge.size), endpoint=True)
    codes[0], codes[1] = t.code_min, t.code_max
    return codes


def check(cases: list[Case]) -> None:
    typed = network(cases)
    codes = {n: codes_of(typed.edges[n]) for n in typed.inputs}
    expected = emulate_codes(typed, dict(codes))
    for io_type in IOType:
        got = csim(replace(typed, io_type=io_type), codes)
        for k, one in enumerate(cases):
            same = expected[f"u{k}"].astype(object) == got[f"u{k}"].astype(object)
            assert same.all(), f"{io_type.value}: {one}"
    for stage in typed.stages:
        inputs, output = tuple(typed.edges[i] for i in stage.inputs), typed.edges[stage.name]
        actor = stage.unit.actor(Implementation(), inputs, output)
        assert actor.reads.sum(axis=0).tolist() == [x.beats for x in inputs]
        assert int(actor.writes.sum()) == output.beats


def merges() -> list[Case]:
    pairs = [(S, U), (U, S), (COARSE, FINE), (S, S), (BIG, S)]
    halved = Merge(MergeOp.ADD, S, U, 24, halvings=3)
    assert halved.output_type.integer == Merge(MergeOp.ADD, S, U, 24).output_type.integer - 3
    return [Case(halved, ((24,), (24,)), (S, U), (24,))] + [
        Case(Merge(op, left, right, 24), (shape, shape), (left, right), shape)
        for op in MergeOp
        for left, right in pairs
        for shape in ((24,), (2, 3, 4))
    ]


def others() -> list[Case]:
    table = RNG.integers(-100, 100, (10, 3))
    index, signed, halves = Fixed(5, 5, False), Fixed(8, 5), Fixed(3, 5)
    return [
        Case(Join(6, 4, 2, S), ((2, 3, 4), (2, 3, 2)), (S, S), (2, 3, 6)),
        Case(Join(2, 12, 4, S), ((2, 3, 4), (2, 1, 4)), (S, ROUNDED), (2, 4, 4)),
        Case(Join(1, 5, 3, ROUNDED), ((5,), (3,)), (S, ROUNDED), (8,)),
        Case(Join(1, 6, 12, S), ((2, 3), (4, 3)), (S, S), (6, 3)),
        Case(Join(1, 3, 3, S), ((1, 3), (1, 3)), (S, S), (2, 3)),
        Case(MatMul(1, 2, 3, 4, S, U), ((2, 3), (3, 4)), (S, U), (2, 4)),
        Case(MatMul(3, 2, 3, 4, U, S), ((3, 2, 3), (3, 3, 4)), (U, S), (3, 2, 4)),
        Case(MatMul(1, 1, 5, 1, U, U), ((5,), (1, 5)), (U, U), (1,)),
        Case(MatMul(1, 4, 2, 1, S, S), ((4, 2), (2, 1)), (S, S), (4, 1)),
        Case(Lookup(5, table, index, S), ((5,),), (index,), (5, 3)),
        Case(Lookup(6, table, signed, S), ((2, 3),), (signed,), (2, 3, 3)),
        Case(Lookup(1, table, halves, S), ((1,),), (halves,), (1, 3)),
    ]


def moves() -> list[Case]:
    x = np.arange(24).reshape(2, 3, 4)
    maps = {
        "flat": x.ravel(),
        "split": x.reshape(12, 2),
        "two_to_one": x.reshape(3, 8),
        "regrouped": x.reshape(4, 6),
        "positions": x.transpose(1, 0, 2),
        "channels": x.transpose(2, 0, 1),
        "padded": np.pad(x, ((1, 0), (1, 2), (0, 0)), constant_values=FILL),
        "padded_lanes": np.pad(x, ((0, 0), (0, 0), (1, 1)), constant_values=FILL),
        "cropped": x[:, 1:, :2],
        "up_sampled": np.repeat(np.repeat(x, 2, 0), 2, 1),
        "only_fill": np.full((2, 2), FILL),
        "reversed": x[:, :, ::-1],
        "tiled": np.tile(x, (2, 1, 1)),
        "random": np.random.default_rng(1).integers(-1, 24, (5, 3)),
    }
    return [
        Case(Reindex(m.astype(np.int64).ravel(), 24, t, fill), ((2, 3, 4),), (t,), m.shape)
        for m, (t, fill) in zip(maps.values(), [(S, -7), (U, 5)] * 7, strict=True)
    ]


@needs_compiler
def test_csim_of_merges() -> None:
    check(merges())


@needs_compiler
def test_csim_of_the_others() -> None:
    check([*others(), *moves()])


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
