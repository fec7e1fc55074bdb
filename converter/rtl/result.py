"""What a simulation of Verilog gives."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from converter.types import Codes


@dataclass(frozen=True, eq=False)
class RtlResult:
    """What a simulation gave. ``codes``: [rows, size] by output. ``latency_cycles``: from the
    input to each output, by output, the same for every row. ``interval_cycles``: the least
    distance at which rows went in and came out right.
    """

    codes: Mapping[str, Codes]
    latency_cycles: Mapping[str, int]
    interval_cycles: int
