"""Parts and boards: what a device holds, found by any name that a user knows it by.

The catalogue is ``parts.json``: whole devices, with the source of each table. Resources were
confirmed by a second public table, and for seven devices by vendors' reports; a part whose
figures could not be confirmed is left out, but for Versal, whose source says so. Die counts and
usual packages were not.
"""

from __future__ import annotations

import difflib
import json
import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from converter.errors import TargetError
from converter.timing import Family, Target

FASTEST_CLOCK_NS = 1.0
SLOWEST_CLOCK_NS = 1000.0
"""A clock outside of these is a slip of the unit: no fabric of these families runs at 1 GHz."""

_ORDER = re.compile(
    r"(?P<low_power>[li]?)-?(?P<package>[a-z]{2,4}\d{3,4})-(?P<speed>[123](l|lv|li|h|hv|i|[lmh]s?[phl]|[lm]hp)?)"
    r"(-(?P<grade>[ceiqm])(?P<power>-[sl])?)?"
)
"""What follows the device in an ordering name: ``-flga2104-2L-e``, ``clg400-1``; of Versal
parts ``-vsva2197-2MP-e-S``.
"""

_LATTICE_ORDER = re.compile(
    r"-(?P<speed>[678])(?P<package>bg256|bg381|bg554|bg756|mg285|tg144)(?P<grade>[ci]?)"
)
"""The same of an ECP5: ``-8BG381C``. Of the ECP5-5G there is only grade 8."""


@dataclass(frozen=True)
class Part:
    """A device in a package. ``name`` is what tools take (``xcvu9p-flga2104-2L-e``,
    ``LFE5U-25F-6BG381C``), ``short`` the device (``xcvu9p``).

    Counts are of the whole device: ``bram_18k`` in halves of 36 Kb tiles (blocks of 18 Kb of an
    ECP5), ``uram`` in 288 Kb blocks, ``slr_count`` dies (super logic regions). ``lut`` of an
    ECP5 have four inputs, its ``dsp`` are multipliers of 18 bits.
    """

    name: str
    short: str
    family: Family
    lut: int
    ff: int
    dsp: int
    bram_18k: int
    uram: int
    slr_count: int


@dataclass(frozen=True)
class Board:
    """A board by its usual name, and the part on it."""

    name: str
    part: Part


def find_part(text: str) -> Part:
    """The part that ``text`` names: a device, an ordering name, or a board, in any case.

    A known device in another package or speed grade keeps that name, in Vivado's spelling:
    7-series names have no dash before the package; in Lattice's, capitals. Raises
    TargetError with the nearest names where nothing fits.
    """
    key = text.strip().lower()
    if key in BOARDS:
        return BOARDS[key].part
    part = _lookup(key) or _lookup(f"xc{key}")
    if part is None:
        raise TargetError(f"{text}: no such part or board is known; {_nearest(key)}")
    return part


def target(part: Part | str, clock_period_ns: float = 5.0) -> Target:
    """``part`` at a clock. Raises TargetError for a clock that no part can have."""
    found = find_part(part) if isinstance(part, str) else part
    if not FASTEST_CLOCK_NS <= clock_period_ns <= SLOWEST_CLOCK_NS:
        raise TargetError(
            f"clock: the period must be from {FASTEST_CLOCK_NS:g} to {SLOWEST_CLOCK_NS:g} ns, "
            f"{clock_period_ns:g} was given; 200 MHz is 5 ns"
        )
    return Target(found.name, found.family, clock_period_ns)


def _lookup(key: str) -> Part | None:
    """The part that ``key``, in lower case, names; the device is the longest known beginning."""
    if key in PARTS:
        return PARTS[key]
    for end in range(len(key), 0, -1):
        device = PARTS.get(key[:end])
        if device is not None and device.family is Family.ECP5:
            order = _LATTICE_ORDER.fullmatch(key, end)
            if order and (order["speed"] == "8" or "5g" not in device.short):
                return _renamed(device, key.upper())
        elif device is not None:
            order = _ORDER.fullmatch(key, end)
            if order:
                return _packaged(device, order)
    return None


def _packaged(device: Part, order: re.Match[str]) -> Part:
    """``device`` under another ordering name, spelt as Vivado does."""
    dash = "" if device.family is Family.SERIES7 else "-"
    grade = f"-{order['grade']}{(order['power'] or '').upper()}" if order["grade"] else ""
    rest = f"{order['low_power']}{dash}{order['package']}-{order['speed'].upper()}{grade}"
    return _renamed(device, device.short + rest)


def _renamed(device: Part, name: str) -> Part:
    return device if name == device.name else replace(device, name=name)


def _nearest(key: str) -> str:
    known = [*PARTS, *BOARDS]
    close = difflib.get_close_matches(key.split("-")[0], known, n=3, cutoff=0.6)
    close += difflib.get_close_matches(key, known, n=3, cutoff=0.6)
    near = list(dict.fromkeys(close))[:4]
    return f"nearest: {', '.join(near)}" if near else "`dse parts` lists them all"


def _read_parts(tables: list[dict[str, Any]]) -> dict[str, Part]:
    parts = {}
    for table in tables:
        for row in table["parts"]:
            values = dict(zip(table["columns"], row, strict=True))
            parts[values["short"]] = Part(family=Family(table["family"]), **values)
    return parts


_DATA = json.loads(Path(__file__).with_name("parts.json").read_text(encoding="utf-8"))

PARTS: dict[str, Part] = _read_parts(_DATA["tables"])
"""Known devices by short name, each with a usual ordering name."""

BOARDS: dict[str, Board] = {}
"""Known boards by name."""

for _name, _part in _DATA["boards"]["parts"].items():
    BOARDS[_name] = Board(_name, find_part(_part))
