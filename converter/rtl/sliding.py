"""Sliding windows in io_parallel: copies of a unit's module that take the positions of a frame in
partitions, one after the other.

All positions at once need wires alone. Else the frame is captured. Where the windows of a
partition always lie alike, it moves on under them by one distance, or by another at the end of a
row, so that every window has fixed places; a bit of it costs a LUT and a flip-flop. Where they do
not, each partition's windows are selected from a frame that stands still. Results are collected
in a shift register until the last of them is there.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from converter.facts import Facts
from converter.graph import Bounds, Implementation
from converter.netlist.verilog import literal
from converter.rtl.module import RtlModule, fill, library_file
from converter.rtl.wiring import wires
from converter.timing import Timing
from converter.types import bits_for
from converter.units.window import Window

if TYPE_CHECKING:
    from converter.units.sliding import Sliding

Ints = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Moves:
    """How a padded frame moves on from partition to partition: by ``step`` pixels, and by ``turn``
    after each ``columns`` of them, ``rows`` times.
    """

    step: int
    turn: int
    columns: int
    rows: int


@dataclass(frozen=True)
class Partitions:
    """The positions of ``window``, ``parallel`` of them at once."""

    window: Window
    parallel: int

    @property
    def count(self) -> int:
        """Number of partitions."""
        return self.window.positions // self.parallel

    @cached_property
    def padded(self) -> Window:
        """The same windows over a frame that has the padding in it, and no more than they see."""
        w = self.window
        rows, columns = (
            (n - 1) * stride + span
            for n, stride, span in zip((w.out_rows, w.out_columns), w.strides, w.span, strict=True)
        )
        return replace(w, rows=rows, columns=columns, padding=((0, 0), (0, 0)))

    @cached_property
    def moves(self) -> Moves | None:
        """None where the windows of partitions do not lie alike, or there is one partition."""
        w, p = self.window, self.padded
        rows = np.arange(w.out_rows)[:, None] * w.strides[0] * p.columns
        first = (rows + np.arange(w.out_columns) * w.strides[1]).reshape(self.count, self.parallel)
        alike = bool((first - first[:, :1] == first[0] - first[0, 0]).all())
        distances = np.diff(first[:, 0]).tolist()
        if not alike or not distances:
            return None
        if len(set(distances)) == 1:
            return Moves(distances[0], distances[0], self.count, 1)
        columns = w.out_columns // self.parallel
        return Moves(distances[0], distances[columns - 1], columns, w.out_rows)

    @cached_property
    def pixels(self) -> Ints:
        """For each pixel of the padded frame, that of the tensor, or -1: [padded pixels]."""
        w, p = self.window, self.padded
        row = np.arange(p.rows) - w.padding[0][0]
        column = np.arange(p.columns) - w.padding[1][0]
        inside = ((row >= 0) & (row < w.rows))[:, None] & (column >= 0) & (column < w.columns)
        return np.where(inside, row[:, None] * w.columns + column, -1).ravel()

    @cached_property
    def taps(self) -> Ints:
        """Elements of the padded frame that the windows of a partition see:
        [parallel * elements].
        """
        return self.padded.index[: self.parallel].ravel()

    @cached_property
    def choices(self) -> Ints:
        """Elements of the tensor that the windows of each partition see, or -1:
        [partitions, parallel * elements].
        """
        return self.window.index.reshape(self.count, -1)

    @property
    def chosen_pixels(self) -> Ints:
        """``choices`` of pixels: [partitions, parallel * pixels of a window]."""
        return replace(self.window, channels=1, groups=1).index.reshape(self.count, -1)

    def kept(self, moves: Moves) -> Flags:
        """Pixels of the padded frame that take registers: they are seen, or come to be, and are
        not always padding.
        """
        seen = np.zeros(len(self.pixels), bool)
        seen[self.taps // self.window.channels] = True
        constant = self.pixels < 0
        ways = {moves.step, moves.turn}
        for i in range(len(seen)):
            for way in ways:
                if seen[i] and i + way < len(seen):
                    seen[i + way] = True
        for i in reversed(range(len(seen))):
            constant[i] &= all(i + way >= len(seen) or constant[i + way] for way in ways)
        return seen & ~constant


@dataclass(frozen=True)
class Front:
    """What is before the bodies: cycles until a partition's windows are there, bits, and six-input
    LUTs of the choices, four-to-one in each.

    ``seen``: different elements that the windows of a partition show, without constants.
    """

    seen: int
    cycles: int = 0
    register_bits: int = 0
    mux_bits: int = 0
    luts: int = 0


@lru_cache(maxsize=1024)
def front(parts: Partitions, width: int, interval: int, timing: Timing) -> Front:
    """Of elements of ``width`` bits and bodies that take a window every ``interval`` cycles."""
    channels = parts.window.channels
    if parts.count == 1:
        return Front(_different(parts.chosen_pixels) * channels)
    moves = parts.moves
    if moves is None:
        return _selected(parts, width, interval, timing)
    kept = parts.kept(moves)
    seen = int(kept[np.unique(parts.taps // channels)].sum())
    bits = channels * width
    registers = int(kept.sum()) * bits + _control_bits(moves.columns, moves.rows, interval)
    sources = [int(kept[: max(len(kept) - way, 0)].sum()) for way in {moves.step, moves.turn}]
    return Front(seen * channels, 1, registers, sum(sources) * bits, max(sources) * bits)


def _selected(parts: Partitions, width: int, interval: int, timing: Timing) -> Front:
    cycles, bits = select_cycles(parts, timing), parts.window.channels * width
    pixels = np.unique(parts.chosen_pixels, axis=1)
    chosen = [len(set(column)) for column in pixels.T.tolist()]
    selected = sum(n > 1 for n in chosen) * bits
    used = _different(pixels) * bits
    shown = sum(n > 1 for n in chosen) + _different(pixels[:, np.array(chosen) == 1])
    groups = 1
    if cycles == 2:
        groups += -(-parts.count // (1 << (_bits(parts.count) + 1) // 2))
    control = _control_bits(parts.count, 1, interval) + cycles
    index_bits = (cycles - 1) * (_bits(parts.count) // 2)
    registers = used + selected * groups + control + index_bits
    muxes = sum(n - 1 for n in chosen) * bits
    luts = sum(-(-(n - 1) // 3) for n in chosen) * bits
    return Front(shown * parts.window.channels, 1 + cycles, registers, muxes, luts)


def _different(pixels: Ints) -> int:
    """How many pixels of the tensor are among these; -1 is padding."""
    return np.unique(pixels[pixels >= 0]).size


def select_cycles(parts: Partitions, timing: Timing) -> int:
    """1, or 2 where choosing among the partitions does not fit into a cycle."""
    return 2 if timing.select_ns(parts.count) > timing.usable_ns else 1


def _bits(values: int) -> int:
    """Of a counter of that many values."""
    return (values - 1).bit_length()


def _control_bits(columns: int, rows: int, interval: int) -> int:
    """Of ``nn_partitions``."""
    return 1 + _bits(columns) + _bits(rows) + _bits(interval)


# -- facts -------------------------------------------------------------------------------------


def sliding_facts(unit: Sliding, stage: str, choice: Implementation, timing: Timing) -> Facts:
    """Of a frame's positions, ``parallelization_factor`` of them at once."""
    body = unit.body.facts(stage, replace(choice, parallelization_factor=1), timing)
    parts = Partitions(unit.window, choice.parallelization_factor)
    before = front(parts, body.input_width, body.interval_cycles, timing)
    held = (parts.count - 1) * parts.parallel * _result_bits(unit, body)
    one = copies(body, parts.parallel)
    same = parts.parallel * unit.window.elements - before.seen if _captures(body) else 0
    return replace(
        one,
        kind=f"sliding_{body.kind}",
        latency_cycles=before.cycles
        + (parts.count - 1) * body.interval_cycles
        + body.latency_cycles,
        interval_cycles=parts.count * body.interval_cycles,
        register_bits=one.register_bits
        + before.register_bits
        + held
        + _bits(parts.count)
        - same * body.input_width,
        mux_bits=one.mux_bits + before.mux_bits,
        logic_luts=one.logic_luts and one.logic_luts + before.luts,
        positions=unit.window.positions,
        parallelization_factor=parts.parallel,
    )


def _captures(body: Facts) -> bool:
    """Whether a body holds its window while it is at work. Where the windows of several overlap,
    synthesis makes one register of those that hold the same.
    """
    return body.interval_cycles > 1


def _result_bits(unit: Sliding, body: Facts) -> int:
    """Bits of a position's results that are not repetitions of their signs; an accumulator has all
    of them in registers.
    """
    width, given = unit.output_type.width, unit.body_input
    if _captures(body) or given is None:
        return unit.body.size * width
    bounds = unit.body.bounds((Bounds.of_type(given, unit.window.elements),))
    ends = zip(bounds.lo.tolist(), bounds.hi.tolist(), strict=True)
    return sum(min(bits_for(lo, hi)[0], width) for lo, hi in ends if lo < hi)


def copies(body: Facts, count: int) -> Facts:
    """Of ``count`` copies at work at once, of which one tells when a result is valid; kind,
    sizes and weights are those of one.
    """
    told = body.latency_cycles
    if _captures(body):  # it counts its steps; whether it is busy is for its valid alone
        told -= body.interval_cycles - (body.reuse_factor <= body.n_in)
    return replace(
        body,
        adders=count * body.adders,
        adder_bits=count * body.adder_bits,
        mux_bits=count * body.mux_bits,
        compare_bits=count * body.compare_bits,
        register_bits=count * body.register_bits - (count - 1) * told,
        shift_register_bits=count * body.shift_register_bits,
        gate_bits=count * body.gate_bits,
        logic_luts=count * body.logic_luts,
        multipliers=tuple(replace(m, count=count * m.count) for m in body.multipliers),
        memories=tuple(replace(m, count=count * m.count) for m in body.memories),
    )


# -- Verilog -----------------------------------------------------------------------------------


def sliding_module(unit: Sliding, name: str, choice: Implementation, timing: Timing) -> RtlModule:
    """The hardware that ``sliding_facts`` counts."""
    alone = replace(choice, parallelization_factor=1)
    body = unit.body.rtl(f"{name}_body", alone, timing)
    facts = unit.body.facts(name, alone, timing)
    parts = Partitions(unit.window, choice.parallelization_factor)
    made = _Printer(unit, parts, facts, timing)
    text, library = made.front()
    values = {
        "ABOUT": made.about(),
        "NAME": name,
        "IN_BITS": unit.window.input_size * facts.input_width,
        "OUT_BITS": unit.size * unit.output_type.width,
        "PARALLEL": parts.parallel,
        "WINDOW": unit.window.elements * facts.input_width,
        "RESULT": unit.body.size * unit.output_type.width,
        "COUNT": parts.count,
        "FRONT": text,
    }
    whole = fill(library_file("sliding.v.in"), values) + body.text
    return RtlModule(name, whole, ("nn_collect.v", *library, *body.library))


@dataclass(frozen=True)
class _Printer:
    unit: Sliding
    parts: Partitions
    body: Facts
    timing: Timing

    def about(self) -> str:
        return (
            f"{self.parts.window.positions} positions in {self.parts.count} partitions, one every "
            f"{self.body.interval_cycles} cycles."
        )

    def front(self) -> tuple[str, tuple[str, ...]]:
        """Text, and files of the library, of what is before the bodies."""
        if self.parts.count == 1:
            lines = ["  assign ready = in_valid;"]
            lines += self._wires("windows", "in_data", self.parts.choices[0])
            return "\n".join(lines), ()
        moves = self.parts.moves
        return self._selected() if moves is None else self._moved(moves)

    def _wires(self, out: str, data: str, index: Ints) -> list[str]:
        return wires(out, data, index.tolist(), self.body.input_width, self.unit.fill)

    def _moved(self, moves: Moves) -> tuple[str, tuple[str, ...]]:
        channels, pixels = self.parts.window.channels, self.parts.pixels
        each = pixels[:, None] * channels + np.arange(channels)
        loaded = np.where(pixels[:, None] < 0, -1, each).ravel()
        values = {
            "PIXEL": channels * self.body.input_width,
            "PIXELS": len(pixels),
            "LOAD": "\n".join(self._wires("pixels", "in_data", loaded)),
            "COLUMNS": moves.columns,
            "ROWS": moves.rows,
            "INTERVAL": self.body.interval_cycles,
            "COLUMN_WIDTH": _bits(moves.columns),
            "STEP": moves.step,
            "TURN": moves.turn,
            "KEPT": literal(_mask(self.parts.kept(moves)), len(pixels)),
            "OUTSIDE": f"{{{channels}{{{literal(self.unit.fill, self.body.input_width)}}}}}",
            "WINDOWS": "\n".join(self._wires("windows", "frame", self.parts.taps)),
        }
        text = fill(library_file("sliding_moved.v.in"), values)
        return text, ("nn_partitions.v", "nn_frame.v")

    def _selected(self) -> tuple[str, tuple[str, ...]]:
        cycles = select_cycles(self.parts, self.timing)
        width = _bits(self.parts.count)
        values = {
            "IN_BITS": self.parts.window.input_size * self.body.input_width,
            "COLUMNS": self.parts.count,
            "INTERVAL": self.body.interval_cycles,
            "COLUMN_WIDTH": width,
            "CHOICES": "\n".join(self._wires("choices", "frame", self.parts.choices.ravel())),
            "SELECT": _select(cycles, self.parts.count, width),
            "SELECT_CYCLES": cycles,
        }
        text = fill(library_file("sliding_selected.v.in"), values)
        return text, ("nn_partitions.v", "nn_select.v", "nn_delay.v", "nn_valid.v")


def _mask(flags: Flags) -> int:
    """The flags as bits, the first at the least."""
    return int("".join("1" if flag else "0" for flag in reversed(flags.tolist())), 2)


def _select(cycles: int, count: int, width: int) -> str:
    """One of the partitions' windows, registered after one cycle, or after each of two."""
    sizes = f".WIDTH(PARALLEL*WINDOW), .COUNT({count}), .INDEX_WIDTH({width})"
    if cycles == 2:
        return (
            f"  nn_select_twice #({sizes}) choose (\n"
            "    .clk(clk), .words(choices), .index(partition), .word(windows)\n  );"
        )
    return (
        "  wire [PARALLEL*WINDOW-1:0] selected;\n"
        f"  nn_select #({sizes}) choose (\n"
        "    .words(choices), .index(partition), .word(selected)\n  );\n"
        "  nn_delay #(.WIDTH(PARALLEL*WINDOW), .LATENCY(1)) hold (\n"
        "    .clk(clk), .in_data(selected), .out_data(windows)\n  );"
    )
