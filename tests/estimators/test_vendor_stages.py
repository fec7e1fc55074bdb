"""Vendors' tools on our own graphs: every stage of their flow, every unit, both io types."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from fuzz import typed_graph, with_random_hardware
from networks import random_network

from converter.errors import ConfigError, DseError
from converter.graph import Implementation, IOType, Strategy, TypedGraph, frozen_array
from converter.parts import target
from converter.report import RESOURCES
from converter.schedule import schedule
from converter.timing import timing_for
from converter.types import Fixed
from converter.units.matvec import MatVec
from estimators import estimate
from estimators.analytic import price
from estimators.hls import STAGES, hls_estimator
from estimators.published.constants import csd_digits
from estimators.published.reader import read_layers
from estimators.published.types import DEFAULT, Around

WHERE = target("xcvu9p")
SEEDS = range(24)


def graphs(seed: int) -> list[TypedGraph]:
    """One network of all sorts of layers in both io types, as far as it can be built."""
    found = []
    try:
        typed = with_random_hardware(typed_graph(random_network(seed)), seed)
    except DseError:
        return []
    for io_type in IOType:
        one = replace(typed, io_type=io_type)
        try:
            schedule(one, WHERE)
        except DseError:
            continue
        found.append(one)
    return found


@pytest.fixture(scope="module")
def networks() -> list[TypedGraph]:
    return [graph for seed in SEEDS for graph in graphs(seed)]


@pytest.mark.parametrize("tool", ["vitis", "vivado"])
@pytest.mark.parametrize("stage", sorted(STAGES))
def test_every_unit_has_a_price(networks: list[TypedGraph], tool: str, stage: str) -> None:
    assert {graph.io_type for graph in networks} == set(IOType)
    estimator = hls_estimator(tool, stage=stage)
    for graph in networks:
        report = price(graph, schedule(graph, WHERE), WHERE, estimator)
        assert None not in [getattr(report, name) for name in RESOURCES]
        assert report.confidence == 0.9
        for name, (low, high) in report.intervals.items():
            assert 0 <= low <= getattr(report, name) <= high, name


def test_logic_synthesis_leaves_half_of_the_luts(networks: list[TypedGraph]) -> None:
    graph = max(networks, key=lambda one: len(one.stages))
    first, logic, routed = (
        estimate(graph, WHERE, tool="vitis", stage=stage) for stage in ("csynth", "logic", "route")
    )
    assert 0.4 < (logic.lut or 0) / (first.lut or 1) < 0.7
    assert (routed.lut or 0) < (logic.lut or 0)
    assert logic.dsp == first.dsp
    assert (logic.bram_18k or 0) <= (first.bram_18k or 0)
    assert logic.latency_cycles == first.latency_cycles
    assert "vitis logic synthesis" in str(logic.source)
    assert "few designs" in logic.notes[0]


def test_kinds_without_reports_are_named_and_widen(networks: list[TypedGraph]) -> None:
    estimator = hls_estimator("vitis")
    known = set(estimator.prices.known["io_parallel"])
    graph = next(
        one for one in networks
        if one.io_type is IOType.PARALLEL
        and not {f.kind for f in schedule(one, WHERE).facts} <= known
    )  # fmt: skip
    report = estimate(graph, WHERE, tool="vitis")
    assert "their prices are by construction, and the intervals are wider" in report.notes[1]


def test_an_unknown_stage_is_refused() -> None:
    with pytest.raises(ConfigError, match="vitis has no stage 'cosim' that can be estimated; the"):
        hls_estimator("vitis", stage="cosim")


def test_yosys_has_no_stages(networks: list[TypedGraph]) -> None:
    with pytest.raises(ConfigError, match="yosys: has no stages, given 'logic'; leave it out"):
        estimate(networks[0], WHERE, tool="yosys", stage="logic")


def test_a_published_row_and_our_own_graph_of_it_cost_the_same() -> None:
    """What is learned from tables carries over: both are the same facts."""
    rng = np.random.default_rng(3)
    weights = frozen_array(rng.integers(-127, 128, (32, 16)))
    zero = frozen_array(np.zeros(16, np.int64))
    unit = MatVec(weights, Fixed(8, 1), zero, Fixed(16, 6), Fixed(29, 12))
    digits = csd_digits(weights)
    layer = {
        "op": "dense", "n_in": 32, "n_out": 16, "in_t": "ap_fixed<16,6>", "reuse_factor": 1,
        "weight_t": "ap_fixed<8,1>", "strategy": "latency",
        "w": {"n": 512, "nnz": int((weights != 0).sum()), "pow2": int((digits == 1).sum()),
              "csd": int(digits.sum()), "absmax": int(abs(weights).max())},
    }  # fmt: skip
    for reuse in (1, 4):
        choice = Implementation(Strategy.RESOURCE, reuse) if reuse > 1 else Implementation()
        ours = unit.facts("fc", choice, timing_for(WHERE))
        layer |= {"reuse_factor": reuse, "strategy": ours.strategy}
        width = f"ap_fixed<{ours.accum_width},10>"
        around = Around(False, "latency", (1,), DEFAULT, DEFAULT, lecun=False, vivado=False)
        (read,) = read_layers([{**layer, "accum_t": width, "out_t": width}], around)
        for tool in ("vitis", "vivado"):
            first, second = (hls_estimator(tool).price(facts, WHERE) for facts in (ours, read))
            assert second.lut == pytest.approx(first.lut, rel=0.1)
            assert second.ff == pytest.approx(first.ff, rel=0.1)
            assert second.dsp == pytest.approx(first.dsp, rel=0.1)  # totals tell it nearly
            assert second.bram_18k == first.bram_18k
            assert second.latency_cycles == first.latency_cycles
            assert second.interval_cycles == first.interval_cycles == reuse
