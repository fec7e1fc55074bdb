"""Where AMD's tools are on this machine, which version, and how each is called.

Looked for on PATH and below the variables that AMD's settings scripts set; the
settings scripts themselves need not be sourced, since the tools' launchers do it.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from converter import process
from converter.backends.base import Tool
from converter.errors import ToolError

PROBE_SECONDS = 120.0
"""Limit for asking a tool its version: its first start from a network disk takes long."""

VARIABLES = {
    "vivado_hls": ("XILINX_VIVADO_HLS", "XILINX_HLS", "XILINX_VIVADO"),
    "vitis_hls": ("XILINX_HLS", "XILINX_VITIS"),
    "vitis-run": ("XILINX_VITIS", "XILINX_HLS"),
    "v++": ("XILINX_VITIS",),
    "vivado": ("XILINX_VIVADO",),
}
"""Variables that name an installation folder, by the programs in its ``bin``."""

FIRST_VITIS_RUN = (2023, 2)
"""From this version on, ``vitis-run`` runs the Tcl scripts, and ``vitis_hls`` is on its way out."""

_VERSION = re.compile(r"\b[vV]?(20\d\d\.\d(?:\.\d+)?)\b")

Version = tuple[int, ...]


@dataclass(frozen=True)
class Installed:
    """A program that was found. ``problem`` is empty where it answers, else says what is wrong."""

    program: str
    path: Path
    version: str
    problem: str = ""


def version_number(text: str) -> Version:
    """``2023.2.1`` -> (2023, 2, 1), which compares; () where nothing is known."""
    return tuple(int(part) for part in text.split(".")) if text else ()


def installed(program: str) -> list[Installed]:
    """Every installation of one program (a key of ``VARIABLES``), newest first, broken ones too."""
    found = [_probe(program, str(path), path.stat().st_mtime_ns) for path in _places(program)]
    return sorted(found, key=lambda i: version_number(i.version), reverse=True)


def _places(program: str) -> Iterator[Path]:
    named = [os.environ[v] for v in VARIABLES[program] if os.environ.get(v)]
    folders = [Path(n) / "bin" for n in named]
    folders += [Path(p) for p in os.environ.get("PATH", "").split(os.pathsep) if p]
    seen: set[Path] = set()
    for folder in folders:
        path = folder / program
        if path.is_file() and os.access(path, os.X_OK) and path.resolve() not in seen:
            seen.add(path.resolve())
            yield path.absolute()


@lru_cache(maxsize=64)
def _probe(program: str, path: str, _changed: int) -> Installed:
    """Start it once and see; the answer holds until the file changes."""
    option = "--version" if program in ("vitis-run", "v++") else "-version"
    outcome = process.run([path, option], Path(path).parent, timeout_s=PROBE_SECONDS)
    told = _VERSION.search(outcome.log_tail) or _VERSION.search(path)
    version = told[1] if told else ""
    if outcome.status != "ok":
        last = (outcome.log_tail.strip().splitlines() or ["no message"])[-1]
        ended = outcome.status if outcome.returncode is None else f"status {outcome.returncode}"
        return Installed(program, Path(path), version, f"'{option}' ends with {ended}: {last}")
    if not version:
        return Installed(program, Path(path), "", f"'{option}' tells no version")
    return Installed(program, Path(path), version)


def find_hls(backend: str) -> Tool | None:
    """The newest HLS tool that works, for ``vivado`` (Vivado HLS) or ``vitis`` (Vitis HLS)."""
    if backend == "vivado":
        working = _working("vivado_hls")
    else:
        # At equal versions vitis-run wins where it is the tool for it, vitis_hls before.
        new = [i for i in _working("vitis-run") if _runs_tcl(i.version)]
        working = sorted(
            [*new, *_working("vitis_hls")],
            key=lambda i: version_number(i.version),
            reverse=True,
        )
    return _tool(backend, working[0]) if working else None


def find_vivado(backend: str, version: str | None = None) -> Tool | None:
    """The newest Vivado that works, or one of ``version`` where that is given and here."""
    working = _working("vivado")
    same = [i for i in working if version and i.version == version]
    best = [*same, *working]
    return _tool(backend, best[0]) if best else None


def _working(program: str) -> list[Installed]:
    return [i for i in installed(program) if not i.problem]


def _runs_tcl(version: str) -> bool:
    return version_number(version)[:2] >= FIRST_VITIS_RUN


def _tool(backend: str, found: Installed) -> Tool:
    """The tools call each other by name, so that their folder must be on PATH."""
    here = str(found.path.parent)
    path = os.environ.get("PATH", "")
    reached = here in path.split(os.pathsep)
    environment = {} if reached else {"PATH": f"{here}{os.pathsep}{path}"}
    return Tool(backend, found.program, found.version, str(found.path), environment)


def script_command(tool: Tool, script: str) -> tuple[str, ...]:
    """How ``tool`` runs a Tcl script without a window; paths are relative to the project."""
    if tool.name in ("vivado_hls", "vitis_hls"):
        return (tool.executable, "-f", script)
    if tool.name == "vitis-run":
        return (tool.executable, "--mode", "hls", "--tcl", script)
    if tool.name == "vivado":
        quiet = ("-mode", "batch", "-nojournal", "-nolog", "-notrace")
        return (tool.executable, *quiet, "-source", script)
    raise ToolError(f"{tool.name} runs no Tcl scripts; vivado_hls, vitis_hls, vitis-run, vivado do")
