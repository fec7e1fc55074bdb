"""Verilog modules and templates, one per kind of hardware; see ``converter.rtl``."""
