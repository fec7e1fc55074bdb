"""From a model in real numbers to integers: the passes, and the lowering, top to bottom."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy.typing as npt

from converter.config import EXACT, FINE_SCALE, Auto, HLSConfig, LayerConfig, Precision
from converter.forward import forward
from converter.graph import Edge, ModelGraph, Node, Stage, TypedGraph
from converter.hardware import choose_hardware
from converter.layers import READERS
from converter.layers.base import Lowering, Range
from converter.layers.batchnorm import BatchNormalization
from converter.layers.embedding import range_of_indices
from converter.layers.hgq_elements import input_type
from converter.layers.lowering import least_fraction
from converter.passes import Pass
from converter.passes.fuse_batchnorm import FuseBatchNormalization
from converter.passes.fuse_functions import FuseFunctions
from converter.passes.remove_identities import RemoveIdentities
from converter.passes.take_grids import TakeGrids
from converter.types import Fixed
from converter.units.requantize import Requantize

EXTRA_CLASS_NAMES = ("Input", "Linear", "Reshape")
"""Names of layers in a configuration that no file has as a class."""


def passes(config: HLSConfig) -> tuple[Pass, ...]:
    """The rewrites of a model, in order.

    A layer that would be merged and was given types of its own stays; the types of a layer
    that others are merged into hold for them all.
    """
    return (
        TakeGrids(),
        FuseFunctions(keep=config.typed_layers),
        RemoveIdentities(keep=config.typed_layers),
        FuseBatchNormalization(keep=config.typed_layers),
    )


def optimize(graph: ModelGraph, config: HLSConfig | None = None) -> ModelGraph:
    """The graph after all passes; it computes the same, up to double rounding."""
    for rewrite in passes(config or HLSConfig()):
        graph = rewrite(graph)
    return graph


def apply(
    graph: ModelGraph,
    config: HLSConfig | None = None,
    ranges: Mapping[str, Range] | None = None,
) -> TypedGraph:
    """Integers for every edge and constant of a model.

    ``ranges``: what ``measure_ranges`` saw on data, by layer; ``auto`` types cover these
    in place of all that could occur, and saturate beyond. Raises ConfigError for settings
    that name no layer, or that cannot be honoured, and UnsupportedError by layer name.
    """
    config = config or HLSConfig()
    own = (name for node in graph.nodes for name in class_names(node))
    config.check_names([n.name for n in graph.nodes], sorted({*READERS, *EXTRA_CLASS_NAMES, *own}))
    graph = optimize(graph, config)
    settings = {n.name: config.resolve(n.name, *class_names(n)) for n in graph.nodes}
    given: dict[str, Edge] = {}
    edges: dict[str, Edge] = {}
    stages: list[Stage] = []
    types: dict[str, Mapping[str, Fixed]] = {}
    for node in graph.nodes:
        lowered = _lower(graph, node, given, settings[node.name], ranges or {})
        config.check_used(node.name, lowered.types)
        sources = {_port(k): given[i].name for k, i in enumerate(node.inputs)}
        lowered = _with_free_names(lowered, {*edges, *settings}, sources)
        edges.update(lowered.edges)
        stages += lowered.stages
        types |= {node.name: lowered.types} if lowered.types else {}
        given[node.name] = _output_edge(node, lowered, given)
    outputs = [_own_stage(name, given[name], stages, edges) for name in graph.outputs]
    alone = {n.name for n in graph.nodes if isinstance(n.layer, BatchNormalization)}
    hardware = choose_hardware(stages, settings, config.io_type, alone)
    return TypedGraph(
        graph.name,
        edges,
        tuple(stages),
        graph.inputs,
        tuple(outputs),
        hardware,
        types,
        config.io_type,
    )


def class_names(node: Node) -> tuple[str, ...]:
    """What a configuration's ``LayerType`` may call a node."""
    return node.layer.class_names


def _lower(
    graph: ModelGraph,
    node: Node,
    given: Mapping[str, Edge],
    settings: LayerConfig,
    ranges: Mapping[str, Range],
) -> Lowering:
    seen = ranges.get(node.merged or node.name)
    if not node.inputs:
        seen = range_of_indices([n.layer for n in graph.consumers(node.name)], seen)
    settings = _with_result(graph, node, settings, seen)
    inputs = [replace(given[i], name=_port(k)) for k, i in enumerate(node.inputs)]
    return node.layer.lower(node.name, inputs, settings, seen)


def _port(number: int) -> str:
    """What a layer's stages call an input, so that no inner stage has the name of one."""
    return f"\0input{number}"


def _with_result(
    graph: ModelGraph, node: Node, settings: LayerConfig, seen: Range | None
) -> LayerConfig:
    """The settings with the result's type where it is up to us and not to the layer.

    A bit-exact model's own quantizers are closer to it than the configuration's default.
    """
    own: Precision = settings.wanted("result")
    if graph.bit_exact:
        own = settings.precision.get("result", Auto())
        precision = {"scale": FINE_SCALE, **settings.precision}
        settings = replace(settings, precision=precision, bit_exact=True)
    if own != Auto():
        return settings
    result: Precision = own
    if graph.bit_exact and not node.inputs:
        result = input_type([n.layer for n in graph.consumers(node.name)], seen) or own
    elif graph.bit_exact or _rounded_next(graph, node):
        result = EXACT
    if result == Auto():
        return settings
    return replace(settings, precision={**settings.precision, "result": result})


def _rounded_next(graph: ModelGraph, node: Node) -> bool:
    """Whether the one reader of a layer rounds, so that the layer itself need not."""
    readers = graph.consumers(node.name)
    alone = len(readers) == 1 and node.name not in graph.outputs
    return alone and bool(node.inputs) and readers[0].layer.rounds


def _with_free_names(lowered: Lowering, taken: set[str], sources: Mapping[str, str]) -> Lowering:
    """The lowering with its inputs' own names (``sources``: by port), and with inner stages
    renamed where another layer has their name.
    """
    if not lowered.stages:
        return lowered
    names = dict(sources)
    for stage in lowered.stages[:-1]:
        free = stage.name
        while free in taken or free in names.values():
            free += "_"
        names[stage.name] = free
    names[lowered.stages[-1].name] = lowered.stages[-1].name
    stages = tuple(
        replace(s, name=names[s.name], inputs=tuple(names[i] for i in s.inputs))
        for s in lowered.stages
    )
    edges = {names.get(n, n): replace(e, name=names.get(n, n)) for n, e in lowered.edges.items()}
    return replace(lowered, stages=stages, edges=edges)


def _output_edge(node: Node, lowered: Lowering, given: Mapping[str, Edge]) -> Edge:
    """The edge that readers of a node read, in the node's own shape."""
    edge = lowered.edges[node.name] if lowered.edges else given[node.inputs[0]]
    return replace(edge, shape=node.shape)


def _own_stage(name: str, edge: Edge, stages: list[Stage], edges: dict[str, Edge]) -> str:
    """The output's own stage; one that copies, where the output is an input, or reshaped."""
    if any(s.name == name for s in stages):
        return name
    while name in edges:
        name += "_"
    copy = Requantize(edge.size, edge.type, edge.type)
    stages.append(Stage(name, name, copy, (edge.name,)))
    edges[name] = replace(edge, name=name)
    return name


def measure_ranges(
    graph: ModelGraph, x: npt.ArrayLike | Mapping[str, npt.ArrayLike]
) -> dict[str, Range]:
    """Least and largest real value of every layer's output on data [rows, *shape]; and the
    grid of inputs, so that pixels of 8 bits need no 16.

    For several inputs ``x`` is a mapping by name. Raises DataError on a wrong shape or NaN.
    """
    values = forward(graph, x)
    grids = {name: least_fraction(values[name]) for name in graph.inputs}
    return {
        name: Range(float(v.min()), float(v.max()), grids.get(name)) for name, v in values.items()
    }
