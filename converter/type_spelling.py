"""How fixed-point types are spelt in C++ and in configurations."""

from __future__ import annotations

import re

from converter.errors import ConfigError
from converter.types import Fixed, Overflow, Rounding

_TYPE = re.compile(r"^\s*(?:std::)?(ap_|ac_)?(u?fixed|u?int)\s*<([^<>]*)>\s*$")


def parse(text: str, rounding: Rounding, overflow: Overflow) -> Fixed:
    """The type that ``text`` spells; see ``Fixed.parse``. Raises ConfigError."""
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
