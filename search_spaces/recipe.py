"""From a recipe (what may be tried, by pattern) and a model to its space of knobs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from fnmatch import fnmatchcase

from converter.errors import ConfigError
from converter.graph import ModelGraph, Node
from converter.layers.activation import Linear, Relu
from converter.layers.base import Layer
from converter.layers.batchnorm import BatchNormalization
from converter.layers.identity import Identity
from converter.layers.input import Input
from converter.layers.padding import Cropping, UpSampling, ZeroPadding
from converter.layers.quantized import QuantizedActivation
from converter.layers.reshape import Flatten, Permute, RepeatVector, Reshape
from converter.layers.weighted import Weighted
from converter.pipeline import optimize
from converter.types import MAX_WIDTH
from search_spaces.space import HardwarePolicy, Kind, Knob, Place, Space

Widths = tuple[int, ...]

_SILENT = (
    Identity,
    Flatten,
    Reshape,
    Permute,
    RepeatVector,
    ZeroPadding,
    Cropping,
    UpSampling,
)  # elements pass as they are
_SUMS = (Weighted, BatchNormalization)  # results that can be kept exactly
_ABSORBING = (BatchNormalization, Linear, Relu, QuantizedActivation)
"""Layers that round once what the layer before them sums up, so that no knob stands between."""


class Granularity(Enum):
    """What shares a knob."""

    LAYER = "layer"  # nothing: one knob per tensor
    TYPE = "type"  # all weights, all results, all inputs
    MODEL = "model"  # everything


@dataclass(frozen=True)
class Recipe:
    """What may be tried, before there is a model. Widths in bits by pattern of layer names;
    the last pattern that matches holds. One width alone is fixed, and no knob.
    """

    weight: Mapping[str, Widths]
    result: Mapping[str, Widths]
    input: Mapping[str, Widths]
    granularity: Granularity = Granularity.LAYER
    hardware: Mapping[str, HardwarePolicy] = field(default_factory=dict)


@dataclass(frozen=True)
class _Slot:
    """A tensor whose width can be chosen."""

    place: Place
    kind: Kind
    widths: Widths

    @property
    def knob_name(self) -> str:
        """``fc1.weight``."""
        return ".".join(self.place)


def build(name: str, recipe: Recipe, graph: ModelGraph) -> Space:
    """The space of ``recipe`` for ``graph``. Raises ConfigError for a pattern that fits nothing.

    The knobs are those of the layers that the converter's passes leave: a layer that is
    merged into another would, with a width of its own, have to stay apart.
    """
    whole, graph = graph, optimize(graph)
    _check_patterns(recipe, graph, {node.name for node in whole.nodes})
    slots: list[_Slot] = []
    frozen: dict[str, str] = {}
    for node in graph.nodes:
        slots += _slots(node, graph, recipe)
        reason = _frozen(node.layer)
        if reason:
            frozen[node.name] = reason
    fixed = {s.place: s.widths[0] for s in slots if len(s.widths) == 1}
    exact = {(n.name, "result"): MAX_WIDTH for n in graph.nodes if _kept_exactly(n, graph)}
    knobs = _knobs([s for s in slots if len(s.widths) > 1], recipe.granularity)
    return Space(name, knobs, {**fixed, **exact}, frozen, recipe.hardware)


def _check_patterns(recipe: Recipe, graph: ModelGraph, before: set[str]) -> None:
    names = [node.name for node in graph.nodes]
    for key in ("weight", "result", "input", "hardware"):
        for pattern in getattr(recipe, key):
            if any(fnmatchcase(n, pattern) for n in names):
                continue
            gone = any(fnmatchcase(n, pattern) for n in before)
            why = "is merged into another layer or dropped" if gone else "is no layer of the model"
            raise ConfigError(f"{key}: {pattern} {why}; there are: {', '.join(names)}")


def _slots(node: Node, graph: ModelGraph, recipe: Recipe) -> list[_Slot]:
    """Weights, then the result."""
    layer, name = node.layer, node.name
    if isinstance(layer, Input):
        return [_Slot((name, "result"), Kind.INPUT, _widths(recipe.input, name, "input"))]
    found = []
    if isinstance(layer, Weighted) and layer.kernel_quantizer is None:
        found.append(_Slot((name, "weight"), Kind.WEIGHT, _widths(recipe.weight, name, "weight")))
    if _has_result(node, graph):
        found.append(_Slot((name, "result"), Kind.RESULT, _widths(recipe.result, name, "result")))
    return found


def _widths(choices: Mapping[str, Widths], layer: str, key: str) -> Widths:
    found = [widths for pattern, widths in choices.items() if fnmatchcase(layer, pattern)]
    if not found:
        raise ConfigError(
            f"{key}: the space says nothing about {layer}; add a pattern for it, or *"
        )
    return found[-1]


def _has_result(node: Node, graph: ModelGraph) -> bool:
    """Whether the width of the layer's result is free to choose.

    Not where the model's own quantizer gives the type, where nothing is computed, where it
    is kept exactly for the layer after it, and for the function that ends a model: its
    output is read by no layer and keeps the converter's default.
    """
    if isinstance(node.layer, (QuantizedActivation, *_SILENT)) or _kept_exactly(node, graph):
        return False
    return not (node.name in graph.outputs and not isinstance(node.layer, (*_SUMS, Linear, Relu)))


def _kept_exactly(node: Node, graph: ModelGraph) -> bool:
    """A sum whose only reader rounds it: exact here, so that it is rounded once."""
    if not isinstance(node.layer, _SUMS) or node.name in graph.outputs:
        return False
    readers = _readers(node.name, graph)
    return len(readers) == 1 and isinstance(readers[0].layer, _ABSORBING)


def _readers(name: str, graph: ModelGraph) -> list[Node]:
    """The layers that compute with the result of ``name``, past those that pass it on."""
    found: list[Node] = []
    for node in graph.consumers(name):
        passes = isinstance(node.layer, _SILENT) and node.name not in graph.outputs
        found += _readers(node.name, graph) if passes else [node]
    return found


def _frozen(layer: Layer) -> str:
    """What the model itself fixes."""
    if isinstance(layer, Weighted) and layer.kernel_quantizer is not None:
        return "weights: the model's own quantizer"
    if isinstance(layer, QuantizedActivation):
        return "result: the model's own quantizer"
    return ""


def _knobs(slots: list[_Slot], granularity: Granularity) -> tuple[Knob, ...]:
    groups: dict[str, list[_Slot]] = {}
    for slot in slots:
        groups.setdefault(_group(slot, granularity), []).append(slot)
    return tuple(_tied(name, group, granularity) for name, group in groups.items())


def _group(slot: _Slot, granularity: Granularity) -> str:
    names = {
        Granularity.LAYER: slot.knob_name,
        Granularity.TYPE: slot.kind.value,
        Granularity.MODEL: Kind.WIDTH.value,
    }
    return names[granularity]


def _tied(name: str, group: list[_Slot], granularity: Granularity) -> Knob:
    """One knob for all slots of a group, over the widths that all of them allow."""
    common = set(group[0].widths).intersection(*(slot.widths for slot in group))
    if not common:
        raise ConfigError(f"{name}: tied tensors have no width in common")
    kind = Kind.WIDTH if granularity is Granularity.MODEL else group[0].kind
    return Knob(name, kind, tuple(slot.place for slot in group), tuple(sorted(common)))
