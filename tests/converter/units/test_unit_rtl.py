"""Every unit's Verilog gives the bits of its emulation, in the cycles that its facts say.

As in the test of the C++, all cases of one test are stages of one network, each with an input
and an output of its own, so that one simulation serves them all.
"""

from __future__ import annotations

import importlib.util
import shutil
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from converter.emulate import emulate_codes
from converter.graph import Implementation, Strategy
from converter.rtl.simulate import rtlsim
from converter.schedule import schedule
from converter.timing import Family, Target
from converter.types import Fixed
from converter.units.matvec import legal_reuse_factors

pytestmark = pytest.mark.skipif(
    shutil.which("verilator") is None or shutil.which("g++") is None,
    reason="needs verilator and g++",
)

ROWS = 1000
FAST = Target("xcvu9p-flga2104-2L-e", Family.ULTRASCALE_PLUS, 2.5)
USUAL = Target("xcvu9p-flga2104-2L-e", Family.ULTRASCALE_PLUS, 5.0)
OLD = Target("xc7a200tfbg676-2", Family.SERIES7, 5.0)


@pytest.fixture(scope="module")
def cases() -> ModuleType:
    """The random units of the test of the C++."""
    path = Path(__file__).with_name("test_unit_csim.py")
    spec = importlib.util.spec_from_file_location("unit_cases", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def check(module: ModuleType, made: list[Any], target: Target, rng: np.random.Generator) -> int:
    """Simulate; compare bits and cycles of each case. Gives the number of cases."""
    typed = module.network(made)
    codes = {
        n: module.random_codes(rng, typed.edges[n].type, (ROWS, typed.edges[n].size))
        for n in typed.inputs
    }
    expected = emulate_codes(typed, dict(codes))
    result = rtlsim(typed, target, codes)
    plan = schedule(typed, target)
    for k, (unit, t, _, choice) in enumerate(made):
        name = f"u{k}"
        same = expected[name].astype(object) == result.codes[name].astype(object)
        row = np.argmin(same.all(axis=1))
        assert same.all(), (
            f"{unit} {choice} of {t}: x={codes[f'x{k}'][row]}, "
            f"emulate={expected[name][row]}, rtl={result.codes[name][row]}"
        )
        assert result.latency_cycles[name] == plan.facts[k].latency_cycles, (unit, choice)
    assert result.interval_cycles == plan.interval_cycles
    return len(made)


def build(module: ModuleType, counts: dict[str, int], rng: np.random.Generator) -> list[Any]:
    return [getattr(module, name)(rng) for name, n in counts.items() for _ in range(n)]


def unrolled(case: Any) -> Any:
    return (*case[:3], Implementation())


def test_a_few_of_each(cases: ModuleType) -> None:
    rng = np.random.default_rng(1)
    kinds = ("requantize", "relu", "threshold", "table", "affine", "matvec", "softmax")
    made = build(cases, dict.fromkeys(kinds, 2), rng)
    assert check(cases, [unrolled(c) for c in made], USUAL, rng) == 14


CONVERSIONS = {"requantize": 150, "relu": 80, "threshold": 40, "table": 40}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("target", "share"), [(USUAL, 1), (FAST, 4), (OLD, 4)], ids=["usual", "fast", "old"]
)
def test_conversions(cases: ModuleType, target: Target, share: int) -> None:
    """Other clocks cut the same netlists elsewhere: a quarter of the cases shows it."""
    rng = np.random.default_rng(10 + share)
    counts = {name: n // share for name, n in CONVERSIONS.items()}
    check(cases, build(cases, counts, rng), target, rng)


@pytest.mark.slow
def test_wide_words(cases: ModuleType) -> None:
    rng = np.random.default_rng(12)
    made = build(cases, {"wide_requantize": 30, "wide_relu": 12, "wide_matvec": 3}, rng)
    check(cases, [unrolled(c) for c in made], USUAL, rng)


@pytest.mark.slow
@pytest.mark.parametrize(("target", "count"), [(USUAL, 30), (OLD, 10)], ids=["usual", "old"])
def test_arithmetic(cases: ModuleType, target: Target, count: int) -> None:
    rng = np.random.default_rng(13)
    made = build(cases, {"affine": count, "softmax": count, "matvec": count}, rng)
    check(cases, [unrolled(c) for c in made], target, rng)


def shared_cases(module: ModuleType, reuse: int, count: int, rng: np.random.Generator) -> list[Any]:
    """Products that can be built with one reuse factor, narrow weights and wide ones."""
    made: list[Any] = []
    while len(made) < count:
        n_in, n_out = (int(n) for n in rng.integers(1, 13, 2))
        if reuse not in legal_reuse_factors(n_in, n_out):
            continue
        t = module.random_type(rng, 1, 14)
        weight = module.random_type(rng, 1, 12)
        unit = module.matvec_of(rng, t, weight, n_in, n_out)
        made.append((unit, t, n_in, Implementation(Strategy.RESOURCE, reuse)))
    return made


@pytest.mark.slow
@pytest.mark.parametrize(
    ("reuse", "target"),
    [(2, USUAL), (3, OLD), (4, FAST), (6, USUAL), (8, FAST), (12, USUAL), (36, OLD)],
)
def test_shared_multipliers(cases: ModuleType, reuse: int, target: Target) -> None:
    """All of one reuse factor, so that the full rate of each is measured."""
    rng = np.random.default_rng(reuse)
    check(cases, shared_cases(cases, reuse, 16, rng), target, rng)


@pytest.mark.slow
def test_wide_products_and_long_selections(cases: ModuleType) -> None:
    rng = np.random.default_rng(15)
    made = [
        (*case[:3], Implementation(Strategy.RESOURCE, 2))
        for case in build(cases, {"wide_matvec": 2}, rng)
    ]
    t = Fixed(7, 2)
    long = cases.matvec_of(rng, t, Fixed(6, 1), 300, 2)
    made += [(long, t, 300, Implementation(Strategy.RESOURCE, r)) for r in (150, 300, 600)]
    check(cases, made, USUAL, rng)


@pytest.mark.slow
def test_every_legal_reuse_factor(cases: ModuleType) -> None:
    rng = np.random.default_rng(5)
    t = Fixed(9, 3)
    unit = cases.matvec_of(rng, t, Fixed(6, 1), 6, 8)
    check(cases, [(unit, t, 6, choice) for choice in unit.legal()], USUAL, rng)
