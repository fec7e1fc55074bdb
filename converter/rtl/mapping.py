"""Processes around a module of static rate: for each beat, or for all beats of a frame at once.

``map_process`` is what nearly every unit in io_stream is made of. ``frame_processes`` do for any
unit, and are large: they gather a frame in registers.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from converter.actor import Actor, each_beat
from converter.facts import Facts
from converter.graph import Edge, frozen_array
from converter.rtl.module import RtlModule, fill, library_file
from converter.rtl.process import RtlProcess, process_ports

Printer = Callable[[str], RtlModule]
"""The Verilog of a module of static rate (``converter.rtl.module``) under a name."""


def map_process(
    facts: Facts,
    module: Printer,
    in_bits: Sequence[int],
    out_bits: int,
    beats: int,
    joined: bool = False,
) -> RtlProcess:
    """A module of static rate at each of ``beats`` beats of its inputs; one beat out for each.

    ``facts``: of the module, for one beat. ``in_bits``: of each of its data ports, in order;
    ``out_bits``: of its output. Each port is an input of the process, or, ``joined``, all lie side
    by side in the beats of one input, the first at the least bits.
    """
    interval, latency = facts.interval_cycles, facts.latency_cycles
    ports = (sum(in_bits),) if joined else tuple(in_bits)

    def printed(name: str) -> RtlModule:
        inner = module(f"{name}_beat")
        values = {
            "NAME": name,
            "PORTS": process_ports(ports, out_bits),
            "INTERVAL": interval,
            "VALIDS": " && ".join(f"x{k}_valid" for k in range(len(ports))),
            "READY": "\n".join(f"  assign x{k}_ready = go;" for k in range(len(ports))),
            "DATA": _connections(in_bits, joined),
        }
        text = fill(library_file("process_map.v.in"), values) + inner.text
        return RtlModule(name, text, ("nn_pace.v", *inner.library))

    whole = replace(
        facts,
        latency_cycles=(beats - 1) * interval + latency,
        interval_cycles=beats * interval,
        register_bits=facts.register_bits + (interval - 1).bit_length(),
        positions=beats,
        stream=True,
        beats_in=beats,
        beats_out=beats,
    )
    actor = each_beat(beats, len(ports), interval, latency)
    simple = interval == 1 and len(in_bits) == 1
    return RtlProcess(actor, whole, out_bits, printed, module if simple else None)


def _connections(in_bits: Sequence[int], joined: bool) -> str:
    names = ["in_data"] if len(in_bits) == 1 else [f"in_data_{k}" for k in range(len(in_bits))]
    wires = [f"x{k}_data" for k in range(len(in_bits))]
    if joined:
        starts = (sum(in_bits[:k]) for k in range(len(in_bits)))
        wires = [f"x0_data[{at} +: {n}]" for at, n in zip(starts, in_bits, strict=True)]
    return "\n".join(f"    .{n}({w})," for n, w in zip(names, wires, strict=True))


def frame_processes(
    facts: Facts, module: Printer, inputs: Sequence[Edge], output: Edge
) -> tuple[RtlProcess, ...]:
    """A module of static rate that takes whole tensors: gathered before it, scattered behind it.

    ``facts``: of the module, for one frame.
    """
    stage, out_bits = facts.stage, edge_bits(output)
    parts = []
    gathered = any(edge.beats > 1 for edge in inputs)
    if gathered:
        parts.append(gather_process(stage, inputs))
    parts.append(map_process(facts, module, [edge_bits(e) for e in inputs], out_bits, 1, gathered))
    if output.beats > 1:
        parts.append(scatter_process(stage, output))
    return tuple(parts)


def gather_process(stage: str, inputs: Sequence[Edge]) -> RtlProcess:
    """All beats of a frame as one, in which the inputs lie side by side; inputs of fewer beats
    come last, so that each is whole when the others are.
    """
    steps = max(edge.beats for edge in inputs)
    reads = np.array([[k >= steps - e.beats for e in inputs] for k in range(steps)])
    actor = Actor(
        frozen_array(reads),
        frozen_array(np.arange(steps) == steps - 1),
        frozen_array(np.ones(steps, np.int64)),
        0,
    )
    bits = sum(edge_bits(e) for e in inputs)
    held = sum(edge_bits(e) - beat_bits(e) for e in inputs)

    def printed(name: str) -> RtlModule:
        return _print_gather(name, inputs, steps)

    facts = _moving_facts("gather", stage, inputs[0], held, steps, steps - 1)
    facts = replace(facts, n_in=sum(e.size for e in inputs), n_out=sum(e.size for e in inputs))
    return RtlProcess(actor, replace(facts, beats_in=steps), bits, printed)


def scatter_process(stage: str, output: Edge) -> RtlProcess:
    """One beat that holds a whole frame, as the beats of ``output``."""
    steps = output.beats
    actor = Actor(
        frozen_array(np.arange(steps)[:, None] == 0),
        frozen_array(np.ones(steps, bool)),
        frozen_array(np.ones(steps, np.int64)),
        1,
    )
    values = {
        "PORTS": process_ports([edge_bits(output)], beat_bits(output)),
        "STEPS": steps,
        "STEP_WIDTH": (steps - 1).bit_length(),
        "WIDTH": beat_bits(output),
        "TURNED": f"held >> {beat_bits(output)}",
    }

    def printed(name: str) -> RtlModule:
        text = fill(library_file("process_scatter.v.in"), {"NAME": name, **values})
        return RtlModule(name, text, ("nn_steps.v", "nn_valid.v"))

    facts = _moving_facts("scatter", stage, output, edge_bits(output) + 1, steps, steps)
    return RtlProcess(actor, replace(facts, beats_out=steps), beat_bits(output), printed)


def _moving_facts(kind: str, stage: str, edge: Edge, held: int, steps: int, latency: int) -> Facts:
    """Of what moves the elements of ``edge`` about with ``held`` bits of registers."""
    width = edge.type.width
    return Facts(
        f"{stage}.{kind}", kind, "latency", 1, edge.size, edge.size, width, width, latency, steps,
        register_bits=held + (steps - 1).bit_length(), stream=True,
    )  # fmt: skip


def _print_gather(name: str, inputs: Sequence[Edge], steps: int) -> RtlModule:
    width = (steps - 1).bit_length()
    reading, able, hold = [], [], []
    for k, edge in enumerate(inputs):
        bits, begins = beat_bits(edge), steps - edge.beats
        wanted = f"step >= {width}'d{begins}" if begins else "1'b1"
        reading += [f"  wire reading{k} = {wanted};", f"  assign x{k}_ready = go && reading{k};"]
        able.append(f"(x{k}_valid || !reading{k})")
        hold += _held(k, bits, edge.beats)
    words = ", ".join(f"word{k}" for k in reversed(range(len(inputs))))
    hold.append(f"  assign y_data = {{{words}}};")
    values = {
        "NAME": name,
        "PORTS": process_ports([beat_bits(e) for e in inputs], sum(edge_bits(e) for e in inputs)),
        "STEP_WIDTH": width,
        "STEPS": steps,
        "READING": "\n".join(reading),
        "ABLE": " && ".join(able),
        "HOLD": "\n".join(hold),
    }
    return RtlModule(name, fill(library_file("process_gather.v.in"), values), ("nn_steps.v",))


def _held(k: int, bits: int, beats: int) -> list[str]:
    """The word of input k: the beats before, in a register that shifts, and this one."""
    if beats == 1:
        return [f"  wire [{bits - 1}:0] word{k} = x{k}_data;"]
    kept = bits * (beats - 1)
    return [
        f"  reg [{kept - 1}:0] held{k};",
        f"  wire [{kept + bits - 1}:0] word{k} = {{x{k}_data, held{k}}};",
        f"  always @(posedge clk) if (x{k}_ready) held{k} <= word{k}[{kept + bits - 1}:{bits}];",
    ]


def beat_bits(edge: Edge) -> int:
    """Of one beat."""
    return edge.lanes * edge.type.width


def edge_bits(edge: Edge) -> int:
    """Of a whole tensor."""
    return edge.size * edge.type.width
