"""One layer as its file says it, read attribute by attribute so that none is overlooked."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

import numpy as np

from converter.errors import ModelError, UnsupportedError
from converter.layers.base import Layer, Real

T = TypeVar("T")

HARMLESS = frozenset({"name", "trainable", "dtype", "batch_input_shape", "batch_shape"})
"""Attributes of every layer that change nothing at inference, or that a frontend has used."""

WHOLE = ("int8", "int16", "int32", "int64", "uint8", "uint16", "uint32")
"""What an input may be beside float32: its values are the same numbers."""


@dataclass(frozen=True, eq=False)
class Part:
    """A node that a model file's layer becomes.

    ``suffix`` is empty for the layer itself; an activation given as an argument is a node
    of its own named ``<layer>_<suffix>``. ``reads``: what it reads, inputs of the layer by
    position or earlier parts by suffix; None: the part before it, or all inputs of the layer.
    """

    suffix: str
    layer: Layer
    reads: tuple[int | str, ...] | None = None


@dataclass(frozen=True, eq=False)
class LayerSpec:
    """A layer of a model file: framework class name, attributes, and weights.

    ``weights`` is by variable name (``kernel``, ``bias``), or by position (``0``, ``1``) where
    the format has no names; float64. ``generation``: of the Keras that wrote the file, 2 or 3;
    None: the file does not tell. ``shown_as``: the class that messages name, where the layer is
    read as another that it is made of. Each accessor consumes what it gives, and ``finish`` refuses
    what nobody asked for.
    """

    name: str
    class_name: str
    config: Mapping[str, Any]
    weights: Mapping[str, Real] = field(default_factory=dict)
    used: set[str] = field(default_factory=set)
    generation: int | None = None
    shown_as: str = ""

    @property
    def where(self) -> str:
        """How messages name the layer: ``fc1 (Dense)``."""
        return f"{shown(self.name)} ({shown(self.shown_as or self.class_name)})"

    def get(self, key: str, default: object = None) -> Any:
        """The attribute as it stands in the file."""
        self.used.add(key)
        return self.config.get(key, default)

    def integer(self, key: str, default: int | None = None) -> int:
        """A whole number; a missing attribute without default is an error."""
        value = self._present(key, default)
        whole = isinstance(value, int) or (isinstance(value, float) and value.is_integer())
        if isinstance(value, bool) or not whole:
            raise self.bad(key, value, "a whole number")
        return int(value)

    def number(self, key: str, default: float | None = None) -> float:
        """A finite number."""
        value = self._present(key, default)
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise self.bad(key, value, "a number")
        if not math.isfinite(value):
            raise self.bad(key, value, "a finite number")
        return float(value)

    def flag(self, key: str, default: bool | None = None) -> bool:
        """True or False; files also write 0 and 1."""
        value = self._present(key, default)
        if value not in (0, 1):
            raise self.bad(key, value, "true or false")
        return bool(value)

    def only(self, key: str, *allowed: object) -> None:
        """Accept an attribute where it is missing or has one of the values that change nothing."""
        value = self.get(key, allowed[0])
        if not any(type(value) is type(a) and value == a for a in allowed):
            raise self.unsupported(key, value)

    def variables(self, *names: str) -> tuple[Real, ...]:
        """Weights by name, or by position where the format has positions only.

        Raises ModelError where one is missing or one is left over.
        """
        order = [str(i) for i in range(len(names))]
        keys = order if set(self.weights) == set(order) else list(names)
        missing = [n for n, key in zip(names, keys, strict=True) if key not in self.weights]
        extra = sorted(set(self.weights) - set(keys))
        if missing or extra:
            raise ModelError(
                f"{self.where}: the weights needed are {', '.join(names) or 'none'}; the file has "
                f"{', '.join(sorted(self.weights)) or 'none'}"
            )
        return tuple(self.weights[key] for key in keys)

    def shaped(self, name: str, array: Real, shape: tuple[int, ...]) -> Real:
        """``array`` where it has ``shape``. Raises ModelError."""
        if array.shape != shape:
            raise ModelError(
                f"{self.where}: {name} must have shape {shape}; the file has {array.shape}"
            )
        return array

    def finish(self, *training_only: str) -> None:
        """Refuse every attribute that was neither asked for nor is without effect at inference.

        ``training_only`` names the layer's attributes that act in training only.
        """
        self._check_dtype()
        for key, value in self.config.items():
            if key not in self.used and key not in HARMLESS and key not in training_only:
                raise self.unsupported(key, value)

    def inner(self, key: str, class_name: str, config: Mapping[str, Any]) -> LayerSpec:
        """An object that stands in attribute ``key``, such as a quantizer."""
        where = f"{self.class_name}, {key}: {class_name}"
        return LayerSpec(self.name, where, config, generation=self.generation)

    def unsupported(self, key: str, value: object) -> UnsupportedError:
        """An attribute that is not honoured."""
        return UnsupportedError(f"{self.where}: attribute {key}={shorten(value)} is not supported")

    def bad(self, key: str, value: object, needed: str) -> ModelError:
        """An attribute of a wrong kind."""
        return ModelError(f"{self.where}: {key} must be {needed}; the file has {shorten(value)}")

    def _present(self, key: str, default: T | None) -> Any:
        value = self.get(key, default)
        if value is None:
            raise ModelError(f"{self.where}: attribute {key} is missing")
        return value

    def _check_dtype(self) -> None:
        dtype = self.config.get("dtype")
        if isinstance(dtype, Mapping):  # Keras 3 spells a policy as a serialised object
            inner = dtype.get("config")
            name = inner.get("name") if isinstance(inner, Mapping) else None
            if dtype.get("class_name") in ("DTypePolicy", "Policy"):
                dtype = name
        whole = self.class_name == "InputLayer" and dtype in WHOLE
        if dtype not in (None, "float32") and not whole:
            raise self.unsupported("dtype", dtype)


def shown(name: str, limit: int = 80) -> str:
    """A name from outside as it stands, or its ``repr`` where it would spoil a message."""
    return name if name.isprintable() and len(name) <= limit else shorten(name, limit)


def shorten(value: object, limit: int = 80) -> str:
    """``repr`` of data from outside, on one line and of bounded length."""
    text = repr(value)
    return text if len(text) <= limit else text[: limit - 3] + "..."


def finite(where: str, name: str, array: Sequence[Any] | Real) -> Real:
    """Weights as float64. Raises ModelError on NaN and infinities."""
    values = np.asarray(array, dtype=np.float64)
    bad = int(np.count_nonzero(~np.isfinite(values)))
    if bad:
        raise ModelError(f"{where}: {name} has {bad} NaN or infinite values of {values.size}")
    return values
