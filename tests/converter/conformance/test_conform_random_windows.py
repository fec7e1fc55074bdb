"""Layers with windows, drawn at random with all their arguments, against Keras."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from harness import Case, case, conform

Build = Callable[[Any, Any], Any]
PER_MODEL = 8


class Draw:
    """One random layer after another, of arguments that Keras accepts."""

    def __init__(self, seed: int) -> None:
        self.rng = np.random.default_rng(seed)

    def cases(self) -> dict[str, Case]:
        kinds = [self.conv, self.depthwise, self.separable, self.transpose, self.pool]
        return {f"case{i}": kinds[self.below(len(kinds))]() for i in range(PER_MODEL)}

    def below(self, n: int) -> int:
        return int(self.rng.integers(n))

    def flag(self) -> bool:
        return bool(self.below(2))

    def rank(self) -> int:
        return 1 + self.below(2)

    def sizes(self, rank: int, low: int, high: int) -> tuple[int, ...]:
        return tuple(int(n) for n in self.rng.integers(low, high, rank))

    def shape(self, rank: int, channels: int) -> tuple[int, ...]:
        return (*self.sizes(rank, 7, 10), channels)

    def window(self, rank: int, causal: bool = False) -> dict[str, Any]:
        """Strides or dilation; Keras has not both."""
        names = ["valid", "same", *(["causal"] if causal and rank == 1 else [])]
        window = {"kernel_size": self.sizes(rank, 1, 4), "padding": names[self.below(len(names))]}
        if self.flag():
            return {**window, "dilation_rate": self.sizes(rank, 1, 4)}
        return {**window, "strides": self.sizes(rank, 1, 5)}

    def square(self, rank: int) -> dict[str, Any]:
        """As depthwise layers of two axes need it: the same strides on both."""
        window = self.window(rank)
        strides = window.get("strides", (1,))
        return {**window, "strides": strides[:1] * rank}

    def conv(self) -> Case:
        rank, groups = self.rank(), 1 + self.below(3)
        arguments = {**self.window(rank, causal=True), "groups": groups, "use_bias": self.flag()}
        arguments |= {"filters": groups * (1 + self.below(3))}
        shape = self.shape(rank, groups * (1 + self.below(2)))
        return case(shape, self.layer(f"Conv{rank}D", arguments))

    def depthwise(self) -> Case:
        rank = self.rank()
        arguments = {**self.square(rank), "depth_multiplier": 1 + self.below(3)}
        shape = self.shape(rank, 1 + self.below(4))
        return case(shape, self.layer(f"DepthwiseConv{rank}D", arguments))

    def separable(self) -> Case:
        rank = self.rank()
        arguments = {**self.square(rank), "filters": 1 + self.below(4)}
        arguments["depth_multiplier"] = 1 + self.below(2)
        shape = self.shape(rank, 1 + self.below(3))
        return case(shape, self.layer(f"SeparableConv{rank}D", arguments))

    def transpose(self) -> Case:
        rank = self.rank()
        arguments = {
            "kernel_size": self.sizes(rank, 1, 6),
            "strides": self.sizes(rank, 1, 4),
            "padding": ["valid", "same"][self.below(2)],
            "filters": 1 + self.below(3),
            "use_bias": self.flag(),
        }
        shape = (*self.sizes(rank, 1, 5), 1 + self.below(3))
        return case(shape, self.layer(f"Conv{rank}DTranspose", arguments))

    def pool(self) -> Case:
        rank = self.rank()
        arguments = {
            "pool_size": self.sizes(rank, 1, 5),
            "padding": ["valid", "same"][self.below(2)],
        }
        if self.flag():
            arguments["strides"] = self.sizes(rank, 1, 5)
        kind = ["Max", "Average"][self.below(2)]
        return case(
            self.shape(rank, 1 + self.below(3)), self.layer(f"{kind}Pooling{rank}D", arguments)
        )

    def layer(self, name: str, arguments: dict[str, Any]) -> Build:
        return lambda k, x: getattr(k.layers, name)(**arguments)(x)


@pytest.mark.parametrize("seed", range(3))
def test_random_windows(framework: ModuleType, seed: int, tmp_path: Path) -> None:
    conform(framework, Draw(seed).cases(), tmp_path, seed=seed)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(3, 23))
def test_more_random_windows(framework: ModuleType, seed: int, tmp_path: Path) -> None:
    conform(framework, Draw(seed).cases(), tmp_path, seed=seed)
