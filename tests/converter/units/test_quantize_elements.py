"""QuantizeElements: each element as its own type says, in all views."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from converter.csim import csim
from converter.emulate import emulate_codes
from converter.errors import ConfigError
from converter.graph import Bounds, Edge, Implementation, IOType, Stage, TypedGraph
from converter.rtl.simulate import rtlsim
from converter.schedule import schedule
from converter.timing import Family, Target
from converter.types import Codes, Fixed, Overflow, Rounding, bits_for
from converter.units.quantize_elements import OVERFLOWS, QuantizeElements

ROWS = 300


def random_unit(rng: np.random.Generator, size: int, wide: bool = False) -> QuantizeElements:
    top = 60 if wide else 20
    given_width = int(rng.integers(1, top))
    x = Fixed(given_width, int(rng.integers(-4, given_width + 5)), bool(rng.integers(2)))
    width = rng.integers(0, top // 2, size) * (rng.integers(0, 5, size) > 0)
    fraction = rng.integers(x.fraction - 8, x.fraction + 6, size)
    signed = rng.integers(0, 2, size)
    rounding = list(Rounding)[rng.integers(7)]
    overflow = OVERFLOWS[rng.integers(3)]
    top_fraction = int(fraction[width > 0].max(initial=x.fraction - 3))
    shifts = np.where(width > 0, top_fraction - fraction, 0)
    ends = [1 << int(w + s) for w, s in zip(width, shifts, strict=True)]
    hull_width, _ = bits_for(-max(ends), max(ends))
    hull = Fixed(hull_width, hull_width - top_fraction)
    return QuantizeElements(x, hull, width, fraction, signed, rounding, overflow)


def random_codes(rng: np.random.Generator, t: Fixed, shape: tuple[int, int]) -> Codes:
    codes = rng.integers(t.code_min, t.code_max + 1, shape)
    codes[0], codes[-1] = t.code_min, t.code_max
    small = rng.integers(0, 3, shape) == 0
    return np.where(small, np.clip(rng.integers(-3, 4, shape), t.code_min, t.code_max), codes)


def expected(unit: QuantizeElements, x: Codes) -> Codes:
    """Element by element, by the element's type alone."""
    out = np.zeros(x.shape, object)
    for i in range(unit.size):
        t = unit.element_type(i)
        if t is not None:
            codes = t.cast(x[:, i].astype(object), unit.input_type.fraction)
            out[:, i] = codes * (1 << unit.output_type.fraction - t.fraction)
    return out


@given(st.integers(0, 2**32 - 1), st.booleans())
@settings(max_examples=60, deadline=None)
def test_each_element_is_converted_by_its_own_type(seed: int, wide: bool) -> None:
    rng = np.random.default_rng(seed)
    unit = random_unit(rng, int(rng.integers(1, 9)), wide)
    x = random_codes(rng, unit.input_type, (50, unit.size))
    want = expected(unit, x)
    for dtype in (np.int64, object, *([] if wide else [np.float32, np.float64])):
        assert (unit.emulate(x.astype(dtype)).astype(object) == want).all()


@given(st.integers(0, 2**32 - 1))
@settings(max_examples=60, deadline=None)
def test_bounds_hold_all_that_occurs_and_are_tight_where_nothing_wraps(seed: int) -> None:
    rng = np.random.default_rng(seed)
    unit = random_unit(rng, 4)
    t = unit.input_type
    ends = np.sort(rng.integers(max(t.code_min, -300), min(t.code_max, 300) + 1, (2, 4)), axis=0)
    x = Bounds(ends[0], ends[1])
    got = unit.bounds((x,))
    for i in range(4):
        column = np.zeros((ends[1, i] - ends[0, i] + 1, 4), np.int64)
        column[:, i] = np.arange(ends[0, i], ends[1, i] + 1)
        seen = unit.emulate(column)[:, i]
        assert got.lo[i] <= seen.min()
        assert seen.max() <= got.hi[i]
        if unit.overflow is not Overflow.WRAP:
            assert (got.lo[i], got.hi[i]) == (seen.min(), seen.max())


def test_no_bits_are_the_constant_zero() -> None:
    t = Fixed(8, 4)
    unit = QuantizeElements(
        t, t, np.array([0, 8]), np.array([99, 4]), np.array([1, 1]), Rounding.RND, Overflow.SAT
    )
    x = np.array([[100, 100], [-5, -5]])
    assert unit.emulate(x).tolist() == [[0, 100], [0, -5]]
    assert unit.bounds((Bounds.of_type(t, 2),)).hi.tolist() == [0, 127]


def test_a_hull_too_coarse_and_a_mode_that_is_not_there_are_refused() -> None:
    t, ones = Fixed(8, 4), np.ones(1, np.int64)
    with pytest.raises(ConfigError, match="9 fraction bits; the hull fixed<8,4> has only 4"):
        QuantizeElements(t, t, ones, 9 * ones, ones, Rounding.RND, Overflow.SAT)
    with pytest.raises(ConfigError, match="WRAP_SM of single elements is not there"):
        QuantizeElements(t, t, ones, ones, ones, Rounding.RND, Overflow.WRAP_SM)


def network(units: list[QuantizeElements], beats: int = 1) -> TypedGraph:
    """Each unit by itself; its tensors travel in ``beats``."""
    edges: dict[str, Edge] = {}
    stages = []
    for k, unit in enumerate(units):
        full, shape = Bounds.of_type(unit.input_type, unit.size), (beats, unit.size // beats)
        edges[f"x{k}"] = Edge(f"x{k}", shape, unit.input_type, full)
        edges[f"u{k}"] = Edge(f"u{k}", shape, unit.output_type, unit.bounds((full,)))
        stages.append(Stage(f"u{k}", f"u{k}", unit, (f"x{k}",)))
    n = range(len(units))
    inputs, outputs = tuple(f"x{k}" for k in n), tuple(f"u{k}" for k in n)
    return TypedGraph("elements", edges, tuple(stages), inputs, outputs)


def drawn(rng: np.random.Generator, typed: TypedGraph) -> dict[str, Codes]:
    return {
        name: random_codes(rng, typed.edges[name].type, (ROWS, typed.edges[name].size))
        for name in typed.inputs
    }


def compare(typed: TypedGraph, codes: dict[str, Codes], got: Mapping[str, Codes]) -> None:
    want = emulate_codes(typed, dict(codes))
    for stage in typed.stages:
        same = want[stage.name].astype(object) == got[stage.name].astype(object)
        assert same.all(), f"{stage.unit}: {np.argwhere(~same)[:3]}"


@pytest.mark.skipif(shutil.which("g++") is None, reason="needs g++")
def test_csim_gives_the_bits_of_emulate() -> None:
    rng = np.random.default_rng(11)
    typed = network([random_unit(rng, int(rng.integers(1, 6)), k % 4 == 0) for k in range(80)])
    codes = drawn(rng, typed)
    compare(typed, codes, csim(typed, codes))


@pytest.mark.skipif(shutil.which("g++") is None, reason="needs g++")
def test_in_io_stream_what_differs_between_beats_comes_out_of_memories() -> None:
    rng = np.random.default_rng(12)
    units = [random_unit(rng, 3, k % 4 == 0) for k in range(20)]
    units = [replace(u, **{n: np.tile(getattr(u, n), 4) for n in ARRAYS}) for u in units]
    units += [random_unit(rng, 12, k % 4 == 0) for k in range(20)]
    typed = replace(network(units, 4), io_type=IOType.STREAM)
    kept = [u.hls_beat(Implementation(), 3).arrays for u in units]
    assert {a.per_beat for arrays in kept[:20] for a in arrays} == {0}
    assert {a.per_beat for arrays in kept[20:] for a in arrays} == {3}
    codes = drawn(rng, typed)
    compare(typed, codes, csim(typed, codes))


ARRAYS = ("width", "fraction", "signed")


@pytest.mark.skipif(
    shutil.which("verilator") is None or shutil.which("g++") is None,
    reason="needs verilator and g++",
)
def test_verilog_gives_the_bits_of_emulate_in_the_cycles_of_its_facts() -> None:
    rng = np.random.default_rng(13)
    units = [random_unit(rng, int(rng.integers(1, 6)), k % 4 == 0) for k in range(24)]
    typed, target = network(units), Target("xcvu9p-flga2104-2L-e", Family.ULTRASCALE_PLUS, 5.0)
    codes = drawn(rng, typed)
    result, plan = rtlsim(typed, target, codes), schedule(typed, target)
    compare(typed, codes, result.codes)
    cycles = {f.stage: f.latency_cycles for f in plan.facts}
    assert dict(result.latency_cycles) == cycles
