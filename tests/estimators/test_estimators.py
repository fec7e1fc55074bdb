"""What holds for every estimator in the registry."""

from __future__ import annotations

import itertools
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from converter.config import Auto, HLSConfig, LayerConfig
from converter.errors import ConfigError, TargetError, UnsupportedError
from converter.facts import Facts
from converter.graph import Implementation, ModelGraph, Node, Strategy, TypedGraph
from converter.layers.activation import Function, Relu
from converter.layers.dense import Dense
from converter.layers.functions import Kind
from converter.layers.input import Input
from converter.layers.softmax import Softmax
from converter.parts import target
from converter.pipeline import apply
from converter.report import Fidelity, Report
from converter.schedule import schedule
from converter.units.matvec import MatVec
from estimators import ESTIMATORS, estimate, find_estimator
from estimators.analytic import cached_price
from estimators.base import Estimator
from estimators.batch import FIGURES, choice_tables, totals
from estimators.price_files import FOLDER, nearest_version

WHERE = target("xcvu9p")
RESOURCES = ("lut", "ff", "dsp", "bram_18k", "uram")


def network(
    sizes: tuple[int, ...], last: Any = None, bits: int = 8, zeros: float = 0.0
) -> TypedGraph:
    """A chain of dense layers with rectifiers between them."""
    random = np.random.default_rng(5)
    nodes = [Node("in", Input((sizes[0],)), (), (sizes[0],))]

    def add(name: str, layer: Any, size: int) -> None:
        nodes.append(Node(name, layer, (nodes[-1].name,), (size,)))

    for i, (before, size) in enumerate(itertools.pairwise(sizes)):
        kernel = random.uniform(-1, 1, (before, size))
        kernel[random.random(kernel.shape) < zeros] = 0
        add(f"fc{i}", Dense(kernel, random.uniform(-1, 1, size)), size)
        if i < len(sizes) - 2:
            add(f"relu{i}", Relu(), size)
    if last is not None:
        add("last", last, sizes[-1])
    graph = ModelGraph("net", tuple(nodes), (nodes[-1].name,))
    return apply(graph, HLSConfig(LayerConfig(default_precision=Auto(bits))))


def shared(typed: TypedGraph, reuse: int) -> TypedGraph:
    """Every product at one reuse factor."""
    choice = Implementation(Strategy.RESOURCE, reuse)
    products = [s.name for s in typed.stages if isinstance(s.unit, MatVec)]
    return typed.with_hardware(dict.fromkeys(products, choice))


@pytest.fixture(params=sorted(ESTIMATORS))
def tool(request: pytest.FixtureRequest) -> str:
    return str(request.param)


class TestEstimatorSuite:
    def test_source_says_what_is_predicted(self, tool: str) -> None:
        report = estimate(network((8, 6, 4)), "xcvu9p", tool=tool)
        assert report.source.fidelity is Fidelity.ANALYTIC
        assert tool in report.source.tool
        assert report.source.version == ESTIMATORS[tool].version
        assert "an estimate of" in report.notes[0]

    def test_stages_are_priced_one_by_one(self, tool: str) -> None:
        typed = network((8, 6, 4), Softmax())
        report = estimate(typed, "xcvu9p", tool=tool)
        assert list(report.stages) == [stage.name for stage in typed.stages]
        for name in RESOURCES:
            values = [getattr(stage, name) for stage in report.stages.values()]
            assert None not in values
            assert min(values) >= 0
            # a design has more than its stages only in registers of its ports
            assert getattr(report, name) >= round(sum(values)) - 1

    def test_deterministic(self, tool: str) -> None:
        first = estimate(network((8, 6, 4)), "xcvu9p", tool=tool)
        cached_price.cache_clear()
        assert estimate(network((8, 6, 4)), "xcvu9p", tool=tool) == first

    def test_report_is_json(self, tool: str) -> None:
        report = estimate(network((8, 6, 4), Function(Kind.SIGMOID)), "zcu102", tool=tool)
        assert Report.from_json(json.loads(json.dumps(report.to_json()))) == report

    @pytest.mark.parametrize("reuse", [1, 2, 8])
    def test_a_product_is_never_free(self, tool: str, reuse: int) -> None:
        typed = network((8, 8))
        report = estimate(shared(typed, reuse) if reuse > 1 else typed, "xcvu9p", tool=tool)
        (product, *_) = report.stages.values()
        assert (product.lut or 0) + (product.dsp or 0) > 0
        assert (product.ff or 0) > 0 or product.latency_cycles == 0

    def test_more_outputs_cost_more(self, tool: str) -> None:
        costs = [estimate(network((16, n)), "xcvu9p", tool=tool) for n in (4, 8, 16, 32)]
        assert [c.lut for c in costs] == sorted(c.lut or 0 for c in costs)
        assert len({c.lut for c in costs}) == 4

    def test_wider_weights_cost_more(self, tool: str) -> None:
        costs = [estimate(network((16, 16), bits=b), "xcvu9p", tool=tool) for b in (3, 5, 8)]
        assert [c.lut for c in costs] == sorted(c.lut or 0 for c in costs)

    def test_zeros_save(self, tool: str) -> None:
        full = estimate(network((16, 16)), "xcvu9p", tool=tool)
        pruned = estimate(network((16, 16), zeros=0.7), "xcvu9p", tool=tool)
        assert (pruned.lut or 0) < (full.lut or 0) / 2

    def test_reuse_takes_longer_and_fewer_multipliers(self, tool: str) -> None:
        typed = network((32, 32), bits=12)
        costs = [estimate(shared(typed, r), "xcvu9p", tool=tool) for r in (2, 4, 8, 16, 32)]
        assert [c.interval_cycles for c in costs] == [2, 4, 8, 16, 32]
        assert [c.dsp for c in costs] == [512, 256, 128, 64, 32]
        latencies = [c.latency_cycles or 0 for c in costs]
        assert latencies == sorted(latencies)

    def test_a_slower_clock_takes_no_more_cycles(self, tool: str) -> None:
        typed = network((32, 16, 8))
        cycles = [
            estimate(typed, "xcvu9p", tool=tool, clock_period_ns=c).latency_cycles or 0
            for c in (3.0, 5.0, 10.0)
        ]
        assert cycles == sorted(cycles, reverse=True)

    def test_nothing_to_price_is_refused(self, tool: str) -> None:
        edges = {"in": network((3, 3)).edges["in"]}
        empty = TypedGraph("empty", edges, (), ("in",), ("in",))
        with pytest.raises(UnsupportedError, match="empty: computes nothing"):
            estimate(empty, "xcvu9p", tool=tool)

    def test_unknown_version_is_refused(self, tool: str) -> None:
        with pytest.raises(ConfigError, match=f"no prices for {tool} 1999.1; there are: "):
            estimate(network((4, 4)), "xcvu9p", tool=tool, version="1999.1")

    def test_batch_is_the_sum_of_stages(self, tool: str) -> None:
        typed = network((12, 8, 6))
        estimator: Estimator = ESTIMATORS[tool]
        tables = choice_tables(typed, WHERE, estimator)
        random = np.random.default_rng(1)
        picks = np.stack([random.integers(len(t.choices), size=20) for t in tables], axis=1)
        found = totals([t.figures[picks[:, i]] for i, t in enumerate(tables)])
        for row, pick in zip(found, picks, strict=True):
            hardware = {t.stage: t.choices[i] for t, i in zip(tables, pick, strict=True)}
            report = estimate(typed.with_hardware(hardware), WHERE, tool=tool)
            values = dict(zip(FIGURES, row, strict=True))
            for name in ("dsp", "bram_18k", "interval_cycles"):
                assert values[name] == getattr(report, name)
            stages = report.stages.values()
            assert values["lut"] == pytest.approx(sum(s.lut or 0 for s in stages), rel=1e-12)

    def test_prices_tell_their_origin(self, tool: str) -> None:
        data = json.loads((FOLDER / f"{tool}.json").read_text())
        assert data["source"]
        assert data["date"]
        for figure in ("lut", "ff"):
            assert data["fit"][figure]["n"] > 0
            assert "held_out" in data["fit"][figure]
            assert all(rate >= 0 for rate in data["rates"][figure].values())


def test_yosys_cycles_are_the_schedule() -> None:
    typed = shared(network((8, 8, 4), Softmax()), 4)
    plan = schedule(typed, WHERE)
    report = estimate(typed, WHERE)
    assert report.latency_cycles == plan.latency_cycles
    assert report.interval_cycles == plan.interval_cycles == 4


def test_unknown_tool_is_refused() -> None:
    with pytest.raises(
        ConfigError, match="'quartz' has no estimator; there are: yosys, ecp5, vitis"
    ):
        estimate(network((4, 4)), "xcvu9p", tool="quartz")


def test_unknown_part_is_refused() -> None:
    with pytest.raises(TargetError, match="no such part"):
        estimate(network((4, 4)), "xcvu1p")


def test_versions_differ_where_the_clock_does() -> None:
    assert find_estimator("vitis", "2021.1") != find_estimator("vitis")
    assert nearest_version("vitis", "2023.2") == "2023.1"
    assert nearest_version("vitis", "2030.1") == "2024.1"


def test_more_of_anything_costs_more_luts() -> None:
    base = Facts("x", "requantize", "latency", 1, 4, 4, 16, 16, 1, 1)
    for name in ("adder_bits", "mux_bits", "compare_bits"):
        for tool, estimator in ESTIMATORS.items():
            more = estimator.price(replace(base, **{name: 64}), WHERE)
            assert (more.lut or 0) > (estimator.price(base, WHERE).lut or 0), (tool, name)


def test_price_files_are_in_the_package(tmp_path: Path) -> None:
    assert sorted(p.stem for p in FOLDER.glob("*.json")) == sorted(ESTIMATORS)
