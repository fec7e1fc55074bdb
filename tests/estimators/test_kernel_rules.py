"""Rules of streams, loops and cells, against figures of published csynth reports.

Each quotes its source: designs of ``calibration/modules.csv`` and ``synthesis.csv``, the reports of
hls4ml's tutorial (Vivado HLS 2020.1) and of a pulse detector (Vitis HLS 2023.1).
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from converter.facts import Facts, Memory
from converter.timing import Family, Target
from estimators.csynth import design_cycles, kernel, streamed_cycles
from estimators.kernels.base import Delays, Kernel
from estimators.kernels.fifo import fifo

U250 = Target("xcu250-figd2104-2L-e", Family.ULTRASCALE_PLUS)
VIVADO = Delays(2.6, 4.0, 0.35, 0.125)
VITIS = Delays(2.6, 4.0, 0.35, 0.27, vitis=True, paired_tables=True)


def stage(kind: str, n_in: int, n_out: int, **given: Any) -> Facts:
    values = {"strategy": "latency", "reuse_factor": 1, "input_width": 16, "output_width": 16,
              "latency_cycles": 0, "interval_cycles": 1, **given}  # fmt: skip
    return Facts(stage="s", kind=kind, n_in=n_in, n_out=n_out, **values)


def conv(n_in: int, n_out: int, **given: Any) -> Facts:
    values = {"weight_width": 16, "accum_width": 16, "weights": n_in * n_out,
              "nonzero_weights": n_in * n_out, "csd_digits": 3 * n_in * n_out, **given}  # fmt: skip
    return stage("sliding_matvec", n_in, n_out, **values)


def channel(lanes: int, depth: int, width: int) -> Facts:
    return stage("fifo", lanes, lanes, stream=True,
                 memories=(Memory(lanes, depth, width, writable=True),))  # fmt: skip


@pytest.mark.parametrize(
    ("lanes", "depth", "width", "csynth", "logic"),
    [
        (16, 900, 16, 16, 16),
        (16, 169, 16, 16, 16),
        (16, 36, 16, 16, 0),  # 84 of 100 blocks are left after logic synthesis
        (16, 169, 6, 16, 0),
        (24, 16, 16, 0, 0),
        (8, 64, 28, 16, 8),  # an encoder: 81 blocks under csynth, 33 after logic synthesis
        (4, 35, 28, 8, 0),
        (1, 66, 16, 1, 1),
    ],
)
def test_fifos_of_vivado(lanes: int, depth: int, width: int, csynth: int, logic: int) -> None:
    found = fifo(channel(lanes, depth, width), VIVADO)
    assert (found.bram_18k, found.logic_18k) == (csynth, logic)


def test_fifos_of_vitis_are_as_wide_as_a_beat() -> None:
    # 15 FIFOs of the pulse detector, words by bits: 332 blocks in all
    beats = [(1, 16), (32, 27), (32, 6), (32, 6), (32, 22), (32, 6), (32, 6), (64, 22), (64, 6),
             (64, 6), (64, 6), (32, 23), (32, 6), (1, 20)]  # fmt: skip
    blocks = [fifo(channel(lanes, 80, width), VITIS).bram_18k for lanes, width in beats]
    assert sum(blocks) == 332


def test_deep_fifos_take_more_blocks() -> None:
    assert fifo(channel(1, 1024, 18), VIVADO).bram_18k == 1
    assert fifo(channel(1, 2048, 18), VIVADO).bram_18k == 2
    assert fifo(channel(1, 40_000, 16), VIVADO).bram_18k == 48


@pytest.mark.parametrize(("beats", "n_in", "latency"), [(1024, 27, 1027), (225, 144, 229)])
def test_a_convolution_takes_a_beat_per_cycle(beats: int, n_in: int, latency: int) -> None:
    facts = conv(n_in, 16, stream=True, beats_in=beats, beats_out=beats, positions=beats)
    found = kernel(facts, U250, VIVADO)
    assert abs(found.latency - latency) <= 1
    assert found.interval == found.latency


def test_a_shared_convolution_is_not_pipelined_in_vivado() -> None:
    # encoder, RF 2: 68 beats of 8 words take 884 cycles
    facts = conv(40, 8, stream=True, beats_in=68, beats_out=64, positions=64,
                 strategy="resource", reuse_factor=2)  # fmt: skip
    assert abs(kernel(facts, U250, VIVADO).latency - 884) <= 3
    assert kernel(facts, U250, VITIS).latency == 68 * 6 + 2


def test_old_streams_were_not_pipelined() -> None:
    facts = conv(75, 4, stream=True, beats_in=400, beats_out=256, positions=256, reuse_factor=2)
    old = replace(VIVADO, pipelined_streams=False)
    assert abs(kernel(facts, U250, old).latency - 3201) <= 2


@pytest.mark.parametrize(("delays", "interval"), [(VIVADO, 49), (VITIS, 53)])
def test_partitions_of_a_frame(delays: Delays, interval: int) -> None:
    # hls4ml's own tests: 28x28x3, kernel 4x4 with stride 4
    facts = conv(48, 32, positions=49, beats_in=784)
    found = kernel(facts, U250, delays)
    assert abs(found.latency - 52) <= 1
    assert abs(found.interval - interval) <= 1


def test_partitions_side_by_side_cost_copies() -> None:
    one = kernel(conv(48, 32, positions=49, beats_in=784, dsp_constants=700), U250, VIVADO)
    seven = kernel(
        conv(48, 32, positions=49, beats_in=784, dsp_constants=700, parallelization_factor=7),
        U250, VIVADO,
    )  # fmt: skip
    assert (one.dsp, seven.dsp) == (700, 4900)
    assert seven.interval == 7


def test_a_mean_over_a_border_divides() -> None:
    facts = stage("sliding_reduce", 6, 3, positions=61, parallelization_factor=61, beats_in=121,
                  adder_bits=48, dividers=3)  # fmt: skip
    found = kernel(facts, U250, VIVADO)
    assert (found.latency, found.lut["divider"]) == (21, 183)


def test_sums_that_saturate_are_a_chain() -> None:
    # the encoder's last layer at 10 ns: 64 terms in 11 cycles
    facts = stage("matvec", 64, 16, nonzero_weights=1024, csd_digits=3631, weight_width=12,
                  accum_width=28, input_width=28, weights=1024, rounded_bits=1024 * 28)  # fmt: skip
    where = replace(U250, clock_period_ns=10.0)
    assert abs(kernel(facts, where, VIVADO).latency - 11) <= 1
    assert kernel(replace(facts, rounded_bits=0), where, VIVADO).latency <= 2


def test_a_cell_takes_its_steps_one_by_one() -> None:
    # GRU of a jet tagger, Vivado HLS 2019.2: 20 steps in 821 cycles, 132 DSP, 63 BRAM18
    product = {"strategy": "resource", "weight_width": 16, "accum_width": 16}
    inputs = stage("matvec", 6, 60, reuse_factor=30, weights=360, nonzero_weights=345, **product)
    states = stage("matvec", 20, 60, reuse_factor=20, weights=1200, nonzero_weights=1200, **product)
    tables = stage("table", 40, 40, memories=(Memory(20, 1024, 18, 2),))
    last = stage("table", 20, 20, memories=(Memory(10, 1024, 18, 2),))
    facts = stage("recurrent", 6, 20, positions=20, parts=(inputs, states, tables, last))
    found = kernel(facts, U250, VIVADO)
    assert abs(found.latency - 821) <= 1
    assert (found.dsp, found.bram_18k) == (72, 63)  # and 60 of the gates


def test_tables_of_a_softmax() -> None:
    facts = stage("softmax", 5, 5, memories=(Memory(4, 1024, 18), Memory(1, 1024, 18)))
    assert kernel(facts, U250, VIVADO).bram_18k == 5
    assert kernel(facts, U250, VITIS).bram_18k == 8
    ten = replace(facts, n_in=10, n_out=10, stream=True,
                  memories=(Memory(9, 1024, 18), Memory(1, 1024, 18)))  # fmt: skip
    assert kernel(ten, U250, VIVADO).bram_18k == 4


def process(latency: int, tail: int = 1, looped: bool = True) -> Kernel:
    return Kernel(0, 0, latency, latency, {}, {}, tail=tail, looped=looped)


def test_streams_overlap() -> None:
    # hls4ml's tutorial: 1044 cycles, a frame every 1028, of stages of 1027 cycles and less
    slow, fast = process(1027), process(902)
    latency, interval = streamed_cycles([slow, fast, fast, process(7, tail=7, looped=False)], False)
    assert 1027 + 7 < latency < 1050
    assert interval == 1028


def test_single_beats_are_pipelined_in_vivado_only() -> None:
    one = replace(process(1, looped=False), interval=1)
    assert streamed_cycles([one, one], vitis=False) == (2, 1)
    assert streamed_cycles([one, one], vitis=True) == (2, 2)


def test_a_loop_makes_a_dataflow() -> None:
    loop = replace(process(821), tail=0)
    dense = Kernel(0, 0, 21, 20, {}, {})
    assert design_cycles([loop, dense], Family.ULTRASCALE_PLUS) == (821 + 21 + 2, 822)
