"""The C++ of a network: types, constants, and a top function with one call per stage."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from converter.backends.hls import blocks as cpp
from converter.backends.hls.dialect import Dialect
from converter.backends.hls.steps import ParallelSteps, Step, channel_name, stream_steps
from converter.dataflow import Place
from converter.graph import IOType, TypedGraph
from converter.hls_block import Array, HlsBlock
from converter.hlslib import file_name, header
from converter.names import comment, identifier, identifiers
from converter.tokens import token_plan

PER_LINE = 16
MANY = 1 << 12
"""Constants above which a simulation takes native integers."""

WIDEST_NATIVE = 56
"""Bits of generated code up to which a simulation takes native integers: words that are cut to
the output's width have a few more there.
"""

_WIDTH = re.compile(r"ap_u?int<(\d+)>")


@dataclass(frozen=True)
class Port:
    """An argument of the top function: an input or an output of the network.

    ``size`` elements at once, or ``beats`` beats of ``lanes`` elements, which are ``bits``, one
    after the other.
    """

    edge: str
    name: str
    type: str
    size: int
    beats: int
    lanes: int
    bits: int


@dataclass(frozen=True)
class Firmware:
    """The C++ files below ``firmware/`` and what a test bench must know of them."""

    top: str
    files: Mapping[str, str]
    inputs: tuple[Port, ...]
    outputs: tuple[Port, ...]
    names: Mapping[str, str]  # identifier of each input and stage
    streams: bool = False


def build_firmware(typed: TypedGraph, dialect: Dialect, compact: bool = False) -> Firmware:
    """All C++ of a network in one tool's dialect. Raises UnsupportedError by stage name.

    ``compact``: for the compact ``ap_fixed`` only, where long arrays of constants are written
    as native integers.
    """
    return _Builder(typed, dialect, compact).build()


@cache
def environment() -> Any:
    """Jinja2, set up for C++ and Tcl. An undefined name is an error."""
    import jinja2

    return jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent / "templates"),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,  # noqa: S701 - C++ and Tcl; every name is an identifier already
    )


def render(template: str, **values: Any) -> str:
    """One file from one template."""
    return environment().get_template(template).render(**values)


def stage_blocks(typed: TypedGraph) -> dict[str, HlsBlock]:
    """What each stage is built of under the graph's ``io_type``, by name."""
    return {s.name: _block(typed, s.name) for s in typed.stages}


def _block(typed: TypedGraph, name: str) -> HlsBlock:
    stage, choice = typed[name], typed.implementation(name)
    if typed.io_type is IOType.PARALLEL:
        return stage.unit.hls(choice)
    inputs = tuple(typed.edges[i] for i in stage.inputs)
    return stage.unit.hls_stream(choice, inputs, typed.edges[name])


class _Builder:
    """Works out names once, then renders file by file."""

    def __init__(self, typed: TypedGraph, dialect: Dialect, compact: bool) -> None:
        self.typed, self.dialect, self.compact = typed, dialect, compact
        self.streams = typed.io_type is IOType.STREAM
        self.top = identifier(typed.name, "network")
        self.names = identifiers([*typed.inputs, *(s.name for s in typed.stages)], [self.top])
        self.blocks = stage_blocks(typed)
        used = cpp.headers(self.blocks.values())
        self.headers = sorted({"stream.h" if self.streams else "copy.h", *used})

    def build(self) -> Firmware:
        made = self._streamed() if self.streams else self._parallel()
        values = {
            "top": self.top,
            "guard": self.top.upper(),
            "title": comment(self.typed.name),
            "inputs": made["inputs"],
            "outputs": made["outputs"],
            "streams": self.streams,
        }
        stages = [self._stage(s.name) for s in self.typed.stages]
        files = {
            "defines.h": render("defines.h.j2", types=self._types(), **values),
            "parameters.h": render(
                "parameters.h.j2",
                stages=stages,
                headers=[file_name(name) for name in self.headers],
                **values,
            ),
            f"{self.top}.h": render("top.h.j2", **values),
            f"{self.top}.cpp": self.dialect.translate(render(**{**values, **made})),
            **self._library(),
            **self._constants(),
            **self._code(),
        }
        placed = {f"firmware/{path}": text for path, text in files.items()}
        return Firmware(self.top, placed, made["inputs"], made["outputs"], self.names, self.streams)

    def _parallel(self) -> dict[str, Any]:
        """What the template of the top function asks for in io_parallel."""
        body = ParallelSteps(self.typed, self.names, self.blocks)
        return {
            "template": "top.cpp.j2",
            "inputs": tuple(self._port(n, self.names[n]) for n in self.typed.inputs),
            "outputs": tuple(self._port(n, body.output(n)) for n in self.typed.outputs),
            "body": body.steps(),
            "dataflow": body.dataflow,
            "interval": max((b.interval for b in self.blocks.values()), default=1),
        }

    def _streamed(self) -> dict[str, Any]:
        """The same in io_stream."""
        plan, ports = token_plan(self.typed), {}
        for channel in plan.network.channels:
            if channel.place is not Place.FIFO:
                ports[channel.place, channel.edge.name] = channel_name(channel, self.names)
        steps: list[Step] = stream_steps(plan.network, self.names, self.blocks, plan.depths)
        return {
            "template": "top_stream.cpp.j2",
            "widest_pack": self.dialect.widest_pack,
            "inputs": tuple(self._port(n, ports[Place.INPUT, n]) for n in self.typed.inputs),
            "outputs": tuple(self._port(n, ports[Place.OUTPUT, n]) for n in self.typed.outputs),
            "body": steps,
        }

    def _port(self, edge: str, name: str) -> Port:
        tensor = self.typed.edges[edge]
        text = self.names[edge]
        bits = tensor.lanes * tensor.type.width
        return Port(edge, name, text, tensor.size, tensor.beats, tensor.lanes, bits)

    def _types(self) -> list[dict[str, Any]]:
        """One type per edge, by the name of the stage that gives it."""
        return [
            {
                "name": text,
                "type": self.typed.edges[name].type.spell(),
                "shape": " x ".join(map(str, self.typed.edges[name].shape)),
                "lanes": self.typed.edges[name].lanes,
                "about": comment(name),
            }
            for name, text in self.names.items()
        ]

    def _library(self) -> dict[str, str]:
        names = cpp.with_included([*self.headers, *(["frame.h"] if self.streams else [])])
        return {f"hlslib/{file_name(name)}": self.dialect.translate(header(name)) for name in names}

    def _stage(self, name: str) -> dict[str, Any]:
        made = list(cpp.parts(self.names[name], self.blocks[name]))
        inputs = len(self.typed[name].inputs)
        return {
            "about": comment(name),
            "structs": [cpp.struct(prefix, part, inputs) for prefix, part in reversed(made)],
            "arrays": [f"{prefix}_{a.name}" for prefix, part in made for a in part.arrays],
            "code": [prefix for prefix, part in made if part.code],
        }

    def _constants(self) -> dict[str, str]:
        return {
            f"weights/{prefix}_{array.name}.h": self._weights(name, f"{prefix}_{array.name}", array)
            for name, block in self.blocks.items()
            for prefix, part in cpp.parts(self.names[name], block)
            for array in part.arrays
        }

    def _code(self) -> dict[str, str]:
        """What was made for the constants of one block."""
        return {
            f"code/{prefix}.h": self._made(name, prefix, part)
            for name, block in self.blocks.items()
            for prefix, part in cpp.parts(self.names[name], block)
            if part.code
        }

    def _made(self, stage: str, prefix: str, block: HlsBlock) -> str:
        widths = [int(w) for w in _WIDTH.findall(block.code)]
        native = self.compact and max(widths, default=0) <= WIDEST_NATIVE
        return render(
            "code_sim.h.j2" if native else "code.h.j2",
            name=prefix,
            about=comment(stage),
            n_in=block.numbers["n_in"],
            lines=block.code.splitlines(),
        )

    def _weights(self, stage: str, name: str, array: Array) -> str:
        plain = all(abs(value) <= cpp.WIDEST_LITERAL for value in array.values)
        native = self.compact and plain and len(array.values) > MANY
        words = [cpp.literal(array.type, value) for value in array.values]
        lines = [", ".join(words[i : i + PER_LINE]) for i in range(0, len(words), PER_LINE)]
        return render(
            "weights_sim.h.j2" if native else "weights.h.j2",
            name=name,
            about=f"{comment(stage)}: {array.name} {array.about}",
            type=array.type,
            size=len(words),
            lines=lines,
        )
