"""What the passes share."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from fnmatch import fnmatchcase

from converter.graph import ModelGraph, Node


def take_out(graph: ModelGraph, name: str) -> ModelGraph:
    """The graph without a node of one input: what read it reads its input now."""
    (source,) = graph[name].inputs
    nodes = tuple(_rewired(n, name, source) for n in graph.nodes if n.name != name)
    outputs = tuple(source if o == name else o for o in graph.outputs)
    return replace(graph, nodes=nodes, outputs=outputs)


def substitute(graph: ModelGraph, node: Node) -> ModelGraph:
    """The graph with another node in the place of the one of the same name."""
    return replace(graph, nodes=tuple(node if n.name == node.name else n for n in graph.nodes))


def _rewired(node: Node, name: str, source: str) -> Node:
    if name not in node.inputs:
        return node
    return replace(node, inputs=tuple(source if i == name else i for i in node.inputs))


def kept(name: str, keep: Iterable[str]) -> bool:
    """Whether one of the names or patterns of ``keep`` is that of the layer."""
    return any(name == k or fnmatchcase(name, k) for k in keep)
