"""Conversions by element as stages: the narrowest types that give the same values."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from converter.config import LayerConfig
from converter.graph import Edge, frozen_array
from converter.layers.base import Lowering, Range
from converter.layers.lowering import Chain
from converter.types import Codes, Fixed, Overflow, Rounding, bits_for
from converter.units.base import Unit
from converter.units.quantize_elements import QuantizeElements, rounded_codes
from converter.units.requantize import Requantize

Bits = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]

_bits_for = np.frompyfunc(bits_for, 2, 2)
_power = np.frompyfunc(lambda k: 1 << k, 1, 1)


@dataclass(frozen=True, eq=False)
class Elements:
    """Types of all elements of a tensor, [size]; ``width`` None: without limit."""

    width: Bits | None
    fraction: Bits
    signed: Bits
    rounding: Rounding
    overflow: Overflow

    def moved(self, places: Bits) -> Elements:
        """Those at ``places``, in this order."""
        width = None if self.width is None else self.width[places]
        return replace(
            self, width=width, fraction=self.fraction[places], signed=self.signed[places]
        )

    @property
    def alike(self) -> bool:
        """All elements have one type."""
        arrays = (self.width, self.fraction, self.signed)
        return all(a is None or bool((a == a[0]).all()) for a in arrays)


@dataclass(frozen=True, eq=False)
class Fit:
    """The least type of each element for what it can be, [size].

    ``lo``, ``hi``: the codes that it can take, at its own fraction. ``overflows``: values
    outside of its type come.
    """

    width: Bits
    fraction: Bits
    signed: Bits
    lo: Codes
    hi: Codes
    overflows: Flags

    def hull(self, rounding: Rounding) -> Fixed:
        """The least type that holds all codes of all elements."""
        alive = self.width > 0
        fraction = int(self.fraction[alive].max(initial=-(1 << 16)))
        if not alive.any():
            return Fixed(1, 1, False, rounding, Overflow.SAT)
        scale = _power((fraction - self.fraction)[alive])
        lo, hi = int((self.lo[alive] * scale).min()), int((self.hi[alive] * scale).max())
        width, signed = bits_for(lo, hi)
        return Fixed(width, width - fraction, signed, rounding, Overflow.SAT)


def lower_elements(
    name: str, x: Edge, elements: Elements, config: LayerConfig, seen: Range | None
) -> Lowering:
    """One stage, or none where no element changes; then the user's own type where there is one."""
    return elements_chain(Chain(name, x), elements, seen).with_own_type(config).finish()


def elements_chain(
    chain: Chain, elements: Elements, seen: Range | None = None, prefix: str = ""
) -> Chain:
    """The conversion behind stages that there are already; ``prefix`` starts its suffix."""
    x = chain.edge
    fit = fit_elements(x, elements, seen)
    if not _unchanged(x, fit):
        chain = chain.then(f"{prefix}elements", _unit(x, fit, elements))
    return chain


def fit_elements(x: Edge, elements: Elements, seen: Range | None = None) -> Fit:
    """What each element of ``x`` can be after its conversion, and the least type for that.

    Where a type has no limit of its own, ``seen`` sets one: values beyond it saturate.
    """
    lo, hi = _rounded_ends(x, elements)
    low, high = _limits(elements, seen)
    overflows = (lo < low) | (hi > high)
    wraps = overflows & (elements.overflow is Overflow.WRAP)
    lo = np.where(wraps, low, np.minimum(np.maximum(lo, low), high))
    hi = np.where(wraps, high, np.minimum(np.maximum(hi, low), high))
    coarser = np.where(overflows, 0, np.maximum(elements.fraction - x.type.fraction, 0))
    lo, hi = lo // _power(coarser), hi // _power(coarser)
    symmetric = (elements.overflow is Overflow.SAT_SYM) & (lo < 0)
    width, signed = _bits_for(np.where(symmetric, lo - 1, lo), hi)
    if elements.width is not None:
        width, signed = np.where(wraps, (elements.width, elements.signed), (width, signed))
    width = np.where((lo == 0) & (hi == 0), 0, width).astype(np.int64)
    fraction = elements.fraction - coarser.astype(np.int64)
    fit = Fit(width, fraction, signed.astype(np.int64), lo, hi, overflows.astype(bool))
    return _alike_in_lanes(x, elements, fit)


def _rounded_ends(x: Edge, elements: Elements) -> tuple[Codes, Codes]:
    """The edge's least and largest codes, rounded to each element's fraction."""
    ends = [np.zeros(x.size, object) for _ in range(2)]
    for fraction in np.unique(elements.fraction):
        where = np.flatnonzero(elements.fraction == fraction)
        for end, side in zip(ends, (x.bounds.lo, x.bounds.hi), strict=True):
            end[where] = rounded_codes(
                side[where], x.type.fraction, int(fraction), elements.rounding
            )
    return ends[0], ends[1]


def _limits(elements: Elements, seen: Range | None) -> tuple[Codes, Codes]:
    """Least and largest code of each element's type."""
    signed = elements.signed > 0
    if elements.width is None:
        limit: Any = 1 << 512
        low, high = (np.full(len(signed), v, object) for v in (-limit, limit))
        if seen is not None:
            scale = np.ldexp(1.0, elements.fraction)
            low = np.floor(seen.lo * scale).astype(object)
            high = np.ceil(seen.hi * scale).astype(object)
            low, high = (np.array([int(v) for v in side], object) for side in (low, high))
        return np.where(signed, low, np.maximum(low, 0)), np.maximum(high, 0)
    span = _power(elements.width)
    low = np.where(signed, -(span // 2), 0)
    high = low + span - 1
    symmetric = (elements.overflow is Overflow.SAT_SYM) & (low < 0)
    return np.where(symmetric, low + 1, low), high


def _alike_in_lanes(x: Edge, elements: Elements, fit: Fit) -> Fit:
    """One type for all positions of a lane, where the model gives it one: in io_stream, what
    differs between beats is read from memories.
    """
    if x.beats == 1 or elements.width is None:
        return fit
    given = np.stack([elements.width, elements.fraction, elements.signed])
    rows = given.reshape(3, x.beats, x.lanes)
    alike = np.tile((rows == rows[:, :1]).all(axis=(0, 1)), x.beats)
    wide = np.tile(fit.overflows.reshape(x.beats, x.lanes).any(axis=0), x.beats)
    top = fit.width + ((fit.signed == 0) & (fit.width > 0))
    top = np.tile(top.reshape(x.beats, x.lanes).max(axis=0), x.beats)
    dead = top == 0
    whole = np.where(wide, given, (top, np.minimum(elements.fraction, x.type.fraction), ~dead))
    width, fraction, signed = np.where(
        alike & (elements.width > 0), whole, (fit.width, fit.fraction, fit.signed)
    )
    shift = _power(np.maximum(fraction - fit.fraction, 0))
    return replace(
        fit, width=width, fraction=fraction, signed=signed, lo=fit.lo * shift, hi=fit.hi * shift
    )


def _unchanged(x: Edge, fit: Fit) -> bool:
    """Whether every element keeps its value."""
    moved = (fit.fraction < x.type.fraction) | fit.overflows | (fit.width == 0)
    return not (moved & ((x.bounds.lo != 0) | (x.bounds.hi != 0))).any()


def _unit(x: Edge, fit: Fit, elements: Elements) -> Unit:
    """One type for all where that gives the same, else each its own."""
    hull = fit.hull(elements.rounding)
    killed = (fit.width == 0) & ((x.bounds.lo != 0) | (x.bounds.hi != 0))
    one = len(np.unique(fit.fraction[fit.width > 0])) == 1 and not killed.any()
    free = elements.width is None and bool((elements.signed == elements.signed[0]).all())
    if one and (free or not fit.overflows.any()):
        return Requantize(x.size, x.type, hull)
    if one and elements.width is not None and elements.alike:
        width, fraction, signed = (
            int(a[0]) for a in (elements.width, elements.fraction, elements.signed)
        )
        t = Fixed(width, width - fraction, bool(signed), elements.rounding, elements.overflow)
        return Requantize(x.size, x.type, t)
    overflow = Overflow.SAT if elements.width is None else elements.overflow
    return QuantizeElements(
        x.type,
        hull,
        frozen_array(fit.width),
        frozen_array(fit.fraction),
        frozen_array(fit.signed),
        elements.rounding,
        overflow,
    )
