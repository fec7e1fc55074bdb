"""How one HLS tool family spells what another spells otherwise: data, not code."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from converter.errors import UnsupportedError

_PRAGMA = re.compile(r"^#pragma DSE (\w+) (\S+)\n", re.MULTILINE)


@dataclass(frozen=True)
class Dialect:
    """``pragmas``: the tool's spelling of each ``#pragma DSE NAME argument`` of ``hlslib/`` and
    the templates, with ``{}`` for the argument; none where the tool does without.
    ``widest_pack``: most bits of a struct that the tool packs when told to, and else refuses.
    ``clock_uncertainty``: share of the clock period that scheduling leaves free.
    ``settings``: Tcl commands before synthesis, with ``{largest}`` for the elements of the
    largest array; a version that does not know one goes on without.
    """

    tool: str
    pragmas: Mapping[str, str]
    widest_pack: int
    clock_uncertainty: float
    settings: tuple[str, ...]

    def translate(self, text: str) -> str:
        """A file of C++ for this tool."""
        return _PRAGMA.sub(self._pragma, text)

    def _pragma(self, match: re.Match[str]) -> str:
        name, argument = match.groups()
        if name not in self.pragmas:
            raise UnsupportedError(f"{self.tool}: the dialect has no spelling of pragma {name}")
        spelling = self.pragmas[name]
        return f"#pragma HLS {spelling.format(argument)}\n" if spelling else ""


VIVADO = Dialect(
    tool="Vivado HLS",
    pragmas={
        "MULTIPLIERS": "ALLOCATION instances=mul limit={} operation",
        "ROM": "RESOURCE variable={} core=ROM_nP_BRAM",
        "LOGIC": "RESOURCE variable={} core=Mul_LUT",
        "PACK_BEAT": "DATA_PACK variable={}",
        "PACK_STREAM": "DATA_PACK variable={}",
    },
    widest_pack=1 << 20,
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
        "PACK_BEAT": "",
        "PACK_STREAM": "AGGREGATE variable={}",
    },
    widest_pack=4096,
    clock_uncertainty=0.27,
    settings=(
        "config_compile -name_max_length 80",
        "config_schedule -enable_dsp_full_reg=false",
    ),
)
