"""The converter: a trained model in, bit-exact fixed-point arithmetic, HLS C++ and Verilog out."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from converter.emulate import emulate  # of the same name as its module, so not on demand
from converter.project import Project  # loaded before the function of the same name is bound

if TYPE_CHECKING:
    from collections.abc import Mapping

    from converter.config import HLSConfig
    from converter.graph import ModelGraph, TypedGraph
    from converter.layers.base import Range
    from converter.timing import Target
    from converter.types import Codes

__all__ = ["apply", "emulate", "load", "project"]


def load(model: str | Path, weights: str | Path | None = None) -> ModelGraph:
    """Read a trained model from its file; see ``converter.frontends.load``.

    Files with HDF5 in them are tried in a child process first, since damage can crash the
    library that reads it.
    """
    from converter.frontends import kind_of
    from converter.frontends import load as read
    from converter.frontends.probe import probe

    paths = [Path(p) for p in (model, weights) if p is not None]
    if {kind_of(path) for path in paths} != {"onnx"}:
        probe(*paths)
    return read(model, weights)


def project(
    typed: TypedGraph,
    backend: str,
    part: str | Target,
    clock_period_ns: float = 5.0,
    vectors: Mapping[str, Codes] | None = None,
) -> Project:
    """The files of ``typed`` for a tool family (``vitis``, ``vivado``, …) and a part or board.

    ``clock_period_ns`` counts where ``part`` is a name and no whole target. ``vectors`` are input
    codes [rows, size] by input name for the test bench; by default, reproducible random ones.
    Raises ConfigError for an unknown backend, TargetError for an unknown part.
    """
    from converter.backends import BACKENDS
    from converter.errors import ConfigError
    from converter.parts import target

    if backend not in BACKENDS:
        raise ConfigError(f"backend {backend!r} is not known; there are: {', '.join(BACKENDS)}")
    where = target(part, clock_period_ns) if isinstance(part, str) else part
    return BACKENDS[backend].project(typed, where, vectors)


def apply(
    graph: ModelGraph,
    config: HLSConfig | None = None,
    ranges: Mapping[str, Range] | None = None,
) -> TypedGraph:
    """Choose a type for every edge and constant; see ``converter.pipeline.apply``."""
    from converter.pipeline import apply as lower

    return lower(graph, config, ranges)
