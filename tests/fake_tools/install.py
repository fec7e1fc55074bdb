"""Puts a fake tool where the real one would be installed."""

from __future__ import annotations

import sys
from pathlib import Path

FOLDERS = {
    "vivado_hls": "Vivado",
    "vivado": "Vivado",
    "vitis_hls": "Vitis_HLS",
    "vitis-run": "Vitis",
}
TOOL = Path(__file__).resolve().with_name("tool.py")


def install(root: Path, program: str, version: str) -> Path:
    """Make ``root/<product>/<version>/bin/<program>``; returns the bin folder."""
    folder = root / FOLDERS[program] / version / "bin"
    folder.mkdir(parents=True, exist_ok=True)
    launcher = folder / program
    command = f'exec "{sys.executable}" "{TOOL}" {program} {version} "$@"'
    launcher.write_text(f"#!/bin/sh\n{command}\n")
    launcher.chmod(0o755)
    return folder
