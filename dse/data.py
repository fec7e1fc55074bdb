"""The user's data, checked; or inputs drawn to fit the model where there are none."""

from __future__ import annotations

import hashlib
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from converter.errors import DataError
from converter.graph import ModelGraph
from converter.layers.batchnorm import BatchNormalization

Array = npt.NDArray[Any]

MAX_BYTES = 16 << 30
DRAWN_ROWS = 1000


@dataclass(frozen=True, eq=False)
class Dataset:
    """Rows to score on (``x`` [rows, *shape], ``y``), and rows to train or calibrate on.

    ``y`` is class indices [rows] (int64), real values [rows, outputs], or None where the
    inputs were drawn. ``origin`` says where the rows come from.
    """

    x: Array
    y: Array | None
    origin: str
    x_train: Array | None = None
    y_train: Array | None = None

    @property
    def classes(self) -> bool:
        """The targets are classes."""
        return self.y is not None and self.y.dtype.kind == "i"

    def digest(self) -> str:
        """Hash of every row."""
        text = hashlib.sha256()
        for array in (self.x, self.y, self.x_train, self.y_train):
            text.update(b"-" if array is None else np.ascontiguousarray(array).tobytes())
        return text.hexdigest()


def load_data(path: Path, graph: ModelGraph) -> Dataset:
    """Read an ``.npz`` of ``x``, ``y`` and optionally ``x_train``, ``y_train``.

    Raises DataError by array name: shape, type, NaN, emptiness, row counts.
    """
    arrays = _read_npz(path)
    unknown = sorted(set(arrays) - {"x", "y", "x_train", "y_train"})
    if "x" not in arrays or "y" not in arrays or unknown:
        found = ", ".join(sorted(arrays)) or "nothing"
        raise DataError(
            f"{path.name}: needs the arrays x and y (and may have x_train, y_train); has {found}"
        )
    shape = graph[graph.inputs[0]].shape
    outputs = int(np.prod(graph[graph.outputs[0]].shape))
    x = _inputs(path.name, "x", arrays["x"], shape)
    y = _targets(path.name, "y", arrays["y"], len(x), outputs)
    if "x_train" not in arrays:
        return Dataset(x, y, path.name)
    x_train = _inputs(path.name, "x_train", arrays["x_train"], shape)
    y_train = (
        _targets(path.name, "y_train", arrays["y_train"], len(x_train), outputs)
        if "y_train" in arrays
        else None
    )
    return Dataset(x, y, path.name, x_train, y_train)


def read_inputs(path: Path, graph: ModelGraph) -> Array | dict[str, Array]:
    """The array ``x`` of an ``.npz``; for a model of several inputs, the arrays ``x_<input>``, by
    input. Each is checked against the model; other arrays are not read. Raises DataError.
    """
    arrays = _read_npz(path)
    if len(graph.inputs) == 1:
        return _input(path, arrays, "x", graph[graph.inputs[0]].shape)
    found = {n: _input(path, arrays, f"x_{n}", graph[n].shape) for n in graph.inputs}
    if len({len(x) for x in found.values()}) > 1:
        raise DataError(f"{path.name}: the inputs must have the same number of rows")
    return found


def _input(path: Path, arrays: dict[str, Array], key: str, shape: tuple[int, ...]) -> Array:
    if key not in arrays:
        has = ", ".join(sorted(arrays)) or "nothing"
        raise DataError(f"{path.name}: has no array {key}; has {has}")
    return _inputs(path.name, key, arrays[key], shape)


def draw_inputs(graph: ModelGraph, seed: int, rows: int = DRAWN_ROWS) -> Dataset:
    """Rows drawn to fit the model's first layers, for a score against the float model.

    A batch normalisation at the input tells mean and spread of the data that it was
    trained on; else features are taken to be standardised.
    """
    rng = np.random.default_rng(seed)
    name = graph.inputs[0]
    x = rng.standard_normal((rows, *graph[name].shape))
    for node in graph.consumers(name):
        if isinstance(node.layer, BatchNormalization):
            scale = np.where(node.layer.scale == 0, 1.0, node.layer.scale)
            x = (x - node.layer.offset) / scale
            break
    return Dataset(x, None, f"{rows} rows drawn from a standard distribution (seed {seed})")


def _read_npz(path: Path) -> dict[str, Array]:
    if not path.is_file():
        raise DataError(f"{path}: no such file")
    try:
        with zipfile.ZipFile(path) as archive:
            if sum(member.file_size for member in archive.infolist()) > MAX_BYTES:
                raise DataError(f"{path.name}: unpacks to more than {MAX_BYTES >> 30} GiB")
        with np.load(path, allow_pickle=False) as archive:
            return {name: archive[name] for name in archive.files}
    except (OSError, ValueError, EOFError, KeyError, zipfile.BadZipFile) as error:
        raise DataError(
            f"{path.name}: not a readable .npz of plain arrays ({type(error).__name__})"
        ) from error


def _inputs(file: str, name: str, x: Array, shape: tuple[int, ...]) -> Array:
    if x.dtype.kind not in "fiub":
        raise DataError(f"{file}: {name} must hold numbers; it holds {x.dtype}")
    if len(x) == 0 if x.ndim else True:
        raise DataError(f"{file}: {name} is empty")
    size = int(np.prod(shape))
    if x.ndim < 2 or (x.shape[1:] != shape and x.shape[1:] != (size,)):
        raise DataError(
            f"{file}: {name} has shape {x.shape}; the model takes "
            f"(rows, {', '.join(map(str, shape))})"
        )
    x = x.astype(np.float64)
    if not np.isfinite(x).all():
        raise DataError(f"{file}: {name} has NaN or infinite values")
    return x.reshape(len(x), *shape)


def _targets(file: str, name: str, y: Array, rows: int, outputs: int) -> Array:
    if y.dtype.kind not in "fiub" or y.ndim == 0:
        raise DataError(f"{file}: {name} must be an array of numbers; it holds {y.dtype}")
    if len(y) != rows:
        raise DataError(f"{file}: {name} has {len(y)} rows where x has {rows}")
    values = y.reshape(rows, -1).astype(np.float64)
    if not np.isfinite(values).all():
        raise DataError(f"{file}: {name} has NaN or infinite values")
    if outputs > 1 and values.shape[1] == 1:
        return _class_indices(file, name, values[:, 0], outputs)
    if values.shape[1] != outputs:
        raise DataError(
            f"{file}: {name} has {values.shape[1]} values a row; the model gives {outputs}"
        )
    one_hot = outputs > 1 and np.isin(values, (0, 1)).all() and (values.sum(axis=1) == 1).all()
    if one_hot:
        return values.argmax(axis=1).astype(np.int64)
    if outputs == 1 and np.isin(values, (0, 1)).all():
        return values[:, 0].astype(np.int64)
    return values


def _class_indices(file: str, name: str, values: Array, outputs: int) -> Array:
    if (values != np.floor(values)).any() or values.min() < 0 or values.max() >= outputs:
        raise DataError(
            f"{file}: {name} must hold class indices in 0..{outputs - 1}; it spans "
            f"{values.min():g}..{values.max():g}"
        )
    return values.astype(np.int64)
