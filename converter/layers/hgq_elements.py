"""Types by element, as HGQ and HGQ2 train them, and the layer that converts to them.

The arithmetic is that of ``ap_fixed`` for each element by itself; both frameworks compute it in
float32, where it is exact as long as codes stay below 2**24.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from converter.config import DEFAULT_PRECISION, LayerConfig
from converter.errors import ModelError
from converter.graph import Edge, Shape
from converter.layers.base import Layer, Lowering, Range, Real
from converter.layers.hgq_lowering import Elements, lower_elements
from converter.layers.lowering import fit_range
from converter.types import Fixed, Overflow, Rounding

Bits = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class ElementTypes:
    """The type of each element; arrays are broadcast against a tensor's shape, without batch.

    ``integer`` does not count the sign; None: as large as it takes, so that nothing overflows
    but what is negative where there is no sign, which becomes 0. Where sign, integer and
    fraction give no bits, the element is the constant 0.
    """

    signed: Bits
    fraction: Bits
    integer: Bits | None
    rounding: Rounding
    overflow: Overflow = Overflow.SAT

    @property
    def width(self) -> Bits | None:
        """Bits of each element, 0 where it is the constant 0; None: without limit."""
        if self.integer is None:
            return None
        return np.maximum(self.signed + self.integer + self.fraction, 0)

    def elements(self, shape: Shape) -> Elements:
        """For a tensor of ``shape``, flat. Raises ModelError where it is of another shape."""
        width = self.width
        if width is not None and self.overflow is Overflow.SAT_SYM:
            width = np.where((width == 1) & (self.signed > 0), 0, width)  # from -0 to 0
        return Elements(
            None if width is None else self._flat(width, shape),
            self._flat(self.fraction, shape),
            self._flat(self.signed, shape),
            self.rounding,
            self.overflow,
        )

    def _flat(self, values: Bits, shape: Shape) -> Bits:
        try:
            return np.broadcast_to(values, shape).ravel()
        except ValueError:
            raise ModelError(
                f"the quantizer's bits have shape {values.shape}, but its input has shape {shape}"
            ) from None

    def quantize(self, x: Real) -> Real:
        """Elementwise, [..., *shape]; what the frameworks give at inference."""
        with np.errstate(over="ignore"):
            codes = _round(np.ldexp(x, self.fraction), self.rounding)
        codes = self._limit(codes)
        values: Real = np.ldexp(codes, -self.fraction) + 0.0
        return values if self.width is None else np.where(self.width > 0, values, 0.0)

    def _limit(self, codes: Real) -> Real:
        if self.width is None:
            return np.where(self.signed > 0, codes, np.maximum(codes, 0.0))
        span = np.ldexp(1.0, self.width)
        low = np.where(self.signed > 0, -span / 2, 0.0)
        high = low + span - 1
        if self.overflow is Overflow.WRAP:
            return codes - np.floor((codes - low) / span) * span
        symmetric = self.overflow is Overflow.SAT_SYM
        return np.clip(codes, np.where(symmetric & (low < 0), low + 1, low), high)


def _round(scaled: Real, mode: Rounding) -> Real:
    """To whole numbers."""
    if mode is Rounding.TRN:
        return np.floor(scaled)
    if mode is Rounding.RND:
        return np.floor(scaled + 0.5)
    if mode is Rounding.RND_CONV:
        return np.rint(scaled)
    if mode is Rounding.TRN_ZERO:
        return np.trunc(scaled)
    if mode is Rounding.RND_MIN_INF:
        return np.ceil(scaled - 0.5)
    up, down = np.floor(scaled + 0.5), np.ceil(scaled - 0.5)
    toward_zero = mode is Rounding.RND_ZERO
    return np.where((scaled < 0) == toward_zero, up, down)


@dataclass(frozen=True, eq=False)
class ElementQuantizer(Layer):
    """A conversion of each element to its own type."""

    class_names: ClassVar[tuple[str, ...]] = ("FixedPointQuantizer", "HQuantize", "Quantizer")
    rounds: ClassVar[bool] = True
    bit_exact: ClassVar[bool] = True

    types: ElementTypes

    def infer_shape(self, inputs: Sequence[Shape]) -> Shape:
        """The input's. Raises ModelError where the types are of another shape."""
        (shape,) = inputs
        self.types.elements(shape)
        return shape

    def forward(self, inputs: Sequence[Real]) -> Real:
        """Elementwise."""
        (x,) = inputs
        return self.types.quantize(x)

    def lower(
        self, name: str, inputs: Sequence[Edge], config: LayerConfig, seen: Range | None
    ) -> Lowering:
        """One conversion; none where no element changes."""
        (x,) = inputs
        return lower_elements(name, x, self.types.elements(x.shape), config, seen)


def quantized_constants(types: ElementTypes, values: npt.NDArray[np.float32]) -> Real:
    """Constants by the types, with the frameworks' own rounding in float32."""
    scaled = np.ldexp(values, types.fraction.astype(np.int32))
    if types.rounding is Rounding.RND:
        near = np.floor(scaled + np.float32(0.5)).astype(np.float64)
        exact = replace(types, rounding=Rounding.TRN)
        return exact.quantize(np.ldexp(near, -types.fraction))
    return types.quantize(values.astype(np.float64))


def bits(array: Any) -> Bits:
    """Trained numbers of bits, to the nearest whole one, ties to even, as both frameworks do."""
    return np.rint(np.asarray(array, np.float64)).astype(np.int64)


def input_type(readers: Sequence[Layer], seen: Range | None) -> Fixed | None:
    """A type of a model's input that loses nothing that its quantizers keep; None where
    something else reads it.

    One type for all elements is that type itself. Else there is one more bit for those that
    round to nearest with ties up, which is all that they look at, and some more for others.
    Where types have no limit, ``seen`` or else the default precision sets one.
    """
    if not readers or not all(isinstance(r, ElementQuantizer) for r in readers):
        return None
    each = [r.types for r in readers if isinstance(r, ElementQuantizer)]
    overflow = each[0].overflow
    if any(t.overflow is not overflow for t in each):
        return None
    spans = [s for s in (_span(t, seen) for t in each) if s is not None]
    if not spans:
        return None
    fraction, integer = max(s[0] for s in spans), max(s[1] for s in spans)
    signed = any(s[2] for s in spans)
    if len(each) == 1 and spans[0][3]:
        t = Fixed(max(integer + fraction + signed, 1), integer + signed, signed)
        return t.with_modes(each[0].rounding, overflow)
    extra = max(_LOOKED_AT.get(t.rounding, _MANY) for t in each)
    t = Fixed(max(integer + fraction + extra + signed, 1), integer + signed, signed)
    return t.with_modes(Rounding.TRN, Overflow.SAT if overflow is Overflow.SAT_SYM else overflow)


_LOOKED_AT = {Rounding.TRN: 0, Rounding.RND: 1}
_MANY = 8
"""Bits beyond the last kept that a rounding looks at."""


def _span(types: ElementTypes, seen: Range | None) -> tuple[int, int, bool, bool] | None:
    """Largest fraction and integer bits, any sign, and whether all are one type; None: no bits."""
    if types.integer is None:
        fraction = int(types.fraction.max())
        limit = DEFAULT_PRECISION if seen is None else fit_range(seen, 1)
        return fraction, limit.integer - limit.signed, limit.signed, False
    arrays = np.broadcast_arrays(types.fraction, types.integer, types.signed)
    alive = arrays[0] + arrays[1] + arrays[2] > 0
    if not alive.any():
        return None
    one = bool(alive.all()) and all((a == a.flat[0]).all() for a in arrays)
    most = [int(a[alive].max()) for a in arrays]
    return most[0], most[1], bool(most[2]), one
