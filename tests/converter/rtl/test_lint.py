"""The Verilog of all units, under every strategy, has no fault that Verilator's lint, Icarus or
Yosys would find.

All cases are stages of one network per protocol, so that each program runs once for it.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from math import prod
from pathlib import Path

import numpy as np
import pytest

from converter.config import Auto, LayerConfig
from converter.graph import Bounds, Edge, Implementation, IOType, Stage, Strategy, TypedGraph
from converter.layers.layernorm import LayerNormalization
from converter.process import run
from converter.rtl.engines import LINT_WAIVERS
from converter.rtl.top import RtlDesign, rtl_design
from converter.timing import Family, Target
from converter.types import Fixed, Overflow, Rounding
from converter.units.affine import Affine
from converter.units.base import Unit
from converter.units.curve import Curve, Line
from converter.units.grouped import GroupedMatVec
from converter.units.join import Join
from converter.units.lookup import Lookup
from converter.units.matmul import MatMul
from converter.units.matvec import MatVec
from converter.units.merge import Merge, MergeOp
from converter.units.prelu import PRelu
from converter.units.quantize_elements import QuantizeElements
from converter.units.reduce import Reduce, Reduction
from converter.units.reindex import FILL, Reindex
from converter.units.requantize import Relu, Requantize
from converter.units.sliding import Sliding
from converter.units.softmax import Softmax
from converter.units.table import Table
from converter.units.threshold import Threshold
from converter.units.window import Window
from converter.yosys import find_yosys

RNG = np.random.default_rng(3)
S, U, BIT = Fixed(8, 4), Fixed(6, 3, signed=False), Fixed(1, 1, signed=False)
WIDE, WEIGHT, WIDE_WEIGHT = Fixed(33, 9), Fixed(7, 1), Fixed(30, 4)
OUT = Fixed(7, 3, True, Rounding.RND_CONV, Overflow.SAT)

LATENCY = Implementation()
ADDITIONS = Implementation(Strategy.DISTRIBUTED_ARITHMETIC)

USUAL = Target("xcvu9p-flga2104-2L-e", Family.ULTRASCALE_PLUS, 5.0)
FAST = Target("xcvc1902-vsva2197-2MP-e-S", Family.VERSAL, 2.3)
SLOW = Target("lfe5um5g-85f", Family.ECP5, 20.0)


def resource(reuse_factor: int) -> Implementation:
    return Implementation(Strategy.RESOURCE, reuse_factor)


@dataclass(frozen=True, eq=False)
class Case:
    """A unit with shapes of its inputs and of its output; ``type``: of all its inputs.

    ``streams``: whether it is one where tensors travel beat by beat, too.
    """

    unit: Unit
    type: Fixed
    shapes: tuple[tuple[int, ...], ...]
    output: tuple[int, ...]
    choice: Implementation = LATENCY
    streams: bool = True


def codes(t: Fixed, *shape: int) -> np.ndarray:
    return RNG.integers(t.code_min, t.code_max + 1, shape)


def accumulator(n_in: int, t: Fixed, weight: Fixed) -> Fixed:
    width = t.width + weight.width + n_in.bit_length() + 2
    return Fixed(width, width - t.fraction - weight.fraction - 1)


def product(n_in: int, n_out: int, t: Fixed = S, weight: Fixed = WEIGHT) -> MatVec:
    weights = codes(weight, n_in, n_out) * (RNG.random((n_in, n_out)) < 0.7)
    accum = accumulator(n_in, t, weight)
    return MatVec(weights, weight, RNG.integers(-40, 40, n_out), t, accum)


def grouped(groups: int, n_in: int, n_out: int) -> GroupedMatVec:
    weights, bias = codes(WEIGHT, groups, n_in, n_out), RNG.integers(-40, 40, groups * n_out)
    return GroupedMatVec(weights, WEIGHT, bias, S, accumulator(n_in, S, WEIGHT))


def dense(choice: Implementation, t: Fixed = S, weight: Fixed = WEIGHT) -> Case:
    return Case(product(12, 8, t, weight), t, ((12,),), (8,), choice)


def no_weights(choice: Implementation) -> Case:
    bias = RNG.integers(-40, 40, 8)
    unit = MatVec(np.zeros((12, 8), np.int64), WEIGHT, bias, S, accumulator(12, S, WEIGHT))
    return Case(unit, S, ((12,),), (8,), choice)


def groups(choice: Implementation) -> Case:
    return Case(grouped(3, 4, 2), S, ((12,),), (6,), choice)


def conv(choice: Implementation, streams: bool = True) -> Case:
    window = Window(5, 6, 2, (3, 3), (1, 2), padding=((1, 1), (0, 1)))
    unit = Sliding(window, product(18, 3), 0)
    return Case(unit, S, ((5, 6, 2),), (window.out_rows, window.out_columns, 3), choice, streams)


def depthwise(choice: Implementation) -> Case:
    window = Window(1, 9, 3, (1, 3), groups=3)
    return Case(Sliding(window, grouped(3, 3, 2), 0), S, ((9, 3),), (7, 6), choice)


def pooling(reduction: Reduction) -> Case:
    window = Window(4, 6, 3, (2, 2), (2, 2), groups=3)
    return Case(Sliding(window, Reduce(reduction, 3, 4, S), S.code_min), S, ((4, 6, 3),), (2, 3, 3))


def merge(op: MergeOp) -> Case:
    return Case(Merge(op, S, S, 12), S, ((3, 4), (3, 4)), (3, 4))


def moved(places: np.ndarray) -> Case:
    unit = Reindex(places.astype(np.int64).ravel(), 24, S, -3)
    return Case(unit, S, ((2, 3, 4),), places.shape)


def curve() -> Case:
    out = Fixed(12, 4, True, Rounding.RND, Overflow.SAT)
    lines = Line(3, 2, -40), Line(-2, 0, 9)
    unit = Curve(6, S, out, codes(S, 12), codes(U, 12), -6, 4, 1, 2, 6, *lines)
    return Case(unit, S, ((3, 2),), (3, 2))


def layer_norm() -> Case:
    layer = LayerNormalization((-1,), 1e-3, RNG.normal(size=5), RNG.normal(size=5))
    edge = Edge("x", (5,), S, Bounds.of_type(S, 5))
    (stage,) = layer.lower("norm", [edge], LayerConfig(default_precision=Auto(16)), None).stages
    return Case(stage.unit, S, ((5,),), (5,))


def softmax() -> Case:
    exps = np.round(np.exp(-np.arange(60) / 8) * 2.0**14).astype(np.int64)
    inverses = np.round(2.0**14 / (1 + (np.arange(64) + 0.5) / 64)).astype(np.int64)
    unit = Softmax(5, S, Fixed(10, 1, False), exps, 2, 14, inverses, 14)
    return Case(unit, S, ((5,),), (5,))


def affine(t: Fixed, scale: Fixed) -> Case:
    accum = accumulator(1, t, scale)
    return Case(Affine(codes(scale, 4), scale, codes(S, 4), t, accum), t, ((4,),), (4,))


def elements() -> Case:
    sizes = np.array([0, 3, 6, 8]), np.array([0, 1, 2, 4]), np.array([0, 1, 0, 1])
    unit = QuantizeElements(S, Fixed(12, 6), *sizes, Rounding.RND, Overflow.WRAP)
    return Case(unit, S, ((4,),), (4,))


PLACES = np.arange(24).reshape(2, 3, 4)

CASES: dict[str, Callable[[], Case]] = {
    "dense, unrolled": lambda: dense(LATENCY),
    "dense, additions": lambda: dense(ADDITIONS),
    "dense, additions in pieces": lambda: dense(ADDITIONS, WIDE, WIDE_WEIGHT),
    "dense, latency strategy with reuse": lambda: dense(Implementation(Strategy.LATENCY, 4)),
    "dense, several inputs per step": lambda: dense(resource(3)),
    "dense, an input per step": lambda: dense(resource(12)),
    "dense, several passes": lambda: dense(resource(48)),
    "dense, one multiplier": lambda: dense(resource(96)),
    "dense, wide products": lambda: dense(resource(6), WIDE, WIDE_WEIGHT),
    "dense, a product for one wider block": lambda: dense(resource(6), Fixed(26, 8), Fixed(17, 2)),
    "dense, bits": lambda: dense(resource(4), BIT),
    "dense, narrow weights": lambda: dense(resource(4), S, Fixed(3, 1)),
    "dense, no weights": lambda: no_weights(resource(4)),
    "dense, no weights in several passes": lambda: no_weights(resource(24)),
    "groups, unrolled": lambda: groups(LATENCY),
    "groups, additions": lambda: groups(ADDITIONS),
    "groups, shared": lambda: groups(resource(4)),
    "groups, several passes": lambda: groups(resource(8)),
    "conv, unrolled": lambda: conv(LATENCY),
    "conv, additions": lambda: conv(ADDITIONS),
    "conv, shared": lambda: conv(resource(9)),
    "conv, two at once": lambda: conv(Implementation(parallelization_factor=5), False),
    "depthwise, unrolled": lambda: depthwise(LATENCY),
    "depthwise, shared": lambda: depthwise(resource(3)),
    "max pooling": lambda: pooling(Reduction.MAX),
    "sum pooling": lambda: pooling(Reduction.SUM),
    "add": lambda: merge(MergeOp.ADD),
    "multiply": lambda: merge(MergeOp.MUL),
    "maximum": lambda: merge(MergeOp.MAX),
    "join": lambda: Case(Join(6, 4, 4, S), S, ((2, 3, 4), (2, 3, 4)), (2, 3, 8)),
    "matmul, products for one wider block": lambda: Case(
        MatMul(1, 2, 3, 4, Fixed(26, 8), Fixed(26, 8)), Fixed(26, 8), ((2, 3), (3, 4)), (2, 4)),
    "matmul": lambda: Case(MatMul(1, 2, 3, 4, S, S), S, ((2, 3), (3, 4)), (2, 4)),
    "transposed": lambda: moved(PLACES.transpose(1, 0, 2)),
    "padded": lambda: moved(np.pad(PLACES, ((1, 0), (0, 2), (0, 0)), constant_values=FILL)),
    "flat": lambda: moved(PLACES.ravel()),
    "lookup": lambda: Case(Lookup(5, codes(S, 10, 3), Fixed(4, 4, False), S),
                           Fixed(4, 4, False), ((5,),), (5, 3)),
    "requantize": lambda: Case(Requantize(6, WIDE, OUT), WIDE, ((3, 2),), (3, 2)),
    "relu": lambda: Case(Requantize(6, WIDE, OUT, Relu()), WIDE, ((3, 2),), (3, 2)),
    "relu with slope": lambda: Case(Requantize(6, S, OUT, Relu(3, 5, 4)), S, ((6,),), (6,)),
    "prelu": lambda: Case(PRelu(codes(S, 4), Fixed(8, 2), S, OUT), S, ((4,),), (4,)),
    "threshold": lambda: Case(Threshold(4, S, U, np.array([-9, 3]), np.array([5, 0, 63])),
                              S, ((4,),), (4,)),
    "table": lambda: Case(Table(4, S, U, codes(U, 40), 2, 20), S, ((4,),), (4,)),
    "table in block RAM": lambda: Case(Table(2, WIDE, WIDE, codes(WIDE, 900), 4, 450),
                                       WIDE, ((2,),), (2,)),
    "curve": curve,
    "affine": lambda: affine(S, WEIGHT),
    "wide affine": lambda: affine(WIDE, WIDE_WEIGHT),
    "layer norm": layer_norm,
    "softmax": softmax,
    "elements": elements,
}  # fmt: skip
"""A new unit, or a new way to build one, gets a line here."""


def network(io_type: IOType) -> TypedGraph:
    edges: dict[str, Edge] = {}
    stages: list[Stage] = []
    hardware: dict[str, Implementation] = {}
    made = [make() for make in CASES.values()]
    for k, case in enumerate(made):
        if io_type is IOType.STREAM and not case.streams:
            continue
        names = [f"x{k}_{j}" for j in range(len(case.shapes))]
        for name, shape in zip(names, case.shapes, strict=True):
            edges[name] = Edge(name, shape, case.type, Bounds.of_type(case.type, prod(shape)))
        stages.append(Stage(f"u{k}", f"u{k}", case.unit, tuple(names)))
        hardware[f"u{k}"] = case.choice
        case.unit.check(f"u{k}", case.choice)
    inputs = tuple(edges)
    for stage in stages:
        case, t = made[int(stage.name[1:])], stage.unit.output_type
        bounds = Bounds.of_type(t, stage.unit.size)
        edges[stage.name] = Edge(stage.name, case.output, t, bounds)
    outputs = tuple(s.name for s in stages)
    return TypedGraph("all", edges, tuple(stages), inputs, outputs, hardware, io_type=io_type)


DESIGNS = {
    "parallel": (IOType.PARALLEL, USUAL),
    "parallel and fast": (IOType.PARALLEL, FAST),
    "stream": (IOType.STREAM, USUAL),
    "stream and slow": (IOType.STREAM, SLOW),
}


@pytest.fixture(scope="module", params=DESIGNS)
def written(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> tuple[RtlDesign, Path]:
    io_type, target = DESIGNS[request.param]
    design, folder = rtl_design(network(io_type), target), tmp_path_factory.mktemp("lint")
    for name, text in design.files.items():
        (folder / name).write_text(text, encoding="ascii")
    return design, folder


def passes(argv: list[str], folder: Path) -> None:
    outcome = run(argv, folder, timeout_s=300)
    assert outcome.status == "ok", outcome.log_tail


def test_every_unit_has_a_case() -> None:
    units = {type(stage.unit).__name__ for stage in network(IOType.PARALLEL).stages}
    folder = Path(__file__).parents[3] / "converter" / "units"
    text = "\n".join(path.read_text(encoding="utf-8") for path in sorted(folder.glob("*.py")))
    missing = [
        name
        for name in _unit_classes(text)
        if name not in units and name != "Reduce"  # the body of pooling
    ]
    assert missing == []


def _unit_classes(text: str) -> list[str]:
    """Classes of units: frozen dataclasses with an emulation of their own."""
    parts = text.split("\n@dataclass(frozen=True")[1:]
    return [p.split("class ")[1].split("(")[0].split(":")[0] for p in parts if "def emulate(" in p]


@pytest.mark.slow
def test_verilator_has_no_warning(written: tuple[RtlDesign, Path]) -> None:
    if shutil.which("verilator") is None:
        pytest.skip("needs verilator")
    design, folder = written
    waivers = [f"-Wno-{name}" for name in LINT_WAIVERS]
    argv = ["verilator", "--lint-only", "-Wall", *waivers, "--top-module", design.top]
    passes([*argv, *sorted(design.files)], folder)


@pytest.mark.slow
def test_icarus_accepts_it_as_verilog_2005(written: tuple[RtlDesign, Path]) -> None:
    if shutil.which("iverilog") is None:
        pytest.skip("needs iverilog")
    design, folder = written
    argv = ["iverilog", "-g2005", "-Wall", "-t", "null", "-s", design.top]
    passes([*argv, *sorted(design.files)], folder)


@pytest.mark.slow
def test_yosys_accepts_it(written: tuple[RtlDesign, Path]) -> None:
    yosys = find_yosys()
    if yosys is None:
        pytest.skip("needs Yosys")
    design, folder = written
    lines = [f"read_verilog -defer {name}" for name in sorted(design.files)]
    lines += [f"hierarchy -check -top {design.top}", "proc", "check -assert", ""]
    (folder / "lint.ys").write_text("\n".join(lines), encoding="ascii")
    passes(list(yosys.argv("lint.ys")), folder)
