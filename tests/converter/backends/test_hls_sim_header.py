"""The compact ap_fixed: the golden vectors, and the vendors' open headers on the same project."""

from __future__ import annotations

import csv
import gzip
import itertools
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from streaming import Net

from converter.backends.hls.dialect import VITIS
from converter.backends.hls.firmware import build_firmware
from converter.backends.hls.vectors import drawn_codes
from converter.csim import build, csim
from converter.emulate import emulate_codes
from converter.errors import UnsupportedError
from converter.graph import (
    Bounds,
    Edge,
    Implementation,
    IOType,
    Stage,
    Strategy,
    TypedGraph,
)
from converter.types import Codes, Fixed, Overflow, Rounding
from converter.units.matvec import MatVec
from converter.units.requantize import Requantize

pytestmark = pytest.mark.skipif(shutil.which("g++") is None, reason="needs g++")

SOURCE = Fixed(9, 6)  # every source of the golden vectors is a multiple of 1/8 in [-16, 16)


def conversions(source: Fixed, targets: list[Fixed], size: int) -> TypedGraph:
    """One input, and a Requantize to each target."""
    edges = {"x": Edge("x", (size,), source, Bounds.of_type(source, size))}
    stages = []
    for k, target in enumerate(targets):
        stages.append(Stage(f"y{k}", f"y{k}", Requantize(size, source, target), ("x",)))
        edges[f"y{k}"] = Edge(f"y{k}", (size,), target, Bounds.of_type(target, size))
    names = tuple(s.name for s in stages)
    return TypedGraph("conversions", edges, tuple(stages), ("x",), names)


def test_golden_vectors(shared: Path) -> None:
    with gzip.open(shared / "vectors" / "ap_fixed_golden.csv.gz", "rt") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 64512
    groups = [
        (key, list(group))
        for key, group in itertools.groupby(
            rows, lambda r: (r["W"], r["I"], r["signed"], r["Q"], r["O"])
        )
    ]
    targets = [
        Fixed(int(w), int(i), s == "1", Rounding(q), Overflow(o)) for (w, i, s, q, o), _ in groups
    ]
    sources = SOURCE.from_float([float(r["src"]) for r in groups[0][1]])
    got = csim(conversions(SOURCE, targets, 1), {"x": sources[:, np.newaxis]})
    for k, (target, (_, group)) in enumerate(zip(targets, groups, strict=True)):
        assert [float(r["src"]) for r in group] == SOURCE.to_float(sources).tolist()
        wanted = [float(r["dst_from_fixed"]) for r in group]
        assert target.to_float(got[f"y{k}"][:, 0]).tolist() == wanted, str(target)


def test_a_type_of_more_than_127_bits_is_refused_with_the_way_out() -> None:
    with pytest.raises(
        UnsupportedError, match=r"y0: csim computes with at most 127 bits, .*emulate"
    ):
        csim(conversions(SOURCE, [Fixed(128, 64)], 1), {"x": np.zeros((1, 1))})


def test_a_product_of_more_than_127_bits_is_refused_by_its_stage() -> None:
    t, w = Fixed(100, 50), Fixed(40, 20)
    weights, bias = np.array([[1]]), np.array([0])
    unit = MatVec(weights, w, bias, t, Fixed(120, 50))
    edges = {
        "x": Edge("x", (1,), t, Bounds.of_type(t, 1)),
        "y": Edge("y", (1,), unit.accum_type, Bounds.of_type(unit.accum_type, 1)),
    }
    typed = TypedGraph("wide", edges, (Stage("y", "y", unit, ("x",)),), ("x",), ("y",))
    with pytest.raises(UnsupportedError, match="y: csim computes with at most 127 bits, and a sum"):
        csim(typed, {"x": np.zeros((1, 1))})


def test_long_arrays_of_constants_give_the_same_bits() -> None:
    rng = np.random.default_rng(6)
    t, w = Fixed(12, 5), Fixed(7, 2)
    unit = MatVec(rng.integers(-64, 64, (80, 70)), w, rng.integers(-99, 99, 70), t, Fixed(28, 16))
    edges = {
        "x": Edge("x", (80,), t, Bounds.of_type(t, 80)),
        "y": Edge("y", (70,), unit.accum_type, Bounds.of_type(unit.accum_type, 70)),
    }
    typed = TypedGraph("long", edges, (Stage("y", "y", unit, ("x",)),), ("x",), ("y",))
    assert any("reinterpret_cast" in f for f in build_firmware(typed, VITIS, True).files.values())
    codes = {"x": random_codes(rng, t, (1000, 80)).astype(np.int64)}
    for reuse in (1, 40, 160):
        strategy = Strategy.LATENCY if reuse == 1 else Strategy.RESOURCE
        made = typed.with_hardware({"y": Implementation(strategy, reuse)})
        assert (csim(made, codes)["y"] == emulate_codes(made, dict(codes))["y"]).all()


def random_codes(rng: np.random.Generator, t: Fixed, shape: tuple[int, ...]) -> Codes:
    words = rng.integers(0, 1 << 60, shape).astype(object) << 60
    words |= rng.integers(0, 1 << 60, shape).astype(object)
    return t.code_min + words % (t.code_max - t.code_min + 1)


@pytest.mark.slow
def test_the_open_headers_give_the_same_bits_for_a_network(
    tmp_path: Path, open_headers: Path, small_network: TypedGraph
) -> None:
    rng, typed = np.random.default_rng(3), small_network
    codes = {"x": random_codes(rng, typed.edges["x"].type, (1000, 8)).astype(np.int64)}
    expected = emulate_codes(typed, dict(codes))["softmax"]
    for name, includes in (("ours", None), ("theirs", open_headers)):
        for io_type in IOType:
            folder = tmp_path / f"{name}_{io_type.value}"
            folder.mkdir()
            made = build(replace(typed, io_type=io_type), folder, includes)
            assert (made.run(codes)["softmax"] == expected).all(), (name, io_type)


@pytest.mark.slow
def test_the_open_headers_give_the_same_bits_for_streams(
    tmp_path: Path, open_headers: Path
) -> None:
    made = Net()
    x = made.residual(made.relu(made.conv(made.input(6, 6, 2), 3, stride=2, same=True)), reuse=9)
    typed = made.graph(made.dense(made.flatten(made.pool(x, 3)), 2), x)
    codes = drawn_codes(typed, 50)
    expected = emulate_codes(typed, dict(codes))
    got = build(typed, tmp_path, open_headers).run(codes)
    for name in typed.outputs:
        assert (got[name] == expected[name]).all(), name


@pytest.mark.slow
def test_the_open_headers_convert_alike_in_every_mode(tmp_path: Path, open_headers: Path) -> None:
    rng = np.random.default_rng(4)
    for number, (source, width, integer) in enumerate(
        [(Fixed(12, 5), 7, 3), (Fixed(90, 40), 70, 36)]
    ):
        targets = [
            Fixed(width, integer, signed, q, o)
            for q in Rounding
            for o in Overflow
            for signed in (True, False)
            if signed or o is not Overflow.WRAP_SM
        ]
        codes = {"x": random_codes(rng, source, (1000, 1))}
        results = []
        for name, includes in (("ours", None), ("theirs", open_headers)):
            folder = tmp_path / f"{name}{number}"
            folder.mkdir()
            results.append(build(conversions(source, targets, 1), folder, includes).run(codes))
        ours, theirs = results
        for k, target in enumerate(targets):
            assert (ours[f"y{k}"] == theirs[f"y{k}"]).all(), str(target)
