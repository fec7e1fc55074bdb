"""Random ONNX networks: whatever the order of axes on the way, the outputs are onnxruntime's."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from harness import check_float
from onnx_models import Graph, run, saved

from converter.frontends import load

pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")

Tensor = tuple[str, tuple[int, ...]]


def conv(g: Graph, x: Tensor) -> Tensor:
    name, (c, *sizes) = x
    filters, kernel = int(g.rng.integers(1, 4)), [int(g.rng.integers(1, n + 1)) for n in sizes]
    kernel = [min(k, 3) for k in kernel]
    y = g("Conv", name, g.weights(filters, c, *kernel))
    return y, (filters, *(n - k + 1 for n, k in zip(sizes, kernel, strict=True)))


def pool(g: Graph, x: Tensor) -> Tensor:
    name, shape = x
    pads = [1] * 2 * len(shape[1:])
    y = g("MaxPool", name, kernel_shape=[3] * len(shape[1:]), pads=pads)
    return y, shape


def turn(g: Graph, x: Tensor) -> Tensor:
    name, shape = x
    perm = g.rng.permutation(len(shape))
    y = g("Transpose", name, perm=[0, *(int(p) + 1 for p in perm)])
    return y, tuple(shape[p] for p in perm)


def scale(g: Graph, x: Tensor) -> Tensor:
    name, shape = x
    axis = int(g.rng.integers(len(shape)))
    constant = g.weights(*(n if k == axis else 1 for k, n in enumerate(shape)))
    return g("Mul", name, constant), shape


def add_turned(g: Graph, x: Tensor) -> Tensor:
    """The tensor plus the same after another way round."""
    name, shape = x
    other, turned = turn(g, x)
    back = [0, *(turned.index(n) + 1 for n in shape)]
    if len(set(shape)) < len(shape):
        return g("Add", name, g("Relu", name)), shape
    return g("Add", g("Transpose", other, perm=back), name), shape


def concat(g: Graph, x: Tensor) -> Tensor:
    name, shape = x
    axis = int(g.rng.integers(len(shape)))
    y = g("Concat", g("Relu", name), name, axis=axis + 1)
    return y, tuple(2 * n if k == axis else n for k, n in enumerate(shape))


def relu(g: Graph, x: Tensor) -> Tensor:
    return g("Relu", x[0]), x[1]


def dense(g: Graph, x: Tensor) -> Tensor:
    name, shape = x
    return g("MatMul", name, g.weights(shape[-1], 3)), (*shape[:-1], 3)


def reshape(g: Graph, x: Tensor) -> Tensor:
    """The first two axes as one, and apart again the other way round."""
    name, (a, b, *rest) = x
    joined = g("Reshape", name, [0, a * b, *rest])
    return g("Reshape", joined, [-1, b, a, *rest]), (b, a, *rest)


def flat(g: Graph, x: Tensor) -> Tensor:
    """A vector, and functions that keep its order."""
    name, shape = x
    size = int(np.prod(shape))
    y = g("Add", g("Flatten", name), g.weights(size))
    y = g("PRelu", y, g.weights(size))
    return (y, (size,)) if g.rng.random() < 0.5 else (g("Gemm", y, g.weights(size, 4)), (4,))


STEPS = (conv, pool, turn, turn, scale, add_turned, concat, relu, dense, reshape)


@pytest.mark.parametrize("seed", range(40))
def test_a_random_network(tmp_path: Path, seed: int):
    g = Graph(np.random.default_rng(seed))
    shape = [(2, 3, 4), (3, 4, 2), (3, 5)][seed % 3]
    tensor: Tensor = ("x", shape)
    for _ in range(7):
        tensor = g.rng.choice(np.array(STEPS, object))(g, tensor)
    if seed % 2:
        tensor = flat(g, tensor)
    path = saved(g, {"x": ("N", *shape)}, [tensor[0]], tmp_path / "m.onnx")
    x = {"x": g.rng.integers(-512, 512, (8, *shape)) / 256}
    check_float(load(path), x, run(path, x))
