"""The estimator of our own Verilog under Yosys: exact counts at fitted prices."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property

from converter.facts import Facts, Memory
from converter.report import Fidelity, Report, Source
from converter.timing import Target
from estimators.price_files import Prices, read_prices
from estimators.structure import dsp_per_product, memory_blocks, rom_luts


def lut_features(facts: Facts) -> dict[str, float]:
    """What LUTs are spent on: carry chains, choices, comparisons, narrow products, tables.

    An accumulator in a DSP block takes LUTs to load its bias. Words that wait for a DSP block
    wait in its own registers.
    """
    live, shared = _live(facts), facts.reuse_factor > 1
    in_lut = sum(m.count * m.width_a * m.width_b for m in facts.multipliers if not m.in_dsp)
    in_dsp = any(m.in_dsp for m in facts.multipliers)
    held = sum(m.count for m in facts.multipliers if m.in_dsp and m.accumulate)
    return {
        _adders(facts): facts.adder_bits * live,
        "select_bit" if shared else "mux_bit": facts.mux_bits,
        "accumulator_bit": held * facts.accum_width,
        "compare_bit": facts.compare_bits,
        "lut_product_bit2": in_lut * _live(facts, 0.5),
        "weight_lut" if shared else "table_lut": _table_luts(facts),
        "shift_register_bit": 0 if in_dsp else facts.shift_register_bits,
    }


def ff_features(facts: Facts) -> dict[str, float]:
    """Registers are counted exactly, but for those that turn out constant, or equal.

    The facts leave the word of weights to the DSP blocks, into which Yosys does not take it
    from a ROM of LUTs.
    """
    if facts.reuse_factor == 1:
        return {"register_bit": facts.register_bits}
    live, in_lut = _live(facts), [m for m in facts.multipliers if not m.in_dsp]
    counted = sum(m.width * m.count for m in _loose(facts)) if in_lut else 0
    dead = sum(m.count * (m.width_a + m.width_b) * (1 - live) for m in in_lut)
    return {
        "shared_register_bit": max(0.0, facts.register_bits - counted - dead),
        "weight_register_bit": sum(_words(facts, m) for m in _loose(facts)),
    }


def _adders(facts: Facts) -> str:
    """Rate of adders: of trees of constants, of shared products, of DSP blocks' products, and
    of elements.
    """
    if facts.kind != "matvec":
        return "lane_adder_bit"
    if facts.reuse_factor == 1:
        return "adder_bit"
    return "dsp_sum_bit" if any(m.in_dsp for m in facts.multipliers) else "shared_adder_bit"


def _live(facts: Facts, share: float = 1.0) -> float:
    """Expected share of a shared stage's multipliers with any weight that is not zero.

    With ``share`` 0.5, of their weights' bits: half of the bits of a random weight are zero.
    """
    if facts.reuse_factor == 1 or not facts.weights:
        return 1.0
    zero = 1 - share * facts.nonzero_weights / facts.weights
    return 1 - zero**facts.reuse_factor


def _loose(facts: Facts) -> list[Memory]:
    """ROMs of weights in LUTs, with a register behind each bit."""
    return [m for m in facts.memories if not m.registered and facts.reuse_factor > 1]


def _words(facts: Facts, memory: Memory) -> float:
    """Bits of a ROM that differ: of a few words, there are few functions of the address, and
    Yosys builds each once, with its register. Constant ones it does not build at all.
    """
    functions = 2.0 ** min(memory.depth, 64) - 2
    return min(memory.width * memory.count * _live(facts), functions)


def _table_luts(facts: Facts) -> float:
    """Six-input LUTs of the ROMs that are not in block RAM."""
    if facts.reuse_factor > 1:
        return sum(_words(facts, m) * rom_luts(m.depth, 1) for m in _loose(facts))
    tables = [m for m in facts.memories if not m.registered]
    return sum(m.count * m.ports * rom_luts(m.depth, m.width) for m in tables)


@dataclass(frozen=True)
class YosysEstimator:
    """``yosys``: block counts, latency and interval are exact by construction of our RTL."""

    tool: str
    prices: Prices
    version: str = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "version", self.prices.version)

    @cached_property
    def source(self) -> Source:
        """Who says so: an estimate of what Yosys would count."""
        return Source("estimate of yosys", self.version, Fidelity.ANALYTIC)

    def price(self, facts: Facts, target: Target) -> Report:
        """One stage."""
        wide = [m for m in facts.multipliers if m.in_dsp]
        blocks = [m for m in facts.memories if m.registered]
        return Report(
            self.source,
            lut=self.prices.sum("lut", lut_features(facts)),
            ff=self.prices.sum("ff", ff_features(facts)),
            dsp=sum(m.count * dsp_per_product(m.width_a, m.width_b, target.family) for m in wide),
            bram_18k=sum(memory_blocks(m) for m in blocks),
            uram=0,
            latency_cycles=facts.latency_cycles,
            interval_cycles=facts.interval_cycles,
            clock_period_ns=target.clock_period_ns,
        )

    def total(self, facts: Sequence[Facts], stages: Sequence[Report], target: Target) -> Report:
        """The design as a chain of its stages; a flattened netlist has nothing on top."""
        return Report(
            self.source,
            lut=round(sum(s.lut or 0 for s in stages)),
            ff=round(sum(s.ff or 0 for s in stages)),
            dsp=sum(s.dsp or 0 for s in stages),
            bram_18k=sum(s.bram_18k or 0 for s in stages),
            uram=0,
            latency_cycles=sum(f.latency_cycles for f in facts),
            interval_cycles=max(f.interval_cycles for f in facts),
            clock_period_ns=target.clock_period_ns,
            notes=(
                f"an estimate of logic synthesis of our Verilog by Yosys {self.version};"
                " on the same Verilog Yosys has counted 0.94 to 1.25 times the LUTs of Vivado",
            ),
        )


def yosys_estimator(tool: str, version: str | None = None) -> YosysEstimator:
    """The estimator at ``version``; ConfigError where there are no prices for it."""
    return YosysEstimator(tool, read_prices(tool, version))
