"""Schedules: cycles along the graph, and clocks that are refused."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from converter.errors import TargetError
from converter.graph import Bounds, Edge, Implementation, IOType, Stage, Strategy, TypedGraph
from converter.netlist.adders import build
from converter.netlist.digits import csd
from converter.schedule import schedule
from converter.timing import Family, Target, timing_for
from converter.types import Fixed
from converter.units.matvec import MatVec

TARGET = Target("xcvu9p-flga2104-2L-e", Family.ULTRASCALE_PLUS, 5.0)


def two_layers() -> TypedGraph:
    rng = np.random.default_rng(0)
    t, weight, accum = Fixed(8, 3), Fixed(6, 1), Fixed(18, 8)
    edges = {"x": Edge("x", (8,), t, Bounds.of_type(t, 8))}
    stages = []
    for name, source, in_type in (("a", "x", t), ("b", "a", accum)):
        out = Fixed(in_type.width + 10, in_type.integer + 5)
        weights = rng.integers(-31, 32, (8, 8))
        unit = MatVec(weights, weight, np.zeros(8, np.int64), in_type, out)
        edges[name] = Edge(name, (8,), out, Bounds.of_type(out, 8))
        stages.append(Stage(name, name, unit, (source,)))
    return TypedGraph("two", edges, tuple(stages), ("x",), ("a", "b"))


def test_cycles_add_up_along_the_graph() -> None:
    typed = two_layers().with_hardware({"b": Implementation(Strategy.RESOURCE, 16)})
    plan = schedule(typed, TARGET)
    first, second = (f.latency_cycles for f in plan.facts)
    assert plan.start_cycles == {"a": 0, "b": first}
    assert plan.output_cycles == {"a": first, "b": first + second}
    assert plan.latency_cycles == first + second
    assert plan.interval_cycles == 16


def test_streams_wait_in_fifos_alone() -> None:
    """A FIFO shows a beat the cycle after it was written; there is one at each port, too."""
    shared = {"b": Implementation(Strategy.RESOURCE, 16)}
    typed = replace(two_layers(), io_type=IOType.STREAM).with_hardware(shared)
    plan = schedule(typed, TARGET)
    first, second, *fifos = plan.facts
    assert [f.kind for f in fifos] == ["fifo"] * 4  # of x, of a to b and to its port, and of b
    assert not plan.waits
    assert plan.start_cycles == {"a": 1, "b": 2 + first.latency_cycles}
    output = plan.start_cycles["b"] + second.latency_cycles + 1
    assert plan.output_cycles == {"a": 2 + first.latency_cycles, "b": output}
    assert (plan.latency_cycles, plan.interval_cycles) == (output, 16)


def test_a_faster_clock_takes_more_cycles() -> None:
    typed = two_layers()
    fast = Target(TARGET.part, TARGET.family, 2.5)
    assert schedule(typed, fast).latency_cycles > schedule(typed, TARGET).latency_cycles


def test_a_clock_that_is_too_fast_is_refused() -> None:
    with pytest.raises(TargetError, match=r"1 ns is too short .* fastest that fits is 2\.32 ns"):
        timing_for(Target("xcvu9p", Family.ULTRASCALE_PLUS, 1.0))
    with pytest.raises(TargetError, match="too short"):
        timing_for(Target("xcvu9p", Family.ULTRASCALE_PLUS, float("nan")))


@pytest.mark.parametrize("n", [0, 1, 3, 7, 45, 255, 12345])
def test_canonical_signed_digits(n: int) -> None:
    digits = csd(n)
    assert sum(s << p for p, s in digits) == n
    places = [p for p, _ in digits]
    assert all(b - a >= 2 for a, b in pairwise(places))


def test_the_adder_graph_computes_the_product() -> None:
    rng = np.random.default_rng(3)
    weights, bias = rng.integers(-127, 128, (9, 7)), rng.integers(-99, 99, 7)
    weights[:, 2] = 0
    weights[:, 3] = -np.abs(weights[:, 3])
    bias[2:4] = 0
    graph = build(weights, bias, 2, np.full(9, -128), np.full(9, 127))
    x = rng.integers(-128, 128, 9)
    values = [*x.tolist(), *graph.lo[9 : graph.first_sum].tolist()]
    for n in range(graph.first_sum, len(graph.level)):
        sign = -1 if graph.minus[n] else 1
        a, b = values[graph.a[n]], values[graph.b[n]]
        values.append((a << int(graph.a_shift[n])) + sign * (b << int(graph.b_shift[n])))
        assert graph.lo[n] <= values[n] <= graph.hi[n]
    got = [values[r] << int(s) for r, s in zip(graph.root, graph.root_shift, strict=True)]
    assert got == ((x @ weights << 2) + bias).tolist()
