"""The C++ of sliding windows gives the bits of their emulation: random geometry, types and
hardware, many at once, and in each build one network of stages side by side.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from sliding_cases import MAKERS, Case, Random, accumulator, codes_of, network

from converter.csim import csim
from converter.emulate import emulate_codes
from converter.errors import UnsupportedError
from converter.graph import Implementation, IOType, Strategy
from converter.types import Fixed
from converter.units.base import Unit
from converter.units.grouped import GroupedMatVec
from converter.units.matvec import MatVec
from converter.units.reduce import Reduce, Reduction
from converter.units.sliding import Sliding
from converter.units.window import Window

pytestmark = pytest.mark.skipif(shutil.which("g++") is None, reason="needs g++")

ROWS = 20


def check(cases: list[Case], rng: Random, io_type: IOType) -> None:
    typed = network(cases, io_type)
    codes = {
        n: codes_of(rng, typed.edges[n].type, (ROWS, typed.edges[n].size)) for n in typed.inputs
    }
    expected, got = emulate_codes(typed, dict(codes)), csim(typed, codes)
    for k, case in enumerate(cases):
        assert np.array_equal(expected[f"u{k}"].astype(np.int64), got[f"u{k}"]), case


@pytest.mark.parametrize("make", MAKERS, ids=lambda make: make.__name__)
def test_io_parallel(make: Callable[[Random, bool], Case]) -> None:
    rng = np.random.default_rng(7)
    check([make(rng, True) for _ in range(MAKERS[make])], rng, IOType.PARALLEL)


@pytest.mark.parametrize("make", MAKERS, ids=lambda make: make.__name__)
def test_io_stream(make: Callable[[Random, bool], Case]) -> None:
    rng = np.random.default_rng(8)
    check([make(rng, False) for _ in range(MAKERS[make])], rng, IOType.STREAM)


PRODUCTS = (
    Implementation(),
    Implementation(Strategy.LATENCY, 6),
    Implementation(Strategy.RESOURCE, 3),
    Implementation(Strategy.RESOURCE, 36),
    Implementation(Strategy.DISTRIBUTED_ARITHMETIC),
)
"""Every micro-architecture of a product of 18 elements by 4 outputs."""


@pytest.mark.parametrize("io_type", IOType)
@pytest.mark.parametrize("groups", [1, 2])
def test_every_micro_architecture_of_a_product(io_type: IOType, groups: int) -> None:
    rng, t, weight = np.random.default_rng(9), Fixed(7, 3), Fixed(5, 2)
    padding = ((1, 0), (2, 1))
    window = Window(5, 4, 2 * groups, (3, 3), (2, 1), (1, 1), padding, groups)
    weights, bias = codes_of(rng, weight, (groups, 18, 4)), rng.integers(-99, 99, groups * 4)
    accum = accumulator(18, t, weight, 1)
    body: Unit = GroupedMatVec(weights, weight, bias, t, accum)
    if groups == 1:
        body = MatVec(weights[0], weight, bias, t, accum)
    unit, factors = Sliding(window, body, -3), (1,) if io_type is IOType.STREAM else (1, 5)
    assert window.positions == 10
    choices = [replace(c, parallelization_factor=f) for c in PRODUCTS for f in factors]
    for choice in choices:
        unit.check("product", choice)
    check([Case(unit, window, t, choice) for choice in choices], rng, io_type)


@pytest.mark.parametrize("io_type", IOType)
def test_bodies_are_units_of_their_own(io_type: IOType) -> None:
    rng, t, weight = np.random.default_rng(10), Fixed(7, 3), Fixed(5, 2)
    weights = codes_of(rng, weight, (3, 4, 2))
    product = GroupedMatVec(weights, weight, np.arange(6), t, accumulator(4, t, weight, 0))
    flat = Window.of_positions(1, 12)
    cases = [Case(product, flat, t, choice) for choice in product.legal()]
    cases += [Case(Reduce(r, 3, 4, t), flat, t, Implementation()) for r in Reduction]
    check(cases, rng, io_type)


def test_what_a_stream_is_built_of() -> None:
    t = Fixed(6, 3)
    pair = Window(4, 4, 3, (2, 2), groups=3)
    whole = Window(4, 4, 3, (4, 4), groups=3)
    product = GroupedMatVec(
        np.ones((3, 4, 2), np.int64), t, np.zeros(6, np.int64), t, accumulator(4, t, t, 0)
    )
    one, many = Reduce(Reduction.MAX, 3, 4, t), Reduce(Reduction.SUM, 3, 16, t)
    latency, shared = Implementation(), Implementation(Strategy.RESOURCE, 2)
    at_each = Sliding(Window.of_positions(16, 12), product)
    functions = [
        (Sliding(pair, one), latency, "sliding_stream"),
        (Sliding(pair, product), latency, "sliding_stream"),
        (Sliding(pair, product), Implementation(Strategy.LATENCY, 2), "sliding_stream_paced"),
        (Sliding(pair, product), shared, "sliding_stream_in_steps"),
        (Sliding(whole, many), latency, "sum_stream"),
        (at_each, latency, "map_stream"),
        (at_each, shared, "map_stream_in_steps"),
    ]
    for unit, choice, name in functions:
        case = Case(unit, unit.window, t, choice)
        typed = network([case], IOType.STREAM)
        block = unit.hls_stream(choice, (typed.edges["x0"],), typed.edges["u0"])
        assert block.function == name
    lines = Sliding(pair, one).hls_stream(latency, (), typed.edges["u0"]).numbers
    assert (lines["lines"], lines["line"]) == (1, 4)  # of two rows, one is kept


def test_a_stream_must_come_pixel_by_pixel() -> None:
    t = Fixed(6, 3)
    unit = Sliding(Window(4, 4, 3, (2, 2), groups=3), Reduce(Reduction.MAX, 3, 4, t))
    typed = network([Case(unit, unit.window, t, Implementation())], IOType.STREAM)
    flat = replace(typed.edges["x0"], shape=(48,))
    message = r"^u0: in io_stream its input x0 must travel in 16 beats of 3; it has 1 of 48$"
    with pytest.raises(UnsupportedError, match=message):
        unit.hls_stream(Implementation(), (flat,), typed.edges["u0"])
