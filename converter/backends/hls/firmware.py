"""The C++ of a network: types, constants, and a top function with one call per stage."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from converter.backends.hls.dialect import Dialect
from converter.graph import TypedGraph
from converter.hls_block import Array
from converter.hlslib import header
from converter.names import comment, identifier, identifiers

WIDEST_LITERAL = (1 << 63) - 1
PER_LINE = 16
MANY = 1 << 12
"""Constants above which a simulation takes native integers."""


@dataclass(frozen=True)
class Port:
    """An array of the top function: an input or an output of the network."""

    edge: str
    name: str
    type: str
    size: int


@dataclass(frozen=True)
class Firmware:
    """The C++ files below ``firmware/`` and what a test bench must know of them."""

    top: str
    files: Mapping[str, str]
    inputs: tuple[Port, ...]
    outputs: tuple[Port, ...]
    names: Mapping[str, str]  # identifier of each input and stage


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


class _Builder:
    """Works out names once, then renders file by file."""

    def __init__(self, typed: TypedGraph, dialect: Dialect, compact: bool) -> None:
        self.typed, self.dialect, self.compact = typed, dialect, compact
        self.top = identifier(typed.name, "network")
        self.names = identifiers([*typed.inputs, *(s.name for s in typed.stages)], [self.top])
        self.blocks = {s.name: s.unit.hls(typed.implementation(s.name)) for s in typed.stages}
        self.dataflow = any(block.dataflow for block in self.blocks.values())
        self.copies = self._copies()

    def build(self) -> Firmware:
        inputs = tuple(self._port(name, self.names[name]) for name in self.typed.inputs)
        outputs = tuple(self._port(name, self._output(name)) for name in self.typed.outputs)
        values = {
            "top": self.top,
            "guard": self.top.upper(),
            "title": comment(self.typed.name),
            "inputs": inputs,
            "outputs": outputs,
        }
        stages = [self._stage(s.name) for s in self.typed.stages]
        files = {
            "defines.h": render("defines.h.j2", types=self._types(), **values),
            "parameters.h": render("parameters.h.j2", stages=stages, **values),
            f"{self.top}.h": render("top.h.j2", **values),
            f"{self.top}.cpp": render(
                "top.cpp.j2",
                body=self._body(),
                dataflow=self.dataflow,
                interval=max((b.interval for b in self.blocks.values()), default=1),
                **values,
            ),
        }
        for name in sorted({"codes.h", "copy.h", *(b.header for b in self.blocks.values())}):
            files[f"hlslib/{name}"] = self.dialect.translate(header(name))
        for stage in self.typed.stages:
            for array in self.blocks[stage.name].arrays:
                path = f"weights/{self.names[stage.name]}_{array.name}.h"
                files[path] = self._weights(stage.name, array)
        placed = {f"firmware/{path}": text for path, text in files.items()}
        return Firmware(self.top, placed, inputs, outputs, self.names)

    def _port(self, edge: str, name: str) -> Port:
        return Port(edge, name, f"{self.names[edge]}_t", self.typed.edges[edge].size)

    def _types(self) -> list[dict[str, str]]:
        """One type per edge, by the name of the stage that gives it."""
        return [
            {
                "name": f"{text}_t",
                "type": self.typed.edges[name].type.spell(),
                "shape": " x ".join(map(str, self.typed.edges[name].shape)),
                "about": comment(name),
            }
            for name, text in self.names.items()
        ]

    def _stage(self, name: str) -> dict[str, Any]:
        block, text = self.blocks[name], self.names[name]
        return {
            "name": text,
            "about": comment(name),
            "header": block.header,
            "numbers": block.numbers,
            "types": block.types,
            "scalars": {k: (t, literal(t, v)) for k, (t, v) in block.scalars.items()},
            "arrays": [f"{text}_{array.name}" for array in block.arrays],
        }

    def _weights(self, stage: str, array: Array) -> str:
        plain = all(abs(value) <= WIDEST_LITERAL for value in array.values)
        native = self.compact and plain and len(array.values) > MANY
        words = [literal(array.type, value) for value in array.values]
        lines = [", ".join(words[i : i + PER_LINE]) for i in range(0, len(words), PER_LINE)]
        return render(
            "weights_sim.h.j2" if native else "weights.h.j2",
            name=f"{self.names[stage]}_{array.name}",
            about=f"{comment(stage)}: {array.name} {array.about}",
            type=array.type,
            size=len(words),
            lines=lines,
        )

    # -- the top function ------------------------------------------------------------------

    def _readers(self, edge: str) -> list[str]:
        readers = [s.name for s in self.typed.stages for i in s.inputs if i == edge]
        return [*readers, *(["\0output"] if edge in self.typed.outputs else [])]

    def _is_port(self, edge: str) -> bool:
        """The stage writes the output port itself: nobody else reads it."""
        return self._readers(edge) == ["\0output"] and edge not in self.typed.inputs

    def _output(self, edge: str) -> str:
        return self.names[edge] if self._is_port(edge) else f"{self.names[edge]}_out"

    def _copies(self) -> dict[str, list[str]]:
        """In a dataflow region every array has one reader: names of the copies of an edge."""
        if not self.dataflow:
            return {}
        counts = {edge: len(self._readers(edge)) for edge in self.names}
        return {
            edge: [f"{self.names[edge]}_copy{k}" for k in range(n)]
            for edge, n in counts.items()
            if n > 1
        }

    def _read(self, edge: str, used: dict[str, int]) -> str:
        if edge not in self.copies:
            return self.names[edge]
        used[edge] = used.get(edge, -1) + 1
        return self.copies[edge][used[edge]]

    def _body(self) -> list[dict[str, Any]]:
        """Steps of the top function: declarations and calls, in order."""
        used: dict[str, int] = {}
        steps: list[dict[str, Any]] = []
        for name in self.typed.inputs:
            steps += self._forks(name)
        for stage in self.typed.stages:
            arguments = [self._read(i, used) for i in stage.inputs]
            steps.append(self._call(stage.name, arguments))
            steps += self._forks(stage.name)
        for name in self.typed.outputs:
            if not self._is_port(name):
                steps.append(self._copy(name, self._read(name, used)))
        return steps

    def _call(self, name: str, arguments: list[str]) -> dict[str, Any]:
        block, text = self.blocks[name], self.names[name]
        arrays = [f"{text}_{array.name}" for array in block.arrays]
        edge = self.typed.edges[name]
        return {
            "about": comment(f"{name}: {edge.type.spell()}[{edge.size}]"),
            "declare": [] if self._is_port(name) else [(f"{text}_t", text, edge.size)],
            "call": f"dse::{block.function}<{text}_config>",
            "arguments": ", ".join([*arguments, text, *arrays]),
        }

    def _copy(self, edge: str, source: str) -> dict[str, Any]:
        size, text = self.typed.edges[edge].size, self.names[edge]
        return {
            "about": "",
            "declare": [],
            "call": f"dse::copy<{size}>",
            "arguments": f"{source}, {text}_out",
        }

    def _forks(self, edge: str) -> list[dict[str, Any]]:
        """Split an edge for its readers, two at a time."""
        copies = list(self.copies.get(edge, []))
        size, text = self.typed.edges[edge].size, self.names[edge]
        steps, source = [], text
        for k, copy in enumerate(copies[:-1]):
            rest = copies[-1] if k == len(copies) - 2 else f"{text}_rest{k}_copy"
            steps.append(
                {
                    "about": "",
                    "declare": [(f"{text}_t", copy, size), (f"{text}_t", rest, size)],
                    "call": f"dse::fork<{size}>",
                    "arguments": f"{source}, {copy}, {rest}",
                }
            )
            source = rest
        return steps


def literal(kind: str, value: int) -> str:
    """An integer constant of the C++ type ``kind``; above 63 bits, by its decimal text."""
    if abs(value) <= WIDEST_LITERAL:
        return str(value)
    return f'{kind}("{value}", 10)'
