"""Rewrites of the model graph, one file each: frozen dataclasses, called with a graph."""

from __future__ import annotations

from typing import Protocol

from converter.graph import ModelGraph


class Pass(Protocol):
    """A rewrite that keeps what the model computes."""

    def __call__(self, graph: ModelGraph) -> ModelGraph:
        """The rewritten graph; the same object where nothing applies."""
