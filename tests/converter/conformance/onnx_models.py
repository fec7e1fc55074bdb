"""ONNX models for tests, node by node, and what onnxruntime computes of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from converter.errors import DseError, ModelError
from converter.frontends import load

ROWS = 24
OPSET = 17
IR_VERSION = 8


@dataclass
class Graph:
    """A graph that grows: ``graph("Relu", x, alpha=1.0)`` adds a node and gives its output."""

    rng: np.random.Generator = field(default_factory=lambda: np.random.default_rng(0))
    nodes: list[Any] = field(default_factory=list)
    constants: list[Any] = field(default_factory=list)

    def __call__(self, op: str, *inputs: Any, name: str = "", outputs: int = 1, **attributes: Any):
        from onnx import helper

        names = [i if isinstance(i, str) else self.constant(i) for i in inputs]
        made = [f"t{len(self.nodes)}_{k}" for k in range(outputs)]
        node = helper.make_node(op, names, made, name=name, **attributes)
        self.nodes.append(node)
        return made[0] if outputs == 1 else made

    def constant(self, values: Any) -> str:
        """An initializer; floats are float32, and whole numbers int64."""
        from onnx import numpy_helper

        array = np.asarray(values)
        dtype = np.float32 if array.dtype.kind == "f" else np.int64
        name = f"c{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(array.astype(dtype), name))
        return name

    def weights(self, *shape: int) -> np.ndarray:
        """Of both signs, none of them small."""
        values = self.rng.uniform(0.2, 1.0, shape) * self.rng.choice([-1, 1], shape)
        return values.astype(np.float32)


@dataclass(frozen=True)
class Case:
    """``build(graph, *inputs)`` gives the output's name; ``inputs`` are shapes without batch."""

    inputs: tuple[tuple[int, ...], ...]
    build: Callable[..., str]
    tolerance: float = 1e-5


def case(shape: Any, build: Callable[..., str], tolerance: float = 1e-5) -> Case:
    """A case of one input of ``shape``, or of several for a list of shapes."""
    return Case(tuple(shape) if isinstance(shape, list) else (shape,), build, tolerance)


def saved(graph: Graph, inputs: Mapping[str, Any], outputs: list[str], path: Path, **more: Any):
    """The model's file. ``inputs``: shapes with the batch's axis; ``more``: opset, kinds."""
    import onnx
    from onnx import TensorProto, helper

    kinds = more.get("kinds", {})
    given = [
        helper.make_tensor_value_info(n, kinds.get(n, TensorProto.FLOAT), s)
        for n, s in inputs.items()
    ]
    found = [helper.make_tensor_value_info(n, TensorProto.FLOAT, None) for n in outputs]
    body = helper.make_graph(graph.nodes, "cases", given, found, graph.constants)
    opset = helper.make_opsetid("", more.get("opset", OPSET))
    model = helper.make_model(body, opset_imports=[opset], ir_version=more.get("ir", IR_VERSION))
    onnx.save(model, path)
    return path


def run(path: Path, x: Mapping[str, np.ndarray]) -> list[np.ndarray]:
    """Outputs of onnxruntime."""
    runtime = pytest.importorskip("onnxruntime")
    options = runtime.SessionOptions()
    options.log_severity_level = 3
    session = runtime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    y = session.run(None, {n: np.float32(v) for n, v in x.items()})
    return [np.float64(v) for v in y]


def save_cases(cases: Mapping[str, Case], folder: Path, opset: int, seed: int = 0):
    """One model of all cases: its file, its inputs by name, and the outputs."""
    graph, inputs, outputs = Graph(np.random.default_rng(seed)), {}, []
    for name, one in cases.items():
        names = [f"{name}_x{k}" for k in range(len(one.inputs))]
        inputs |= dict(zip(names, one.inputs, strict=True))
        outputs.append(one.build(graph, *names))
    shapes = {n: ("N", *s) for n, s in inputs.items()}
    path = saved(graph, shapes, outputs, folder / "model.onnx", opset=opset)
    x = {n: graph.rng.integers(-512, 512, (ROWS, *s)) / 256 for n, s in inputs.items()}
    return path, x, run(path, x)


def one(folder: Path, build, shape=("N", 4), **more) -> Path:
    """A model of one input, x, and one output."""
    graph = Graph()
    output = build(graph, "x")
    outputs = output if isinstance(output, list) else [output]
    return saved(graph, {"x": shape}, outputs, folder / "m.onnx", **more)


def refused(message: str, path: Path, kind: type[DseError] = ModelError) -> None:
    """Loading fails with one short line that matches ``message``."""
    with pytest.raises(kind, match=message) as caught:
        load(path)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 1000


def edited(folder: Path, change, build=None) -> Path:
    """A good model, and then ``change`` of its protocol buffer."""
    import onnx

    path = one(folder, build or (lambda g, x: g("Relu", g("Gemm", x, g.weights(4, 3)))))
    model = onnx.load(path)
    change(model)
    path.write_bytes(model.SerializeToString())
    return path
