"""A kernel at every position of a frame: in a loop, side by side, or beat by beat.

io_parallel (``hls-reference.md`` 3.3): as many copies as ``parallelization_factor``, in a loop over
the rest of the positions. io_stream: one copy behind a line buffer and a window of
registers, in a loop over all input beats; strategy ``latency`` takes a beat every RF cycles, and
``resource`` is not pipelined by Vivado HLS. Vitis HLS pipelines every loop, but the window of one
beat waits for the product of the one before (iterations of 5, 8, 8 and 9 cycles begin every 3, 6,
6 and 7 cycles in Vitis HLS 2023.1; that these are of strategy ``resource`` is assumed).
"""

from __future__ import annotations

from dataclasses import replace

from converter.facts import Facts
from estimators.kernels.base import Delays, Kernel, added, scaled

MATVEC = "matvec"
"""The body of a convolution."""

LOOP_CYCLES = 2
"""Cycles of a loop over a stream beyond its turns and the latency of its body: 1024 beats take
1027 cycles, 225 take 229 (Vivado HLS 2020.1), 32 take 35 (and Vitis HLS 2024.1)."""

FRAME_CYCLES = 3
"""The same of a loop over partitions: 49 take 52 (Vivado HLS 2020.1 and Vitis HLS 2024.1)."""

SHIFT_CYCLES = 8
"""Cycles for a beat to enter a window that is not pipelined; 6 where a beat is one word."""

DIVISION_CYCLES = 21
"""Latency of a division (``AveragePooling`` with padding, Vivado HLS 2020.1)."""


def sliding(facts: Facts, body: Kernel, delays: Delays) -> Kernel:
    """``body`` at the positions of ``facts``."""
    if facts.stream:
        return _streamed(facts, body, delays)
    copies = max(1, facts.parallelization_factor)
    turns = -(-facts.positions // copies)
    extra, ff = _divided(facts, copies), {}
    lut = scaled(body.lut, copies)
    latency, interval = body.latency, body.interval
    if turns > 1:
        held = facts.beats_in * _channels(facts) * facts.input_width
        lut = added(lut, {"select_bit": held})
        made = facts.positions * facts.n_out * facts.output_width
        ff = {"frame_bit": made}
        paced = turns * max(facts.reuse_factor, body.interval if not _fused(facts) else 1)
        latency = paced + FRAME_CYCLES - 1 + body.latency
        interval = latency + 1 if delays.vitis else paced
    elif not body.ff.get("cut_bit") and facts.kind == "sliding_reduce":
        ff = {"input_bit": facts.beats_in * _channels(facts) * facts.input_width}
    return replace(
        body,
        dsp=body.dsp * copies,
        bram_18k=body.bram_18k * copies,
        latency=latency + (DIVISION_CYCLES if facts.dividers else 0),
        interval=interval,
        lut=added(lut, extra.lut),
        ff=added(scaled(body.ff, copies), ff, extra.ff),
        looped=turns > 1,
        synthesised_18k=body.logic_18k * copies,
    )


def _fused(facts: Facts) -> bool:
    """Whether the loop is flattened into its body, so that only the reuse factor counts."""
    return facts.reuse_factor == 1


def _divided(facts: Facts, copies: int) -> Kernel:
    count = facts.dividers * copies
    return Kernel(0, 0, 0, 1, {"divider": count}, {"divider": count})


def _channels(facts: Facts) -> int:
    """Words of an input position; at most those of a window."""
    lines = [m for m in facts.memories if m.writable]
    if lines:
        return lines[0].count
    return max(1, facts.n_in // _taps(facts))


def _taps(facts: Facts) -> int:
    """Positions of a window, as far as the facts tell: those of a frame that it covers."""
    if facts.kind == "sliding_reduce":
        return max(1, facts.n_in // facts.n_out)
    return max(1, round(facts.beats_in / max(1, facts.positions)))


def _streamed(facts: Facts, body: Kernel, delays: Delays) -> Kernel:
    window = facts.n_in * facts.input_width * (facts.kind != "sliding_requantize")
    rows = [m for m in facts.memories if m.writable]
    lines = sum(m.count * m.width * -(-m.depth // 32) for m in rows)
    pace = _pace(facts, body, delays)
    latency = facts.beats_in * pace + LOOP_CYCLES + (body.latency if facts.reuse_factor == 1 else 0)
    if facts.beats_out > facts.beats_in:
        latency = facts.beats_out + LOOP_CYCLES
    return replace(
        body,
        latency=latency,
        interval=latency,
        pace=pace,
        needs=max((2 * m.depth for m in rows), default=min(3, facts.beats_in)),
        tail=1,
        looped=facts.beats_in > 1,
        lut=added(body.lut, _overhead(facts, delays), {"window_bit": window, "line_lut": lines}),
        ff=added(body.ff, {"window_bit": window, "stream_stage": 1}),
    )


def _pace(facts: Facts, body: Kernel, delays: Delays) -> int:
    """Cycles between beats of the input."""
    if not facts.strategy.startswith("resource"):
        alone = not delays.pipelined_streams and facts.kind == f"sliding_{MATVEC}"
        return SHIFT_CYCLES if alone else max(1, facts.reuse_factor)
    if delays.vitis:
        return body.latency + LOOP_CYCLES
    alone = facts.n_in < 2 * SHIFT_CYCLES
    entering = SHIFT_CYCLES - 2 * alone
    return entering + (1 if facts.reuse_factor == 1 else body.latency + 1)


def streamed_stage(facts: Facts, body: Kernel, delays: Delays) -> Kernel:
    """A stage that maps beats one by one, or collects those of a frame."""
    beats = max(facts.beats_in, facts.beats_out)
    matrix = facts.kind == "matvec"
    if beats == 1:
        latency = body.latency + 1
        interval = latency if delays.vitis or matrix else 1
        tail = latency
    else:
        latency = beats + body.latency + LOOP_CYCLES
        interval = latency
        tail = latency - beats if matrix else 1
    collected = facts.n_in * facts.input_width if matrix and beats > 1 else 0
    return replace(
        body,
        latency=latency,
        interval=interval,
        needs=facts.beats_in if matrix else 1,
        tail=max(1, tail),
        looped=beats > 1,
        lut=added(body.lut, _overhead(facts, delays)),
        ff=added(body.ff, {"window_bit": collected, "stream_stage": 1}),
    )


def _overhead(facts: Facts, delays: Delays) -> dict[str, float]:
    """Handshakes: of every word in Vivado HLS, of the beat in Vitis HLS."""
    lanes = facts.n_out if not delays.vitis else 0
    return {"stream_lane": lanes, "stream_stage": 1}
