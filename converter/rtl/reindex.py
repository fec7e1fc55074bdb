"""Reindex in io_stream: the processes of its forms, from the plan of its steps.

Where each beat out is made of one beat in, beats wait in a memory. Else each element is selected
from registers.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from converter.actor import Actor
from converter.facts import Facts, Memory
from converter.graph import Edge
from converter.netlist.nodes import block_rom
from converter.netlist.verilog import literal
from converter.rtl.mapping import beat_bits
from converter.rtl.module import RtlModule, fill, library_file
from converter.rtl.process import RtlProcess, process_ports
from converter.rtl.steps import StepWords, actor_words, control, settled, stepped_facts
from converter.rtl.wiring import wires
from converter.timing import Timing
from converter.types import Fixed
from converter.units.reindex_stream import HELD, NOWHERE, Plan

BLANK, NOW, OLD, SLOT = range(4)
"""Where a beat comes from: it is the constant, the beat of this step, the one before, or in a slot,
the first of which is ``SLOT``.
"""

CHOICES = 4
"""What a beat is selected from: a slot, two other beats, and the constant."""


def source(place: int, reads: bool, stored: int) -> int:
    """Where a beat is found in a step that reads or does not, and has put the beat before into
    the slot ``stored``, from 1 on. ``place``: what the plan says.
    """
    if place == NOWHERE:
        return BLANK
    if place == HELD:
        return NOW if reads else OLD
    slot = place - 2
    return OLD if reads and stored == slot + 1 else SLOT + slot


@dataclass(frozen=True, eq=False)
class Rearranged:
    """Steps of ``plan`` from beats of ``x`` to those of ``output``; ``fill`` is the constant."""

    plan: Plan
    fill: int
    x: Edge
    output: Edge
    timing: Timing

    @property
    def type(self) -> Fixed:
        """Of all elements."""
        return self.x.type

    @property
    def fields(self) -> dict[str, Sequence[int]]:
        """What a step does with the slots."""
        if not self.plan.slots:
            return {}
        return {
            "put": [int(s > 0) for s in self.plan.stores],
            "put_at": settled([s - 1 if s else None for s in self.plan.stores]),
        }

    @property
    def address_width(self) -> int:
        """Bits that number a slot."""
        return max((self.plan.slots - 1).bit_length(), 1)

    def process(
        self, actor: Actor, words: StepWords, body: str, facts: Facts, library: tuple[str, ...]
    ) -> RtlProcess:
        """One whose module has ``body`` behind its control."""
        out_bits = beat_bits(self.output)

        def printed(name: str) -> RtlModule:
            values = {
                "NAME": name,
                "PORTS": process_ports([beat_bits(self.x)], out_bits),
                "CONTROL": control(name, words, 1, actor.depth),
                "BODY": body,
            }
            text = fill(library_file("reindex_steps.v.in"), values)
            return RtlModule(name, text + words.module(f"{name}_steps"), ("nn_valid.v", *library))

        return RtlProcess(actor, facts, out_bits, printed)


# -- beats out of one beat in --------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Beats(Rearranged):
    """Each beat out is made of at most one beat in, by ``lanes``: [lanes out], -1: the constant."""

    lanes: Sequence[int]

    @cached_property
    def sources(self) -> list[int | None]:
        """By step, where the beat out comes from; None: there is none."""
        plan, found = self.plan, []
        places = iter(next(iter(p.values()), NOWHERE) for p in plan.places)
        for reads, writes, stored in zip(plan.reads, plan.writes, plan.stores, strict=True):
            found.append(source(next(places), reads, stored) if writes else None)
        return found

    @property
    def used(self) -> set[int]:
        """The sources that there are, all slots as ``SLOT``."""
        return {min(s, SLOT) for s in self.sources if s is not None}

    @property
    def taken(self) -> list[int]:
        """Lanes of the input that are used."""
        return sorted({lane for lane in self.lanes if lane >= 0})

    @property
    def width(self) -> int:
        """Bits of what is taken of a beat."""
        return len(self.taken) * self.type.width

    @property
    def block(self) -> bool:
        """Whether slots are in block RAM, behind which a selection must fit into the cycle."""
        timing, slots = self.timing, self.plan.slots
        fits = timing.memory_ns + timing.select_ns(CHOICES) <= timing.usable_ns
        return fits and slots > 1 and block_rom(slots, self.width)

    @property
    def late(self) -> bool:
        """Whether what is read of a slot waits for a cycle."""
        timing, slots = self.timing, self.plan.slots
        slow = timing.lookup_ns(slots) + timing.select_ns(CHOICES) > timing.usable_ns
        return self.block or (slots > 1 and slow)

    @property
    def plain(self) -> bool:
        """Nothing but what is read in the same step is written."""
        return self.used <= {NOW} or not self.taken

    @property
    def depth(self) -> int:
        """Cycles from a step to its beat."""
        return 0 if self.plain else 1 + self.late

    def selection(self) -> dict[str, Sequence[int]]:
        """What a step does with the beats that there are."""
        s, near = self.sources, (NOW, OLD)
        fields = {
            "blank": settled([None if a is None else int(a == BLANK) for a in s]),
            "old": settled([int(a == OLD) if a in near else None for a in s]),
            "kept": settled([None if a is None or a == BLANK else int(a >= SLOT) for a in s]),
            **self.fields,
        }
        if self.plan.slots:
            fields["take_at"] = settled([a - SLOT if a and a >= SLOT else None for a in s])
        return fields


def beats_process(stage: str, actor: Actor, form: Beats) -> RtlProcess:
    """Beats by way of a memory of slots."""
    exact = replace(actor, depth=form.depth)
    words = actor_words(exact, {} if form.plain else form.selection(), form.timing)
    facts = _beats_facts(stage, exact, form, words)
    if form.plain:
        lines = wires("y_data", "x0_data", form.lanes, form.type.width, form.fill)
        return form.process(exact, words, "\n".join(lines), facts, ())
    places = [form.taken.index(lane) if lane >= 0 else -1 for lane in form.lanes]
    lines = [
        f"  wire [{form.width - 1}:0] now, beat;",
        *wires("now", "x0_data", form.taken, form.type.width),
        *_slots(form),
        *wires("y_data", "beat", places, form.type.width, form.fill),
    ]
    return form.process(exact, words, "\n".join(lines), facts, ("nn_slots.v",))


def _slots(form: Beats) -> list[str]:
    """The instance of ``nn_slots``."""
    ports = ["blank", "old", "kept"]
    address = f"{form.address_width}'d0"
    keep = [".put(1'b0)", f".put_at({address})", f".take_at({address})"]
    if form.plan.slots:
        keep = [f".{port}({port})" for port in ("put", "put_at", "take_at")]
    constant = literal(form.fill, form.type.width)
    return [
        "  nn_slots #(",
        f"    .WIDTH({form.width}), .SLOTS({form.plan.slots}),",
        f"    .ADDRESS_WIDTH({form.address_width}), .LATE({int(form.late)}),",
        f"    .BLOCK({int(form.block)}),",
        f"    .FILL({{{len(form.taken)}{{{constant}}}}})",
        "  ) slots (",
        "    .clk(clk), .read(x0_ready), .now(now), .beat(beat),",
        f"    {', '.join([*(f'.{port}({port})' for port in ports), *keep])}",
        "  );",
    ]


def _beats_facts(stage: str, actor: Actor, form: Beats, words: StepWords) -> Facts:
    facts = stepped_facts(stage, "reindex", actor, ((form.x,), form.output), words)
    if form.plain:
        return facts
    used, slots = form.used, form.plan.slots
    near = bool(used & {NOW, OLD})
    registers = 1 + (OLD in used or slots > 0) + (slots == 1)
    bits = registers * form.width
    if form.late:
        bits += near * (form.width + 1) + (BLANK in used) + (not form.block) * form.width
    memories = facts.memories
    if slots > 1:
        one = Memory(1, slots, form.width, 1, form.block, writable=True)
        memories = (*memories, one)
    return replace(
        facts,
        register_bits=facts.register_bits + bits,
        mux_bits=(len(used) - 1) * form.width,
        memories=memories,
    )


# -- each element from anywhere ------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Gather(Rearranged):
    """Element k of beat b out is element ``index[b][k]`` of the tensor, or the constant for -1."""

    index: Sequence[Sequence[int]]

    @cached_property
    def picks(self) -> list[tuple[int, ...]]:
        """By lane and beat out, the word of ``{slots, beat before, beat of this step}``, -1 for
        the constant.
        """
        plan, n = self.plan, self.x.lanes
        steps = [i for i, writes in enumerate(plan.writes) if writes]
        rows = []
        for i, row, places in zip(steps, self.index, plan.places, strict=True):
            found = {b: source(p, plan.reads[i], plan.stores[i]) for b, p in places.items()}
            rows.append([(found[e // n] - NOW) * n + e % n if e >= 0 else -1 for e in row])
        return list(zip(*rows, strict=True))

    @cached_property
    def lanes(self) -> list[tuple[int, ...]]:
        """The lanes that differ."""
        return list(dict.fromkeys(self.picks))

    @property
    def most(self) -> int:
        """Words that a lane is selected from."""
        return max(len(set(lane)) for lane in self.lanes)

    @property
    def depth(self) -> int:
        """Cycles from a step to its beat."""
        if self.most == 1:
            return 0
        return 1 if self.timing.select_ns(self.most) <= self.timing.usable_ns else 2

    @cached_property
    def indices(self) -> dict[tuple[int, ...], str]:
        """By beat out, which of its words each lane takes: the name of its field."""
        found: dict[tuple[int, ...], str] = {}
        for lane in self.lanes:
            if len(set(lane)) > 1:
                found.setdefault(_order(lane), f"index{len(found)}")
        return found

    def selection(self) -> dict[str, Sequence[int]]:
        """What a step does with the slots, and what each lane takes."""
        chosen = {}
        for order, name in self.indices.items():
            beats = iter(order)
            chosen[name] = settled([next(beats) if w else None for w in self.plan.writes])
        return {**self.fields, **chosen}

    @property
    def seen(self) -> set[int]:
        """Words that are selected, and those that a word in a slot was before."""
        words = {word for lane in self.lanes for word in lane if word >= 0}
        n = self.x.lanes
        return words | {n + word % n for word in words if word >= 2 * n}


def _order(lane: tuple[int, ...]) -> tuple[int, ...]:
    """The lane's words, numbered as they appear."""
    numbers = {word: k for k, word in enumerate(dict.fromkeys(lane))}
    return tuple(numbers[word] for word in lane)


def gather_process(stage: str, actor: Actor, form: Gather) -> RtlProcess:
    """Elements by way of registers."""
    exact = replace(actor, depth=form.depth)
    words = actor_words(exact, form.selection(), form.timing)
    lines = [*_open_slots(form)]
    for k, lane in enumerate(form.lanes):
        lines += _lane(form, k, lane)
    width = form.type.width
    places = {lane: k for k, lane in enumerate(form.lanes)}
    bits = len(form.lanes) * width
    lanes = ", ".join(f"lane{k}" for k in reversed(range(len(form.lanes))))
    lines += [f"  wire [{bits - 1}:0] lanes = {{{lanes}}};"]
    lines += wires("y_data", "lanes", [places[lane] for lane in form.picks], width)
    facts = _gather_facts(stage, exact, form, words)
    library = ("nn_slots.v", "nn_select.v", "nn_delay.v")
    return form.process(exact, words, "\n".join(lines), facts, library)


def _open_slots(form: Gather) -> list[str]:
    """All that can be selected, in ``sources``."""
    bits, slots = beat_bits(form.x), form.plan.slots
    if not any(word >= form.x.lanes for word in form.seen):
        return [f"  wire [{bits - 1}:0] sources = x0_data;"]
    lines = [
        f"  reg [{bits - 1}:0] held;",
        "  always @(posedge clk) if (x0_ready) held <= x0_data;",
    ]
    if not slots:
        return [*lines, f"  wire [{2 * bits - 1}:0] sources = {{held, x0_data}};"]
    return [
        *lines,
        f"  wire [{slots * bits - 1}:0] kept;",
        f"  nn_slots_open #(.WIDTH({bits}), .SLOTS({slots}), "
        f".ADDRESS_WIDTH({form.address_width})) slots (",
        "    .clk(clk), .put(x0_ready && put), .put_at(put_at), .beat(held), .words(kept)",
        "  );",
        f"  wire [{(2 + slots) * bits - 1}:0] sources = {{kept, held, x0_data}};",
    ]


def _lane(form: Gather, k: int, lane: tuple[int, ...]) -> list[str]:
    """The wire ``lane<k>``, ``depth`` cycles after the step."""
    width, choices = form.type.width, list(dict.fromkeys(lane))
    words = [_word(form, word) for word in reversed(choices)]
    head = f"  wire [{width - 1}:0] lane{k}"
    if form.depth == 0:
        return [f"{head} = {words[0]};"]
    wide = f"{{{', '.join(words)}}}"
    if len(choices) == 1:
        return [f"{head};", *_delay(form, k, words[0])]
    index = form.indices[_order(lane)]
    bits = (len(choices) - 1).bit_length()
    sizes = f".WIDTH({width}), .COUNT({len(choices)}), .INDEX_WIDTH({bits})"
    ports = f".words({wide}), .index({index}[{bits - 1}:0])"
    if form.depth == 2 and len(choices) >= LONG:
        twice = f"  nn_select_twice #({sizes}) pick{k} (.clk(clk), {ports}, .word(lane{k}));"
        return [f"{head};", twice]
    return [
        f"{head};",
        f"  wire [{width - 1}:0] word{k};",
        f"  nn_select #({sizes}) pick{k} ({ports}, .word(word{k}));",
        *_delay(form, k, f"word{k}"),
    ]


LONG = 4
"""Words from which on a selection of two cycles has two levels."""


def _delay(form: Gather, k: int, wire: str) -> list[str]:
    sizes = f".WIDTH({form.type.width}), .LATENCY({form.depth})"
    ports = f".clk(clk), .in_data({wire}), .out_data(lane{k})"
    return [f"  nn_delay #({sizes}) delay{k} ({ports});"]


def _word(form: Gather, word: int) -> str:
    width = form.type.width
    return literal(form.fill, width) if word < 0 else f"sources[{word * width} +: {width}]"


def _gather_facts(stage: str, actor: Actor, form: Gather, words: StepWords) -> Facts:
    facts = stepped_facts(stage, "reindex", actor, ((form.x,), form.output), words)
    width, n = form.type.width, form.x.lanes
    held = sum(word >= n for word in form.seen) * width
    counts = [len(set(lane)) for lane in form.lanes]
    constant = sum(set(lane) == {-1} for lane in form.lanes)
    moved = form.depth * (len(counts) - constant) * width
    if form.depth == 2:
        moved += sum((_groups(c) - 1) * width for c in counts if c >= LONG)
        moved += sum(_late_bits(max(order) + 1) for order in form.indices)
    return replace(
        facts,
        register_bits=facts.register_bits + held + moved,
        mux_bits=sum(c - 1 for c in counts) * width,
    )


def _groups(count: int) -> int:
    """Groups of ``nn_select_twice``."""
    bits = (count - 1).bit_length()
    return -(-count // (1 << (bits + 1) // 2))


def _late_bits(count: int) -> int:
    """Bits of its index that the second level takes."""
    bits = (count - 1).bit_length()
    return bits - (bits + 1) // 2 if count >= LONG else 0
