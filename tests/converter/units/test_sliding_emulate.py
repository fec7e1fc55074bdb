"""Sliding windows in numpy against their definition in loops over Python's integers."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from converter.errors import ConfigError
from converter.graph import Bounds, Implementation, Strategy
from converter.types import Codes, Fixed, bits_for
from converter.units.affine import Affine
from converter.units.base import Unit
from converter.units.grouped import GroupedMatVec
from converter.units.matvec import MatVec
from converter.units.reduce import Reduce, Reduction
from converter.units.sliding import Sliding
from converter.units.window import Window

OUTSIDE = None
SETTINGS = settings(max_examples=60)


@st.composite
def windows(draw: st.DrawFn, grouped: bool | None = None) -> Window:
    """Of any geometry with a position; ``grouped``: each channel by itself, or all together."""
    rows, columns = draw(st.integers(1, 6)), draw(st.integers(1, 6))
    kernel = draw(st.tuples(st.integers(1, 3), st.integers(1, 3)))
    dilation = draw(st.tuples(st.integers(1, 2), st.integers(1, 2)))
    padding = []
    for size, k, d in zip((rows, columns), kernel, dilation, strict=True):
        before, after = draw(st.integers(0, 2)), draw(st.integers(0, 2))
        padding.append((before, max(after, (k - 1) * d + 1 - size - before)))
    groups = draw(st.integers(1, 3))
    channels = groups * draw(st.integers(1, 2))
    groups = {None: groups, True: channels, False: 1}[grouped]
    strides = draw(st.tuples(st.integers(1, 3), st.integers(1, 3)))
    pads = (padding[0], padding[1])
    return Window(rows, columns, channels, kernel, strides, dilation, pads, groups)


@st.composite
def types(draw: st.DrawFn, width: int = 10) -> Fixed:
    bits = draw(st.integers(1, width))
    return Fixed(bits, draw(st.integers(-2, bits + 2)), draw(st.booleans()))


def drawn(draw: Callable[..., Any], t: Fixed, *shape: int) -> Codes:
    seed = draw(st.integers(0, 1 << 30))
    return np.random.default_rng(seed).integers(t.code_min, t.code_max + 1, shape)


def seen(window: Window, x: list[int], fill: int) -> Iterator[list[list[int]]]:
    """For each position, the elements of each group, by the definition of a window."""
    w, (kh, kw) = window, window.kernel
    per_group = w.channels // w.groups
    for top in range(-w.padding[0][0], w.rows + w.padding[0][1] - w.span[0] + 1, w.strides[0]):
        last = w.columns + w.padding[1][1] - w.span[1]
        for left in range(-w.padding[1][0], last + 1, w.strides[1]):
            groups = []
            for g in range(w.groups):
                one = []
                for i in range(kh):
                    for j in range(kw):
                        r, c = top + i * w.dilation[0], left + j * w.dilation[1]
                        inside = 0 <= r < w.rows and 0 <= c < w.columns
                        for k in range(g * per_group, (g + 1) * per_group):
                            at = (r * w.columns + c) * w.channels + k
                            one.append(x[at] if inside else fill)
                groups.append(one)
            yield groups


def check(unit: Sliding, t: Fixed, x: Codes, body: Callable[[list[list[int]]], list[int]]) -> None:
    """In every dtype: equal to the definition, and within the bounds."""
    rows = []
    for row in x.tolist():
        positions = list(seen(unit.window, row, unit.fill))
        assert len(positions) == unit.window.positions
        rows.append([code for groups in positions for code in body(groups)])
    bounds = unit.bounds((Bounds(x.min(axis=0), x.max(axis=0)),))
    assert bounds.lo.shape == bounds.hi.shape == (unit.size,)
    for dtype in (np.int64, np.float32, np.float64, object):
        given_codes = x.astype(dtype)
        got = unit.emulate(given_codes)
        assert got.astype(object).tolist() == rows
        assert (got >= bounds.lo).all()
        assert (got <= bounds.hi).all()
        assert np.array_equal(given_codes, x.astype(dtype))  # which others read, too
    whole = unit.bounds((Bounds.of_type(t, unit.window.input_size),))
    assert whole.lo.min() >= unit.output_type.code_min
    assert whole.hi.max() <= unit.output_type.code_max


def accumulator(n_in: int, t: Fixed, weight: Fixed, extra: int) -> Fixed:
    limit = (n_in << t.width + weight.width + extra) + (1 << 10)
    width, _ = bits_for(-limit, limit)
    return Fixed(width, width - t.fraction - weight.fraction - extra)


@SETTINGS
@given(st.data())
def test_matrix_products(data: st.DataObject) -> None:
    window, t, weight = data.draw(windows(False)), data.draw(types()), data.draw(types(8))
    n_out, extra = data.draw(st.integers(1, 3)), data.draw(st.integers(0, 2))
    w = drawn(data.draw, weight, window.elements, n_out)
    bias = np.arange(n_out) * 7 - 5
    body = MatVec(w, weight, bias, t, accumulator(window.elements, t, weight, extra))
    unit = Sliding(window, body, data.draw(st.sampled_from((0, t.code_min))))

    def expected(groups: list[list[int]]) -> list[int]:
        return [
            (sum(x * int(w[i, j]) for i, x in enumerate(groups[0])) << extra) + int(bias[j])
            for j in range(n_out)
        ]

    check(unit, t, drawn(data.draw, t, 3, window.input_size), expected)


@SETTINGS
@given(st.data())
def test_grouped_products(data: st.DataObject) -> None:
    window, t, weight = data.draw(windows()), data.draw(types()), data.draw(types(8))
    n_in, n_out = window.elements // window.groups, data.draw(st.integers(1, 3))
    w = drawn(data.draw, weight, window.groups, n_in, n_out)
    bias, extra = np.arange(window.groups * n_out) * 7 - 5, data.draw(st.integers(0, 2))
    body = GroupedMatVec(w, weight, bias, t, accumulator(n_in, t, weight, extra))
    unit = Sliding(window, body, data.draw(st.sampled_from((0, t.code_min))))

    def expected(groups: list[list[int]]) -> list[int]:
        products = [
            sum(x * int(w[g, i, j]) for i, x in enumerate(one)) << extra
            for g, one in enumerate(groups)
            for j in range(n_out)
        ]
        return [p + int(b) for p, b in zip(products, bias, strict=True)]

    check(unit, t, drawn(data.draw, t, 3, window.input_size), expected)


@SETTINGS
@given(st.data(), st.sampled_from(Reduction))
def test_reductions(data: st.DataObject, reduction: Reduction) -> None:
    window, t = data.draw(windows(True)), data.draw(types())
    body = Reduce(reduction, window.channels, window.elements // window.channels, t)
    fill = t.code_min if reduction is Reduction.MAX else 0
    function = max if reduction is Reduction.MAX else sum
    x = drawn(data.draw, t, 3, window.input_size)
    check(Sliding(window, body, fill), t, x, lambda groups: [function(g) for g in groups])


@SETTINGS
@given(st.data())
def test_any_other_body(data: st.DataObject) -> None:
    window, t, scale = data.draw(windows()), data.draw(types()), data.draw(types(6))
    scales = drawn(data.draw, scale, window.elements)
    offsets = np.arange(window.elements) - 3
    body = Affine(scales, scale, offsets, t, accumulator(1, t, scale, 0))

    def expected(groups: list[list[int]]) -> list[int]:
        flat = [x for one in groups for x in one]
        return [x * int(s) + int(o) for x, s, o in zip(flat, scales, offsets, strict=True)]

    check(Sliding(window, body), t, drawn(data.draw, t, 3, window.input_size), expected)


@SETTINGS
@given(windows())
def test_the_index_and_the_counts_of_a_window(window: Window) -> None:
    x = list(range(1, window.input_size + 1))
    flat = [[e for one in groups for e in one] for groups in seen(window, x, 0)]
    assert (window.index + 1).tolist() == flat
    inside = [sum(e > 0 for e in row) // window.channels for row in flat]
    assert window.inside.tolist() == inside


def test_wide_codes_stay_exact() -> None:
    t, weight = Fixed(70, 10), Fixed(20, 4)
    window = Window(3, 3, 2, (2, 2), groups=2)
    x = np.array([[(1 << 69) - 1 - i * 3**40 for i in range(18)]], dtype=object)
    w = np.arange(-12, 12).reshape(2, 4, 3) * 40_000
    unit = Sliding(window, GroupedMatVec(w, weight, np.zeros(6, np.int64), t, Fixed(95, 19)))
    expected = [
        sum(v * int(w[g, i, j]) for i, v in enumerate(one))
        for groups in seen(window, x[0].tolist(), 0)
        for g, one in enumerate(groups)
        for j in range(3)
    ]
    assert unit.emulate(x)[0].tolist() == expected
    pool = Sliding(window, Reduce(Reduction.SUM, 2, 4, t))
    sums = [sum(one) for groups in seen(window, x[0].tolist(), 0) for one in groups]
    assert pool.emulate(x)[0].tolist() == sums
    assert pool.output_type.width == 72


# -- choices -----------------------------------------------------------------------------------


def convolution(positions: int = 12) -> Sliding:
    t = Fixed(4, 4)
    body = MatVec(np.ones((6, 4), np.int64), t, np.zeros(4, np.int64), t, Fixed(12, 12))
    return Sliding(Window.of_positions(positions, 6), body)


def test_choices_go_from_all_reused_to_all_at_once() -> None:
    unit = convolution()
    choices = unit.legal()
    assert choices[: len(unit.body.legal())] == unit.body.legal()
    assert choices[0] == Implementation()
    several = [c for c in choices if c.parallelization_factor > 1]
    for strategy in (Strategy.LATENCY, Strategy.DISTRIBUTED_ARITHMETIC):
        factors = [c.parallelization_factor for c in several if c.strategy is strategy]
        assert factors == [2, 3, 4, 6, 12]
    assert all(c.reuse_factor == 1 for c in choices if c.parallelization_factor > 1)
    for choice in choices:
        unit.check("conv", choice)
    unit.check("conv", Implementation(Strategy.RESOURCE, 6, 4))  # legal, though not listed


def test_an_illegal_choice_names_its_legal_neighbours() -> None:
    unit = convolution()
    with pytest.raises(
        ConfigError, match=r"^conv: parallelization_factor=5 does not divide 12 pos"
    ):
        unit.check("conv", Implementation(parallelization_factor=5))
    with pytest.raises(ConfigError, match=r"legal nearby: 4, 6$"):
        unit.check("conv", Implementation(parallelization_factor=5))
    with pytest.raises(ConfigError, match=r"legal nearby: 12$"):
        unit.check("conv", Implementation(parallelization_factor=40))
    with pytest.raises(ConfigError, match=r"reuse_factor=5 is not legal for 6x4 .* nearby: 3, 6$"):
        unit.check("conv", Implementation(Strategy.RESOURCE, 5))


def grouped() -> Unit:
    t = Fixed(4, 4)
    weights = np.ones((3, 6, 4), np.int64)
    return GroupedMatVec(weights, t, np.zeros(12, np.int64), t, Fixed(12, 12))


def test_grouped_products_are_reused_within_a_group() -> None:
    unit = grouped()
    assert {c.reuse_factor for c in unit.legal()} == {1, 2, 3, 6, 12, 24}
    with pytest.raises(ConfigError, match=r"reuse_factor=7 is not legal for 6x4 .* nearby: 6, 12$"):
        unit.check("conv", Implementation(Strategy.RESOURCE, 7))
    unit.check("conv", Implementation(Strategy.DISTRIBUTED_ARITHMETIC))
    with pytest.raises(ConfigError, match=r"conv: strategy distributed_arithmetic has no mult"):
        unit.check("conv", Implementation(Strategy.DISTRIBUTED_ARITHMETIC, 2))
    with pytest.raises(ConfigError, match=r"parallelization_factor=2, but this unit has no win"):
        unit.check("conv", Implementation(parallelization_factor=2))


def test_a_pool_has_nothing_to_share() -> None:
    unit = Sliding(
        Window(4, 4, 2, (2, 2), (2, 2), groups=2), Reduce(Reduction.MAX, 2, 4, Fixed(4, 4))
    )
    assert {c.reuse_factor for c in unit.legal()} == {1}
    with pytest.raises(ConfigError, match=r"pool: reuse_factor=2, but this unit has no mult"):
        unit.check("pool", Implementation(reuse_factor=2))


# -- beats -------------------------------------------------------------------------------------


@SETTINGS
@given(windows(True), st.integers(1, 9))
def test_an_actor_reads_every_beat_and_gives_each_position_when_its_window_is_full(
    window: Window, interval: int
) -> None:
    t = Fixed(4, 4)
    n_in = window.elements // window.channels
    weights = np.ones((window.channels, n_in, 2), np.int64)
    bias = np.zeros(window.channels * 2, np.int64)
    body = GroupedMatVec(weights, t, bias, t, accumulator(n_in, t, t, 0))
    unit = Sliding(window, body)
    actor = unit.actor(Implementation(Strategy.LATENCY, interval), (), None)  # type: ignore[arg-type]
    assert actor.reads.sum() == window.rows * window.columns
    assert actor.writes.sum() == window.positions
    read_before = np.cumsum(actor.reads[:, 0])[actor.writes]
    needed = window.index.max(axis=1) // window.channels + 1
    assert (read_before >= needed).all()
    starts = np.cumsum(actor.cycles) - actor.cycles
    windows_at = np.append(starts[actor.writes], starts[actor.writes][0] + actor.interval)
    assert (np.diff(windows_at) >= interval).all()
    waits = interval * window.positions
    assert max(len(actor.cycles), waits) <= actor.interval <= len(actor.cycles) + waits


def test_positions_that_strides_drop_cost_nothing_beyond_their_beats() -> None:
    t = Fixed(4, 4)
    body = MatVec(np.ones((9, 2), np.int64), t, np.zeros(2, np.int64), t, Fixed(12, 12))
    unit = Sliding(Window(9, 9, 1, (3, 3), (2, 2)), body)
    actor = unit.actor(Implementation(Strategy.LATENCY, 3), (), None)  # type: ignore[arg-type]
    assert actor.reads.all()
    # 16 positions in 81 beats, three in each row of positions one cycle too close to their next
    assert actor.interval == 81 + 4 * 3
