"""Which backend a part is built with here."""

from __future__ import annotations

from dataclasses import dataclass

from converter.backends import BACKENDS
from converter.backends.base import Backend, Stage, Tool
from converter.errors import ConfigError, ToolError
from converter.timing import Family

VENDOR_FIRST = ("vitis", "vivado")
"""Order in which ``auto`` looks for a vendor's tool, for AMD parts."""

FAMILIES = {"ecp5": (Family.ECP5,)}
"""Families of the backends that are not for AMD's."""


@dataclass(frozen=True)
class Bench:
    """A backend, the tool of it that is here, and how far it goes."""

    backend: Backend
    tool: Tool
    stage: Stage


def open_backend(family: Family) -> str:
    """The backend of open tools alone, by family."""
    return "ecp5" if family is Family.ECP5 else "yosys"


def check_family(name: str, family: Family, part: str) -> None:
    """Raise ConfigError where the backend ``name`` cannot build for ``part``."""
    amd = tuple(f for f in Family if f is not Family.ECP5)
    if family not in FAMILIES.get(name, amd):
        whose = "AMD parts" if name not in FAMILIES else f"{FAMILIES[name][0].value} parts"
        raise ConfigError(
            f"--backend {name}: is for {whose}, and {part} is of the family {family.value}; "
            f"use --backend {open_backend(family)}, or auto"
        )


def choose_bench(name: str, stage: str | None, family: Family | None, part: str = "") -> Bench:
    """The backend asked for, or for ``auto`` the first vendor tool here, else the open one.

    ``family`` is that of ``part``; None for a project that was made for its backend. Raises
    ToolError where its tool is not here, ConfigError for a stage it does not have and for a part
    that it does not build for.
    """
    if family is not None and name in BACKENDS:
        check_family(name, family, part)
    backend, tool = _find(name, family)
    if stage is None:
        return Bench(backend, tool, backend.stages[0])
    if stage not in [s.value for s in backend.stages]:
        known = ", ".join(s.value for s in backend.stages)
        raise ConfigError(f"--stage {stage}: the backend {backend.name} has: {known}")
    return Bench(backend, tool, Stage(stage))


def _find(name: str, family: Family | None) -> tuple[Backend, Tool]:
    if name not in ("auto", *BACKENDS):
        raise ConfigError(f"--backend {name}: there are: auto, {', '.join(BACKENDS)}")
    if name == "auto" and family is Family.ECP5:
        order: tuple[str, ...] = ("ecp5",)
    else:
        order = (*VENDOR_FIRST, "yosys") if name == "auto" else (name,)
    for candidate in order:
        tool = BACKENDS[candidate].find()
        if tool is not None:
            return BACKENDS[candidate], tool
    raise ToolError(f"--backend {name}: its tool is not here; `dse doctor` says how to get it")
