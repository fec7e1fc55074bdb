"""The two graphs of the converter, and what is legal in each.

``ModelGraph``: what the model file says, in real numbers; nodes are layers.
``TypedGraph``: what the hardware computes, in integers; stages are units, and every
edge has a fixed-point type. How a unit is built (strategy, reuse factor) is beside it
in ``hardware``, since it never changes a bit of what is computed.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, is_dataclass, replace
from enum import Enum
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from converter.carriers import integer_dtype
from converter.errors import ConfigError, ModelError
from converter.types import Codes, Fixed

if TYPE_CHECKING:
    from converter.layers.base import Layer
    from converter.units.base import Unit

Shape = tuple[int, ...]
"""Shape of a tensor without its batch axis."""


@dataclass(frozen=True)
class Node:
    """One layer of a model. ``inputs`` names the nodes that it reads.

    ``merged``: the layer of the file whose output this is, where a pass took one or more
    layers after this one into it; None: its own.
    """

    name: str
    layer: Layer
    inputs: tuple[str, ...]
    shape: Shape
    merged: str | None = None


@dataclass(frozen=True)
class ModelGraph:
    """A model in real numbers; ``nodes`` are in topological order."""

    name: str
    nodes: tuple[Node, ...]
    outputs: tuple[str, ...]

    def __post_init__(self) -> None:
        seen: set[str] = set()
        for node in self.nodes:
            if node.name in seen:
                raise ModelError(f"{node.name}: two layers have this name")
            missing = [i for i in node.inputs if i not in seen]
            if missing:
                raise ModelError(f"{node.name}: reads {missing[0]}, which no layer before it gives")
            seen.add(node.name)
        lost = [o for o in self.outputs if o not in seen]
        if lost or not self.outputs:
            raise ModelError(f"{self.name}: the output {lost or 'list'} is not among the layers")

    def __getitem__(self, name: str) -> Node:
        for node in self.nodes:
            if node.name == name:
                return node
        raise KeyError(name)

    @property
    def inputs(self) -> tuple[str, ...]:
        """Names of the nodes that the model is fed through."""
        return tuple(n.name for n in self.nodes if not n.inputs)

    @property
    def bit_exact(self) -> bool:
        """Whether the model was quantised in training, by element, so that nothing is rounded
        but by its own quantizers.
        """
        return any(n.layer.bit_exact for n in self.nodes)

    def consumers(self, name: str) -> tuple[Node, ...]:
        """Nodes that read ``name``."""
        return tuple(n for n in self.nodes if name in n.inputs)


class Strategy(Enum):
    """How multiplications are built: each on its own, shared, or of additions alone."""

    LATENCY = "latency"
    RESOURCE = "resource"
    DISTRIBUTED_ARITHMETIC = "distributed_arithmetic"


class IOType(Enum):
    """How tensors travel: all elements at once, or beat by beat.

    A beat is one position of the leading axes with all of its last axis; a flat tensor is
    one beat.
    """

    PARALLEL = "io_parallel"
    STREAM = "io_stream"


@dataclass(frozen=True)
class Implementation:
    """The hardware choices of one stage.

    ``parallelization_factor``: positions of a sliding window that are computed at once in
    io_parallel; a divisor of their number.
    """

    strategy: Strategy = Strategy.LATENCY
    reuse_factor: int = 1
    parallelization_factor: int = 1


def check_io_type(name: str, choice: Implementation, io_type: IOType) -> None:
    """Raise ConfigError where the stage or layer ``name`` cannot be built so with streams."""
    factor = choice.parallelization_factor
    if io_type is IOType.STREAM and factor != 1:
        raise ConfigError(
            f"{name}: parallelization_factor={factor}, but in io_stream positions come one after "
            "the other; legal: 1"
        )


@dataclass(frozen=True, eq=False)
class Bounds:
    """Least and largest code that each element of an edge can take, inclusive."""

    lo: Codes
    hi: Codes

    @staticmethod
    def of_type(t: Fixed, size: int) -> Bounds:
        """The whole range of a type, for ``size`` elements."""
        dtype: Any = integer_dtype(t.width)
        return Bounds(np.full(size, t.code_min, dtype), np.full(size, t.code_max, dtype))

    @property
    def magnitude(self) -> int:
        """Largest absolute code of any element."""
        return max(-int(self.lo.min()), int(self.hi.max()), 0)


@dataclass(frozen=True, eq=False)
class Edge:
    """A tensor between stages: row-major, channels last; ``bounds`` has shape [size]."""

    name: str
    shape: Shape
    type: Fixed
    bounds: Bounds

    @property
    def size(self) -> int:
        """Number of elements."""
        return math.prod(self.shape)

    @property
    def beats(self) -> int:
        """Beats of the tensor in io_stream."""
        return math.prod(self.shape[:-1])

    @property
    def lanes(self) -> int:
        """Elements of a beat."""
        return self.shape[-1]


@dataclass(frozen=True, eq=False)
class Stage:
    """A unit in its place. It gives the edge of its own name.

    ``layer`` is the model's layer that the user knows it by; a layer may lower to
    several stages.
    """

    name: str
    layer: str
    unit: Unit
    inputs: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class TypedGraph:
    """Integer arithmetic of a whole network. ``stages`` are in topological order.

    ``edges`` holds the model's inputs and one edge per stage. ``hardware`` has one
    entry per stage that has a choice. ``types`` tells, by layer, the types of its result and
    of its constants, by the configuration's keys. ``io_type`` is hardware, too: it changes
    no bit.
    """

    name: str
    edges: Mapping[str, Edge]
    stages: tuple[Stage, ...]
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    hardware: Mapping[str, Implementation] = field(default_factory=dict)
    types: Mapping[str, Mapping[str, Fixed]] = field(default_factory=dict)
    io_type: IOType = IOType.PARALLEL

    def __getitem__(self, name: str) -> Stage:
        for stage in self.stages:
            if stage.name == name:
                return stage
        raise KeyError(name)

    def readers(self, edge: str) -> int:
        """Inputs of stages that read an edge, and one more where it is an output."""
        return sum(s.inputs.count(edge) for s in self.stages) + (edge in self.outputs)

    def implementation(self, name: str) -> Implementation:
        """How the stage ``name`` is built."""
        return self.hardware.get(name, Implementation())

    def legal(self, name: str) -> tuple[Implementation, ...]:
        """The choices of the stage ``name`` under ``io_type``, the default first."""
        choices = self[name].unit.legal()
        if self.io_type is IOType.PARALLEL:
            return choices
        return tuple(c for c in choices if c.parallelization_factor == 1)

    def with_hardware(self, choices: Mapping[str, Implementation]) -> TypedGraph:
        """The same arithmetic with other hardware; each choice must be legal.

        Raises ConfigError with the legal neighbours where a reuse factor is not legal,
        and for a stage that does not exist.
        """
        known = {s.name for s in self.stages}
        for name, choice in choices.items():
            if name not in known:
                raise ConfigError(f"{name}: no such stage; there are: {', '.join(sorted(known))}")
            self[name].unit.check(name, choice)
            check_io_type(name, choice, self.io_type)
        return replace(self, hardware={**self.hardware, **choices})

    def digest(self) -> str:
        """Identity of the arithmetic alone: equal digests compute equal bits."""
        text = hashlib.sha256()
        for stage in self.stages:
            for part in (stage.name, *stage.inputs):
                text.update(part.encode() + b"\0")
            text.update(_bytes(stage.unit))
        for name in (*self.inputs, "->", *self.outputs):
            text.update(name.encode() + b"\0")
        for name in self.inputs:
            text.update(f"{self.edges[name].shape}{self.edges[name].type}".encode())
        return text.hexdigest()


def _bytes(value: object) -> bytes:
    """All of a value, arrays to their last element."""
    if is_dataclass(value):
        inner = [
            item.name.encode() + b"=" + _bytes(getattr(value, item.name)) + b"\0"
            for item in fields(value)
        ]
        return type(value).__name__.encode() + b"(" + b"".join(inner) + b")"
    if isinstance(value, np.ndarray):
        return f"{value.dtype}{value.shape}".encode() + (
            repr(value.tolist()).encode() if value.dtype == object else value.tobytes()
        )
    return repr(value).encode()


def frozen_array(values: npt.ArrayLike, dtype: Any = None) -> npt.NDArray[Any]:
    """A read-only copy, fit for a frozen dataclass."""
    array = np.array(values, dtype=dtype)
    array.setflags(write=False)
    return array
