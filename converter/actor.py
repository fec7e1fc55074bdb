"""How a stage reads and writes beats in io_stream: a cyclo-static dataflow actor.

The C++ and the Verilog of a stage follow its actor step by step; the token simulation of
``converter.tokens`` gives FIFO depths and cycles from the actors alone. The model is that of
Bilsen et al., "Cyclo-Static Dataflow", IEEE Trans. Signal Processing 44 (1996) 397.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from converter.graph import frozen_array

Flags = npt.NDArray[np.bool_]
Cycles = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Actor:
    """The steps of one stage for one frame, and then again for the next.

    ``reads`` [steps, inputs]: whether a step takes one beat of each input. ``writes`` [steps]:
    whether it gives one beat. ``cycles`` [steps]: from the start of a step to the earliest
    start of the next. A beat leaves ``depth`` cycles after the start of the step that gives it.
    A step that cannot read, or cannot write, waits, and all steps in flight with it.
    """

    reads: Flags
    writes: Flags
    cycles: Cycles
    depth: int = 1

    @property
    def interval(self) -> int:
        """Cycles per frame where nothing waits."""
        return int(self.cycles.sum())


def each_beat(beats: int, inputs: int = 1, cycles: int = 1, depth: int = 1) -> Actor:
    """One beat of every input in, one out, ``beats`` times."""
    return Actor(
        frozen_array(np.ones((beats, inputs), bool)),
        frozen_array(np.ones(beats, bool)),
        frozen_array(np.full(beats, cycles, np.int64)),
        depth,
    )
