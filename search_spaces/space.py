"""A search space: which widths may be tried, and which ways to build each stage.

Accuracy knobs change numbers: bits of weights, of results, of inputs. Hardware options
(strategy, reuse factor) never change a bit, and are solved for, not sampled; here it is
only said which of the legal ones may be used.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from fnmatch import fnmatchcase
from math import prod

from converter.config import Auto, HLSConfig
from converter.errors import ConfigError
from converter.graph import Implementation, Strategy, TypedGraph


class Kind(Enum):
    """What a knob sets."""

    WEIGHT = "weight"
    RESULT = "result"
    INPUT = "input"
    WIDTH = "width"  # weights and results together


Place = tuple[str, str]
"""A layer's name and the key of its precision: ``("fc1", "weight")``."""


@dataclass(frozen=True)
class Knob:
    """Bits of one tensor, or of several that are tied. ``choices`` rise; all are legal."""

    name: str
    kind: Kind
    places: tuple[Place, ...]
    choices: tuple[int, ...]

    def __post_init__(self) -> None:
        if not self.choices or list(self.choices) != sorted(set(self.choices)):
            raise ConfigError(f"{self.name}: widths must rise; got {list(self.choices)}")


@dataclass(frozen=True)
class HardwarePolicy:
    """Which of a stage's legal choices may be used. ``None``: all.

    ``reuse_factors``: listed ones; ``least``/``most``: bounds; ``count``: at most so many,
    spread evenly over those that remain, the first and the last among them.
    """

    strategies: tuple[Strategy, ...] | None = None
    reuse_factors: tuple[int, ...] | None = None
    least: int = 1
    most: int | None = None
    count: int | None = None

    def allowed(self, stage: str, legal: tuple[Implementation, ...]) -> tuple[Implementation, ...]:
        """The choices that remain of ``legal``. Raises ConfigError where none does."""
        if len(legal) == 1:
            return legal
        shared = any(choice.reuse_factor > 1 for choice in legal)
        kept = [choice for choice in legal if self._holds(choice, shared)]
        if not kept:
            factors = sorted({c.reuse_factor for c in legal})
            names = sorted({c.strategy.value for c in legal})
            raise ConfigError(
                f"{stage}: the space leaves no way to build it; legal strategies: "
                f"{', '.join(names)}; legal reuse factors: {', '.join(map(str, factors))}"
            )
        if self.count is None or len(kept) <= self.count:
            return tuple(kept)
        return tuple(kept[i] for i in _spread(len(kept), self.count))

    def _holds(self, choice: Implementation, shared: bool) -> bool:
        """Bounds on reuse factors speak of units that have some."""
        factor = choice.reuse_factor
        if self.strategies is not None and choice.strategy not in self.strategies:
            return False
        if not shared:
            return True
        if self.reuse_factors is not None and factor not in self.reuse_factors:
            return False
        return factor >= self.least and (self.most is None or factor <= self.most)


@dataclass(frozen=True)
class Space:
    """The knobs of one model.

    ``fixed``: precisions that are set and not searched. ``frozen``: what the model itself
    fixes, by layer, with the reason. ``hardware_policies``: by pattern of layer names, the
    last that matches holds.
    """

    name: str
    knobs: tuple[Knob, ...]
    fixed: Mapping[Place, int] = field(default_factory=dict)
    frozen: Mapping[str, str] = field(default_factory=dict)
    hardware_policies: Mapping[str, HardwarePolicy] = field(default_factory=dict)

    def __post_init__(self) -> None:
        places = [*self.fixed, *(place for knob in self.knobs for place in knob.places)]
        twice = [place for place in places if places.count(place) > 1]
        if twice:
            raise ConfigError(f"{twice[0][0]}: {twice[0][1]} is set by two knobs")

    @property
    def size(self) -> int:
        """Number of precision settings."""
        return prod(len(knob.choices) for knob in self.knobs)

    def knob(self, name: str) -> Knob:
        """The knob of that name."""
        for knob in self.knobs:
            if knob.name == name:
                return knob
        raise KeyError(name)

    def check(self, values: Mapping[str, int]) -> None:
        """Raise ConfigError where a knob has no value, or one that is not among its choices."""
        unknown = sorted(set(values) ^ {knob.name for knob in self.knobs})
        if unknown:
            raise ConfigError(f"{unknown[0]}: the space {self.name} and the values do not agree")
        for knob in self.knobs:
            if values[knob.name] not in knob.choices:
                raise ConfigError(
                    f"{knob.name}={values[knob.name]} is not in the space {self.name}; there are: "
                    + ", ".join(map(str, knob.choices))
                )

    def config(self, values: Mapping[str, int]) -> HLSConfig:
        """The configuration of one setting, ``values`` by knob name in bits.

        Widths only: integer bits come from the ranges of weights and data, and biases and
        accumulators from what they are added to.
        """
        self.check(values)
        widths = dict(self.fixed)
        widths |= {place: values[knob.name] for knob in self.knobs for place in knob.places}
        precisions: dict[str, dict[str, Auto]] = {}
        for (layer, key), width in widths.items():
            precisions.setdefault(layer, {})[key] = Auto(width)
        return HLSConfig(layers={n: {"precision": p} for n, p in precisions.items()})

    def hardware(self, typed: TypedGraph) -> Mapping[str, tuple[Implementation, ...]]:
        """The ways in which each stage may be built, in the order of its unit's ``legal``."""
        return {
            stage.name: self._policy(stage.layer).allowed(stage.name, typed.legal(stage.name))
            for stage in typed.stages
        }

    def _policy(self, layer: str) -> HardwarePolicy:
        found = [p for n, p in self.hardware_policies.items() if fnmatchcase(layer, n)]
        return found[-1] if found else HardwarePolicy()


def _spread(total: int, count: int) -> list[int]:
    """``count`` of ``total`` positions, evenly, the ends among them (the first for one)."""
    if count == 1:
        return [0]
    return [round(i * (total - 1) / (count - 1)) for i in range(count)]
