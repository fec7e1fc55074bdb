"""Models inside models and layers in several places, unrolled into one flat list of layers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from converter.errors import ModelError
from converter.frontends.architecture import MAX_LAYERS, Architecture, Entry
from converter.layers.spec import shorten, shown


@dataclass(frozen=True)
class Tensor:
    """An output of a use of a layer. Uses count from 0, and so do a nested model's outputs."""

    layer: str
    use: int = 0
    index: int = 0


@dataclass(frozen=True, eq=False)
class Record:
    """A layer as a file lists it, with the tensors that each of its uses reads.

    ``model`` is what a nested model holds, else None.
    """

    name: str
    class_name: str
    config: dict[str, Any]
    uses: tuple[tuple[Tensor, ...], ...]
    model: Model | None = None


@dataclass(frozen=True, eq=False)
class Model:
    """The layers of one model. ``inputs`` and ``outputs`` are in the order of its arguments."""

    name: str
    records: tuple[Record, ...]
    inputs: tuple[Tensor, ...]
    outputs: tuple[Tensor, ...]


@dataclass(frozen=True, eq=False)
class _Scope:
    """One use of a model, of the class ``kind``.

    ``path``: the models from the outermost to this one by name. ``prefix`` starts the names of its
    layers. ``given`` are the tensors that it was called on, in the scope ``outer``.
    """

    model: Model
    kind: str = ""
    path: tuple[str, ...] = ()
    prefix: str = ""
    given: tuple[Tensor, ...] = ()
    outer: _Scope | None = None
    records: dict[str, Record] = field(default_factory=dict)
    inner: dict[tuple[str, int], _Scope] = field(default_factory=dict)
    names: dict[tuple[str, int], str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for record in self.model.records:
            if record.name in self.records:
                raise ModelError(f"{shown(record.name)}: two layers have this name")
            self.records[record.name] = record

    def feeds(self, record: Record) -> bool:
        """Whether the caller gives what this layer, an input, stands for."""
        return self.outer is not None and record.class_name == "InputLayer"


def flatten(model: Model) -> Architecture:
    """One entry for each use of each layer.

    The first use keeps the layer's name, later ones are ``<name>_1`` and so on; the layers of a
    nested model start with its name: ``<model>_<layer>``. Raises ModelError where a tensor
    is not there, or where the uses unroll to too many layers.
    """
    top = _Scope(model)
    taken: set[str] = set()
    scopes = list(_scopes(top, taken))
    entries = [entry for scope in scopes for entry in _entries(scope)]
    inputs = tuple(_resolve(top, t, f"{shown(model.name)}: its inputs are") for t in model.inputs)
    outputs = tuple(
        _resolve(top, t, f"{shown(model.name)}: its outputs are") for t in model.outputs
    )
    models = {scope.path: scope.kind for scope in scopes[1:]}
    return Architecture(model.name, tuple(entries), inputs, outputs, models)


def _scopes(scope: _Scope, taken: set[str]) -> Iterator[_Scope]:
    """The scope and all below it; every layer gets its name on the way."""
    yield scope
    for record in scope.model.records:
        for use, given in enumerate(record.uses):
            name = scope.prefix + (f"{record.name}_{use}" if use else record.name)
            if record.model is not None:
                _check_call(scope, record, record.model, given)
                path = (*scope.path, record.name)
                inner = _Scope(record.model, record.class_name, path, f"{name}_", given, scope)
                scope.inner[record.name, use] = inner
                yield from _scopes(inner, taken)
            elif not scope.feeds(record):
                scope.names[record.name, use] = _unused(name, taken, first=not scope.path)


def _unused(name: str, taken: set[str], first: bool) -> str:
    """A free name; layers of the outermost model keep theirs, and are checked for doubles."""
    if len(taken) >= MAX_LAYERS:
        raise ModelError(f"{shown(name)}: more than {MAX_LAYERS} layers in all; at most that many")
    while name in taken and not first:
        name += "_"
    taken.add(name)
    return name


def _check_call(scope: _Scope, record: Record, model: Model, given: tuple[Tensor, ...]) -> None:
    if len(given) != len(model.inputs):
        raise ModelError(
            f"{shown(scope.prefix + record.name)} ({shown(record.class_name)}): a model of "
            f"{len(model.inputs)} inputs is called on {len(given)} tensors"
        )


def _entries(scope: _Scope) -> Iterator[Entry]:
    for record in scope.model.records:
        if record.model is not None or scope.feeds(record):
            continue
        for use, given in enumerate(record.uses):
            name, path = scope.names[record.name, use], (*scope.path, record.name)
            where = f"{shown(name)} ({shown(record.class_name)}): reads"
            inputs = tuple(_resolve(scope, t, where) for t in given)
            yield Entry(name, record.class_name, record.config, inputs, path)


def _resolve(scope: _Scope, tensor: Tensor, where: str) -> str:
    """Name of the entry that gives a tensor, through inputs and outputs of nested models.

    ``where`` is how messages start: who reads it.
    """
    seen: set[tuple[int, Tensor]] = set()
    while (id(scope), tensor) not in seen:
        seen.add((id(scope), tensor))
        record = scope.records.get(tensor.layer)
        if record is None:
            raise ModelError(f"{where} {shorten(tensor.layer)}, which is not a layer")
        step = _step(scope, record, tensor)
        if step is None:
            raise ModelError(
                f"{where} output {tensor.index} of use {tensor.use} of {shorten(tensor.layer)}, "
                "which is not there"
            )
        if isinstance(step, str):
            return step
        scope, tensor = step
    raise ModelError(f"{where} {shorten(tensor.layer)}, which depends on its own output")


def _step(scope: _Scope, record: Record, tensor: Tensor) -> str | tuple[_Scope, Tensor] | None:
    """The entry's name, or the tensor on the other side of a model's border; None: nothing."""
    if record.model is not None:
        inner, outputs = scope.inner.get((tensor.layer, tensor.use)), record.model.outputs
        inside = inner is not None and tensor.index < len(outputs)
        return (inner, outputs[tensor.index]) if inner is not None and inside else None
    if scope.outer is not None and scope.feeds(record):
        names = [t.layer for t in scope.model.inputs]
        listed = tensor.layer in names
        return (scope.outer, scope.given[names.index(tensor.layer)]) if listed else None
    return scope.names.get((tensor.layer, tensor.use)) if tensor.index == 0 else None
