"""Fixed-point types against the vendors' headers and an independent integer model."""

from __future__ import annotations

import csv
import gzip
from fractions import Fraction
from math import floor
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from converter.carriers import carried, exact_dtype
from converter.errors import ConfigError
from converter.types import Fixed, Overflow, Rounding, bits_for

ROUNDINGS = st.sampled_from(Rounding)
OVERFLOWS = st.sampled_from(Overflow)


@st.composite
def types(draw: st.DrawFn, max_width: int = 24) -> Fixed:
    width = draw(st.integers(1, max_width))
    overflow = draw(OVERFLOWS)
    signed = overflow is Overflow.WRAP_SM or draw(st.booleans())
    return Fixed(width, draw(st.integers(-6, width + 6)), signed, draw(ROUNDINGS), overflow)


def rounded(value: Fraction, mode: str) -> int:
    """The definition of each mode, in exact fractions."""
    low, half = floor(value), Fraction(1, 2)
    rest = value - low
    if mode == "TRN":
        return low
    if mode == "TRN_ZERO":
        return low + (value < 0 and rest > 0)
    if rest != half:
        return low + (rest > half)
    up = {
        "RND": True,
        "RND_MIN_INF": False,
        "RND_ZERO": value < 0,
        "RND_INF": value > 0,
        "RND_CONV": low % 2 == 1,
    }
    return low + up[mode]


def overflowed(code: int, t: Fixed) -> int:
    top = 2 ** (t.width - t.signed)
    low, high = (-top if t.signed else 0), top - 1
    mode = t.overflow.value
    if mode == "SAT_SYM" and t.signed and t.width > 1:
        low = -high
    if mode in ("SAT", "SAT_SYM"):
        return min(max(code, low), high)
    if mode == "SAT_ZERO":
        return code if low <= code <= high else 0
    code %= 2**t.width
    return code - 2**t.width if code > high else code


def converted(code: int, fraction: int, t: Fixed) -> int:
    """One code converted, by definition; WRAP_SM is tested against the headers alone."""
    value = Fraction(code) * Fraction(2) ** (t.fraction - fraction)
    return overflowed(rounded(value, t.rounding.value), t)


@given(t=types())
@pytest.mark.parametrize("family", ["fixed", "ap_fixed", "ac_fixed"])
def test_every_spelling_reads_back(t: Fixed, family: str) -> None:
    assert Fixed.parse(t.spell(family)) == t


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("ap_ufixed< 8, 0, AP_RND_CONV, AP_SAT_SYM >", "ufixed<8,0,RND_CONV,SAT_SYM>"),
        ("fixed<16,6,RND,SAT,0>", "fixed<16,6,RND,SAT>"),
        ("ac_fixed<8,3,false,AC_RND>", "ufixed<8,3,RND,WRAP>"),
        ("ac_int<5,false>", "ufixed<5,5>"),
        ("ap_int<7>", "fixed<7,7>"),
        ("uint<3>", "ufixed<3,3>"),
    ],
)
def test_spellings_of_tools_are_read(text: str, expected: str) -> None:
    assert str(Fixed.parse(text)) == expected


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("float", "'float' is not a fixed-point type; write for example fixed<16,6>"),
        ("fixed<16>", "check its arguments"),
        ("fixed<16,6,RND,SAT,2>", "check its arguments"),
        ("fixed<16,6,ROUND>", "check its arguments"),
        ("fixed<0,0>", "width 0 of a fixed-point type is not in 1..1024"),
        ("ufixed<4,4,TRN,WRAP_SM>", "WRAP_SM needs a signed type"),
        ("fixed<8,99999>", "99999 integer bits are out of"),
    ],
)
def test_what_is_no_type_is_refused(text: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message.replace("'", ".")):
        Fixed.parse(text)


@given(
    t=types().filter(lambda t: t.overflow is not Overflow.WRAP_SM),
    fraction=st.integers(-8, 30),
    codes=st.lists(st.integers(-(2**22) + 1, 2**22 - 1), min_size=1, max_size=20),
)
def test_conversions_are_those_of_the_definition(t: Fixed, fraction: int, codes: list[int]) -> None:
    expected = [converted(c, fraction, t) for c in codes]
    got = t.cast(np.array(codes, dtype=object), fraction)
    assert [int(c) for c in got] == expected
    assert t.cast(np.array(codes), fraction).tolist() == expected
    if fraction - t.fraction >= -4 and t.width <= 24:  # the caller proves the head-room
        as_double = t.cast(np.array(codes, dtype=np.float64), fraction)
        assert as_double.dtype == np.float64
        assert as_double.tolist() == expected


@given(t=types(16), fraction=st.integers(0, 12), codes=st.lists(st.integers(-(2**14), 2**14)))
def test_single_precision_carries_small_codes(t: Fixed, fraction: int, codes: list[int]) -> None:
    if t.fraction - fraction > 6:
        return
    whole = np.array(codes, dtype=np.int64)
    got = t.cast(whole.astype(np.float32), fraction)
    assert got.dtype == np.float32
    assert np.array_equal(got, t.cast(whole, fraction))


BOUNDARIES = sorted(
    {
        sign * 2**k + d
        for sign in (1, -1)
        for k in (0, 7, 15, 22, 30, 31, 32, 40)
        for d in (-1, 0, 1)
    }
)
"""Magnitudes at which a conversion may change the dtype that it works in."""


@given(
    t=types(31),
    fraction=st.integers(-4, 40),
    codes=st.lists(st.integers(-(2**33), 2**33) | st.sampled_from(BOUNDARIES), min_size=1),
    slack=st.sampled_from([0, 1, 2**20, 2**45]),
    dtype=st.sampled_from([np.float32, np.float64]),
)
def test_known_ends_change_no_result(
    t: Fixed, fraction: int, codes: list[int], slack: int, dtype: type
) -> None:
    room = 22 if dtype == np.float32 else 51
    limit = 2 ** (room - max(t.fraction - fraction, 0)) if t.fraction - fraction < room else 0
    codes = [c for c in codes if abs(c) <= limit]
    if t.width > room or not codes:
        return  # no float array may carry these
    expected = t.cast(np.array(codes, dtype=object), fraction).tolist()
    ends = (min(codes) - slack, max(codes) + slack)
    given = np.array(codes, dtype=dtype)
    got = t.cast(given, fraction, ends)
    assert got.dtype in (dtype, np.float32)
    assert got.tolist() == expected
    assert given.tolist() == codes


@pytest.mark.parametrize("rounding", Rounding)
@pytest.mark.parametrize("overflow", Overflow)
@pytest.mark.parametrize("width", [1, 2, 8, 16, 31, 32])
@pytest.mark.parametrize("drop", [0, 1, 2, 10, 16, 17, 31, 32, 40])
def test_every_mode_at_the_ends_of_32_bits(
    rounding: Rounding, overflow: Overflow, width: int, drop: int
) -> None:
    for signed in (True, False):
        if overflow is Overflow.WRAP_SM and not signed:
            continue
        t = Fixed(width, width, signed, rounding, overflow)
        for bits in (30, 31, 32):
            top = 2**bits
            middle = [k * 2**drop // 2 + d for k in range(-5, 6) for d in (-1, 0, 1)]
            codes = [-top, -top + 1, *middle, top - 2, top - 1]
            codes = [c for c in codes if -top <= c < top]
            expected = t.cast(np.array(codes, dtype=object), drop).tolist()
            got = t.cast(np.array(codes, dtype=np.float64), drop, (-top, top - 1))
            assert got.tolist() == expected, (t, drop, bits)
            assert t.cast(np.array(codes), drop).tolist() == expected, (t, drop, bits)


@given(t=types().filter(lambda t: t.overflow in (Overflow.SAT, Overflow.SAT_SYM)))
def test_saturating_conversions_are_monotone(t: Fixed) -> None:
    got = t.cast(np.arange(-3000, 3000), t.fraction + 3)
    assert (np.diff(got) >= 0).all()


@given(t=types())
def test_a_converted_code_stays(t: Fixed) -> None:
    once = t.cast(np.arange(-3000, 3000), t.fraction + 3)
    assert np.array_equal(t.cast(once, t.fraction), once)
    assert once.min() >= t.code_min - (t.overflow is Overflow.SAT_SYM)
    assert once.max() <= t.code_max


@given(
    t=types().filter(lambda t: t.overflow is not Overflow.WRAP_SM),
    values=st.lists(st.floats(-1e6, 1e6, allow_subnormal=False), min_size=1, max_size=8),
)
def test_real_values_are_rounded_once(t: Fixed, values: list[float]) -> None:
    expected = [
        overflowed(rounded(Fraction(v) * Fraction(2) ** t.fraction, t.rounding.value), t)
        for v in values
    ]
    assert t.from_float(values).tolist() == expected


NEAR_TIES = [
    x * scale
    for tie in (0.5, 1.5, 2.5, 2.0**22 + 0.5, 2.0**50 + 0.5)
    for x in (np.nextafter(tie, 0), tie, np.nextafter(tie, 2 * tie))
    for scale in (1, -1, 2.0**-30, -(2.0**-30))
]
TINY = [1e-20, -1e-20, 5e-324, -5e-324, 2.3e-308, -2.3e-308]


@given(t=types().filter(lambda t: t.overflow is not Overflow.WRAP_SM))
def test_near_ties_and_the_least_doubles_are_rounded_once(t: Fixed) -> None:
    values = [*NEAR_TIES, *(x * 2.0**-t.fraction for x in NEAR_TIES), *TINY]
    expected = [
        overflowed(rounded(Fraction(v) * Fraction(2) ** t.fraction, t.rounding.value), t)
        for v in values
    ]
    assert [t.from_float(v).item() for v in values] == expected
    assert t.from_float(values).tolist() == expected


@given(t=types(), values=st.lists(st.floats(width=32, allow_nan=False, allow_infinity=False)))
def test_single_precision_values_are_exact(t: Fixed, values: list[float]) -> None:
    single = np.array(values, dtype=np.float32)
    codes = t.quantize(single)
    assert codes.dtype in (np.float32, np.float64, np.int64)
    assert np.array_equal(codes, t.from_float(np.array(values, dtype=np.float64)))


def test_zero_has_no_sign() -> None:
    t = Fixed(8, 3, True, Rounding.RND_CONV, Overflow.SAT)
    assert not np.signbit(t.to_float(t.quantize([-0.0, -0.001, 0.0]))).any()


@pytest.mark.parametrize("rounding", Rounding)
def test_rounding_of_the_widest_integers(rounding: Rounding) -> None:
    t = Fixed(62, 62, True, rounding, Overflow.SAT)
    codes = [2**63 - 1, 2**63 - 2, 2**62 + 1, -(2**63), -(2**63) + 1, -(2**62) - 1]
    for drop in (1, 2, 40):
        expected = [converted(c, drop, t) for c in codes]
        assert t.cast(np.array(codes), drop).tolist() == expected


@pytest.mark.parametrize("width", [53, 63, 64, 80, 200])
def test_wide_types_are_exact(width: int) -> None:
    t = Fixed(width, width // 2, True, Rounding.RND, Overflow.SAT)
    codes = np.array([1, -1, 2**width, -(2**width), 3 << width - 3, 12345], dtype=object)
    expected = [converted(int(c), t.fraction + 1, t) for c in codes]
    assert [int(c) for c in t.cast(codes, t.fraction + 1)] == expected
    assert [int(c) for c in t.from_float([0.5, -0.75, 1e300])] == [
        2 ** (t.fraction - 1),
        -3 * 2 ** (t.fraction - 2),
        2 ** (width - 1) - 1,
    ]


def test_a_left_shift_of_small_integers_does_not_overflow() -> None:
    t = Fixed(100, 10, True, Rounding.TRN, Overflow.SAT)
    assert t.cast(np.array([3, -3]), 0).tolist() == [3 << 90, -3 << 90]


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
@pytest.mark.parametrize("width", [8, 60])
def test_what_is_no_number_is_refused(value: float, width: int) -> None:
    with pytest.raises(ConfigError, match="NaN or infinite"):
        Fixed(width, 4).from_float([0.0, value, 1.0])


@pytest.mark.parametrize(
    ("lo", "hi", "expected"),
    [
        (0, 0, (1, False)),
        (0, 255, (8, False)),
        (-1, 0, (1, True)),
        (-128, 127, (8, True)),
        (-129, 0, (9, True)),
        (-1, 128, (9, True)),
    ],
)
def test_bits_for_a_range(lo: int, hi: int, expected: tuple[int, bool]) -> None:
    assert bits_for(lo, hi) == expected


def test_the_fastest_exact_dtype() -> None:
    bounds = (2**23 - 1, 2**23, 2**52 - 1, 2**52, 2**62 - 1, 2**62)
    expected = [np.float32, np.float64, np.float64, np.int64, np.int64, object]
    assert [exact_dtype(b) for b in bounds] == expected


def test_golden_vectors_of_the_vendors_headers(shared: Path) -> None:
    with gzip.open(shared / "vectors" / "ap_fixed_golden.csv.gz", "rt") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 64_512
    groups: dict[Fixed, list[tuple[float, float, float]]] = {}
    for r in rows:
        signed, mode = r["signed"] == "1", Rounding(r["Q"])
        t = Fixed(int(r["W"]), int(r["I"]), signed, mode, Overflow(r["O"]))
        row = (float(r["src"]), float(r["dst_from_fixed"]), float(r["dst_from_double"]))
        groups.setdefault(t, []).append(row)
    for t, group in groups.items():
        source, fixed, double = np.array(group).T
        codes = (source * 2**12).astype(np.int64)
        for dtype in (np.int64, np.float64, object):
            got = t.to_float(t.cast(codes.astype(dtype), 12))
            assert np.array_equal(got, fixed), (t.spell(), dtype)
        assert np.array_equal(t.to_float(t.from_float(source)), double), t.spell()


# Codes at 12 fraction bits converted by the open ap_fixed headers (Vivado HLS 2019, N = 0).
SIGN_MAGNITUDE = [
    (4, 2, "RND", 2949023, -1),
    (4, 2, "RND", -8381547, 7),
    (4, 2, "RND", 789538, 3),
    (4, 2, "RND", -8361085, -5),
    (8, 3, "RND_CONV", 987715, 37),
    (8, 3, "RND_CONV", -5545477, 59),
    (8, 3, "RND_CONV", -4479393, -78),
    (8, 3, "RND_CONV", 4643810, -72),
    (5, -1, "TRN", -2306198, -3),
    (5, -1, "TRN", 1869, 2),
    (5, -1, "TRN", -1038, -16),
    (5, -1, "TRN", -1141, -15),
    (2, 1, "RND_INF", -6891792, 0),
    (2, 1, "RND_INF", -4042012, 1),
    (2, 1, "RND_INF", -7882677, -1),
    (12, 6, "TRN_ZERO", 2955878, -1130),
    (12, 6, "TRN_ZERO", -6085374, 874),
    (12, 6, "TRN_ZERO", -2087559, 150),
    (1, 1, "RND_MIN_INF", 5928636, -1),
    (1, 1, "RND_MIN_INF", -3023810, 0),
    (6, 8, "RND_ZERO", -6707222, -25),
    (6, 8, "RND_ZERO", 912516, 7),
]


@pytest.mark.parametrize(("width", "integer", "mode", "code", "expected"), SIGN_MAGNITUDE)
def test_sign_magnitude_wrap(width: int, integer: int, mode: str, code: int, expected: int) -> None:
    t = Fixed(width, integer, True, Rounding(mode), Overflow.WRAP_SM)
    for dtype in (np.int64, np.float64, object):
        assert int(t.cast(np.array([code]).astype(dtype), 12)[0]) == expected
    assert int(t.from_float(code / 2**12)) == expected


def test_floats_become_python_integers_and_never_python_floats():
    codes = carried(np.array([3.0, -5.0]), object)
    assert [type(c) for c in codes.tolist()] == [int, int]
    assert (codes * (1 << 70)).tolist() == [3 << 70, -5 << 70]
    assert carried(codes, object) is codes
    assert carried(np.array([3.0], np.float32), np.int64).tolist() == [3]
