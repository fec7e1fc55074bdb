"""Constants that are quantised already."""

from __future__ import annotations

from dataclasses import dataclass

from converter.layers.base import Real
from converter.layers.lowering import exact_type
from converter.layers.quantizers import Form, QuantizedConstants, constants


@dataclass(frozen=True)
class OnGrid:
    """The quantizer of constants that are quantised already, and are taken as they are."""

    @property
    def from_data(self) -> bool:
        """No."""
        return False

    def quantize(self, x: Real) -> Real:
        """The same."""
        return x

    def form(self) -> Form | None:
        """None that would hold for other values."""
        return None

    def codes_and_scale(self, x: Real) -> QuantizedConstants:
        """Codes of the least type that holds them all."""
        t = exact_type(x)
        return constants(t.from_float(x), t, 1.0)
