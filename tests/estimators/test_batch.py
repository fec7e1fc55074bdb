"""Tables of choices: what the search adds up is what a design is estimated at."""

from __future__ import annotations

import numpy as np
import pytest

from converter.config import Auto, HLSConfig, LayerConfig
from converter.errors import UnsupportedError
from converter.facts import Facts
from converter.graph import IOType, ModelGraph, Node, TypedGraph
from converter.layers.activation import Relu
from converter.layers.conv import Conv
from converter.layers.dense import Dense
from converter.layers.geometry import Geometry
from converter.layers.input import Input
from converter.layers.reshape import Flatten
from converter.parts import target
from converter.pipeline import apply
from converter.report import RESOURCES, Report
from converter.timing import Target
from estimators import ESTIMATORS, estimate
from estimators.batch import FIGURES, choice_tables, parts_of, totals
from estimators.yosys import YosysEstimator

WHERE = target("xcvu9p")
YOSYS = ESTIMATORS["yosys"]


def network(io_type: IOType) -> TypedGraph:
    """A convolution, a rectifier, a dense layer."""
    random = np.random.default_rng(3)
    conv = Conv(
        random.uniform(-1, 1, (3, 2, 4)), None, geometry=Geometry(1, (1, 3)), class_name="Conv1D"
    )
    layers = [("in", Input((8, 2))), ("conv", conv), ("relu", Relu())]
    layers += [("flat", Flatten()), ("fc", Dense(random.uniform(-1, 1, (24, 3))))]
    nodes: list[Node] = []
    for name, layer in layers:
        inputs = nodes[-1:] if nodes else []
        shape = layer.infer_shape([n.shape for n in inputs])
        nodes.append(Node(name, layer, tuple(n.name for n in inputs), shape))
    graph = ModelGraph("net", tuple(nodes), (nodes[-1].name,))
    return apply(graph, HLSConfig(LayerConfig(default_precision=Auto(8)), io_type=io_type))


@pytest.mark.parametrize("io_type", list(IOType))
def test_totals_are_those_of_the_estimate(io_type: IOType) -> None:
    typed = network(io_type)
    tables = choice_tables(typed, WHERE, YOSYS)
    random = np.random.default_rng(1)
    for _ in range(6):
        picks = [int(random.integers(len(t.choices))) for t in tables]
        found = totals([t.figures[p] for t, p in zip(tables, picks, strict=True)])
        chosen = {t.stage: t.choices[p] for t, p in zip(tables, picks, strict=True)}
        report = estimate(typed.with_hardware(chosen), WHERE)
        values = dict(zip(FIGURES, found.tolist(), strict=True))
        assert values["dsp"] == report.dsp
        assert values["interval_cycles"] == report.interval_cycles
        if io_type is IOType.PARALLEL:
            assert values["latency_cycles"] == report.latency_cycles
            assert values["lut"] == pytest.approx(report.lut, abs=1)
        else:  # FIFOs are as deep as they must be alone, and stages overlap
            latency = values["latency_cycles"] + values["interval_cycles"]
            assert latency == pytest.approx(report.latency_cycles, rel=0.3)
            assert values["lut"] == pytest.approx(report.lut, rel=0.1)


def test_parts_of_kinds_add_up() -> None:
    tables = choice_tables(network(IOType.PARALLEL), WHERE, YOSYS)
    choices = {t.stage: t.choices[-1] for t in tables}
    parts = parts_of(tables, choices)
    whole = totals([t.figures[-1] for t in tables])
    for name in RESOURCES:
        assert sum(own[name] for own in parts.values()) == pytest.approx(whole[FIGURES.index(name)])
    assert {"requantize", "matvec_shared"} <= set(parts)


def test_many_designs_at_once_are_the_same_as_one_by_one() -> None:
    tables = choice_tables(network(IOType.PARALLEL), WHERE, YOSYS)
    random = np.random.default_rng(2)
    picks = np.stack([random.integers(len(t.choices), size=50) for t in tables], axis=1)
    many = totals([t.figures[picks[:, i]] for i, t in enumerate(tables)])
    for row, pick in zip(many, picks, strict=True):
        assert (totals([t.figures[p] for t, p in zip(tables, pick, strict=True)]) == row).all()


class Gaps(YosysEstimator):
    """A tool that says nothing of DSP blocks."""

    def price(self, facts: Facts, target: Target) -> Report:
        return Report(self.source, 1, 2, None, 4, None, 6, 7)


def test_a_price_with_gaps_is_refused() -> None:
    gaps = Gaps("yosys", YOSYS.prices)  # type: ignore[attr-defined]
    with pytest.raises(UnsupportedError, match=r"conv: estimate of yosys gives no dsp, uram"):
        choice_tables(network(IOType.PARALLEL), WHERE, gaps)
