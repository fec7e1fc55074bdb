"""Fixed-point types: the only file that knows what ``ap_fixed`` means.

A value is an integer *code*; its real value is ``code * 2**-fraction``. All
arithmetic of the project is done on codes. The semantics (order: rounding, then
overflow) are those of the vendors' open ``ap_fixed`` headers; see the Vitis HLS
user guide UG1399, "Arbitrary Precision Fixed-Point Data Types".
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from enum import Enum
from typing import Any

import numpy as np
import numpy.typing as npt

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

    def with_modes(self, rounding: Rounding, overflow: Overflow) -> Fixed:
        """The same grid and range with other conversion modes."""
        return replace(self, rounding=rounding, overflow=overflow)

    def cast(self, codes: Codes, fraction: int) -> Codes:
        """Convert codes with ``fraction`` fraction bits to this type's codes.

        Works on any array of exact integers. Float arrays stay float arrays; their
        codes must be below 2**23 (float32) or 2**52 (float64) in magnitude, also
        after a shift to the left, which the caller proves (see ``exact_dtype``).
        """
        shift = self.fraction - fraction
        if codes.dtype.kind == "f" and -100 <= shift < 0 and self.overflow in _SATURATING:
            return _saturate_float(codes, shift, self)
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
        values = np.asarray(values, dtype=np.float64)
        small = abs(self.fraction) <= 500  # ldexp is ten times slower than a product
        with np.errstate(over="ignore"):  # infinities are looked at below
            scaled = values * 2.0**self.fraction if small else np.ldexp(values, self.fraction)
        largest = max(-scaled.min(initial=0.0), scaled.max(initial=0.0))
        if self.width <= 52 and largest < 2.0**52:  # which NaN is not
            return self._from_scaled(scaled)
        if not np.isfinite(values).all():
            raise ConfigError(f"a value to convert to {self} is NaN or infinite")
        return _from_float_exact(values, self)

    def _from_scaled(self, scaled: npt.NDArray[np.float64]) -> Codes:
        rounded = _round_float(scaled, self.rounding)
        if self.overflow is Overflow.WRAP_SM:
            return _wrap_sign_magnitude(rounded, np.floor(scaled), self).astype(np.int64)
        return _overflow(rounded, self).astype(np.int64)

    def to_float(self, codes: Codes) -> npt.NDArray[np.float64]:
        """Real values of codes; exact for codes below 2**53."""
        return np.ldexp(np.asarray(codes).astype(np.float64), -self.fraction)

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
        return _parse(text, rounding, overflow)


def exact_dtype(bound: int) -> type[Any]:
    """The fastest dtype that carries codes up to ``bound`` in magnitude exactly.

    One bit of head-room is kept for the half that a rounding adds.
    """
    if bound < 1 << 23:
        return np.float32
    if bound < 1 << 52:
        return np.float64
    return np.int64 if bound < 1 << 62 else object


def bits_for(lo: int, hi: int) -> tuple[int, bool]:
    """Least (width, signed) that holds all integers of [lo, hi]; width is at least 1."""
    if lo >= 0:
        return max(1, hi.bit_length()), False
    return max((-lo - 1).bit_length(), hi.bit_length() if hi > 0 else 0) + 1, True


def _saturate_float(codes: Codes, shift: int, t: Fixed) -> Codes:
    """The commonest conversion of all, with one array in place of five."""
    scaled = codes * codes.dtype.type(2.0**shift)
    if t.rounding is Rounding.RND:
        scaled += scaled.dtype.type(0.5)
        np.floor(scaled, out=scaled)
    else:
        scaled = _round_float(scaled, t.rounding)
    return np.clip(scaled, t.code_min, t.code_max, out=scaled)


def _shift_left(codes: Codes, shift: int) -> Codes:
    if shift == 0:
        return codes
    if codes.dtype.kind == "f":
        return np.ldexp(codes, shift)
    bound = max(-int(codes.min(initial=0)), int(codes.max(initial=0)))
    if codes.dtype != object and bound << shift >= 1 << 62:
        codes = codes.astype(object)
    return codes * (1 << shift)


def _round(codes: Codes, drop: int, mode: Rounding) -> Codes:
    """Drop ``drop`` > 0 low bits."""
    if codes.dtype.kind == "f":
        return _round_float(np.ldexp(codes, -drop), mode)
    if codes.dtype != object and drop > 62:
        codes = codes.astype(object)
    floor = codes >> drop
    if mode is Rounding.TRN:
        return floor
    rest = codes - (floor << drop)
    half = 1 << drop - 1
    if mode is Rounding.TRN_ZERO:
        return floor + ((codes < 0) & (rest != 0))
    up = rest > half
    tie = rest == half
    ties_up = {
        Rounding.RND: True,
        Rounding.RND_MIN_INF: False,
        Rounding.RND_ZERO: codes < 0,
        Rounding.RND_INF: codes >= 0,
        Rounding.RND_CONV: (floor & 1) == 1,
    }[mode]
    return floor + (up | (tie & ties_up))


def _round_float(values: npt.NDArray[Any], mode: Rounding) -> npt.NDArray[Any]:
    """Round exact floats to integers; the caller keeps one bit of head-room."""
    if mode is Rounding.TRN:
        return np.floor(values)
    if mode is Rounding.TRN_ZERO:
        return np.trunc(values)
    if mode is Rounding.RND_CONV:
        return np.rint(values)
    half = values.dtype.type(0.5)
    if mode is Rounding.RND:
        return np.floor(values + half)
    if mode is Rounding.RND_MIN_INF:
        return np.ceil(values - half)
    up, down = np.floor(values + half), np.ceil(values - half)
    toward_up = values < 0 if mode is Rounding.RND_ZERO else values >= 0
    return np.where(toward_up, up, down)


def _overflow(codes: Codes, t: Fixed) -> Codes:
    if t.overflow in _SATURATING:
        if codes.dtype == np.int64 and t.width > 62:
            return codes if t.signed else np.maximum(codes, 0)
        return np.clip(codes, t.code_min, t.code_max)
    if t.overflow is Overflow.SAT_ZERO:
        return np.where((codes < t.code_min) | (codes > t.code_max), codes.dtype.type(0), codes)
    if t.overflow is Overflow.WRAP_SM:
        return _wrap_sign_magnitude(codes, codes, t)
    return _wrap(codes, t)


def _wrap(codes: Codes, t: Fixed) -> Codes:
    if codes.dtype.kind == "f":
        span = codes.dtype.type(2.0**t.width)
        return codes - span * np.floor((codes - codes.dtype.type(t.code_min)) / span)
    if codes.dtype != object and t.width > 62:
        return codes if t.signed else _wrap(codes.astype(object), t)
    low = codes & ((1 << t.width) - 1)
    return low - ((low >> t.width - 1) << t.width) if t.signed else low


def _wrap_sign_magnitude(codes: Codes, floor: Codes, t: Fixed) -> Codes:
    """Sign-magnitude wrap with no saturated bits (UG1399, AP_WRAP_SM, N = 0).

    A code in range stays. Else the sign bit becomes the least bit above the kept ones, as it
    was before rounding (that of ``floor``); where that changes the sign, the remaining bits
    are inverted.
    """
    kind = codes.dtype
    whole, before = (c if kind.kind == "O" else c.astype(np.int64) for c in (codes, floor))
    wrapped = _wrap(whole, replace(t, overflow=Overflow.WRAP))
    flip = (wrapped < 0) != ((before >> t.width) & 1 == 1)
    return np.where((whole != wrapped) & flip, ~wrapped, wrapped).astype(kind)


def _from_float_exact(values: npt.NDArray[np.float64], t: Fixed) -> Codes:
    mantissa, exponent = np.frexp(values)
    integers = np.ldexp(mantissa, 53).astype(np.int64).astype(object)
    codes = [
        t.cast(np.array([m], dtype=object), 53 - int(e))[0]
        for m, e in zip(integers.ravel(), exponent.ravel(), strict=True)
    ]
    out = np.array(codes, dtype=object).reshape(values.shape)
    return out.astype(np.int64) if t.width <= 62 else out


_TYPE = re.compile(r"^\s*(?:std::)?(ap_|ac_)?(u?fixed|u?int)\s*<([^<>]*)>\s*$")


def _parse(text: str, rounding: Rounding, overflow: Overflow) -> Fixed:
    match = _TYPE.match(text)
    if not match:
        raise ConfigError(
            f"'{text}' is not a fixed-point type; write for example fixed<16,6>, "
            "ufixed<8,0,RND,SAT> or int<4>"
        )
    prefix, name, inner = match.groups()
    words = [w.strip() for w in inner.split(",")]
    try:
        if prefix == "ac_":
            return _parse_ac(name, words, rounding, overflow)
        return _parse_ap(name, words, rounding, overflow)
    except (ValueError, IndexError, KeyError):
        raise ConfigError(f"'{text}' is not a fixed-point type: check its arguments") from None


def _parse_ap(name: str, words: list[str], rounding: Rounding, overflow: Overflow) -> Fixed:
    signed, width = not name.startswith("u"), int(words[0])
    if name.endswith("int"):
        (_,) = words
        return Fixed(width, width, signed, rounding, overflow)
    return _with_modes(width, int(words[1]), signed, words[2:], rounding, overflow)


def _parse_ac(name: str, words: list[str], rounding: Rounding, overflow: Overflow) -> Fixed:
    width = int(words[0])
    if name == "int":
        signed = _truth(words[1]) if len(words) > 1 else True
        return Fixed(width, width, signed, rounding, overflow)
    signed = _truth(words[2]) if len(words) > 2 else True
    return _with_modes(width, int(words[1]), signed, words[3:], rounding, overflow)


def _with_modes(
    width: int, integer: int, signed: bool, modes: list[str], q: Rounding, o: Overflow
) -> Fixed:
    if len(modes) > 3 or (len(modes) == 3 and int(modes[2]) != 0):
        raise ValueError("saturation bits are not supported")
    if modes:
        q = Rounding(_mode(modes[0]))
    if len(modes) > 1:
        o = Overflow(_mode(modes[1]))
    return Fixed(width, integer, signed, q, o)


def _mode(word: str) -> str:
    return re.sub(r"^(AP_|AC_)", "", word.strip().upper())


def _truth(word: str) -> bool:
    return {"true": True, "1": True, "false": False, "0": False}[word.lower()]
