"""Random small networks of all layers, with random arguments, types and hardware."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from converter.config import Auto, HLSConfig, LayerConfig
from converter.errors import ModelError
from converter.frontends.architecture import Architecture, Entry, build, read_layer
from converter.graph import IOType, ModelGraph, Shape, Strategy
from converter.layers.base import Real
from converter.types import Fixed, Overflow, Rounding

MOST_ELEMENTS = 160
"""Of any tensor: what keeps a compiler's work under a second."""

TRIES = 12
FUNCTIONS = (
    "relu", "relu6", "sigmoid", "tanh", "softmax", "elu", "selu", "softplus", "softsign", "swish",
    "gelu", "hard_sigmoid", "exponential", "linear",
    "leaky_relu", "mish", "hard_tanh", "hard_swish",
)  # fmt: skip

Weights = dict[str, Real]
Tensor = tuple[str, Shape]
Made = tuple[str, dict[str, Any], Weights]
"""Class name, attributes and weights of a layer."""


@dataclass
class Draft:
    """A network under construction."""

    rng: np.random.Generator
    entries: list[Entry] = field(default_factory=list)
    weights: dict[str, Weights] = field(default_factory=dict)
    tensors: list[Tensor] = field(default_factory=list)

    def flip(self, chance: float = 0.5) -> bool:
        return bool(self.rng.random() < chance)

    def whole(self, lo: int, hi: int) -> int:
        return int(self.rng.integers(lo, hi + 1))

    def pick(self, options: Any) -> Any:
        return options[int(self.rng.integers(len(options)))]

    def values(self, *shape: int) -> Real:
        """Weights of any size, some of them zero, some powers of two."""
        values = self.rng.normal(0, self.pick([0.1, 0.6, 2.0]), shape)
        kind = self.rng.random(shape)
        values = np.where(kind < 0.15, 0.0, values)
        return np.where(kind > 0.85, np.exp2(np.rint(4 * kind)) / 8, values)

    def add(self, made: Made, inputs: tuple[Tensor, ...]) -> bool:
        """Add a layer where it can be; the network is as it was where it cannot."""
        class_name, config, weights = made
        name = f"{class_name.lower()}_{len(self.entries)}"
        entry = Entry(name, class_name, config, tuple(n for n, _ in inputs), (name,))
        shapes = [shape for _, shape in inputs]
        try:
            for part in read_layer(entry, lambda _: weights, generation=3):
                shapes = [part.layer.infer_shape(shapes)]
        except ModelError:  # arguments that do not fit the shape
            return False
        if not 1 <= int(np.prod(shapes[0])) <= MOST_ELEMENTS or 0 in shapes[0]:
            return False
        self.entries.append(entry)
        self.weights[name] = weights
        self.tensors.append((name, shapes[0]))
        return True


@dataclass(frozen=True)
class Network:
    """A model with its configuration. ``seed`` makes it again."""

    seed: int
    graph: ModelGraph
    config: HLSConfig
    with_data: bool


def random_network(seed: int) -> Network:
    """The network of a seed."""
    rng = np.random.default_rng(seed)
    draft = Draft(rng)
    for number in range(1 if rng.random() < 0.8 else 2):
        shape = _input_shape(draft)
        name = f"x{number}"
        attributes = {"batch_shape": [None, *shape]}
        draft.entries.append(Entry(name, "InputLayer", attributes, (), (name,)))
        draft.weights[name] = {}
        draft.tensors.append((name, shape))
    inputs = [name for name, _ in draft.tensors]
    first = draft.tensors[0]
    if len(first[1]) == 1 and draft.flip(0.2):
        draft.add(embedding(draft, first[1]), (first,))
    for _ in range(draft.whole(1, 7)):
        _grow(draft)
    graph = _finish(draft, inputs)
    return Network(seed, graph, _config(draft, graph), draft.flip())


def _input_shape(draft: Draft) -> Shape:
    rank = draft.pick([1, 2, 2, 3, 3, 3])
    most = {1: 12, 2: 7, 3: 5}[rank]
    return tuple(draft.whole(1, most) for _ in range(rank))


def _grow(draft: Draft) -> None:
    for _ in range(TRIES):
        recent = draft.tensors[-1 if draft.flip(0.7) else draft.whole(0, len(draft.tensors) - 1)]
        if draft.flip(0.2):
            if _merge(draft, recent):
                return
            continue
        make = draft.pick(BY_RANK.get(len(recent[1]), ANY_RANK))
        if draft.add(make(draft, recent[1]), (recent,)):
            return


def _finish(draft: Draft, inputs: list[str]) -> ModelGraph:
    """All tensors that nobody reads are outputs, up to three; inputs that lead nowhere go."""
    read = {i for e in draft.entries for i in e.inputs}
    ends = [name for name, _ in draft.tensors if name not in read][-3:]
    needed = set(ends)
    for entry in reversed(draft.entries):
        if entry.name in needed:
            needed.update(entry.inputs)
    entries = tuple(e for e in draft.entries if e.name in needed)
    used = tuple(i for i in inputs if i in needed)
    architecture = Architecture("network", entries, used, tuple(ends), generation=3)
    return build(architecture, lambda entry: draft.weights[entry.name])


# -- layers of one input: (draft, shape) -> class, attributes, weights ---------------------


def _activation(draft: Draft) -> dict[str, Any]:
    return {"activation": draft.pick(FUNCTIONS) if draft.flip(0.3) else "linear"}


def _bias(draft: Draft, channels: int) -> tuple[dict[str, Any], Weights]:
    if draft.flip(0.25):
        return {"use_bias": False}, {}
    return {"use_bias": True}, {"bias": draft.values(channels)}


def dense(draft: Draft, shape: Shape) -> Made:
    units = draft.whole(1, 6)
    flag, bias = _bias(draft, units)
    weights = {"kernel": draft.values(shape[-1], units), **bias}
    return "Dense", {"units": units, **flag, **_activation(draft)}, weights


def _window(draft: Draft, rank: int, dilated: bool = True) -> dict[str, Any]:
    """Kernel, strides, dilation and padding; Keras has strides or dilation above 1, not both."""
    stretched = dilated and draft.flip(0.25)
    paddings = ["valid", "same", *(["causal"] if rank == 1 and dilated else [])]
    return {
        "kernel_size": [draft.whole(1, 3) for _ in range(rank)],
        "strides": [1 if stretched else draft.whole(1, 3) for _ in range(rank)],
        "dilation_rate": [draft.whole(1, 3) if stretched else 1 for _ in range(rank)],
        "padding": draft.pick(paddings),
    }


def conv(draft: Draft, shape: Shape) -> Made:
    rank, channels = len(shape) - 1, shape[-1]
    groups = draft.pick([g for g in range(1, channels + 1) if channels % g == 0])
    filters = groups * draft.whole(1, max(1, 4 // groups))
    window = _window(draft, rank)
    flag, bias = _bias(draft, filters)
    kernel = draft.values(*window["kernel_size"], channels // groups, filters)
    config = {**window, "filters": filters, "groups": groups, **flag, **_activation(draft)}
    return f"Conv{rank}D", config, {"kernel": kernel, **bias}


def depthwise(draft: Draft, shape: Shape) -> Made:
    rank, channels, multiplier = len(shape) - 1, shape[-1], draft.whole(1, 2)
    window = {**_window(draft, rank), "padding": draft.pick(["valid", "same"])}
    window["strides"] = [window["strides"][0]] * rank
    flag, bias = _bias(draft, channels * multiplier)
    kernel = draft.values(*window["kernel_size"], channels, multiplier)
    config = {**window, "depth_multiplier": multiplier, **flag, **_activation(draft)}
    return f"DepthwiseConv{rank}D", config, {"depthwise_kernel": kernel, **bias}


def separable(draft: Draft, shape: Shape) -> Made:
    rank, channels = len(shape) - 1, shape[-1]
    multiplier, filters = draft.whole(1, 2), draft.whole(1, 4)
    window = _window(draft, rank)
    window["strides"] = [window["strides"][0]] * rank
    flag, bias = _bias(draft, filters)
    weights = {
        "depthwise_kernel": draft.values(*window["kernel_size"], channels, multiplier),
        "pointwise_kernel": draft.values(*[1] * rank, channels * multiplier, filters),
    }
    config = {**window, "depth_multiplier": multiplier, "filters": filters, **flag}
    return f"SeparableConv{rank}D", config, {**weights, **bias}


def transposed(draft: Draft, shape: Shape) -> Made:
    rank, channels, filters = len(shape) - 1, shape[-1], draft.whole(1, 3)
    window = _window(draft, rank, dilated=False)
    flag, bias = _bias(draft, filters)
    kernel = draft.values(*window["kernel_size"], filters, channels)
    config = {**window, "filters": filters, **flag}
    return f"Conv{rank}DTranspose", config, {"kernel": kernel, **bias}


def pooling(draft: Draft, shape: Shape) -> Made:
    rank = len(shape) - 1
    kind = draft.pick(["Max", "Average"])
    if draft.flip(0.2):
        return f"Global{kind}Pooling{rank}D", {"keepdims": draft.flip()}, {}
    size = [draft.whole(1, 3) for _ in range(rank)]
    strides = None if draft.flip() else [draft.whole(1, 3) for _ in range(rank)]
    config = {"pool_size": size, "strides": strides, "padding": draft.pick(["valid", "same"])}
    return f"{kind}Pooling{rank}D", config, {}


def batchnorm(draft: Draft, shape: Shape) -> Made:
    axis = draft.whole(1, len(shape)) if draft.flip(0.3) else -1
    n = shape[axis - 1 if axis > 0 else -1]
    weights = {
        "gamma": draft.values(n),
        "beta": draft.values(n),
        "moving_mean": draft.values(n),
        "moving_variance": draft.rng.uniform(0.1, 4, n),
    }
    return "BatchNormalization", {"axis": axis, "epsilon": 1e-3}, weights


def layernorm(draft: Draft, shape: Shape) -> Made:
    weights = {"gamma": draft.values(shape[-1]), "beta": draft.values(shape[-1])}
    return "LayerNormalization", {"axis": -1, "epsilon": 1e-3}, weights


def function(draft: Draft, shape: Shape) -> Made:
    del shape
    return "Activation", {"activation": draft.pick(FUNCTIONS)}, {}


def rectifier(draft: Draft, shape: Shape) -> Made:
    kind = draft.pick(["ReLU", "LeakyReLU", "ELU", "PReLU", "Softmax"])
    if kind == "ReLU":
        top = draft.pick([None, 1.5, 6.0])
        slope, threshold = draft.pick([0.0, 0.25, 0.1]), draft.pick([0.0, 0.5])
        return kind, {"max_value": top, "negative_slope": slope, "threshold": threshold}, {}
    if kind == "PReLU":
        return kind, {}, {"alpha": draft.values(*shape)}
    if kind == "Softmax":
        return kind, {"axis": draft.pick([-1, *range(1, len(shape) + 1)])}, {}
    return kind, {"alpha": draft.pick([0.25, 0.3, 1.0])}, {}


QUANTIZERS = (
    "quantized_bits(4,1,alpha=1)", "quantized_bits(6,0,1,alpha=1)", "quantized_relu(4,1)",
    "quantized_relu(3,3,negative_slope=0.25)", "binary(alpha=1)", "ternary(alpha=1)",
    "quantized_po2(4)", "quantized_relu_po2(4)", "quantized_tanh(5)", "quantized_sigmoid(5)",
    "quantized_ulaw(5,1)",
)  # fmt: skip


def quantized_activation(draft: Draft, shape: Shape) -> Made:
    del shape
    return "QActivation", {"activation": draft.pick(QUANTIZERS)}, {}


def quantized_elements(draft: Draft, shape: Shape) -> Made:
    """HGQ's quantizer with a width of its own for each element, some of them 0."""
    rng, whole = draft.rng, (1, *shape)
    bits = np.where(rng.random(whole) < 0.1, 0, rng.integers(1, 9, whole)).astype(float)
    weights = {
        "keep_negative": rng.integers(0, 2, whole).astype(float),
        "bits": bits,
        "integers": rng.integers(-1, 5, whole).astype(float),
    }
    modes = {"RND": draft.pick(["TRN", "RND", "RND_CONV"]), "SAT": draft.pick(["WRAP", "SAT"])}
    return "FixedPointQuantizer", modes, weights


def embedding(draft: Draft, shape: Shape) -> Made:
    del shape
    rows, width = draft.whole(1, 9), draft.whole(1, 3)
    config = {"input_dim": rows, "output_dim": width}
    return "Embedding", config, {"embeddings": draft.values(rows, width)}


def quantized_dense(draft: Draft, shape: Shape) -> Made:
    units = draft.whole(1, 5)
    quantizer = draft.pick(["quantized_bits(4,0,alpha=1)", "ternary(alpha=1)", "quantized_po2(4)"])
    config = {"units": units, "use_bias": False, "kernel_quantizer": quantizer}
    return "QDense", config, {"kernel": draft.values(shape[-1], units)}


def quantized_conv(draft: Draft, shape: Shape) -> Made:
    rank = len(shape) - 1
    window, filters = _window(draft, rank), draft.whole(1, 4)
    quantizer = draft.pick(
        ["quantized_bits(5,1,alpha=1)", "binary(alpha=1)", "quantized_bits(4,4,0)"]
    )
    kernel = draft.values(*window["kernel_size"], shape[-1], filters)
    config = {**window, "filters": filters, "kernel_quantizer": quantizer, "use_bias": False}
    return f"QConv{rank}D", config, {"kernel": kernel}


def flatten(draft: Draft, shape: Shape) -> Made:
    del draft, shape
    return "Flatten", {}, {}


def reshape(draft: Draft, shape: Shape) -> Made:
    size = int(np.prod(shape))
    last = draft.pick([d for d in range(1, size + 1) if size % d == 0])
    return "Reshape", {"target_shape": [size // last, last]}, {}


def permute(draft: Draft, shape: Shape) -> Made:
    return "Permute", {"dims": [int(i) + 1 for i in draft.rng.permutation(len(shape))]}, {}


def repeat(draft: Draft, shape: Shape) -> Made:
    del shape
    return "RepeatVector", {"n": draft.whole(1, 3)}, {}


def _pairs(draft: Draft, rank: int) -> list[Any]:
    pairs = [[draft.whole(0, 2), draft.whole(0, 2)] for _ in range(rank)]
    return pairs[0] if rank == 1 else pairs


def padding(draft: Draft, shape: Shape) -> Made:
    rank = len(shape) - 1
    return f"ZeroPadding{rank}D", {"padding": _pairs(draft, rank)}, {}


def cropping(draft: Draft, shape: Shape) -> Made:
    rank = len(shape) - 1
    return f"Cropping{rank}D", {"cropping": _pairs(draft, rank)}, {}


def upsampling(draft: Draft, shape: Shape) -> Made:
    rank = len(shape) - 1
    size = [draft.whole(1, 2) for _ in range(rank)]
    return f"UpSampling{rank}D", {"size": size[0] if rank == 1 else size}, {}


Maker = Callable[[Draft, Shape], Made]

ANY_RANK: tuple[Maker, ...] = (
    dense, batchnorm, layernorm, function, rectifier, quantized_activation, quantized_dense,
    quantized_elements, flatten, reshape, permute,
)  # fmt: skip

ON_AXES: tuple[Maker, ...] = (
    *ANY_RANK, conv, conv, quantized_conv, depthwise, separable, transposed, pooling, pooling,
    padding, cropping, upsampling,
)  # fmt: skip

BY_RANK: Mapping[int, tuple[Maker, ...]] = {1: (*ANY_RANK, repeat), 2: ON_AXES, 3: ON_AXES}


def _merge(draft: Draft, tensor: Tensor) -> bool:
    """Two or three tensors, which fit, or broadcast, or are one and the same."""
    kind = draft.pick(
        ["Add", "Subtract", "Multiply", "Average", "Maximum", "Minimum", "Concatenate", "Dot"]
    )
    rank = len(tensor[1])
    others = [t for t in draft.tensors if len(t[1]) == rank]
    count = 2 if kind in ("Subtract", "Dot") else draft.pick([2, 2, 3])
    chosen = (tensor, *(draft.pick(others) for _ in range(count - 1)))
    config: dict[str, Any] = {}
    if kind == "Concatenate":
        config = {"axis": draft.pick([-1, *range(1, rank + 1)])}
    if kind == "Dot":
        config = {"axes": draft.pick([-1, 1]), "normalize": False}
    return draft.add((kind, config, {}), chosen)


# -- configurations ------------------------------------------------------------------------


def _config(draft: Draft, graph: ModelGraph) -> HLSConfig:
    default = draft.pick([Auto(16), Auto(8), Auto(5), _type(draft), _type(draft)])
    layers: dict[str, dict[str, object]] = {}
    for node in graph.nodes:
        if draft.flip(0.3):
            constants = [k for k in node.layer.parameters() if k in ("weight", "bias")]
            key = draft.pick(["result", *constants])
            wanted = _type(draft) if draft.flip(0.7) else Auto(draft.whole(2, 12))
            layers[node.name] = {"precision": {key: wanted}}
    model = LayerConfig(
        default_precision=default,
        strategy=draft.pick([Strategy.LATENCY, Strategy.RESOURCE]),
        table_size=draft.pick([None, None, 16, 100]),
    )
    return HLSConfig(model, layers=layers, io_type=draft.pick(list(IOType)))


def _type(draft: Draft) -> Fixed:
    width, signed = draft.whole(1, 40 if draft.flip(0.1) else 14), draft.flip(0.7)
    overflows = [o for o in Overflow if signed or o is not Overflow.WRAP_SM]
    integer = draft.whole(-2, width + 2)
    return Fixed(width, integer, signed, draft.pick(list(Rounding)), draft.pick(overflows))
