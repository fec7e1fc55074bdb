"""Leave out the layers that do nothing at inference."""

from __future__ import annotations

from dataclasses import dataclass

from converter.graph import ModelGraph, Node
from converter.layers.activation import Linear
from converter.layers.identity import Identity
from converter.passes.rewrite import kept, take_out


@dataclass(frozen=True)
class RemoveIdentities:
    """Dropout and its kin, and linear activations; not those of ``keep``, which were given a
    type, nor an output whose source is an input or an output itself.
    """

    keep: frozenset[str] = frozenset()

    def __call__(self, graph: ModelGraph) -> ModelGraph:
        """The graph without them."""
        for node in graph.nodes:
            if isinstance(node.layer, Identity | Linear) and self._removable(graph, node):
                graph = take_out(graph, node.name)
        return graph

    def _removable(self, graph: ModelGraph, node: Node) -> bool:
        if kept(node.name, self.keep):
            return False
        (source,) = graph[node.name].inputs
        taken = source in graph.outputs or source in graph.inputs
        return node.name not in graph.outputs or not taken
