"""Layers without a matrix: activations, pooling, scales, merges, and what only moves words."""

from __future__ import annotations

import re
from dataclasses import replace
from math import prod

from converter.facts import Facts, Memory, Multipliers
from estimators.published.types import Reading, Refusal, Tensor, read_type
from estimators.published.weighted import Made, after_window

TABLE_DEPTH, TABLE_WIDTH = 1024, 18
"""hls4ml's default tables."""


def nothing(layer: Reading) -> Made:
    """Layers that hardware does not have."""
    return (), layer.before


def flat(layer: Reading) -> Made:
    """The same words without positions; the beats stay as they were until someone reads them."""
    return (), layer.before


def rectifier(layer: Reading) -> Made:
    """A comparison and a choice; an adder where it rounds, another comparison where it clips."""
    out = layer.output_type
    size, width = _lanes(layer), layer.input_type.width
    facts = _plain(layer, "requantize", size)
    if _is_identity(layer.op) and not out.casts:
        return (facts,), _same(layer)
    facts = replace(
        facts,
        compare_bits=size * width,
        mux_bits=size * out.width,
        adder_bits=size * out.width if out.rounds else 0,
    )
    return (facts,), _same(layer)


def _is_identity(op: str) -> bool:
    """No function, or a rectifier whose slopes are the same on both sides."""
    slope = re.search(r"leaky_?relu\(([\d.]+)\)", op.lower())
    return op.lower() == "linear" or bool(slope and float(slope[1]) == 1)


def table(layer: Reading) -> Made:
    """Two look-ups share one memory; the index is clipped at both ends."""
    size, width = _lanes(layer), layer.input_type.width
    depth = layer.number("table_size", default=TABLE_DEPTH)
    entry = read_type(layer.layer.get("table_t")).width if layer.has("table_t") else TABLE_WIDTH
    facts = replace(
        _plain(layer, "table", size),
        compare_bits=2 * size * width,
        mux_bits=2 * size * width,
        memories=(Memory(-(-size // 2), depth, entry, 2),),
    )
    return (facts,), _same(layer)


def threshold(layer: Reading) -> Made:
    """Binary and ternary activations."""
    size, width = _lanes(layer), layer.input_type.width
    facts = replace(_plain(layer, "threshold", size), compare_bits=size * width)
    return (facts,), _same(layer)


def softmax(layer: Reading) -> Made:
    """Trees of maxima and of sums, a table per element, one reciprocal, a product each."""
    size, width = _lanes(layer), layer.input_type.width
    exp = _entry(layer, "exp_table_t")
    inverse = _entry(layer, "inv_table_t")
    depth = min(layer.number("table_size", default=TABLE_DEPTH), 2 ** min(width, 30))
    facts = replace(
        _plain(layer, "softmax", size),
        compare_bits=2 * size * width,
        mux_bits=2 * size * width,
        adder_bits=size * (width + exp),
        multipliers=(Multipliers(size, exp, inverse),),
        memories=(Memory(max(1, size - 1), depth, exp), Memory(1, depth, inverse)),
    )
    return (facts,), _same(layer)


def _entry(layer: Reading, name: str) -> int:
    return read_type(layer.layer.get(name)).width if layer.has(name) else TABLE_WIDTH


def scale(layer: Reading) -> Made:
    """A product and an adder per element; a shift where the scale is a power of two."""
    size, width = _lanes(layer, "n_filt"), layer.input_type.width
    factor = read_type(layer.layer.get("scale_t"), layer.given_type).width
    known = layer.layer.get("w") or {}
    share = 1.0
    if known.get("n"):
        share = max(0, int(known.get("nnz", 0)) - int(known.get("pow2", 0))) / int(known["n"])
    products = round(share * size)
    facts = replace(
        _plain(layer, "affine", size),
        adder_bits=size * width,
        multipliers=(Multipliers(products, width, factor),) if products else (),
    )
    return (facts,), _same(layer)


def pooling(layer: Reading) -> Made:
    """A maximum or a mean of each window; io_parallel builds one at every position."""
    spelt = (layer.op + str(layer.layer.get("pool_op", ""))).lower()
    before = _pooled(layer)
    whole = "global" in spelt
    default = tuple(before.positions) if whole else (2, 2)
    pool = layer.pair("pool", "pool_size", default=(default[0], default[-1]))
    sizes = (
        layer.number("pool_height", default=pool[0]),
        layer.number("pool_width", default=pool[1]),
    )
    window = tuple(before.positions) if whole else sizes[-len(before.positions) :]
    after = (1,) if whole else _after_pool(layer, before, window)
    mean = "average" in spelt or "avg" in spelt
    facts = _window(layer, before, window, after, mean)
    return (facts,), layer.made(after, before.channels)


def _after_pool(layer: Reading, before: Tensor, window: tuple[int, ...]) -> tuple[int, ...]:
    if not (layer.has("strides") or layer.has("stride_width")):
        steps = {**layer.layer, "strides": list(window)}
        return after_window(replace(layer, layer=steps), before, window)
    return after_window(layer, before, window)


def _window(
    layer: Reading, before: Tensor, window: tuple[int, ...], after: tuple[int, ...], mean: bool
) -> Facts:
    taps, channels, width = prod(window), before.channels, before.type.width
    bits = channels * (taps - 1) * width
    stream, positions = layer.around.stream, prod(after)
    edge = any(n % w for n, w in zip(before.positions, window, strict=False))
    uneven = mean and layer.around.vivado and _same_padding(layer) and edge
    facts = Facts(
        stage=layer.name,
        kind="sliding_reduce",
        strategy="latency",
        reuse_factor=1,
        n_in=taps * channels,
        n_out=channels,
        input_width=width,
        output_width=layer.output_type.width,
        latency_cycles=0,
        interval_cycles=1,
        adder_bits=bits if mean else 0,
        compare_bits=0 if mean else bits,
        mux_bits=0 if mean else bits,
        positions=positions,
        parallelization_factor=1 if stream else positions,
        stream=stream,
        beats_in=before.beats,
        beats_out=positions,
        dividers=channels if uneven else 0,
    )
    if stream and len(window) == 2 and window[0] > 1 and positions > 1:
        lines = Memory(channels * (window[0] - 1), before.positions[-1], width, writable=True)
        facts = replace(facts, memories=(lines,))
    return facts


def _same_padding(layer: Reading) -> bool:
    return str(layer.layer.get("padding", "")).lower() == "same"


def _pooled(layer: Reading) -> Tensor:
    """The input of a pooling layer; projects call its channels ``n_filt``."""
    if layer.has("in_width") or (layer.has("n_in", "n_filt")):
        width = layer.number("in_width", "n_in")
        one = "1d" in layer.op.lower() or not layer.has("in_height")
        positions = (width,) if one else (layer.number("in_height"), width)
        return Tensor(positions, layer.number("n_filt", "n_chan"), layer.input_type)
    shape = layer.layer.get("in") or layer.layer.get("input_shape")
    if shape:
        return Tensor(tuple(int(n) for n in shape[:-1]), int(shape[-1]), layer.input_type)
    if not layer.before.given:
        raise Refusal(f"{layer.op} without the size of its input")
    return layer.before


def moved(layer: Reading) -> Made:
    """Padding, up-sampling, transposition: wires in io_parallel, a loop over beats in a stream."""
    before = layer.before
    channels = layer.number("n_chan", default=before.channels)
    if layer.has("in_width"):
        width = layer.number("in_width")
        tall = layer.has("in_height")
        old = (layer.number("in_height"), width) if tall else (width,)
        before = Tensor(old, channels, layer.input_type)
    after = _moved_positions(layer, before)
    if not layer.around.stream:
        return (), layer.made(after, channels)
    facts = replace(
        _plain(layer, "reindex", channels),
        beats_in=before.beats,
        beats_out=prod(after),
        positions=prod(after),
        output_width=before.type.width,
    )
    return (facts,), replace(layer.made(after, channels), type=before.type)


def _moved_positions(layer: Reading, before: Tensor) -> tuple[int, ...]:
    if layer.has("out_width"):
        width = layer.number("out_width")
        return (layer.number("out_height"), width) if layer.has("out_height") else (width,)
    if layer.has("new_width"):
        width = layer.number("new_width")
        return (layer.number("new_height"), width) if layer.has("new_height") else (width,)
    factor = layer.pair("size", "factor", default=(1, 1))
    if layer.has("pad", "op") or (layer.has("padding") and "pad" in layer.op.lower()):
        around = layer.pair("pad", "padding", default=(1, 1))
        return tuple(n + 2 * p for n, p in zip(before.positions, around, strict=False))
    return tuple(n * f for n, f in zip(before.positions, factor, strict=False))


def merged(layer: Reading) -> Made:
    """Two tensors element by element."""
    size, width = _lanes(layer), layer.input_type.width
    spelt = layer.op.lower()
    facts = _plain(layer, "merge", size)
    if "mult" in spelt:
        facts = replace(facts, multipliers=(Multipliers(size, width, width),))
    elif "max" in spelt or "min" in spelt:
        facts = replace(facts, compare_bits=size * width, mux_bits=size * width)
    else:
        facts = replace(facts, adder_bits=size * width)
    return (facts,), _same(layer)


def dot(layer: Reading) -> Made:
    """The inner product of two vectors."""
    size, width = _lanes(layer), layer.input_type.width
    facts = replace(
        _plain(layer, "product", size),
        n_out=1,
        adder_bits=size * width,
        multipliers=(Multipliers(size, width, width),),
    )
    return (facts,), layer.made((1,), 1)


def joined(layer: Reading) -> Made:
    """Concatenation: wires, but for the loop over beats of a stream."""
    size = layer.number("n_elem1_0", default=0) + layer.number("n_elem2_0", default=0)
    size = size or 2 * layer.before.channels
    if not layer.around.stream:
        return (), layer.made(layer.before.positions, size)
    facts = replace(_plain(layer, "join", size), beats_in=layer.before.beats)
    return (facts,), layer.made(layer.before.positions, size)


def copied(layer: Reading) -> Made:
    """A stream that several read."""
    if not layer.around.stream:
        return (), layer.before
    return (_plain(layer, "fork", _lanes(layer)),), layer.before


def embedding(layer: Reading) -> Made:
    """A memory of vectors, one read for each input."""
    words = layer.number("vocab_size", "input_dim")
    size = layer.number("n_out", "output_dim")
    steps = layer.number("n_in", default=layer.before.size)
    width = read_type(layer.layer.get("embeddings_t"), layer.given_type).width
    count = 1 if layer.around.stream else -(-steps // 2)
    facts = replace(
        _plain(layer, "lookup", size),
        memories=(Memory(count, words, size * width, 2),),
        beats_in=steps if layer.around.stream else 1,
        beats_out=steps if layer.around.stream else 1,
        positions=steps if layer.around.stream else 1,
    )
    return (facts,), layer.made((steps,), size)


def normalised(layer: Reading) -> Made:
    """Layer normalisation: mean, variance, a table of reciprocal roots, a product or two each."""
    size = layer.number("n_in", "n", default=layer.before.size)
    length = layer.number("seq_len", default=max(1, layer.before.beats))
    width = layer.input_type.width
    facts = replace(
        _plain(layer, "layernorm", size),
        adder_bits=4 * size * width,
        multipliers=(Multipliers(3 * size, width, width),),
        memories=(Memory(length, 4096, 8),),
    )
    return (facts,), _same(layer)


def attention(layer: Reading) -> Made:
    """Products of two tensors, as many as heads, positions and features make."""
    steps = layer.number("seq_len", "n_seq", default=layer.before.beats)
    head = layer.number("key_dim", "head_dim_key", default=layer.before.channels)
    heads = layer.number("num_heads", "num_head", default=1)
    width = layer.input_type.width
    products = 2 * heads * steps * steps * head // max(1, layer.reuse_factor)
    facts = replace(
        _plain(layer, "matmul", steps * head * heads),
        strategy=layer.strategy,
        reuse_factor=layer.reuse_factor,
        adder_bits=products * width,
        multipliers=(Multipliers(products, width, width),),
        memories=(Memory(heads * steps * -(-steps // 2), TABLE_DEPTH, TABLE_WIDTH, 2),),
    )
    return (facts,), _same(layer)


def _lanes(layer: Reading, *others: str) -> int:
    """Words that are worked on at once: all of them, or those of a beat."""
    if layer.around.stream:
        if layer.before.given:
            return layer.before.channels
        return layer.input_type.lanes or layer.number("n_in", "n", *others)
    size = layer.number("n_in", "n", default=layer.before.size if layer.before.given else 0)
    if not size:
        raise Refusal(f"{layer.op} without its size")
    return size


def _same(layer: Reading) -> Tensor:
    if layer.before.given:
        return layer.made(layer.before.positions, layer.before.channels)
    return layer.made((1,), _lanes(layer))


def _plain(layer: Reading, kind: str, size: int) -> Facts:
    beats = layer.before.beats if layer.around.stream else 1
    return Facts(
        stage=layer.name,
        kind=kind,
        strategy="latency",
        reuse_factor=1,
        n_in=size,
        n_out=size,
        input_width=layer.input_type.width,
        output_width=layer.output_type.width,
        latency_cycles=0,
        interval_cycles=1,
        positions=beats,
        stream=layer.around.stream,
        beats_in=beats,
        beats_out=beats,
    )
