"""Files that are missing, damaged or hostile end in one clear line, and nothing is run."""

from __future__ import annotations

import contextlib
import json
import os
import pickle
import zipfile
from pathlib import Path

import h5py
import numpy as np
import pytest

from converter import frontends
from converter.errors import DseError, ModelError, UnsupportedError
from converter.frontends import hdf5, keras_v3, load


def model(*layers: dict, shape=(None, 2)) -> dict:
    """A Sequential model as Keras describes it."""
    first = {"class_name": "InputLayer", "config": {"name": "x", "batch_input_shape": shape}}
    return {"class_name": "Sequential", "config": {"name": "m", "layers": [first, *layers]}}


def dense(name: str = "fc", **more) -> dict:
    config = {"name": name, "units": 3, "activation": "linear", "use_bias": False, **more}
    return {"class_name": "Dense", "config": config}


def write_h5(path: Path, described: object, weights=None, name: str = "fc", variable="kernel:0"):
    """A whole-model file; ``weights``: a kernel, or a function that fills the layer's group."""
    with h5py.File(path, "w") as file:
        file.attrs["model_config"] = json.dumps(described)
        group = file.create_group("model_weights")
        group.attrs["layer_names"] = [b"x", name.encode()]
        group.create_group("x").attrs["weight_names"] = np.array([], "S1")
        layer = group.create_group(name)
        layer.attrs["weight_names"] = [f"{name}/{variable}".encode()]
        if callable(weights):
            weights(layer)
        elif weights is not None:
            layer[f"{name}/{variable}"] = weights
    return path


def good(path: Path) -> Path:
    return write_h5(path, model(dense()), np.ones((2, 3), np.float32))


def refused(message: str, *files, kind: type[DseError] = ModelError) -> None:
    """Loading fails with one short line that matches ``message``."""
    with pytest.raises(kind, match=message) as caught:
        load(*files)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 600


def test_the_good_file_is_read(tmp_path: Path):
    assert [n.name for n in load(good(tmp_path / "m.h5")).nodes] == ["x", "fc"]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("m.h5", b"", "m.h5: an empty file"),
        ("m.h5", b"hello", "m.h5: not a model file; it must be .h5, .keras, .onnx, or"),
        ("m.h5", b"  <!DOCTYPE html><html>no</html>", "m.h5: a web page, not a model"),
        ("m.h5", b"<html><body>404</body></html>", "m.h5: a web page"),
        ("m.h5", pickle.dumps({"a": 1}), "m.h5: a pickle, which could run code and is never"),
        ("m.pkl", b"(lp0\n.", "m.pkl: a pickle"),
        ("m.onnx", b"<html><body>404</body></html>", "m.onnx: a web page"),
        ("m.h5", b"version https://git-lfs.github.com/spec/v1\n", "a Git LFS pointer"),
        ("m.h5", b"\x89HDF\r\n\x1a\n", "m.h5: not a readable HDF5 file, or damaged"),
        ("m.keras", b"PK\x03\x04rubbish", "m.keras: a damaged .keras file"),
        ("m.json", b'{"class_name": ', "m.json: not valid JSON"),
        ("m.json", b'{"a": ' * 100_000, "m.json: (the JSON is nested too deeply|not valid JSON)"),
        ("m.json", b'{"a": "\xff\xfe"}', "m.json: not valid JSON"),
        ("m.json", b"{}", "m.json: a model of class None is not supported"),
    ],
)
def test_what_is_no_model(tmp_path: Path, name, content, message):
    path = tmp_path / name
    path.write_bytes(content)
    weights = [good(tmp_path / "w.h5")] if name == "m.json" else []
    refused(message, path, *weights)


def test_a_missing_file(tmp_path: Path):
    refused("none.h5: no such file", tmp_path / "none.h5")


def test_a_name_that_no_file_can_have():
    refused("cannot be read", "a\0b.h5")


def test_a_folder(tmp_path: Path):
    refused("a folder; a model must be one file", tmp_path)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read every file")
def test_a_file_that_may_not_be_read(tmp_path: Path):
    path = good(tmp_path / "m.h5")
    path.chmod(0)
    refused("cannot be read", path)


@pytest.mark.parametrize("share", [0.1, 0.3, 0.5, 0.7, 0.9, 0.99])
@pytest.mark.parametrize("name", ["keras2.h5", "keras3.keras", "qkeras.h5", "keras2.json"])
def test_a_truncated_file(fixtures: Path, tmp_path: Path, name, share):
    content = (fixtures / name).read_bytes()
    path = tmp_path / name
    path.write_bytes(content[: int(len(content) * share)])
    weights = [fixtures / "keras2_weights.h5"] if name.endswith("json") else []
    refused(name, path, *weights)


@pytest.mark.parametrize("seed", range(40))
def test_random_damage_never_ends_in_a_traceback(fixtures: Path, tmp_path: Path, seed):
    rng = np.random.default_rng(seed)
    name = ("keras2.h5", "keras3.keras", "qkeras.h5", "keras3.h5")[seed % 4]
    content = bytearray((fixtures / name).read_bytes())
    for place in rng.integers(0, len(content), 30):
        content[place] = int(rng.integers(256))
    path = tmp_path / name
    path.write_bytes(content)
    with contextlib.suppress(ModelError):  # damage may also miss all that matters
        load(path)


def test_an_architecture_needs_weights(fixtures: Path):
    refused("keras2.json: an architecture alone; give its weights", fixtures / "keras2.json")


def test_weights_need_an_architecture(fixtures: Path):
    refused("weights without an architecture; give", fixtures / "keras2_weights.h5")


def test_a_whole_model_takes_no_weights(fixtures: Path):
    refused("has its own weights", fixtures / "keras2.h5", fixtures / "keras2_weights.h5")


def test_weights_must_be_hdf5(fixtures: Path):
    json_file = fixtures / "keras2.json"
    refused("the weights of keras2.json must be an HDF5 file", json_file, json_file)


def test_weights_of_another_model(fixtures: Path):
    refused("which the model does not have", fixtures / "keras2.json", fixtures / "qkeras.h5")


def test_hdf5_of_something_else(tmp_path: Path):
    with h5py.File(tmp_path / "data.h5", "w") as file:
        file["x"] = np.zeros(3)
    refused("weights without an architecture", tmp_path / "data.h5")
    (tmp_path / "m.json").write_text(json.dumps(model(dense())))
    refused("no weights as Keras writes them", tmp_path / "m.json", tmp_path / "data.h5")


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_weights_that_are_no_numbers(tmp_path: Path, value):
    kernel = np.ones((2, 3), np.float32)
    kernel[1, 1] = value
    path = write_h5(tmp_path / "m.h5", model(dense()), kernel)
    refused(r"fc \(Dense\): kernel has 1 NaN or infinite values of 6", path)


@pytest.mark.parametrize("shape", [(2, 4), (2,), (2, 3, 1), (0, 3), ()])
def test_a_kernel_of_a_wrong_shape(tmp_path: Path, shape):
    path = write_h5(tmp_path / "m.h5", model(dense()), np.zeros(shape, np.float32))
    refused(r"fc \(Dense\): kernel must have shape \(inputs, 3\); the file has", path)


def test_a_kernel_that_does_not_fit_the_input(tmp_path: Path):
    path = write_h5(tmp_path / "m.h5", model(dense()), np.zeros((7, 3), np.float32))
    refused(r"fc \(Dense\): the kernel has 7 rows, but the input has shape \(2,\)", path)


def test_missing_weights(tmp_path: Path):
    path = write_h5(tmp_path / "m.h5", model(dense()))
    refused("fc/kernel:0 is missing in /model_weights/fc", path)
    path = write_h5(tmp_path / "m.h5", model(dense("other")), np.zeros((2, 3)))
    refused("weights for 'fc', which the model does not have", path)
    path = write_h5(tmp_path / "m.h5", model(dense(use_bias=True)), np.zeros((2, 3)))
    refused(r"fc \(Dense\): the weights needed are kernel, bias; the file has kernel", path)


def test_weights_left_over(tmp_path: Path):
    path = write_h5(tmp_path / "m.h5", model(dense()), np.zeros((2, 3)), variable="lora:0")
    refused("the weights needed are kernel; the file has lora", path)


def test_links_are_not_followed(tmp_path: Path):
    outside = good(tmp_path / "outside.h5")

    def external(layer: h5py.Group) -> None:
        layer["fc"] = h5py.ExternalLink(str(outside), "/model_weights/fc/fc")

    def soft(layer: h5py.Group) -> None:
        layer["fc"] = h5py.SoftLink("/model_weights/x")

    for links in (external, soft):
        path = write_h5(tmp_path / "m.h5", model(dense()), links)
        refused("fc/kernel:0 is a link to elsewhere, which is not followed", path)


def test_data_in_other_files_are_not_opened(tmp_path: Path):
    secret = tmp_path / "secret"
    secret.write_bytes(bytes(24))

    def external(layer: h5py.Group) -> None:
        group = layer.create_group("fc")
        group.create_dataset("kernel:0", (2, 3), "f4", external=[(str(secret), 0, 24)])

    def virtual(layer: h5py.Group) -> None:
        layout = h5py.VirtualLayout((2, 3), "f4")
        layout[:] = h5py.VirtualSource(str(secret), "d", (2, 3), "f4")
        layer.create_group("fc").create_virtual_dataset("kernel:0", layout)

    for links in (external, virtual):
        path = write_h5(tmp_path / "m.h5", model(dense()), links)
        refused("keeps its data in another file, which is not opened", path)


def test_a_group_where_numbers_should_be(tmp_path: Path):
    path = write_h5(
        tmp_path / "m.h5", model(dense()), lambda layer: layer.create_group("fc/kernel:0")
    )
    refused("must hold numbers, but is a group", path)


@pytest.mark.parametrize("value", [np.array([[b"a"] * 3] * 2), np.zeros((2, 3), np.complex64)])
def test_weights_of_a_wrong_kind(tmp_path: Path, value):
    path = write_h5(tmp_path / "m.h5", model(dense()), value)
    refused("must hold numbers, not", path)


def test_a_huge_array_is_refused_before_it_is_read(tmp_path: Path):
    """A few kilobytes of file that declare 800 GB."""

    def bomb(layer: h5py.Group) -> None:
        layer.create_dataset("fc/kernel:0", (10**6, 10**5), "f4", chunks=(64, 64))

    path = write_h5(tmp_path / "m.h5", model(dense()), bomb)
    assert path.stat().st_size < 1 << 17
    refused(r"shape \(1000000, 100000\) exceeds the limit of 2147483648 bytes", path)


def test_the_limit_holds_for_all_arrays_together(tmp_path: Path, monkeypatch):
    monkeypatch.setattr(hdf5, "MAX_BYTES", 100)
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["a"] = np.zeros(8)
    with hdf5.opened("a.h5", tmp_path / "a.h5") as source:
        source.left = 100
        source.array(source.file, "a")
        with pytest.raises(ModelError, match="exceeds the limit"):
            source.array(source.file, "a")


def test_a_huge_chunk_is_refused(tmp_path: Path):
    """A small array in a chunk of 128 MB, which the library would unpack whole."""

    def bomb(layer: h5py.Group) -> None:
        layer.create_dataset(
            "fc/kernel:0", (2, 3), "f4", maxshape=(None, None), chunks=(1 << 13, 1 << 12),
            compression="gzip",
        )  # fmt: skip

    path = write_h5(tmp_path / "m.h5", model(dense()), bomb)
    refused("of 24 bytes is stored in a chunk of 134217728", path)


def write_keras(path: Path, members: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return path


def test_a_zip_of_something_else(tmp_path: Path):
    path = write_keras(tmp_path / "m.keras", {"word/document.xml": b"<a/>"})
    refused("a .keras file must hold config.json; this zip does not", path)
    path = write_keras(tmp_path / "m.keras", {"config.json": b"{}"})
    refused("must hold model.weights.h5", path)


def test_a_zip_bomb(tmp_path: Path):
    big = bytes(keras_v3.FREE_BYTES + 1)
    path = write_keras(tmp_path / "m.keras", {"config.json": b"{}", "model.weights.h5": big})
    refused("model.weights.h5 would take 16777217 bytes; the limit is", path)


def test_a_zip_whose_weights_are_rubbish(tmp_path: Path):
    config = json.dumps(model(dense())).encode()
    path = write_keras(tmp_path / "m.keras", {"config.json": config, "model.weights.h5": b"no"})
    refused("m.keras: model.weights.h5: not a readable HDF5 file", path)


def test_code_is_never_run(tmp_path: Path):
    marker = tmp_path / "ran"
    code = {"class_name": "__lambda__", "config": {"code": f"open({str(marker)!r}, 'w')"}}
    layer = {"class_name": "Lambda", "config": {"name": "f", "function": code}}
    path = write_h5(tmp_path / "m.h5", model(layer))
    refused(r"f \(Lambda\).*holds code, which is never run", path, kind=UnsupportedError)
    path = write_h5(tmp_path / "m.h5", model(dense(activation=code)), np.zeros((2, 3)))
    refused(r"fc \(Dense\): activation '__lambda__' is not supported", path)
    assert not marker.exists()


def test_an_odd_name_spoils_no_message(tmp_path: Path):
    for name in ("a\nb", "\x1b[31mred", "x" * 5000):
        path = write_h5(tmp_path / "m.h5", model(dense(name)), name=name)
        refused("is missing in", path)
        path = write_h5(tmp_path / "m.h5", model(dense(name, groups=2)), np.ones((2, 3)), name=name)
        refused(r"\(Dense\): attribute groups=2 is not supported", path)


def test_too_much_json(monkeypatch, fixtures: Path):
    monkeypatch.setattr(frontends, "MAX_TEXT", 1000)
    refused("more than 1000 bytes of JSON", fixtures / "keras2.json", fixtures / "keras2.h5")


def test_too_long_an_attribute(tmp_path: Path, monkeypatch):
    monkeypatch.setattr(hdf5, "MAX_TEXT", 10)
    with h5py.File(tmp_path / "m.h5", "w") as file:
        file.attrs["model_config"] = np.bytes_(b"{" * 100)
    refused("the attribute model_config exceeds 10 bytes", tmp_path / "m.h5")


def test_names_are_data(tmp_path: Path):
    for name in ('a/"<b>$(ls)', "../../etc/passwd", "ü\n\t'"):
        path = write_h5(tmp_path / "m.h5", model(dense(name)), np.ones((2, 3)), name=name)
        assert load(path).nodes[1].name == name


@pytest.mark.parametrize(
    ("shape", "message"),
    [
        ([None], "a shape with a batch axis"),
        ([None, 0], "at least 1 after the batch axis"),
        ([None, -3], "at least 1 after the batch axis"),
        ([None, None], "known sizes"),
        ([None, 10**5, 10**5], "at most 16777216 elements"),
        ([None, 10**400], "at most 16777216 elements"),
        ("16", "a shape with a batch axis"),
    ],
)
def test_absurd_input_shapes(tmp_path: Path, shape, message):
    path = write_h5(tmp_path / "m.h5", model(dense(), shape=shape), np.zeros((2, 3)))
    refused(rf"x \(InputLayer\): batch_input_shape must be .*{message}", path)


def test_absurd_units(tmp_path: Path):
    for units in (0, -1, 10**30, 2.5, "3", True, None):
        path = write_h5(tmp_path / "m.h5", model(dense(units=units)), np.zeros((2, 3)))
        refused(r"fc \(Dense\): (units must be|kernel must have shape|attribute units)", path)
