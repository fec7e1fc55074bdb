"""Facts and Verilog of the units that are a netlist per element, a new input every cycle."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Protocol

from converter.facts import Facts
from converter.graph import Implementation
from converter.netlist.nodes import Netlist
from converter.netlist.pipeline import Counts, Pipeline, count, pipeline
from converter.netlist.verilog import print_module
from converter.rtl.module import RtlModule, wrap_pipeline
from converter.timing import Timing
from converter.types import Fixed


@dataclass(frozen=True)
class Lanes:
    """``count`` copies of a netlist, each for ``elements`` inputs and as many outputs.

    ``build`` makes the netlist; ``types``: of the elements in and out.
    """

    build: Callable[[], Netlist]
    types: tuple[Fixed, Fixed]
    count: int = 1
    elements: int = 1

    def place(self, timing: Timing, where: str) -> Pipeline:
        """The netlist, cut into cycles."""
        return pipeline(self.build(), timing, where)

    def module(self, name: str, timing: Timing) -> RtlModule:
        """Verilog of the whole stage."""
        plan = self.place(timing, name)
        in_type, out_type = self.types
        body = print_module(
            f"{name}_lane", plan, [in_type.width] * self.elements, [out_type.width] * self.elements
        )
        widths = (self.elements * in_type.width, self.elements * out_type.width)
        return wrap_pipeline(name, body, plan.latency, (self.count, *widths))

    def facts(self, stage: str, kind: str, timing: Timing) -> Facts:
        """Counts of all copies."""
        plan = self.place(timing, stage)
        one: Counts = count(plan)
        n = self.count
        return Facts(
            stage=stage,
            kind=kind,
            strategy="latency",
            reuse_factor=1,
            n_in=n * self.elements,
            n_out=n * self.elements,
            input_width=self.types[0].width,
            output_width=self.types[1].width,
            latency_cycles=plan.latency,
            interval_cycles=1,
            adders=n * one.adders,
            adder_bits=n * one.adder_bits,
            mux_bits=n * one.mux_bits,
            compare_bits=n * one.compare_bits,
            register_bits=n * one.register_bits + plan.latency,
            shift_register_bits=n * one.shift_register_bits,
            multipliers=tuple(replace(m, count=n * m.count) for m in one.multipliers),
            memories=tuple(replace(m, count=n * m.count) for m in one.memories),
        )


class HasLanes(Protocol):
    """What ``cached_facts`` needs of a unit, which must be hashable."""

    def lanes(self, choice: Implementation) -> Lanes:
        """How the unit is made of copies of a netlist."""


@lru_cache(maxsize=4096)
def cached_facts(unit: HasLanes, stage: str, choice: Implementation, timing: Timing) -> Facts:
    """Facts of a unit, made once per unit, stage name, choice and timing."""
    facts = unit.lanes(choice).facts(stage, type(unit).__name__.lower(), timing)
    return replace(facts, strategy=choice.strategy.value)
