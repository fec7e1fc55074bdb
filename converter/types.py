"""Fixed-point types: the only file that knows what ``ap_fixed`` means.

A value is an integer *code*; its real value is ``code * 2**-fraction``. All
arithmetic of the project is done on codes. The semantics (order: rounding, then
overflow) are those of the vendors' open ``ap_fixed`` headers; see the Vitis HLS
user guide UG1399, "Arbitrary Precision Fixed-Point Data Types".
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from enum import Enum
from typing import Any

import numpy as np
import numpy.typing as npt

from converter.carriers import exact_dtype, integer_dtype, whole
from converter.errors import ConfigError

Codes = npt.NDArray[Any]
"""Integer codes in any dtype that holds them exactly: float32, float64, int64 or object."""

MAX_WIDTH = 1024


class Rounding(Enum):
    """What happens to dropped low bits."""

    RND = "RND"  # nearest, tie up
    RND_ZERO = "RND_ZERO"  # nearest, tie toward zero
    RND_MIN_INF = "RND_MIN_INF"  # nearest, tie down
    RND_INF = "RND_INF"  # nearest, tie away from zero
    RND_CONV = "RND_CONV"  # nearest, tie to even
    TRN = "TRN"  # floor
    TRN_ZERO = "TRN_ZERO"  # toward zero


class Overflow(Enum):
    """What happens to values out of range."""

    SAT = "SAT"
    SAT_ZERO = "SAT_ZERO"
    SAT_SYM = "SAT_SYM"
    WRAP = "WRAP"
    WRAP_SM = "WRAP_SM"  # sign-magnitude wrap


_SATURATING = (Overflow.SAT, Overflow.SAT_SYM)
_BY_SHIFTS = (Rounding.TRN, Rounding.RND)
_BY_HALVES = (Rounding.RND, Rounding.RND_ZERO, Rounding.RND_MIN_INF, Rounding.RND_INF)
_BELOW_HALF = 0.49999999999999994  # the one double whose sum with a half is rounded up


@dataclass(frozen=True, order=False)
class Fixed:
    """A fixed-point type of ``width`` bits, ``integer`` of them left of the point.

    ``integer`` includes the sign bit and may be negative or exceed ``width``.
    """

    width: int
    integer: int
    signed: bool = True
    rounding: Rounding = Rounding.TRN
    overflow: Overflow = Overflow.WRAP

    def __post_init__(self) -> None:
        if not 1 <= self.width <= MAX_WIDTH:
            raise ConfigError(f"width {self.width} of a fixed-point type is not in 1..{MAX_WIDTH}")
        if abs(self.integer) > 2 * MAX_WIDTH:
            raise ConfigError(f"{self.integer} integer bits are out of ±{2 * MAX_WIDTH}")
        if self.overflow is Overflow.WRAP_SM and not self.signed:
            raise ConfigError("WRAP_SM needs a signed type")

    @property
    def fraction(self) -> int:
        """Bits right of the point; may be negative."""
        return self.width - self.integer

    @property
    def lsb(self) -> float:
        """Step between neighbouring values."""
        return 2.0**-self.fraction

    @property
    def code_min(self) -> int:
        """Least code that a conversion can give."""
        if not self.signed:
            return 0
        return -(1 << self.width - 1) + (self.overflow is Overflow.SAT_SYM and self.width > 1)

    @property
    def code_max(self) -> int:
        """Largest code."""
        return (1 << self.width - self.signed) - 1

    @property
    def min(self) -> float:
        """Least value."""
        return self.code_min * self.lsb

    @property
    def max(self) -> float:
        """Largest value."""
        return self.code_max * self.lsb

    @property
    def ends(self) -> tuple[int, int]:
        """Least and largest code that the bits can spell."""
        return -(1 << self.width - 1) if self.signed else 0, self.code_max

    @property
    def saturates(self) -> bool:
        """Conversions are monotone: what is out of range becomes an end of it."""
        return self.overflow in _SATURATING

    def with_modes(self, rounding: Rounding, overflow: Overflow) -> Fixed:
        """The same grid and range with other conversion modes."""
        return replace(self, rounding=rounding, overflow=overflow)

    def cast(self, codes: Codes, fraction: int, ends: tuple[int, int] | None = None) -> Codes:
        """Convert codes with ``fraction`` fraction bits to this type's codes.

        Works on any array of exact integers. Float arrays stay float arrays, of the same
        precision or of one that carries the result; their codes must be below 2**23 (float32)
        or 2**52 (float64) in magnitude, also after a shift to the left, which the caller proves
        (see ``exact_dtype``).
        ``ends``: least and largest code that can occur, where the caller knows them; they
        never change a result, but spare what cannot happen.
        """
        shift = self.fraction - fraction
        if ends is not None and codes.dtype.kind == "f" and self.overflow is not Overflow.WRAP_SM:
            return _cast_within(codes, shift, ends, self)
        if shift >= 0:
            return _overflow(_shift_left(codes, shift), self)
        rounded = _round(codes, -shift, self.rounding)
        if self.overflow is Overflow.WRAP_SM:
            return _wrap_sign_magnitude(rounded, _round(codes, -shift, Rounding.TRN), self)
        return _overflow(rounded, self)

    def from_float(self, values: npt.ArrayLike) -> Codes:
        """Codes (int64, or object above 62 bits) of real values, by this type's modes.

        Exact: a double is an integer times a power of two, so no value is rounded twice.
        """
        return whole(self.quantize(values))

    def quantize(self, values: npt.ArrayLike) -> Codes:
        """The codes of ``from_float``, left in floats where these carry them."""
        given = np.asarray(values)
        return self._quantize(np.atleast_1d(given)).reshape(given.shape)

    def _quantize(self, given: npt.NDArray[Any]) -> Codes:
        values = given.astype(np.float64, copy=False)
        with np.errstate(over="ignore"):  # infinities are looked at below
            scaled = _scale(values, self.fraction)
        if self.rounding in _BY_HALVES and given.dtype.itemsize > 4:
            scaled[np.abs(scaled) == _BELOW_HALF] = 0.0
        lo, hi = scaled.min(initial=0.0), scaled.max(initial=0.0)
        lost = self.fraction < 0 and np.count_nonzero(scaled) < np.count_nonzero(values)
        if self.width <= 52 and max(-lo, hi) < 2.0**52 and not lost:  # which NaN is not
            return self._from_scaled(scaled, (math.floor(lo), math.ceil(hi)))
        if not np.isfinite(values).all():
            raise ConfigError(f"a value to convert to {self} is NaN or infinite")
        return _from_float_exact(values, self)

    def _from_scaled(self, scaled: npt.NDArray[np.float64], ends: tuple[int, int]) -> Codes:
        """Round and overflow ``scaled``, which lies between ``ends`` and is overwritten."""
        if self.overflow is Overflow.WRAP_SM:
            low = np.floor(scaled)
            return _wrap_sign_magnitude(_round_float(scaled, self.rounding), low, self)
        return _overflow_within(_round_float(scaled, self.rounding), ends, self)

    def to_float(self, codes: Codes) -> npt.NDArray[np.float64]:
        """Real values of codes; exact for codes below 2**53, and never -0.0."""
        return _scale(np.asarray(codes).astype(np.float64), -self.fraction) + 0.0

    def __str__(self) -> str:
        return self.spell("fixed")

    def spell(self, family: str = "ap_fixed") -> str:
        """The type's name in the spelling ``fixed``, ``ap_fixed`` or ``ac_fixed``."""
        if family == "ac_fixed":
            sign = "true" if self.signed else "false"
            modes = f"AC_{self.rounding.value},AC_{self.overflow.value}"
            return f"ac_fixed<{self.width},{self.integer},{sign},{modes}>"
        prefix, u = ("ap_", "AP_") if family == "ap_fixed" else ("", "")
        modes = ""
        if (self.rounding, self.overflow) != (Rounding.TRN, Overflow.WRAP):
            modes = f",{u}{self.rounding.value},{u}{self.overflow.value}"
        name = "fixed" if self.signed else "ufixed"
        return f"{prefix}{name}<{self.width},{self.integer}{modes}>"

    @staticmethod
    def parse(
        text: str, rounding: Rounding = Rounding.TRN, overflow: Overflow = Overflow.WRAP
    ) -> Fixed:
        """Read ``ap_fixed<W,I[,Q[,O[,N]]]>``, ``fixed``, ``ufixed``, ``int<W>``, ``uint<W>``,
        ``ac_fixed<W,I[,S[,Q[,O]]]>``, ``ac_int<W[,S]>``, with or without ``ap_`` and ``std``
        prefixes. Modes that the text does not name are ``rounding`` and ``overflow``.
        """
        from converter.type_spelling import parse  # it makes the types that this file defines

        return parse(text, rounding, overflow)


def bits_for(lo: int, hi: int) -> tuple[int, bool]:
    """Least (width, signed) that holds all integers of [lo, hi]; width is at least 1."""
    if lo >= 0:
        return max(1, hi.bit_length()), False
    return max((-lo - 1).bit_length(), hi.bit_length() if hi > 0 else 0) + 1, True


def least_type(lo: int, hi: int, fraction: int) -> Fixed:
    """The least type for codes of lo..hi at ``fraction``; signed where one is below 0."""
    width, signed = bits_for(lo, hi)
    return Fixed(width, width - fraction, signed)


def conversion_dtype(source: Fixed, target: Fixed) -> np.dtype[Any]:
    """What carries codes of ``source``, these at the fraction of ``target``, and codes of that."""
    shift = max(target.fraction - source.fraction, 0)
    bound = max(max(-source.code_min, source.code_max) << shift, 1 << target.width)
    return np.dtype(exact_dtype(bound))


def _cast_within(codes: Codes, shift: int, ends: tuple[int, int], t: Fixed) -> Codes:
    """``cast`` of floats between ``ends``: in 32-bit integers where these hold every step."""
    lo, hi = ends
    if shift >= 0:
        return _overflow_within(_shift_left(codes, shift), (lo << shift, hi << shift), t)
    after = lo >> -shift, -(-hi >> -shift)  # in any rounding
    half = 1 << -shift - 1 if t.rounding is Rounding.RND else 0
    overflows = not _within(after, t.ends)
    if overflows and t.rounding in _BY_SHIFTS and _in_int32((lo, hi + half), t):
        return _cast_int32(codes, -shift, t)
    return _overflow_within(_round(codes, -shift, t.rounding), after, t)


def _overflow_within(codes: Codes, ends: tuple[int, int], t: Fixed) -> Codes:
    """``_overflow`` of floats between ``ends``."""
    if _within(ends, (t.code_min, t.code_max)):
        return codes
    return _cast_int32(codes, 0, t) if _in_int32(ends, t) else _overflow(codes, t)


def _within(inner: tuple[int, int], outer: tuple[int, int]) -> bool:
    return outer[0] <= inner[0] and inner[1] <= outer[1]


def _in_int32(ends: tuple[int, int], t: Fixed) -> bool:
    """Whether ``_cast_int32`` is exact for codes between ``ends``, a half added."""
    simple = t.overflow is Overflow.WRAP or t.saturates
    return simple and t.width < 32 and ends[0] >= -(1 << 31) and ends[1] < 1 << 31


def _cast_int32(codes: Codes, drop: int, t: Fixed) -> Codes:
    """``cast`` of floats by TRN or RND; a pass over integers takes half the time of a pass over
    doubles, and a clip a quarter.
    """
    short = codes.astype(np.int32)
    if drop and t.rounding is Rounding.RND:
        short += 1 << drop - 1
    if t.overflow is not Overflow.WRAP:
        short >>= drop
        np.clip(short, t.code_min, t.code_max, out=short)
    elif not t.signed:
        short >>= drop
        short &= t.code_max
    else:
        _keep_bits(short, drop, t.width)
    narrow = exact_dtype(max(-t.code_min, t.code_max)) is np.float32  # half the memory to move
    return short.astype(np.float32 if narrow else codes.dtype)


def _keep_bits(short: npt.NDArray[np.int32], drop: int, width: int) -> None:
    """Bits ``drop`` to ``drop + width`` as signed numbers: up against the top, and down again."""
    if drop + width > 32:
        short >>= drop
        drop = 0
    bits = short.view(np.uint32)  # a left shift of negative numbers is not defined in C
    bits <<= 32 - width - drop
    short >>= 32 - width


def _scale(codes: npt.NDArray[Any], exponent: int) -> npt.NDArray[Any]:
    """Floats times a power of two, in a new array; ldexp is three times slower than a product."""
    if abs(exponent) > 100:
        return np.ldexp(codes, exponent)
    return codes * codes.dtype.type(2.0**exponent)


def _shift_left(codes: Codes, shift: int) -> Codes:
    if shift == 0:
        return codes
    if codes.dtype.kind == "f":
        return _scale(codes, shift)
    bound = max(-int(codes.min(initial=0)), int(codes.max(initial=0)))
    if codes.dtype != object and bound << shift >= 1 << 62:
        codes = codes.astype(object)
    return codes * (1 << shift)


def _round(codes: Codes, drop: int, mode: Rounding) -> Codes:
    """Drop ``drop`` > 0 low bits."""
    if codes.dtype.kind == "f":
        return _round_float(_scale(codes, -drop), mode)
    if codes.dtype != object and drop > 62:
        codes = codes.astype(object)
    low = codes >> drop
    if mode is Rounding.TRN:
        return low
    if mode is Rounding.RND:
        return low + (codes >> drop - 1 & 1)
    rest = codes - (low << drop)
    half = 1 << drop - 1
    if mode is Rounding.TRN_ZERO:
        return low + ((codes < 0) & (rest != 0))
    up = rest > half
    tie = rest == half
    ties_up = {
        Rounding.RND_MIN_INF: False,
        Rounding.RND_ZERO: codes < 0,
        Rounding.RND_INF: codes >= 0,
        Rounding.RND_CONV: (low & 1) == 1,
    }[mode]
    return low + (up | (tie & ties_up))


def _round_float(values: npt.NDArray[Any], mode: Rounding) -> npt.NDArray[Any]:
    """Round exact floats to integers, in place; the caller keeps one bit of head-room."""
    if mode is Rounding.TRN:
        return np.floor(values, out=values)
    if mode is Rounding.TRN_ZERO:
        return np.trunc(values, out=values)
    if mode is Rounding.RND_CONV:
        return np.rint(values, out=values)
    if mode is Rounding.RND:
        values += 0.5
        return np.floor(values, out=values)
    if mode is Rounding.RND_MIN_INF:
        values -= 0.5
        return np.ceil(values, out=values)
    up, down = np.floor(values + 0.5), np.ceil(values - 0.5)
    toward_up = values < 0 if mode is Rounding.RND_ZERO else values >= 0
    return np.where(toward_up, up, down)


def _overflow(codes: Codes, t: Fixed) -> Codes:
    if t.saturates:
        if codes.dtype.kind == "f":
            return _clip_float(codes, t)
        if codes.dtype == np.int64 and t.width > 62:
            return codes if t.signed else np.maximum(codes, 0)
        return np.clip(codes, t.code_min, t.code_max)
    if t.overflow is Overflow.SAT_ZERO:
        return np.where((codes < t.code_min) | (codes > t.code_max), codes.dtype.type(0), codes)
    if t.overflow is Overflow.WRAP_SM:
        return _wrap_sign_magnitude(codes, codes, t)
    return _wrap(codes, t)


def _clip_float(codes: Codes, t: Fixed) -> Codes:
    """Twice as fast as np.clip, which looks for NaN."""
    far = 1 << 62  # no float array carries codes beyond
    out = np.maximum(codes, float(max(t.code_min, -far)), out=np.empty_like(codes))
    return np.minimum(out, float(min(t.code_max, far)), out=out)


def _wrap(codes: Codes, t: Fixed) -> Codes:
    if codes.dtype.kind == "f":
        return _wrap_float(codes, t)
    if codes.dtype != object and t.width > 62:
        return codes if t.signed else _wrap(codes.astype(object), t)
    low = codes & ((1 << t.width) - 1)
    return low - ((low >> t.width - 1) << t.width) if t.signed else low


def _wrap_float(codes: Codes, t: Fixed) -> Codes:
    turns = np.subtract(codes, float(t.code_min), out=np.empty_like(codes))
    turns *= 2.0**-t.width
    np.floor(turns, out=turns)
    turns *= 2.0**t.width
    return np.subtract(codes, turns, out=turns)


def _wrap_sign_magnitude(codes: Codes, floor: Codes, t: Fixed) -> Codes:
    """Sign-magnitude wrap with no saturated bits (UG1399, AP_WRAP_SM, N = 0).

    A code in range stays. Else the sign bit becomes the least bit above the kept ones, as it
    was before rounding (that of ``floor``); where that changes the sign, the remaining bits
    are inverted.
    """
    kind = codes.dtype
    rounded, before = whole(codes), whole(floor)
    wrapped = _wrap(rounded, replace(t, overflow=Overflow.WRAP))
    flip = (wrapped < 0) != ((before >> t.width) & 1 == 1)
    return np.where((rounded != wrapped) & flip, ~wrapped, wrapped).astype(kind)


def _from_float_exact(values: npt.NDArray[np.float64], t: Fixed) -> Codes:
    mantissa, exponent = np.frexp(values.ravel())
    integers = np.ldexp(mantissa, 53).astype(np.int64).astype(object)
    codes = [
        t.cast(np.array([m], dtype=object), 53 - int(e))[0]
        for m, e in zip(integers, exponent, strict=True)
    ]
    out = np.array(codes, dtype=object).reshape(values.shape)
    return out.astype(integer_dtype(t.width))
