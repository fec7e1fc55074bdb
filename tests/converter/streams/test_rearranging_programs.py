"""The C++ of units that rearrange or bring together tensors reads and writes as its actor says,
with FIFOs of the computed depths, frame after frame.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from streaming import INPUT, Net, expected_trace, run_processes, to_outside

from converter.backends.hls.vectors import drawn_codes
from converter.dataflow import network
from converter.emulate import emulate_codes
from converter.graph import TypedGraph, frozen_array
from converter.tokens import token_plan
from converter.types import Fixed
from converter.units.join import Join
from converter.units.lookup import Lookup
from converter.units.matmul import MatMul
from converter.units.merge import Merge, MergeOp
from converter.units.reindex import FILL, Reindex

pytestmark = pytest.mark.skipif(shutil.which("g++") is None, reason="needs g++")

FRAMES = 3
FRAME = np.arange(5 * 4 * 3).reshape(5, 4, 3)
MAPS = {
    "flat": FRAME.ravel(),
    "split": FRAME.reshape(60, 1),
    "regrouped": FRAME.reshape(10, 6),
    "odd_groups": FRAME.reshape(12, 5),
    "turned": FRAME.transpose(1, 0, 2),
    "channels_first": FRAME.transpose(2, 0, 1),
    "padded": np.pad(FRAME, ((1, 0), (2, 1), (0, 0)), constant_values=FILL),
    "padded_lanes": np.pad(FRAME, ((0, 0), (0, 0), (0, 2)), constant_values=FILL),
    "cropped": FRAME[1:, 1:3],
    "up_sampled": np.repeat(np.repeat(FRAME, 2, axis=0), 3, axis=1),
    "tiled": np.tile(FRAME, (2, 1, 1)),
    "reversed": FRAME[::-1, ::-1, ::-1],
    "only_the_constant": np.full((2, 3), FILL),
    "random": np.random.default_rng(3).integers(-1, 60, (9, 4)),
}


def moved(made: Net, x: str, places: np.ndarray, fill: int = 0) -> str:
    edge = made.edges[x]
    unit = Reindex(frozen_array(places.ravel(), np.int64), edge.size, edge.type, fill)
    return made.stage(unit, places.shape, x, kind="move")


def moves(made: Net) -> TypedGraph:
    """All maps of one input, side by side: a fork for many readers of different pace."""
    x = made.input(*FRAME.shape)
    return made.graph(*(moved(made, x, places, 7) for places in MAPS.values()))


def twice(made: Net) -> TypedGraph:
    """Moves that follow moves, of which the second needs a frame, and one that undoes them."""
    x = moved(made, made.input(*FRAME.shape), FRAME.transpose(1, 0, 2))
    places = np.arange(60).reshape(4, 5, 3)
    y = moved(made, x, np.pad(places, ((1, 1), (1, 1), (0, 0)), constant_values=FILL))
    z = moved(made, x, places.transpose(1, 0, 2))
    return made.graph(y, z)


def joins(made: Net) -> TypedGraph:
    """Along the channels, along the rows, and with a copy that comes late."""
    x, y = made.input(4, 3, 2), made.input(4, 3, 2)
    whole = np.arange(24).reshape(4, 3, 2)
    late = moved(made, x, whole[::-1])
    channels = made.stage(Join(12, 2, 2, INPUT), (4, 3, 4), x, late)
    rows = made.stage(Join(1, 24, 24, INPUT), (8, 3, 2), y, x)
    columns = made.stage(Join(4, 6, 6, INPUT), (4, 6, 2), x, y)
    return made.graph(channels, rows, columns)


def merges(made: Net) -> TypedGraph:
    """Broadcasts of a vector and of a channel, and an input with itself."""
    x, y = made.input(4, 3, 2), made.input(2)
    wide = moved(made, y, np.broadcast_to(np.arange(2), (4, 3, 2)))
    whole = np.arange(24).reshape(4, 3, 2)
    gate = moved(made, x, np.repeat(whole[..., :1], 2, axis=2))
    outputs = [
        made.stage(Merge(op, INPUT, INPUT, 24), (4, 3, 2), left, right)
        for op, left, right in (
            (MergeOp.ADD, x, wide),
            (MergeOp.MUL, x, gate),
            (MergeOp.SUB, x, x),
        )
    ]
    return made.graph(*outputs)


def products(made: Net) -> TypedGraph:
    """A matrix with itself, turned; a batch; vectors; and rows that are looked up."""
    x, y, words = made.input(4, 3), made.input(2, 3, 4), made.input(5, of=Fixed(4, 4, False))
    turned = moved(made, x, np.arange(12).reshape(4, 3).T)
    square = made.stage(MatMul(1, 4, 3, 4, INPUT, INPUT), (4, 4), x, turned)
    other = moved(made, y, np.arange(24).reshape(2, 3, 4).transpose(0, 2, 1))
    batch = made.stage(MatMul(2, 3, 4, 3, INPUT, INPUT), (2, 3, 3), y, other)
    table = np.random.default_rng(0).integers(-99, 99, (11, 3))
    rows = made.stage(Lookup(5, frozen_array(table), Fixed(4, 4, False), INPUT), (5, 3), words)
    a, b = (moved(made, rows, np.arange(15)[s]) for s in (slice(0, 6), slice(6, 12)))
    dot = made.stage(MatMul(1, 1, 6, 1, INPUT, INPUT), (1,), a, b)
    return made.graph(square, batch, rows, dot)


def columns(made: Net) -> TypedGraph:
    """A frame's columns with each other: the rows on the left wait for all on the right, while
    both are made of the same beats, which come at the pace of a slower reader.
    """
    x = made.input(2, 4, 3)
    slow = moved(made, x, np.tile(np.arange(24).reshape(2, 4, 3), (4, 1, 1)))
    places = np.moveaxis(np.arange(24).reshape(2, 4, 3), 1, -1).reshape(6, 4)
    left, right = moved(made, x, places), moved(made, x, places.T)
    product = made.stage(MatMul(1, 6, 4, 6, INPUT, INPUT), (6, 6), left, right)
    return made.graph(product, slow)


@pytest.mark.parametrize("make", [moves, twice, joins, merges, products, columns])
def test_processes_follow_their_actors(make: Callable[[Net], TypedGraph], tmp_path: Path) -> None:
    typed = make(Net())
    codes = drawn_codes(typed, FRAMES)
    run = run_processes(typed, codes, token_plan(typed).depths, tmp_path)
    assert run is not None, "a deadlock"
    expected = emulate_codes(typed, dict(codes))
    for name in typed.outputs:
        assert (run.outputs[name] == expected[name]).all(), name
    for place, process in enumerate(network(typed).processes):
        seen = to_outside(run.traces[place], process)
        assert seen == expected_trace(process, FRAMES), (process.kind, process.name)
