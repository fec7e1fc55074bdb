"""HLSConfig: what a user asks for, per model, layer type and layer; hls4ml's keys at the edge."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum

from converter.graph import Strategy
from converter.types import Fixed, Overflow, Rounding

DEFAULT_ROUNDING = Rounding.RND
DEFAULT_OVERFLOW = Overflow.SAT
"""Modes of a type that a configuration spells without any, where hls4ml truncates and wraps."""


DEFAULT_PRECISION = Fixed(16, 6, True, DEFAULT_ROUNDING, DEFAULT_OVERFLOW)


class IOType(Enum):
    """How tensors travel."""

    PARALLEL = "io_parallel"
    STREAM = "io_stream"


@dataclass(frozen=True)
class Auto:
    """A type that the converter chooses: range from the network (and data), exact where
    ``width`` bits allow, else rounded and saturated to ``width`` bits. ``None``: as wide as
    the model's default precision for results, and as wide as needed for accumulators.
    """

    width: int | None = None


Precision = Fixed | Auto


@dataclass(frozen=True)
class LayerConfig:
    """What holds for one layer, after defaults. ``precision`` has the keys ``weight``,
    ``bias``, ``accum``, ``result``, ``scale``, ``table``, ``exp_table``, ``inv_table``; a
    missing key means ``Auto()``.
    """

    precision: Mapping[str, Precision] = field(default_factory=dict)
    default_precision: Precision = DEFAULT_PRECISION
    strategy: Strategy = Strategy.LATENCY
    reuse_factor: int = 1
    table_size: int | None = None


@dataclass(frozen=True)
class HLSConfig:
    """A whole configuration. ``layer_types`` is by framework class name (``Dense``), and
    ``layers`` by layer name, each holding only what it sets.
    """

    model: LayerConfig = field(default_factory=LayerConfig)
    layer_types: Mapping[str, Mapping[str, object]] = field(default_factory=dict)
    layers: Mapping[str, Mapping[str, object]] = field(default_factory=dict)
    io_type: IOType = IOType.PARALLEL
    clock_period_ns: float = 5.0
    part: str | None = None
    backend: str | None = None
