"""Tool families, one folder each."""

from __future__ import annotations

from converter.backends import ecp5, vitis, vivado, yosys
from converter.backends.base import Backend

BACKENDS: dict[str, Backend] = {
    "vitis": vitis.BACKEND,
    "vivado": vivado.BACKEND,
    "yosys": yosys.BACKEND,
    "ecp5": ecp5.BACKEND,
}
"""Every backend by name."""
