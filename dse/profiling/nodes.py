"""Which layers of a model have an edge of their own in its typed graph, and their values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from converter.config import HLSConfig
from converter.emulate import Inputs, quantize_inputs, run
from converter.graph import ModelGraph, Node, TypedGraph
from converter.layers.base import Real
from converter.pipeline import optimize

Array = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Network:
    """A model after the passes of its configuration, beside its typed graph.

    ``edges``: by layer, the typed graph's edge that holds its output. ``own``: the layers that
    give an edge of their own, in order; the others hand an edge through.
    """

    graph: ModelGraph
    typed: TypedGraph
    edges: Mapping[str, str]
    own: tuple[Node, ...]

    def fixed(self, x: Inputs) -> dict[str, Real]:
        """Values of every layer in fixed point, [rows, *shape], by layer."""
        codes = run(self.typed, quantize_inputs(self.typed, x))
        values = {}
        for node in self.graph.nodes:
            edge = self.typed.edges[self.edges[node.name]]
            real = edge.type.to_float(codes[edge.name])
            values[node.name] = real.reshape(len(real), *node.shape)
        return values


def network(graph: ModelGraph, typed: TypedGraph, config: HLSConfig) -> Network:
    """``typed`` is what ``apply`` gives for ``graph`` and ``config``."""
    graph = optimize(graph, config)
    edges: dict[str, str] = {}
    for node in graph.nodes:
        has_own = node.name in typed.edges
        edges[node.name] = node.name if has_own else edges[node.inputs[0]]
    own = tuple(node for node in graph.nodes if edges[node.name] == node.name)
    return Network(graph, typed, edges, own)
