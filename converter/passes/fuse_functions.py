"""Take the quantizer behind a function into it, so that the result is rounded once."""

from __future__ import annotations

from dataclasses import dataclass, replace

from converter.graph import ModelGraph, Node
from converter.layers.activation import Relu
from converter.layers.hgq_elements import ElementQuantizer
from converter.layers.hgq_function import ELEMENTWISE, QuantizedFunction
from converter.passes.rewrite import kept


@dataclass(frozen=True)
class FuseFunctions:
    """A function of each element, all readers of which are quantizers by element, becomes one
    table for each of these. Rectifiers that are exact stay; as do functions of ``keep``, which
    were given types.
    """

    keep: frozenset[str] = frozenset()

    def __call__(self, graph: ModelGraph) -> ModelGraph:
        """The graph with quantized functions under their quantizers' names."""
        if not graph.bit_exact:
            return graph
        taken = {n.name: n for n in graph.nodes if self._fusible(graph, n)}
        nodes = tuple(_fused(n, taken) for n in graph.nodes if n.name not in taken)
        return replace(graph, nodes=nodes)

    def _fusible(self, graph: ModelGraph, node: Node) -> bool:
        if not isinstance(node.layer, ELEMENTWISE) or kept(node.name, self.keep):
            return False
        readers = [n.layer for n in graph.consumers(node.name)]
        quantized = bool(readers) and all(isinstance(r, ElementQuantizer) for r in readers)
        return quantized and node.name not in graph.outputs and not _is_plain(node)


def _is_plain(node: Node) -> bool:
    """max(x, 0) is exact by itself."""
    return node.layer == Relu()


def _fused(node: Node, taken: dict[str, Node]) -> Node:
    if len(node.inputs) != 1 or node.inputs[0] not in taken:
        return node
    source = taken[node.inputs[0]]
    layer = node.layer
    if not isinstance(layer, ElementQuantizer):
        return node
    return replace(node, layer=QuantizedFunction(source.layer, layer.types), inputs=source.inputs)
