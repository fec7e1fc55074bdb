"""Facts and Verilog of products with constant matrices, unrolled or with shared multipliers."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

from converter.facts import Facts
from converter.graph import Implementation, Strategy
from converter.netlist.adders import Adders, build
from converter.netlist.digits import count_digits
from converter.netlist.pipeline import Counts
from converter.netlist.shift_add_graph import build_shift_add
from converter.rtl.module import RtlModule, wrap_pipeline
from converter.rtl.shared import Shared, plan_shared
from converter.rtl.shared_counts import shared_counts
from converter.rtl.shared_print import print_shared
from converter.rtl.unrolled import Cuts, cut, print_unrolled
from converter.timing import Timing
from converter.types import Codes, bits_for

if TYPE_CHECKING:
    from converter.units.matvec import MatVec
    from converter.units.product import MatrixProduct


@lru_cache(maxsize=4096)
def matvec_facts(unit: MatrixProduct, stage: str, choice: Implementation, timing: Timing) -> Facts:
    """Facts of one product, made once per unit, stage name, choice and timing."""
    latency, counts = _counts(unit, choice, timing)
    return Facts(
        stage=stage,
        kind="matvec",
        strategy=choice.strategy.value,
        reuse_factor=choice.reuse_factor,
        n_in=unit.groups * unit.n_in,
        n_out=unit.size,
        input_width=unit.input_type.width,
        output_width=unit.accum_type.width,
        latency_cycles=latency,
        interval_cycles=choice.reuse_factor,
        accum_width=unit.accum_type.width,
        **_weight_facts(unit),
        **vars(counts),
    )


def _counts(unit: MatrixProduct, choice: Implementation, timing: Timing) -> tuple[int, Counts]:
    if choice.reuse_factor > 1:
        shared = _shared(unit, choice, timing)
        return shared.latency, shared_counts(shared, _biases(unit)[0])
    graph = adder_graph(unit.matrix, choice.strategy)
    cuts = cut(graph, timing)
    return cuts.latency, Counts(
        adders=int(np.count_nonzero(graph.bits)),
        adder_bits=int(graph.bits.sum()),
        register_bits=cuts.register_bits + cuts.latency,
        shift_register_bits=cuts.shift_register_bits,
    )


def matvec_module(
    unit: MatrixProduct, name: str, choice: Implementation, timing: Timing
) -> RtlModule:
    """Verilog of one product; groups are one sparse matrix, or stand side by side."""
    if choice.reuse_factor > 1:
        return print_shared(name, _shared(unit, choice, timing), *_biases(unit))
    graph = adder_graph(unit.matrix, choice.strategy)
    cuts: Cuts = cut(graph, timing)
    widths = (unit.input_type.width, unit.accum_type.width)
    body = print_unrolled(f"{name}_lane", graph, cuts, *widths)
    lane = (unit.groups * unit.n_in * widths[0], unit.size * widths[1])
    return wrap_pipeline(name, body, cuts.latency, (1, *lane))


@lru_cache(maxsize=128)
def _graph(unit: MatVec, shared: bool) -> Adders:
    """The graph in 64-bit integers where every partial sum fits."""
    t = unit.input_type
    dtype: Any = np.int64 if unit.magnitude < 1 << 58 and t.width <= 58 else object
    lo, hi = (np.full(unit.n_in, c, dtype) for c in (t.code_min, t.code_max))
    make = build_shift_add if shared else build
    return make(unit.weights.astype(dtype), unit.bias.astype(dtype), unit.shift, lo, hi)


def adder_graph(unit: MatVec, strategy: Strategy) -> Adders:
    """The unrolled product: common subexpressions shared under distributed arithmetic, else
    a balanced tree for each output.
    """
    return _graph(unit, strategy is Strategy.DISTRIBUTED_ARITHMETIC)


def _shared(unit: MatrixProduct, choice: Implementation, timing: Timing) -> Shared:
    t = unit.input_type
    width = max(unit.accum_type.width - unit.shift, 1)
    types = (t.width, t.signed, width)
    return plan_shared(unit.by_group, choice.reuse_factor, types, timing)


def _biases(unit: MatrixProduct) -> tuple[Codes, Codes, int]:
    """(bias at the products' step, what is below it, and the shift between)."""
    bias = unit.bias.astype(object)
    high = bias >> unit.shift
    return high, bias - (high << unit.shift), unit.shift


@lru_cache(maxsize=512)
def _weight_statistics(unit: MatrixProduct) -> tuple[tuple[str, int], ...]:
    digits = count_digits(unit.weights)
    weights = unit.weights
    candidates = np.where(digits >= 3, weights, 0).reshape(-1, unit.n_out)
    distinct = sum(len(np.unique(row[row != 0])) for row in candidates)
    width, signed = bits_for(int(weights.min()), int(weights.max()))
    return (
        ("weight_width", max(unit.weight_type.width, width + (not signed) - 1)),
        ("weights", int(weights.size)),
        ("nonzero_weights", int(np.count_nonzero(weights))),
        ("power_of_two_weights", int((digits == 1).sum())),
        ("csd_digits", int(digits.sum())),
        ("dsp_constants", distinct),
    )


def _weight_facts(unit: MatrixProduct) -> dict[str, Any]:
    return dict(_weight_statistics(unit))
