"""ONNX files that are damaged or hostile end in one clear line."""

from __future__ import annotations

import contextlib
from pathlib import Path

import numpy as np
import pytest
from onnx_models import Graph, edited, one, refused, saved

from converter.errors import ModelError, UnsupportedError
from converter.frontends import content, load, onnx_file

onnx = pytest.importorskip("onnx")


@pytest.mark.parametrize(
    ("shape", "message"),
    [
        (("N",), "at least one axis of a known size must follow"),
        ((2, 4), "its first axis must be the batch's, 1 or open"),
        (("N", "M"), "of a known size"),
        (("N", 0), "sizes must be at least 1"),
        (("N", -3), "sizes must be at least 1"),
        (("N", 1 << 40, 4), "at most 16777216 elements"),
        (None, "its first axis must be"),
    ],
)
def test_absurd_inputs(tmp_path: Path, shape, message):
    refused(message, one(tmp_path, lambda g, x: g("Relu", x), shape))


@pytest.mark.parametrize("kind", [onnx.TensorProto.FLOAT16, onnx.TensorProto.STRING, 0, 999])
def test_inputs_of_other_types(tmp_path: Path, kind):
    path = one(tmp_path, lambda g, x: g("Relu", x), kinds={"x": kind})
    refused("the input x is of type .*; it must be a tensor of FLOAT", path, UnsupportedError)


@pytest.mark.parametrize("opset", [0, 6, 24, -1])
def test_other_opsets(tmp_path: Path, opset):
    path = one(tmp_path, lambda g, x: g("Relu", x), opset=opset)
    refused(rf"operators of opset {opset}; read are 7 to 23", path, UnsupportedError)


def test_a_cycle(tmp_path: Path):
    def cycle(model):
        model.graph.node[0].input[0] = model.graph.node[1].output[0]

    refused(r"gemm_1 \(Gemm\): depends on its own output", edited(tmp_path, cycle))


def test_tensors_from_nowhere_and_given_twice(tmp_path: Path):
    def lost(model):
        model.graph.node[0].input[0] = "nowhere"

    def twice(model):
        model.graph.node[1].output[0] = model.graph.node[0].output[0]

    refused(r"gemm_1 \(Gemm\): reads nowhere, which nothing gives", edited(tmp_path, lost))
    refused("two nodes or constants give t0_0", edited(tmp_path, twice))


def test_no_graph_no_nodes_no_inputs_no_outputs(tmp_path: Path):
    for part, message in (
        ("node", "0 nodes; there must be"),
        ("input", "reads x, which nothing gives"),
        ("output", "there must be outputs"),
    ):
        path = edited(tmp_path, lambda m, part=part: m.graph.ClearField(part))
        refused(message, path)
    refused("there is no graph", edited(tmp_path, lambda m: m.ClearField("graph")))


def test_constants_alone_give_no_model(tmp_path: Path):
    def build(g, x):
        g("Relu", x)
        return g("Identity", g.weights(3))

    refused("is not computed from the inputs", one(tmp_path, build))


def test_an_input_that_is_not_used(tmp_path: Path):
    graph = Graph()
    output = graph("Relu", "x")
    path = saved(graph, {"x": ("N", 4), "y": ("N", 4)}, [output], tmp_path / "m.onnx")
    refused("y: an input of the model that no output needs", path)


def weight(change):
    return lambda model: change(model.graph.initializer[0])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda t: t.dims.append(2), "of shape .* is damaged"),
        (lambda t: t.dims.append(-1), "which is absurd"),
        (lambda t: t.dims.append(1 << 40), "which is absurd"),
        (lambda t: setattr(t, "raw_data", b"abc"), "is damaged"),
        (lambda t: setattr(t, "data_type", onnx.TensorProto.STRING), "type STRING, which is not"),
        (lambda t: setattr(t, "data_type", 77), "type number 77, which is not supported"),
        (lambda t: setattr(t, "name", "other"), "reads c0, which nothing gives"),
    ],
)
def test_damaged_constants(tmp_path: Path, change, message):
    refused(message, edited(tmp_path, weight(change)))


def external(location: str, **more):
    def change(tensor):
        entries = {"location": location, **more}
        tensor.ClearField("raw_data")
        tensor.data_location = onnx.TensorProto.EXTERNAL
        for key, value in entries.items():
            tensor.external_data.add(key=key, value=value)

    return weight(change)


def test_constants_in_a_file_beside_the_model(tmp_path: Path):
    expected = np.arange(12, dtype=np.float32)
    (tmp_path / "w.bin").write_bytes(b"head" + expected.tobytes())
    graph = load(edited(tmp_path, external("w.bin", offset="4", length="48")))
    assert np.array_equal(graph["gemm_1"].layer.kernel, expected.reshape(4, 3))


def test_a_copy_has_all_constants_in_it(tmp_path: Path):
    expected = np.arange(12, dtype=np.float32)
    (tmp_path / "w.bin").write_bytes(expected.tobytes())
    path = edited(tmp_path, external("w.bin"))
    (tmp_path / "copy.onnx").write_bytes(content(path))
    (tmp_path / "w.bin").unlink()
    graph = load(tmp_path / "copy.onnx")
    assert np.array_equal(graph["gemm_1"].layer.kernel, expected.reshape(4, 3))
    assert content(tmp_path / "copy.onnx") == (tmp_path / "copy.onnx").read_bytes()


def test_all_constants_together_are_limited(tmp_path: Path, monkeypatch):
    path = one(tmp_path, lambda g, x: g("Gemm", x, g.weights(4, 300)))
    monkeypatch.setattr(onnx_file, "MAX_BYTES", path.stat().st_size + 1)
    refused("constants of 1200 elements in all", path)


def test_constants_in_files_elsewhere_are_not_opened(tmp_path: Path):
    folder = tmp_path / "model"
    folder.mkdir()
    (tmp_path / "secret").write_bytes(bytes(48))
    (folder / "link").symlink_to(tmp_path / "secret")
    for location in ("../secret", str(tmp_path / "secret"), "link", "", ".", "a\0b"):
        refused("outside of the model's folder|is damaged", edited(folder, external(location)))


def test_constants_in_files_that_do_not_fit(tmp_path: Path):
    (tmp_path / "w.bin").write_bytes(bytes(40))
    refused("w.bin ends before its 48 bytes at 0", edited(tmp_path, external("w.bin")))
    refused("none cannot be read", edited(tmp_path, external("none")))
    for more in ({"offset": "-1"}, {"offset": "x"}, {"length": "7"}):
        refused("is damaged", edited(tmp_path, external("w.bin", **more)))


def test_too_large_a_file(tmp_path: Path, monkeypatch):
    monkeypatch.setattr(onnx_file, "MAX_BYTES", 20)
    refused("bytes; the limit is 20", one(tmp_path, lambda g, x: g("Relu", x)))


@pytest.mark.parametrize("share", [0.1, 0.3, 0.5, 0.7, 0.9, 0.99])
def test_a_truncated_file(tmp_path: Path, share):
    path = one(tmp_path, lambda g, x: g("Gemm", x, g.weights(4, 3)))
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * share)])
    refused("m.onnx", path)


@pytest.mark.parametrize("seed", range(40))
def test_random_damage_never_ends_in_a_traceback(tmp_path: Path, seed):
    def build(g, x):
        x = g("MaxPool", g("Conv", x, g.weights(2, 2, 3, 3)), kernel_shape=[2, 2])
        x = g("Relu", g("Reshape", x, [0, -1]))
        return g("Softmax", g("Add", g("MatMul", x, g.weights(8, 3)), g.weights(3)))

    path = one(tmp_path, build, ("N", 2, 5, 5))
    rng = np.random.default_rng(seed)
    content = bytearray(path.read_bytes())
    for place in rng.integers(0, len(content), 1 + seed % 5):
        content[place] = int(rng.integers(256))
    path.write_bytes(content)
    with contextlib.suppress(ModelError):  # damage may also miss all that matters
        load(path)


def test_a_savedmodel_is_no_onnx(tmp_path: Path):
    (tmp_path / "saved_model.pb").write_bytes(b"\x08\x01\x12\x03abc")
    refused("not an ONNX model", tmp_path / "saved_model.pb")


def test_odd_names_spoil_no_message(tmp_path: Path):
    for name in ("a\nb", "\x1b[31m", "x" * 5000):
        path = one(tmp_path, lambda g, x, name=name: g("Erf", x, name=name))
        refused(r"\(Erf\): this operator is not supported", path)
