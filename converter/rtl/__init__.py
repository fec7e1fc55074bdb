"""Verilog of units and of whole networks, and its simulation."""
