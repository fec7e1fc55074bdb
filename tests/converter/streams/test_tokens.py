"""FIFO depths and cycles: against a plain simulation cycle by cycle, and one less fails."""

from __future__ import annotations

import time
from collections.abc import Callable

import cycle_by_cycle
import numpy as np
import pytest
from streaming import Net, svhn

from converter.actor import Actor
from converter.dataflow import Channel, Kind, Network, Place, Process, network
from converter.errors import DseError
from converter.graph import Bounds, Edge, TypedGraph
from converter.tokens import LEAST_DEPTH, TokenPlan, plan, token_plan
from converter.types import Fixed

T = Fixed(8, 4)
Random = np.random.Generator


def small_frame(made: Net) -> str:
    return made.relu(made.conv(made.input(8, 8, 2), 3, same=True))


def chain(made: Net) -> str:
    return made.relu(made.conv(made.pool(small_frame(made)), 4))


def one_block(made: Net) -> str:
    return made.pool(made.residual(small_frame(made)))


def block_with_shared_multipliers(made: Net) -> str:
    return made.residual(small_frame(made), reuse=9)


def two_blocks(made: Net) -> str:
    return made.residual(made.pool(made.residual(small_frame(made))))


def uneven_branches(made: Net) -> str:
    """One branch is two convolutions deep, one is a single one, one goes straight."""
    x = small_frame(made)
    deep = made.relu(made.conv(made.relu(made.conv(x, 3, same=True)), 3, kernel=5, same=True))
    return made.add(made.add(deep, made.relu(made.conv(x, 3, same=True))), x)


def around_a_flat_tensor(made: Net) -> str:
    """A frame waits for what a dense layer makes of all of it."""
    x = small_frame(made)
    flat = made.flatten(x)
    return made.add(made.relu(made.dense(flat, 192)), made.relu(flat))


def same_twice(made: Net) -> str:
    x = small_frame(made)
    return made.add(x, x)


NETS: list[Callable[[Net], str]] = [
    small_frame, chain, one_block, block_with_shared_multipliers, two_blocks, uneven_branches,
    around_a_flat_tensor, same_twice,
]  # fmt: skip


def graph(make: Callable[[Net], str]) -> TypedGraph:
    made = Net()
    return made.graph(make(made))


WARM, COUNTED = 6, 6
"""Frames until the rate is steady, and those over which it is taken: it may go to and fro."""


def keeps_rate(made: TokenPlan, depths: dict[int, int]) -> bool:
    """Cycle by cycle, the frames come at the interval, or faster; False in a deadlock, too."""
    ends = cycle_by_cycle.run(made.network, depths, WARM + COUNTED + 1, offered=2)
    return ends is not None and ends[-1] - ends[WARM] <= COUNTED * made.interval_cycles


def check_exact(made: TokenPlan) -> None:
    """The depths suffice, cycle by cycle, and no FIFO above the least depth could hold less."""
    depths = dict(made.depths)
    assert keeps_rate(made, depths)
    for c, depth in depths.items():
        if depth > LEAST_DEPTH:
            assert not keeps_rate(made, {**depths, c: depth - 1}), (c, depth)


@pytest.mark.parametrize("make", NETS, ids=lambda make: make.__name__)
def test_the_depths_suffice_and_one_less_does_not(make: Callable[[Net], str]) -> None:
    made = token_plan(graph(make))
    check_exact(made)
    slowest = max(cycle_by_cycle.events_of(p)[1] for p in made.network.processes)
    assert made.interval_cycles == slowest


@pytest.mark.parametrize("make", NETS, ids=lambda make: make.__name__)
def test_the_latency_of_a_frame_that_comes_alone(make: Callable[[Net], str]) -> None:
    """With FIFOs for whole frames nothing ever waits for a place, so that pipelines run on."""
    made = token_plan(graph(make))
    ample = {c: channel.edge.beats + 9 for c, channel in enumerate(made.network.channels)}
    (end,) = cycle_by_cycle.run(made.network, ample, 1) or (None,)
    assert end is not None
    assert made.latency_cycles <= end <= made.latency_cycles + made.interval_cycles


def test_a_skip_around_convolutions_holds_what_they_hold() -> None:
    made = Net()
    found = token_plan(made.graph(made.residual(made.relu(made.input(16, 16, 2)))))
    (depth,) = (
        depth for c, depth in found.depths.items() if found.network.channels[c].suffix == "_copy1"
    )
    # two windows of 3x3 with padding each look a row and a pixel ahead, over rows of 16 pixels;
    # the pipelines hold some more, and all of it is far from a frame
    assert 2 * (16 + 1) < depth < 16 * 16 // 2


def test_without_its_skip_s_fifo_a_block_stands_still() -> None:
    made = token_plan(graph(one_block))
    least = dict.fromkeys(made.depths, LEAST_DEPTH)
    assert cycle_by_cycle.run(made.network, least, 1, offered=9) is None


@pytest.mark.parametrize(
    ("blocks", "reuse", "share"), [(0, 1, 50), (0, 9, 50), (1, 1, 20), (1, 9, 20)]
)
def test_an_svhn_network_needs_little_and_takes_little_time(
    blocks: int, reuse: int, share: int
) -> None:
    typed = svhn(blocks, reuse)
    net = network(typed)
    start = time.process_time()
    made = plan(net)
    assert time.process_time() - start < 2.0  # 0.2 s alone on the machine
    frames = sum(c.bits * c.edge.beats for c in net.channels if c.place is Place.FIFO)
    assert made.fifo_bits * share < frames
    if blocks == 0:
        assert max(made.depths.values()) <= 16


def test_the_same_network_is_planned_once() -> None:
    typed = svhn(1)
    assert token_plan(typed) is token_plan(svhn(1))
    assert token_plan(svhn(1, 9)).interval_cycles > token_plan(typed).interval_cycles


# -- random networks ------------------------------------------------------------------------------


def random_actor(rng: Random, beats: int, inputs: int) -> Actor:
    """Reads all beats of its inputs and writes as many, with gaps and bursts."""
    steps = beats + int(rng.integers(0, 5))
    first = int(rng.integers(0, steps))  # step before which nothing is written
    reads, writes = np.zeros((steps + beats, inputs), bool), np.zeros(steps + beats, bool)
    for k in range(inputs):
        reads[rng.choice(steps, beats, replace=False), k] = True
    writes[rng.choice(np.arange(first, steps + beats), beats, replace=False)] = True
    return Actor(reads, writes, rng.integers(1, 4, steps + beats), int(rng.integers(1, 9)))


class Wiring:
    """Processes and channels, one by one."""

    def __init__(self, rng: Random, beats: int) -> None:
        self.rng, self.beats = rng, beats
        self.processes: list[Process] = []
        self.channels: list[Channel] = []

    def channel(self, place: Place = Place.FIFO) -> int:
        name = f"e{len(self.channels)}"
        edge = Edge(name, (self.beats, 1), T, Bounds.of_type(T, self.beats))
        self.channels.append(Channel(edge, "", place))
        return len(self.channels) - 1

    def add(
        self, kind: Kind, reads: tuple[int, ...], writes: tuple[int, ...], actor: Actor
    ) -> None:
        self.processes.append(Process(kind, f"p{len(self.processes)}", reads, writes, actor))

    def stage(self, *reads: int, outputs: int = 1) -> list[int]:
        out = [self.channel() for _ in range(outputs)]
        self.add(Kind.STAGE, reads, tuple(out), random_actor(self.rng, self.beats, len(reads)))
        return out

    def port(self, writes: bool) -> int:
        c = self.channel(Place.INPUT if writes else Place.OUTPUT)
        ones, none = np.ones(self.beats, bool), np.zeros(self.beats, bool)
        cycles = np.ones(self.beats, np.int64)
        if writes:
            self.add(Kind.SOURCE, (), (c,), Actor(ones[:, None][:, :0], ones, cycles, 0))
        else:
            self.add(Kind.SINK, (c,), (), Actor(ones[:, None], none, cycles, 0))
        return c


def random_network(rng: Random) -> Network:
    """Sources, then stages that take one or two loose ends and leave one or two."""
    made = Wiring(rng, int(rng.integers(1, 13)))
    loose = [made.port(writes=True) for _ in range(int(rng.integers(1, 3)))]
    for _ in range(int(rng.integers(1, 8))):
        taken = [loose.pop(int(rng.integers(len(loose)))) for _ in range(min(2, len(loose)))]
        if len(taken) == 2 and rng.integers(2):
            loose.append(taken.pop())
        loose += made.stage(*taken, outputs=int(rng.integers(1, 3)))
    for end in loose:
        before = made.channels[end]
        made.channels[end] = Channel(before.edge, "", Place.OUTPUT)
        ones = np.ones(made.beats, bool)
        sink = Actor(ones[:, None], ~ones, np.ones(made.beats, np.int64), 0)
        made.add(Kind.SINK, (end,), (), sink)
    return Network(tuple(made.processes), tuple(made.channels))


@pytest.mark.parametrize("seed", range(60))
def test_random_networks(seed: int) -> None:
    check_exact(plan(random_network(np.random.default_rng(seed))))


def test_a_network_of_two_parts_keeps_the_rate_of_the_slower() -> None:
    made = Net()
    first, second = made.input(8, 8, 2), made.input(4, 4, 2)
    typed = made.graph(made.relu(made.conv(first, 3)), made.relu(made.conv(second, 3, same=True)))
    check_exact(token_plan(typed))


def test_a_channel_whose_ends_do_not_agree_is_told() -> None:
    made = Wiring(np.random.default_rng(0), 3)
    source = made.port(writes=True)
    bad = Actor(np.array([[True], [True]]), np.array([True, True]), np.ones(2, np.int64))
    out = made.channel(Place.OUTPUT)
    made.add(Kind.STAGE, (source,), (out,), bad)
    ones = np.ones((3, 1), bool)
    made.add(Kind.SINK, (out,), (), Actor(ones, ~ones[:, 0], np.ones(3, np.int64), 0))
    with pytest.raises(DseError, match=r"e0: p0 writes 3 beats and p1 reads 2; they must be equal"):
        plan(Network(tuple(made.processes), tuple(made.channels)))
