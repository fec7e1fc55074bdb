"""Keras' description of a model, of both generations: Sequential and functional."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from converter.errors import ModelError, UnsupportedError
from converter.frontends.architecture import Architecture, Entry, check_class
from converter.layers.spec import shorten

FUNCTIONAL = ("Functional", "Model")
MODULES = ("keras", "tensorflow", "tf_keras", "qkeras")
"""Where layer classes come from; a class of another module may only share the name."""

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
    """A model from ``{"class_name": ..., "config": ...}``."""
    kind, config = model.get("class_name"), model.get("config")
    if kind == "Sequential":
        return _sequential(label, config)
    if kind in FUNCTIONAL:
        return _functional(label, _mapping(label, "config", config))
    raise UnsupportedError(
        f"{label}: a model of class {shorten(kind)} is not supported; it must be Sequential or "
        "Functional"
    )


def _sequential(label: str, config: object) -> Architecture:
    if isinstance(config, list):  # as Keras before 2.2.3 wrote it
        config = {"layers": config}
    config = _mapping(label, "config", config)
    records = _list(label, "layers", config.get("layers"))
    entries: list[Entry] = []
    for record in records:
        before = (entries[-1].name,) if entries else ()
        entry = _entry(label, _mapping(label, "a layer", record), before)
        if not entries and entry.class_name != "InputLayer":
            entries.append(_implied_input(label, entry, _mapping(label, "a layer", record), config))
            entry = Entry(entry.name, entry.class_name, entry.config, (entries[0].name,))
        entries.append(entry)
    if not entries:
        raise ModelError(f"{label}: the model has no layers")
    name = _name(label, config)
    return Architecture(name, tuple(entries), (entries[0].name,), (entries[-1].name,))


def _implied_input(
    label: str, first: Entry, record: Mapping[str, Any], config: Mapping[str, Any]
) -> Entry:
    """The input of a Sequential model that lists none."""
    built = record.get("build_config")
    shape = (
        first.config.get("batch_input_shape")
        or first.config.get("batch_shape")
        or config.get("build_input_shape")
        or (built.get("input_shape") if isinstance(built, Mapping) else None)
    )
    if shape is None:
        raise ModelError(
            f"{label}: the input shape is not in the file; build the model, or give input_shape, "
            "before it is saved"
        )
    return Entry(f"{first.name}_input", "InputLayer", {"batch_input_shape": shape}, ())


def _functional(label: str, config: Mapping[str, Any]) -> Architecture:
    entries = []
    for item in _list(label, "layers", config.get("layers")):
        record = _mapping(label, "a layer", item)
        entries.append(_entry(label, record, _inbound(label, record)))
    inputs = tuple(_ends(label, "input_layers", config.get("input_layers")))
    outputs = tuple(_ends(label, "output_layers", config.get("output_layers")))
    return Architecture(_name(label, config), tuple(entries), inputs, outputs)


def _entry(label: str, record: Mapping[str, Any], inputs: tuple[str, ...]) -> Entry:
    config = _mapping(label, "a layer's config", record.get("config"))
    name = record.get("name", config.get("name"))
    class_name = record.get("class_name")
    if not isinstance(name, str) or not name or not isinstance(class_name, str):
        raise ModelError(
            f"{label}: a layer needs a name and a class; the file has {shorten(name)} and "
            f"{shorten(class_name)}"
        )
    entry = Entry(name, class_name, config, inputs)
    check_class(entry)
    _check_origin(entry, record)
    return entry


def _check_origin(entry: Entry, record: Mapping[str, Any]) -> None:
    """Refuse a class of the user's own that has the name of a Keras class."""
    module, registered = record.get("module"), record.get("registered_name")
    if module is not None and str(module).split(".")[0] not in MODULES:
        raise UnsupportedError(
            f"{entry.where}: a class of module {shorten(module)} is not supported"
        )
    if registered not in (None, entry.class_name):
        raise UnsupportedError(
            f"{entry.where}: the class registered as {shorten(registered)} is not supported"
        )


def _inbound(label: str, record: Mapping[str, Any]) -> tuple[str, ...]:
    """Names of the layers that a layer of a functional model reads."""
    name, uses = shorten(record.get("name")), record.get("inbound_nodes", [])
    if not isinstance(uses, list):
        raise ModelError(f"{label}: {name}: inbound_nodes must be a list")
    if not uses:
        return ()
    if len(uses) > 1:
        raise UnsupportedError(
            f"{label}: {name} is used in {len(uses)} places; shared layers are not supported"
        )
    (use,) = uses
    if isinstance(use, Mapping):
        return tuple(_keras3_tensors(f"{label}: {name}", use))
    return tuple(_keras2_tensors(f"{label}: {name}", use))


def _keras2_tensors(where: str, use: Any) -> Iterator[str]:
    """[[layer, node, tensor, arguments], ...]."""
    for tensor in use if isinstance(use, list) else [use]:
        yield _history(where, tensor)
        if len(tensor) > 3:
            _check_arguments(where, tensor[3])


def _keras3_tensors(where: str, use: Mapping[str, Any]) -> Iterator[str]:
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


def _history(where: str, tensor: Any) -> str:
    """Layer name of [layer, node, tensor, ...]."""
    if not isinstance(tensor, list | tuple) or len(tensor) < 3 or not isinstance(tensor[0], str):
        raise ModelError(f"{where}: {shorten(tensor)} must be [layer, node, tensor]")
    if list(tensor[1:3]) != [0, 0]:
        raise UnsupportedError(
            f"{where}: {shorten(tensor)} is a further use or output of a layer; shared layers "
            "and layers of several outputs are not supported"
        )
    return tensor[0]


def _ends(label: str, key: str, value: object) -> Iterator[str]:
    """Names in ``input_layers`` or ``output_layers``: one, a list, or a dictionary of them."""
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
