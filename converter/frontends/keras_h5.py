"""Keras' HDF5 files, of Keras 2 and 3 and as QKeras writes them: architecture and weights."""

from __future__ import annotations

from pathlib import Path

from converter.errors import ModelError
from converter.frontends.architecture import build, with_generation
from converter.frontends.hdf5 import opened
from converter.frontends.keras_config import parse_json, read_architecture
from converter.frontends.keras_weights import find_weights
from converter.graph import ModelGraph


def load_h5(path: Path) -> ModelGraph:
    """A whole model. Raises ModelError, also where the file has weights only."""
    with opened(path.name, path) as source:
        text = source.text(source.file, "model_config")
        if text is None:
            raise ModelError(
                f"{path.name}: weights without an architecture; give the architecture's .json as "
                "the model and this file as its weights"
            )
        architecture = with_generation(
            read_architecture(path.name, parse_json(path.name, text)),
            source.text(source.file, "keras_version"),
        )
        group = source.group(source.file, "model_weights")
        return build(architecture, find_weights(source, group, architecture))
