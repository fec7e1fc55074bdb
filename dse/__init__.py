"""Design-space exploration: from a trained model to a measured Pareto front."""

from __future__ import annotations

from typing import Any

__all__ = ["Run", "load", "resume", "run"]


def __getattr__(name: str) -> Any:
    """``dse.run`` and the like, imported when they are first used."""
    if name in __all__:
        from dse import api

        return getattr(api, name)
    raise AttributeError(f"module 'dse' has no attribute '{name}'")
