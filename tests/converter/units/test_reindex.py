"""Reindex: every map against numpy's own indexing; C++ and Verilog against emulation."""

from __future__ import annotations

import shutil

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from unit_cases import check_csim, check_verilog, network

from converter.errors import ConfigError
from converter.graph import Bounds, Implementation, Strategy
from converter.schedule import schedule
from converter.timing import Family, Target, timing_for
from converter.types import Fixed
from converter.units.reindex import FILL, Reindex, nested_loops

TARGET = Target("xc7z020clg400-1", Family.SERIES7, 5.0)
T = Fixed(7, 3)
CUBE = np.arange(24).reshape(2, 3, 4)

MAPS = {
    "same": CUBE,
    "slice": CUBE.ravel()[4:20],
    "permuted": CUBE.transpose(2, 0, 1),
    "cropped": CUBE[:, 1:, 1:3],
    "cropped_and_permuted": CUBE.transpose(1, 2, 0)[1:, ::2],
    "reversed": CUBE.ravel()[::-1],
    "repeated": np.repeat(CUBE, 2, axis=1),
    "tiled": np.tile(CUBE, (2, 1, 1)),
    "one_everywhere": np.full(5, 7),
    "single": np.array([23]),
    "padded": np.pad(CUBE, ((0, 0), (1, 0), (0, 2)), constant_values=FILL),
    "only_fill": np.full(3, FILL),
    "shuffled": np.random.default_rng(0).permutation(24),
}


def unit_of(places: np.ndarray, size: int = 24, t: Fixed = T, fill: int = 0) -> Reindex:
    return Reindex(places.astype(np.int64).ravel(), size, t, fill)


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.int64, object])
@pytest.mark.parametrize("name", MAPS)
def test_elements_are_where_the_map_says(name: str, dtype: type) -> None:
    unit = unit_of(MAPS[name], fill=-5)
    x = np.random.default_rng(1).integers(-60, 60, (6, 24)).astype(dtype)
    got = unit.emulate(x)
    wanted = np.where(unit.index < 0, -5, x[:, np.maximum(unit.index, 0)])
    assert got.dtype == x.dtype
    assert np.array_equal(got, wanted)


def test_of_columns_that_do_not_lie_side_by_side() -> None:
    wide = np.arange(6 * 50).reshape(6, 50)
    x = wide[:, 3:27]
    for places in MAPS.values():
        unit = unit_of(places)
        expected = unit.emulate(np.ascontiguousarray(x))
        assert np.array_equal(unit.emulate(x), expected)


def test_what_keeps_its_order_is_not_copied() -> None:
    x = np.zeros((4, 24), np.float32)
    assert np.shares_memory(unit_of(MAPS["same"]).emulate(x), x)
    assert np.shares_memory(unit_of(MAPS["slice"]).emulate(x), x)
    assert unit_of(MAPS["same"]).keeps_order
    assert not unit_of(MAPS["slice"]).keeps_order
    assert not unit_of(MAPS["reversed"]).keeps_order
    assert Reindex.same(24, T).keeps_order


def test_a_large_constant_widens_what_carries_the_codes() -> None:
    t = Fixed(40, 20)
    unit = unit_of(MAPS["padded"], t=t, fill=t.code_min)
    got = unit.emulate(np.ones((2, 24), np.float32))
    assert got.min() == t.code_min


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_nested_loops_spell_the_map(data: st.DataObject) -> None:
    turns = data.draw(st.lists(st.integers(1, 4), min_size=1, max_size=4))
    steps = data.draw(st.lists(st.integers(-9, 9), min_size=len(turns), max_size=len(turns)))
    index = np.zeros(turns, np.int64)
    for axis, (n, step) in enumerate(zip(turns, steps, strict=True)):
        index += (np.arange(n) * step).reshape(-1, *[1] * (len(turns) - axis - 1))
    found = nested_loops(index.ravel())
    assert found is not None
    spelled = np.zeros(1, np.int64)
    for n, step in found:
        spelled = (spelled[:, np.newaxis] + np.arange(n) * step).ravel()
    assert np.array_equal(spelled, index.ravel() - index.ravel()[0])


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(-1, 8), min_size=1, max_size=12))
def test_any_map(index: list[int]) -> None:
    unit = unit_of(np.array(index), 9, fill=3)
    x = np.random.default_rng(2).integers(-60, 60, (3, 9))
    wanted = np.where(unit.index < 0, 3, x[:, np.maximum(unit.index, 0)])
    assert np.array_equal(unit.emulate(x), wanted)


def test_bounds_follow_the_elements() -> None:
    x = Bounds(-np.arange(24), 2 * np.arange(24))
    got = unit_of(MAPS["padded"], fill=1).bounds((x,))
    places = MAPS["padded"].ravel()
    assert np.array_equal(got.lo, np.where(places < 0, 1, -places))
    assert np.array_equal(got.hi, np.where(places < 0, 1, 2 * places))


@pytest.mark.parametrize("index", [[-2], [24], [0, 1, 30]])
def test_a_map_out_of_the_tensor_is_refused(index: list[int]) -> None:
    with pytest.raises(ConfigError, match=r"an index map must be within -1\.\.23; it has"):
        unit_of(np.array(index))


def test_it_has_no_choices() -> None:
    unit = unit_of(MAPS["same"])
    assert unit.legal() == (Implementation(),)
    with pytest.raises(ConfigError, match="pad: reuse_factor=2, but this unit has no mult"):
        unit.check("pad", Implementation(Strategy.LATENCY, 2))


def test_it_costs_nothing() -> None:
    facts = unit_of(MAPS["padded"]).facts("pad", Implementation(), timing_for(TARGET))
    assert (facts.latency_cycles, facts.register_bits, facts.mux_bits) == (0, 0, 0)
    assert (facts.n_in, facts.n_out) == (24, MAPS["padded"].size)


@pytest.mark.skipif(shutil.which("g++") is None, reason="needs g++")
def test_csim_gives_the_bits_of_emulate() -> None:
    rng = np.random.default_rng(3)
    made = [(unit_of(m, t=t, fill=f), t, 24, Implementation()) for m, t, f in variants()]
    check_csim(made, rng)


@pytest.mark.skipif(
    shutil.which("verilator") is None or shutil.which("g++") is None,
    reason="needs verilator and g++",
)
def test_verilog_gives_the_bits_of_emulate_in_no_time() -> None:
    rng = np.random.default_rng(4)
    made = [(unit_of(m, t=t, fill=f), t, 24, Implementation()) for m, t, f in variants()]
    assert schedule(network(made), TARGET).latency_cycles == 0
    result = check_verilog(made, TARGET, rng, rows=20)
    assert result.latency_cycles == {f"u{k}": 0 for k in range(len(made))}


def variants() -> list[tuple[np.ndarray, Fixed, int]]:
    """All maps, of signed and unsigned types, with a constant of each sign."""
    types = [(Fixed(7, 3), -5), (Fixed(5, 5, signed=False), 17), (Fixed(40, 9), 1 << 35)]
    return [(m, *types[k % 3]) for k, m in enumerate(MAPS.values())]
