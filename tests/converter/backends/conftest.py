"""A small network with every kind of stage that a dense network has."""

from __future__ import annotations

import numpy as np
import pytest

from converter.graph import Bounds, Edge, Implementation, Stage, Strategy, TypedGraph
from converter.types import Fixed, Overflow, Rounding
from converter.units.base import Unit
from converter.units.matvec import MatVec
from converter.units.requantize import Relu, Requantize
from converter.units.softmax import Softmax


@pytest.fixture
def small_network() -> TypedGraph:
    """Dense, rectifier, Dense with shared multipliers, softmax; one accumulator is wide."""
    return small(np.random.default_rng(3))


def small(rng: np.random.Generator) -> TypedGraph:
    """Dense, rectifier, Dense with a shared multiplier, softmax, with wide accumulators."""
    x, h = Fixed(16, 6), Fixed(12, 5, False, Rounding.RND_CONV, Overflow.SAT)
    z = Fixed(14, 6, True, Rounding.RND, Overflow.SAT_SYM)
    y = Fixed(16, 1, False, Rounding.RND, Overflow.SAT)
    fc1 = MatVec(
        rng.integers(-128, 128, (8, 6)), Fixed(8, 2), rng.integers(-99, 99, 6), x, Fixed(80, 64)
    )
    fc2 = MatVec(
        rng.integers(-32, 32, (6, 4)), Fixed(6, 1), rng.integers(-99, 99, 4), h, Fixed(24, 12)
    )
    exps = np.round(np.exp(-np.arange(256) / 16) * 2**16).astype(np.int64)
    inverses = np.round(2**16 / (1 + (np.arange(64) + 0.5) / 64)).astype(np.int64)
    units: dict[str, Unit] = {
        "fc1": fc1,
        "relu1": Requantize(6, fc1.accum_type, h, Relu(3, 2, 4, 5, 90000, 4000)),
        "fc2": fc2,
        "logits": Requantize(4, fc2.accum_type, z),
        "softmax": Softmax(4, z, y, exps, 4, 16, inverses, 16),
    }
    edges, stages, previous = {"x": Edge("x", (8,), x, Bounds.of_type(x, 8))}, [], "x"
    for name, unit in units.items():
        stages.append(Stage(name, name, unit, (previous,)))
        bounds = Bounds.of_type(unit.output_type, unit.size)
        edges[name] = Edge(name, (unit.size,), unit.output_type, bounds)
        previous = name
    typed = TypedGraph("tagger", edges, tuple(stages), ("x",), ("softmax",))
    return typed.with_hardware({"fc2": Implementation(Strategy.RESOURCE, 12)})
