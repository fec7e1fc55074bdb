"""Keras' description of a model, of both generations: Sequential and functional."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from converter.errors import ModelError, UnsupportedError
from converter.frontends.architecture import Architecture, Entry, reader_of
from converter.frontends.nesting import Model, Record, Tensor, flatten
from converter.layers import READERS
from converter.layers.extensions import extensions
from converter.layers.spec import shorten, shown

FUNCTIONAL = ("Functional", "Model")
MODELS = (*FUNCTIONAL, "Sequential")
MODULES = ("keras", "tensorflow", "tf_keras", "qkeras")
"""Where layer classes come from; a class of another module may only share the name."""

OPERATIONS, OPERATION = "keras.src.ops.", "ops."
"""The modules of Keras 3's functions on tensors, and the mark of their nodes' classes here."""

MAX_DEPTH = 64


def parse_json(label: str, text: str | bytes) -> dict[str, Any]:
    """A JSON object. Raises ModelError."""
    try:
        value = json.loads(text)
    except RecursionError:
        raise ModelError(f"{label}: the JSON is nested too deeply") from None
    except (ValueError, UnicodeDecodeError) as error:
        raise ModelError(f"{label}: not valid JSON: {str(error)[:200]}") from None
    return _mapping(label, "the model's description", value)


def read_architecture(label: str, model: Mapping[str, Any]) -> Architecture:
    """A model from ``{"class_name": ..., "config": ...}``, nested models unrolled."""
    return flatten(_model(label, model))


def _model(label: str, model: Mapping[str, Any], depth: int = 0) -> Model:
    kind, config = model.get("class_name"), model.get("config")
    if depth > MAX_DEPTH:
        raise ModelError(f"{label}: models are nested too deeply")
    if kind == "Sequential":
        return _sequential(label, config, depth)
    if kind in FUNCTIONAL:
        return _functional(label, _mapping(label, "config", config), depth)
    raise UnsupportedError(
        f"{label}: a model of class {shorten(kind)} is not supported; it must be Sequential or "
        "Functional"
    )


def _sequential(label: str, config: object, depth: int) -> Model:
    if isinstance(config, list):  # as Keras before 2.2.3 wrote it
        config = {"layers": config}
    config = _mapping(label, "config", config)
    items = [_mapping(label, "a layer", r) for r in _list(label, "layers", config.get("layers"))]
    if not items:
        raise ModelError(f"{label}: the model has no layers")
    if items[0].get("class_name") != "InputLayer":
        items.insert(0, _implied_input(label, items[0], config))
    records: list[Record] = []
    for item in items:
        before = (Tensor(records[-1].name),) if records else ()
        records.append(_record(label, item, (before,), depth))
    name, first, last = _name(label, config), records[0].name, records[-1].name
    return Model(name, tuple(records), (Tensor(first),), (Tensor(last),))


def _implied_input(
    label: str, first: Mapping[str, Any], config: Mapping[str, Any]
) -> dict[str, Any]:
    """The input of a Sequential model that lists none."""
    shape = _input_shape(first) or config.get("build_input_shape") or _built(first)
    if shape is None:
        raise ModelError(
            f"{label}: the input shape is not in the file; build the model, or give input_shape, "
            "before it is saved"
        )
    inner = _mapping(label, "a layer's config", first.get("config"))
    name = f"{first.get('name', inner.get('name'))}_input"
    return {"class_name": "InputLayer", "name": name, "config": {"batch_input_shape": shape}}


def _input_shape(record: Mapping[str, Any]) -> object:
    """What a layer, or the first layer of a nested model, says of its input."""
    for _ in range(MAX_DEPTH):
        config = record.get("config")
        if not isinstance(config, Mapping):
            return None
        layers = config.get("layers")
        nested = isinstance(layers, list) and layers and isinstance(layers[0], Mapping)
        if not nested:
            return config.get("batch_input_shape") or config.get("batch_shape")
        record = layers[0]  # type: ignore[index]
    return None


def _built(record: Mapping[str, Any]) -> object:
    built = record.get("build_config")
    return built.get("input_shape") if isinstance(built, Mapping) else None


def _functional(label: str, config: Mapping[str, Any], depth: int) -> Model:
    items = [_mapping(label, "a layer", r) for r in _list(label, "layers", config.get("layers"))]
    records = [_placed(label, item, depth) for item in items]
    inputs = tuple(_ends(label, "input_layers", config.get("input_layers")))
    outputs = tuple(_ends(label, "output_layers", config.get("output_layers")))
    model = Model(_name(label, config), tuple(records), inputs, outputs)
    keras3 = any(
        isinstance(use, Mapping) for item in items for use in item.get("inbound_nodes", ())
    )
    return _counted_as_keras3(model) if keras3 else _counted_as_keras2(model)


def _counted_as_keras3(model: Model) -> Model:
    """Uses from 0: Keras 3 counts those of a nested functional model from 1, but in the list of
    outputs alone.
    """
    nested = {r.name for r in model.records if r.class_name in FUNCTIONAL}
    return replace(model, outputs=_earlier(model.outputs, nested))


def _counted_as_keras2(model: Model) -> Model:
    """Uses from 0: Keras 2 counts those of a nested model from 1, as its making counts for one."""
    least: dict[str, int] = {}
    for tensor in (*(t for r in model.records for use in r.uses for t in use), *model.outputs):
        least[tensor.layer] = min(tensor.use, least.get(tensor.layer, tensor.use))
    nested = {r.name for r in model.records if r.model is not None and least.get(r.name) == 1}
    records = (replace(r, uses=tuple(_earlier(u, nested) for u in r.uses)) for r in model.records)
    return replace(model, records=tuple(records), outputs=_earlier(model.outputs, nested))


def _earlier(tensors: tuple[Tensor, ...], layers: set[str]) -> tuple[Tensor, ...]:
    return tuple(replace(t, use=t.use - 1) if t.layer in layers else t for t in tensors)


def _record(
    label: str, item: Mapping[str, Any], uses: tuple[tuple[Tensor, ...], ...], depth: int
) -> Record:
    class_name, nested = _class_name(item), item.get("class_name") in MODELS
    model = _model(label, item, depth + 1) if nested else None
    config = {} if nested else _mapping(label, "a layer's config", item.get("config"))
    name = item.get("name", model.name if model else config.get("name"))
    if not isinstance(name, str) or not name or not isinstance(class_name, str):
        raise ModelError(
            f"{label}: a layer needs a name and a class; the file has {shorten(name)} and "
            f"{shorten(class_name)}"
        )
    if model is None:
        entry = Entry(name, class_name, config, (), (name,))
        reader_of(entry)
        _check_origin(entry, item)
    return Record(name, class_name, config, uses, model)


def _placed(label: str, item: Mapping[str, Any], depth: int) -> Record:
    """A layer and what it reads; a class that is not supported is refused before arguments are."""
    return replace(_record(label, item, (), depth), uses=_uses(label, item))


def _class_name(item: Mapping[str, Any]) -> Any:
    """The name that a class was registered under where another package reads that, else its own;
    a function's or an operator's, which has the name of a layer, is marked.
    """
    if str(item.get("module")).startswith(OPERATIONS):
        return f"{OPERATION}{item.get('class_name')}"
    registered = item.get("registered_name")
    known = isinstance(registered, str) and (registered in READERS or registered in extensions())
    return registered if known else item.get("class_name")


def _check_origin(entry: Entry, record: Mapping[str, Any]) -> None:
    """Refuse a class of the user's own that has the name of a Keras class."""
    if entry.class_name in extensions() or ">" in entry.class_name:  # the registered name
        return
    if entry.class_name.startswith(OPERATION):
        return
    module, registered = record.get("module"), record.get("registered_name")
    if module is not None and str(module).split(".")[0] not in MODULES:
        raise UnsupportedError(
            f"{entry.where}: a class of module {shorten(module)} is not supported"
        )
    if registered not in (None, entry.class_name):
        raise UnsupportedError(
            f"{entry.where}: the class registered as {shorten(registered)} is not supported"
        )


def _uses(label: str, record: Mapping[str, Any]) -> tuple[tuple[Tensor, ...], ...]:
    """What each use of a layer of a functional model reads; an input is used once."""
    name, uses = shorten(record.get("name")), record.get("inbound_nodes", [])
    if not isinstance(uses, list):
        raise ModelError(f"{label}: {name}: inbound_nodes must be a list")
    where = f"{label}: {name} ({shown(str(_class_name(record)))})"
    return tuple(
        tuple(
            _keras3_tensors(where, use) if isinstance(use, Mapping) else _keras2_tensors(where, use)
        )
        for use in uses
    ) or ((),)


def _keras2_tensors(where: str, use: Any) -> Iterator[Tensor]:
    """[[layer, node, tensor, arguments], ...]."""
    for tensor in use if isinstance(use, list) else [use]:
        yield _history(where, tensor)
        if len(tensor) > 3:
            _check_arguments(where, tensor[3])


def _keras3_tensors(where: str, use: Mapping[str, Any]) -> Iterator[Tensor]:
    """{"args": [tensors], "kwargs": {...}}; a tensor tells the layer that it comes from."""
    _check_arguments(where, use.get("kwargs", {}))
    for tensor in _flat(where, use.get("args", [])):
        inner = tensor.get("config") if isinstance(tensor, Mapping) else None
        if not isinstance(inner, Mapping) or tensor.get("class_name") != "__keras_tensor__":
            raise UnsupportedError(f"{where}: the call argument {shorten(tensor)} is not supported")
        yield _history(where, inner.get("keras_history"))


def _check_arguments(where: str, arguments: object) -> None:
    """Arguments of the call that say nothing beyond inference without masks."""
    if not isinstance(arguments, Mapping):
        raise ModelError(f"{where}: call arguments must be an object")
    for key, value in arguments.items():
        if not (key in ("training", "mask") and (value is None or value is False)):
            raise UnsupportedError(
                f"{where}: the call argument {key}={shorten(value)} is not supported"
            )


def _history(where: str, tensor: Any) -> Tensor:
    """[layer, use, output, ...]."""
    listed = isinstance(tensor, list | tuple) and len(tensor) >= 3 and isinstance(tensor[0], str)
    if not listed or not all(type(n) is int and n >= 0 for n in tensor[1:3]):
        raise ModelError(f"{where}: {shorten(tensor)} must be [layer, node, tensor]")
    return Tensor(*tensor[:3])


def _ends(label: str, key: str, value: object) -> Iterator[Tensor]:
    """Tensors in ``input_layers`` or ``output_layers``: one, a list, or a dictionary of them."""
    if isinstance(value, Mapping):
        value = list(value.values())
    if not isinstance(value, list) or not value:
        raise ModelError(f"{label}: {key} must be a list of layers")
    for tensor in [value] if isinstance(value[0], str) else value:
        yield _history(f"{label}: {key}", tensor)


def _flat(where: str, value: object, depth: int = 0) -> Iterator[Any]:
    if not isinstance(value, list):
        yield value
        return
    if depth > MAX_DEPTH:
        raise ModelError(f"{where}: arguments are nested too deeply")
    for item in value:
        yield from _flat(where, item, depth + 1)


def _name(label: str, config: Mapping[str, Any]) -> str:
    name = config.get("name", "model")
    if not isinstance(name, str) or not name:
        raise ModelError(f"{label}: the model's name must be text")
    return name


def _mapping(label: str, what: str, value: object) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise ModelError(f"{label}: {what} must be an object; the file has {shorten(value)}")
    return value


def _list(label: str, what: str, value: object) -> list[Any]:
    if not isinstance(value, list):
        raise ModelError(f"{label}: {what} must be a list; the file has {shorten(value)}")
    return value
