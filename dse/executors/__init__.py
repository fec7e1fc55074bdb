"""Where work runs: in this process, or on Ray."""

from __future__ import annotations

from collections.abc import Callable

from converter.errors import ConfigError
from dse.executors.base import Executor
from dse.executors.inline import make_inline
from dse.executors.ray import make_ray

EXECUTORS: dict[str, Callable[[int, int, str | None], Executor]] = {
    "inline": make_inline,
    "ray": make_ray,
}


def make_executor(name: str, workers: int, synth_jobs: int, address: str | None = None) -> Executor:
    """The executor ``name`` with ``workers`` evaluations and ``synth_jobs`` syntheses at once.

    ``address`` is that of a Ray cluster to join. Raises ConfigError for an unknown name.
    """
    if name not in EXECUTORS:
        raise ConfigError(f"--executor {name}: no such executor; there are: {', '.join(EXECUTORS)}")
    return EXECUTORS[name](workers, synth_jobs, address)
