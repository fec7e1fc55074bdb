"""Prices of HLS synthesis estimates (``csynth``) for Vivado HLS and Vitis HLS.

The structure is that of hls4ml's kernels, which ours follow: strategy ``latency`` is a
tree of constant products, strategy ``resource`` steps a row of multipliers through a
ROM of weights. LUTs, flip-flops and delays are linear
in counts, at the rates of ``prices/<tool>.json``. The rest follows rules found in published
reports, for 16-bit inputs where nothing else is said:

- resource: interval = RF, latency = RF + 2, DSP = ceil(n_in n_out / RF) from 7-bit weights up
  (871 layers, Vivado HLS 2020.1); a ROM of the weights in block RAM;
- latency: DSP = distinct weights per input of at least three CSD digits (30 layers, Vivado HLS
  2019.2, Vitis HLS 2021.1 to 2024.1), at most ceil(n_in n_out / RF) - floor(zeros / RF), and
  interval = RF or one more than the latency, whichever is less.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from functools import lru_cache
from math import ceil, log2

from converter.errors import UnsupportedError
from converter.facts import Facts, Memory
from converter.timing import Family, Target
from estimators.structure import block_ram_18k, dsp_per_product, memory_blocks, rom_luts

MATVEC = "matvec"
"""The kind of stage that has weights to share multipliers over."""

KINDS = (
    MATVEC, "requantize", "table", "softmax", "threshold", "affine", "reindex",
    "curve", "prelu",
)  # fmt: skip
"""Kinds of stage whose structure under HLS is known."""

DSP_PRODUCT_BITS = 22
"""Operand bits together from which a product goes to a DSP block: 9x12 bits stay in LUTs (1 of
12), 10x12 go (3 of 4), 10x13 and 10x14 go (79 of 80)."""

LUT_ROM_BITS = 1024
"""A ROM of at most so many bits is built from LUTs (32x32 bits in Vivado HLS 2019.2)."""

SOFTMAX = "softmax"
"""The kind of stage that computes over all of its elements together."""

LUT_PRODUCT_DELAY = 0.5
"""Delay of a small product in LUTs as a share of that of a pipelined DSP block."""

SOFTMAX_LEVELS = 3.5
"""Adder levels per doubling of a softmax: a comparison with its choice, and a sum."""

SHARED_TAIL = 3
"""Cycles after the last step of products that share multipliers in strategy latency."""

SHARED_INDEX_STEPS = 2
"""Up to so many outputs of one multiplier are told apart by logic, more by an index ROM."""


class Mapping(Enum):
    """Where multipliers go: as the tool chooses, or forced by ``config_op mul -impl``."""

    AUTO = "auto"
    DSP = "dsp"
    FABRIC = "fabric"


@dataclass(frozen=True)
class Delays:
    """How the tool schedules: nanoseconds of an adder level and of a product or table, on a
    7-series device; ``fast`` is the share of them on UltraScale and later. ``uncertainty``
    is the part of the clock that is left unused.
    """

    adder_level_ns: float
    product_ns: float
    fast: float
    uncertainty: float

    def cycles(self, levels: float, products: float, target: Target) -> int:
        """Whole clock periods that a path takes: cuts, not stages."""
        path = self.adder_level_ns * levels + self.product_ns * products
        return int(path / self._usable_ns(target))

    def levels_before(self, cut: int, products: float, target: Target) -> float:
        """Adder levels that are done by the ``cut``-th register of a path."""
        left = cut * self._usable_ns(target) - self.product_ns * products
        return max(0.0, left / self.adder_level_ns)

    def _usable_ns(self, target: Target) -> float:
        """Time of a cycle, in nanoseconds of a 7-series device."""
        share = 1.0 if target.family is Family.SERIES7 else self.fast
        return target.clock_period_ns * (1 - self.uncertainty) / share


@dataclass(frozen=True)
class Kernel:
    """What HLS makes of one stage: exact counts, cycles, and features that have a price."""

    dsp: int
    bram_18k: int
    latency: int
    interval: int
    lut: dict[str, float]
    ff: dict[str, float]


@lru_cache(maxsize=65536)
def kernel(facts: Facts, target: Target, delays: Delays, mapping: Mapping = Mapping.AUTO) -> Kernel:
    """The structure of one stage. Raises UnsupportedError for a kind that is not known here."""
    if facts.kind not in KINDS:
        raise UnsupportedError(
            f"{facts.stage}: stages of kind {facts.kind} have no price for HLS tools yet; "
            "estimate with tool='yosys', or synthesise"
        )
    if facts.kind != MATVEC:
        return _elementwise(facts, target, delays, mapping)
    if facts.strategy == "resource" and facts.reuse_factor > 1:
        return _resource(facts, target.family, mapping)
    if facts.strategy == "distributed_arithmetic":
        return _shift_add(facts, target, delays)
    return _latency(facts, target, delays, mapping)


def multiplier_limit(facts: Facts) -> int:
    """hls4ml's bound on multipliers: ceil(n_in n_out / RF) less the zero weights' share."""
    products = facts.n_in * facts.n_out
    zeros = products - facts.nonzero_weights
    return max(1, -(-products // facts.reuse_factor) - zeros // facts.reuse_factor)


def _latency(facts: Facts, target: Target, delays: Delays, mapping: Mapping) -> Kernel:
    """A tree per output; products by constants of one or two digits are shifts and an adder."""
    in_dsp = _to_dsp(facts.input_width, facts.weight_width, mapping)
    built = min(facts.dsp_constants, multiplier_limit(facts))
    latency, steps = _tree_cycles(facts, built, in_dsp, target, delays)
    interval = min(facts.reuse_factor, latency + 1)
    if facts.strategy == "resource" and latency > 0:
        interval = 2
    per_product = dsp_per_product(facts.input_width, facts.weight_width, target.family)
    held = _held_addends(facts, latency, in_dsp, target, delays) * facts.accum_width
    bits = facts.dsp_constants * (facts.input_width + facts.weight_width)
    ff = {
        "cut_bit": held * (steps == 0),
        "cut_bit per interval": held / interval * (steps == 0),
        "shared_addend_bit": _addends(facts) * facts.accum_width * (steps > 0),
        "two_cycle_product_bit": bits * (facts.strategy == "resource" and interval > 1),
        "edge_bit": facts.n_out * facts.output_width * (interval == 1 and latency > 0),
    }
    return Kernel(
        dsp=built * per_product if in_dsp else 0,
        bram_18k=0,
        latency=latency,
        interval=interval,
        lut=_latency_lut(facts, built, in_dsp),
        ff=ff,
    )


def _shift_add(facts: Facts, target: Target, delays: Delays) -> Kernel:
    """A graph of additions, at the prices of the adders and registers of trees. No report of
    one was at hand: the counts are exact, the prices are those of strategy latency.
    """
    levels = log2(facts.csd_digits / facts.n_out + 1) + 1
    latency = delays.cycles(levels, 0.0, target)
    share = latency / max(facts.latency_cycles, 1)
    return Kernel(
        dsp=0,
        bram_18k=0,
        latency=latency,
        interval=1,
        lut={"addend_bit": facts.adder_bits, "kernel": 1},
        ff={
            "cut_bit": facts.register_bits * share,
            "edge_bit": facts.n_out * facts.output_width * (latency > 0),
        },
    )


def _tree_cycles(
    facts: Facts, built: int, in_dsp: bool, target: Target, delays: Delays
) -> tuple[int, int]:
    """Latency, and the steps that multipliers are shared over (0: they are not)."""
    short = facts.nonzero_weights - facts.power_of_two_weights - facts.dsp_constants > 0
    levels = log2(facts.nonzero_weights / facts.n_out + 1) + short
    path = delays.cycles(levels, _products(facts, in_dsp), target)
    steps = -(-facts.dsp_constants // built) if built else 0
    return (max(path, steps + SHARED_TAIL), steps) if steps > 1 else (path, 0)


def _products(facts: Facts, in_dsp: bool) -> float:
    """Products on the longest path."""
    return (1.0 if in_dsp else LUT_PRODUCT_DELAY) if facts.dsp_constants else 0.0


def _held_addends(
    facts: Facts, latency: int, in_dsp: bool, target: Target, delays: Delays
) -> float:
    """Words that the registers of a tree hold: each level of adders halves them."""
    products, addends = _products(facts, in_dsp), _addends(facts)
    levels = (delays.levels_before(c + 1, products, target) for c in range(latency))
    return float(sum(max(facts.n_out, addends * 2.0**-level) for level in levels))


def _latency_lut(facts: Facts, built: int, in_dsp: bool) -> dict[str, float]:
    real, bits = facts.dsp_constants, facts.input_width + facts.weight_width
    short = max(0, facts.nonzero_weights - facts.power_of_two_weights - real)
    area = facts.input_width * facts.weight_width
    return {
        "addend_bit": _addends(facts) * facts.accum_width,
        "two_digit_product_bit": short * bits,
        "dsp_product_bit": real * bits if in_dsp else 0,
        "lut_product_bit2": 0 if in_dsp else built * area,
        "kernel": 1,
    }


def _addends(facts: Facts) -> int:
    """Adders of all trees: an output's first product has nothing to be added to."""
    return max(0, facts.nonzero_weights - facts.n_out)


def _resource(facts: Facts, family: Family, mapping: Mapping) -> Kernel:
    """``block`` multipliers; each serves ``outputs`` outputs, told apart by an index."""
    reuse = facts.reuse_factor
    block = -(-facts.n_in * facts.n_out // reuse)
    outputs = max(1, reuse // facts.n_in)
    in_dsp = _to_dsp(facts.input_width, facts.weight_width, mapping)
    bits = facts.input_width + facts.weight_width
    spared = in_dsp and mapping is Mapping.AUTO and bits == DSP_PRODUCT_BITS
    luts, blocks = _weight_rom(facts, block, reuse, outputs)
    per_product = dsp_per_product(facts.input_width, facts.weight_width, family)
    area = facts.input_width * facts.weight_width
    lut = {
        "input_mux_bit": facts.n_in * facts.input_width,
        "output_mux_bit": block * facts.accum_width * _indexed(facts.n_out, outputs),
        "output_pair_bit": block * facts.accum_width * (outputs == SHARED_INDEX_STEPS),
        "accumulator_bit": block * facts.accum_width,
        "lut_product_bit2": 0 if in_dsp else block * area,
        "rom_lut": luts,
        "indexed_kernel" if outputs > 1 else "resource_kernel": 1,
    }
    ff: dict[str, float] = {
        "accumulator_bit": facts.n_out * facts.accum_width,
        "weight_bit": block * facts.weight_width,
        "resource_kernel": 1,
    }
    return Kernel(
        dsp=max(0, block - spared) * per_product if in_dsp else 0,
        bram_18k=blocks,
        latency=reuse + (2 if in_dsp or outputs > SHARED_INDEX_STEPS else 1),
        interval=reuse,
        lut=lut,
        ff=ff,
    )


def _weight_rom(facts: Facts, block: int, depth: int, outputs: int) -> tuple[int, int]:
    """LUTs and 18 Kb halves of the weights and, where there is one, of the output index."""
    roms = [(depth, block * facts.weight_width)]
    if outputs > SHARED_INDEX_STEPS:
        roms.append((depth, max(1, ceil(log2(facts.n_out)))))
    luts = sum(rom_luts(d, w) for d, w in roms if d * w <= LUT_ROM_BITS)
    return luts, sum(block_ram_18k(d, w) for d, w in roms if d * w > LUT_ROM_BITS)


def _indexed(n_out: int, outputs: int) -> float:
    """Inputs of the multiplexer that an indexed accumulator is read through."""
    return 2.0 ** ceil(log2(n_out)) if outputs > SHARED_INDEX_STEPS else 0.0


def _elementwise(facts: Facts, target: Target, delays: Delays, mapping: Mapping) -> Kernel:
    """Anything without weights to share: adders, comparisons, choices, tables, products."""
    in_dsp = [m for m in facts.multipliers if _to_dsp(m.width_a, m.width_b, mapping)]
    in_lut = [m for m in facts.multipliers if m not in in_dsp]
    roms = [m for m in facts.memories if m.depth * m.width > LUT_ROM_BITS]
    together = facts.kind == SOFTMAX
    levels = (SOFTMAX_LEVELS * log2(facts.n_in) + 1 if together else 0.0) + _logic_levels(facts)
    looked_up = len(roms) if together else min(len(roms), 1)  # a curve's two are side by side
    products = len(in_dsp) + LUT_PRODUCT_DELAY * len(in_lut) + looked_up
    latency = delays.cycles(levels, products, target) + looked_up
    logic = facts.adder_bits + facts.compare_bits + facts.mux_bits
    return Kernel(
        dsp=sum(m.count * dsp_per_product(m.width_a, m.width_b, target.family) for m in in_dsp),
        bram_18k=sum(memory_blocks(m) for m in roms),
        latency=latency,
        interval=1,
        lut={
            "softmax_bit" if together else "logic_bit": logic,
            "lut_product_bit2": sum(m.count * m.width_a * m.width_b for m in in_lut),
            "rom_lut": sum(_rom_luts(m) for m in facts.memories if m not in roms),
        },
        ff={"output_bit cycle": facts.n_out * facts.output_width * latency},
    )


def _logic_levels(facts: Facts) -> float:
    """An adder, and the comparison and choice that go with it, at half of an adder's delay."""
    return bool(facts.adder_bits) + bool(facts.compare_bits) / 2


def _rom_luts(memory: Memory) -> int:
    return memory.count * memory.ports * rom_luts(memory.depth, memory.width)


def _to_dsp(width_a: int, width_b: int, mapping: Mapping) -> bool:
    return mapping is Mapping.DSP or (
        mapping is Mapping.AUTO and width_a + width_b >= DSP_PRODUCT_BITS
    )


def design_ff(first: Facts, kernels: Sequence[Kernel], family: Family) -> dict[str, float]:
    """Registers of the top level: hls4ml's ports hold their input, but not before a dataflow."""
    shared = any("resource_kernel" in k.ff for k in kernels)
    held = not shared and family is not Family.SERIES7
    return {"input_bit": first.n_in * first.input_width * held, "design": 1}


def design_cycles(kernels: Sequence[Kernel], family: Family) -> tuple[int, int]:
    """Latency and interval of a design: stages one after the other, each with its own pace.

    The top level adds a cycle or two per product: 3 n - 1 for n products on a 7-series
    device, 2 n - 2 elsewhere, less where products are shared (9 networks, Vitis HLS 2021.1 to
    2024.1; Vivado HLS 2020.1 adds none to a single one).
    """
    products = sum("input_mux_bit" in k.lut or "addend_bit" in k.lut for k in kernels)
    interval = max(k.interval for k in kernels)
    if products == 0 or len(kernels) == 1:
        extra = 0
    elif family is Family.SERIES7 and interval == 1:
        extra = 3 * products - 1
    else:
        extra = 2 * products - (1 if family is Family.SERIES7 else 2)
    return sum(k.latency for k in kernels) + extra, interval
