"""Vitis HLS, from 2020.2 on: ``vitis_hls``, and ``vitis-run`` from 2023.2 on."""

from __future__ import annotations

from converter.backends.hls.backend import HlsBackend
from converter.backends.hls.dialect import VITIS

BACKEND = HlsBackend("vitis", VITIS)
