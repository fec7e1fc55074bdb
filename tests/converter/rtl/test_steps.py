"""The memories of steps: what they hold is what the steps need, and no more of it than that."""

from __future__ import annotations

import re
from itertools import cycle, islice

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from converter.rtl.steps import StepWords, settled


def memory(text: str) -> list[int]:
    """Words of the memory of a module."""
    return [int(word, 16) for word in re.findall(r"\] = \d+'h([0-9a-f]+);", text)]


def played(steps: StepWords, count: int) -> dict[str, list[int]]:
    """The fields of so many steps, out of the memory and the wires of the Verilog."""
    text, width = steps.module("m"), steps.width
    words = memory(text)
    if steps.runs:
        words = [w & (1 << width) - 1 for w in words for _ in range((w >> width) + 1)]
    words = list(islice(cycle(words or [0]), count))
    found = {}
    for line in steps.wires():
        match = re.fullmatch(r"  wire \[\d+:0\] (\w+) = \{?(.*?)\}?;", line)
        if match:
            bits = match[2].split(", ")
            found[match[1]] = [_value(bits, word) for word in words]
    return found


def _value(bits: list[str], word: int) -> int:
    value = 0
    for bit in bits:
        at = re.fullmatch(r"word\[(\d+)\]", bit)
        value = 2 * value + (word >> int(at[1]) & 1 if at else int(bit[-1]))
    return value


@settings(max_examples=150, deadline=None)
@given(st.data(), st.integers(1, 12), st.integers(1, 5), st.sampled_from([1, 3, 40]))
def test_every_step_has_its_fields(
    data: st.DataObject, steps: int, times: int, longest: int
) -> None:
    fields = {}
    for name in ("reads0", "writes", "slot"):
        values = data.draw(st.lists(st.integers(0, 5), min_size=steps, max_size=steps))
        counts = data.draw(st.integers(1, longest))
        fields[name] = [v for v in values for _ in range(counts)] * times
    length = np.lcm.reduce([len(values) for values in fields.values()])
    fields = {n: list(islice(cycle(v), int(length))) for n, v in fields.items()}
    words = StepWords(fields)
    assert played(words, 2 * length) == {n: 2 * v for n, v in fields.items()}


def test_repetitions_and_runs_are_there_once() -> None:
    twice = StepWords({"a": [0, 1, 2, 3] * 50})
    assert len(memory(twice.module("m"))) == 4
    assert twice.register_bits == 2 + 2
    runs = StepWords({"a": [0] * 300 + [1] * 5 + [0] * 700})
    assert [n for _, n in runs.runs or ()] == [300, 5, 700]
    (held,) = runs.memories
    assert (held.depth, held.width, held.registered) == (3, 1 + 10, False)
    assert runs.register_bits == 2 + 10 + 1


def test_equal_and_constant_bits_are_not_stored() -> None:
    words = StepWords({"a": [2, 3, 2], "b": [0, 1, 0], "c": [7, 7, 7]})
    assert words.width == 1
    assert StepWords({"c": [7, 7]}).module("m") == ""
    assert StepWords({"c": [7, 7]}).register_bits == 0


def test_deep_memories_are_in_block_ram() -> None:
    values = np.random.default_rng(0).integers(0, 1 << 18, 2000).tolist()
    words = StepWords({"a": values})
    assert words.block
    assert words.memories[0].registered
    assert tuple(memory(words.module("m"))) == words.words
    assert played(words, 2000)["a"] == values


def test_what_does_not_matter_stays_as_it_was() -> None:
    assert settled([None, 1, None, 2, None]) == [2, 1, 1, 2, 2]
    assert settled([None, None]) == [0, 0]
