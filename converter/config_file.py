"""The configuration file: YAML with hls4ml's keys, read and written.

Every key is either honoured, or known to change nothing at the value given (hls4ml writes
its defaults out), or refused by name.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from converter.config import (
    DEFAULT_OVERFLOW,
    DEFAULT_ROUNDING,
    PRECISION_KEYS,
    Auto,
    HLSConfig,
    LayerConfig,
    Precision,
    near,
)
from converter.config_keys import (
    HLS,
    LAYER,
    MODEL,
    PRECISIONS,
    STRATEGIES,
    TOP,
    UNASKED,
    WRITER,
    Known,
)
from converter.errors import ConfigError
from converter.graph import IOType, Strategy
from converter.types import Fixed

MAX_BYTES = 4 << 20
MAX_ENTRIES = 100_000

Keys = Mapping[str, object]

_FACTORS = {
    "ReuseFactor": "reuse_factor",
    "ParallelizationFactor": "parallelization_factor",
}

_SIZES = {
    "TableSize": "table_size",
    "table_size": "table_size",
    "exp_table_size": "exp_table_size",
    "inv_table_size": "inv_table_size",
}

_AUTO = re.compile(r"^auto(?:<\s*(\d+)\s*>)?$")


def read_config(source: Path | str | Mapping[str, Any]) -> HLSConfig:
    """A configuration from a file (a ``Path``, or a name on one line), YAML text, or a mapping
    such as hls4ml's ``config_from_keras_model`` gives; that may be the part under ``HLSConfig``
    alone.

    Raises ConfigError that names the key, what was given, and what may be.
    """
    data = source if isinstance(source, Mapping) else _parse(_path_or_text(source))
    _count(data)
    body = data.get("HLSConfig", {})
    if "HLSConfig" not in data and ("Model" in data or "LayerName" in data or "LayerType" in data):
        data = {"HLSConfig": data}
        body = data["HLSConfig"]
    return _top(data, _mapping("HLSConfig", body))


def _path_or_text(source: Path | str) -> Path | str:
    plain = isinstance(source, str) and source.strip() and not set(source) & set("\n:{[")
    return Path(source) if plain else source


def _parse(source: Path | str) -> Mapping[str, Any]:
    where = str(source) if isinstance(source, Path) else "configuration"
    text = _file_text(source) if isinstance(source, Path) else source
    if len(text) > MAX_BYTES:
        raise ConfigError(f"{where}: over {MAX_BYTES >> 20} MiB is no configuration")
    loader = None
    try:
        loader = _Loader(text)
        data = loader.get_single_data()
    except RecursionError:
        raise ConfigError(f"{where}: nested too deeply") from None
    except (yaml.YAMLError, ValueError) as error:
        raise ConfigError(f"{where}: not YAML: {_one_line(error)}") from None
    finally:
        if loader is not None:
            loader.dispose()
    if not isinstance(data, Mapping):
        raise ConfigError(f"{where}: must be a mapping with the key HLSConfig; got {_short(data)}")
    return data


def _file_text(path: Path) -> str:
    try:
        return path.read_text("utf-8")
    except OSError as error:
        raise ConfigError(f"{path}: cannot read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise ConfigError(f"{path}: not UTF-8 text") from None


class _Loader(yaml.SafeLoader):
    """Plain data only; hls4ml's tag of a model file reads as its path."""

    def construct_mapping(self, node: Any, deep: bool = False) -> dict[Any, Any]:
        """A mapping in which no key stands twice."""
        keys = [self.construct_object(k, deep=True) for k, _ in node.value]
        for key in keys:
            if not isinstance(key, str | int | float | bool | None):
                raise ConfigError(f"a key must be a word; got {_short(key)}")
            if keys.count(key) > 1 and len(keys) < 1000:
                raise ConfigError(f"the key {key} stands twice")
        return super().construct_mapping(node, deep)


def _model_path(loader: _Loader, node: Any) -> object:
    return loader.construct_scalar(node) if isinstance(node, yaml.ScalarNode) else None


for _tag in ("!keras_model", "!onnx_model", "!pytorch_model"):
    _Loader.add_constructor(_tag, _model_path)


def _count(data: object) -> None:
    """Refuse what unfolds to a huge document by aliases."""
    left, entries = [data], 0
    while left:
        item = left.pop()
        entries += 1
        if entries > MAX_ENTRIES:
            raise ConfigError(f"a configuration has at most {MAX_ENTRIES} entries")
        if isinstance(item, Mapping):
            left += item.values()
        elif isinstance(item, list | tuple):
            left += item


def _top(data: Keys, body: Keys) -> HLSConfig:
    known: dict[str, Callable[[object], Any]] = {
        "IOType": _io_type,
        "ClockPeriod": lambda v: _number("ClockPeriod", v),
        "Part": lambda v: _text("Part", v),
        "Backend": lambda v: _text("Backend", v),
        "OutputDir": lambda v: _text("OutputDir", v),
        "ProjectName": lambda v: _text("ProjectName", v),
    }
    fields = ("io_type", "clock_period_ns", "part", "backend", "output_dir", "project_name")
    given: dict[str, Any] = {}
    for key, field in zip(known, fields, strict=True):
        if data.get(key) is not None:
            given[field] = known[key](data[key])
    _refuse_rest("configuration", data, [*known, "HLSConfig", "WriterConfig"], TOP)
    _refuse_rest("WriterConfig", _mapping("WriterConfig", data.get("WriterConfig")), [], WRITER)
    _refuse_rest("HLSConfig", body, ["Model", "LayerType", "LayerName"], HLS)
    return HLSConfig(
        model=_model(_mapping("Model", body.get("Model", {}))),
        layer_types=_layers("LayerType", body),
        layers=_layers("LayerName", body),
        **given,
    )


def _model(given: Keys) -> LayerConfig:
    settings = _settings("Model", given, MODEL, model=True)
    precision = dict(settings.pop("precision", {}))
    default = precision.pop("default", None)
    maximum = precision.pop("maximum", None)
    if isinstance(maximum, Auto):
        raise ConfigError("Model: Precision of maximum must be a type such as fixed<16,6>")
    settings["maximum"] = maximum
    if default is not None and default != Auto():
        settings["default_precision"] = default
    return LayerConfig(precision=precision, **settings)


def _layers(kind: str, body: Keys) -> dict[str, dict[str, object]]:
    given = _mapping(kind, body.get(kind, {}))
    return {
        str(name): _settings(f"{kind} {name}", _mapping(f"{kind} {name}", s), LAYER)
        for name, s in given.items()
    }


def _settings(
    where: str, given: Keys, ignored: Mapping[str, Known], model: bool = False
) -> dict[str, Any]:
    """The keys of a model, a layer type or a layer -> fields of LayerConfig."""
    found: dict[str, Any] = {}
    if "Precision" in given:
        found["precision"] = dict(_precisions(where, given["Precision"], model))
    for key, field in _FACTORS.items():
        if key in given:
            found[field] = _whole(f"{where}: {key}", given[key])
    if "Strategy" in given:
        found["strategy"] = _strategy(where, given["Strategy"])
    for key, field in _SIZES.items():
        if key in given:
            found[field] = _whole(f"{where}: {key}", given[key])
    _refuse_rest(where, given, ["Precision", "Strategy", *_FACTORS, *_SIZES], ignored)
    return found


def _precisions(where: str, given: object, model: bool) -> Iterator[tuple[str, Precision]]:
    if isinstance(given, str):
        yield ("default" if model else "result"), _precision(f"{where}: Precision", given)
        return
    known = [*PRECISION_KEYS, *(["default", "maximum"] if model else [])]
    for key, text in _mapping(f"{where}: Precision", given).items():
        value = _precision(f"{where}: Precision of {key}", text)
        if key in known:
            yield key, value
        elif key not in PRECISIONS:
            raise ConfigError(f"{where}: unknown precision {key}{near(key, known)}")
        elif value != Auto() and str(value) != UNASKED.get(key):
            raise ConfigError(
                f"{where}: Precision of {key} is not supported; leave it auto: {PRECISIONS[key]}"
            )


def _precision(where: str, text: object) -> Precision:
    if isinstance(text, Fixed | Auto):
        return text
    if not isinstance(text, str):
        raise ConfigError(
            f"{where} must be a type such as fixed<16,6>, or auto; got {_short(text)}"
        )
    automatic = _AUTO.match(text.strip())
    if automatic:
        return Auto(int(automatic[1]) if automatic[1] else None)
    try:
        return Fixed.parse(text, DEFAULT_ROUNDING, DEFAULT_OVERFLOW)
    except ConfigError as error:
        raise ConfigError(f"{where}: {error}") from None


def _strategy(where: str, value: object) -> Strategy:
    names = {s.value: s for s in Strategy} | {"da": Strategy.DISTRIBUTED_ARITHMETIC}
    name = value.lower() if isinstance(value, str) else ""
    if name in names:
        return names[name]
    raise ConfigError(
        f"{where}: Strategy {_short(value)} is not supported; "
        + (f"{STRATEGIES[name]}; " if name in STRATEGIES else "")
        + f"there are: {', '.join(s.value.capitalize() for s in Strategy)}"
    )


def _io_type(value: object) -> IOType:
    try:
        return IOType(value)
    except ValueError:
        raise ConfigError(
            f"IOType {_short(value)} is not supported; there are: "
            + ", ".join(t.value for t in IOType)
        ) from None


def _refuse_rest(where: str, given: Keys, known: list[str], ignored: Mapping[str, Known]) -> None:
    for key, value in given.items():
        if key in known:
            continue
        if key not in ignored:
            raise ConfigError(f"{where}: unknown key {key}{near(key, [*known, *ignored])}")
        if not ignored[key].allows(value):
            raise ConfigError(
                f"{where}: {key}={_short(value)} is not supported; {ignored[key].way_out}"
            )


def _mapping(where: str, value: object) -> Mapping[str, Any]:
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        raise ConfigError(f"{where} must be a mapping; got {_short(value)}")
    return {str(key): item for key, item in value.items()}


def _whole(where: str, value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise ConfigError(f"{where} must be a whole number of at least 1; got {_short(value)}")
    return value


def _number(where: str, value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ConfigError(f"{where} must be a number; got {_short(value)}")
    return float(value)


def _text(where: str, value: object) -> str:
    if not isinstance(value, str):
        raise ConfigError(f"{where} must be text; got {_short(value)}")
    return value


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())[:200]


def write_config(config: HLSConfig) -> str:
    """The file's text; ``read_config`` of it is equal. Types are spelt with their modes."""
    top = {
        "Backend": config.backend,
        "Part": config.part,
        "ClockPeriod": config.clock_period_ns,
        "IOType": config.io_type.value,
        "OutputDir": config.output_dir,
        "ProjectName": config.project_name,
    }
    body: dict[str, object] = {"Model": _write_model(config.model)}
    for key, layers in (("LayerType", config.layer_types), ("LayerName", config.layers)):
        if layers:
            body[key] = {name: _write_settings(s) for name, s in layers.items()}
    document = {**{k: v for k, v in top.items() if v is not None}, "HLSConfig": body}
    return yaml.safe_dump(document, sort_keys=False, width=100)


def _write_model(model: LayerConfig) -> dict[str, object]:
    sizes = {f: getattr(model, f) for f in set(_SIZES.values()) if getattr(model, f) is not None}
    widest = {} if model.maximum is None else {"maximum": model.maximum}
    precision = {"default": model.default_precision, **widest, **model.precision}
    return _write_settings({
        "precision": precision,
        "reuse_factor": model.reuse_factor,
        **_parallelization(model),
        "strategy": model.strategy,
        **sizes,
    })  # fmt: skip


def _parallelization(model: LayerConfig) -> dict[str, object]:
    """hls4ml has no such key for a model, so that it stands only where it says something."""
    factor = model.parallelization_factor
    return {} if factor == 1 else {"parallelization_factor": factor}


def _write_settings(settings: Mapping[str, object]) -> dict[str, object]:
    written: dict[str, object] = {}
    precision = settings.get("precision")
    if isinstance(precision, Mapping):
        written["Precision"] = {key: spell(p) for key, p in precision.items()}
    for key, field in _FACTORS.items():
        if field in settings:
            written[key] = settings[field]
    strategy = settings.get("strategy")
    if isinstance(strategy, Strategy):
        written["Strategy"] = strategy.value.capitalize()
    for key, field in _SIZES.items():
        if field in settings and key != "table_size":
            written[key] = settings[field]
    return written


def spell(precision: Precision) -> str:
    """A type with its modes written out, as hls4ml's defaults differ from ours; or ``auto``."""
    if isinstance(precision, Auto):
        return str(precision)
    name = "fixed" if precision.signed else "ufixed"
    modes = f"{precision.rounding.value},{precision.overflow.value}"
    return f"{name}<{precision.width},{precision.integer},{modes}>"
