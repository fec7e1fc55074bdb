"""Weights in HDF5 as Keras writes them: by layer name, or in its later layout by class."""

from __future__ import annotations

import re
from collections.abc import Mapping

import h5py

from converter.errors import ModelError
from converter.frontends.architecture import Architecture, Entry, Weights
from converter.frontends.hdf5 import Source
from converter.layers.base import Real
from converter.layers.spec import shorten


def find_weights(source: Source, root: h5py.Group, architecture: Architecture) -> Weights:
    """How to get a layer's weights out of ``root``, whichever layout it has.

    Raises ModelError where the file has weights of layers that the model lacks.
    """
    layers = source.names(root, "layer_names")
    if layers is not None:
        return _by_name(source, root, layers, architecture)
    for container in ("layers", "_layer_checkpoint_dependencies"):
        if source.has(root, container):
            return _by_class(source, source.group(root, container), architecture)
    raise ModelError(f"{source.label}: no weights as Keras writes them")


def _by_name(
    source: Source, root: h5py.Group, layers: list[str], architecture: Architecture
) -> Weights:
    """Groups named as the layers, with the paths of the variables in ``weight_names``."""
    known = {e.name for e in architecture.entries}
    for layer in layers:
        if layer not in known and _variable_names(source, root, layer):
            raise ModelError(
                f"{source.label}: weights for {shorten(layer)}, which the model does not have; "
                "are the architecture and the weights of one model?"
            )

    def weights(entry: Entry) -> Mapping[str, Real]:
        if entry.name not in layers:
            return {}
        found: dict[str, Real] = {}
        for path in _variable_names(source, root, entry.name):
            name = path.rpartition("/")[2].partition(":")[0]
            if name in found:
                raise ModelError(f"{entry.where}: two weights named {shorten(name)}")
            found[name] = source.array(source.group(root, entry.name), path)
        return found

    return weights


def _variable_names(source: Source, root: h5py.Group, layer: str) -> list[str]:
    if "/" not in layer and not source.has(root, layer):
        raise ModelError(f"{source.label}: the weights of {shorten(layer)} are missing")
    return source.names(source.group(root, layer), "weight_names") or []


def _by_class(source: Source, root: h5py.Group, architecture: Architecture) -> Weights:
    """Groups named by class in snake case and a running number, variables by position."""
    folders: dict[str, str] = {}
    count: dict[str, int] = {}
    for entry in architecture.entries:
        base = snake_case(entry.class_name)
        number = count[base] = count.get(base, -1) + 1
        folders[entry.name] = f"{base}_{number}" if number else base
    unknown = sorted(set(source.children(root)) - set(folders.values()))
    if unknown:
        raise ModelError(
            f"{source.label}: weights for {shorten(unknown[0])}, which the model does not have; "
            "are the architecture and the weights of one model?"
        )

    def weights(entry: Entry) -> Mapping[str, Real]:
        folder = folders[entry.name]
        if not source.has(root, folder):
            return {}
        group = source.group(root, folder)
        if not source.has(group, "vars"):
            return {}
        variables = source.group(group, "vars")
        return {name: source.array(variables, name) for name in source.children(variables)}

    return weights


def snake_case(class_name: str) -> str:
    """``BatchNormalization`` -> ``batch_normalization``, ``QDense`` -> ``q_dense``."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])|(?<=.)(?=[A-Z][a-z])", "_", class_name).lower()
