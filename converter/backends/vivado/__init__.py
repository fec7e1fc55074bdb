"""Vivado HLS, up to 2020.1: ``vivado_hls``."""

from __future__ import annotations

from converter.backends.hls.backend import HlsBackend
from converter.backends.hls.dialect import VIVADO

BACKEND = HlsBackend("vivado", VIVADO)
