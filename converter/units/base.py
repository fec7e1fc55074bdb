"""What every hardware unit answers. A unit is a frozen dataclass of integers and types.

The views of one unit (``emulate``, ``hls`` and ``hls_stream``, ``rtl`` and ``processes``,
``facts``) must agree bit for bit and cycle for cycle; ``tests/converter/units`` holds them
together.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import replace
from typing import Protocol, cast

import numpy as np

from converter.actor import Actor, each_beat
from converter.errors import ConfigError, UnsupportedError
from converter.facts import Facts
from converter.graph import Bounds, Edge, Implementation, Strategy
from converter.hls_block import HlsBlock, map_stream
from converter.rtl.beat_constants import BeatConstants, constants_process
from converter.rtl.elementwise import Lanes, cached_facts
from converter.rtl.mapping import beat_bits, frame_processes, map_process
from converter.rtl.module import RtlModule
from converter.rtl.process import RtlProcess
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
        """The same in io_stream: ``dse::function<config[, body]>(x, y, arrays…)`` on streams of
        beats, which it reads and writes in the order that ``actor`` tells, for one frame.

        ``Elementwise`` and ``OneBeat`` give it to units that map beat by beat; others write
        theirs. Raises UnsupportedError by the output's name where there is no such form.
        """

    def actor(self, choice: Implementation, inputs: tuple[Edge, ...], output: Edge) -> Actor:
        """How ``hls_stream`` reads and writes beats; a depth that is too large is safe."""

    def facts(self, stage: str, choice: Implementation, timing: Timing) -> Facts:
        """Exact counts, latency and interval under ``choice`` at the clock of ``timing``."""

    def rtl(self, name: str, choice: Implementation, timing: Timing) -> RtlModule:
        """Verilog under ``choice``, cut for ``timing``; ``name``: an identifier for the module."""

    def processes(
        self,
        stage: str,
        choice: Implementation,
        timing: Timing,
        inputs: tuple[Edge, ...],
        output: Edge,
    ) -> tuple[RtlProcess, ...]:
        """The Verilog of io_stream: a chain, of which the first reads the inputs, each further one
        what the one before gives (as its only input), and the last gives the output.
        """


class Elementwise(ABC):
    """Mixin of the units that work on each element by itself: in io_stream, beat by beat.

    The default is for frozen dataclasses with a field ``size`` and constants that all elements
    share; a unit with constants per element has its own ``hls_beat``, ``of_beat`` and ``by_beat``.
    """

    @abstractmethod
    def hls(self, choice: Implementation) -> HlsBlock:
        """The whole tensor at once."""

    def hls_beat(self, choice: Implementation, lanes: int) -> HlsBlock:
        """``hls`` for one beat of ``lanes`` elements. Arrays of constants that differ from beat
        to beat hold those of all beats, one after the other, and have ``per_beat``.
        """
        one: Elementwise = replace(self, size=lanes)  # type: ignore[type-var]
        return one.hls(choice)

    def hls_stream(
        self, choice: Implementation, inputs: tuple[Edge, ...], output: Edge
    ) -> HlsBlock:
        """``hls_beat`` at each beat of the inputs, which all have the output's shape."""
        for edge in inputs:
            check_beats(edge, output, output.beats, output.lanes)
        return map_stream(self.hls_beat(choice, output.lanes), output.beats)

    def actor(self, choice: Implementation, inputs: tuple[Edge, ...], output: Edge) -> Actor:
        """A beat of every input in, one out."""
        return actor_of(self.hls_stream(choice, inputs, output), inputs, output)

    def of_beat(self, lanes: int) -> Unit | None:
        """The unit for one beat of ``lanes`` elements; None where constants differ from beat to
        beat.
        """
        one = replace(self, size=lanes)  # type: ignore[type-var]
        return cast("Unit", one)

    def by_beat(self, lanes: int) -> BeatConstants | None:
        """A netlist for any beat, whose constants are inputs; None where there is none."""
        del lanes
        return None

    def processes(
        self,
        stage: str,
        choice: Implementation,
        timing: Timing,
        inputs: tuple[Edge, ...],
        output: Edge,
    ) -> tuple[RtlProcess, ...]:
        """The Verilog of one beat at each of them; with constants from a memory where they differ
        from beat to beat, or of all beats at once.
        """
        for edge in inputs:
            check_beats(edge, output, output.beats, output.lanes)
        one = self.of_beat(output.lanes)
        if one is not None:
            return (mapped(one, stage, choice, timing, inputs, output),)
        varied = self.by_beat(output.lanes)
        if varied is None:
            return framed(cast("Unit", self), stage, choice, timing, inputs, output)
        kind = type(self).__name__.lower()
        return (constants_process(stage, kind, varied, inputs[0], output, timing),)


class OneBeat(ABC):
    """Mixin of the units that need all elements at once: in io_stream, flat tensors only.

    A layer puts them into a ``Sliding`` to have them at every position.
    """

    @abstractmethod
    def hls(self, choice: Implementation) -> HlsBlock:
        """The whole tensor at once."""

    def hls_stream(
        self, choice: Implementation, inputs: tuple[Edge, ...], output: Edge
    ) -> HlsBlock:
        """``hls`` on the one beat of each input."""
        self._check_flat(inputs, output)
        return map_stream(self.hls(choice), 1)

    def actor(self, choice: Implementation, inputs: tuple[Edge, ...], output: Edge) -> Actor:
        """A beat of every input in, one out."""
        return actor_of(self.hls_stream(choice, inputs, output), inputs, output)

    def processes(
        self,
        stage: str,
        choice: Implementation,
        timing: Timing,
        inputs: tuple[Edge, ...],
        output: Edge,
    ) -> tuple[RtlProcess, ...]:
        """The Verilog of io_parallel, for one beat."""
        self._check_flat(inputs, output)
        return (mapped(cast("Unit", self), stage, choice, timing, inputs, output),)

    def _check_flat(self, inputs: tuple[Edge, ...], output: Edge) -> None:
        for edge in (*inputs, output):
            if edge.beats != 1:
                raise UnsupportedError(
                    f"{output.name}: in io_stream a {type(self).__name__} unit takes flat tensors; "
                    f"{edge.name} has the shape {edge.shape}"
                )


def mapped(
    unit: Unit,
    stage: str,
    choice: Implementation,
    timing: Timing,
    inputs: tuple[Edge, ...],
    output: Edge,
) -> RtlProcess:
    """``unit`` at each beat of the inputs, of which it takes one each and gives one."""
    return map_process(
        unit.facts(stage, choice, timing),
        lambda name: unit.rtl(name, choice, timing),
        [beat_bits(edge) for edge in inputs],
        beat_bits(output),
        output.beats,
    )


def framed(
    unit: Unit,
    stage: str,
    choice: Implementation,
    timing: Timing,
    inputs: tuple[Edge, ...],
    output: Edge,
) -> tuple[RtlProcess, ...]:
    """``unit`` on all beats of a frame at once; for any unit, but large."""
    facts = unit.facts(stage, choice, timing)
    return frame_processes(facts, lambda name: unit.rtl(name, choice, timing), inputs, output)


def check_beats(edge: Edge, output: Edge, beats: int, lanes: int) -> None:
    """Raise UnsupportedError by the output's name where an input, or the output itself, does not
    travel in ``beats`` beats of ``lanes`` elements.
    """
    if (edge.beats, edge.lanes) != (beats, lanes):
        what = "it" if edge is output else f"its input {edge.name}"
        raise UnsupportedError(
            f"{output.name}: in io_stream {what} must travel in {beats} beats of {lanes}; it has "
            f"{edge.beats} of {edge.lanes}"
        )


def each_beat_of(values: Codes, lanes: int) -> Codes | None:
    """The constants of one beat out of those of all elements; None where beats differ."""
    rows = values.reshape(-1, lanes)
    return rows[0] if (rows == rows[:1]).all() else None


def bounds_within(values: Codes, first: Codes, last: Codes) -> Bounds:
    """Extremes of ``values`` [n], or of each column of [n, width], from each ``first`` to each
    ``last`` index, row-major.
    """
    spans = [values[a : b + 1] for a, b in zip(first, last, strict=True)]
    lo, hi = (np.array([f(s, axis=0) for s in spans]).ravel() for f in (np.min, np.max))
    return Bounds(lo, hi)


def actor_of(block: HlsBlock, inputs: tuple[Edge, ...], output: Edge) -> Actor:
    """The actor of ``map_stream``."""
    return each_beat(output.beats, len(inputs), block.interval, block.depth)


def check_without_windows(stage: str, choice: Implementation) -> None:
    """Raise ConfigError where a unit that has no windows is to compute several at once."""
    if choice.parallelization_factor != 1:
        raise ConfigError(
            f"{stage}: parallelization_factor={choice.parallelization_factor}, but this unit has "
            "no windows; legal: 1"
        )


class OneChoice:
    """Mixin of the units that can be built in one way only."""

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
        check_without_windows(stage, choice)


class Plain(OneChoice, ABC):
    """Mixin of the units that are copies of a netlist, a new input every cycle."""

    @abstractmethod
    def lanes(self, choice: Implementation) -> Lanes:
        """How the unit is made of copies of a netlist."""

    def facts(self, stage: str, choice: Implementation, timing: Timing) -> Facts:
        """Exact counts of all lanes."""
        return cached_facts(self, stage, choice, timing)

    def rtl(self, name: str, choice: Implementation, timing: Timing) -> RtlModule:
        """Copies of one lane side by side."""
        return self.lanes(choice).module(name, timing)
