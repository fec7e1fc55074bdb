"""How long an estimate takes: a fresh design, its facts, and one whose facts are known.

Run: python benchmarks/estimate_speed.py [--layers 10] [--repeat 200]
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable

import numpy as np
from yosys_table import Design, Layer, typed_graph

from converter.graph import TypedGraph
from converter.parts import target
from converter.schedule import schedule
from converter.units.matvec import MatVec
from estimators import ESTIMATORS, estimate
from estimators.analytic import cached_price, price
from estimators.batch import choice_tables, totals


def network(layers: int, seed: int) -> TypedGraph:
    """A chain of ``layers`` dense layers of 32 with rectifiers, 6-bit weights."""
    chain = tuple(Layer(32, "relu") for _ in range(layers))
    return typed_graph(Design(f"speed_{seed}", "speed", seed, 16, chain, 6, 8, 0.5))


def hardware(typed: TypedGraph, random: np.random.Generator) -> TypedGraph:
    """The same arithmetic with reuse factors drawn anew."""
    choices = {}
    for stage in typed.stages:
        if isinstance(stage.unit, MatVec):
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
    """Milliseconds: ``first`` with facts made anew, ``fresh`` with facts known but no price
    made yet, ``again`` with both, ``hardware`` with other reuse factors each time;
    and designs per second in batches.
    """
    where = target("xcvu9p")
    typed = [network(layers, seed) for seed in range(3)]
    start = time.perf_counter()
    for one in typed:
        estimate(one, where, tool=tool)
    first = (time.perf_counter() - start) * 1000 / len(typed)
    plan = schedule(typed[0], where)

    def fresh() -> None:
        cached_price.cache_clear()
        price(typed[0], schedule(typed[0], where), where, ESTIMATORS[tool])

    random = np.random.default_rng(0)
    variants = [hardware(typed[0], random) for _ in range(repeat)]
    for one in variants:
        estimate(one, where, tool=tool)
    variant = iter(variants)
    tables = choice_tables(typed[0], where, ESTIMATORS[tool])
    picks = np.stack([random.integers(len(t.choices), size=100_000) for t in tables], axis=1)
    return {
        "stages": len(plan.facts),
        "first": round(first, 3),
        "fresh": round(milliseconds(fresh, repeat), 3),
        "again": round(milliseconds(lambda: estimate(typed[0], where, tool=tool), repeat), 3),
        "batch_designs_per_s": round(
            len(picks) / milliseconds(lambda: totals(tables, picks), 5) * 1e3
        ),
        "hardware": round(
            milliseconds(lambda: estimate(next(variant), where, tool=tool), repeat), 3
        ),
    }


def main() -> None:
    """Print one JSON document."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--layers", type=int, default=10)
    parser.add_argument("--repeat", type=int, default=200)
    chosen = parser.parse_args()
    print(json.dumps({t: measure(t, chosen.layers, chosen.repeat) for t in ESTIMATORS}, indent=2))


if __name__ == "__main__":
    main()
