"""HLSConfig: what a user asks for, per model, layer type and layer.

The file form with hls4ml's keys is read and written by ``converter.config_file``.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields, replace
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from converter.errors import ConfigError
from converter.graph import IOType, Strategy
from converter.types import MAX_WIDTH, Fixed, Overflow, Rounding

DEFAULT_ROUNDING = Rounding.RND
DEFAULT_OVERFLOW = Overflow.SAT
"""Modes of a type that a configuration spells without any, where hls4ml truncates and wraps."""

DEFAULT_PRECISION = Fixed(16, 6, True, DEFAULT_ROUNDING, DEFAULT_OVERFLOW)
"""The type of an input that neither the configuration nor data tell anything of."""

PRECISION_KEYS = (
    "weight", "bias", "accum", "result", "scale", "table", "exp_table", "inv_table"
)  # fmt: skip


@dataclass(frozen=True)
class Auto:
    """A type that the converter chooses: range from the network (and data), exact where
    ``width`` bits allow, else rounded and saturated to ``width`` bits. ``None``: as wide as
    the model's default precision for results, and as wide as needed for accumulators.
    """

    width: int | None = None

    def __post_init__(self) -> None:
        if self.width is not None and not 1 <= self.width <= MAX_WIDTH:
            raise ConfigError(f"auto<{self.width}>: the width must be in 1..{MAX_WIDTH}")

    def __str__(self) -> str:
        return "auto" if self.width is None else f"auto<{self.width}>"


EXACT = Auto(MAX_WIDTH)
"""No rounding at all."""

FINE_SCALE = Auto(30)
"""Of real factors in a bit-exact model: so fine that its own rounding of what they give is that
of the exact value.
"""

Precision = Fixed | Auto


@dataclass(frozen=True)
class LayerConfig:
    """What holds for one layer, after defaults.

    ``precision``: by the keys of ``PRECISION_KEYS``, what was asked of this layer or its type.
    ``default_precision``: for ``weight``, ``bias`` and ``result`` without an entry; a ``Fixed``
    is taken as it is, ``Auto`` chooses. ``maximum``: ``auto`` takes at most this type's width,
    giving up fraction; None: the default's. Sizes are the most entries that a table may have:
    ``table_size`` of a function's table (1024 where None), and those of softmax.
    ``bit_exact``: the model rounds by itself (``ModelGraph.bit_exact``), which no user sets.
    """

    precision: Mapping[str, Precision] = field(default_factory=dict)
    default_precision: Precision = Auto(DEFAULT_PRECISION.width)
    maximum: Fixed | None = None
    strategy: Strategy = Strategy.LATENCY
    reuse_factor: int = 1
    parallelization_factor: int = 1
    table_size: int | None = None
    exp_table_size: int | None = None
    inv_table_size: int | None = None
    bit_exact: bool = False

    def __post_init__(self) -> None:
        _check_precisions(self.precision)
        _check_precisions({"result": self.default_precision})
        if not isinstance(self.strategy, Strategy):
            raise ConfigError(f"strategy={self.strategy!r} must be one of {list(Strategy)}")
        for key in (*_FACTORS, "table_size", "exp_table_size", "inv_table_size"):
            value = getattr(self, key)
            whole = isinstance(value, int) and not isinstance(value, bool) and value >= 1
            if not whole and (value is not None or key in _FACTORS):
                raise ConfigError(f"{key}={value!r} must be a whole number of at least 1")

    def wanted(self, key: str) -> Precision:
        """What was asked for ``key``; ``Auto()`` where nothing was."""
        if key in self.precision:
            return self.precision[key]
        if key in ("weight", "bias", "result") and isinstance(self.default_precision, Fixed):
            return self.default_precision
        return Auto()

    def width(self, key: str) -> int:
        """Bits that ``auto`` may take for ``key``."""
        wanted = self.wanted(key)
        if wanted == Auto():
            wanted = self.maximum or self.default_precision
        return wanted.width or DEFAULT_PRECISION.width


_FACTORS = ("reuse_factor", "parallelization_factor")
_OF_MODEL = ("default_precision", "maximum", "bit_exact")
_KEYS = tuple(f.name for f in fields(LayerConfig) if f.name not in _OF_MODEL)


@dataclass(frozen=True)
class HLSConfig:
    """A whole configuration. ``layer_types`` is by framework class name (``Dense``), and
    ``layers`` by layer name, or by a pattern with ``*`` and ``?``; each holds only what it sets,
    under the names of ``LayerConfig``'s fields.
    """

    model: LayerConfig = field(default_factory=LayerConfig)
    layer_types: Mapping[str, Mapping[str, object]] = field(default_factory=dict)
    layers: Mapping[str, Mapping[str, object]] = field(default_factory=dict)
    io_type: IOType = IOType.PARALLEL
    clock_period_ns: float = 5.0
    part: str | None = None
    backend: str | None = None
    output_dir: str | None = None
    project_name: str | None = None

    def __post_init__(self) -> None:
        if not 0 < self.clock_period_ns < 1e6:
            raise ConfigError(f"ClockPeriod={self.clock_period_ns} must be in nanoseconds, above 0")
        for name, settings in (*self.layer_types.items(), *self.layers.items()):
            _check_keys(name, settings, _KEYS)
            try:
                LayerConfig(**settings)  # type: ignore[arg-type]
            except ConfigError as error:
                raise ConfigError(f"{name}: {error}") from None

    def resolve(self, layer_name: str, *class_names: str) -> LayerConfig:
        """What holds for a layer: the model's, then its type's, then its own settings.

        Where a layer goes by several class names, later ones win; where several patterns
        match its name, later ones, and its full name last. A result type given for
        ``<layer>_linear``, hls4ml's name of a linear activation, is the layer's.
        """
        settings = [self.layer_types[c] for c in class_names if c in self.layer_types]
        patterns = [p for p in self.layers if p != layer_name and fnmatchcase(layer_name, p)]
        settings += [self.layers[p] for p in patterns]
        settings += [self.layers[layer_name]] if layer_name in self.layers else []
        resolved = self.model
        for one in settings:
            merged: dict[str, Any] = {**one}
            merged["precision"] = {**resolved.precision, **_precisions(one)}
            resolved = replace(resolved, **merged)
        linear = _precisions(self.layers.get(f"{layer_name}_linear", {})).get("result", Auto())
        if linear == Auto():
            return resolved
        return replace(resolved, precision={**resolved.precision, "result": linear})

    @property
    def typed_layers(self) -> frozenset[str]:
        """Names and patterns of the layers whose own settings give a type, not ``auto``."""
        return frozenset(
            name
            for name, settings in self.layers.items()
            if any(value != Auto() for value in _precisions(settings).values())
        )

    def check_names(self, layers: Iterable[str], classes: Iterable[str]) -> None:
        """Raise ConfigError for settings of a layer or a layer type that is not in the model."""
        layers, classes = list(layers), list(classes)
        for name in self.layers:
            known = [*layers, *(f"{n}_linear" for n in layers)]
            if name not in known and not any(fnmatchcase(n, name) for n in known):
                raise ConfigError(
                    f"LayerName {name}: the model has no such layer{near(name, layers)}"
                )
        for name in self.layer_types:
            if name not in classes:
                raise ConfigError(f"LayerType {name}: no such type of layer{near(name, classes)}")

    def check_used(self, layer: str, types: Mapping[str, Fixed]) -> None:
        """Raise ConfigError for a type that a layer's own settings give to constants which it
        does not have; ``types``: those that it has, by key. hls4ml gives a bias to every product.
        """
        has = {*types, *(["bias"] if "weight" in types else [])}
        for key, wanted in _precisions(self.layers.get(layer, {})).items():
            if key in ("weight", "bias", "scale") and wanted != Auto() and key not in has:
                raise ConfigError(
                    f"LayerName {layer}: Precision of {key}={wanted}, but this layer has no "
                    f"{key}; it has: {', '.join(sorted(types)) or 'no types of its own'}"
                )


def _precisions(settings: Mapping[str, object]) -> Mapping[str, Precision]:
    """What settings that were checked say of precisions."""
    return settings.get("precision", {})  # type: ignore[return-value]


def _check_precisions(precision: object) -> None:
    if not isinstance(precision, Mapping):
        raise ConfigError(f"precision={precision} must be a mapping by {', '.join(PRECISION_KEYS)}")
    _check_keys("precision", precision, PRECISION_KEYS)
    for key, value in precision.items():
        if not isinstance(value, Fixed | Auto):
            raise ConfigError(f"the precision of {key} must be a Fixed or Auto; got {value!r}")


def _check_keys(where: str, given: Mapping[str, object], known: Iterable[str]) -> None:
    known = list(known)
    for key in given:
        if key not in known:
            raise ConfigError(f"{where}: unknown key {key}{near(key, known)}")


def near(name: str, known: Iterable[str]) -> str:
    """How a message goes on: the nearest known name, or all of them."""
    known = list(known)
    close = difflib.get_close_matches(name.lower(), [k.lower() for k in known], n=1, cutoff=0.5)
    found = [k for k in known if k.lower() in close]
    if found:
        return f"; did you mean {found[0]}?"
    return f"; there are: {', '.join(known)}"


def read_config(source: Path | str | Mapping[str, Any]) -> HLSConfig:
    """A configuration from a file (a ``Path``), YAML text or a mapping with hls4ml's keys;
    see ``converter.config_file``.
    """
    from converter.config_file import read_config as read  # it builds on this module

    return read(source)


def write_config(config: HLSConfig) -> str:
    """The text of a configuration file; ``read_config`` of it is equal."""
    from converter.config_file import write_config as write

    return write(config)
