"""Units of random types and constants, many at once, with their C++ and Verilog held against their
emulation.

All cases of one check are stages of one network, each with an input and an output of its own, so
that the compiler, or the simulator of Verilog, runs once.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from converter.csim import csim
from converter.emulate import emulate_codes
from converter.graph import Bounds, Edge, Implementation, Stage, Strategy, TypedGraph
from converter.rtl.simulate import RtlResult, rtlsim
from converter.schedule import schedule
from converter.timing import Target
from converter.types import Codes, Fixed, Overflow, Rounding, bits_for
from converter.units.affine import Affine
from converter.units.base import Unit
from converter.units.matvec import MatVec
from converter.units.requantize import Relu, Requantize
from converter.units.reuse import legal_reuse_factors
from converter.units.softmax import Softmax
from converter.units.table import Table
from converter.units.threshold import Threshold

ROWS = 1000
Random = np.random.Generator
Case = tuple[Unit, Fixed, int, Implementation]


def random_type(rng: Random, lo: int = 1, hi: int = 24, modes: bool = False) -> Fixed:
    width = int(rng.integers(lo, hi + 1))
    integer = int(rng.integers(-4, width + 5))
    signed = bool(rng.integers(2))
    rounding = list(Rounding)[rng.integers(7)] if modes else Rounding.TRN
    overflow = list(Overflow)[rng.integers(5)] if modes else Overflow.WRAP
    if overflow is Overflow.WRAP_SM and not signed:
        overflow = Overflow.SAT
    return Fixed(width, integer, signed, rounding, overflow)


def random_codes(rng: Random, t: Fixed, shape: tuple[int, ...]) -> Codes:
    """Uniform codes, with the extremes and their neighbours among them."""
    lo, hi = t.code_min, t.code_max
    parts = rng.integers(0, 1 << 40, (*shape, 4)).astype(object)
    whole = sum(parts[..., k] << (40 * k) for k in range(4))
    codes = lo + whole % (hi - lo + 1)
    small = rng.integers(0, 4, shape) == 0
    shrunk = np.where(small, codes >> max(t.width // 2, 1), codes)
    edges = np.array([lo, hi, min(lo + 1, hi), max(hi - 1, lo), 0], dtype=object)
    flat = np.asarray(shrunk, dtype=object).ravel()
    flat[: len(edges)] = edges[: len(flat)]
    codes = flat.reshape(shape)
    return codes.astype(np.int64) if t.width <= 62 else codes


def network(cases: list[Case]) -> TypedGraph:
    """Stages ``u0``, ``u1``, … on inputs ``x0``, ``x1``, …, all of them outputs."""
    edges: dict[str, Edge] = {}
    stages: list[Stage] = []
    for k, (_, t, size, _) in enumerate(cases):
        edges[f"x{k}"] = Edge(f"x{k}", (size,), t, Bounds.of_type(t, size))
    for k, (unit, *_) in enumerate(cases):
        bounds = Bounds.of_type(unit.output_type, unit.size)
        edges[f"u{k}"] = Edge(f"u{k}", (unit.size,), unit.output_type, bounds)
        stages.append(Stage(f"u{k}", f"u{k}", unit, (f"x{k}",)))
    inputs = tuple(f"x{k}" for k in range(len(cases)))
    outputs = tuple(s.name for s in stages)
    hardware = {f"u{k}": case[3] for k, case in enumerate(cases)}
    return TypedGraph("units", edges, tuple(stages), inputs, outputs, hardware)


def check_csim(cases: list[Case], rng: Random, rows: int = ROWS) -> None:
    """The C++ of all cases gives the bits of their emulation."""
    typed = network(cases)
    codes = drawn(rng, typed, rows)
    expected = emulate_codes(typed, dict(codes))
    got = csim(typed, codes)
    assert set(got) == set(expected)
    check_bits(cases, codes, expected, got)


def check_verilog(cases: list[Case], target: Target, rng: Random, rows: int = ROWS) -> RtlResult:
    """So does the Verilog, in the cycles of the plan. Gives what the simulation found."""
    typed = network(cases)
    codes = drawn(rng, typed, rows)
    result, plan = rtlsim(typed, target, codes), schedule(typed, target)
    check_bits(cases, codes, emulate_codes(typed, dict(codes)), result.codes)
    for k, ((unit, _, _, choice), facts) in enumerate(zip(cases, plan.facts, strict=True)):
        assert result.latency_cycles[f"u{k}"] == facts.latency_cycles, (unit, choice)
    assert result.interval_cycles == plan.interval_cycles
    return result


def drawn(rng: Random, typed: TypedGraph, rows: int) -> dict[str, Codes]:
    """Codes of all inputs."""
    edges = (typed.edges[n] for n in typed.inputs)
    return {e.name: random_codes(rng, e.type, (rows, e.size)) for e in edges}


def check_bits(
    cases: list[Case],
    codes: Mapping[str, Codes],
    expected: Mapping[str, Codes],
    got: Mapping[str, Codes],
) -> None:
    """Every case's output equals the expected; the message has the first row that does not."""
    for k, (unit, t, _, choice) in enumerate(cases):
        name = f"u{k}"
        same = expected[name].astype(object) == got[name].astype(object)
        row = np.argmin(same.all(axis=1))
        assert same.all(), (
            f"{unit} {choice} of {t}: x={codes[f'x{k}'][row]}, "
            f"emulate={expected[name][row]}, got={got[name][row]}"
        )


def requantize(rng: Random) -> Case:
    size = int(rng.integers(1, 4))
    t, out = random_type(rng), random_type(rng, modes=True)
    return Requantize(size, t, out), t, size, Implementation()


def wide_requantize(rng: Random) -> Case:
    t, out = random_type(rng, 40, 120), random_type(rng, 1, 120, modes=True)
    return Requantize(2, t, out), t, 2, Implementation()


def relu(rng: Random) -> Case:
    t, out = random_type(rng, 2), random_type(rng, 2, modes=True)
    if rng.integers(3) == 0:
        return Requantize(2, t, out, Relu()), t, 2, Implementation()
    threshold = int(rng.integers(t.code_min, t.code_max + 1))
    slope, offset = int(rng.integers(-20, 21)), int(rng.integers(-500, 501))
    ceiling = int(rng.integers(threshold, t.code_max + 1)) if rng.integers(2) else None
    top = int(rng.integers(out.code_min, out.code_max + 1))
    rectifier = Relu(threshold, slope, int(rng.integers(0, 8)), offset, ceiling, top)
    return Requantize(2, t, out, rectifier), t, 2, Implementation()


def wide_relu(rng: Random) -> Case:
    t, out = random_type(rng, 64, 100), random_type(rng, 8, 90, modes=True)
    lo, span = t.code_min, t.code_max - t.code_min
    threshold, ceiling = lo + span // 3, lo + 2 * span // 3
    top = out.code_max // 3
    rectifier = Relu(threshold, int(rng.integers(-9, 9)), 3, span // 7, ceiling, top)
    return Requantize(2, t, out, rectifier), t, 2, Implementation()


def threshold(rng: Random) -> Case:
    t, out = random_type(rng, 2), random_type(rng, 1, 8)
    n = int(rng.integers(1, 7))
    steps = np.sort(rng.integers(t.code_min, t.code_max + 1, n))
    levels = rng.integers(out.code_min, out.code_max + 1, n + 1)
    return Threshold(3, t, out, steps, levels), t, 3, Implementation()


def table(rng: Random) -> Case:
    t, out = random_type(rng, 2), random_type(rng, 1, 20)
    n = int(rng.integers(1, 70))
    entries = rng.integers(out.code_min, out.code_max + 1, n)
    shift, offset = int(rng.integers(0, t.width + 3)), int(rng.integers(-100, 100))
    return Table(3, t, out, entries, shift, offset), t, 3, Implementation()


def affine(rng: Random) -> Case:
    t, scale = random_type(rng), random_type(rng, 1, 16)
    size, extra = int(rng.integers(1, 5)), int(rng.integers(0, 4))
    scales = random_codes(rng, scale, (size,))
    offsets = rng.integers(-(1 << 20), 1 << 20, size)
    limit = (1 << t.width + scale.width + extra) + (1 << 21)
    accum = fitting(limit, t.fraction + scale.fraction + extra)
    return Affine(scales, scale, offsets, t, accum), t, size, Implementation()


def fitting(limit: int, fraction: int) -> Fixed:
    width, _ = bits_for(-limit, limit)
    return Fixed(width, width - fraction)


def matvec_of(rng: Random, t: Fixed, weight: Fixed, n_in: int, n_out: int) -> MatVec:
    weights = random_codes(rng, weight, (n_in, n_out))
    weights = np.where(rng.integers(0, 4, weights.shape) == 0, 0, weights)
    bias, extra = rng.integers(-(1 << 16), 1 << 16, n_out), int(rng.integers(0, 3))
    limit = (n_in << t.width + weight.width + extra) + (1 << 17)
    accum = fitting(limit, t.fraction + weight.fraction + extra)
    return MatVec(weights, weight, bias, t, accum)


def matvec(rng: Random) -> Case:
    n_in, n_out = (int(n) for n in rng.integers(1, 13, 2))
    t = random_type(rng)
    unit = matvec_of(rng, t, random_type(rng, 1, 16), n_in, n_out)
    reuse = int(rng.choice(legal_reuse_factors(n_in, n_out)))
    strategy = Strategy.RESOURCE if rng.integers(3) else Strategy.LATENCY
    return unit, t, n_in, Implementation(strategy, reuse)


def wide_matvec(rng: Random) -> Case:
    t = random_type(rng, 50, 60)
    unit = matvec_of(rng, t, random_type(rng, 40, 50), 4, 3)
    assert unit.accum_type.width > 90
    choices = (
        Implementation(),
        Implementation(Strategy.RESOURCE, 2),
        Implementation(Strategy.RESOURCE, 12),
    )
    return unit, t, 4, choices[rng.integers(3)]


def softmax(rng: Random) -> Case:
    t = random_type(rng, 2, 18)
    size = int(rng.integers(2, 17))
    fraction, bits = int(rng.integers(10, 18)), int(rng.integers(1, 10))
    n, shift = int(rng.integers(1, 300)), int(rng.integers(0, t.width + 2))
    step = 2.0 ** (shift - t.fraction)
    exps = np.round(np.exp(-np.arange(n) * min(step, 4.0)) * 2.0**fraction).astype(np.int64)
    inverse_fraction = int(rng.integers(4, 18))
    middles = 1 + (np.arange(1 << bits) + 0.5) / (1 << bits)
    inverses = np.round(2.0**inverse_fraction / middles).astype(np.int64)
    out = random_type(rng, 2, 18, modes=True)
    unit = Softmax(size, t, out, exps, shift, fraction, inverses, inverse_fraction)
    return unit, t, size, Implementation()
