"""The estimator of our own Verilog under Yosys: exact counts at fitted prices."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from converter.facts import Facts, Memory
from converter.report import Fidelity, Report, Source
from converter.timing import Target
from estimators.base import kind_of
from estimators.conformal import CONFIDENCE, interval
from estimators.learning import Learned, Parts, Prior
from estimators.price_files import Prices, read_prices
from estimators.structure import memory_blocks, rom_luts

FEATURES = ("lut", "ff")
"""The figures that have fitted prices; blocks and cycles are exact."""


def lut_features(facts: Facts) -> dict[str, float]:
    """What LUTs are spent on: logic as it is put together where that was counted, else carry
    chains, choices and comparisons; and memories.
    """
    loose = [m for m in facts.memories if not m.registered]
    return {
        **_logic(facts),
        "table_lut": sum(_table_luts(m) for m in loose if not m.writable),
        "ram_lut": sum(_ram_luts(m) for m in loose if m.writable),
        "shift_register_bit": facts.shift_register_bits,
        "control": 1.0,
    }


def _logic(facts: Facts) -> dict[str, float]:
    if facts.logic_luts:
        return {"logic_lut": facts.logic_luts}
    if facts.kind == "fifo":
        words = [m.depth for m in facts.memories]
        return {
            "fifo_bit": facts.mux_bits,
            "fifo_pointer_bit": sum((depth - 1).bit_length() for depth in words),
        }
    tree = facts.kind == "matvec" and facts.reuse_factor == 1
    return {
        "tree_bit" if tree else "chain_bit": facts.adder_bits,
        "choice_bit": facts.mux_bits - facts.gate_bits,
        "gate_bit": facts.gate_bits,
        "compare_bit": facts.compare_bits,
    }


def ff_features(facts: Facts) -> dict[str, float]:
    """Registers are counted exactly, but for those that turn out constant, or equal."""
    return {"register_bit": facts.register_bits}


def _table_luts(memory: Memory) -> float:
    """Six-input LUTs of a table, by its contents where they were looked at."""
    each = memory.luts or rom_luts(memory.depth, memory.width)
    return memory.count * memory.ports * each


def _ram_luts(memory: Memory) -> float:
    """Four LUTs hold 32 words of six bits, or 64 words of three."""
    if memory.depth <= 32:
        return memory.count * -(-memory.width // 6) * 4
    return memory.count * -(-memory.width // 3) * -(-memory.depth // 64) * 4


@dataclass(frozen=True)
class YosysEstimator:
    """``yosys``: block counts, latency and interval are exact by construction of our RTL.

    Each stage's LUTs and flip-flops are its features at the rates of the fabric, times a factor
    of its kind.
    """

    tool: str
    prices: Prices
    version: str = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "version", self.prices.version)

    @cached_property
    def source(self) -> Source:
        """Who says so: an estimate of what Yosys would count."""
        return Source("estimate of yosys", self.version, Fidelity.ANALYTIC)

    @cached_property
    def kinds(self) -> Mapping[str, Learned]:
        """Factors by kind, and how far off they are, of each fitted figure."""
        return {name: Learned.from_json(self.prices.kinds[name]) for name in FEATURES}

    @cached_property
    def priors(self) -> Mapping[str, Prior]:
        """Kinds are known; networks differ by more than the designs that were fitted."""
        return {name: Prior(0.1, 0.1, known.noise) for name, known in self.kinds.items()}

    def price(self, facts: Facts, target: Target) -> Report:
        """One stage."""
        kind = kind_of(facts)
        lut = self.prices.sum("lut", lut_features(facts)) * self.kinds["lut"].factor(kind)
        ff = self.prices.sum("ff", ff_features(facts)) * self.kinds["ff"].factor(kind)
        return Report(
            self.source,
            lut=lut,
            ff=ff,
            dsp=sum(m.dsp for m in facts.multipliers),
            bram_18k=sum(memory_blocks(m) for m in facts.memories if m.registered),
            uram=0,
            latency_cycles=facts.latency_cycles,
            interval_cycles=facts.interval_cycles,
            clock_period_ns=target.clock_period_ns,
        )

    def total(self, facts: Sequence[Facts], stages: Sequence[Report], target: Target) -> Report:
        """The design as a chain of its stages; a flattened netlist has nothing on top."""
        sums = {
            name: sum(getattr(s, name) or 0 for s in stages)
            for name in ("lut", "ff", "dsp", "bram_18k")
        }
        return Report(
            self.source,
            lut=round(sums["lut"]),
            ff=round(sums["ff"]),
            dsp=sums["dsp"],
            bram_18k=sums["bram_18k"],
            uram=0,
            latency_cycles=sum(f.latency_cycles for f in facts),
            interval_cycles=max(f.interval_cycles for f in facts),
            clock_period_ns=target.clock_period_ns,
            intervals=self.intervals(parts_of(facts, stages), sums),
            confidence=CONFIDENCE,
            notes=(
                f"an estimate of logic synthesis of our Verilog by Yosys {self.version};"
                " on the same Verilog Yosys has counted 0.94 to 1.25 times the LUTs of Vivado",
            ),
        )

    def intervals(
        self, parts: Parts, figures: Mapping[str, float]
    ) -> dict[str, tuple[float, float]]:
        """What held-out designs say of a design of these ``parts``; blocks are as exact as they
        were on ``CONFIDENCE`` of these designs and more.
        """
        found = {name: (figures[name], figures[name]) for name in ("dsp", "bram_18k")}
        for name in FEATURES:
            amounts = {kind: values[name] for kind, values in parts.items()}
            width = self.prices.quantiles[name] * self.kinds[name].spread(amounts)
            found[name] = interval(name, figures[name], width)
        return found


def parts_of(facts: Sequence[Facts], stages: Sequence[Report]) -> Parts:
    """What each kind of stage takes of each fitted figure."""
    parts: dict[str, Counter[str]] = {}
    for one, report in zip(facts, stages, strict=True):
        own = parts.setdefault(kind_of(one), Counter())
        own.update({name: getattr(report, name) for name in FEATURES})
    return parts


def yosys_estimator(tool: str, version: str | None = None) -> YosysEstimator:
    """The estimator at ``version``; ConfigError where there are no prices for it."""
    return YosysEstimator(tool, read_prices(tool, version))
