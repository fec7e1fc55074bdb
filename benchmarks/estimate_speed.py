"""How long estimates take, beside what they may take.

``fresh_ms``: a design of ten layers whose stages are counted and were never priced: limit 2 ms.
``first_ms``: one of which nothing is known yet; it is the building of exact adder trees, as for the
Verilog. ``again_ms``: the same once more. ``hardware_ms``: other reuse factors, one design
at a time. ``batch_designs_per_s``: other reuse factors for many designs, as the search has them:
limit 20,000 per second on one core.

Run: python benchmarks/estimate_speed.py [--layers 10] [--repeat 30]
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable

import numpy as np
from yosys_designs import Net

from converter import apply
from converter.config import Auto, HLSConfig, LayerConfig
from converter.graph import ModelGraph, TypedGraph
from converter.parts import target
from converter.units.product import MatrixProduct
from estimators import ESTIMATORS, estimate
from estimators.analytic import cached_price
from estimators.batch import choice_tables, totals

LIMITS = {"fresh_ms": 2.0, "batch_designs_per_s": 20_000}


def network(layers: int, seed: int) -> TypedGraph:
    """A chain of ``layers`` dense layers of 32 with rectifiers, about half of the weights zero."""
    net = Net(np.random.default_rng(seed), weight_bits=6, bits=8, sparsity=0.5)
    net.input(16)
    for _ in range(layers):
        net.dense(32)
        net.relu()
    graph = ModelGraph(f"speed_{seed}", tuple(net.nodes), (net.nodes[-1].name,))
    return apply(graph, HLSConfig(LayerConfig(default_precision=Auto(8))))


def hardware(typed: TypedGraph, random: np.random.Generator) -> TypedGraph:
    """The same arithmetic with reuse factors drawn anew."""
    choices = {}
    for stage in typed.stages:
        if isinstance(stage.unit, MatrixProduct):
            legal = stage.unit.legal()
            choices[stage.name] = legal[int(random.integers(len(legal)))]
    return typed.with_hardware(choices)


def milliseconds(function: Callable[[], object], repeat: int) -> float:
    """Median time of one call."""
    times = []
    for _ in range(repeat):
        start = time.perf_counter()
        function()
        times.append(time.perf_counter() - start)
    return 1000 * float(np.median(times))


def measure(tool: str, layers: int, repeat: int) -> dict[str, float]:
    """The figures of the module's text."""
    where, random = target("xcvu9p"), np.random.default_rng(0)
    estimate(network(layers, 0), where, tool=tool)  # loads what is loaded once
    unseen = iter([network(layers, seed) for seed in range(1, repeat + 1)])
    first = milliseconds(lambda: estimate(next(unseen), where, tool=tool), repeat)
    typed = network(layers, 0)

    def fresh() -> None:
        cached_price.cache_clear()
        estimate(typed, where, tool=tool)

    again = milliseconds(lambda: estimate(typed, where, tool=tool), repeat)
    variants = [hardware(typed, random) for _ in range(repeat)]
    for one in variants:
        estimate(one, where, tool=tool)
    variant = iter(variants)
    tables = choice_tables(typed, where, ESTIMATORS[tool])
    picks = np.stack([random.integers(len(t.choices), size=100_000) for t in tables], axis=1)
    batch = milliseconds(lambda: totals([t.figures[picks[:, i]] for i, t in enumerate(tables)]), 5)
    return {
        "first_ms": round(first, 3),
        "fresh_ms": round(milliseconds(fresh, repeat), 3),
        "again_ms": round(again, 3),
        "hardware_ms": round(
            milliseconds(lambda: estimate(next(variant), where, tool=tool), repeat), 3
        ),
        "batch_designs_per_s": round(len(picks) / batch * 1e3),
    }


def main() -> None:
    """Print one JSON document."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--layers", type=int, default=10)
    parser.add_argument("--repeat", type=int, default=30)
    chosen = parser.parse_args()
    found = {tool: measure(tool, chosen.layers, chosen.repeat) for tool in ESTIMATORS}
    print(json.dumps({"limits": LIMITS, **found}, indent=2))


if __name__ == "__main__":
    main()
