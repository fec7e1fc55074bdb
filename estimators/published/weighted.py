"""Layers with weights: dense ones and convolutions of all sorts, and recurrent ones."""

from __future__ import annotations

from dataclasses import replace
from math import prod, sqrt
from typing import Any

from converter.facts import Facts, Memory, Multipliers
from converter.units.reuse import legal_reuse_factors
from estimators.published.constants import distinct_products, random_weights
from estimators.published.types import Json, Reading, Refusal, Spelt, Tensor, read_type

Made = tuple[tuple[Facts, ...], Tensor]
"""Stages that a layer becomes, and its output."""


def dense(layer: Reading) -> Made:
    """A matrix by a vector; on more dimensions than one, at every position."""
    before = layer.before
    n_in = layer.number("n_in", default=before.size if before.given else 0)
    n_out = layer.number("n_out", "units")
    if not n_in:
        raise Refusal("dense without n_in")
    positions, beats = before.positions, before.beats
    whole = n_in != before.channels or beats == 1 or not before.given
    if whole and layer.input_type.lanes:
        beats = max(1, n_in // layer.input_type.lanes)
    elif whole and n_in != before.size:
        beats = 1
    facts = _matrix(layer, n_in, n_out)
    if not whole:
        parallel = 1 if layer.around.stream else beats
        facts = _at_positions(facts, before, beats, parallel)
        return (facts,), layer.made(positions, n_out)
    facts = replace(facts, beats_in=beats if layer.around.stream else 1)
    return (facts,), layer.made((1,), n_out)


def convolution(layer: Reading) -> Made:
    """A kernel at every position; a pointwise one where the kernel has one position."""
    before, window, after = geometry(layer)
    filters = layer.number("n_filt", "filters", "n_out")
    facts = _matrix(layer, prod(window) * before.channels, filters)
    facts = _slid(layer, facts, before, window, after)
    return (facts,), layer.made(after, filters)


def depthwise(layer: Reading) -> Made:
    """A kernel of its own for each channel."""
    before, window, after = geometry(layer)
    multiple = layer.number("depth_multiplier", default=1)
    taps, channels = prod(window), before.channels * multiple
    facts = _matrix(layer, taps * before.channels, multiple)
    facts = replace(facts, kind="groupedmatvec", n_out=channels, weights=taps * channels)
    return (_slid(layer, facts, before, window, after),), layer.made(after, channels)


def separable(layer: Reading) -> Made:
    """Depthwise, then pointwise."""
    first, middle = depthwise(layer)
    point = {**layer.layer, "kernel": 1, "strides": 1, "w": None, "padding": "valid"}
    for name in ("filt_width", "filt_height", "in_width", "in_height", "in", "out_width"):
        point.pop(name, None)
    second, out = convolution(replace(layer, layer=point, before=middle))
    return (*first, *second), out


def recurrent(layer: Reading) -> Made:
    """A cell at every time step: products with the input and with the state, the gates' tables,
    and products of gates.
    """
    gates = {"gru": 3, "lstm": 4, "simplernn": 1}[_cell(layer)]
    before = layer.before
    steps = layer.number("n_sequence", "n_steps", default=before.beats)
    n_in = layer.number("n_in", default=before.channels)
    state = layer.number("n_state", "n_out", "units")
    inputs = replace(_matrix(layer, n_in, gates * state), stage="input")
    inner = {**layer.layer, "w": None, "n_zeros": None}
    if layer.has("recurrent_reuse_factor"):
        inner["reuse_factor"] = layer.number("recurrent_reuse_factor")
    states = replace(_matrix(replace(layer, layer=inner), state, gates * state), stage="state")
    out = layer.number("n_sequence_out", default=steps if _whole(layer) else 1)
    facts = Facts(
        stage=layer.name,
        kind="recurrent",
        strategy=inputs.strategy,
        reuse_factor=inputs.reuse_factor,
        n_in=n_in,
        n_out=state,
        input_width=layer.input_type.width,
        output_width=layer.output_type.width,
        latency_cycles=0,
        interval_cycles=1,
        positions=steps,
        stream=layer.around.stream,
        beats_in=steps,
        beats_out=out,
        parts=(inputs, states, *_gates(layer, gates, state)),
    )
    copies = 2 if "bidirectional" in layer.op.lower() else 1
    made = tuple(replace(facts, stage=f"{layer.name}_{i}") for i in range(copies))
    return made if copies > 1 else (facts,), layer.made((out,), copies * state)


def _cell(layer: Reading) -> str:
    spelt = layer.op.lower().replace("_", "")
    return next((cell for cell in ("lstm", "gru") if cell in spelt), "simplernn")


def _whole(layer: Reading) -> bool:
    return bool(layer.layer.get("return_sequences"))


def _gates(layer: Reading, gates: int, state: int) -> tuple[Facts, ...]:
    """Sigmoid of all but one gate, tanh of one and of an LSTM's state; three products each."""
    width = layer.output_type.width
    products = 3 * state if gates > 1 else 0
    table = Facts("table", "table", "latency", 1, state, state, width, width, 0, 1)
    memory = Memory(-(-state // 2), 1024, 18, 2)
    sigmoid = replace(
        table,
        stage="sigmoid",
        n_in=(gates - 1) * state,
        n_out=(gates - 1) * state,
        compare_bits=2 * (gates - 1) * state * width,
        mux_bits=2 * (gates - 1) * state * width,
        memories=(replace(memory, count=-(-(gates - 1) * state // 2)),) if gates > 1 else (),
    )
    turns = 2 if gates == 4 else 1
    tanh = replace(
        table,
        stage="tanh",
        compare_bits=2 * turns * state * width,
        mux_bits=2 * turns * state * width,
        memories=(replace(memory, count=-(-turns * state // 2)),),
    )
    mixed = replace(
        table,
        stage="gates",
        kind="merge",
        adder_bits=gates * state * width,
        multipliers=(Multipliers(products, width, width),) if products else (),
    )
    return (sigmoid, tanh, mixed) if gates > 1 else (tanh, mixed)


def geometry(layer: Reading) -> tuple[Tensor, tuple[int, ...], tuple[int, ...]]:
    """Input, window, and output positions, from a project's numbers or Keras's."""
    spelt = layer.op.lower()
    flat = "1d" in spelt or (layer.has("filt_width") and not layer.has("filt_height"))
    before = _input(layer, flat)
    kernel = layer.pair("kernel", "kernel_size", default=(1, 1))
    high = layer.number("filt_height", default=kernel[0])
    wide = layer.number("filt_width", default=kernel[1])
    window = (wide,) if flat else (high, wide)
    return before, window, after_window(layer, before, window)


def _input(layer: Reading, flat: bool) -> Tensor:
    """The input's positions: in a project's numbers, as ``in``, or what came before."""
    before = layer.before
    channels = layer.number("n_chan", default=before.channels)
    if layer.has("in_width") or layer.has("n_in", "n_filt"):
        width = layer.number("in_width", "n_in")
        positions = (width,) if flat else (layer.number("in_height"), width)
        return Tensor(positions, channels, layer.input_type)
    shape = layer.layer.get("in") or layer.layer.get("input_shape")
    if shape:
        return Tensor(tuple(int(n) for n in shape[:-1]), int(shape[-1]), layer.input_type)
    if not before.given:
        raise Refusal(f"{layer.op} without the size of its input")
    return before


def after_window(layer: Reading, before: Tensor, window: tuple[int, ...]) -> tuple[int, ...]:
    """Positions of a window that slides over ``before``."""
    if layer.has("out_width"):
        width = layer.number("out_width")
        return (width,) if len(window) == 1 else (layer.number("out_height"), width)
    stride = layer.pair("strides", "stride", default=(1, 1))
    strides = (
        layer.number("stride_height", default=stride[0]),
        layer.number("stride_width", default=stride[1]),
    )[-len(window) :]
    same = str(layer.layer.get("padding", "valid")).lower() == "same"
    return tuple(
        -(-size // step) if same else max(1, (size - taps) // step + 1)
        for size, taps, step in zip(before.positions, window, strides, strict=False)
    )


def _slid(
    layer: Reading,
    facts: Facts,
    before: Tensor,
    window: tuple[int, ...],
    after: tuple[int, ...],
) -> Facts:
    positions = prod(after)
    parts = layer.number("n_partitions", default=positions)
    parallel = 1 if layer.around.stream else max(1, positions // max(1, parts))
    padded = padding(layer, before, window, after) if layer.around.stream else 0
    lines: tuple[Memory, ...] = ()
    if layer.around.stream and len(window) == 2 and window[0] > 1:
        lines = (_lines(before, window[0]),)
    made = _at_positions(facts, before, positions, parallel)
    return replace(made, beats_in=before.beats + padded, memories=(*made.memories, *lines))


def padding(layer: Reading, before: Tensor, window: tuple[int, ...], after: tuple[int, ...]) -> int:
    """Positions of the frame that "same" puts around: a stream gets them by a stage in front."""
    if str(layer.layer.get("padding", "")).lower() != "same":
        return 0
    step = [max(1, -(-size // made)) for size, made in zip(before.positions, after, strict=False)]
    full = [
        max(size, (made - 1) * s + taps)
        for size, made, taps, s in zip(before.positions, after, window, step, strict=False)
    ]
    return prod(full) - before.beats


def _lines(before: Tensor, rows: int) -> Memory:
    return Memory(
        before.channels * (rows - 1), before.positions[-1], before.type.width, writable=True
    )


def _at_positions(facts: Facts, before: Tensor, positions: int, parallel: int) -> Facts:
    return replace(
        facts,
        kind=f"sliding_{facts.kind}",
        positions=positions,
        parallelization_factor=parallel,
        beats_in=before.beats,
        beats_out=positions,
    )


def _matrix(layer: Reading, n_in: int, n_out: int) -> Facts:
    kind = layer.given_type
    weight = read_type(layer.layer.get("weight_t"), layer.around.weights)
    if layer.has("precision"):
        weight = read_type(layer.layer.get("weight_t"), kind)
    accum = read_type(layer.layer.get("accum_t"), kind)
    strategy, reuse = _built(layer, n_in, n_out)
    counts = _weights(layer, n_in, n_out, weight)
    facts = Facts(
        stage=layer.name,
        kind="matvec",
        strategy=strategy,
        reuse_factor=reuse,
        n_in=n_in,
        n_out=n_out,
        input_width=layer.input_type.width,
        output_width=layer.output_type.width,
        latency_cycles=0,
        interval_cycles=1,
        weight_width=_operand(layer, n_in, n_out, weight),
        accum_width=accum.width,
        weights=n_in * n_out,
        stream=layer.around.stream,
        rounded_bits=_rounded(strategy, reuse, counts["nonzero_weights"], accum),
    )
    added = max(0, counts["csd_digits"] - n_out) if strategy == "distributed_arithmetic" else 0
    return replace(
        facts,
        adder_bits=round(SHARED_DIGITS * added) * (facts.input_width + weight.width // 2),
        nonzero_weights=counts["nonzero_weights"],
        power_of_two_weights=counts["power_of_two_weights"],
        csd_digits=counts["csd_digits"],
        dsp_constants=counts["dsp_constants"],
    )


def _built(layer: Reading, n_in: int, n_out: int) -> tuple[str, int]:
    """Strategy and reuse factor. Vivado HLS unrolls no more than 4096 products: a larger layer
    that shares multipliers is as good as of strategy ``resource``, and of any reuse factor.
    """
    strategy, reuse = layer.strategy, min(layer.reuse_factor, n_in * n_out)
    if strategy.startswith("resource"):
        return strategy, legal_reuse(n_in, n_out, reuse)
    large = layer.around.vivado and reuse > 1 and n_in * n_out > UNROLL_LIMIT
    return ("resource" if large else strategy), reuse


SHARED_DIGITS = 0.7
"""Additions of distributed arithmetic over digits: it shares up to 30 % (``relations.md`` 3.3)."""

UNROLL_LIMIT = 4096
"""Products that Vivado HLS unrolls at most."""


def legal_reuse(n_in: int, n_out: int, reuse: int) -> int:
    """The factor that hls4ml builds for strategy ``resource``: the nearest legal one, and the
    smaller of two.
    """
    return min(legal_reuse_factors(n_in, n_out), key=lambda legal: (abs(legal - reuse), legal))


def _operand(layer: Reading, n_in: int, n_out: int, kind: Spelt) -> int:
    """Bits of the constants as operands: of wide types, those that the largest one needs."""
    if kind.width <= NARROW_OPERAND:
        return kind.width
    known = layer.layer.get("w") or {}
    largest = int(known.get("absmax") or 0)
    if not largest:
        bound = min(2.0**kind.integer, _limit(layer, n_in, n_out))
        largest = int(bound * 2.0 ** (kind.width - kind.integer))
    return min(kind.width, max(NARROW_OPERAND, largest.bit_length() + 1))


NARROW_OPERAND = 18
"""Bits of a DSP block's narrower operand."""


def _rounded(strategy: str, reuse: int, nonzero: int, accum: Spelt) -> int:
    """Bits of products and sums that are cast to a rounding or saturating accumulator."""
    if not accum.casts:
        return 0
    shared = reuse if strategy.startswith("resource") else 1
    return -(-nonzero // shared) * accum.width


def _weights(layer: Reading, n_in: int, n_out: int, kind: Spelt) -> dict[str, int]:
    """Statistics of the constants: given, or of random ones."""
    known: Json | None = layer.layer.get("w")
    if known and all(name in known for name in ("nnz", "pow2", "csd", "absmax")):
        return _given(known, n_in, n_out)
    zeros = layer.number("n_zeros", default=0) or None
    return random_weights(
        n_in, n_out, kind.width, zeros, kind.width - kind.integer, _limit(layer, n_in, n_out)
    )


def _given(known: Json, n_in: int, n_out: int) -> dict[str, int]:
    """As they are, but for weights that the statistics do not cover: in proportion."""
    share = n_in * n_out / max(1, int(known.get("n") or n_in * n_out))
    share = 1.0 if 0.9 < share < 1.1 else share
    counts: dict[str, Any] = {n: round(int(known[n]) * share) for n in ("nnz", "pow2", "csd")}
    return {
        "nonzero_weights": counts["nnz"],
        "power_of_two_weights": counts["pow2"],
        "csd_digits": counts["csd"],
        "dsp_constants": distinct_products(
            n_in, counts["nnz"], counts["pow2"], counts["csd"], int(known["absmax"])
        ),
    }


def _limit(layer: Reading, n_in: int, n_out: int) -> float:
    """As Keras draws weights by default (``glorot_uniform``), unless the row says otherwise."""
    if layer.around.lecun:
        return sqrt(3 / n_in)
    taps = prod(layer.pair("kernel", "kernel_size", default=(1, 1)))
    return sqrt(6 / (n_in + n_out * taps))
