"""How good a model's outputs are."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from converter.errors import ConfigError, DataError
from converter.graph import ModelGraph
from converter.layers.activation import Function
from converter.layers.functions import Kind
from converter.layers.softmax import Softmax
from dse.data import Dataset

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class Metric:
    """A score by name. ``sign`` +1: larger is better, -1: smaller is better."""

    name: str
    sign: int

    @staticmethod
    def named(name: str) -> Metric:
        """The metric of that name; functions of the user's count larger as better."""
        return Metric(name, -1 if name in ("mse", "mae") else 1)

    @property
    def bounded(self) -> bool:
        """At most 1, which is perfect."""
        return self.name in ("accuracy", "auc", "fidelity")

    def loss(self, value: float) -> float:
        """What the search minimises; 0 is perfect for the bounded metrics."""
        if self.bounded:
            return 1.0 - value
        return -self.sign * value

    def missed_by(self, value: float, bound: float | None) -> float:
        """How far a score is from the user's limit; at most 0 where it is met."""
        return 0.0 if bound is None else self.sign * (bound - value)


def choose_metric(name: str | None, data: Dataset) -> Metric:
    """The metric asked for, or the one that fits the data."""
    if data.y is None:
        if name not in (None, "fidelity"):
            raise ConfigError(f"--metric {name} needs --data with x and y")
        return Metric.named("fidelity")
    if name is None:
        return Metric.named("accuracy" if data.classes else "mse")
    if name in ("accuracy", "auc") and not data.classes:
        raise ConfigError(f"--metric {name} needs classes in y; it holds real values")
    if name in ("accuracy", "auc", "fidelity", "mse", "mae"):
        return Metric.named(name)
    if ":" in name:
        _custom(name)
        return Metric.named(name)
    raise ConfigError(
        f"--metric {name}: there are accuracy, auc, mse, mae, fidelity and module:function"
    )


def score(metric: Metric, data: Dataset, outputs: Array, reference: Array, final: str) -> float:
    """The metric's value for ``outputs`` [rows, n].

    ``reference``: the float model's outputs on the same rows. ``final`` is ``final_kind``'s
    word for the model's last layer, which tells scores from probabilities.
    """
    if metric.name == "fidelity":
        return _fidelity(outputs, reference, final)
    if data.y is None:
        raise DataError(f"{metric.name} needs targets, and the data have none")
    y = data.y
    if metric.name == "accuracy":
        return float((_predicted(outputs, final) == y).mean())
    if metric.name == "auc":
        return _auc(y, outputs)
    if ":" in metric.name:
        return _call(metric.name, y, outputs)
    difference = outputs - _as_values(y, outputs.shape[1])
    return float((difference**2).mean() if metric.name == "mse" else np.abs(difference).mean())


def final_kind(graph: ModelGraph) -> str:
    """``softmax``, ``sigmoid`` or ``linear``: what the model's output layer ends with."""
    layer = graph[graph.outputs[0]].layer
    if isinstance(layer, Softmax):
        return "softmax"
    return "sigmoid" if layer == Function(Kind.SIGMOID) else "linear"


def _predicted(outputs: Array, final: str) -> Array:
    if outputs.shape[1] > 1:
        return outputs.argmax(axis=1)
    return (outputs[:, 0] > (0.5 if final == "sigmoid" else 0.0)).astype(np.int64)


def _fidelity(outputs: Array, reference: Array, final: str) -> float:
    """Share of rows with the float model's class; for real outputs 1 - residual variance."""
    if final != "linear":
        return float((_predicted(outputs, final) == _predicted(reference, final)).mean())
    spread = float(((reference - reference.mean(axis=0)) ** 2).mean())
    error = float(((outputs - reference) ** 2).mean())
    return 1.0 - error / spread if spread > 0 else float(error == 0)


def _auc(y: Array, outputs: Array) -> float:
    """Area under the ROC curve by rank sums (Mann-Whitney); macro mean over classes."""
    columns = range(outputs.shape[1]) if outputs.shape[1] > 1 else [0]
    areas = []
    for k in columns:
        positive = y == (k if outputs.shape[1] > 1 else 1)
        if 0 < positive.sum() < len(y):
            areas.append(_area(outputs[:, k], positive))
    if not areas:
        raise DataError("auc needs rows of at least two classes in y")
    return float(np.mean(areas))


def _area(scores: Array, positive: Array) -> float:
    _, inverse, counts = np.unique(scores, return_inverse=True, return_counts=True)
    ends = np.cumsum(counts)
    ranks = (ends - (counts - 1) / 2)[inverse]
    n = int(positive.sum())
    return float((ranks[positive].sum() - n * (n + 1) / 2) / (n * (len(scores) - n)))


def _as_values(y: Array, outputs: int) -> Array:
    if y.dtype.kind != "i":
        return y
    return np.eye(outputs)[y] if outputs > 1 else y[:, np.newaxis].astype(np.float64)


def _custom(name: str) -> Callable[[Array, Array], float]:
    module, _, function = name.partition(":")
    if "" not in sys.path and str(Path.cwd()) not in sys.path:
        sys.path.append(str(Path.cwd()))  # where a user's own module most often is
    try:
        found: Callable[[Array, Array], float] = getattr(importlib.import_module(module), function)
    except Exception as error:  # the module is the user's and may do anything
        raise ConfigError(f"--metric {name}: cannot import it: {error}") from error
    if not callable(found):
        raise ConfigError(f"--metric {name}: must be a function of (y, outputs)")
    return found


def _call(name: str, y: Array, outputs: Array) -> float:
    try:
        value = float(_custom(name)(y, outputs))
    except Exception as error:
        raise DataError(f"--metric {name} failed: {type(error).__name__}: {error}") from error
    if not np.isfinite(value):
        raise DataError(f"--metric {name} gave {value}")
    return value
