"""Verilator and cxxrtl simulate the same bits and the same cycles, and either can be absent."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from converter.emulate import emulate_codes
from converter.errors import ToolError
from converter.graph import Bounds, Edge, Implementation, Stage, Strategy, TypedGraph
from converter.rtl import engines
from converter.rtl.engines import Engine, find_cxxrtl, find_engine
from converter.rtl.simulate import RtlResult, rtlsim
from converter.schedule import schedule
from converter.timing import Family, Target
from converter.types import Codes, Fixed, Overflow, Rounding
from converter.units.matvec import MatVec
from converter.units.requantize import Relu, Requantize
from converter.yosys import every_yosys

TARGET = Target("xcvu9p-flga2104-2L-e", Family.ULTRASCALE_PLUS, 5.0)
ROWS = 300


def dense(rng: np.random.Generator, t: Fixed, n_in: int, n_out: int) -> MatVec:
    weights = rng.integers(-15, 16, (n_in, n_out))
    accum = Fixed(t.width + 9, t.integer + 5)
    return MatVec(weights, Fixed(5, 1), rng.integers(-9, 9, n_out), t, accum)


def network(rng: np.random.Generator) -> TypedGraph:
    """12 inputs of 6 bits, 8 outputs of 5 after a ReLU, and a head of 3 words of 14 bits.

    Ports of 72, 40 and 42 bits. The last product waits for the one before.
    """
    t, middle = Fixed(6, 2), Fixed(5, 2, False, Rounding.RND, Overflow.SAT)
    first, head = dense(rng, t, 12, 8), dense(rng, middle, 8, 3)
    types = {"x": (12, t), "fc": (8, first.accum_type), "relu": (8, middle)}
    types["head"] = (3, head.accum_type)
    edges = {n: Edge(n, (size,), t, Bounds.of_type(t, size)) for n, (size, t) in types.items()}
    stages = (
        Stage("fc", "fc", first, ("x",)),
        Stage("relu", "relu", Requantize(8, first.accum_type, middle, Relu()), ("fc",)),
        Stage("head", "head", head, ("relu",)),
    )
    return TypedGraph("a_net", edges, stages, ("x",), ("relu", "head"))


def drawn(typed: TypedGraph, rng: np.random.Generator, rows: int = ROWS) -> dict[str, Codes]:
    types = {n: typed.edges[n].type for n in typed.inputs}
    return {
        n: rng.integers(t.code_min, t.code_max + 1, (rows, typed.edges[n].size))
        for n, t in types.items()
    }


def need(engine: Engine) -> None:
    if shutil.which("g++") is None:
        pytest.skip("needs g++")
    here = shutil.which("verilator") if engine is Engine.VERILATOR else find_cxxrtl()
    if here is None:
        pytest.skip(f"needs {engine.value}")


def check(typed: TypedGraph, result: RtlResult, codes: dict[str, Codes]) -> None:
    plan, expected = schedule(typed, TARGET), emulate_codes(typed, dict(codes))
    for name in typed.outputs:
        assert (result.codes[name] == expected[name]).all(), name
    assert result.latency_cycles == plan.output_cycles
    assert result.interval_cycles == plan.interval_cycles


@pytest.mark.parametrize("engine", Engine, ids=lambda e: e.value)
@pytest.mark.parametrize(
    "reuse",
    [(4, 2), *(pytest.param(r, marks=pytest.mark.slow) for r in [(1, 1), (1, 24)])],
    ids=str,
)
def test_both_engines(engine: Engine, reuse: tuple[int, int]) -> None:
    need(engine)
    rng = np.random.default_rng(7)
    choices = {
        name: Implementation(Strategy.RESOURCE, r)
        for name, r in zip(("fc", "head"), reuse, strict=True)
    }
    typed = network(rng).with_hardware(choices)
    codes = drawn(typed, rng)
    check(typed, rtlsim(typed, TARGET, codes, engine=engine), codes)


@pytest.mark.slow
def test_cxxrtl_where_there_is_no_verilator(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    need(Engine.CXXRTL)
    keep = {p: shutil.which(p) for p in ("g++", "as", "ld")}
    for name, program in keep.items():
        if program:
            (tmp_path / name).symlink_to(program)
    monkeypatch.setenv("PATH", str(tmp_path))
    if find_cxxrtl() is None:
        pytest.skip("needs the pyosys wheel")
    assert find_engine() is Engine.CXXRTL
    rng = np.random.default_rng(8)
    typed = network(rng)
    codes = drawn(typed, rng, 40)
    check(typed, rtlsim(typed, TARGET, codes), codes)


def test_without_a_simulator(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ToolError, match=r"needs g\+\+, which is not on PATH; get it by `apt-get"):
        find_engine()
    (tmp_path / "g++").write_text("#!/bin/sh\n")
    (tmp_path / "g++").chmod(0o755)
    monkeypatch.setattr(engines, "every_yosys", lambda: ())
    with pytest.raises(ToolError, match=r"needs verilator, .* or Yosys with cxxrtl in its place"):
        find_engine()


def test_a_yosys_without_the_headers_is_passed_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "yosys").write_text("#!/bin/sh\necho 'Yosys 0.23 (git sha1 7ce5011)'\n")
    (tmp_path / "yosys").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    bare, *others = every_yosys()
    assert (bare.name, bare.version) == ("yosys", "0.23")
    assert bare.cxxrtl() is None
    assert [y.cxxrtl() for y in others] == [found[1] for found in [find_cxxrtl()] if found]
