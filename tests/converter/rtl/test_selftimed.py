"""Steps that start as early as they can, and plans in which no fork and join gets stuck."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pytest

from converter.actor import Actor, each_beat
from converter.dataflow import Channel, Kind, Network, Place, Process, sink_of, source_of
from converter.errors import DseError
from converter.graph import Bounds, Edge, frozen_array
from converter.rtl.stream_plan import least_depths
from converter.selftimed import self_timed
from converter.tokens import RTL, plan
from converter.types import Fixed

T = Fixed(8, 4)
FRAMES = 12


def gathering(beats: int) -> Actor:
    """Reads all beats, then gives as many, one of them in the step of the last read."""
    steps = np.arange(2 * beats - 1)
    reads, writes = steps < beats, steps >= beats - 1
    return Actor(
        frozen_array(reads[:, None]),
        frozen_array(writes),
        frozen_array(np.ones(len(steps), int)),
        2,
    )


def diamond(left: list[Actor], right: list[Actor], beats: int, cycles: int = 1) -> Network:
    """A source that two chains read, which meet in a process of two inputs. Channels: those of the
    left chain, then those of the right one, then the output.
    """
    edge = Edge("x", (beats, 1), T, Bounds.of_type(T, beats))
    ends, middle, at = [], [], 0
    for chain in (left, right):
        for k, actor in enumerate(chain):
            middle.append(Process(Kind.STAGE, f"p{at + k}", (at + k,), (at + k + 1,), actor))
        ends.append((at, at + len(chain)))
        at += len(chain) + 1
    (first, a), (second, b) = ends
    processes = [
        Process(Kind.SOURCE, "x", (), (first, second), source_of(beats)),
        *middle,
        Process(Kind.STAGE, "join", (a, b), (at,), each_beat(beats, 2, cycles, 3)),
        Process(Kind.SINK, "y", (at,), (), sink_of(beats)),
    ]
    return Network(
        tuple(processes), tuple(Channel(edge, f"{c}", Place.FIFO) for c in range(at + 1))
    )


def random_diamond(rng: np.random.Generator) -> Network:
    """Chains of maps and of processes that wait for a whole frame."""
    beats = int(rng.integers(1, 12))

    def chain() -> list[Actor]:
        kinds = rng.integers(0, 4, int(rng.integers(0, 4)))
        cycles, depth = rng.integers(1, 4, 4), rng.integers(0, 9, 4)
        return [
            gathering(beats) if k == 0 else each_beat(beats, 1, int(c), int(d))
            for k, c, d in zip(kinds, cycles, depth, strict=False)
        ]

    return diamond(chain(), chain(), beats, int(rng.integers(1, 3)))


def planned(net: Network) -> tuple[Mapping[int, int], int]:
    made = plan(net, RTL, least_depths(net))
    return made.depths, made.interval_cycles


def frame_ends(net: Network, depths: Mapping[int, int], frames: int) -> np.ndarray:
    """Cycles of the last beat of each frame."""
    return self_timed(net, depths, frames)[-1].reshape(frames, -1)[:, -1]


@pytest.mark.parametrize("seed", range(60))
def test_no_diamond_gets_stuck_or_loses_rate(seed: int) -> None:
    net = random_diamond(np.random.default_rng(seed))
    depths, interval = planned(net)
    assert interval == max(p.actor.interval for p in net.processes)
    ends = frame_ends(net, depths, 2 * FRAMES)
    assert ends[-1] - ends[-1 - FRAMES] == FRAMES * interval
    assert int(ends[0]) == int(self_timed(net, depths)[-1][-1])


def test_a_branch_that_waits_for_a_frame_sets_the_depth_of_the_other() -> None:
    beats = 10
    net = diamond([gathering(beats)], [], beats)
    depths, interval = planned(net)
    skip = 2
    assert interval == 2 * beats - 1
    assert depths[skip] == beats
    assert frame_ends(net, depths, 3)[0] > 0
    with pytest.raises(DseError, match="waits for ever"):
        frame_ends(net, {**depths, skip: beats - 1}, 3)


def test_one_place_less_loses_rate() -> None:
    """A pipeline of 5 cycles has a beat in each of them, one in the FIFO, and one being freed."""
    net = diamond([each_beat(4, 1, 1, 5)], [], 4)
    depths, interval = planned(net)
    assert interval == 4
    assert depths[1] == 7
    ends = frame_ends(net, {**depths, 1: 6}, 2 * FRAMES)
    assert ends[-1] - ends[-1 - FRAMES] > FRAMES * interval


@pytest.mark.parametrize("seed", range(20))
def test_steps_one_by_one_are_those_of_whole_arrays(seed: int) -> None:
    """With ample FIFOs, a frame alone is made at once; together with others it is made step by
    step.
    """
    net = random_diamond(np.random.default_rng(seed))
    ample = dict.fromkeys(range(len(net.channels)), 1000)
    alone, several = self_timed(net, ample), self_timed(net, ample, 2)
    for process, one, two in zip(net.processes, alone, several, strict=True):
        assert np.array_equal(one, two[: len(process.actor.cycles)])
