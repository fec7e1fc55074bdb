"""Netlists: nodes with exact value intervals, cut into pipeline stages, written as Verilog."""
