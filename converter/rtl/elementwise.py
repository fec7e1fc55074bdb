"""Facts and Verilog of the units that are a netlist per element, a new input every cycle."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Protocol

from converter.facts import Facts
from converter.graph import Implementation
from converter.netlist.counts import count
from converter.netlist.nodes import Netlist
from converter.netlist.pipeline import Counts, Pipeline, pipeline
from converter.netlist.verilog import print_module
from converter.rtl.module import RtlModule, wrap_lanes
from converter.timing import Timing
from converter.types import Fixed


@dataclass(frozen=True)
class Lanes:
    """``count`` copies of a netlist.

    ``build`` makes the netlist, whose inputs are the elements of the first input, then of the
    second. ``types``: of the elements of each input, and of the output. ``elements``: how many of
    each a copy has, in the same order; by default one.
    """

    build: Callable[[], Netlist]
    types: tuple[Fixed, ...]
    count: int = 1
    elements: tuple[int, ...] = ()

    def place(self, timing: Timing, where: str) -> Pipeline:
        """The netlist, cut into cycles."""
        return pipeline(self.build(), timing, where)

    @property
    def _words(self) -> list[tuple[int, int]]:
        """(elements, bits of each) of every input and of the output, of one copy."""
        elements = self.elements or (1,) * len(self.types)
        return [(n, t.width) for n, t in zip(elements, self.types, strict=True)]

    def module(self, name: str, timing: Timing) -> RtlModule:
        """Verilog of the whole stage."""
        plan, (*ins, (n_out, out_width)) = self.place(timing, name), self._words
        bits = ([n * width for n, width in ins], n_out * out_width)
        return wrap_lanes(name, self.lane(name, plan), plan.latency, self.count, bits)

    def lane(self, name: str, plan: Pipeline) -> str:
        """Verilog of the module ``<name>_lane``, which is one copy."""
        *ins, (n_out, out_width) = self._words
        fields = [width for n, width in ins for _ in range(n)]
        return print_module(f"{name}_lane", plan, fields, [out_width] * n_out)

    def facts(self, stage: str, kind: str, timing: Timing) -> Facts:
        """Counts of all copies."""
        plan = self.place(timing, stage)
        one: Counts = count(plan)
        copies = self.count
        *ins, (n_out, out_width) = self._words
        return Facts(
            stage=stage,
            kind=kind,
            strategy="latency",
            reuse_factor=1,
            n_in=copies * sum(n for n, _ in ins),
            n_out=copies * n_out,
            input_width=max(width for _, width in ins),
            output_width=out_width,
            latency_cycles=plan.latency,
            interval_cycles=1,
            adders=copies * one.adders,
            adder_bits=copies * one.adder_bits,
            mux_bits=copies * one.mux_bits,
            compare_bits=copies * one.compare_bits,
            register_bits=copies * one.register_bits + plan.latency,
            shift_register_bits=copies * one.shift_register_bits,
            gate_bits=copies * one.gate_bits,
            logic_luts=copies * one.logic_luts,
            multipliers=tuple(replace(m, count=copies * m.count) for m in one.multipliers),
            memories=tuple(replace(m, count=copies * m.count) for m in one.memories),
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
