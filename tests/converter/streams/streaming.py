"""Networks in io_stream made by hand, and their C++ run as processes side by side."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import jinja2
import numpy as np

from converter.backends.hls.dialect import VITIS
from converter.backends.hls.firmware import Port, build_firmware, stage_blocks
from converter.backends.hls.steps import Step, channel_name, stream_steps
from converter.csim import find_compiler
from converter.dataflow import Kind, Process, network
from converter.graph import (
    Bounds,
    Edge,
    Implementation,
    IOType,
    Shape,
    Stage,
    Strategy,
    TypedGraph,
    frozen_array,
)
from converter.hlslib import sim_header
from converter.types import Codes, Fixed, Overflow, Rounding
from converter.units.base import Unit
from converter.units.matvec import MatVec
from converter.units.merge import Merge, MergeOp
from converter.units.reduce import Reduce, Reduction
from converter.units.reindex import Reindex
from converter.units.requantize import Relu, Requantize
from converter.units.sliding import Sliding
from converter.units.window import Window

HERE = Path(__file__).resolve().parent
INPUT = Fixed(8, 4)
HIDDEN = Fixed(7, 3, False, Rounding.RND, Overflow.SAT)
WEIGHT = Fixed(5, 2)


@dataclass
class Net:
    """Builds a graph stage by stage; each method gives the name of the edge it makes."""

    rng: np.random.Generator = field(default_factory=lambda: np.random.default_rng(1))
    edges: dict[str, Edge] = field(default_factory=dict)
    stages: list[Stage] = field(default_factory=list)
    inputs: list[str] = field(default_factory=list)
    hardware: dict[str, Implementation] = field(default_factory=dict)

    def input(self, *shape: int, of: Fixed = INPUT) -> str:
        name = f"x{len(self.inputs)}"
        self.inputs.append(name)
        return self._edge(name, shape, of)

    def _edge(self, name: str, shape: Shape, t: Fixed) -> str:
        size = int(np.prod(shape))
        self.edges[name] = Edge(name, shape, t, Bounds.of_type(t, size))
        return name

    def stage(self, unit: Unit, shape: Shape, *inputs: str, kind: str = "s") -> str:
        name = f"{kind}{len(self.stages)}"
        self.stages.append(Stage(name, name, unit, inputs))
        return self._edge(name, shape, unit.output_type)

    def dense(self, x: str, n_out: int, reuse: int = 1) -> str:
        edge = self.edges[x]
        name = self.stage(self._product(edge.size, n_out, edge.type), (n_out,), x, kind="fc")
        return self._reused(name, reuse)

    def conv(
        self, x: str, filters: int, kernel: int = 3, stride: int = 1, same: bool = False,
        reuse: int = 1,
    ) -> str:  # fmt: skip
        edge = self.edges[x]
        rows, columns, channels = edge.shape
        pad = ((kernel - 1) // 2, kernel // 2) if same else (0, 0)
        size, steps = (kernel, kernel), (stride, stride)
        window = Window(rows, columns, channels, size, steps, padding=(pad, pad))
        unit = Sliding(window, self._product(window.elements, filters, edge.type))
        shape = (window.out_rows, window.out_columns, filters)
        return self._reused(self.stage(unit, shape, x, kind="conv"), reuse)

    def pool(self, x: str, size: int = 2) -> str:
        rows, columns, channels = self.edges[x].shape
        pair = (size, size)
        window = Window(rows, columns, channels, pair, pair, groups=channels)
        unit = Sliding(window, Reduce(Reduction.MAX, channels, size * size, self.edges[x].type))
        return self.stage(unit, (window.out_rows, window.out_columns, channels), x, kind="pool")

    def relu(self, x: str) -> str:
        edge = self.edges[x]
        unit = Requantize(edge.size, edge.type, HIDDEN, Relu())
        return self.stage(unit, edge.shape, x, kind="relu")

    def add(self, left: str, right: str) -> str:
        a, b = self.edges[left], self.edges[right]
        unit = Merge(MergeOp.ADD, a.type, b.type, a.size)
        return self.stage(unit, a.shape, left, right, kind="add")

    def flatten(self, x: str) -> str:
        edge = self.edges[x]
        return self.stage(Reindex.same(edge.size, edge.type), (edge.size,), x, kind="flat")

    def residual(self, x: str, reuse: int = 1) -> str:
        """x + conv(relu(conv(x))), rectified."""
        filters = self.edges[x].shape[-1]
        inner = self.relu(self.conv(x, filters, same=True, reuse=reuse))
        return self.relu(self.add(self.conv(inner, filters, same=True, reuse=reuse), x))

    def graph(self, *outputs: str, name: str = "net") -> TypedGraph:
        return TypedGraph(
            name, self.edges, tuple(self.stages), tuple(self.inputs), outputs, self.hardware,
            io_type=IOType.STREAM,
        )  # fmt: skip

    def _reused(self, name: str, reuse: int) -> str:
        if reuse > 1:
            self.hardware[name] = Implementation(Strategy.RESOURCE, reuse)
            self.stages[-1].unit.check(name, self.hardware[name])
        return name

    def _product(self, n_in: int, n_out: int, t: Fixed) -> MatVec:
        weights = self.rng.integers(WEIGHT.code_min, WEIGHT.code_max + 1, (n_in, n_out))
        width = t.width + WEIGHT.width + n_in.bit_length() + 1
        accum = Fixed(width, width - t.fraction - WEIGHT.fraction)
        bias = self.rng.integers(-40, 40, n_out)
        return MatVec(frozen_array(weights), WEIGHT, frozen_array(bias), t, accum)


def svhn(blocks: int = 0, reuse: int = 1, same: bool = False, size: int = 32) -> TypedGraph:
    """Three convolutions of 16, 16 and 24 channels with pooling, two dense layers; behind each
    convolution ``blocks`` residual blocks.
    """
    made = Net()
    x = made.input(size, size, 3)
    for filters in (16, 16, 24):
        x = made.relu(made.conv(x, filters, same=same, reuse=reuse))
        for _ in range(blocks):
            x = made.residual(x, reuse)
        x = made.pool(x)
    x = made.relu(made.dense(made.flatten(x), 42))
    return made.graph(made.dense(x, 10), name="svhn")


@dataclass(frozen=True)
class Run:
    """What processes side by side gave: output codes by name, and the reads and writes of each
    process of the network, in order, by its place.
    """

    outputs: Mapping[str, Codes]
    traces: Mapping[int, list[str]]


def run_processes(
    typed: TypedGraph, codes: Mapping[str, Codes], depths: Mapping[int, int], folder: Path
) -> Run | None:
    """The C++ of all processes with FIFOs of these depths, by channel; None: a deadlock.

    Ports hold one beat. A frame per row of ``codes``.
    """
    program = _Program(typed, depths)
    frames = len(next(iter(codes.values())))
    files = dict(program.firmware.files)
    outputs = tuple(replace(p, name=f"{p.name}_taken") for p in program.firmware.outputs)
    files["main.cpp"] = _template().render(
        top=program.firmware.top,
        frames=frames,
        channels=program.channels,
        inputs=program.firmware.inputs,
        outputs=outputs,
        calls=[call for _, call in program.calls],
    )
    for name in ("ap_int.h", "ap_fixed.h", "hls_stream.h"):
        files[f"sim/{name}"] = sim_header(name)
    for path, text in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text, encoding="utf-8")
    lines = _compiled(folder, _rows(program.firmware.inputs, codes))
    if lines == ["deadlock"]:
        return None
    traces: dict[int, list[str]] = {}
    for (place, _), line in zip(program.calls, lines[frames:], strict=True):
        traces.setdefault(place, line.split())  # the first: what follows a window is a map
    return Run(_outputs(lines[:frames], outputs), traces)


class _Program:
    """``calls``: (place of the process, C++); ``channels``: what the template declares."""

    def __init__(self, typed: TypedGraph, depths: Mapping[int, int]) -> None:
        self.typed, self.net = typed, network(typed)
        self.firmware = build_firmware(typed, VITIS, compact=True)
        names = self.firmware.names
        self.channels = [
            {
                "type": f"{names[c.edge.name]}_beat_t",
                "name": channel_name(c, names),
                "depth": depths.get(k, 1),
            }
            for k, c in enumerate(self.net.channels)
        ]
        self.calls: list[tuple[int, str]] = []
        any_depth = dict.fromkeys(range(len(self.net.channels)), 2)
        steps = iter(stream_steps(self.net, names, stage_blocks(typed), any_depth))
        for place, process in enumerate(self.net.processes):
            if process.kind in (Kind.SOURCE, Kind.SINK):
                self.calls.append((place, self._frame(process)))
            else:
                self.calls += [(place, call) for call in self._flat(process, next(steps))]

    def _frame(self, process: Process) -> str:
        channel = self.net.channels[(*process.reads, *process.writes)[0]]
        name, beats = channel_name(channel, self.firmware.names), channel.edge.beats
        if process.kind is Kind.SOURCE:
            return f"dse::send_frame({name}_frames[frame], {beats}, {name});"
        return f"dse::receive_frame({name}, {name}_taken_frames[frame], {beats});"

    def _flat(self, process: Process, step: Step) -> list[str]:
        """The processes of a step: two for a dataflow region of ``hlslib/sliding_stream.h``."""
        inner = {
            "dse::sliding_stream_paced": "map_stream",
            "dse::sliding_stream_in_steps": "map_stream_in_steps",
        }
        function = step.call.split("<")[0]
        if function not in inner:
            return [f"{step.call}({step.arguments});"]
        x, y = step.arguments.split(", ")
        name = self.firmware.names[process.name]
        source = self.firmware.names[self.net.channels[process.reads[0]].edge.name]
        config, body, windows = f"{name}_config", f"{name}_body", f"{name}_windows"
        kind = f"dse::beat<{source}_t, {config}::elements>"
        self.channels.append({"type": kind, "name": windows, "depth": 2})
        return [
            f"dse::sliding_stream<{config}, dse::windows_of<{config}> >({x}, {windows});",
            f"dse::{inner[function]}<{config}, {body}>({windows}, {y});",
        ]


def _template() -> jinja2.Template:
    text = (HERE / "processes.cpp.j2").read_text(encoding="utf-8")
    return jinja2.Environment(
        trim_blocks=True, lstrip_blocks=True, undefined=jinja2.StrictUndefined
    ).from_string(text)


def _compiled(folder: Path, text: str) -> list[str]:
    argv = [find_compiler(), "-std=c++11", "-O1", "-w", "-fno-strict-aliasing"]
    argv += [f'-DDSE_SIM_TRACE="{HERE / "processes.h"}"', "-I", "sim", "-I", ".", "-I", "firmware"]
    built = subprocess.run([*argv, "main.cpp", "-o", "main"], cwd=folder, capture_output=True)
    assert built.returncode == 0, built.stderr.decode()[-3000:]
    run = subprocess.run(["./main"], cwd=folder, input=text, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    return run.stdout.splitlines()


def _rows(ports: tuple[Port, ...], codes: Mapping[str, Codes]) -> str:
    rows = np.hstack([codes[p.edge].astype(np.int64) for p in ports])
    return "\n".join(" ".join(map(str, row)) for row in rows.tolist())


def _outputs(lines: list[str], outputs: tuple[Port, ...]) -> dict[str, Codes]:
    rows = np.array([line.split() for line in lines], np.int64)
    parts = np.split(rows, np.cumsum([p.size for p in outputs])[:-1], axis=1)
    return {p.edge: part for p, part in zip(outputs, parts, strict=True)}


def expected_trace(process: Process, frames: int) -> list[str]:
    """What the actor says: step by step the reads, then the writes."""
    actor = process.actor
    words: list[str] = []
    for reads, writes in zip(actor.reads, actor.writes, strict=True):
        words += [f"r{c}" for c, wanted in zip(process.reads, reads, strict=True) if wanted]
        words += [f"w{c}" for c in process.writes if writes]
    return words * frames


def to_outside(trace: list[str], process: Process) -> list[str]:
    """A trace with the writes to what is inside of a stage as the writes of the stage."""
    own = {f"w{c}" for c in process.writes}
    return [w if w[0] == "r" or w in own else f"w{process.writes[0]}" for w in trace]
