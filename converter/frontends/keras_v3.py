"""Keras' ``.keras`` files: a zip of ``config.json``, ``metadata.json`` and ``model.weights.h5``."""

from __future__ import annotations

import io
import zipfile
import zlib
from pathlib import Path

from converter.errors import ModelError
from converter.frontends.architecture import build, with_generation
from converter.frontends.hdf5 import MAX_BYTES, MAX_TEXT, opened
from converter.frontends.keras_config import parse_json, read_architecture
from converter.frontends.keras_weights import find_weights
from converter.graph import ModelGraph

CONFIG = "config.json"
METADATA = "metadata.json"
WEIGHTS = "model.weights.h5"
MAX_RATIO = 100
"""Trained weights hardly compress; a member that grows more than this is a bomb."""

FREE_BYTES = 1 << 24
"""Members up to this size may grow as they like."""


def load_keras(path: Path) -> ModelGraph:
    """A whole model. Raises ModelError."""
    try:
        with zipfile.ZipFile(path) as archive:
            config = _member(path.name, archive, CONFIG, MAX_TEXT)
            known = METADATA in archive.namelist()
            about = _member(path.name, archive, METADATA, MAX_TEXT) if known else b"{}"
            weights = _member(path.name, archive, WEIGHTS, MAX_BYTES)
    except (zipfile.BadZipFile, zlib.error, OSError, EOFError, RuntimeError, ValueError) as error:
        raise ModelError(f"{path.name}: a damaged .keras file: {str(error)[:200]}") from None
    architecture = with_generation(
        read_architecture(path.name, parse_json(f"{path.name}: {CONFIG}", config)),
        parse_json(f"{path.name}: {METADATA}", about).get("keras_version"),
    )
    with opened(f"{path.name}: {WEIGHTS}", io.BytesIO(weights)) as source:
        root = source.file["/"]
        return build(architecture, find_weights(source, root, architecture))


def _member(label: str, archive: zipfile.ZipFile, name: str, limit: int) -> bytes:
    if name not in archive.namelist():
        raise ModelError(f"{label}: a .keras file must hold {name}; this zip does not")
    info = archive.getinfo(name)
    bomb = info.file_size > max(FREE_BYTES, MAX_RATIO * info.compress_size)
    if info.file_size > limit or bomb:
        raise ModelError(
            f"{label}: {name} would take {info.file_size} bytes; the limit is {limit}, and "
            f"{MAX_RATIO} times its compressed size"
        )
    with archive.open(info) as member:
        return member.read(limit + 1)[: info.file_size]
