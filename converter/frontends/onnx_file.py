"""The content of ONNX files, as plain data: sizes, attributes and constants, all checked.

The package ``onnx`` only decodes the protocol buffers; its checker and its shape inference, which
are not made for hostile files, are not used.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from heapq import heappop, heappush
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from converter.errors import ConfigError, ModelError, UnsupportedError
from converter.frontends.architecture import MAX_LAYERS
from converter.frontends.hdf5 import MAX_BYTES
from converter.graph import Shape
from converter.layers.input import MAX_ELEMENTS
from converter.layers.spec import shorten, shown

Array = npt.NDArray[Any]

OPSETS = (7, 23)
"""First and last version of the operators that the readers know, inclusive."""

FLOATS = ("FLOAT", "DOUBLE")
WHOLE = ("INT8", "INT16", "INT32", "INT64", "UINT8", "UINT16", "UINT32", "UINT64")
CONSTANTS = (*FLOATS, *WHOLE, "FLOAT16", "BFLOAT16", "BOOL")
"""Types of elements of the inputs, and of the constants."""


@dataclass(frozen=True, eq=False)
class OnnxNode:
    """A node. ``inputs`` and ``outputs`` name tensors; an input that is left out is ``""``."""

    name: str
    op: str
    domain: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    attributes: Mapping[str, Any]

    @property
    def where(self) -> str:
        """How messages name the node."""
        return f"{shown(self.name)} ({shown(self.op)})"


@dataclass(frozen=True)
class OnnxInput:
    """An input: sizes without the batch axis. ``whole``: of whole numbers."""

    name: str
    shape: Shape
    whole: bool


@dataclass(frozen=True, eq=False)
class OnnxModel:
    """A model; ``nodes`` are in topological order, ``outputs`` names of tensors."""

    name: str
    opset: int
    inputs: tuple[OnnxInput, ...]
    constants: Mapping[str, Array]
    nodes: tuple[OnnxNode, ...]
    outputs: tuple[str, ...]


def read_onnx(path: Path) -> OnnxModel:
    """All of a file. Raises ModelError and UnsupportedError, and ConfigError without ``onnx``."""
    proto = _decoded(path)
    if not proto.HasField("graph"):
        raise ModelError(f"{path.name}: not an ONNX model, or damaged: there is no graph in it")
    if proto.functions:
        names = ", ".join(shown(_text(f.name)) for f in proto.functions[:3])
        raise UnsupportedError(f"{path.name}: functions of its own ({names}) are not supported")
    return _model(path, proto)


def self_contained(path: Path) -> bytes:
    """The file with the constants in it that it has in files of their own. Raises as above."""
    import onnx

    proto, moved = _decoded(path), False
    for tensor in proto.graph.initializer:
        if tensor.data_location == onnx.TensorProto.EXTERNAL:
            where = f"{path.name}: the constant {shown(_text(tensor.name))}"
            try:
                tensor.CopyFrom(_with_external(path, where, tensor, onnx))
            except (ValueError, TypeError, KeyError, OverflowError) as error:
                raise ModelError(f"{where} is damaged: {shorten(str(error))}") from None
            moved = True
    return proto.SerializeToString() if moved else path.read_bytes()


def _decoded(path: Path) -> Any:
    onnx = _package(path)
    if path.stat().st_size >= MAX_BYTES:
        raise ModelError(f"{path.name}: {path.stat().st_size} bytes; the limit is {MAX_BYTES}")
    try:
        return onnx.ModelProto.FromString(path.read_bytes())
    except Exception as error:
        raise ModelError(
            f"{path.name}: not a readable ONNX file, or damaged: {shorten(str(error))}"
        ) from None


def _text(value: str | bytes) -> str:
    """A text of a damaged file may be none."""
    return value if isinstance(value, str) else value.decode("utf-8", "backslashreplace")


def _package(path: Path) -> Any:
    try:
        import onnx
        import onnx.numpy_helper
    except ImportError:
        raise ConfigError(
            f"{path.name}: reading ONNX needs the package onnx; run pip install 'nn-fpga-dse[onnx]'"
        ) from None
    return onnx


def _model(path: Path, proto: Any) -> OnnxModel:
    graph = proto.graph
    if not graph.node or len(graph.node) > MAX_LAYERS:
        raise ModelError(f"{path.name}: {len(graph.node)} nodes; there must be 1 to {MAX_LAYERS}")
    if graph.sparse_initializer:
        raise UnsupportedError(f"{path.name}: sparse constants are not supported")
    elements = sum(math.prod(t.dims) for t in graph.initializer if min(t.dims, default=0) >= 0)
    if elements * 8 > MAX_BYTES:
        raise ModelError(f"{path.name}: constants of {elements} elements in all, which is absurd")
    constants = {(name := _text(t.name)): read_tensor(path, name, t) for t in graph.initializer}
    inputs = tuple(_input(path, v) for v in graph.input if _text(v.name) not in constants)
    nodes = _sorted(path, _nodes(path, graph.node), {*constants, *(i.name for i in inputs)})
    outputs = tuple(_text(v.name) for v in graph.output)
    if not outputs or len(set(outputs)) < len(outputs):
        raise ModelError(f"{path.name}: there must be outputs, each once")
    if not inputs or len({i.name for i in inputs}) < len(inputs):
        raise ModelError(f"{path.name}: there must be inputs, each once")
    name = _text(graph.name) or path.stem
    return OnnxModel(name, _opset(path, proto), inputs, constants, nodes, outputs)


def _opset(path: Path, proto: Any) -> int:
    versions = {_text(o.domain) or "ai.onnx": int(o.version) for o in proto.opset_import}
    version, (first, last) = versions.get("ai.onnx"), OPSETS
    if version is None or not first <= version <= last:
        raise UnsupportedError(
            f"{path.name}: operators of opset {version}; read are {first} to {last}: export with "
            "another opset, or use onnx.version_converter"
        )
    return version


def _input(path: Path, value: Any) -> OnnxInput:
    from onnx import TensorProto

    where = f"{path.name}: the input {shown(_text(value.name))}"
    tensor = value.type.tensor_type
    kind = _kind_name(TensorProto, tensor.elem_type)
    if value.type.WhichOneof("value") != "tensor_type" or kind not in (*FLOATS, *WHOLE):
        raise UnsupportedError(
            f"{where} is of type {kind}; it must be a tensor of {', '.join((*FLOATS, *WHOLE))}"
        )
    sizes = [d.dim_value if d.HasField("dim_value") else None for d in tensor.shape.dim]
    if len(sizes) < 2 or sizes[0] not in (None, 1) or None in sizes[1:]:
        raise ModelError(
            f"{where} has shape {sizes}; its first axis must be the batch's, 1 or open, and at "
            "least one axis of a known size must follow"
        )
    shape = tuple(int(n) for n in sizes[1:] if n is not None)
    if min(shape) < 1 or math.prod(shape) > MAX_ELEMENTS:
        raise ModelError(
            f"{where} has shape {sizes}; sizes must be at least 1, and at most {MAX_ELEMENTS} "
            "elements in all"
        )
    return OnnxInput(_text(value.name), shape, kind in WHOLE)


def _nodes(path: Path, protos: Iterable[Any]) -> list[OnnxNode]:
    """Nodes with names of their own; one without gets ``<op>_<number>``, such as ``relu_2``."""
    protos = list(protos)
    taken, counts = {_text(p.name) for p in protos}, dict[str, int]()
    seen: set[str] = set()
    nodes = []
    for proto in protos:
        own, op, domain = (_text(t) for t in (proto.name, proto.op_type, proto.domain))
        name = own
        while not name or name in seen:
            base = own or op.lower() or "node"
            counts[base] = counts.get(base, 0) + 1
            name = f"{base}_{counts[base]}"
            name = "" if name in taken else name
        seen.add(name)
        where = f"{path.name}: {shown(name)} ({shown(op)})"
        attributes = {shown(_text(a.name)): _attribute(path, where, a) for a in proto.attribute}
        nodes.append(
            OnnxNode(
                name,
                op,
                "" if domain == "ai.onnx" else domain,
                tuple(map(_text, proto.input)),
                tuple(map(_text, proto.output)),
                attributes,
            )
        )
    return nodes


def _attribute(path: Path, where: str, proto: Any) -> Any:
    """A number, a text, a list of them or a tensor; of another kind its name in brackets."""
    from onnx import AttributeProto

    kind = _kind_name(AttributeProto, proto.type, "AttributeType")
    if kind == "TENSOR":
        return read_tensor(path, f"{where}: {_text(proto.name)}", proto.t)
    if kind == "STRING":
        return proto.s.decode("utf-8", "replace")
    if kind == "STRINGS":
        return [text.decode("utf-8", "replace") for text in proto.strings]
    fields = {"FLOAT": "f", "INT": "i", "FLOATS": "floats", "INTS": "ints"}
    if kind not in fields or proto.ref_attr_name:
        return f"<{kind.lower()}>"
    value = getattr(proto, fields[kind])
    return list(value) if kind.endswith("S") else value


def _kind_name(proto: Any, number: int, enum: str = "DataType") -> str:
    kinds = getattr(proto, enum)
    return str(kinds.Name(number)) if number in kinds.values() else f"number {number}"


def _sorted(path: Path, nodes: list[OnnxNode], given: set[str]) -> tuple[OnnxNode, ...]:
    """Topological order, else as in the file. Raises ModelError."""
    makers: set[str] = set(given)
    for node in nodes:
        for name in filter(None, node.outputs):
            if name in makers:
                raise ModelError(f"{path.name}: two nodes or constants give {shown(name)}")
            makers.add(name)
    for node in nodes:
        lost = [name for name in node.inputs if name and name not in makers]
        if lost:
            raise ModelError(f"{node.where}: reads {shown(lost[0])}, which nothing gives")
    order = _in_order(nodes, given)
    if len(order) < len(nodes):
        stuck = next(node for node in nodes if node not in order)
        raise ModelError(f"{stuck.where}: depends on its own output")
    return order


def _in_order(nodes: list[OnnxNode], given: set[str]) -> tuple[OnnxNode, ...]:
    """The nodes that can be computed from what is ``given``, each after all that it reads."""
    wanted = [{name for name in node.inputs if name and name not in given} for node in nodes]
    readers: dict[str, list[int]] = {}
    for k, names in enumerate(wanted):
        for name in names:
            readers.setdefault(name, []).append(k)
    ready = [k for k, names in enumerate(wanted) if not names]
    order = []
    while ready:
        node = nodes[heappop(ready)]
        order.append(node)
        for name in node.outputs:
            for reader in readers.get(name, ()):
                wanted[reader].discard(name)
                if not wanted[reader]:
                    heappush(ready, reader)
    return tuple(order)


def read_tensor(path: Path, name: str, proto: Any) -> Array:
    """A constant. Raises ModelError where the bytes are not those of its shape."""
    import onnx

    where = f"{path.name}: the constant {shown(name)}"
    kind = _kind_name(onnx.TensorProto, proto.data_type)
    if kind not in CONSTANTS:
        raise UnsupportedError(f"{where} is of type {kind}, which is not supported")
    sizes = [int(n) for n in proto.dims]
    if min(sizes, default=0) < 0 or math.prod(sizes) * 8 > MAX_BYTES:
        raise ModelError(f"{where} has shape {sizes}, which is absurd")
    try:
        if proto.data_location == onnx.TensorProto.EXTERNAL:
            proto = _with_external(path, where, proto, onnx)
        array: Array = np.asarray(onnx.numpy_helper.to_array(proto))
    except (ValueError, TypeError, KeyError, OverflowError) as error:
        raise ModelError(f"{where} of shape {sizes} is damaged: {shorten(str(error))}") from None
    if list(array.shape) != sizes:
        raise ModelError(f"{where} must have shape {sizes}; the data have {array.shape}")
    return array


def _with_external(path: Path, where: str, proto: Any, onnx: Any) -> Any:
    """The tensor with the bytes of its own file, which must be in the model's folder."""
    entries = {_text(e.key): _text(e.value) for e in proto.external_data}
    folder = path.parent.resolve()
    try:
        file = (folder / entries.get("location", "")).resolve()
    except (OSError, ValueError):
        file = folder
    if folder not in file.parents:
        raise ModelError(
            f"{where} is in {shorten(entries.get('location', ''))}, which is outside of the "
            "model's folder and is not opened"
        )
    item = onnx.helper.tensor_dtype_to_np_dtype(proto.data_type).itemsize
    size, offset = math.prod(proto.dims) * item, int(entries.get("offset", 0))
    if offset < 0 or int(entries.get("length", size)) != size:
        raise ValueError(f"it must have {size} bytes")
    try:
        with file.open("rb") as stream:
            stream.seek(offset)
            raw = stream.read(size)
    except OSError as error:
        raise ModelError(f"{where}: {shown(file.name)} cannot be read: {error.strerror}") from None
    if len(raw) != size:
        raise ModelError(f"{where}: {shown(file.name)} ends before its {size} bytes at {offset}")
    inner = onnx.TensorProto()
    inner.CopyFrom(proto)
    inner.ClearField("external_data")
    inner.ClearField("data_location")
    inner.raw_data = raw
    return inner
