"""Random designs for ``yosys_table.py``: one kind of layer at work, or a small network.

A design is drawn from its number alone, so that the same number is the same design everywhere.
Weights are random, as the figures depend on how many there are and how wide, not on what
they compute.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt

from converter import apply
from converter.config import Auto, HLSConfig, LayerConfig
from converter.graph import Implementation, IOType, ModelGraph, Node, Strategy, TypedGraph
from converter.layers.activation import Function, HardSwish, Relu
from converter.layers.base import Layer
from converter.layers.batchnorm import BatchNormalization
from converter.layers.concatenate import Concatenate
from converter.layers.conv import Conv
from converter.layers.dense import Dense
from converter.layers.dot import Dot
from converter.layers.embedding import Embedding
from converter.layers.functions import Kind
from converter.layers.geometry import Geometry, Padding
from converter.layers.hgq_elements import ElementQuantizer, ElementTypes
from converter.layers.input import Input
from converter.layers.layernorm import LayerNormalization
from converter.layers.merge import Merge, Merging
from converter.layers.padding import UpSampling, ZeroPadding
from converter.layers.pooling import Pool, Pooling
from converter.layers.prelu import PReLU
from converter.layers.reshape import Flatten
from converter.layers.softmax import Softmax
from converter.types import Fixed, Overflow, Rounding
from converter.units.product import MatrixProduct

PARTS = ("xc7z020", "xc7k325t", "xcku060", "xcku115", "xczu9eg", "xcvu9p", "xcvu13p")
CLOCKS_NS = (3.0, 4.0, 5.0, 8.0, 12.0)

SMOOTH = (Kind.SIGMOID, Kind.TANH, Kind.SOFTPLUS, Kind.SWISH, Kind.GELU, Kind.ELU, Kind.SELU)

Rng = np.random.Generator
Real = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Design:
    """One random network with its configuration; ``built``: draws each stage's hardware.

    ``unrolled``: the share of stages with products that do not share multipliers.
    """

    name: str
    kind: str
    seed: tuple[int, ...]
    graph: ModelGraph
    config: HLSConfig
    part: str
    clock_period_ns: float
    unrolled: float = 0.5
    distributed: float = 0.2


@dataclass
class Net:
    """A network as it grows. ``stream``: tensors travel in beats."""

    random: Rng
    weight_bits: int
    bits: int
    sparsity: float
    stream: bool = False
    nodes: list[Node] = field(default_factory=list)

    def input(self, *shape: int) -> str:
        """A new input."""
        return self.add(Input(shape))

    def add(self, layer: Layer, *inputs: str) -> str:
        """A layer on ``inputs``, by default the newest node; returns its name."""
        source = layer.arity == (0, 0)
        names = inputs or (() if source else (self.nodes[-1].name,))
        shapes = [self.shape(name) for name in names]
        name = f"{type(layer).__name__.lower()}{len(self.nodes)}"
        self.nodes.append(Node(name, layer, names, layer.infer_shape(shapes)))
        return name

    def shape(self, name: str = "") -> tuple[int, ...]:
        """Shape of a node, by default of the newest."""
        return next(n.shape for n in reversed(self.nodes) if name in ("", n.name))

    def weights(self, *shape: int) -> Real:
        """Uniform in -1 … 1, some of them zero, but not all of an input or of an output."""
        values = self.random.uniform(-1, 1, shape)
        if len(shape) == 1:
            return values
        zero = self.random.random(shape) < self.sparsity
        rows = np.arange(max(shape[-2:]))
        zero[..., rows % shape[-2], rows % shape[-1]] = False
        values[zero] = 0
        return values

    def some(self, low: int, high: int) -> int:
        """Log-uniform: as many small ones as large ones."""
        return round(float(np.exp(self.random.uniform(np.log(low), np.log(high)))))

    def dense(self, size: int, *inputs: str) -> str:
        """A dense layer on the last axis."""
        last = self.shape(*inputs[:1])[-1]
        return self.add(Dense(self.weights(last, size), self.weights(size)), *inputs)

    def conv(self, rank: int, filters: int, kernel: int, depthwise: bool = False) -> str:
        """A convolution of random stride and padding."""
        pair = (1, kernel) if rank == 1 else (kernel, kernel)
        stride = int(self.random.choice([1, 1, 2]))
        strides = (1, stride) if rank == 1 else (stride, stride)
        padding = Padding.SAME if self.random.random() < 0.4 else Padding.VALID
        channels = self.shape()[-1]
        weights = self.weights(*pair[2 - rank :], channels, filters)
        size = channels * filters if depthwise else filters
        return self.add(
            Conv(
                weights,
                self.weights(size),
                geometry=Geometry(rank, pair, strides, padding=padding),
                depthwise=depthwise,
                class_name=f"{'Depthwise' if depthwise else ''}Conv{rank}D",
            )
        )

    def relu(self) -> str:
        """A rectifier, sometimes with a limit."""
        return self.add(Relu(max_value=6.0 if self.random.random() < 0.2 else None))


def _dense(net: Net) -> None:
    net.input(net.some(4, 24))
    net.dense(net.some(4, 32))


def _dense_large(net: Net) -> None:
    """Much to share."""
    net.input(net.some(16, 96))
    net.dense(net.some(8, 48))


def _network(net: Net) -> None:
    net.input(net.some(4, 16))
    for _ in range(int(net.random.integers(2, 5))):
        net.dense(net.some(4, 24))
        net.relu()


def _classifier(net: Net) -> None:
    net.input(net.some(4, 16))
    net.dense(net.some(4, 20))
    net.add(BatchNormalization(net.random.uniform(0.5, 2, net.shape()), net.weights(*net.shape())))
    net.relu()
    net.dense(net.some(2, 8))
    net.add(Softmax())


def _activation(net: Net) -> None:
    net.input(net.some(4, 64))
    net.add(Relu(negative_slope=(0.0, 0.25, 0.3)[int(net.random.integers(3))]))
    if net.random.random() < 0.5:
        net.add(PReLU(net.random.uniform(0, 1, net.shape())))


def _gate(net: Net) -> None:
    """X min(max(a x + b, 0), 1)."""
    net.input(net.some(4, 32))
    net.add(HardSwish())


def _curve(net: Net) -> None:
    net.input(net.some(2, 16))
    net.add(Function(SMOOTH[int(net.random.integers(len(SMOOTH)))]))


def _softmax(net: Net) -> None:
    net.input(net.some(3, 16))
    net.add(Softmax())


def _batchnorm(net: Net) -> None:
    net.input(net.some(4, 48))
    size = net.shape()
    net.add(BatchNormalization(net.random.uniform(-2, 2, size), net.weights(*size)))
    net.relu()


def _elements(net: Net) -> None:
    """A type for each element, as HGQ trains them."""
    size = net.some(6, 24)
    net.input(size)
    net.add(ElementQuantizer(_element_types(net, size)))
    kernel = np.round(net.weights(size, net.some(4, 20)) * 16) / 16
    net.add(Dense(kernel, np.round(net.weights(kernel.shape[1]) * 16) / 16))
    net.add(ElementQuantizer(_element_types(net, kernel.shape[1])))


def _element_types(net: Net, size: int) -> ElementTypes:
    fraction = net.random.integers(1, max(2, net.bits - 2), size)
    integer = net.random.integers(0, 3, size)
    signed = np.ones(size, np.int64)
    return ElementTypes(signed, fraction, integer, Rounding.RND, Overflow.SAT)


def _conv1d(net: Net) -> None:
    net.input(net.some(6, 16), net.some(1, 4))
    net.conv(1, net.some(2, 8), int(net.random.integers(2, 5)))
    net.relu()


def _conv2d(net: Net) -> None:
    side = net.some(4, 8)
    net.input(side, side, net.some(1, 3))
    net.conv(2, net.some(2, 6), int(net.random.integers(2, 4)))
    net.relu()


def _depthwise(net: Net) -> None:
    side = net.some(4, 7)
    net.input(side, side, net.some(2, 4))
    net.conv(2, 1, int(net.random.integers(2, 4)), depthwise=True)
    net.relu()


def _pointwise(net: Net) -> None:
    """A dense layer at each position."""
    net.input(net.some(3, 10), net.some(2, 8))
    net.dense(net.some(2, 10))
    net.relu()


def _pooling(net: Net) -> None:
    rank = int(net.random.integers(1, 3))
    side, channels = net.some(4, 12), net.some(1, 6)
    net.input(*((side,) if rank == 1 else (side, side)), channels)
    pool = Pool.MAX if net.random.random() < 0.5 else Pool.AVERAGE
    if net.random.random() < 0.3:
        net.add(Pooling(pool, rank, f"Global{pool.name.title()}Pooling{rank}D"))
        return
    kernel = int(net.random.integers(2, 4))
    pair = (1, kernel) if rank == 1 else (kernel, kernel)
    geometry = Geometry(rank, pair, pair)
    net.add(Pooling(pool, rank, f"{pool.name.title()}Pooling{rank}D", geometry))


def _merge(net: Net) -> None:
    shape = _tensor(net)
    inputs = [net.input(*shape) for _ in range(int(net.random.integers(2, 4)))]
    kind = list(Merging)[int(net.random.integers(len(Merging)))]
    net.add(Merge(kind), *(inputs[:2] if kind is Merging.SUBTRACT else inputs))
    if net.random.random() < 0.5:
        net.relu()


def _residual(net: Net) -> None:
    start = net.input(net.some(6, 16))
    net.dense(net.shape()[-1])
    net.relu()
    net.add(Merge(Merging.ADD), start, net.nodes[-1].name)
    net.dense(net.some(4, 12))


def _concatenate(net: Net) -> None:
    first = net.input(net.some(3, 12))
    second = net.input(net.some(3, 12))
    one, other = net.dense(net.some(3, 10), first), net.dense(net.some(3, 10), second)
    net.add(Concatenate(), one, other)
    net.relu()


def _padding(net: Net) -> None:
    side = net.some(3, 5)
    net.input(side, side, net.some(1, 3))
    net.relu()
    pads = net.random.integers(0, 2, (2, 2)).tolist()
    up = net.random.random() < 0.4
    net.add(UpSampling((2, 2)) if up else ZeroPadding(tuple((int(a), int(b)) for a, b in pads)))
    net.conv(2, net.some(1, 4), 2)
    net.add(Function(Kind.TANH)) if net.random.random() < 0.3 else net.relu()


def _layernorm(net: Net) -> None:
    size = net.some(3, 10)
    net.input(size)
    gamma, beta = net.random.uniform(0.5, 2, size), net.weights(size)
    net.add(LayerNormalization((-1,), 1e-3, gamma, beta))


def _embedding(net: Net) -> None:
    entries = net.some(8, 64)
    net.input(net.some(2, 8))
    net.add(Embedding(net.random.uniform(-1, 1, (entries, net.some(2, 8)))))
    net.add(Flatten())
    net.dense(net.some(3, 8))


def _dot(net: Net) -> None:
    rows, inner, columns = net.some(1, 3), net.some(2, 6), net.some(1, 3)
    left, right = net.input(rows, inner), net.input(columns, inner)
    net.add(Dot((-1, -1)), left, right)


def _cnn(net: Net) -> None:
    side = net.some(5, 8)
    net.input(side, side, 1)
    net.conv(2, net.some(2, 4), 3)
    net.relu()
    if min(net.shape()[:2]) >= 2:
        net.add(Pooling(Pool.MAX, 2, "MaxPooling2D", Geometry(2, (2, 2), (2, 2))))
    net.add(Flatten())
    net.dense(net.some(2, 6))


def _stream_network(net: Net) -> None:
    net.input(net.some(6, 16), net.some(1, 4))
    net.conv(1, net.some(2, 6), 3)
    net.relu()
    net.add(Pooling(Pool.MAX, 1, "MaxPooling1D", Geometry(1, (1, 2), (1, 2))))
    net.add(Pooling(Pool.AVERAGE, 1, "GlobalAveragePooling1D"))
    net.dense(net.some(2, 8))


def _tensor(net: Net) -> tuple[int, ...]:
    if net.random.random() < 0.6:
        return (net.some(4, 32),)
    return net.some(3, 6), net.some(2, 6)


KINDS: dict[str, tuple[Callable[[Net], None], bool]] = {
    "dense": (_dense, False),
    "conv2d": (_conv2d, False),
    "activation": (_activation, False),
    "dense_large": (_dense_large, False),
    "curve": (_curve, False),
    "conv2d_stream": (_conv2d, True),
    "network": (_network, False),
    "pooling": (_pooling, False),
    "elements": (_elements, False),
    "network_stream": (_network, True),
    "merge": (_merge, False),
    "softmax": (_softmax, False),
    "cnn": (_cnn, False),
    "classifier": (_classifier, False),
    "conv1d_stream": (_conv1d, True),
    "batchnorm": (_batchnorm, False),
    "conv1d": (_conv1d, False),
    "residual": (_residual, False),
    "pooling_stream": (_pooling, True),
    "depthwise": (_depthwise, False),
    "concatenate": (_concatenate, False),
    "layernorm": (_layernorm, False),
    "pointwise_stream": (_pointwise, True),
    "padding": (_padding, False),
    "merge_stream": (_merge, True),
    "pointwise": (_pointwise, False),
    "embedding": (_embedding, False),
    "depthwise_stream": (_depthwise, True),
    "dot": (_dot, False),
    "gate": (_gate, False),
    "residual_stream": (_residual, True),
    "cnn_stream": (_cnn, True),
    "padding_stream": (_padding, True),
    "stream_network": (_stream_network, True),
}
"""By name, what draws the network, and whether its tensors travel in beats."""


def design(number: int, attempt: int = 0) -> Design:
    """The design of a number; another of the same kind for each ``attempt``."""
    names = tuple(KINDS)
    kind = names[number % len(names)]
    make, stream = KINDS[kind]
    random = np.random.default_rng([number, attempt])
    net = Net(
        random,
        weight_bits=int(random.integers(3, 11)),
        bits=int(random.integers(5, 15)),
        sparsity=float(random.choice([0.0, 0.0, 0.3, 0.5, 0.7])),
        stream=stream,
    )
    make(net)
    name = f"{kind}_{number:04d}" + (f"_{attempt}" if attempt else "")
    return Design(
        name,
        kind,
        (number, attempt),
        ModelGraph(name, tuple(net.nodes), (net.nodes[-1].name,)),
        _config(net),
        part=str(random.choice(PARTS)),
        clock_period_ns=float(random.choice(CLOCKS_NS)),
        unrolled=0.1 if kind == "dense_large" else 0.5,
    )


def _config(net: Net) -> HLSConfig:
    """Weights of ``weight_bits``, results of up to ``bits``; embeddings read whole numbers."""
    weight = Fixed(net.weight_bits, 1, True)
    trained = any(n.layer.bit_exact for n in net.nodes)  # it has types of its own
    model = LayerConfig(
        precision={} if trained else {"weight": weight},
        default_precision=Auto(net.bits),
        table_size=256,
    )
    layers: dict[str, dict[str, object]] = {}
    for node in net.nodes:
        if isinstance(node.layer, Input):
            embedded = any(isinstance(n.layer, Embedding) for n in net.nodes)
            used = Fixed(6, 6, False) if embedded else Fixed(net.bits, min(3, net.bits), True)
            layers[node.name] = {"precision": {"result": used}}
    io_type = IOType.STREAM if net.stream else IOType.PARALLEL
    return HLSConfig(model, layers=layers, io_type=io_type)


def typed_graph(design: Design) -> TypedGraph:
    """Integers, with hardware drawn for each stage."""
    typed = apply(design.graph, design.config)
    random = np.random.default_rng([*design.seed, 7])
    choices = {}
    for stage in typed.stages:
        choices[stage.name] = _choice(design, typed.legal(stage.name), stage.unit, random)
    return typed.with_hardware(choices)


def _choice(
    design: Design, legal: Sequence[Implementation], unit: object, random: Rng
) -> Implementation:
    """Any legal one, the first more often; distributed arithmetic, which no unit lists."""
    at, first, other = int(random.integers(len(legal))), random.random(), random.random()
    if isinstance(unit, MatrixProduct) and other < design.distributed:
        return replace(legal[0], strategy=Strategy.DISTRIBUTED_ARITHMETIC)
    return legal[0] if first < design.unrolled else legal[at]
