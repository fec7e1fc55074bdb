"""The largest, or the sum, of each lane of all beats of a frame, as they come: one process."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from converter.actor import Actor
from converter.errors import TargetError
from converter.facts import Facts
from converter.graph import frozen_array
from converter.rtl.module import RtlModule, fill, library_file
from converter.rtl.process import RtlProcess, process_ports
from converter.timing import Timing, slowest_fit

if TYPE_CHECKING:
    from converter.units.reduce import Reduce


def fold_process(unit: Reduce, summed: bool, stage: str, timing: Timing) -> RtlProcess:
    """``unit``'s groups are the lanes, and their elements the beats, of which there are several.

    Raises TargetError where an addition or comparison does not fit into a cycle.
    """
    given, made, beats = unit.input_type.width, unit.output_type.width, unit.n
    needed = timing.adder_ns(made) + (0.0 if summed else timing.lut_ns)
    if needed > timing.usable_ns:
        what = "adding up" if summed else "comparing"
        raise TargetError(f"{stage}: {what} {made} bits {slowest_fit(timing, needed)}")
    values = {
        "PORTS": process_ports([unit.groups * given], unit.groups * made),
        "STEPS": beats,
        "STEP_WIDTH": (beats - 1).bit_length(),
        "LANES": unit.groups,
        "IN_WIDTH": given,
        "WIDTH": made,
        "SIGNED": int(unit.input_type.signed),
        "SUM": int(summed),
    }

    def printed(name: str) -> RtlModule:
        text = fill(library_file("reduce_stream.v.in"), {"NAME": name, **values})
        return RtlModule(name, text, ("nn_steps.v", "nn_valid.v", "nn_fold.v"))

    actor = Actor(
        frozen_array(np.ones((beats, 1), bool)),
        frozen_array(np.arange(beats) == beats - 1),
        frozen_array(np.ones(beats, np.int64)),
        1,
    )
    return RtlProcess(actor, _facts(unit, summed, stage), unit.groups * made, printed)


def _facts(unit: Reduce, summed: bool, stage: str) -> Facts:
    """Of one adder or comparer a lane."""
    made, beats = unit.output_type.width, unit.n
    bits = unit.groups * made
    return Facts(
        stage=stage,
        kind="sliding_reduce",
        strategy="latency",
        reuse_factor=1,
        n_in=unit.groups * beats,
        n_out=unit.groups,
        input_width=unit.input_type.width,
        output_width=made,
        latency_cycles=beats,
        interval_cycles=beats,
        adders=unit.groups * summed,
        adder_bits=bits * summed,
        compare_bits=bits * (not summed),
        register_bits=bits + (beats - 1).bit_length() + 1,
        stream=True,
        beats_in=beats,
    )
