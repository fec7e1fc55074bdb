"""ONNX files, of the operators in ``OPERATORS``."""

from __future__ import annotations

import difflib
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from converter.errors import ModelError, UnsupportedError
from converter.frontends.architecture import needed
from converter.frontends.onnx_arithmetic import ARITHMETIC
from converter.frontends.onnx_build import Builder, Call, Reader, Value
from converter.frontends.onnx_constants import FOLDS, fold, read_constant, sizes_of
from converter.frontends.onnx_dense import read_gemm, read_matmul
from converter.frontends.onnx_file import OnnxModel, OnnxNode, read_onnx
from converter.frontends.onnx_functions import FUNCTIONS
from converter.frontends.onnx_shapes import SHAPES
from converter.frontends.onnx_windows import WINDOWS
from converter.graph import ModelGraph
from converter.layers.batchnorm import BatchNormalization
from converter.layers.conv import Conv
from converter.layers.dense import Dense
from converter.layers.identity import Identity
from converter.layers.input import Input
from converter.layers.spec import LayerSpec, shown
from converter.passes.rewrite import substitute, take_out

Array = npt.NDArray[Any]

OPERATORS: dict[str, Reader] = {
    **ARITHMETIC,
    **FUNCTIONS,
    **SHAPES,
    **WINDOWS,
    "Gemm": read_gemm,
    "MatMul": read_matmul,
}
"""What is read of tensors that depend on the inputs."""

SHOWN = tuple(sorted({*OPERATORS, *FOLDS, "Constant", "Shape"}))
"""All operators that are read; of ``FOLDS``, some of constants only."""


def load_onnx(path: Path) -> ModelGraph:
    """A model. Inputs are named as the file's tensors, layers as its nodes.

    Raises ModelError, UnsupportedError by the name of the node, and ConfigError where the package
    ``onnx`` is not there.
    """
    model = read_onnx(path)
    _check_operators(model)
    builder = Builder()
    values: dict[str, Value | Array] = dict(model.constants)
    for given in model.inputs:
        node = builder.add(f"{shown(given.name)} (input)", given.name, Input(given.shape))
        values[given.name] = replace(Value.plain(node, given.shape), whole=given.whole)
    for source in model.nodes:
        _read(source, model.opset, builder, values)
    return _with_biases(_graph(path, model, builder, values))


def _check_operators(model: OnnxModel) -> None:
    """Refuse the first operator that is not known, with the names of the others."""
    lost = [n for n in model.nodes if n.domain or n.op not in SHOWN]
    if not lost:
        return
    first, others = lost[0], sorted({n.op for n in lost} - {lost[0].op})
    origin = f" of {shown(first.domain)}" if first.domain else ""
    close = difflib.get_close_matches(first.op, SHOWN, 3, 0.7)
    raise UnsupportedError(
        f"{first.where}: this operator{origin} is not supported"
        + (f", nor {', '.join(shown(op, 20) for op in others[:5])}" if others else "")
        + (f"; the nearest are: {', '.join(close)}" if close and not first.domain else "")
        + f"; read are: {', '.join(OPERATORS)}"
    )


def _read(source: OnnxNode, opset: int, builder: Builder, values: dict[str, Value | Array]) -> None:
    """One node: its first output into ``values``."""
    spec = LayerSpec(source.name, source.op, source.attributes)
    for name in source.inputs:
        if name and name not in values:
            raise UnsupportedError(
                f"{source.where}: reads {shown(name)}, a further output of another node, which is "
                "not supported"
            )
    if not source.outputs or not source.outputs[0]:
        raise ModelError(f"{source.where}: has no output")
    inputs = tuple(values[name] if name else None for name in source.inputs)
    values[source.outputs[0]] = _computed(Call(source, opset, spec, inputs, builder))


def _computed(call: Call) -> Value | Array:
    source, inputs = call.source, call.inputs
    if source.op == "Constant":
        return read_constant(source, call.spec)
    if source.op == "Shape" and len(inputs) == 1 and isinstance(inputs[0], Value):
        return sizes_of(source, call.spec, inputs[0].shape)
    constants = [x for x in inputs if not isinstance(x, Value)]
    if len(constants) == len(inputs):
        return fold(source, call.spec, constants)
    if source.op not in OPERATORS:
        raise call.refused("is done of constants only")
    return OPERATORS[source.op](call)


def _graph(
    path: Path, model: OnnxModel, builder: Builder, values: dict[str, Value | Array]
) -> ModelGraph:
    """The nodes that the outputs need, which are in the file's order of axes."""
    outputs: list[str] = []
    for name in model.outputs:
        value = values.get(name)
        if not isinstance(value, Value) or value.whole:
            raise UnsupportedError(
                f"{path.name}: the output {shown(name)} is not computed from the inputs by what is "
                "read"
            )
        node = builder.plain(f"{shown(name)} (output)", value).node
        if node in outputs:
            node = builder.add(f"{shown(name)} (output)", name, Identity(), [node])
        outputs.append(node)
    used = needed(builder.nodes, tuple(outputs))
    for given in model.inputs:
        if given.name not in used:
            raise ModelError(f"{shown(given.name)}: an input of the model that no output needs")
    nodes = tuple(node for node in builder.nodes.values() if node.name in used)
    return ModelGraph(model.name, nodes, tuple(outputs))


def _with_biases(graph: ModelGraph) -> ModelGraph:
    """What is added to the outputs of a Dense or Conv without bias, as its bias."""
    for node in graph.nodes:
        layer = node.layer
        if not isinstance(layer, BatchNormalization) or not np.all(layer.scale == 1):
            continue
        source = graph[node.inputs[0]]
        alone = len(graph.consumers(source.name)) == 1 and source.name not in graph.outputs
        taken = isinstance(source.layer, Dense | Conv) and source.layer.bias is None
        if alone and taken and layer.on_last_axis(source.shape):
            with_bias = replace(source.layer, bias=layer.offset)  # type: ignore[type-var]
            graph = take_out(substitute(graph, replace(source, layer=with_bias)), node.name)
    return graph
