"""One process of a stage in io_stream, as Verilog: valid and ready at each input, a FIFO behind.

A process is a module with these ports; ``k`` counts the inputs from 0:

- ``clk``, ``rst`` (synchronous, active high);
- ``x<k>_valid``, ``x<k>_data`` in and ``x<k>_ready`` out: a beat is taken in a cycle in which both
  are high;
- ``y_room`` in, ``y_reserve`` out: whether the FIFO behind (each of them, where there are several)
  has a place that is not spoken for, and that this cycle's step takes one;
- ``y_valid``, ``y_data`` out: the beat of a step, exactly ``actor.depth`` cycles after the step
  (in the same cycle for depth 0). Its place is reserved, so that there is no ready.

Lane i of W bits of a beat is at ``[i * W +: W]``.

Each step of the actor starts in the first cycle in which the one before it is over (its
``cycles``), every beat that it reads is valid, and, where it writes, ``y_room`` is high; in that
cycle it raises the ``ready`` of what it reads, and ``y_reserve`` where it writes. What is under
way never waits, so that no register needs an enable. The first step of a frame follows the last
of the frame before it in the same way. ``rst`` brings the process to its first step.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from converter.actor import Actor
from converter.facts import Facts
from converter.rtl.module import RtlModule


@dataclass(frozen=True, eq=False)
class RtlProcess:
    """A process of a stage. ``actor``: its steps, to the cycle. ``facts``: what it is made of, all
    positions of a frame together for the latency and the interval. ``out_width``: bits of a beat
    that it gives. ``module``: its Verilog under the name of the module, an identifier.

    ``beat``: where it is no more than a module of static rate (``converter.rtl.module``) of one
    input at each beat, and takes one in every cycle: that module. It can then stand right behind
    another process, without a FIFO and a control of its own.
    """

    actor: Actor
    facts: Facts
    out_width: int
    module: Callable[[str], RtlModule] = field(repr=False)
    beat: Callable[[str], RtlModule] | None = field(default=None, repr=False)


def process_ports(in_bits: Sequence[int], out_bits: int) -> str:
    """The ports of a process, one a line, for the head of its module."""
    ports = ["input wire clk", "input wire rst"]
    for k, bits in enumerate(in_bits):
        ports += [
            f"input wire x{k}_valid",
            f"input wire [{bits - 1}:0] x{k}_data",
            f"output wire x{k}_ready",
        ]
    ports += ["input wire y_room", "output wire y_reserve"]
    ports += ["output wire y_valid", f"output wire [{out_bits - 1}:0] y_data"]
    return ",\n".join(f"  {port}" for port in ports)
