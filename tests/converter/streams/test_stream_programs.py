"""The C++ of every process reads and writes as its actor says, and all of them side by side, with
FIFOs of the computed depths, come to their end with the right bits.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from streaming import (
    HIDDEN,
    INPUT,
    Net,
    expected_trace,
    run_processes,
    svhn,
    to_outside,
)  # fmt: skip

from converter.backends.hls.vectors import drawn_codes
from converter.dataflow import network
from converter.emulate import emulate_codes
from converter.graph import TypedGraph
from converter.tokens import LEAST_DEPTH, token_plan
from converter.types import Fixed
from converter.units.affine import Affine
from converter.units.join import Join
from converter.units.reindex import Reindex
from converter.units.requantize import Requantize
from converter.units.softmax import Softmax
from converter.units.table import Table
from converter.units.threshold import Threshold

pytestmark = pytest.mark.skipif(shutil.which("g++") is None, reason="needs g++")

FRAMES = 3


def convolutions(made: Net) -> TypedGraph:
    """Valid and same, strides, even kernels, shared multipliers, pooling, dense layers."""
    x = made.relu(made.conv(made.input(9, 8, 2), 3, same=True))
    x = made.relu(made.conv(x, 4, stride=2, same=True))
    x = made.relu(made.conv(x, 4, kernel=2, reuse=8))
    x = made.pool(made.relu(made.conv(x, 3, kernel=1, reuse=4)))
    x = made.relu(made.dense(made.flatten(x), 5, reuse=3))
    return made.graph(made.dense(x, 3))


def residuals(made: Net) -> TypedGraph:
    """Blocks around convolutions, one with shared multipliers; an edge is an output as well."""
    x = made.pool(made.residual(made.relu(made.conv(made.input(8, 8, 2), 3))))
    y = made.residual(x, reuse=9)
    return made.graph(y, x)


def elementwise(made: Net) -> TypedGraph:
    """Every unit that maps beats, with constants per element, of a beat and of a frame."""
    x = made.input(3, 4, 2)
    size, rng = 24, made.rng
    per_lane = np.tile(rng.integers(-8, 8, 2), 12)
    t = Fixed(16, 10)
    own, shared = (
        made.stage(
            Affine(scales, Fixed(4, 2), rng.integers(-99, 99, 1).repeat(size), INPUT, t),
            (3, 4, 2),
            x,
        )
        for scales in (rng.integers(-8, 8, size), per_lane)
    )
    tabled = made.stage(Table(size, INPUT, HIDDEN, rng.integers(0, 127, 256), 0, 128), (3, 4, 2), x)
    steps = Threshold(size, t, HIDDEN, np.array([-100, 0, 9]), np.array([1, 5, 2, 7]))
    stepped = made.stage(steps, (3, 4, 2), own)
    joined = made.stage(Join(12, 2, 2, HIDDEN), (3, 4, 4), tabled, stepped)
    return made.graph(made.stage(Requantize(size, t, INPUT), (3, 4, 2), shared), joined)


def forks(made: Net) -> TypedGraph:
    """An input that is an output and has several readers, one of them twice; one nobody reads; a
    stage that is read by three and is an output; a stage nobody reads; an input that is an
    output and no more.
    """
    x, unread, straight = made.input(4, 3), made.input(2, 5), made.input(3)
    made.relu(x)
    twice = made.add(x, x)
    a, b, c = made.relu(twice), made.relu(made.relu(twice)), made.add(twice, x)
    assert unread == "x1"
    return made.graph(x, a, twice, b, c, straight)


def rearranged(made: Net) -> TypedGraph:
    """Padding, permuting and flattening, and a branch that waits for the last beat."""
    x = made.input(4, 3, 2)
    padded = np.pad(np.arange(24).reshape(4, 3, 2), ((1, 1), (2, 0), (0, 0)), constant_values=-1)
    pad = made.stage(Reindex(padded.ravel(), 24, INPUT, 3), padded.shape, x)
    turned = np.arange(24).reshape(4, 3, 2).transpose(1, 0, 2)
    back = made.stage(Reindex(turned[::-1].ravel(), 24, INPUT), turned.shape, x)
    flat = made.flatten(back)
    logits = made.stage(Requantize(24, INPUT, Fixed(8, 4)), (24,), flat)
    exps = np.round(np.exp(-np.arange(64) / 8) * 1024).astype(np.int64)
    inverses = np.round(1024 / (1 + (np.arange(16) + 0.5) / 16)).astype(np.int64)
    softmax = Softmax(24, Fixed(8, 4), HIDDEN, exps, 1, 10, inverses, 10)
    return made.graph(made.conv(pad, 2), made.stage(softmax, (24,), logits), flat)


NETS: list[Callable[[Net], TypedGraph]] = [convolutions, residuals, elementwise, forks, rearranged]


@pytest.mark.parametrize("make", NETS, ids=lambda make: make.__name__)
def test_processes_follow_their_actors_and_never_stand_still(
    make: Callable[[Net], TypedGraph], tmp_path: Path
) -> None:
    typed = make(Net())
    check(typed, tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("blocks", [0, 1])
def test_an_svhn_network(blocks: int, tmp_path: Path) -> None:
    check(svhn(blocks, same=True), tmp_path)


def check(typed: TypedGraph, folder: Path) -> None:
    codes = drawn_codes(typed, FRAMES)
    run = run_processes(typed, codes, token_plan(typed).depths, folder)
    assert run is not None, "a deadlock"
    expected = emulate_codes(typed, dict(codes))
    for name in typed.outputs:
        assert (run.outputs[name] == expected[name]).all(), name
    for place, process in enumerate(network(typed).processes):
        seen = to_outside(run.traces[place], process)
        assert seen == expected_trace(process, FRAMES), (process.kind, process.name)


def test_with_least_depths_a_residual_block_stands_still(tmp_path: Path) -> None:
    """So that the test above shows something."""
    typed = residuals(Net())
    least = dict.fromkeys(token_plan(typed).depths, LEAST_DEPTH)
    assert run_processes(typed, drawn_codes(typed, 1), least, tmp_path) is None
