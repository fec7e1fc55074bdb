"""Yosys: open logic synthesis for AMD parts, from a wheel or from the system."""

from __future__ import annotations

from converter.backends.yosys.backend import YosysBackend

BACKEND = YosysBackend()
