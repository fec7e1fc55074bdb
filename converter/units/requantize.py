"""Requantize: a conversion to another type, with a rectifier on the way."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from converter.graph import Bounds
from converter.types import Codes, Fixed
from converter.units.base import Plain


@dataclass(frozen=True)
class Relu:
    """Keras' ReLU with all its arguments, in codes.

    For an input code x: ``x >= ceiling`` gives the output code ``ceiling_out``; else
    ``x >= threshold`` gives x converted; else ``slope * x - offset``, which has
    ``slope_fraction`` more fraction bits than x, converted. ``ceiling`` None: no ceiling.
    """

    threshold: int = 0
    slope: int = 0
    slope_fraction: int = 0
    offset: int = 0
    ceiling: int | None = None
    ceiling_out: int = 0

    @property
    def plain(self) -> bool:
        """max(x, 0) and no more."""
        return self == Relu()


@dataclass(frozen=True)
class Requantize(Plain):
    """Elementwise conversion of ``size`` codes from ``input_type`` to ``output_type``."""

    size: int
    input_type: Fixed
    output_type: Fixed
    relu: Relu | None = None

    def bounds(self, inputs: tuple[Bounds, ...]) -> Bounds:
        """The function is monotone or has its extremes at the ends, the kink and the ceiling."""
        (x,) = inputs
        points = [x.lo, x.hi]
        for kink in self._kinks():
            points += [np.clip(kink - 1, x.lo, x.hi), np.clip(kink, x.lo, x.hi)]
        if not self._monotone():
            return Bounds.of_type(self.output_type, self.size)
        codes = [self.emulate(p[np.newaxis])[0] for p in points]
        return Bounds(np.minimum.reduce(codes), np.maximum.reduce(codes))

    def emulate(self, *inputs: Codes) -> Codes:
        """Codes [batch, size] -> [batch, size]."""
        (x,) = inputs
        relu = self.relu
        if relu is None:
            return self.output_type.cast(x, self.input_type.fraction)
        if relu.plain:
            return self.output_type.cast(np.maximum(x, 0), self.input_type.fraction)
        return self._rectify(_integers(x), relu)

    def _rectify(self, x: Codes, relu: Relu) -> Codes:
        fraction = self.input_type.fraction
        out = self.output_type.cast(x, fraction)
        below = x.astype(object) * relu.slope - relu.offset
        low = self.output_type.cast(below, fraction + relu.slope_fraction)
        out = np.where(x >= relu.threshold, out, low.astype(out.dtype))
        if relu.ceiling is None:
            return out
        return np.where(x >= relu.ceiling, out.dtype.type(relu.ceiling_out), out)

    def _kinks(self) -> list[int]:
        if self.relu is None:
            return []
        return [self.relu.threshold, *([] if self.relu.ceiling is None else [self.relu.ceiling])]

    def _monotone(self) -> bool:
        """Wrapping conversions are not; saturating ones are, for any rounding."""
        return self.output_type.overflow.value in ("SAT", "SAT_SYM")


def _integers(codes: Codes) -> Codes:
    return codes.astype(np.int64) if codes.dtype.kind == "f" else codes
