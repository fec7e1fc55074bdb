"""What all frontends hand over: layers by name with their inputs, and the graph made of them."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from converter.errors import ModelError, UnsupportedError
from converter.graph import ModelGraph, Node, Shape
from converter.layers import READERS
from converter.layers.base import Layer, Real
from converter.layers.extensions import Reader, extension, extensions
from converter.layers.spec import LayerSpec, Part, finite, shorten, shown

MAX_LAYERS = 10_000


@dataclass(frozen=True, eq=False)
class Entry:
    """One use of a layer of the file. ``inputs`` are names of entries.

    ``path``: where the file has the layer, from the outermost nested model to the layer's own
    name; uses of one layer share it, and its weights.
    """

    name: str
    class_name: str
    config: Mapping[str, Any]
    inputs: tuple[str, ...]
    path: tuple[str, ...]

    @property
    def where(self) -> str:
        """How messages name the layer."""
        return f"{shown(self.name)} ({shown(self.class_name)})"


@dataclass(frozen=True, eq=False)
class Architecture:
    """A model without weights. ``inputs`` and ``outputs`` are names of entries, in order.

    ``models``: class names of the nested models by path, in the file's order. ``generation``: of
    the Keras that wrote the file, 2 or 3, as far as is known.
    """

    name: str
    entries: tuple[Entry, ...]
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    models: Mapping[tuple[str, ...], str] = field(default_factory=dict)
    generation: int | None = None


Weights = Callable[[Entry], Mapping[str, Real]]
"""Gives the weights of an entry's layer by variable name, or by position."""


def build(architecture: Architecture, weights: Weights) -> ModelGraph:
    """Read every layer and infer every shape. Raises ModelError or UnsupportedError."""
    order = _sorted(architecture)
    taken = {e.name for e in order}
    nodes: dict[str, Node] = {}
    ends: dict[str, str] = {}  # layer -> the node that gives its output
    read: dict[tuple[str, ...], tuple[Part, ...]] = {}  # each layer once, however often used
    for entry in order:
        inputs = last = tuple(ends[i] for i in entry.inputs)
        if entry.path not in read:
            read[entry.path] = read_layer(entry, weights, architecture.generation)
        made: dict[int | str, str] = dict(enumerate(inputs))
        for part in read[entry.path]:
            name = _unused(f"{entry.name}_{part.suffix}", taken) if part.suffix else entry.name
            given = last if part.reads is None else tuple(made[r] for r in part.reads)
            nodes[name] = _node(entry, name, part.layer, given, nodes)
            made[part.suffix] = name
            last = (name,)
        ends[entry.name] = last[0]
    outputs = tuple(ends[o] for o in architecture.outputs)
    used = needed(nodes, outputs)
    for name in architecture.inputs:
        if name not in used:
            raise ModelError(f"{shown(name)}: an input of the model that no output depends on")
    kept = tuple(node for node in nodes.values() if node.name in used)
    return ModelGraph(architecture.name, kept, outputs)


def with_generation(architecture: Architecture, version: object) -> Architecture:
    """The architecture with the generation of the Keras that wrote it: of the text ``version``,
    such as 2.15.0; without it, 3 where a layer has a data type as Keras 3 spells it.
    """
    found = str(version).split(".")[0]
    if found in ("2", "3"):
        return replace(architecture, generation=int(found))
    policies = [entry.config.get("dtype") for entry in architecture.entries]
    spelt = any(isinstance(p, Mapping) and p.get("module") == "keras" for p in policies)
    return replace(architecture, generation=3) if spelt else architecture


def needed(nodes: Mapping[str, Node], outputs: tuple[str, ...]) -> set[str]:
    """Names of the nodes that an output depends on."""
    found, waiting = set(outputs), list(outputs)
    while waiting:
        new = set(nodes[waiting.pop()].inputs) - found
        found |= new
        waiting += new
    return found


def reader_of(entry: Entry) -> Reader:
    """What reads a layer; a class that is not read is refused by name."""
    reader = READERS.get(entry.class_name) or extension(entry.class_name)
    if reader is None:
        raise UnsupportedError(
            f"{entry.where}: this layer class is not supported{_reason(entry.class_name)}"
            f"{_nearest(entry.class_name)}; the README has a table of all that are"
        )
    return reader


def _nearest(class_name: str) -> str:
    """The classes of the most similar names."""
    known = {name.rpartition(">")[2].lower(): name for name in (*READERS, *extensions())}
    close = difflib.get_close_matches(class_name.rpartition(">")[2].lower(), known, 3, 0.6)
    return f"; the nearest are: {', '.join(known[c] for c in close)}" if close else ""


def read_layer(entry: Entry, weights: Weights, generation: int | None = None) -> tuple[Part, ...]:
    """The nodes that one layer becomes."""
    arrays = {name: finite(entry.where, name, array) for name, array in weights(entry).items()}
    spec = LayerSpec(entry.name, entry.class_name, entry.config, arrays, generation=generation)
    return reader_of(entry)(spec)


def _reason(class_name: str) -> str:
    if class_name == "Lambda":
        return ", since it holds code, which is never run"
    return ""


def _node(
    entry: Entry, name: str, layer: Layer, inputs: tuple[str, ...], nodes: Mapping[str, Node]
) -> Node:
    least, most = layer.arity
    if not least <= len(inputs) <= most:
        wanted = least if least == most else f"{least} or more"
        raise ModelError(f"{entry.where}: needs {wanted} inputs; the file gives {len(inputs)}")
    shapes: list[Shape] = [nodes[i].shape for i in inputs]
    try:
        return Node(name, layer, inputs, layer.infer_shape(shapes))
    except ModelError as error:
        raise type(error)(f"{entry.where}: {error}") from None


def _unused(name: str, taken: set[str]) -> str:
    while name in taken:
        name += "_"
    taken.add(name)
    return name


def _sorted(architecture: Architecture) -> list[Entry]:
    """Topological order: the model's inputs in their order, then as the file lists them."""
    entries: dict[str, Entry] = {}
    for entry in architecture.entries:
        if entry.name in entries:
            raise ModelError(f"{shown(entry.name)}: two layers have this name")
        entries[entry.name] = entry
    _check_names(architecture, entries)
    done: dict[str, Entry] = {name: entries[name] for name in architecture.inputs}
    waiting = [e for e in architecture.entries if e.name not in done]
    while waiting:
        later = []
        for entry in waiting:
            if all(i in done for i in entry.inputs):
                done[entry.name] = entry
            else:
                later.append(entry)
        if len(later) == len(waiting):
            raise ModelError(f"{later[0].where}: depends on its own output")
        waiting = later
    return list(done.values())


def _check_names(architecture: Architecture, entries: Mapping[str, Entry]) -> None:
    if not entries or len(entries) > MAX_LAYERS:
        raise ModelError(
            f"{shown(architecture.name)}: {len(entries)} layers; there must be 1 to {MAX_LAYERS}"
        )
    for entry in entries.values():
        for name in entry.inputs:
            if name not in entries:
                raise ModelError(f"{entry.where}: reads {shorten(name)}, which is not a layer")
    _check_ends(architecture, "input", architecture.inputs, entries)
    _check_ends(architecture, "output", architecture.outputs, entries)
    for name in architecture.inputs:
        if entries[name].inputs or entries[name].class_name != "InputLayer":
            raise ModelError(f"{entries[name].where}: the model's input must be an InputLayer")


def _check_ends(
    architecture: Architecture, role: str, names: tuple[str, ...], entries: Mapping[str, Entry]
) -> None:
    for name in names:
        if name not in entries:
            raise ModelError(
                f"{shown(architecture.name)}: the {role} {shorten(name)} is not a layer"
            )
    if not names or len(set(names)) < len(names):
        raise ModelError(f"{shown(architecture.name)}: there must be {role}s, each once")
