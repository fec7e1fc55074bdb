"""Model files of all kinds, told apart by their content; no framework is needed to read them."""

from __future__ import annotations

from pathlib import Path

from converter.errors import ModelError, UnsupportedError
from converter.frontends.hdf5 import MAX_TEXT
from converter.graph import ModelGraph

HDF5 = b"\x89HDF\r\n\x1a\n"
ZIP = b"PK\x03\x04"
ONNX_VERSION, MAX_ONNX_VERSION = 0x08, 63
"""The tag of the field ``ir_version``, and more than any version so far."""

KINDS = ".h5, .keras, .onnx, or an architecture's .json with its weights' .h5"


def load(model: str | Path, weights: str | Path | None = None) -> ModelGraph:
    """Read a trained model: Keras 2, Keras 3, QKeras, HGQ, HGQ2 or ONNX.

    ``weights`` is for an architecture in JSON. Raises ModelError for a file that is missing,
    damaged or of another kind, and UnsupportedError by layer, class and attribute.
    """
    from converter.frontends.keras_h5 import load_h5
    from converter.frontends.keras_json import load_json
    from converter.frontends.keras_v3 import load_keras
    from converter.frontends.onnx_load import load_onnx

    path = Path(model)
    kind = kind_of(path)
    if kind == "json":
        return load_json(path, _weights_of(path, weights))
    if weights is not None:
        raise ModelError(f"{path.name}: has its own weights; leave the file of weights out")
    return {"h5": load_h5, "keras": load_keras, "onnx": load_onnx}[kind](path)


def _weights_of(path: Path, weights: str | Path | None) -> Path:
    if weights is None:
        raise ModelError(f"{path.name}: an architecture alone; give its weights' .h5 too")
    found = Path(weights)
    if kind_of(found) != "h5":
        raise ModelError(f"{found.name}: the weights of {path.name} must be an HDF5 file")
    return found


def content(path: Path) -> bytes:
    """All of a model file, fit for a copy: constants that ONNX has in files beside it are in it.

    Raises ModelError.
    """
    from converter.frontends.onnx_file import self_contained

    return self_contained(path) if kind_of(path) == "onnx" else path.read_bytes()


def kind_of(path: Path) -> str:
    """``h5``, ``keras``, ``json`` or ``onnx``, by the first bytes; a name that ends in .onnx counts
    where they tell nothing. Raises ModelError.
    """
    head = _head(path)
    if head.startswith(HDF5):
        return "h5"
    if head.startswith(ZIP):
        return "keras"
    if head.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"{"):
        if path.stat().st_size > MAX_TEXT:
            raise ModelError(f"{path.name}: more than {MAX_TEXT} bytes of JSON")
        return "json"
    if _starts_as_onnx(head):
        return "onnx"
    refusal = _refusal(path, head)
    if refusal is None:
        return "onnx"
    raise refusal


def _starts_as_onnx(head: bytes) -> bool:
    """Whether the first field is a small number, as the version of the format is."""
    return len(head) > 2 and head[0] == ONNX_VERSION and 1 <= head[1] <= MAX_ONNX_VERSION


def _head(path: Path) -> bytes:
    if path.is_dir():
        raise ModelError(f"{path}: a folder; a model must be one file: {KINDS}")
    try:
        with path.open("rb") as file:
            return file.read(512)
    except FileNotFoundError:
        raise ModelError(f"{path}: no such file") from None
    except (OSError, ValueError) as error:
        raise ModelError(f"{path}: cannot be read: {error}") from None


def _refusal(path: Path, head: bytes) -> ModelError | None:
    """Says what the file seems to be; None for what its name alone says is ONNX."""
    text = head.lstrip().lower()
    if not head:
        return ModelError(f"{path.name}: an empty file")
    if text.startswith((b"<!doctype", b"<html", b"<?xml")):
        return ModelError(f"{path.name}: a web page, not a model; was a download refused?")
    if head.startswith(b"\x80") or path.suffix.lower() in (".pkl", ".pickle", ".pt", ".pth"):
        return UnsupportedError(
            f"{path.name}: a pickle, which could run code and is never loaded; a model must be "
            f"{KINDS}"
        )
    if text.startswith(b"version https://git-lfs"):
        return ModelError(f"{path.name}: a Git LFS pointer, not the model; run git lfs pull")
    if path.suffix.lower() == ".onnx":
        return None
    return ModelError(f"{path.name}: not a model file; it must be {KINDS}")
