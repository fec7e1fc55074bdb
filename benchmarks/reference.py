"""What the benchmarks measure against: hls4ml, in an environment and a process of its own.

Also the network that both sides read: 16-64-32-32-5, random weights, as Keras files.
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
    rng = np.random.default_rng(0)
    first = {"name": "x", "batch_input_shape": [None, SIZES[0]], "dtype": "float32"}
    layers: list[dict[str, Any]] = [{"class_name": "InputLayer", "config": first}]
    weights = folder / "network.h5"
    with h5py.File(weights, "w") as file:
        for number, (n_in, n_out) in enumerate(itertools.pairwise(SIZES), 1):
            name = f"fc{number}"
            layers.append({"class_name": "Dense", "config": _dense(name, n_out, number)})
            limit = (6 / (n_in + n_out)) ** 0.5
            kernel = rng.uniform(-limit, limit, (n_in, n_out)).astype(np.float32)
            group = file.create_group(name)
            group.attrs["weight_names"] = [f"{name}/kernel:0".encode(), f"{name}/bias:0".encode()]
            group.create_dataset(f"{name}/kernel:0", data=kernel)
            group.create_dataset(f"{name}/bias:0", data=rng.normal(0, 0.1, n_out).astype("f4"))
        file.attrs["layer_names"] = [f"fc{k}".encode() for k in range(1, len(SIZES))]
        file.attrs["backend"], file.attrs["keras_version"] = b"tensorflow", b"2.15.0"
    model = {"class_name": "Sequential", "config": {"name": "network", "layers": layers}}
    architecture = folder / "network.json"
    architecture.write_text(json.dumps({**model, "keras_version": "2.15.0"}))
    return architecture, weights


def _dense(name: str, units: int, number: int) -> dict[str, Any]:
    activation = "softmax" if number == len(SIZES) - 1 else "relu"
    return {
        "name": name,
        "dtype": "float32",
        "units": units,
        "activation": activation,
        "use_bias": True,
    }


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
