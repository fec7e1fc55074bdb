"""Our C++ unit library: one header per unit, and in ``sim`` a compact ``ap_fixed`` for g++."""

from __future__ import annotations

from functools import cache
from pathlib import Path

_FOLDER = Path(__file__).parent
SIM_HEADERS = ("ap_int.h", "ap_fixed.h")


@cache
def header(name: str) -> str:
    """Text of one header; its ``#pragma DSE`` lines are still to be put in a tool's dialect."""
    return (_FOLDER / name).read_text(encoding="utf-8")


@cache
def sim_header(name: str) -> str:
    """Text of one header of the compact ``ap_fixed``."""
    return (_FOLDER / "sim" / name).read_text(encoding="utf-8")
