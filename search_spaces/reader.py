"""Search spaces from YAML.

preset: default          # what it starts from
weight: {min: 2, max: 8} # bits: a range (with step:), a list, or one fixed width
result:
  "*": [4, 6, 8, 12]     # or by layer; * and ? stand for letters; the last match holds
  fc3: 8
input: 10
granularity: layer       # one knob per tensor; type: per kind of tensor; model: one for all
hardware:
  "*": {strategy: [resource], reuse_factor: {max: 64}, count: 12}
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import fields, replace
from pathlib import Path
from typing import Any, TypeGuard

import yaml

from converter.config import near
from converter.errors import ConfigError
from converter.graph import Strategy
from search_spaces.recipe import Granularity, Recipe, Widths
from search_spaces.space import HardwarePolicy

MAX_WIDTH = 64
"""Wider weights and activations are of no use in a search."""

_WIDTH_KEYS = ("weight", "result", "input")
_RANGE = ("min", "max", "step")


def read_recipe(path: Path, presets: Mapping[str, Recipe]) -> Recipe:
    """The recipe in a YAML file. Raises ConfigError that names the file and the key."""
    try:
        document = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: cannot read the search space: {error}") from error
    except yaml.YAMLError as error:
        raise ConfigError(f"{path}: not YAML: {' '.join(str(error).split())}") from error
    try:
        return parse_recipe(document, presets)
    except ConfigError as error:
        raise ConfigError(f"{path}: {error}") from error


def parse_recipe(document: object, presets: Mapping[str, Recipe]) -> Recipe:
    """The recipe of a YAML document, on top of the preset that it names, or ``default``."""
    given = _mapping("the search space", document)
    known = ["preset", *(f.name for f in fields(Recipe))]
    _check_keys("the search space", given, known)
    start = given.get("preset", "default")
    if start not in presets:
        raise ConfigError(f"preset: there is no {start}{near(str(start), presets)}")
    recipe = presets[start]
    changes: dict[str, Any] = {
        key: {**getattr(recipe, key), **_widths_by_layer(key, given[key])}
        for key in _WIDTH_KEYS
        if key in given
    }
    if "granularity" in given:
        changes["granularity"] = _word("granularity", given["granularity"], Granularity)
    if "hardware" in given:
        policies = _mapping("hardware", given["hardware"])
        read = {str(layer): _policy(f"hardware: {layer}", p) for layer, p in policies.items()}
        changes["hardware"] = {**recipe.hardware, **read}
    return replace(recipe, **changes)


def _widths_by_layer(key: str, value: object) -> dict[str, Widths]:
    if isinstance(value, Mapping) and not set(value) <= set(_RANGE):
        return {str(layer): _numbers(f"{key}: {layer}", v) for layer, v in value.items()}
    return {"*": _numbers(key, value)}


def _numbers(where: str, value: object, most: int = MAX_WIDTH) -> tuple[int, ...]:
    """A number, a list of numbers, or a range with both ends, all within 1..most."""
    if isinstance(value, Mapping):
        value = _range(where, value)
    numbers = value if isinstance(value, list) else [value]
    if not numbers or not all(_whole(n) and 1 <= n <= most for n in numbers):
        raise ConfigError(
            f"{where}: needed is a whole number of 1..{most}, a list of such, or "
            f"{{min: 2, max: 8}}; got {value}"
        )
    return tuple(sorted(set(numbers)))


def _range(where: str, value: Mapping[Any, Any]) -> list[int]:
    _check_keys(where, value, _RANGE)
    low: object = value.get("min", 1)
    high: object = value.get("max")
    step: object = value.get("step", 1)
    if not (_whole(low) and _whole(high) and _whole(step)) or not 1 <= low <= high or step < 1:
        raise ConfigError(
            f"{where}: a range is {{min: 2, max: 8, step: 1}} with min <= max; got {dict(value)}"
        )
    return list(range(low, min(high, low + (1 << 16)) + 1, step))


def _policy(where: str, value: object) -> HardwarePolicy:
    given = _mapping(where, value)
    _check_keys(where, given, ("strategy", "reuse_factor", "count"))
    changes: dict[str, Any] = {}
    if "strategy" in given:
        words = given["strategy"] if isinstance(given["strategy"], list) else [given["strategy"]]
        changes["strategies"] = tuple(_word(f"{where}: strategy", w, Strategy) for w in words)
    if "count" in given:
        (changes["count"],) = _numbers(f"{where}: count", given["count"], 1 << 16)
    factors = given.get("reuse_factor")
    if isinstance(factors, Mapping):
        _check_keys(f"{where}: reuse_factor", factors, ("min", "max"))
        bounds = {k: _numbers(f"{where}: reuse_factor", v, 1 << 32)[0] for k, v in factors.items()}
        changes |= {"least": bounds.get("min", 1), "most": bounds.get("max")}
    elif factors is not None:
        changes["reuse_factors"] = _numbers(f"{where}: reuse_factor", factors, 1 << 32)
    return HardwarePolicy(**changes)


def _word(where: str, value: object, words: Any) -> Any:
    known = [w.value for w in words]
    if value not in known:
        raise ConfigError(f"{where}: there is no {value}{near(str(value), known)}")
    return words(value)


def _whole(value: object) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool)


def _mapping(where: str, value: object) -> Mapping[Any, Any]:
    if not isinstance(value, Mapping):
        raise ConfigError(f"{where}: must be a mapping of keys to values; got {value!r:.80}")
    return value


def _check_keys(where: str, given: Mapping[Any, Any], known: Iterable[str]) -> None:
    known = list(known)
    for key in given:
        if key not in known:
            raise ConfigError(f"{where}: unknown key {key}{near(str(key), known)}")
