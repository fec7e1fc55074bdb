"""What every hardware unit answers. A unit is a frozen dataclass of integers and types.

The four views of one unit (``emulate``, ``hls``, ``rtl``, ``facts``) must agree bit for
bit and cycle for cycle; ``tests/converter/units`` holds them together.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Protocol

from converter.actor import Actor
from converter.errors import ConfigError, UnsupportedError
from converter.facts import Facts
from converter.graph import Bounds, Edge, Implementation, Strategy
from converter.hls_block import HlsBlock
from converter.rtl.elementwise import Lanes, cached_facts
from converter.rtl.module import RtlModule
from converter.timing import Timing
from converter.types import Codes, Fixed


class Unit(Protocol):
    """A building block with one output edge.

    Element order is row-major, channels last; arrays of codes have shape
    [batch, size].
    """

    @property
    def output_type(self) -> Fixed:
        """Type of the codes that the unit gives."""

    @property
    def size(self) -> int:
        """Number of output elements."""

    def bounds(self, inputs: tuple[Bounds, ...]) -> Bounds:
        """Attainable output codes for attainable input codes; sound, not always tight."""

    def emulate(self, *inputs: Codes) -> Codes:
        """Output codes for input codes, exact in whatever dtype they come."""

    def legal(self) -> tuple[Implementation, ...]:
        """The choices that can be built; the first is the default."""

    def check(self, stage: str, choice: Implementation) -> None:
        """Raise ConfigError with the legal neighbours where ``choice`` cannot be built."""

    def hls(self, choice: Implementation) -> HlsBlock:
        """The call of ``hlslib/`` that computes the same bits, with its types and constants."""

    def hls_stream(
        self, choice: Implementation, inputs: tuple[Edge, ...], output: Edge
    ) -> HlsBlock:
        """The same in io_stream. Raises UnsupportedError where there is no such form."""

    def actor(self, choice: Implementation, inputs: tuple[Edge, ...], output: Edge) -> Actor:
        """How ``hls_stream`` reads and writes beats."""

    def facts(self, stage: str, choice: Implementation, timing: Timing) -> Facts:
        """Exact counts, latency and interval under ``choice`` at the clock of ``timing``."""

    def rtl(self, name: str, choice: Implementation, timing: Timing) -> RtlModule:
        """Verilog under ``choice``, cut for ``timing``; ``name``: an identifier for the module."""


class HlsOnly:
    """Mixin of the units without Verilog and estimates."""

    def facts(self, stage: str, choice: Implementation, timing: Timing) -> Facts:
        """Refused by name."""
        del choice, timing
        raise self._refusal(stage)

    def rtl(self, name: str, choice: Implementation, timing: Timing) -> RtlModule:
        """Refused by name."""
        del choice, timing
        raise self._refusal(name)

    def _refusal(self, stage: str) -> UnsupportedError:
        return UnsupportedError(
            f"{stage}: there is no Verilog and no estimate of {type(self).__name__} units; "
            "emulate, csim and the backends vitis and vivado work"
        )


class Plain(ABC):
    """Mixin of the units that are copies of a netlist, a new input every cycle."""

    def legal(self) -> tuple[Implementation, ...]:
        """One choice."""
        return (Implementation(),)

    def check(self, stage: str, choice: Implementation) -> None:
        """Latency and resource are one here, as there is nothing to reuse."""
        strategies = {Strategy.LATENCY, Strategy.RESOURCE, *(c.strategy for c in self.legal())}
        if choice.strategy not in strategies:
            raise ConfigError(
                f"{stage}: strategy {choice.strategy.value} is not there for this unit; legal: "
                + ", ".join(s.value for s in Strategy if s in strategies)
            )
        if choice.reuse_factor != 1:
            raise ConfigError(
                f"{stage}: reuse_factor={choice.reuse_factor}, but this unit has no "
                "multiplications to share; legal: 1"
            )

    @abstractmethod
    def lanes(self, choice: Implementation) -> Lanes:
        """How the unit is made of copies of a netlist."""

    def facts(self, stage: str, choice: Implementation, timing: Timing) -> Facts:
        """Exact counts of all lanes."""
        return cached_facts(self, stage, choice, timing)

    def rtl(self, name: str, choice: Implementation, timing: Timing) -> RtlModule:
        """Copies of one lane side by side."""
        return self.lanes(choice).module(name, timing)
