"""Reindex in io_stream where the order of the elements stays: beats are joined, or split."""

from __future__ import annotations

from dataclasses import replace

from converter.actor import Actor
from converter.facts import Facts
from converter.graph import Edge
from converter.rtl.mapping import beat_bits
from converter.rtl.module import RtlModule, fill, library_file
from converter.rtl.process import RtlProcess, process_ports
from converter.rtl.steps import stepped_facts


def collect_process(stage: str, actor: Actor, x: Edge, output: Edge) -> RtlProcess:
    """``output.lanes // x.lanes`` beats, at least two, to one, in their order."""
    steps, width = output.lanes // x.lanes, beat_bits(x)
    kept = beat_bits(output) - width
    values = {
        "PORTS": process_ports([width], beat_bits(output)),
        "STEPS": steps,
        "STEP_WIDTH": (steps - 1).bit_length(),
        "WIDTH": width,
        "KEPT": kept,
    }

    def printed(name: str) -> RtlModule:
        text = fill(library_file("reindex_collect.v.in"), {"NAME": name, **values})
        return RtlModule(name, text, ("nn_steps.v",))

    exact = replace(actor, depth=0)
    facts = _counted(stage, exact, x, output, kept, steps)
    return RtlProcess(exact, facts, beat_bits(output), printed)


def split_process(stage: str, actor: Actor, x: Edge, output: Edge) -> RtlProcess:
    """A beat to ``x.lanes // output.lanes``, at least two, in their order."""
    steps, width = x.lanes // output.lanes, beat_bits(output)
    values = {
        "PORTS": process_ports([beat_bits(x)], width),
        "STEPS": steps,
        "STEP_WIDTH": (steps - 1).bit_length(),
        "WIDTH": width,
        "TURNED": f"held >> {width}",
    }

    def printed(name: str) -> RtlModule:
        text = fill(library_file("process_scatter.v.in"), {"NAME": name, **values})
        return RtlModule(name, text, ("nn_steps.v", "nn_valid.v"))

    exact = replace(actor, depth=1)
    facts = _counted(stage, exact, x, output, beat_bits(x), steps)
    return RtlProcess(exact, facts, width, printed)


def _counted(stage: str, actor: Actor, x: Edge, output: Edge, held: int, steps: int) -> Facts:
    """Of a process that counts ``steps`` and holds some bits."""
    count = (steps - 1).bit_length()
    facts = stepped_facts(stage, "reindex", actor, ((x,), output))
    bits = facts.register_bits + held + count
    return replace(facts, register_bits=bits, adders=1, adder_bits=count)
