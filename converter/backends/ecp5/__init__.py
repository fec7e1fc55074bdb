"""Lattice ECP5 by open tools alone, from Verilog to a bitstream: Yosys, nextpnr, ecppack."""

from __future__ import annotations

from converter.backends.ecp5.backend import Ecp5Backend

BACKEND = Ecp5Backend()
"""Logic synthesis, place and route, and a bitstream for ECP5 parts."""
