"""What users write as text, parsed at the edge: budgets, clocks, limits."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from converter.errors import ConfigError
from converter.parts import Part
from converter.report import RESOURCES

DEFAULT_SHARE = 0.8
"""Of every resource of the part, what a design may take unless the user says otherwise."""

_SPELLINGS = {"bram": "bram_18k", "bram18": "bram_18k", "luts": "lut", "ffs": "ff", "dsps": "dsp"}
_SECONDS = {"s": 1.0, "m": 60.0, "min": 60.0, "h": 3600.0, "d": 86400.0}
_NANOSECONDS = {"ps": 1e-3, "ns": 1.0, "us": 1e3, "ms": 1e6}
_MEGAHERTZ = {"khz": 1e-3, "mhz": 1.0, "ghz": 1e3}


@dataclass(frozen=True)
class Budget:
    """How long a run may go on: wall-clock seconds, or a number of precision settings."""

    seconds: float | None = None
    trials: int | None = None

    def __str__(self) -> str:
        return f"trials={self.trials}" if self.seconds is None else format_seconds(self.seconds)


@dataclass(frozen=True)
class Limits:
    """What a design must hold to. ``resources`` are absolute counts by name; the metric's
    bound is ``metric_at_least`` (or at most, for an error). None: no bound.
    """

    resources: Mapping[str, float] = field(default_factory=dict)
    latency_ns: float | None = None
    latency_cycles: int | None = None
    interval_cycles: int | None = None
    metric: float | None = None

    def cycles(self, clock_period_ns: float) -> int | None:
        """The latency bound in cycles, or None."""
        bounds = [] if self.latency_cycles is None else [self.latency_cycles]
        if self.latency_ns is not None:
            bounds.append(math.floor(self.latency_ns / clock_period_ns + 1e-9))
        return min(bounds, default=None)


def parse_budget(text: str) -> Budget:
    """``90s``, ``30m``, ``48h``, ``2d``, ``1h30m`` or ``trials=500``."""
    if text.startswith("trials="):
        count = text.removeprefix("trials=")
        if not count.isdecimal() or int(count) < 1:
            raise ConfigError(f"--budget {text}: write a positive number, as in trials=500")
        return Budget(trials=int(count))
    parts = re.findall(r"(\d+(?:\.\d+)?)(min|[smhd])", text)
    if not parts or "".join(n + u for n, u in parts) != text:
        raise ConfigError(f"--budget {text}: write a time as 90s, 30m, 48h, 2d, or trials=500")
    seconds = sum(float(number) * _SECONDS[unit] for number, unit in parts)
    if seconds <= 0:
        raise ConfigError(f"--budget {text}: the budget must be above 0")
    return Budget(seconds=seconds)


def format_seconds(seconds: float) -> str:
    """A time as people write it: 42s, 3m20s, 1h05m."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole}s"
    if whole < 3600:
        return f"{whole // 60}m{whole % 60:02d}s"
    return f"{whole // 3600}h{whole % 3600 // 60:02d}m"


def parse_clock(text: str) -> float:
    """A clock period in ns from ``5ns``, ``4.2``, ``200MHz``."""
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([a-zA-Z]*)", text.strip())
    value = float(match[1]) if match else 0.0
    unit = match[2].lower() if match else "?"
    if value > 0 and unit in ("", *_NANOSECONDS):
        return value * _NANOSECONDS.get(unit, 1.0)
    if value > 0 and unit in _MEGAHERTZ:
        return 1e3 / (value * _MEGAHERTZ[unit])
    raise ConfigError(f"--clock {text}: write a period or a frequency, as 5ns or 200MHz")


def parse_limits(texts: Iterable[str], part: Part, metric: str | None = None) -> Limits:
    """``dsp=0``, ``lut=50%``, ``latency=200ns``, ``latency=20`` (cycles), ``interval=4``,
    ``accuracy=0.75`` over the default of 80 % of every resource of ``part``.

    ``metric``: that of the run, the only one that can be bounded. Raises ConfigError.
    """
    resources = {name: math.floor(DEFAULT_SHARE * getattr(part, name)) for name in RESOURCES}
    other: dict[str, float | int] = {}
    for text in texts:
        name, _, value = text.partition("=")
        key = _SPELLINGS.get(name.strip().lower(), name.strip().lower())
        if key in RESOURCES:
            resources[key] = _resource(text, value, getattr(part, key))
        elif key in ("latency", "interval"):
            other.update(_time(text, key, value))
        elif key in ("accuracy", "auc", "fidelity", "mse", "mae", "metric"):
            other["metric"] = _score(text, key, value, metric)
        else:
            known = "lut, ff, dsp, bram, uram, latency, interval, accuracy"
            raise ConfigError(f"--limit {text}: '{name}' is not a limit; there are: {known}")
    return Limits(resources, **other)  # type: ignore[arg-type]


def _resource(text: str, value: str, available: int) -> float:
    if value.endswith("%"):
        return math.floor(_number(text, value[:-1]) / 100 * available)
    return _number(text, value)


def _time(text: str, key: str, value: str) -> dict[str, float | int]:
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([a-z]*)", value.strip().lower())
    unit = match[2] if match else "?"
    if match and key == "latency" and unit in _NANOSECONDS:
        return {"latency_ns": float(match[1]) * _NANOSECONDS[unit]}
    if match and unit in ("", "cycles") and float(match[1]).is_integer():
        return {f"{key}_cycles": int(float(match[1]))}
    example = "latency=200ns or latency=40 (cycles)" if key == "latency" else "interval=4 (cycles)"
    raise ConfigError(f"--limit {text}: write {example}")


def _score(text: str, key: str, value: str, metric: str | None) -> float:
    if metric not in (None, key) and key != "metric":
        raise ConfigError(f"--limit {text}: the metric of this run is {metric}; see --metric")
    bound = _number(text, value)
    if (metric if key == "metric" else key) in ("accuracy", "auc", "fidelity") and bound > 1:
        raise ConfigError(f"--limit {text}: must be at most 1, as {key}=0.75")
    return bound


def _number(text: str, value: str) -> float:
    try:
        number = float(value)
    except ValueError:
        number = math.nan
    if not math.isfinite(number) or number < 0:
        raise ConfigError(f"--limit {text}: '{value}' is not a number of 0 or more")
    return number
