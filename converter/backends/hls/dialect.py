"""How one HLS tool family spells what another spells otherwise: data, not code."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from converter.errors import UnsupportedError

_PRAGMA = re.compile(r"^#pragma DSE (\w+) (\S+)$", re.MULTILINE)


@dataclass(frozen=True)
class Dialect:
    """``pragmas``: the tool's spelling of each ``#pragma DSE NAME argument`` of ``hlslib/``,
    with ``{}`` for the argument.
    ``clock_uncertainty``: share of the clock period that scheduling leaves free.
    ``settings``: Tcl commands before synthesis, with ``{largest}`` for the elements of the
    largest array; a version that does not know one goes on without.
    """

    tool: str
    pragmas: Mapping[str, str]
    clock_uncertainty: float
    settings: tuple[str, ...]

    def translate(self, header: str) -> str:
        """A header of ``hlslib/`` for this tool."""
        return _PRAGMA.sub(self._pragma, header)

    def _pragma(self, match: re.Match[str]) -> str:
        name, argument = match.groups()
        if name not in self.pragmas:
            raise UnsupportedError(f"{self.tool}: the dialect has no spelling of pragma {name}")
        return f"#pragma HLS {self.pragmas[name].format(argument)}"


VIVADO = Dialect(
    tool="Vivado HLS",
    pragmas={
        "MULTIPLIERS": "ALLOCATION instances=mul limit={} operation",
        "ROM": "RESOURCE variable={} core=ROM_nP_BRAM",
        "LOGIC": "RESOURCE variable={} core=Mul_LUT",
    },
    clock_uncertainty=0.125,
    settings=(
        "config_array_partition -maximum_size {largest}",
        "config_compile -name_max_length 80",
    ),
)

VITIS = Dialect(
    tool="Vitis HLS",
    pragmas={
        "MULTIPLIERS": "ALLOCATION operation instances=mul limit={}",
        "ROM": "BIND_STORAGE variable={} type=ROM_NP impl=BRAM",
        "LOGIC": "BIND_OP variable={} op=mul impl=fabric",
    },
    clock_uncertainty=0.27,
    settings=(
        "config_compile -name_max_length 80",
        "config_schedule -enable_dsp_full_reg=false",
    ),
)
