"""Lists of layers as published, read into facts: one stage after the other, shapes followed."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from converter.facts import Facts, Memory
from estimators.published import plain, weighted
from estimators.published.types import Around, Json, Reading, Refusal, Tensor
from estimators.published.weighted import Made

LAYERS: Mapping[str, Callable[[Reading], Made]] = {
    "dense": weighted.dense,
    "einsumdense": weighted.dense,
    "conv1d": weighted.convolution,
    "conv2d": weighted.convolution,
    "pointwiseconv1d": weighted.convolution,
    "pointwiseconv2d": weighted.convolution,
    "depthwiseconv1d": weighted.depthwise,
    "depthwiseconv2d": weighted.depthwise,
    "separableconv1d": weighted.separable,
    "separableconv2d": weighted.separable,
    "lstm": weighted.recurrent,
    "gru": weighted.recurrent,
    "simplernn": weighted.recurrent,
    "relu": plain.rectifier,
    "linear": plain.rectifier,
    "leakyrelu": plain.rectifier,
    "prelu": plain.rectifier,
    "hardsigmoid": plain.rectifier,
    "hardtanh": plain.rectifier,
    "thresholdedrelu": plain.rectifier,
    "binarytanh": plain.threshold,
    "ternarytanh": plain.threshold,
    "sigmoid": plain.table,
    "tanh": plain.table,
    "elu": plain.table,
    "selu": plain.table,
    "silu": plain.table,
    "gelu": plain.table,
    "exponential": plain.table,
    "softplus": plain.table,
    "softsign": plain.table,
    "unarylut": plain.table,
    "softmax": plain.softmax,
    "batchnorm": plain.scale,
    "scale": plain.scale,
    "pooling": plain.pooling,
    "zeropad": plain.moved,
    "resize": plain.moved,
    "transpose": plain.moved,
    "cropping": plain.moved,
    "merge": plain.merged,
    "multiply": plain.merged,
    "maximum": plain.merged,
    "minimum": plain.merged,
    "dot": plain.dot,
    "concatenate": plain.joined,
    "fork": plain.copied,
    "embedding": plain.embedding,
    "layernorm": plain.normalised,
    "attention": plain.attention,
    "input": plain.nothing,
    "reshape": plain.flat,
}
"""What every kind of layer becomes."""

SPELLINGS: Sequence[tuple[str, str]] = (
    (r"input(layer)?$|dropout$|^noop$|identity", "input"),
    (r".*(flatten|reshape|repack).*", "reshape"),
    (r".*clone.*", "fork"),
    (r"^q(?=dense|conv|activation|batchnorm|depthwise|separable|linear|simplernn|lstm|gru)", ""),
    (r"^h(?=dense|conv|activation)", ""),
    (r"(global)?(average|max|avg)?pool(ing)?[123]?d?$|^pool.*|^global.*pool.*", "pooling"),
    (r"^sep(arable)?conv(olution)?", "separableconv"),
    (r"^depthwise(conv)?(?=[12]d)", "depthwiseconv"),
    (r"^pointwise(conv)?(?=[12]d)", "pointwiseconv"),
    (r"^(bidirectional)?(gru|lstm|simplernn).*", r"\2"),
    (r"^(zeropad|padding|pad).*", "zeropad"),
    (r"^(resize|upsampl).*", "resize"),
    (r"^(transpose|permute).*", "transpose"),
    (r"^cropping.*", "cropping"),
    (r"^(batchnorm.*|normalize.*|applyalpha.*|bn)$", "batchnorm"),
    (r"^layernorm.*", "layernorm"),
    (r"^concat.*", "concatenate"),
    (r"^(add|subtract|average|merge)[123]?d?$", "merge"),
    (r"^(multiply|maximum|minimum|dot)[123]?d?$", r"\1"),
    (r"^softmax.*|^argmax.*", "softmax"),
    (r"^(relu|quantizedrelu|relu6|relumax|relu1|quantizedbits|quantizer|fixedpointquantizer)$",
     "relu"),
    (r"^denselatency$|^denseresource$|^densewrapper$|^densebatchnorm(alization)?$", "dense"),
    (r"^conv(olution)?([12]d).*", r"conv\2"),
    (r"^(binary|ternary)(dense)$", r"\2"),
    (r"^leakyrelu.*", "leakyrelu"),
    (r"^(multihead)?attention.*|^einsum$|^bmm$|^mha$", "attention"),
    (r"^(swish)$", "silu"),
)  # fmt: skip
"""How layers are called elsewhere; tried in order, each on what the last one gave."""


def kind_of(op: object) -> str:
    """A layer's kind in ``LAYERS``. Raises Refusal for one that is not there."""
    spelt = re.sub(r"\(.*\)|^.*::", "", str(op or "")).lower()
    found = re.sub(r"[_\s-]", "", re.sub(r"_(cl|me|ss)$", "", spelt))
    for pattern, name in SPELLINGS:
        found = re.sub(pattern, name, found)
    if found not in LAYERS:
        raise Refusal(f"layer {spelt or 'not given'}")
    return found


def read_layers(layers: Sequence[Json], around: Around) -> tuple[Facts, ...]:
    """The stages of a design, in order, with the FIFOs between them where it streams.

    Raises Refusal where the layers do not say enough.
    """
    tensor = Tensor((1,), 0, around.default, given=False)
    facts: list[Facts] = []
    index, fusible = 0, False
    for layer in expanded(layers):
        kind = kind_of(layer.get("op"))
        if kind == "input":
            tensor = _given_input(layer, around, tensor)
            continue
        if kind == "batchnorm" and fusible and "name" not in layer:
            fusible = False
            continue  # hls4ml makes one layer of both
        reading = Reading(layer, around, tensor, index)
        front, reading = _padded(kind, reading)
        made, tensor = LAYERS[kind](reading)
        fusible = kind == "dense" or "conv" in kind
        index += kind in _WEIGHTED
        facts += [*front, *_with_fifos(made, tensor)]
    while facts and facts[-1].kind == "fifo":
        facts.pop()
    if not facts:
        raise Refusal("layers not given")
    return tuple(facts)


_WEIGHTED = frozenset(
    name for name, reads in LAYERS.items() if reads.__module__ == weighted.__name__
)


_CELLS = frozenset({"lstm", "gru", "simplernn"})
"""Layers whose activations are inside."""


def expanded(layers: Sequence[Json]) -> list[Json]:
    """Activations that are options of a layer become layers of their own."""
    out: list[Json] = []
    for layer in layers:
        function = str(layer.get("act") or layer.get("activation") or "linear").lower()
        if str(layer.get("op", "")).lower() in ("activation", "qactivation", "hactivation"):
            out.append({**layer, "op": function})
            continue
        out.append(layer)
        if function not in ("linear", "none") and kind_of(layer.get("op")) in _WEIGHTED - _CELLS:
            out.append({"op": function})
    return out


def _given_input(layer: Json, around: Around, tensor: Tensor) -> Tensor:
    shape = [int(n) for n in layer.get("shape") or () if n]
    if not shape:
        return tensor
    reading = Reading(layer, around, tensor)
    return Tensor(tuple(shape[:-1]) or (1,), shape[-1], reading.output_type)


def _padded(kind: str, layer: Reading) -> tuple[tuple[Facts, ...], Reading]:
    """A stream gets the zeros of "same" from a stage in front of its convolution or pooling."""
    same = str(layer.layer.get("padding", "")).lower() == "same"
    if not (layer.around.stream and same and ("conv" in kind)):
        return (), layer
    before, window, after = weighted.geometry(layer)
    more = weighted.padding(layer, before, window, after)
    if not more:
        return (), layer
    size = before.channels
    stage = Facts(
        stage=f"{layer.name}_pad",
        kind="reindex",
        strategy="latency",
        reuse_factor=1,
        n_in=size,
        n_out=size,
        input_width=before.type.width,
        output_width=before.type.width,
        latency_cycles=0,
        interval_cycles=1,
        positions=before.beats + more,
        stream=True,
        beats_in=before.beats,
        beats_out=before.beats + more,
    )
    return _with_fifos((stage,), before), layer


def _with_fifos(made: Sequence[Facts], tensor: Tensor) -> tuple[Facts, ...]:
    """Behind every stage of a stream, as many places as hls4ml gives: a whole frame."""
    out: list[Facts] = []
    for facts in made:
        out.append(facts)
        if facts.stream:
            last = facts is made[-1]
            out.append(_fifo(facts, facts.output_width if not last else tensor.type.width))
    return tuple(out)


def _fifo(facts: Facts, width: int) -> Facts:
    return replace(
        Facts(
            stage=f"{facts.stage}_fifo",
            kind="fifo",
            strategy="latency",
            reuse_factor=1,
            n_in=facts.n_out,
            n_out=facts.n_out,
            input_width=width,
            output_width=width,
            latency_cycles=0,
            interval_cycles=1,
        ),
        stream=True,
        memories=(Memory(facts.n_out, facts.beats_out, width, writable=True),),
    )
