"""Sliding units of random geometry, types and hardware, and networks of them side by side."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from converter.graph import Bounds, Edge, Implementation, IOType, Stage, Strategy, TypedGraph
from converter.types import Codes, Fixed, bits_for
from converter.units.affine import Affine
from converter.units.base import Unit
from converter.units.grouped import GroupedMatVec
from converter.units.matvec import MatVec
from converter.units.reduce import Reduce, Reduction
from converter.units.sliding import Sliding
from converter.units.window import Window

Random = np.random.Generator


@dataclass(frozen=True)
class Case:
    """One stage with an input of its own."""

    unit: Unit
    window: Window
    type: Fixed
    choice: Implementation

    @property
    def shapes(self) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """Of its input and its output."""
        w, n = self.window, self.unit.size // self.window.positions
        return (w.rows, w.columns, w.channels), (w.out_rows, w.out_columns, n)


def between(rng: Random, lo: int, hi: int) -> int:
    return int(rng.integers(lo, hi + 1))


def random_type(rng: Random, hi: int = 16) -> Fixed:
    width = between(rng, 1, hi)
    return Fixed(width, between(rng, -2, width + 2), bool(rng.integers(2)))


def random_window(rng: Random, grouped: bool | None = None) -> Window:
    """Of one or two axes; ``grouped``: every channel by itself, all together, or anything."""
    flat = rng.integers(3) == 0
    rows, columns = 1 if flat else between(rng, 1, 6), between(rng, 1, 7)
    kernel = (1 if flat else between(rng, 1, 3), between(rng, 1, 3))
    dilation = (1 if flat else between(rng, 1, 2), between(rng, 1, 2))
    span = tuple((k - 1) * d + 1 for k, d in zip(kernel, dilation, strict=True))
    padding = random_padding(rng, rows, span[0]), random_padding(rng, columns, span[1])
    groups = between(rng, 1, 3)
    channels = groups * between(rng, 1, 2)
    groups = {None: groups, True: channels, False: 1}[grouped]
    strides = (between(rng, 1, 3), between(rng, 1, 3))
    return Window(rows, columns, channels, kernel, strides, dilation, padding, groups)


def random_padding(rng: Random, size: int, span: int) -> tuple[int, int]:
    """Often none; always enough for one position."""
    before, after = (between(rng, 0, 2) for _ in range(2)) if rng.integers(2) else (0, 0)
    return before, max(after, span - size - before)


def codes_of(rng: Random, t: Fixed, shape: tuple[int, ...]) -> Codes:
    return rng.integers(t.code_min, t.code_max + 1, shape)


def fill_of(rng: Random, t: Fixed) -> int:
    return int(rng.choice([0, t.code_min, between(rng, t.code_min, t.code_max)]))


def accumulator(n_in: int, t: Fixed, weight: Fixed, extra: int) -> Fixed:
    limit = (n_in << t.width + weight.width + extra) + (1 << 10)
    width, _ = bits_for(-limit, limit)
    return Fixed(width, width - t.fraction - weight.fraction - extra)


def built(rng: Random, body: Unit, window: Window, t: Fixed, parallel: bool) -> Case:
    """In any of the ways that the unit can be."""
    choices = body.legal()
    if isinstance(body, MatVec | GroupedMatVec):
        choices = (*choices, Implementation(Strategy.DISTRIBUTED_ARITHMETIC))
    choice = choices[rng.integers(len(choices))]
    if choice.strategy is Strategy.RESOURCE and rng.integers(4) == 0:
        choice = Implementation(Strategy.LATENCY, choice.reuse_factor)
    unit = Sliding(window, body, fill_of(rng, t))
    factors = [d for d in range(1, window.positions + 1) if window.positions % d == 0]
    factor = int(rng.choice(factors)) if parallel else 1
    choice = Implementation(choice.strategy, choice.reuse_factor, factor)
    unit.check("case", choice)
    return Case(unit, window, t, choice)


def product(rng: Random, parallel: bool) -> Case:
    window, t, weight = random_window(rng, False), random_type(rng), random_type(rng, 8)
    n_out, extra = between(rng, 1, 4), between(rng, 0, 2)
    accum = accumulator(window.elements, t, weight, extra)
    weights = codes_of(rng, weight, (window.elements, n_out))
    body = MatVec(weights, weight, rng.integers(-500, 500, n_out), t, accum)
    return built(rng, body, window, t, parallel)


def grouped(rng: Random, parallel: bool) -> Case:
    window, t, weight = random_window(rng), random_type(rng), random_type(rng, 8)
    n_in, n_out = window.elements // window.groups, between(rng, 1, 3)
    accum = accumulator(n_in, t, weight, between(rng, 0, 2))
    weights = codes_of(rng, weight, (window.groups, n_in, n_out))
    bias = rng.integers(-500, 500, window.groups * n_out)
    return built(rng, GroupedMatVec(weights, weight, bias, t, accum), window, t, parallel)


def pooling(rng: Random, parallel: bool) -> Case:
    window, t = random_window(rng, True), random_type(rng)
    n = window.kernel[0] * window.kernel[1]
    body = Reduce(list(Reduction)[rng.integers(2)], window.channels, n, t)
    return built(rng, body, window, t, parallel)


def global_pooling(rng: Random, parallel: bool) -> Case:
    rows, columns, channels = (between(rng, 1, 5) for _ in range(3))
    size, t = (rows, columns), random_type(rng)
    window = Window(*size, channels, size, size, groups=channels)
    body = Reduce(list(Reduction)[rng.integers(2)], channels, rows * columns, t)
    return built(rng, body, window, t, parallel)


def on_last_axis(rng: Random, parallel: bool) -> Case:
    t, scale, n = random_type(rng), random_type(rng, 8), between(rng, 1, 4)
    window = Window.of_positions(between(rng, 1, 6), n)
    offsets = rng.integers(-500, 500, n)
    accum = accumulator(1, t, scale, 0)
    body = Affine(codes_of(rng, scale, (n,)), scale, offsets, t, accum)
    return built(rng, body, window, t, parallel)


MAKERS: dict[Callable[[Random, bool], Case], int] = {
    product: 40,
    grouped: 30,
    pooling: 30,
    global_pooling: 8,
    on_last_axis: 8,
}


def network(cases: list[Case], io_type: IOType) -> TypedGraph:
    edges: dict[str, Edge] = {}
    for k, case in enumerate(cases):
        (given, made), t = case.shapes, case.unit.output_type
        size = int(np.prod(given))
        edges[f"x{k}"] = Edge(f"x{k}", given, case.type, Bounds.of_type(case.type, size))
        edges[f"u{k}"] = Edge(f"u{k}", made, t, Bounds.of_type(t, case.unit.size))
    stages = tuple(Stage(f"u{k}", f"u{k}", case.unit, (f"x{k}",)) for k, case in enumerate(cases))
    inputs = tuple(f"x{k}" for k in range(len(cases)))
    hardware = {f"u{k}": case.choice for k, case in enumerate(cases)}
    outputs = tuple(s.name for s in stages)
    return TypedGraph("units", edges, stages, inputs, outputs, hardware, io_type=io_type)
