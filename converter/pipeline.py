"""From a model in real numbers to integers: the passes, and the lowering, top to bottom."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

import numpy.typing as npt

from converter.config import EXACT, Auto, HLSConfig, LayerConfig
from converter.errors import ConfigError
from converter.forward import forward
from converter.graph import Edge, Implementation, ModelGraph, Node, Stage, Strategy, TypedGraph
from converter.layers import READERS
from converter.layers.base import Lowering, Range
from converter.layers.dense import Dense
from converter.layers.lowering import least_fraction
from converter.passes import Pass
from converter.passes.fuse_batchnorm import FuseBatchNormalization
from converter.passes.remove_identities import RemoveIdentities
from converter.types import Fixed
from converter.units.affine import Affine
from converter.units.matvec import MatVec
from converter.units.requantize import Requantize
from converter.units.softmax import Softmax as SoftmaxUnit

EXTRA_CLASS_NAMES = ("Input", "Linear", "Reshape")
"""Names of layers in a configuration that no file has as a class."""


def passes(config: HLSConfig) -> tuple[Pass, ...]:
    """The rewrites of a model, in order.

    A layer that would be merged and was given types of its own stays; the types of a layer
    that others are merged into hold for them all.
    """
    return (
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
    config.check_names([n.name for n in graph.nodes], sorted({*READERS, *EXTRA_CLASS_NAMES}))
    graph = optimize(graph, config)
    settings = {n.name: config.resolve(n.name, *class_names(n)) for n in graph.nodes}
    given: dict[str, Edge] = {}
    edges: dict[str, Edge] = {}
    stages: list[Stage] = []
    types: dict[str, Mapping[str, Fixed]] = {}
    for node in graph.nodes:
        lowered = _lower(graph, node, given, settings[node.name], ranges or {})
        lowered = _with_free_names(lowered, {*edges, *settings})
        edges.update(lowered.edges)
        stages += lowered.stages
        types |= {node.name: lowered.types} if lowered.types else {}
        given[node.name] = _output_edge(node, lowered, given)
    outputs = [_own_stage(name, given[name], stages, edges) for name in graph.outputs]
    hardware = _hardware(stages, settings)
    return TypedGraph(
        graph.name, edges, tuple(stages), graph.inputs, tuple(outputs), hardware, types
    )


def class_names(node: Node) -> tuple[str, ...]:
    """What a configuration's ``LayerType`` may call a node."""
    if isinstance(node.layer, Dense) and node.layer.kernel_quantizer is not None:
        return ("QDense",)
    return node.layer.class_names


def _lower(
    graph: ModelGraph,
    node: Node,
    given: Mapping[str, Edge],
    settings: LayerConfig,
    ranges: Mapping[str, Range],
) -> Lowering:
    if settings.wanted("result") == Auto() and _rounded_next(graph, node):
        settings = replace(settings, precision={**settings.precision, "result": EXACT})
    inputs = [given[i] for i in node.inputs]
    return node.layer.lower(node.name, inputs, settings, ranges.get(node.merged or node.name))


def _rounded_next(graph: ModelGraph, node: Node) -> bool:
    """Whether the one reader of a layer rounds, so that the layer itself need not."""
    readers = graph.consumers(node.name)
    alone = len(readers) == 1 and node.name not in graph.outputs
    return alone and bool(node.inputs) and readers[0].layer.rounds


def _with_free_names(lowered: Lowering, taken: set[str]) -> Lowering:
    """The lowering with inner stages renamed where another layer has their name."""
    if not lowered.stages:
        return lowered
    names: dict[str, str] = {}
    for stage in lowered.stages[:-1]:
        free = stage.name
        while free in taken or free in names.values():
            free += "_"
        names[stage.name] = free
    first, *rest = (replace(s, name=names.get(s.name, s.name)) for s in lowered.stages)
    rest = [replace(s, inputs=tuple(names[i] for i in s.inputs)) for s in rest]
    edges = {names.get(n, n): replace(e, name=names.get(n, n)) for n, e in lowered.edges.items()}
    return replace(lowered, stages=(first, *rest), edges=edges)


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


def _hardware(
    stages: Iterable[Stage], settings: Mapping[str, LayerConfig]
) -> dict[str, Implementation]:
    """Strategy and reuse factor of each matrix-vector product, and a softmax without DSP blocks.

    A reuse factor means nothing to a layer without multiplications, and hls4ml writes
    one for every layer: there it is read past. A batch normalisation of its own has
    multiplications that are not shared, so there it is refused.
    """
    choices: dict[str, Implementation] = {}
    shared: set[str] = set()
    for stage in stages:
        asked = settings.get(stage.layer, LayerConfig())
        if isinstance(stage.unit, MatVec):
            choice = Implementation(asked.strategy, asked.reuse_factor)
            stage.unit.check(stage.layer, choice)
            choices[stage.name] = choice
            shared.add(stage.layer)
        if isinstance(stage.unit, SoftmaxUnit) and asked.strategy not in (
            Strategy.LATENCY,
            Strategy.RESOURCE,
        ):
            choices[stage.name] = Implementation(asked.strategy)
            stage.unit.check(stage.layer, choices[stage.name])
        alone = isinstance(stage.unit, Affine) and stage.layer not in shared
        if alone and asked.reuse_factor != 1:
            raise ConfigError(
                f"{stage.layer}: ReuseFactor={asked.reuse_factor}, but the factors of a batch "
                "normalisation on its own are not shared; legal: 1"
            )
    return choices


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
