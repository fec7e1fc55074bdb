"""What the benchmarks measure against: hls4ml, in an environment and a process of its own.

Also the networks that both sides read, as Keras files: 16-64-32-32-5, and a CNN of SVHN's size.
"""

from __future__ import annotations

import argparse
import itertools
import json
import subprocess
import sys
import venv
from pathlib import Path
from typing import Any

import h5py
import numpy as np

ROOT = Path(__file__).resolve().parent.parent
ENVIRONMENT = ROOT / ".venv-hls4ml"
REQUIREMENT = "hls4ml==1.3.0"
SIZES = (16, 64, 32, 32, 5)
IMAGE = (32, 32, 3)
FILTERS = (16, 16, 24)
UNITS = (42, 64, 10)
PART = "xcvu9p-flga2104-2L-e"


def arguments(description: str, rounds: int) -> argparse.Namespace:
    """The options that all benchmarks have."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument(
        "--hls4ml-python",
        type=Path,
        help=f"interpreter of an environment with hls4ml; default: {ENVIRONMENT.name}, made anew",
    )
    parser.add_argument("--rounds", type=int, default=rounds)
    return parser.parse_args()


def write_network(folder: Path) -> tuple[Path, Path]:
    """Architecture and weights in Keras 2's files; ReLU between the layers, softmax at the end."""
    layers = [_input((SIZES[0],))]
    for number, n_out in enumerate(SIZES[1:], 1):
        activation = "softmax" if number == len(SIZES) - 1 else "relu"
        layers.append(_dense(f"fc{number}", n_out, activation))
    shapes = {f"fc{k}": shape for k, shape in enumerate(itertools.pairwise(SIZES), 1)}
    return _write(folder, layers, shapes)


def write_cnn(folder: Path) -> tuple[Path, Path]:
    """A network of the size of hls4ml's for SVHN, with random weights, in Keras 2's files:
    three valid 3x3 convolutions, each with ReLU and 2x2 max pooling, and three dense layers.
    """
    layers = [_input(IMAGE)]
    shapes: dict[str, tuple[int, ...]] = {}
    size, channels = IMAGE[0], IMAGE[2]
    for number, filters in enumerate(FILTERS, 1):
        layers += [_conv(f"conv{number}", filters), _pool(f"pool{number}")]
        shapes[f"conv{number}"] = (3, 3, channels, filters)
        size, channels = (size - 2) // 2, filters
    layers.append({"class_name": "Flatten", "config": {"name": "flatten", "dtype": "float32"}})
    n_in = size * size * channels
    for number, n_out in enumerate(UNITS, 1):
        activation = "softmax" if number == len(UNITS) else "relu"
        layers.append(_dense(f"fc{number}", n_out, activation))
        shapes[f"fc{number}"] = (n_in, n_out)
        n_in = n_out
    return _write(folder, layers, shapes)


def _write(
    folder: Path, layers: list[dict[str, Any]], shapes: dict[str, tuple[int, ...]]
) -> tuple[Path, Path]:
    """Both files; ``shapes``: of the kernels, by layer."""
    rng = np.random.default_rng(0)
    weights = folder / "network.h5"
    with h5py.File(weights, "w") as file:
        for name, shape in shapes.items():
            n_in, n_out = int(np.prod(shape[:-1])), shape[-1]
            limit = (6 / (n_in + n_out)) ** 0.5
            kernel = rng.uniform(-limit, limit, shape).astype(np.float32)
            group = file.create_group(name)
            group.attrs["weight_names"] = [f"{name}/kernel:0".encode(), f"{name}/bias:0".encode()]
            group.create_dataset(f"{name}/kernel:0", data=kernel)
            group.create_dataset(f"{name}/bias:0", data=rng.normal(0, 0.1, n_out).astype("f4"))
        file.attrs["layer_names"] = [name.encode() for name in shapes]
        file.attrs["backend"], file.attrs["keras_version"] = b"tensorflow", b"2.15.0"
    model = {"class_name": "Sequential", "config": {"name": "network", "layers": layers}}
    architecture = folder / "network.json"
    architecture.write_text(json.dumps({**model, "keras_version": "2.15.0"}))
    return architecture, weights


def _input(shape: tuple[int, ...]) -> dict[str, Any]:
    config = {"name": "x", "batch_input_shape": [None, *shape], "dtype": "float32"}
    return {"class_name": "InputLayer", "config": config}


def _dense(name: str, units: int, activation: str) -> dict[str, Any]:
    config = {
        "name": name,
        "dtype": "float32",
        "units": units,
        "activation": activation,
        "use_bias": True,
    }
    return {"class_name": "Dense", "config": config}


def _conv(name: str, filters: int) -> dict[str, Any]:
    config = {
        "name": name,
        "dtype": "float32",
        "filters": filters,
        "kernel_size": [3, 3],
        "strides": [1, 1],
        "padding": "valid",
        "data_format": "channels_last",
        "dilation_rate": [1, 1],
        "groups": 1,
        "activation": "relu",
        "use_bias": True,
    }
    return {"class_name": "Conv2D", "config": config}


def _pool(name: str) -> dict[str, Any]:
    config = {
        "name": name,
        "dtype": "float32",
        "pool_size": [2, 2],
        "strides": [2, 2],
        "padding": "valid",
        "data_format": "channels_last",
    }
    return {"class_name": "MaxPooling2D", "config": config}


class Hls4ml:
    """hls4ml at work in its own process: give it an order, get its figures."""

    def __init__(self, python: Path | None, folder: Path) -> None:
        script = Path(__file__).with_name("hls4ml_worker.py")
        self._process = subprocess.Popen(
            [str(python or _environment()), str(script), str(folder)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def ask(self, order: str, **values: Any) -> dict[str, Any]:
        """One order of ``hls4ml_worker.py``; ends the benchmark where hls4ml fails."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps({"order": order, **values}) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        if not line:
            sys.exit("hls4ml failed; its messages are above")
        answer: dict[str, Any] = json.loads(line)
        return answer

    def close(self) -> None:
        """End the process."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait()


def _environment() -> Path:
    python = ENVIRONMENT / "bin" / "python"
    if not python.exists():
        print(f"making {ENVIRONMENT.name} with {REQUIREMENT} …", file=sys.stderr)
        venv.create(ENVIRONMENT, with_pip=True)
        subprocess.run([str(python), "-m", "pip", "install", "-q", REQUIREMENT], check=True)
    return python
