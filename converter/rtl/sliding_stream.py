"""Sliding windows in io_stream: a process of delay lines, window registers and a body.

Its steps are the pixels of the padded tensor, one a cycle, and those in the tensor itself read a
beat. Where padding comes first, the first beat is read before it, and held, so that a frame does
not begin before its input. Delay lines hold the rows of a window but the last; registers hold the
window. A body that takes a window only every so many cycles spaces them: the process waits after
a window for what the steps until the next one leave.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import Enum
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from converter.actor import Actor, Cycles, Flags
from converter.facts import Facts, Memory
from converter.graph import Implementation, frozen_array
from converter.netlist.nodes import BLOCK_ROM_LUTS
from converter.netlist.verilog import literal
from converter.rtl.mapping import Printer, map_process
from converter.rtl.module import RtlModule, fill, library_file
from converter.rtl.process import RtlProcess, process_ports
from converter.rtl.wiring import wires, wiring_module
from converter.timing import SHIFT_REGISTER_LENGTH, Timing
from converter.types import Fixed
from converter.units.window import Window

if TYPE_CHECKING:
    from converter.units.sliding import Sliding

WINDOWS = "windows"
"""Kind of a process that has no body."""

SHIFT_LENGTH = 15
"""Longest delay line that is a shift register: with the window's register behind it, a LUT holds 16
steps of a bit.
"""

BLOCK_SHAPES = ((512, 36), (1024, 18), (2048, 9), (4096, 4), (8192, 2), (16384, 1))
"""Words and bits of an 18 Kb block RAM with a port to write and a port to read."""


class Style(Enum):
    """What a delay line is made of, and its module of ``rtllib``."""

    SHIFT = "nn_line_shift"
    LUTS = "nn_line_luts"
    BLOCK = "nn_line_block"


def line_style(length: int, width: int) -> Style:
    """Block RAM where LUTs would be too many for the blocks that they save. A LUT of a memory
    holds 32 words of one bit and a half.
    """
    if length <= SHIFT_LENGTH:
        return Style.SHIFT
    blocks = min(-(-length // depth) * -(-width // bits) for depth, bits in BLOCK_SHAPES)
    luts = -(-length // 32) * -(-2 * width // 3)
    return Style.BLOCK if luts > BLOCK_ROM_LUTS * blocks else Style.LUTS


@dataclass(frozen=True)
class Lines:
    """The registers and memories in front of a body: ``width`` bits an element, a window at most
    every ``interval`` cycles, and around the tensor the code ``fill``.
    """

    window: Window
    width: int
    interval: int
    fill: int

    @property
    def pixel(self) -> int:
        """Bits of a beat."""
        return self.window.channels * self.width

    @property
    def lines(self) -> int:
        """Delay lines: the rows of a window but the last."""
        return self.window.kernel[0] - 1

    @property
    def length(self) -> int:
        """Steps that a delay line takes, from the oldest register of a row to the newest of the row
        above; 0 where they are one after the other.
        """
        return self.window.dilation[0] * self.window.steps[1] - self.window.span[1]

    @property
    def style(self) -> Style:
        """Of the delay lines, which are side by side in one memory."""
        return line_style(self.length, self.lines * self.pixel)

    @property
    def last_ends(self) -> tuple[int, int]:
        """The row and the column in which the last windows end."""
        w = self.window
        sizes = zip((w.out_rows, w.out_columns), w.strides, w.span, strict=True)
        rows, columns = ((n - 1) * stride + span - 1 for n, stride, span in sizes)
        return rows, columns

    @property
    def waits(self) -> tuple[int, int, int]:
        """Cycles to wait after a window: in a row, after its last one, and after the frame's."""
        w, (rows, columns) = self.window, self.window.steps
        over = (w.out_columns - 1) * w.strides[1]
        turn = w.strides[0] * columns - over
        anew = rows * columns - (w.out_rows - 1) * w.strides[0] * columns - over
        gaps = (w.strides[1] if w.out_columns > 1 else 0, turn if w.out_rows > 1 else 0, anew)
        column, row, frame = (max(self.interval - gap, 0) if gap else 0 for gap in gaps)
        return column, row, frame

    @property
    def held(self) -> bool:
        """Whether padding comes first, so that the first beat is held."""
        return not self.window.beats[0][0]

    @property
    def reads(self) -> Flags:
        """Whether each step reads a beat."""
        reads = self.window.beats[0].copy()
        reads[np.argmax(reads)] = False
        reads[0] = True
        return frozen_array(reads)

    @cached_property
    def cycles(self) -> Cycles:
        """Of each step: one, and what a window waits behind it."""
        ends = self.window.beats[1]
        at = np.flatnonzero(ends)
        gaps = np.diff(at, append=at[0] + len(ends))
        cycles = np.ones(len(ends), np.int64)
        cycles[at] += np.maximum(self.interval - gaps, 0)
        return frozen_array(cycles)

    # -- counts ----------------------------------------------------------------------------

    @property
    def registers(self) -> tuple[int, int]:
        """Bits of flip-flops, and of shift registers."""
        w, row = self.window, self.window.kernel[0] * self.pixel
        single = _axis_bits(self, 0) + _axis_bits(self, 1) + max(self.waits).bit_length() + 1
        single += self.held * self.pixel
        if self.memories:
            single += (self.length - 1).bit_length()
        delays = [(row, 1), ((w.kernel[1] - 1) * row, w.dilation[1])]
        if self.style is Style.SHIFT:  # with the register that it ends in
            upper = self.lines * self.pixel
            delays += [(upper, self.length + 1), (-upper, 1)]
        shifted = 0
        for bits, length in delays:
            if length >= SHIFT_REGISTER_LENGTH:
                shifted += bits
            else:
                single += bits * length
        return single, shifted

    @property
    def memories(self) -> tuple[Memory, ...]:
        """Delay lines that are neither."""
        if not self.lines or self.style is Style.SHIFT:
            return ()
        block = self.style is Style.BLOCK
        return (Memory(1, self.length, self.lines * self.pixel, 1, block, writable=True),)


def _axis_bits(lines: Lines, axis: int) -> int:
    """Registers of ``nn_axis``: its counters, and what it tells of a step."""
    w = lines.window
    steps, span, stride = w.steps[axis], w.span[axis], w.strides[axis]
    if steps == 1:
        return 0
    (before, _), size = w.padding[axis], (w.rows, w.columns)[axis]
    marks = {steps - 1} | ({0, before} if lines.held else set())
    column, row, frame = lines.waits
    if row != frame or (axis == 1 and column != row):
        marks.add(lines.last_ends[axis])
    flags = len(marks) + (size < steps) + (stride > 1 or span > 1)
    left = (max(span, stride) - 1).bit_length() if stride > 1 else 0
    return (steps - 1).bit_length() + left + flags


def sliding_processes(
    unit: Sliding, stage: str, choice: Implementation, timing: Timing
) -> tuple[RtlProcess, ...]:
    """The processes of a unit whose windows are not trivial: one; or two with a FIFO of windows
    between, where many steps between some windows, and few between others, would leave a body
    that takes several cycles without work for more than a ninth of the time.
    """
    body = unit.body.facts(stage, choice, timing)
    lines = Lines(unit.window, body.input_width, body.interval_cycles, unit.fill)
    bits = unit.body.size * unit.output_type.width

    def printed(name: str) -> RtlModule:
        return unit.body.rtl(name, choice, timing)

    together = _process(lines, body, printed, bits)
    least = max(len(lines.cycles), unit.window.positions * lines.interval)
    if 8 * together.actor.interval <= 9 * least:
        return (together,)
    window = [unit.window.elements * lines.width]
    work = map_process(body, printed, window, bits, unit.window.positions)
    work = replace(work, facts=replace(work.facts, kind=f"sliding_{body.kind}"))
    return _windows(replace(lines, interval=1), stage), work


def _windows(lines: Lines, stage: str) -> RtlProcess:
    """The windows themselves, as beats."""
    n, width = lines.window.elements, lines.width
    each = range(n)
    facts = Facts(stage, WINDOWS, "latency", 1, n, n, width, width, 0, 1)

    def printed(name: str) -> RtlModule:
        return wiring_module(name, each, [n], Fixed(width, width, signed=False))

    return _process(lines, facts, printed, n * width)


def _process(lines: Lines, body: Facts, module: Printer, bits: int) -> RtlProcess:
    """Lines and window registers, and a module of static rate that gives ``bits`` for each."""
    w = lines.window
    writes = w.beats[1]
    actor = Actor(lines.reads[:, None], writes, lines.cycles, 1 + body.latency_cycles)

    def printed(name: str) -> RtlModule:
        inner = module(f"{name}_body")
        values = _values(lines, name, bits)
        text = fill(library_file("sliding_stream.v.in"), values) + inner.text
        library = ["nn_axis.v", "nn_valid.v", "nn_window.v", *inner.library]
        library += ["nn_spacing.v"] if max(lines.waits) else []
        library += [f"{lines.style.value}.v"] if lines.lines and lines.length else []
        return RtlModule(name, text, tuple(library))

    facts = _stream_facts(body, w, actor)
    single, shifted = lines.registers
    chosen = lines.pixel if w.padded else 0
    facts = replace(
        facts,
        register_bits=facts.register_bits + single,
        shift_register_bits=facts.shift_register_bits + shifted,
        mux_bits=facts.mux_bits + chosen,
        logic_luts=facts.logic_luts and facts.logic_luts + chosen,
        memories=(*facts.memories, *lines.memories),
    )
    return RtlProcess(actor, facts, bits, printed)


def _stream_facts(body: Facts, window: Window, actor: Actor) -> Facts:
    """The body's, for a frame that follows ``actor``."""
    last = int(np.flatnonzero(actor.writes)[-1])
    return replace(
        body,
        kind=body.kind if body.kind == WINDOWS else f"sliding_{body.kind}",
        latency_cycles=int(actor.cycles[:last].sum()) + actor.depth,
        interval_cycles=actor.interval,
        positions=window.positions,
        stream=True,
        beats_in=window.rows * window.columns,
        beats_out=window.positions,
    )


def _values(lines: Lines, name: str, bits: int) -> dict[str, object]:
    """What ``sliding_stream.v.in`` asks for."""
    w = lines.window
    return {
        "NAME": name,
        "PORTS": process_ports([lines.pixel], bits),
        "PIXEL": lines.pixel,
        "LINES": lines.lines,
        "SPAN": w.span[1],
        "COLUMN_AXIS": _axis(lines, 1),
        "ROW_AXIS": _axis(lines, 0),
        "SPACING": _spacing(lines.waits),
        "NEWEST": _newest(lines),
        "DELAY": _delay(lines),
        "WINDOW": w.elements * lines.width,
        "WINDOWS": "\n".join(wires("window", "seen", _taps(w), lines.width)),
    }


def _newest(lines: Lines) -> str:
    """The pixel of a step, and whether it reads one."""
    outside = f"{{{lines.window.channels}{{{literal(lines.fill, lines.width)}}}}}"
    out = "  assign column[PIXEL*LINES +: PIXEL] ="
    if not lines.held:
        pixel = f"there ? x0_data : {outside}" if lines.window.padded else "x0_data"
        return f"  assign reading = there;\n{out} {pixel};"
    return fill(library_file("sliding_held.v.in"), {"OUT": out, "OUTSIDE": outside})


def _axis(lines: Lines, axis: int) -> str:
    """Parameters of ``nn_axis``."""
    w = lines.window
    values = {
        "STEPS": w.steps[axis],
        "BEFORE": w.padding[axis][0],
        "SIZE": (w.rows, w.columns)[axis],
        "SPAN": w.span[axis],
        "STRIDE": w.strides[axis],
        "LAST_END": lines.last_ends[axis],
    }
    return ", ".join(f".{name}({value})" for name, value in values.items())


def _spacing(waits: tuple[int, int, int]) -> str:
    if not max(waits):
        return "  assign free = 1'b1;"
    column, row, frame = waits
    return (
        f"  nn_spacing #(.COLUMN({column}), .ROW({row}), .FRAME({frame}), "
        f".WIDTH({max(waits).bit_length()})) spacing (\n"
        "    .clk(clk), .rst(rst), .window(window_ends), .row_ends(last_column_ends),\n"
        "    .frame_ends(last_row_ends), .free(free)\n  );"
    )


def _delay(lines: Lines) -> str:
    """From the oldest registers of the rows to the newest of those above."""
    if not lines.lines:
        return ""
    span = lines.window.span[1]
    oldest = [(i + 1) * span for i in range(lines.lines)]
    text = "\n".join(
        ["  wire [PIXEL*LINES-1:0] oldest;", *wires("oldest", "seen", oldest, lines.pixel)]
    )
    if not lines.length:
        return f"{text}\n  assign column[PIXEL*LINES-1:0] = oldest;"
    return text + (
        f"\n  {lines.style.value} #(.WIDTH(PIXEL*LINES), .LENGTH({lines.length})) delay (\n"
        "    .clk(clk), .rst(rst), .go(go), .in_data(oldest),\n"
        "    .out_data(column[PIXEL*LINES-1:0])\n  );"
    )


def _taps(w: Window) -> Sequence[int]:
    """Elements of the registers that a window is made of."""
    registers = Window(
        w.kernel[0], w.span[1], w.channels, w.kernel, dilation=(1, w.dilation[1]), groups=w.groups
    )
    index: list[int] = registers.index[0].tolist()
    return index
