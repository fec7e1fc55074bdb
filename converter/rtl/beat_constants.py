"""A netlist at each beat whose constants differ from beat to beat, and so are inputs of it."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from converter.actor import each_beat
from converter.facts import Facts
from converter.graph import Edge
from converter.rtl.elementwise import Lanes
from converter.rtl.mapping import beat_bits
from converter.rtl.module import RtlModule, fill, library_file
from converter.rtl.process import RtlProcess, process_ports
from converter.rtl.steps import StepWords, actor_words, control
from converter.timing import Timing
from converter.types import Codes


@dataclass(frozen=True, eq=False)
class BeatConstants:
    """``lanes``: one copy of a netlist, whose first input is a beat, and whose further ones are
    ``constants``: codes [beats, elements] of each.
    """

    lanes: Lanes
    constants: tuple[Codes, ...]

    @property
    def widths(self) -> list[int]:
        """Bits of each input of constants."""
        sizes = zip(self.lanes.elements[1:-1], self.lanes.types[1:-1], strict=True)
        return [n * t.width for n, t in sizes]

    def fields(self) -> dict[str, list[int]]:
        """By name, the constants of each beat as one word."""
        types = self.lanes.types[1:-1]
        return {
            f"constants{k}": [_word(row, t.width) for row in np.asarray(codes).tolist()]
            for k, (codes, t) in enumerate(zip(self.constants, types, strict=True))
        }


def _word(row: list[int], width: int) -> int:
    mask = (1 << width) - 1
    return sum((int(code) & mask) << k * width for k, code in enumerate(row))


def constants_process(
    stage: str, kind: str, form: BeatConstants, x: Edge, output: Edge, timing: Timing
) -> RtlProcess:
    """A beat of x in, one out, in each cycle, with the constants of the beat from a memory."""
    beats, one = output.beats, form.lanes.facts(stage, kind, timing)
    actor = each_beat(beats, 1, 1, one.latency_cycles)
    words = actor_words(actor, form.fields(), timing)
    bits = beat_bits(output)

    def printed(name: str) -> RtlModule:
        inner = form.lanes.module(f"{name}_beat", timing)
        values = {
            "NAME": name,
            "PORTS": process_ports([beat_bits(x)], bits),
            "CONTROL": control(name, words, 1, None),
            "CONSTANTS": "\n".join(_constants(form)),
        }
        text = fill(library_file("beat_constants.v.in"), values)
        return RtlModule(name, text + words.module(f"{name}_steps") + inner.text, inner.library)

    return RtlProcess(actor, _facts(one, words, beats), bits, printed)


def _constants(form: BeatConstants) -> list[str]:
    """Connections of the constants, with zeros above a field that is shorter."""
    lines = []
    for k, (width, values) in enumerate(zip(form.widths, form.fields().values(), strict=True)):
        missing = width - max(max(values).bit_length(), 1)
        name = f"constants{k}"
        whole = f"{{{missing}'d0, {name}}}" if missing else name
        lines.append(f"    .in_data_{k + 1}({whole}),")
    return lines


def _facts(one: Facts, words: StepWords, beats: int) -> Facts:
    """Of all beats; the constants are no input."""
    lanes = one.n_out
    return replace(
        one,
        n_in=lanes,
        latency_cycles=beats - 1 + one.latency_cycles,
        interval_cycles=beats,
        adders=one.adders + (words.counter_bits > 0),
        adder_bits=one.adder_bits + words.counter_bits,
        register_bits=one.register_bits + words.register_bits,
        memories=(*one.memories, *words.memories),
        positions=beats,
        stream=True,
        beats_in=beats,
        beats_out=beats,
    )
