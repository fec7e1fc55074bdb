"""Which backend a part is built with here."""

from __future__ import annotations

from dataclasses import dataclass

from converter.backends import BACKENDS
from converter.backends.base import Backend, Stage, Tool
from converter.errors import ConfigError, ToolError

VENDOR_FIRST = ("vitis", "vivado")
"""Order in which ``auto`` looks for a vendor's tool, for AMD parts."""


@dataclass(frozen=True)
class Bench:
    """A backend, the tool of it that is here, and how far it goes."""

    backend: Backend
    tool: Tool
    stage: Stage


def choose_bench(name: str, stage: str | None) -> Bench:
    """The backend asked for, or for ``auto`` the first vendor tool here, else Yosys.

    Raises ToolError where its tool is not here, ConfigError for a stage it does not have.
    """
    backend, tool = _find(name)
    if stage is None:
        return Bench(backend, tool, backend.stages[0])
    if stage not in [s.value for s in backend.stages]:
        known = ", ".join(s.value for s in backend.stages)
        raise ConfigError(f"--stage {stage}: the backend {backend.name} has: {known}")
    return Bench(backend, tool, Stage(stage))


def _find(name: str) -> tuple[Backend, Tool]:
    if name not in ("auto", *BACKENDS):
        raise ConfigError(f"--backend {name}: there are: auto, {', '.join(BACKENDS)}")
    for candidate in (*VENDOR_FIRST, "yosys") if name == "auto" else (name,):
        tool = BACKENDS[candidate].find()
        if tool is not None:
            return BACKENDS[candidate], tool
    raise ToolError(f"--backend {name}: its tool is not here; `dse doctor` says how to get it")
