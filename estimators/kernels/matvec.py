"""A matrix by a vector: products by constants, shared multipliers, shifts and additions.

- resource: interval = RF, latency = RF + 2, DSP = ceil(n_in n_out / RF) from 7-bit weights up
  (871 layers, Vivado HLS 2020.1); a ROM of the weights in block RAM;
- latency: DSP = distinct weights per input of at least three CSD digits (30 layers, Vivado HLS
  2019.2, Vitis HLS 2021.1 to 2024.1), at most ceil(n_in n_out / RF) - floor(zeros / RF), and
  interval = RF or one more than the latency, whichever is less. Accumulators that saturate
  are summed one after the other, since their sums cannot be rearranged.
"""

from __future__ import annotations

from math import ceil, log2

from converter.facts import Facts
from converter.timing import Family, Target
from estimators.kernels.base import (
    DSP_PRODUCT_BITS,
    LUT_PRODUCT_DELAY,
    LUT_ROM_BITS,
    Delays,
    Kernel,
    Mapping,
    to_dsp,
)
from estimators.structure import block_ram_18k, dsp_per_product, rom_luts

SHARED_TAIL, SINGLE_TAIL, FABRIC_TAIL = 3, 5, 1
"""Cycles after the last step of products that share multipliers in strategy latency: DSP blocks,
a single one for all, and multipliers in LUTs (21 layers, Vitis HLS 2021.1)."""

SHARED_INDEX_STEPS = 2
"""Up to so many outputs of one multiplier are told apart by logic, more by an index ROM."""

SATURATED_LEVELS = 1.7
"""Adder levels of a sum that saturates (64 sums of 28 bits in 11 cycles of 10 ns)."""

BALANCED_TERMS, CHAINED_LEVELS = 512, 0.58
"""Longer sums are a chain, not a tree, and so many adder levels a term (561 inputs take 192 cycles
of 5 ns where 274 take 9 of 3.33 ns: Vitis HLS 2021.1)."""

SHALLOW_ROM = 8
"""ROMs of at most so many words become logic in synthesis (2 and 3 words in two designs)."""


def matvec(facts: Facts, target: Target, delays: Delays, mapping: Mapping) -> Kernel:
    """The kernel of a strategy."""
    if facts.strategy.startswith("resource") and facts.reuse_factor > 1:
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
    in_dsp = to_dsp(facts.input_width, facts.weight_width, mapping)
    built = min(facts.dsp_constants, multiplier_limit(facts))
    latency, steps = _tree_cycles(facts, built, in_dsp, target, delays)
    interval = min(facts.reuse_factor, latency + 1)
    if facts.strategy.startswith("resource") and latency > 0:
        interval = 2
    per_product = dsp_per_product(facts.input_width, facts.weight_width, target.family)
    held = _held_addends(facts, latency, in_dsp, target, delays) * facts.accum_width
    bits = facts.dsp_constants * (facts.input_width + facts.weight_width)
    ff = {
        "cut_bit": held * (steps == 0),
        "cut_bit per interval": held / interval * (steps == 0),
        "shared_addend_bit": _addends(facts) * facts.accum_width * (steps > 0),
        "two_cycle_product_bit": bits * (facts.strategy.startswith("resource") and interval > 1),
        "edge_bit": facts.n_out * facts.output_width * (interval == 1 and latency > 0),
        "rounded_bit": facts.rounded_bits,
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
    """A graph of additions: a LUT per bit of an adder, which place and route leaves as it is
    (0.97 to 1.13 per bit in 20 designs of da4ml, Vivado). No HLS report of one was at hand:
    registers have the prices of strategy latency.
    """
    levels = log2(facts.csd_digits / facts.n_out + 1) + 1
    latency = delays.cycles(levels, 0.0, target)
    share = latency / max(facts.latency_cycles, 1)
    return Kernel(
        dsp=0,
        bram_18k=0,
        latency=latency,
        interval=1,
        lut={"shared_adder_bit": facts.adder_bits, "kernel": 1},
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
    terms = facts.nonzero_weights / facts.n_out
    levels = log2(terms + 1) + short
    if facts.rounded_bits:
        levels = SATURATED_LEVELS * terms
    elif facts.n_in > BALANCED_TERMS:
        levels = CHAINED_LEVELS * facts.n_in
    path = delays.cycles(levels, _products(facts, in_dsp), target)
    steps = -(-facts.dsp_constants // built) if built else 0
    tail = (SINGLE_TAIL if built == 1 else SHARED_TAIL) if in_dsp else FABRIC_TAIL
    return (max(path, steps + tail), steps) if steps > 1 else (path, 0)


def _products(facts: Facts, in_dsp: bool) -> float:
    """Products on the longest path."""
    return (1.0 if in_dsp else LUT_PRODUCT_DELAY) if facts.dsp_constants else 0.0


def _held_addends(
    facts: Facts, latency: int, in_dsp: bool, target: Target, delays: Delays
) -> float:
    """Words that the registers of a tree hold: each level of adders halves them."""
    addends = _addends(facts)
    if facts.rounded_bits:
        return float(facts.n_out * latency)  # a chain: what is added yet is in rounded_bits
    if facts.n_in > BALANCED_TERMS:
        return float(addends + facts.n_out * latency)
    products = _products(facts, in_dsp)
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
        "rounded_bit": facts.rounded_bits,
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
    in_dsp = to_dsp(facts.input_width, facts.weight_width, mapping)
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
        "rounded_bit": facts.rounded_bits,
        "indexed_kernel" if outputs > 1 else "resource_kernel": 1,
    }
    ff: dict[str, float] = {
        "accumulator_bit": facts.n_out * facts.accum_width,
        "weight_bit": block * facts.weight_width,
        "shared_rounded_bit": facts.rounded_bits,
        "resource_kernel": 1,
    }
    return Kernel(
        dsp=max(0, block - spared) * per_product if in_dsp else 0,
        bram_18k=blocks,
        latency=reuse + (2 if in_dsp or outputs > SHARED_INDEX_STEPS else 1),
        interval=reuse,
        lut=lut,
        ff=ff,
        synthesised_18k=0 if reuse <= SHALLOW_ROM else blocks,
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
