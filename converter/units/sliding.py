"""Sliding: a unit at every position of a window, for convolutions, pooling, and layers that
work on the last axis alone.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Protocol, runtime_checkable

import numpy as np

from converter.actor import Actor, Cycles, Flags, each_beat
from converter.errors import ConfigError
from converter.facts import Facts
from converter.graph import Bounds, Edge, Implementation, frozen_array
from converter.hls_block import HlsBlock, int_type, map_stream
from converter.rtl.module import RtlModule
from converter.rtl.process import RtlProcess
from converter.rtl.sliding import sliding_facts, sliding_module
from converter.rtl.sliding_stream import sliding_processes
from converter.timing import Timing
from converter.types import Codes, Fixed
from converter.units.base import Unit, check_beats, mapped
from converter.units.reduce import Reduce
from converter.units.reuse import divisors, neighbours
from converter.units.window import Window


@runtime_checkable
class Slides(Protocol):
    """A unit that knows a faster way over a window than one position after the other."""

    def slide(self, x: Codes, window: Window, fill: int) -> Codes:
        """Codes [batch, input size] -> [batch, positions, size]."""


@runtime_checkable
class OfOneType(Protocol):
    """A unit whose inputs all have one type."""

    @property
    def input_type(self) -> Fixed:
        """That type."""


WINDOW_DEPTH = 4
"""Most steps from the beat that completes a window until the body has it. A step may take as long
as the body, and a window waits in its pipeline until as many beats more are there.
"""


@dataclass(frozen=True, eq=False)
class Sliding:
    """``body`` maps the elements of a window to the elements of one position's output.

    Output order: position by position, row-major. ``fill`` is the code of what is outside of
    the tensor.
    """

    window: Window
    body: Unit
    fill: int = 0

    @property
    def output_type(self) -> Fixed:
        """The body's."""
        return self.body.output_type

    @property
    def size(self) -> int:
        """Number of output elements."""
        return self.window.positions * self.body.size

    def bounds(self, inputs: tuple[Bounds, ...]) -> Bounds:
        """Of the body for the hull over all positions, the same at each."""
        (x,) = inputs
        one = self.body.bounds((self.window.hull(x, self.fill),))
        return Bounds(
            np.tile(one.lo, self.window.positions), np.tile(one.hi, self.window.positions)
        )

    def emulate(self, *inputs: Codes) -> Codes:
        """Codes [batch, input size] -> [batch, size]."""
        (x,) = inputs
        if self._slides is not None:
            return self._slides.slide(x, self.window, self.fill).reshape(len(x), self.size)
        windows = self.window.gather(x, self.fill)
        flat = windows.reshape(len(x) * self.window.positions, self.window.elements)
        return self.body.emulate(flat).reshape(len(x), self.size)

    @cached_property
    def _slides(self) -> Slides | None:
        """The body, if it knows a faster way; looked up once, as that takes its time."""
        return self.body if isinstance(self.body, Slides) else None

    @property
    def body_input(self) -> Fixed | None:
        """Type of the window's elements, if the body tells."""
        return self.body.input_type if isinstance(self.body, OfOneType) else None

    # -- what can be built -----------------------------------------------------------------

    def legal(self) -> tuple[Implementation, ...]:
        """From the most reused multipliers to all positions at once: the body's choices for one
        position at a time, and those without reuse for as many as divide their number.

        A reuse factor together with several positions at once may be asked for too, but is
        not listed: the two undo each other.
        """
        several = divisors(self.window.positions)[1:]
        choices = self.body.legal()
        unshared = [choice for choice in choices if choice.reuse_factor == 1]
        return choices + tuple(
            replace(choice, parallelization_factor=d) for choice in unshared for d in several
        )

    def check(self, stage: str, choice: Implementation) -> None:
        """The body's rule, and a parallelization factor that divides the positions."""
        self.body.check(stage, replace(choice, parallelization_factor=1))
        n, factor = self.window.positions, choice.parallelization_factor
        if n % factor:
            raise ConfigError(
                f"{stage}: parallelization_factor={factor} does not divide {n} positions; "
                f"legal nearby: {neighbours(factor, divisors(n))}"
            )

    # -- C++ -------------------------------------------------------------------------------

    def hls(self, choice: Implementation) -> HlsBlock:
        """The body for ``parallelization_factor`` positions at once, step by step."""
        body, n = self._body(choice), self.window.positions
        steps = n // choice.parallelization_factor
        sizes = {
            "positions": n,
            "parallel": choice.parallelization_factor,
            "interval": body.interval,
            "out_rows": self.window.out_rows,
            "out_columns": self.window.out_columns,
        }
        return HlsBlock(
            "sliding.h",
            "sliding_shared" if body.dataflow else "sliding",
            {**self._geometry(), **sizes},
            scalars=self._fill(),
            interval=steps * body.interval,
            dataflow=body.dataflow or steps > 1,
            body=body,
        )

    def hls_stream(
        self, choice: Implementation, inputs: tuple[Edge, ...], output: Edge
    ) -> HlsBlock:
        """The body at each beat; with delay lines; or, over a whole frame, what it sums up."""
        for edge in inputs:
            check_beats(edge, output, self.window.rows * self.window.columns, self.window.channels)
        body = self._body(choice)
        each = map_stream(body, self.window.positions)
        if self.window.trivial:
            return each
        if self._accumulated is not None:
            return self._accumulated.hls_frame(self.window.rows * self.window.columns)
        return HlsBlock(
            "sliding_stream.h",
            _form(body),
            {**self._geometry(), **self._delays(), **each.numbers},
            scalars=self._fill(),
            interval=each.interval,
            depth=each.depth + WINDOW_DEPTH * each.interval,
            body=body,
        )

    @property
    def _accumulated(self) -> Reduce | None:
        """The body where it has one position over the whole frame, channel by channel, so that
        nothing need be kept.
        """
        whole = self.window.whole and self.window.groups == self.window.channels
        return self.body if whole and isinstance(self.body, Reduce) else None

    def _body(self, choice: Implementation) -> HlsBlock:
        return self.body.hls(replace(choice, parallelization_factor=1))

    def _fill(self) -> dict[str, tuple[str, int]]:
        return {"fill": (int_type(self.fill, self.fill), self.fill)}

    def _geometry(self) -> dict[str, int]:
        """The window, as ``hlslib/window.h`` names it."""
        w = self.window
        pairs = {"kernel": w.kernel, "stride": w.strides, "dilation": w.dilation}
        sizes = {"rows": w.rows, "columns": w.columns, "channels": w.channels, "groups": w.groups}
        for name, (rows, columns) in pairs.items():
            sizes |= {f"{name}_rows": rows, f"{name}_columns": columns}
        padding = {"padding_top": w.padding[0][0], "padding_left": w.padding[1][0]}
        return {**sizes, **padding, "elements": w.elements, "n_out": self.body.size}

    def _delays(self) -> dict[str, int]:
        """Delay lines and steps of ``hlslib/sliding_stream.h``."""
        w, (rows, columns) = self.window, self.window.steps
        return {
            "span_rows": w.span[0],
            "span_columns": w.span[1],
            "step_rows": rows,
            "step_columns": columns,
            "lines": max(w.kernel[0] - 1, 1),
            "line": w.dilation[0] * columns if w.kernel[0] > 1 else 1,
        }

    # -- Verilog ---------------------------------------------------------------------------

    def facts(self, stage: str, choice: Implementation, timing: Timing) -> Facts:
        """The body's for all positions at once, and what holds the frame and the results."""
        return sliding_facts(self, stage, choice, timing)

    def rtl(self, name: str, choice: Implementation, timing: Timing) -> RtlModule:
        """``parallelization_factor`` copies of the body, one partition after the other."""
        return sliding_module(self, name, choice, timing)

    def processes(
        self,
        stage: str,
        choice: Implementation,
        timing: Timing,
        inputs: tuple[Edge, ...],
        output: Edge,
    ) -> tuple[RtlProcess, ...]:
        """As ``hls_stream``: the body at each beat; with delay lines; or what it sums up."""
        for edge in inputs:
            check_beats(edge, output, self.window.rows * self.window.columns, self.window.channels)
        alone = replace(choice, parallelization_factor=1)
        if self.window.each_beat:
            process = mapped(self.body, stage, alone, timing, inputs, output)
            kind = f"sliding_{process.facts.kind}"
            return (replace(process, facts=replace(process.facts, kind=kind)),)
        if self._accumulated is not None:
            return (self._accumulated.fold(stage, timing),)
        return sliding_processes(self, stage, alone, timing)

    # -- beats -----------------------------------------------------------------------------

    def actor(self, choice: Implementation, inputs: tuple[Edge, ...], output: Edge) -> Actor:
        """A step is one position of the padded tensor; it takes a cycle, or what is left until
        the body is free for the next window.
        """
        block = self.hls_stream(choice, inputs, output)
        if self.window.trivial:
            return each_beat(self.window.positions, 1, block.interval, block.depth)
        reads, writes = self.window.beats
        return Actor(reads[:, None], writes, _paced(writes, block.interval), block.depth)


def _form(body: HlsBlock) -> str:
    """The function of ``hlslib/sliding_stream.h`` for a body."""
    if body.dataflow:
        return "sliding_stream_in_steps"
    return "sliding_stream" if body.interval == 1 else "sliding_stream_paced"


def _paced(writes: Flags, interval: int) -> Cycles:
    """Cycles of each step: one, but where the next would begin a window too early. Windows are
    ``interval`` apart, from a frame's last to the next one's first, too.
    """
    cycles = np.ones(len(writes), np.int64)
    at = np.flatnonzero(writes)
    gaps = np.diff(at, append=at[0] + len(writes))  # steps until the next window
    waits = np.append(at[1:], len(writes)) - 1
    cycles[waits] += np.maximum(interval - gaps, 0)
    return frozen_array(cycles)
