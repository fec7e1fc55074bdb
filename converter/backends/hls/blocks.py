"""An ``HlsBlock`` in C++: its structs, its call, its constants and the headers it needs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from converter.hls_block import HlsBlock
from converter.hlslib import included

WIDEST_LITERAL = (1 << 63) - 1


def parts(name: str, block: HlsBlock) -> Iterator[tuple[str, HlsBlock]]:
    """The block of the stage ``name`` and its bodies, each with the prefix of its C++ names."""
    for depth, part in enumerate(block.chain):
        yield name + "_body" * depth, part


def config_name(prefix: str) -> str:
    """The struct of a block: a body's is its prefix, a stage's has ``config`` behind."""
    return prefix if prefix.endswith("_body") else f"{prefix}_config"


def call(prefix: str, block: HlsBlock) -> str:
    """The function of a block, with its template arguments."""
    arguments = [config_name(prefix), *([f"{prefix}_body"] if block.body else [])]
    return f"dse::{block.function}<{', '.join(arguments)}>"


def headers(blocks: Iterable[HlsBlock]) -> list[str]:
    """Files of ``hlslib/`` that the blocks name."""
    blocks = list(blocks)
    found = {part.header for block in blocks for part in block.chain}
    beats = any(a.per_beat for block in blocks for part in block.chain for a in part.arrays)
    return sorted({*found, *(["beat.h"] if beats else [])})


def with_included(names: Iterable[str]) -> list[str]:
    """Headers, and those that they include."""
    found: set[str] = set()
    left = ["codes.h", *names]
    while left:
        name = left.pop()
        if name not in found:
            found.add(name)
            left += included(name)
    return sorted(found)


def struct(prefix: str, block: HlsBlock, inputs: int) -> dict[str, Any]:
    """What the template of a block's struct asks for; ``inputs``: how many its stage has."""
    one = [("x", "input_t")]
    names = one if inputs == 1 else [(f"x{k}", f"input{k}_t") for k in range(inputs)]
    local = [a for a in block.arrays if a.per_beat]
    arrays = [a.name if a.per_beat else f"{prefix}_{a.name}" for a in block.arrays]
    return {
        "name": config_name(prefix),
        "numbers": block.numbers,
        "types": block.types,
        "scalars": {k: (t, literal(t, v)) for k, (t, v) in block.scalars.items()},
        "code": f"{prefix}_code" if block.code else "",
        "is_body": prefix.endswith("_body"),
        "inputs": names,
        "of_beat": [(a.type, a.name, a.per_beat, f"{prefix}_{a.name}") for a in local],
        "call": call(prefix, block),
        "arguments": ", ".join([*(name for name, _ in names), "y", *arrays]),
    }


def literal(kind: str, value: int) -> str:
    """An integer constant of the C++ type ``kind``; above 63 bits, by its decimal text."""
    if abs(value) <= WIDEST_LITERAL:
        return str(value)
    return f'{kind}("{value}", 10)'
