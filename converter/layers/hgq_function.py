"""Functions of quantised numbers with a quantised result: tables with every input's own entry.

HGQ computes the function in float32 and rounds the result once. So does a table here, whatever
types the elements of the result have: where these differ, an entry keeps as many bits beyond the
finest one as its rounding looks at.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from converter.config import LayerConfig
from converter.errors import ConfigError, ModelError
from converter.graph import Edge, Shape, frozen_array
from converter.layers.activation import Function, HardSwish, Ramp, Relu
from converter.layers.base import KeepsShape, Layer, Lowering, Range, Real
from converter.layers.hgq_elements import ElementTypes
from converter.layers.hgq_lowering import Elements, elements_chain
from converter.layers.lowering import Chain, exact_type
from converter.layers.spec import LayerSpec, Part
from converter.types import Codes, Fixed, Overflow, Rounding
from converter.units.table import Table

ELEMENTWISE = (Function, HardSwish, Ramp, Relu)

MOST_CODES = 1 << 22
MOST_ENTRIES = 1 << 16
"""Of a table; entries that are equal at either end are one."""

WIDEST_ENTRY = 48


@dataclass(frozen=True, eq=False)
class QuantizedFunction(Layer):
    """The conversion to ``types`` of function(x scale + offset), in float32."""

    class_names: ClassVar[tuple[str, ...]] = (
        "Activation", "HActivation", "QUnaryFunctionLUT"
    )  # fmt: skip
    rounds: ClassVar[bool] = True
    bit_exact: ClassVar[bool] = True

    function: Layer
    types: ElementTypes
    scale: float = 1.0
    offset: float = 0.0

    def infer_shape(self, inputs: Sequence[Shape]) -> Shape:
        """The input's. Raises ModelError where the types are of another shape."""
        (shape,) = inputs
        self.types.elements(shape)
        return shape

    def forward(self, inputs: Sequence[Real]) -> Real:
        """Elementwise."""
        (x,) = inputs
        return self.types.quantize(self._values(x))

    def _values(self, x: Real) -> Real:
        """What the framework gives to the conversion."""
        scaled = x.astype(np.float32) * np.float32(self.scale) + np.float32(self.offset)
        with np.errstate(over="ignore"):
            single = self.function.forward([scaled.astype(np.float64)]).astype(np.float32)
        return np.clip(single.astype(np.float64), -_LARGEST, _LARGEST)

    def lower(
        self, name: str, inputs: Sequence[Edge], config: LayerConfig, seen: Range | None
    ) -> Lowering:
        """A table, and a conversion where elements have types of their own."""
        (x,) = inputs
        elements = self.types.elements(x.shape)
        chain = table_chain(Chain(name, x), self._values, elements, seen)
        return chain.with_own_type(config).finish(table=_table_of(chain).output_type)


def table_chain(
    chain: Chain,
    function: Callable[[Real], Real],
    elements: Elements,
    seen: Range | None = None,
    prefix: str = "",
) -> Chain:
    """The conversion of ``function`` of each element: a table with an entry for each code that
    can occur, and a conversion by element where these have types of their own. ``prefix`` starts
    the stages' suffixes.
    """
    name, x = chain.layer, chain.edge
    lo, hi = int(x.bounds.lo.min()), int(x.bounds.hi.max())
    if hi - lo >= MOST_CODES:
        raise _too_large(name, x, hi - lo + 1)
    codes = np.arange(lo, hi + 1)
    values = function(np.ldexp(codes.astype(np.float64), -x.type.fraction))
    if elements.alike:
        values = _of_one(elements).quantize(values)
    t, entries = _held(name, values) if elements.alike else _entries(name, values, elements)
    first, entries = _trimmed(entries)
    if len(entries) > MOST_ENTRIES:
        raise _too_large(name, x, len(entries))
    unit = Table(x.size, x.type, t, frozen_array(entries), 0, -(lo + first))
    chain = chain.then(f"{prefix}table", unit)
    return chain if elements.alike else elements_chain(chain, elements, seen, prefix)


def _table_of(chain: Chain) -> Table:
    """The last table among the stages."""
    return next(s.unit for s in reversed(chain.stages) if isinstance(s.unit, Table))


_LARGEST = 2.0**40


def _too_large(name: str, x: Edge, count: int) -> ConfigError:
    return ConfigError(
        f"{name}: its input {x.type} can be one of {count} numbers; a table has at most "
        f"{MOST_ENTRIES} different entries: give data to convert with, or a narrower type to "
        f"{x.name}"
    )


def _of_one(elements: Elements) -> ElementTypes:
    """The type of all elements, as they have one."""
    fraction, signed = elements.fraction[:1], elements.signed[:1]
    integer = None if elements.width is None else elements.width[:1] - fraction - signed
    return ElementTypes(signed, fraction, integer, elements.rounding, elements.overflow)


def _held(name: str, values: Real) -> tuple[Fixed, Codes]:
    """Type and codes of entries as they are."""
    t = exact_type(values)
    if t.width > WIDEST_ENTRY:
        raise ConfigError(
            f"{name}: its table needs entries of {t.width} bits; at most {WIDEST_ENTRY}"
        )
    return t, t.from_float(values)


def _entries(name: str, values: Real, elements: Elements) -> tuple[Fixed, Codes]:
    """Type and codes of entries from which each element's rounding gives what it gives of the
    value itself.
    """
    alive = np.ones(len(elements.fraction), bool) if elements.width is None else elements.width > 0
    finest = int(elements.fraction[alive].max(initial=0))
    guard, sticky = _GUARDS.get(elements.rounding, (2, True))
    fraction = finest + guard
    scaled = np.ldexp(values, fraction)
    codes = np.floor(scaled)
    if sticky:
        codes = np.where((codes != scaled) & (codes % 2 == 0), codes + 1, codes)
    codes = _reachable(codes, fraction, elements)
    return _held(name, np.ldexp(codes, -fraction))


_GUARDS = {Rounding.TRN: (0, False), Rounding.RND: (1, False)}
"""Bits beyond the finest that a rounding looks at, and whether also at all that are behind."""


def _reachable(codes: Real, fraction: int, elements: Elements) -> Real:
    """Codes without what every element's overflow takes off anyway."""
    if elements.width is None or elements.overflow is Overflow.WRAP:
        return codes
    top = int((elements.width - elements.fraction).max()) + 1 + fraction
    limit = 2.0 ** max(top, 1)
    return np.clip(codes, -limit, limit)


def _trimmed(entries: Codes) -> tuple[int, Codes]:
    """Position of the first entry that is kept, and the entries without equal ones at the ends."""
    inner = np.flatnonzero(entries != entries[0])
    if not len(inner):
        return 0, entries[:1]
    last = np.flatnonzero(entries != entries[-1])[-1] + 1
    first = int(inner[0]) - 1
    return first, entries[first : last + 1]


@dataclass(frozen=True, eq=False)
class UnaryTable(KeepsShape, Layer):
    """HGQ's UnaryLUT: a value for each of 2**n inputs, by the low bits of their codes.

    ``values`` [2**n]: of the codes 0, 1, ... and then, where there is a sign, of the negative
    ones from the least. ``grid``: the input's type, of n bits.
    """

    class_names: ClassVar[tuple[str, ...]] = ("UnaryLUT",)
    rounds: ClassVar[bool] = True
    bit_exact: ClassVar[bool] = True

    values: Real
    grid: Fixed

    def forward(self, inputs: Sequence[Real]) -> Real:
        """Elementwise."""
        (x,) = inputs
        codes: npt.NDArray[np.int64] = self.grid.from_float(x)
        return self.values[codes % len(self.values)]

    def lower(
        self, name: str, inputs: Sequence[Edge], config: LayerConfig, seen: Range | None
    ) -> Lowering:
        """A conversion where the input has another type, and the table."""
        del seen
        chain, t = Chain(name, inputs[0]).cast(self.grid), exact_type(self.values)
        codes = np.arange(self.grid.ends[0], self.grid.ends[1] + 1)
        entries = t.from_float(self.values[codes % len(self.values)])
        kind, size = chain.edge.type, chain.edge.size
        unit = Table(size, kind, t, frozen_array(entries), 0, -int(codes[0]))
        return chain.then("table", unit).with_own_type(config).finish(table=t)


def read_unary_lut(spec: LayerSpec) -> tuple[Part, ...]:
    """UnaryLUT, of proxy models."""
    parts = spec.get("kif_in")
    whole = isinstance(parts, list | tuple) and all(type(v) is int for v in parts)
    if not whole or len(parts) != 3 or not 1 <= sum(parts) <= 16 or parts[0] not in (0, 1):
        raise spec.bad("kif_in", parts, "sign, integer and fraction bits, 1 to 16 in all")
    keep, integer, fraction = parts
    (values,) = spec.variables("table")
    if values.shape != (1 << sum(parts),):
        raise ModelError(
            f"{spec.where}: the table must have {1 << sum(parts)} entries; the file has "
            f"{values.shape}"
        )
    spec.finish("kif_out")
    width = keep + integer + fraction
    grid = Fixed(width, keep + integer, bool(keep), Rounding.RND_CONV, Overflow.WRAP)
    return (Part("", UnaryTable(frozen_array(values), grid)),)
