"""Take a batch normalisation into the layer with a kernel before it."""

from __future__ import annotations

from dataclasses import dataclass, replace

from converter.graph import ModelGraph, Node
from converter.layers.batchnorm import BatchNormalization
from converter.layers.weighted import Weighted
from converter.passes.rewrite import kept, substitute, take_out


@dataclass(frozen=True)
class FuseBatchNormalization:
    """(x K + b) s + t = x (K s) + (b s + t), where K is real, and read by nobody else; for
    dense layers and convolutions of all kinds, whose channels are those of the normalisation.

    A quantised kernel stays on its grid: there the normalisation stays a stage of its own,
    as do those of ``keep``, which were given types.
    """

    keep: frozenset[str] = frozenset()

    def __call__(self, graph: ModelGraph) -> ModelGraph:
        """The graph with every such pair as one layer, under the name of the first."""
        for node in graph.nodes:
            if isinstance(node.layer, BatchNormalization) and not kept(node.name, self.keep):
                graph = _fuse(graph, graph[node.name], node.layer)
        return graph


def _fuse(graph: ModelGraph, node: Node, norm: BatchNormalization) -> ModelGraph:
    source = graph[node.inputs[0]]
    layer, shared = source.layer, len(graph.consumers(source.name)) > 1
    if not isinstance(layer, Weighted) or shared or source.name in graph.outputs:
        return graph
    if layer.quantized or not norm.on_last_axis(source.shape):
        return graph
    fused = layer.normalised(norm.scale, norm.offset)
    merged = replace(source, layer=fused, merged=node.merged or node.name)
    return take_out(substitute(graph, merged), node.name)
