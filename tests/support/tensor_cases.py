"""Units of one or two inputs of any shape, whose cases are stages of one network, each with inputs
and an output of its own.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import prod

import numpy as np

from converter.csim import csim
from converter.emulate import emulate_codes
from converter.graph import Bounds, Edge, Implementation, IOType, Stage, TypedGraph
from converter.rtl.simulate import rtlsim
from converter.schedule import schedule
from converter.timing import Target
from converter.types import Codes, Fixed, Overflow, Rounding
from converter.units.affine import Affine
from converter.units.base import Unit
from converter.units.join import Join
from converter.units.lookup import Lookup
from converter.units.matmul import MatMul
from converter.units.merge import Merge, MergeOp
from converter.units.prelu import PRelu
from converter.units.quantize_elements import QuantizeElements
from converter.units.reindex import FILL, Reindex

RNG = np.random.default_rng(6)
S, U = Fixed(8, 4), Fixed(6, 3, signed=False)
FINE, COARSE = Fixed(5, -2, signed=False), Fixed(5, 5, signed=False)
ROUNDED = Fixed(8, 4, True, Rounding.RND, Overflow.SAT)
BIG = Fixed(60, 20)


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


def codes_of(edge: Edge, rows: int = 25) -> Codes:
    """Random codes, the extremes among them."""
    t = edge.type
    codes = RNG.integers(t.code_min, t.code_max, (rows, edge.size), endpoint=True)
    codes[0], codes[1] = t.code_min, t.code_max
    return codes


def check_csim(cases: list[Case]) -> None:
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


def check_verilog(cases: list[Case], target: Target) -> None:
    """The Verilog of io_parallel gives the bits of the emulation, in the cycles of the facts."""
    typed = network(cases)
    codes = {n: codes_of(typed.edges[n]) for n in typed.inputs}
    expected = emulate_codes(typed, dict(codes))
    result, plan = rtlsim(typed, target, codes), schedule(typed, target)
    for k, (one, facts) in enumerate(zip(cases, plan.facts, strict=True)):
        same = expected[f"u{k}"].astype(object) == result.codes[f"u{k}"].astype(object)
        assert same.all(), one
        assert result.latency_cycles[f"u{k}"] == facts.latency_cycles, one
    assert result.interval_cycles == plan.interval_cycles


def random_type(rng: np.random.Generator, most: int = 20) -> Fixed:
    width = int(rng.integers(1, most + 1))
    return Fixed(width, int(rng.integers(-3, width + 4)), bool(rng.integers(2)))


def random_merge(rng: np.random.Generator) -> Case:
    left, right = random_type(rng), random_type(rng)
    unit = Merge(list(MergeOp)[rng.integers(5)], left, right, 3, int(rng.integers(3)))
    return Case(unit, ((3,), (3,)), (left, right), (3,))


def random_matmul(rng: np.random.Generator) -> Case:
    batch, rows, inner, columns = (int(n) for n in rng.integers(1, 5, 4))
    left, right = random_type(rng, 12), random_type(rng, 12)
    shapes = ((batch, rows, inner), (batch, inner, columns))
    unit = MatMul(batch, rows, inner, columns, left, right)
    return Case(unit, shapes, (left, right), (batch, rows, columns))


def random_lookup(rng: np.random.Generator) -> Case:
    index, out = random_type(rng, 9), random_type(rng, 12)
    entries, width, beats, lanes = (int(n) for n in rng.integers(1, (60, 5, 4, 4)))
    codes = rng.integers(out.code_min, out.code_max, (entries, width), endpoint=True)
    unit = Lookup(beats * lanes, codes, index, out)
    shape = (beats, lanes) if beats > 1 else (lanes,)
    return Case(unit, (shape,), (index,), (*shape, width))


def random_join(rng: np.random.Generator) -> Case:
    t = random_type(rng)
    shape = [int(n) for n in rng.integers(1, 4, 3)]
    axis, other = int(rng.integers(3)), int(rng.integers(1, 4))
    right, out = list(shape), list(shape)
    right[axis], out[axis] = other, shape[axis] + other
    turns = prod(shape[:axis])
    unit = Join(turns, prod(shape) // turns, prod(right) // turns, t)
    return Case(unit, (tuple(shape), tuple(right)), (t, t), tuple(out))


def random_reindex(rng: np.random.Generator) -> Case:
    t = random_type(rng)
    rows, columns, lanes = (int(n) for n in rng.integers(1, 5, 3))
    x = np.arange(rows * columns * lanes).reshape(rows, columns, lanes)
    pads = [(int(a), int(b)) for a, b in rng.integers(0, 3, (3, 2))]
    moved = np.pad(x, pads, constant_values=FILL) if rng.integers(2) else x
    moved = np.repeat(moved, int(rng.integers(1, 3)), int(rng.integers(3)))
    moved = moved.transpose(*(int(a) for a in rng.permutation(3)))
    if rng.integers(3) == 0:
        moved = moved.reshape(moved.shape[0], -1)
    fill = int(rng.integers(t.code_min, t.code_max, endpoint=True))
    unit = Reindex(moved.astype(np.int64).ravel(), x.size, t, fill)
    return Case(unit, (x.shape,), (t,), moved.shape)


def check_streams(cases: list[Case], target: Target, rows: int = 25) -> None:
    """The Verilog of io_stream gives the bits of the emulation, in the cycles of the plan, with
    gaps and back-pressure.
    """
    typed = replace(network(cases), io_type=IOType.STREAM)
    codes = {n: codes_of(typed.edges[n], rows) for n in typed.inputs}
    expected = emulate_codes(typed, dict(codes))
    result, plan = rtlsim(typed, target, codes), schedule(typed, target)
    for k, one in enumerate(cases):
        same = expected[f"u{k}"].astype(object) == result.codes[f"u{k}"].astype(object)
        assert same.all(), one
        assert result.latency_cycles[f"u{k}"] == plan.output_cycles[f"u{k}"], one
    assert result.interval_cycles == plan.interval_cycles


def large_moves() -> list[Case]:
    """Whose slots are in block RAM, whose steps come in runs, and whose selections are long."""
    square, tall = np.arange(1296).reshape(12, 12, 9), np.arange(280).reshape(70, 2, 2)
    wide, deep = np.arange(1200).reshape(24, 25, 2), np.arange(289).reshape(17, 17, 1)
    maps = [
        (square, square.transpose(1, 0, 2)),
        (square, np.pad(square[::-1], ((0, 3), (0, 0), (1, 0)), constant_values=FILL)),
        (wide, np.pad(wide, ((3, 2), (2, 4), (0, 0)), constant_values=FILL)),
        (wide, np.repeat(np.repeat(wide, 2, 0), 2, 1)),
        (deep, deep.transpose(1, 0, 2)),
        (tall, tall.transpose(2, 0, 1)),
        (tall, tall.transpose(2, 0, 1).ravel()),
    ]
    return [
        Case(Reindex(m.astype(np.int64).ravel(), x.size, S, -3), (x.shape,), (S,), m.shape)
        for x, m in maps
    ]


def random_constants(rng: np.random.Generator) -> list[Case]:
    """Units of one constant or type per element, of a frame of several beats."""
    shape = tuple(int(n) for n in rng.integers(2, 5, 2))
    size, t = prod(shape), random_type(rng, 12)
    out = Fixed(9, int(rng.integers(2, 9)), True, Rounding.RND, Overflow.SAT)
    scale = Fixed(int(rng.integers(2, 9)), 2)
    scales = rng.integers(scale.code_min, scale.code_max, size, endpoint=True)
    extra = int(rng.integers(0, 3))
    accum = Fixed(32, 32 - t.fraction - scale.fraction - extra)
    units: list[Unit] = [
        PRelu(scales, scale, t, out),
        Affine(scales, scale, rng.integers(-500, 500, size), t, accum),
        random_elements(rng, t, size),
    ]
    return [Case(unit, (shape,), (t,), shape) for unit in units]


def random_elements(rng: np.random.Generator, t: Fixed, size: int) -> QuantizeElements:
    hull = Fixed(16, 8, True, Rounding.RND, Overflow.SAT)
    kinds = rng.integers((0, -2, 0), (7, 5, 2), (3, 3))
    width, fraction, signed = kinds[rng.integers(0, 3, size)].T.copy()
    overflow = (Overflow.WRAP, Overflow.SAT)[rng.integers(2)]
    return QuantizeElements(t, hull, width, fraction, signed, Rounding.RND, overflow)
