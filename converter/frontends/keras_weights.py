"""Weights in HDF5 as Keras writes them: by layer name, or in its later layout by class."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

import h5py

from converter.errors import ModelError, UnsupportedError
from converter.frontends.architecture import Architecture, Entry, Weights
from converter.frontends.hdf5 import Source
from converter.layers.base import Real
from converter.layers.spec import shorten

CONTAINERS = ("layers", "_layer_checkpoint_dependencies")
"""Where a model's group has the groups of its layers."""

MAX_PARTS = 8
"""Layers inside a layer inside a layer..., of HGQ2."""


def find_weights(source: Source, root: h5py.Group, architecture: Architecture) -> Weights:
    """How to get a layer's weights out of ``root``, whichever layout it has.

    Raises ModelError where the file has weights of layers that the model lacks.
    """
    layers = source.names(root, "layer_names")
    if layers is not None:
        return _by_name(source, root, layers, architecture)
    for container in CONTAINERS:
        if source.has(root, container):
            return _by_class(source, source.group(root, container), architecture)
    raise ModelError(f"{source.label}: no weights as Keras writes them")


def _by_name(
    source: Source, root: h5py.Group, layers: list[str], architecture: Architecture
) -> Weights:
    """Groups named as the layers, with the paths of the variables in ``weight_names``."""
    known = {e.path[0] for e in architecture.entries}
    for layer in layers:
        if layer not in known and _variable_names(source, root, layer):
            raise ModelError(
                f"{source.label}: weights for {shorten(layer)}, which the model does not have; "
                "are the architecture and the weights of one model?"
            )

    def weights(entry: Entry) -> Mapping[str, Real]:
        outermost = entry.path[0]
        if entry.class_name.startswith("hgq>"):
            raise UnsupportedError(
                f"{entry.where}: HGQ2's bits are not read from .h5 files; save the model as .keras"
            )
        if outermost not in layers:
            return {}
        found: dict[str, Real] = {}
        for path in _paths_of(entry, _variable_names(source, root, outermost)):
            name = path.rpartition("/")[2].partition(":")[0]
            if name in found:
                raise ModelError(f"{entry.where}: two weights named {shorten(name)}")
            found[name] = source.array(source.group(root, outermost), path)
        return found

    return weights


def _paths_of(entry: Entry, paths: list[str]) -> list[str]:
    """The variables of one layer among those of the nested model that it is in.

    Paths end in ``<layer>/<variable>``; names of models around the layer stand before it,
    but not all, and tell layers of one name apart.
    """
    if len(entry.path) == 1:
        return paths
    *around, layer = entry.path
    found = [p for p in paths if layer in p.split("/")[:-1]]
    for model in reversed(around):
        found = [p for p in found if model in p.split("/")[:-1]] or found
    return found


def _variable_names(source: Source, root: h5py.Group, layer: str) -> list[str]:
    if "/" not in layer and not source.has(root, layer):
        raise ModelError(f"{source.label}: the weights of {shorten(layer)} are missing")
    return source.names(source.group(root, layer), "weight_names") or []


def _by_class(source: Source, root: h5py.Group, architecture: Architecture) -> Weights:
    """Groups named by class in snake case and a running number, variables by position; those of
    a nested model lie in its group.
    """
    folders = _folders(architecture)
    _check_known(source, root, folders)

    def weights(entry: Entry) -> Mapping[str, Real]:
        group = root
        for depth in range(1, len(entry.path) + 1):
            folder = folders[entry.path[:depth]]
            group = _container(source, group) if depth > 1 else group
            if not source.has(group, folder):
                return {}
            group = source.group(group, folder)
        if entry.class_name.startswith("hgq>"):
            return dict(_of_parts(source, group))
        return dict(_of_group(source, group))

    return weights


def _of_group(source: Source, group: h5py.Group, prefix: str = "") -> Iterator[tuple[str, Real]]:
    """A layer's own variables by position."""
    if source.has(group, "vars"):
        variables = source.group(group, "vars")
        decay = name_of_decay(prefix)
        for name in source.children(variables):
            if name != decay:
                yield prefix + name, source.array(variables, name)


def name_of_decay(prefix: str) -> str | None:
    """The variable of an HGQ2 quantizer that acts in training only, and may be infinite."""
    return "3" if prefix.endswith("quantizer/") else None


def _of_parts(
    source: Source, group: h5py.Group, prefix: str = "", depth: int = 0
) -> Iterator[tuple[str, Real]]:
    """Those of a layer and of the layers that it is made of, such as ``kq/quantizer/0``."""
    yield from _of_group(source, group, prefix)
    for name in source.children(group) if depth < MAX_PARTS else ():
        if name != "vars":
            inner = source.group(group, name)
            yield from _of_parts(source, inner, f"{prefix}{name}/", depth + 1)


def _folders(architecture: Architecture) -> dict[tuple[str, ...], str]:
    """Name of each layer's and each nested model's group within that of the model around it."""
    classes = {e.path: e.class_name for e in architecture.entries} | dict(architecture.models)
    folders: dict[tuple[str, ...], str] = {}
    count: dict[tuple[tuple[str, ...], str], int] = {}
    for path, class_name in classes.items():
        base = snake_case(class_name.rpartition(">")[2])
        key = (path[:-1], base)
        number = count[key] = count.get(key, -1) + 1
        folders[path] = f"{base}_{number}" if number else base
    return folders


def _container(source: Source, group: h5py.Group) -> h5py.Group:
    """Where a nested model's group has its layers."""
    for container in CONTAINERS:
        if source.has(group, container):
            return source.group(group, container)
    return group


def _check_known(source: Source, root: h5py.Group, folders: dict[tuple[str, ...], str]) -> None:
    """Refuse weights of layers that the outermost model lacks."""
    known = {folder for at, folder in folders.items() if len(at) == 1}
    unknown = sorted(set(source.children(root)) - known)
    if unknown:
        raise ModelError(
            f"{source.label}: weights for {shorten(unknown[0])}, which the model does not have; "
            "are the architecture and the weights of one model?"
        )


def snake_case(class_name: str) -> str:
    """``BatchNormalization`` -> ``batch_normalization``, ``QDense`` -> ``q_dense``."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])|(?<=.)(?=[A-Z][a-z])", "_", class_name).lower()
