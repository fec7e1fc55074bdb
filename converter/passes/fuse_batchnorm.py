"""Take a batch normalisation into the dense layer before it."""

from __future__ import annotations

from dataclasses import dataclass, replace

from converter.graph import ModelGraph, Node, frozen_array
from converter.layers.batchnorm import BatchNormalization
from converter.layers.dense import Dense
from converter.passes.rewrite import kept, substitute, take_out


@dataclass(frozen=True)
class FuseBatchNormalization:
    """(x K + b) s + t = x (K s) + (b s + t), where K is real, and read by nobody else.

    A quantised kernel stays on its grid: there the normalisation stays a stage of its own,
    as do those of ``keep``, which were given types.
    """

    keep: frozenset[str] = frozenset()

    def __call__(self, graph: ModelGraph) -> ModelGraph:
        """The graph with every such pair as one dense layer, under the dense layer's name."""
        for node in graph.nodes:
            if isinstance(node.layer, BatchNormalization) and not kept(node.name, self.keep):
                graph = _fuse(graph, graph[node.name], node.layer)
        return graph


def _fuse(graph: ModelGraph, node: Node, norm: BatchNormalization) -> ModelGraph:
    source = graph[node.inputs[0]]
    dense, shared = source.layer, len(graph.consumers(source.name)) > 1
    if not isinstance(dense, Dense) or shared or source.name in graph.outputs:
        return graph
    if dense.kernel_quantizer is not None or dense.bias_quantizer is not None:
        return graph
    offset = norm.offset if dense.bias is None else dense.bias * norm.scale + norm.offset
    fused = Dense(frozen_array(dense.kernel * norm.scale), frozen_array(offset))
    merged = replace(source, layer=fused, merged=node.merged or node.name)
    return take_out(substitute(graph, merged), node.name)
