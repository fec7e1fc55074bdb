"""Take the constants of a bit-exact model as they are."""

from __future__ import annotations

from dataclasses import dataclass, replace

from converter.graph import ModelGraph
from converter.layers.hgq import constants_on_grid


@dataclass(frozen=True)
class TakeGrids:
    """Plain layers of a model that quantises by itself, such as HGQ's proxies, have constants
    that were quantised in training: none is rounded again.
    """

    def __call__(self, graph: ModelGraph) -> ModelGraph:
        """The same graph where it does not quantise by itself."""
        if not graph.bit_exact:
            return graph
        nodes = tuple(replace(n, layer=constants_on_grid(n.layer)) for n in graph.nodes)
        return replace(graph, nodes=nodes)
