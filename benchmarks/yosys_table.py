"""Synthesises varied dense networks with Yosys, and writes what it counts beside their facts.

The table ``estimators/data/yosys_dense.csv`` is what ``python -m estimators.calibrate yosys``
fits prices to. A run that was stopped goes on where it was; designs are drawn by seed, so
that the same command makes the same table. Every third design is held out of the fit.

Run: python benchmarks/yosys_table.py [--designs 150] [--timeout 60]
"""

from __future__ import annotations

import argparse
import csv
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from converter import apply
from converter.backends import BACKENDS
from converter.backends.base import Stage as Depth
from converter.config import Auto, HLSConfig, LayerConfig
from converter.errors import DseError
from converter.facts import Facts
from converter.graph import ModelGraph, Node, TypedGraph
from converter.layers.activation import Function, Kind, Relu, Softmax
from converter.layers.base import Layer as AnyLayer
from converter.layers.dense import Dense
from converter.layers.input import Input
from converter.parts import target
from converter.schedule import schedule
from converter.types import Fixed
from converter.units.matvec import MatVec
from dse.synthesis import Limits, synthesise
from estimators import labelled

PARTS = ("xcvu9p", "xc7z020", "xcku060")
CLOCKS_NS = (4.0, 5.0, 10.0)
HELD_OUT = 3  # every third design
SIZES = (100, 6000)  # in bits of adders and the like; smaller is noise, larger takes minutes


@dataclass(frozen=True)
class Layer:
    """A dense layer of ``size`` outputs, and what follows it."""

    size: int
    activation: str
    reuse: int = 0  # which of the legal choices, of 0 for unrolled


@dataclass(frozen=True)
class Design:
    """One random network. ``sparsity``: share of weights that are zero."""

    name: str
    kind: str
    seed: int
    inputs: int
    layers: tuple[Layer, ...]
    weight_bits: int
    bits: int
    sparsity: float
    part: str = "xcvu9p"
    clock_period_ns: float = 5.0


ACTIVATIONS: dict[str, tuple[AnyLayer, ...]] = {
    "none": (),
    "relu": (Relu(),),
    "relu6": (Relu(max_value=6.0),),
    "sigmoid": (Function(Kind.SIGMOID),),
    "tanh": (Function(Kind.TANH),),
    "softmax": (Softmax(),),
}


def designs() -> Iterator[Design]:
    """An endless, reproducible sequence; kinds take turns."""
    makers = (_unrolled, _shared, _network, _classifier, _tables)
    number = 0
    while True:
        random = np.random.default_rng(number)
        maker = makers[number % len(makers)]
        yield maker(number, random)
        number += 1


def _some(random: np.random.Generator, low: int, high: int) -> int:
    """Log-uniform: as many small ones as large ones."""
    return round(float(np.exp(random.uniform(np.log(low), np.log(high)))))


def _design(
    kind: str, seed: int, random: np.random.Generator, inputs: int, layers: tuple[Layer, ...]
) -> Design:
    return Design(
        f"{kind}_{seed}",
        kind,
        seed,
        inputs,
        layers,
        weight_bits=int(random.integers(3, 11)),
        bits=int(random.integers(5, 17)),
        sparsity=float(random.choice([0.0, 0.0, 0.3, 0.5, 0.7])),
        part=str(random.choice(PARTS)),
        clock_period_ns=float(random.choice(CLOCKS_NS)),
    )


def _unrolled(seed: int, random: np.random.Generator) -> Design:
    layer = Layer(_some(random, 4, 32), str(random.choice(["none", "relu", "relu6"])))
    return _design("unrolled", seed, random, _some(random, 4, 32), (layer,))


def _shared(seed: int, random: np.random.Generator) -> Design:
    layer = Layer(_some(random, 4, 48), "relu", int(random.integers(1, 8)))
    return _design("shared", seed, random, _some(random, 4, 96), (layer,))


def _network(seed: int, random: np.random.Generator) -> Design:
    depth = int(random.integers(2, 5))
    layers = tuple(
        Layer(_some(random, 4, 32), "relu", int(random.integers(0, 4))) for _ in range(depth)
    )
    return _design("network", seed, random, _some(random, 4, 32), layers)


def _classifier(seed: int, random: np.random.Generator) -> Design:
    hidden = Layer(_some(random, 4, 24), "relu", int(random.integers(0, 4)))
    last = Layer(_some(random, 2, 12), "softmax", int(random.integers(0, 3)))
    return _design("classifier", seed, random, _some(random, 4, 24), (hidden, last))


def _tables(seed: int, random: np.random.Generator) -> Design:
    layer = Layer(_some(random, 2, 16), str(random.choice(["sigmoid", "tanh"])))
    return _design("tables", seed, random, _some(random, 2, 16), (layer,))


def model(design: Design) -> ModelGraph:
    """The network with random weights."""
    random = np.random.default_rng(10_000 + design.seed)
    nodes = [Node("input", Input((design.inputs,)), (), (design.inputs,))]
    size = design.inputs
    for index, layer in enumerate(design.layers):
        kernel = random.uniform(-1, 1, (size, layer.size))
        kernel[random.random(kernel.shape) < design.sparsity] = 0
        size = layer.size
        dense = Dense(kernel, random.uniform(-1, 1, size))
        after = ACTIVATIONS[layer.activation]
        for name, one in ((f"fc{index}", dense), *((f"act{index}", a) for a in after)):
            nodes.append(Node(name, one, (nodes[-1].name,), (size,)))
    return ModelGraph(design.name, tuple(nodes), (nodes[-1].name,))


def typed_graph(design: Design) -> TypedGraph:
    """Integers, with the reuse factors that the design asks for."""
    weight = Fixed(design.weight_bits, 1, True)
    config = HLSConfig(
        LayerConfig(default_precision=Auto(design.bits)),
        layer_types={"Dense": {"precision": {"weight": weight}}},
    )
    typed = apply(model(design), config)
    choices = {}
    for stage in typed.stages:
        if isinstance(stage.unit, MatVec):
            legal = stage.unit.legal()
            index = int(stage.layer.removeprefix("fc"))
            choices[stage.name] = legal[min(design.layers[index].reuse, len(legal) - 1)]
    return typed.with_hardware(choices)


def _size(facts: Sequence[Facts]) -> int:
    """About as many LUTs; free of any price, so that the table does not depend on one."""
    products = sum(m.count * m.width_a * m.width_b for f in facts for m in f.multipliers)
    tables = sum(m.count * m.depth * m.width for f in facts for m in f.memories)
    return sum(f.adder_bits + f.compare_bits for f in facts) + products // 4 + tables // 64


def synthesised(design: Design, timeout_s: float) -> labelled.Run | None:
    """One design through Yosys; ``None`` where it is not of a size that tells anything."""
    typed = typed_graph(design)
    where = target(design.part, design.clock_period_ns)
    facts = schedule(typed, where).facts
    if not SIZES[0] <= _size(facts) <= SIZES[1]:
        return None
    backend = BACKENDS["yosys"]
    tool = backend.find()
    if tool is None:
        raise SystemExit("yosys is not here; pip install pyosys")
    with tempfile.TemporaryDirectory() as folder:
        result = synthesise(
            backend.project(typed, where),
            "yosys",
            tool,
            Depth.LOGIC,
            Path(folder),
            Limits(timeout_s),
        )
    if result.report is None:
        reason = result.failure.message if result.failure else "no report"
        print(f"{design.name}: {reason}", file=sys.stderr)
        return None
    names = ("lut", "ff", "dsp", "bram_18k", "latency_cycles", "interval_cycles")
    return labelled.Run(
        design.name,
        design.kind,
        design.seed % HELD_OUT == 0,
        tool.version,
        design.part,
        design.clock_period_ns,
        {name: getattr(result.report, name) for name in names},
        round(result.seconds, 2),
        facts,
    )


def main() -> None:
    """Append designs to the table until it has as many as asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--designs", type=int, default=150, help="rows of the table")
    parser.add_argument("--timeout", type=float, default=60, help="seconds per design")
    parser.add_argument("--table", type=Path, default=labelled.TABLE)
    chosen = parser.parse_args()
    rows = labelled.read(chosen.table) if chosen.table.exists() else []
    known = {row.design for row in rows}
    with chosen.table.open("a", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, labelled.COLUMNS)
        if not rows:
            writer.writeheader()
        count = len(rows)
        for design in designs():
            if count >= chosen.designs:
                break
            if design.name in known:
                continue
            try:
                found = synthesised(design, chosen.timeout)
            except DseError as error:
                print(f"{design.name}: {error}", file=sys.stderr)
                continue
            if found is None:
                continue
            writer.writerow(labelled.line(found))
            file.flush()
            count += 1
            print(f"{count} {found.design} {found.figures} {found.seconds} s", file=sys.stderr)


if __name__ == "__main__":
    main()
