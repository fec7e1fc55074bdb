"""What a process is to do, step by step: words from a small memory, and the rules of a step.

The memory holds one period of the words, bit by bit what is neither constant nor the same as
another bit; where it takes less, runs of equal words.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from converter.actor import Actor
from converter.facts import Facts, Memory
from converter.graph import Edge
from converter.netlist.nodes import BLOCK_ROM_LUTS, block_rom
from converter.netlist.trimmed import table_luts
from converter.netlist.verilog import literal, rom_style
from converter.rtl.module import fill, library_file
from converter.timing import Timing

Run = tuple[int, int]
"""A word, and how many steps have it."""


@dataclass(frozen=True, eq=False)
class StepWords:
    """``fields``: by name, the value of each step, 0 or more. ``deepest``: words of a memory that
    LUTs read within a cycle.
    """

    fields: Mapping[str, Sequence[int]]
    deepest: int = 64

    @cached_property
    def _columns(self) -> dict[tuple[int, ...], int]:
        """The bits of the word: values of all steps -> position."""
        found: dict[tuple[int, ...], int] = {}
        for values in self.fields.values():
            for column in _bits(values):
                if 0 < sum(column) < len(column):
                    found.setdefault(column, len(found))
        return found

    @property
    def width(self) -> int:
        """Bits of the word; 0 where all steps are the same."""
        return len(self._columns)

    @cached_property
    def words(self) -> tuple[int, ...]:
        """One period."""
        steps = len(next(iter(self.fields.values())))
        words = np.zeros(steps, object)
        for column, position in self._columns.items():
            words += np.array(column, object) << position
        return _period(tuple(words.tolist()))

    @cached_property
    def runs(self) -> tuple[Run, ...] | None:
        """The words as runs, where these take less; None where they do not."""
        if self.width == 0:
            return None
        runs: list[Run] = []
        for word in self.words:
            count = runs.pop()[1] if runs and runs[-1][0] == word else 0
            runs.append((word, count + 1))
        count_bits = max(max(n for _, n in runs) - 1, 1).bit_length()
        plain = _cost(len(self.words), self.width, self.deepest)
        packed = (self.width + count_bits) * -(-len(runs) // 64) + 2 * count_bits
        fits = 1 < len(runs) <= self.deepest
        return tuple(runs) if fits and packed < plain else None

    @property
    def _count_bits(self) -> int:
        return max(max(n for _, n in self.runs or ((0, 1),)) - 1, 1).bit_length()

    @property
    def _depth(self) -> int:
        return len(self.runs or self.words)

    @property
    def block(self) -> bool:
        """Whether the memory is block RAM."""
        return self.runs is None and _in_block(self._depth, self.width, self.deepest)

    @property
    def register_bits(self) -> int:
        """Of the word, and of what is counted; not of the word that block RAM has read."""
        return self.counter_bits + self.width

    @property
    def counter_bits(self) -> int:
        """Bits that are counted up or down."""
        if self.width == 0:
            return 0
        return (self._depth - 1).bit_length() + (self._count_bits if self.runs else 0)

    @property
    def memories(self) -> tuple[Memory, ...]:
        """The memory of words."""
        if self.width == 0:
            return ()
        width = self.width + (self._count_bits if self.runs else 0)
        luts = 0 if self.block else table_luts(self._entries, frozenset(range(width)))
        return (Memory(1, self._depth, width, 1, self.block, luts=luts),)

    @property
    def _entries(self) -> tuple[int, ...]:
        """What the memory holds: words, with what is left of a run above them."""
        if not self.runs:
            return self.words
        return tuple(word | n - 1 << self.width for word, n in self.runs)

    def wires(self) -> list[str]:
        """Declarations of the fields, of the wire ``word``."""
        lines = [f"  wire [{self.width - 1}:0] word;"] if self.width else []
        for name, values in self.fields.items():
            bits = [self._bit(column) for column in reversed(_bits(values))]
            text = bits[0] if len(bits) == 1 else "{" + ", ".join(bits) + "}"
            lines.append(f"  wire [{len(bits) - 1}:0] {name} = {text};")
        return lines

    def _bit(self, column: tuple[int, ...]) -> str:
        if column in self._columns:
            return f"word[{self._columns[column]}]"
        return f"1'b{column[0]}"

    def module(self, name: str) -> str:
        """Verilog of the module that gives the word; empty where there is none."""
        if self.width == 0:
            return ""
        words = self._entries
        width = self.width + (self._count_bits if self.runs else 0)
        values = {
            "NAME": name,
            "WIDTH": self.width,
            "COUNT": self._count_bits,
            "DEPTH": len(words),
            "LAST": len(words) - 1,
            "ADDRESS": (len(words) - 1).bit_length(),
            "STYLE": "\n".join(rom_style(self.block)),
            "FIRST": literal(words[0], width),
        }
        array = "runs" if self.runs else "words"
        lines = (f"    {array}[{i}] = {literal(w, width)};" for i, w in enumerate(words))
        name = "step_runs" if self.runs else "steps_block" if self.block else "steps"
        template = library_file(f"{name}.v.in")
        return "\n" + fill(template, {**values, "WORDS": "\n".join(lines)})


def _in_block(depth: int, width: int, deepest: int) -> bool:
    return depth > deepest or block_rom(depth, width)


def _cost(depth: int, width: int, deepest: int) -> int:
    """LUTs of a read-only memory, or what block RAM counts as."""
    if _in_block(depth, width, deepest):
        return BLOCK_ROM_LUTS * -(-width // 36) * -(-depth // 512)
    return width * -(-depth // 64)


def _bits(values: Sequence[int]) -> list[tuple[int, ...]]:
    """The columns of a field, the least bit first; at least one."""
    width = max(max(values).bit_length(), 1)
    return [tuple(v >> k & 1 for v in values) for k in range(width)]


def _period(words: tuple[int, ...]) -> tuple[int, ...]:
    """The shortest part of which the whole is made by repetition."""
    n = len(words)
    return next(words[:p] for p in range(1, n + 1) if n % p == 0 and words[:-p] == words[p:])


def settled(values: Sequence[int | None]) -> list[int]:
    """Values of all steps: where one does not matter, that of the step before, round and round."""
    known = next((v for v in reversed(values) if v is not None), 0)
    out = []
    for value in values:
        known = known if value is None else value
        out.append(known)
    return out


def actor_words(actor: Actor, fields: Mapping[str, Sequence[int]], timing: Timing) -> StepWords:
    """Words that tell which inputs a step reads, whether it writes, and ``fields``."""
    deepest = max(d for d in range(6, 24) if d == 6 or timing.lookup_ns(1 << d) <= timing.usable_ns)
    reads = {
        f"reads{k}": actor.reads[:, k].astype(int).tolist() for k in range(actor.reads.shape[1])
    }
    writes = actor.writes.astype(int).tolist()
    return StepWords({**reads, "writes": writes, **fields}, 1 << deepest)


def control(name: str, words: StepWords, inputs: int, depth: int | None) -> str:
    """Verilog of ``go`` and of the handshakes of a process, and of its valid ``depth`` cycles
    later; None: something else gives that.
    """
    able = [f"(x{k}_valid || !reads{k})" for k in range(inputs)]
    lines = [
        *words.wires(),
        f"  wire go = {' && '.join(able)} && (y_room || !writes);",
        *(f"  assign x{k}_ready = go && reads{k};" for k in range(inputs)),
        "  assign y_reserve = go && writes;",
    ]
    if words.width:
        lines += [
            f"  {name}_steps steps (.clk(clk), .rst(rst), .go(go), .word(word));",
        ]
    if depth is not None:
        lines += [
            f"  nn_valid #(.LATENCY({depth})) valid (",
            "    .clk(clk), .rst(rst), .in_valid(y_reserve), .out_valid(y_valid)",
            "  );",
        ]
    return "\n".join(lines)


ALIKE = StepWords({"none": (0,)})
"""Steps that are all the same."""


def stepped_facts(
    stage: str,
    kind: str,
    actor: Actor,
    edges: tuple[tuple[Edge, ...], Edge],
    words: StepWords = ALIKE,
) -> Facts:
    """Of a process of one cycle a step, with its control alone: the rest is to be added."""
    inputs, output = edges
    last = int(np.flatnonzero(actor.writes)[-1])
    return Facts(
        stage=stage,
        kind=kind,
        strategy="latency",
        reuse_factor=1,
        n_in=sum(edge.size for edge in inputs),
        n_out=output.size,
        input_width=max(edge.type.width for edge in inputs),
        output_width=output.type.width,
        latency_cycles=last + actor.depth,
        interval_cycles=actor.interval,
        adders=int(words.counter_bits > 0),
        adder_bits=words.counter_bits,
        register_bits=words.register_bits + actor.depth,
        memories=words.memories,
        stream=True,
        beats_in=max(edge.beats for edge in inputs),
        beats_out=output.beats,
    )


def around(outer: Facts, inner: Facts, bits: int) -> Facts:
    """A process's control around a module, with ``bits`` of registers more."""
    return replace(
        outer,
        adders=outer.adders + inner.adders,
        adder_bits=outer.adder_bits + inner.adder_bits,
        mux_bits=outer.mux_bits + inner.mux_bits,
        gate_bits=outer.gate_bits + inner.gate_bits,
        compare_bits=outer.compare_bits + inner.compare_bits,
        register_bits=outer.register_bits + inner.register_bits + bits,
        shift_register_bits=inner.shift_register_bits,
        multipliers=inner.multipliers,
        memories=(*outer.memories, *inner.memories),
    )
