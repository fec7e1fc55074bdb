"""Reindex in io_stream: the plan of reads, slots and writes, followed step by step."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from converter.graph import Bounds, Edge, Implementation
from converter.types import Fixed
from converter.units.reindex import FILL, Reindex
from converter.units.reindex_stream import HELD, Plan, lane_map, plan

T = Fixed(8, 4)
FRAME = np.arange(5 * 4 * 3).reshape(5, 4, 3)


def edge(shape: tuple[int, ...], name: str = "x") -> Edge:
    return Edge(name, shape, T, Bounds.of_type(T, int(np.prod(shape))))


def unit_of(places: np.ndarray, size: int = FRAME.size) -> Reindex:
    return Reindex(places.astype(np.int64).ravel(), size, T, 9)


def planned(places: np.ndarray, x: Edge) -> Plan:
    rows = places.reshape(-1, places.shape[-1])
    needs = [np.unique(row[row >= 0] // x.lanes).tolist() for row in rows]
    return plan(needs, x.beats)


def follow(steps: Plan, rows: np.ndarray, beats: np.ndarray) -> np.ndarray:
    """What the C++ does: ``beats`` [beats, lanes] in, by ``rows`` [outputs, lanes] of places."""
    waiting, held, slots = list(beats), None, [None] * steps.slots
    out: list[list[int]] = []
    for reads, writes, store in zip(steps.reads, steps.writes, steps.stores, strict=True):
        if reads:
            if store:
                slots[store - 1] = held
            held = waiting.pop(0)
        if writes:
            found = {
                beat: held if place == HELD else slots[place - 2]
                for beat, place in steps.places[len(out)].items()
            }
            lanes = beats.shape[1]
            row = [9 if p < 0 else found[p // lanes][p % lanes] for p in rows[len(out)].tolist()]
            out.append(row)
    assert not waiting
    return np.array(out)


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_any_map_is_followed_step_by_step(data: st.DataObject) -> None:
    beats, lanes = data.draw(st.integers(1, 9)), data.draw(st.integers(1, 3))
    outputs, width = data.draw(st.integers(1, 9)), data.draw(st.integers(1, 3))
    place = st.integers(-1, beats * lanes - 1)
    flat = data.draw(st.lists(place, min_size=outputs * width, max_size=outputs * width))
    places = np.array(flat).reshape(outputs, width)
    x, values = edge((beats, lanes)), np.arange(beats * lanes) + 100
    steps = planned(places, x)
    got = follow(steps, places, values.reshape(beats, lanes))
    expected = unit_of(places, beats * lanes).emulate(values[np.newaxis])
    assert np.array_equal(got.ravel(), expected[0])
    assert sum(steps.reads) == beats
    assert sum(steps.writes) == outputs
    assert max(beats, outputs) <= steps.steps <= beats + outputs
    assert steps.slots < max(beats, 2)


MEMORY = {
    "padded": (np.pad(FRAME, ((1, 2), (3, 1), (0, 0)), constant_values=FILL), 0, 64),
    "cropped": (FRAME[1:, 1:3], 0, 20),
    "repeated": (np.repeat(FRAME, 3, axis=1), 0, 60),
    "rows_doubled": (np.repeat(FRAME, 2, axis=0), 3, 40),
    "up_sampled": (np.repeat(np.repeat(FRAME, 2, axis=0), 2, axis=1), 3, 80),
    "channels_reversed": (FRAME[..., ::-1], 0, 20),
    "channel_broadcast": (np.repeat(FRAME[..., :1], 4, axis=2), 0, 20),
    "flat": (FRAME.ravel(), 19, 20),
    "frame_again": (np.tile(FRAME, (2, 1, 1)), 19, 40),
}


@pytest.mark.parametrize("name", MEMORY)
def test_memory_and_steps(name: str) -> None:
    """(map, slots, steps)"""
    places, slots, count = MEMORY[name]
    steps = planned(places, edge(FRAME.shape))
    assert (steps.slots, steps.steps) == (slots, count)


def test_reading_ahead_saves_steps_and_no_memory() -> None:
    turned = FRAME.transpose(1, 0, 2)
    steps = planned(turned, edge(FRAME.shape))
    assert steps.slots <= 12
    assert steps.steps < 2 * 20 - 5
    ahead = [sum(steps.reads[: k + 1]) for k in range(steps.steps)]
    assert ahead[-1] == 20


def test_one_map_of_lanes() -> None:
    assert lane_map(np.array([[2, 0], [5, 3]]), 3).tolist() == [2, 0]
    assert lane_map(np.array([[-1, -1], [5, -1]]), 3).tolist() == [2, -1]
    assert lane_map(np.array([[-1, -1]]), 3).tolist() == [-1, -1]
    assert lane_map(np.array([[2, 0], [3, 5]]), 3) is None
    assert lane_map(np.array([[2, 3]]), 3) is None
    assert lane_map(np.array([[2, -1], [-1, 3]]), 3) is None


FORMS = {
    "reindex_collect": (FRAME.ravel(), FRAME.reshape(10, 6)),
    "reindex_split": (FRAME.reshape(-1, 1), FRAME.reshape(60, 1)),
    "reindex_beats": tuple(MEMORY[n][0] for n in ("padded", "cropped", "channels_reversed")),
    "reindex_gather": (FRAME.transpose(2, 0, 1), FRAME.reshape(15, 4)),
}


@pytest.mark.parametrize("form", FORMS)
def test_the_simplest_form_that_will_do(form: str) -> None:
    for places in FORMS[form]:
        unit, x, y = unit_of(places), edge(FRAME.shape), edge(places.shape, "y")
        block = unit.hls_stream(Implementation(), (x,), y)
        actor = unit.actor(Implementation(), (x,), y)
        assert block.function == form
        assert int(actor.reads.sum()) == x.beats
        assert int(actor.writes.sum()) == y.beats
        steps = block.numbers.get("steps", block.numbers.get("beats"))
        assert len(actor.reads) == steps
