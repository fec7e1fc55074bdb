"""Rules of HLS kernels, against figures of published csynth reports.

Figures are quoted from ``calibration/relations.md`` (3.1, 3.2) and its tables, each with
its source.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from converter.facts import Facts, Memory, Multipliers
from converter.timing import Family, Target
from estimators.csynth import design_cycles, kernel
from estimators.kernels.base import Delays, Kernel, Mapping
from estimators.kernels.matvec import multiplier_limit
from estimators.structure import block_ram_18k, dsp_per_product, memory_blocks

U250 = Target("xcu250-figd2104-2L-e", Family.ULTRASCALE_PLUS)
DELAYS = Delays(2.6, 4.0, 0.35, 0.125)


def dense(n_in: int, n_out: int, **given: Any) -> Facts:
    """A dense stage of 16-bit inputs, as hls4ml's default has them."""
    values = {
        "strategy": "resource",
        "reuse_factor": 1,
        "weight_width": 8,
        "nonzero_weights": n_in * n_out,
        "input_width": 16,
        "output_width": 16,
        "accum_width": 16,
        "latency_cycles": 0,
        "interval_cycles": 1,
        **given,
    }
    return Facts(stage="fc", kind="matvec", n_in=n_in, n_out=n_out, **values)


def built(facts: Facts, mapping: Mapping = Mapping.AUTO) -> Kernel:
    return kernel(facts, U250, DELAYS, mapping)


# wa-hls4ml, Vivado HLS 2020.1, hls4ml 0.8.1: n_in, n_out, bits, RF, II, latency, DSP, BRAM18
SWEEP = [
    (256, 256, 14, 512, 512, 514, 128, 50),
    (256, 256, 14, 1024, 1024, 1026, 64, 51),
    (256, 256, 8, 512, 512, 514, 128, 29),
    (32, 256, 8, 512, 512, 514, 16, 5),
    (64, 192, 8, 1024, 1024, 1026, 12, 7),
    (192, 64, 14, 384, 384, 386, 32, 13),
    (192, 32, 4, 384, 384, 385, 0, 2),
    (96, 160, 8, 480, 480, 482, 32, 9),
]


@pytest.mark.parametrize(("n_in", "n_out", "bits", "rf", "ii", "latency", "dsp", "bram"), SWEEP)
def test_resource_kernel(
    n_in: int, n_out: int, bits: int, rf: int, ii: int, latency: int, dsp: int, bram: int
) -> None:
    found = built(dense(n_in, n_out, reuse_factor=rf, weight_width=bits))
    assert (found.interval, found.latency) == (ii, latency)
    assert (found.dsp, found.bram_18k) == (dsp, bram)


def test_six_bit_weights_leave_one_multiplier_to_luts() -> None:
    # 108 of 124 points of the sweep at 6 bits use one DSP block less
    assert built(dense(256, 256, reuse_factor=512, weight_width=6)).dsp == 127


@pytest.mark.parametrize("constants", [110, 719, 1097, 614, 122, 204, 370, 200, 38])
def test_latency_kernel_has_a_block_per_distinct_constant(constants: int) -> None:
    # dense layers of ap_fixed<16,6> in Vivado HLS 2019.2, Vitis HLS 2022.2 and 2024.1
    facts = dense(64, 32, strategy="latency", weight_width=16, dsp_constants=constants)
    assert built(facts).dsp == constants


@pytest.mark.parametrize(
    ("n_in", "n_out", "nonzero", "constants", "rf", "dsp", "interval"),
    [
        # ArgyKokk/hls4ml_MLP_estimator, Vitis HLS 2021.1, config_op mul -impl dsp
        (274, 8, 1268, 119, 1, 119, 1),
        (274, 8, 1268, 119, 2, 119, 2),
        (274, 8, 1268, 119, 100, 13, None),
        (8, 16, 92, 42, 100, 2, 25),
        (64, 6, 298, 89, 100, 4, 27),
        (64, 64, 1966, 129, 100, 20, None),
        (5, 3, 10, 7, 2, 6, 2),
        (21, 3, 62, 32, 100, 1, None),
    ],
)
def test_multipliers_are_limited_by_the_reuse_factor(
    n_in: int, n_out: int, nonzero: int, constants: int, rf: int, dsp: int, interval: int | None
) -> None:
    facts = dense(
        n_in, n_out, strategy="latency", reuse_factor=rf, nonzero_weights=nonzero,
        dsp_constants=constants, input_width=8,
    )  # fmt: skip
    found = built(facts, Mapping.DSP)
    assert found.dsp == dsp
    if interval is not None:
        # the reports say 22 to 26 where products are shared in many steps: within 5 %
        assert abs(found.interval - interval) <= 1
    assert built(facts, Mapping.FABRIC).dsp == 0


def test_limit_counts_zeros_as_hls4ml_does() -> None:
    assert multiplier_limit(dense(274, 8, reuse_factor=100, nonzero_weights=1268)) == 13


@pytest.mark.parametrize(
    ("input_width", "weight_width", "in_dsp"),
    [(14, 10, True), (13, 10, True), (12, 10, True), (12, 9, False), (11, 9, False), (16, 8, True)],
)
def test_narrow_products_stay_in_luts(input_width: int, weight_width: int, in_dsp: bool) -> None:
    # Vitis HLS 2024.1: 10x14 59 of 60 in DSP, 10x13 20 of 20, 10x12 3 of 4, 9x12 1 of 12
    facts = dense(
        16, 16, strategy="latency", input_width=input_width, weight_width=weight_width,
        dsp_constants=9,
    )  # fmt: skip
    assert built(facts).dsp == (9 if in_dsp else 0)


def test_design_of_stages() -> None:
    one = built(dense(16, 16, strategy="latency", dsp_constants=9))
    first, second = replace(one, latency=4, interval=2), replace(one, latency=3, interval=8)
    latency, interval = design_cycles([first, second], Family.ULTRASCALE_PLUS)
    assert interval == 8
    assert latency == 4 + 3 + 2


def test_any_kind_is_priced_by_what_it_counts() -> None:
    found = built(replace(dense(4, 4), kind="of tomorrow", adder_bits=64, nonzero_weights=0))
    assert found.lut["logic_bit"] == 64
    assert found.interval == 1


@pytest.mark.parametrize(
    ("depth", "width", "blocks"),
    [(512, 36, 1), (512, 37, 2), (1024, 18, 1), (1280, 256, 23), (1024, 448, 25), (2048, 18, 2)],
)
def test_block_ram(depth: int, width: int, blocks: int) -> None:
    assert block_ram_18k(depth, width) == blocks


def test_two_ports_read_one_copy() -> None:
    assert memory_blocks(Memory(1, 1024, 18, 2)) == 1
    assert memory_blocks(Memory(2, 1024, 18, 3)) == 4


@pytest.mark.parametrize(
    ("a", "b", "family", "blocks"),
    [
        (18, 27, Family.ULTRASCALE_PLUS, 1),
        (27, 18, Family.ULTRASCALE, 1),
        (18, 27, Family.SERIES7, 2),
        (25, 18, Family.SERIES7, 1),
        (19, 19, Family.ULTRASCALE_PLUS, 2),
        (32, 32, Family.ULTRASCALE_PLUS, 4),
    ],
)
def test_dsp_per_product(a: int, b: int, family: Family, blocks: int) -> None:
    assert dsp_per_product(a, b, family) == blocks


def test_softmax_shares_nothing() -> None:
    facts = Facts(
        "softmax", "softmax", "latency", 1, 5, 5, 16, 16, 0, 1,
        adder_bits=170, compare_bits=160, mux_bits=160,
        multipliers=(Multipliers(5, 18, 18),), memories=(Memory(5, 1024, 18),),
    )  # fmt: skip
    found = built(facts)
    assert (found.dsp, found.bram_18k, found.interval) == (5, 5, 1)
