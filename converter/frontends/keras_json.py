"""An architecture in JSON (Keras' ``model.to_json()``) with its weights in HDF5."""

from __future__ import annotations

from pathlib import Path

from converter.frontends.architecture import build, with_generation
from converter.frontends.hdf5 import opened
from converter.frontends.keras_config import parse_json, read_architecture
from converter.frontends.keras_weights import find_weights
from converter.graph import ModelGraph


def load_json(path: Path, weights: Path) -> ModelGraph:
    """A model from two files; ``weights`` may be a whole-model file as well."""
    model = parse_json(path.name, path.read_bytes())
    architecture = with_generation(read_architecture(path.name, model), model.get("keras_version"))
    with opened(weights.name, weights) as source:
        whole = source.has(source.file, "model_weights")
        group = source.group(source.file, "model_weights") if whole else source.file["/"]
        return build(architecture, find_weights(source, group, architecture))
