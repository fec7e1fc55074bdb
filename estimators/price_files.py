"""Prices as data: linear rates per tool and figure, with their origin.

A price file is ``prices/<tool>.json``. It says where its rates come from, when they were
made, and how far they are off on designs that they were not fitted to; it is made by
``python -m estimators.calibrate``.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from converter.errors import ConfigError

FOLDER = Path(__file__).parent / "prices"


@dataclass(frozen=True, eq=False)
class Prices:
    """What one version of one tool charges.

    ``rates[figure][feature]`` is the price of one unit of a feature; a figure is ``lut`` or
    ``ff``. ``delays`` are in nanoseconds or shares. ``source``, ``date`` and ``fit`` are for
    the reader: where the rates come from, and how far off they are.

    ``later``: by fidelity and figure, what a stage after csynth leaves of each feature's price.
    ``intervals``: half widths on the log scale by fidelity, io_type and figure. ``known``: kinds
    of stages that reports were at hand of, by io_type. Of Yosys: ``kinds``, factors by figure and
    kind of stage (``Learned``), and ``quantiles`` of errors over their expected size.
    """

    tool: str
    version: str
    rates: Mapping[str, Mapping[str, float]]
    delays: Mapping[str, Any]
    source: str
    date: str
    fit: Mapping[str, Any]
    later: Mapping[str, Mapping[str, Mapping[str, float]]] = field(default_factory=dict)
    intervals: Mapping[str, Mapping[str, Mapping[str, float]]] = field(default_factory=dict)
    known: Mapping[str, list[str]] = field(default_factory=dict)
    kinds: Mapping[str, Any] = field(default_factory=dict)
    quantiles: Mapping[str, float] = field(default_factory=dict)

    def sum(self, figure: str, features: Mapping[str, float]) -> float:
        """Price of ``features`` in ``figure``; every feature must have a rate."""
        rates = self.rates[figure]
        return sum(rates[name] * value for name, value in features.items())


@cache
def read_prices(tool: str, version: str | None = None) -> Prices:
    """Prices of ``tool`` at ``version``, by default the one that its file names.

    Raises ConfigError, with the versions that there are, for any other.
    """
    data = json.loads((FOLDER / f"{tool}.json").read_text(encoding="utf-8"))
    versions = data["versions"]
    name = data["default_version"] if version is None else version
    if name not in versions:
        raise ConfigError(
            f"estimate: there are no prices for {tool} {name}; there are: {', '.join(versions)}"
        )
    delays = {**data.get("delays", {}), **versions[name].get("delays", {})}
    more = {key: data.get(key, {}) for key in ("later", "intervals", "known", "kinds", "quantiles")}
    origin = (data["source"], data["date"], data["fit"])
    return Prices(tool, name, data["rates"], delays, *origin, **more)


def nearest_version(tool: str, version: str) -> str:
    """The version with prices that is nearest to ``version`` (both as in ``2024.1``)."""
    data = json.loads((FOLDER / f"{tool}.json").read_text(encoding="utf-8"))
    return min(data["versions"], key=lambda known: (abs(float(known) - float(version)), known))
