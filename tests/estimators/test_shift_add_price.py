"""Distributed arithmetic is priced by every estimator, without DSP blocks, below latency."""

from __future__ import annotations

import numpy as np
import pytest

from converter.graph import Implementation, Strategy, frozen_array
from converter.parts import target
from converter.timing import timing_for
from converter.types import Fixed
from converter.units.matvec import MatVec
from estimators import ESTIMATORS

WHERE = target("xcvu9p")
DA = Implementation(Strategy.DISTRIBUTED_ARITHMETIC)


@pytest.mark.parametrize("tool", ESTIMATORS)
def test_additions_are_priced_without_dsp_blocks(tool: str) -> None:
    rng = np.random.default_rng(4)
    weights = frozen_array(rng.integers(-32, 32, (16, 24)))
    unit = MatVec(weights, Fixed(6, 1), frozen_array(np.zeros(24, np.int64)), Fixed(8, 1),
                  Fixed(18, 5))  # fmt: skip
    timing = timing_for(WHERE)
    shared, plain = (
        ESTIMATORS[tool].price(unit.facts("fc1", choice, timing), WHERE)
        for choice in (DA, Implementation())
    )
    assert shared.dsp == 0
    assert 0 < (shared.lut or 0) < (plain.lut or 0)
    assert (shared.ff or 0) > 0
    assert shared.interval_cycles == 1
    assert (shared.latency_cycles or 0) <= (plain.latency_cycles or 0) + 1
