"""Bit-exact execution of the generated C++ with a plain compiler, on batches of codes."""

from __future__ import annotations

import re
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from converter import process
from converter.backends.hls.dialect import VITIS
from converter.backends.hls.firmware import Firmware, Port, build_firmware, render
from converter.errors import DataError, ToolError, UnsupportedError
from converter.graph import TypedGraph
from converter.hlslib import sim_header, sim_headers
from converter.types import Codes

COMPILE_FLAGS = ("-std=c++11", "-O1", "-fno-strict-aliasing", "-w")
COMPILE_SECONDS = 600.0
RUN_SECONDS = 3600.0
MEMORY_BYTES = 4 << 30
LOG_LINES = 30
WIDEST = 127
"""Bits of a code in the compact ``ap_fixed``; products and sums may need more."""

TOO_WIDE = "the compact ap_int holds at most"
"""What the compact header says of wider integers."""


@dataclass(frozen=True)
class Simulator:
    """A compiled network: the program and what stands in a row of its files."""

    program: Path
    firmware: Firmware
    words: Mapping[str, int]

    def run(self, codes: Mapping[str, Codes]) -> dict[str, Codes]:
        """Output codes [batch, size] by output name for input codes [batch, size] by name.

        Raises DataError where an input is missing or has another shape, ToolError where
        the program fails.
        """
        _check(self.firmware.inputs, codes)
        folder = self.program.parent
        with tempfile.TemporaryDirectory(dir=folder) as scratch:
            source, result = Path(scratch, "inputs.bin"), Path(scratch, "outputs.bin")
            columns = [_to_words(codes[p.edge], self.words[p.edge]) for p in self.firmware.inputs]
            source.write_bytes(np.ascontiguousarray(np.hstack(columns)).astype("<i8").tobytes())
            outcome = process.run([self.program, source, result], folder, timeout_s=RUN_SECONDS)
            if outcome.status != "ok":
                raise ToolError(_failed("the compiled network", outcome))
            return self._outputs(np.frombuffer(result.read_bytes(), "<i8"))

    def _outputs(self, words: npt.NDArray[np.int64]) -> dict[str, Codes]:
        outputs = self.firmware.outputs
        widths = [p.size * self.words[p.edge] for p in outputs]
        rows = words.reshape(-1, sum(widths))
        parts = np.split(rows, np.cumsum(widths)[:-1], axis=1)
        return {
            p.edge: _from_words(part, self.words[p.edge])
            for p, part in zip(outputs, parts, strict=True)
        }


def csim(typed: TypedGraph, codes: Mapping[str, Codes]) -> dict[str, Codes]:
    """Output codes [batch, size] by output name for input codes [batch, size] by input name.

    Compiles the network's HLS C++ in a temporary folder. Raises UnsupportedError for a type
    that is too wide, ToolError where there is no compiler or it fails.
    """
    with tempfile.TemporaryDirectory(prefix="csim-") as folder:
        return build(typed, Path(folder)).run(codes)


def build(typed: TypedGraph, folder: Path, includes: Path | None = None) -> Simulator:
    """Write the network's C++ and its bridge to ``folder`` and compile them.

    ``includes`` is a folder with another ``ap_fixed.h``, ``ap_int.h`` and ``hls_stream.h``, such
    as the vendors' open ones; by default, the compact ones of ``hlslib/sim``.
    """
    if includes is None:
        _check_widths(typed)
    firmware = build_firmware(typed, VITIS, compact=includes is None)
    words = {name: 1 if edge.type.width <= 63 else 2 for name, edge in typed.edges.items()}
    files = dict(firmware.files)
    files["csim_bridge.cpp"] = _bridge(firmware, words)
    for name in sim_headers(firmware.streams):
        files[f"sim/{name}"] = sim_header(name)
    for path, text in files.items():
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8")
    _compile(folder, includes)
    return Simulator(folder / "csim", firmware, words)


def find_compiler() -> str:
    """The C++ compiler. Raises ToolError that says how to get one."""
    for name in ("g++", "c++", "clang++"):
        path = shutil.which(name)
        if path:
            return path
    raise ToolError(
        "csim needs a C++ compiler, and g++ is not on PATH; install it "
        "(Debian, Ubuntu: apt-get install g++) or use the engine 'emulate'"
    )


def _check_widths(typed: TypedGraph) -> None:
    for name, edge in typed.edges.items():
        if edge.type.width > WIDEST:
            raise UnsupportedError(
                f"{name}: csim computes with at most {WIDEST} bits, and {edge.type} has "
                f"{edge.type.width}; use the engine 'emulate', which has no such limit"
            )


def _compile(folder: Path, includes: Path | None) -> None:
    argv = [find_compiler(), *COMPILE_FLAGS, "-I", str(includes or folder / "sim")]
    argv += ["-I", ".", "-o", "csim", "csim_bridge.cpp"]
    outcome = process.run(argv, folder, timeout_s=COMPILE_SECONDS, memory_bytes=MEMORY_BYTES)
    if outcome.status != "ok" and TOO_WIDE in outcome.log_tail:
        stage = re.search(r"CONFIG = (\w+?)(?:_body)*(?:_config)?\W", outcome.log_tail)
        where = stage[1] if stage else "the network"
        raise UnsupportedError(
            f"{where}: csim computes with at most {WIDEST} bits, and a sum or product inside needs "
            "more; give narrower types, or use the engine 'emulate'"
        )
    if outcome.status != "ok":
        raise ToolError(_failed("compiling the network's C++", outcome))


def _failed(what: str, outcome: process.Outcome) -> str:
    tail = "\n".join(outcome.log_tail.splitlines()[-LOG_LINES:])
    return f"csim: {what} failed ({outcome.status}, exit status {outcome.returncode}):\n{tail}"


def _bridge(firmware: Firmware, words: Mapping[str, int]) -> str:
    into, outof = _offsets(firmware.inputs, words), _offsets(firmware.outputs, words)
    return render(
        "csim_bridge.cpp.j2",
        top=firmware.top,
        inputs=firmware.inputs,
        outputs=firmware.outputs,
        streams=firmware.streams,
        words=words,
        offsets=into,
        out_offsets=outof,
        input_words=into[""],
        output_words=outof[""],
        row_words=max(into[""], outof[""]),
    )


def _offsets(ports: tuple[Port, ...], words: Mapping[str, int]) -> dict[str, int]:
    """First word of each port in a row, and under the empty name the row's length."""
    offsets, position = {}, 0
    for port in ports:
        offsets[port.edge] = position
        position += port.size * words[port.edge]
    return {**offsets, "": position}


def _check(ports: tuple[Port, ...], codes: Mapping[str, Codes]) -> None:
    if set(codes) != {p.edge for p in ports}:
        wanted = ", ".join(p.edge for p in ports)
        raise DataError(f"inputs needed: {wanted}; got: {', '.join(codes)}")
    rows = {len(c) for c in codes.values()}
    for port in ports:
        if codes[port.edge].shape[1:] != (port.size,) or len(rows) != 1:
            raise DataError(
                f"input {port.edge} must have shape (rows, {port.size}); "
                f"got {codes[port.edge].shape}"
            )


def _to_words(codes: Codes, words: int) -> npt.NDArray[np.int64]:
    """Codes [batch, size] as little-endian 64-bit words [batch, size * words]."""
    if words == 1:
        return codes.astype(np.int64)
    whole = codes.astype(object)
    low = (((whole & (1 << 64) - 1) + (1 << 63)) % (1 << 64) - (1 << 63)).astype(np.int64)
    pair = np.stack([low, (whole >> 64).astype(np.int64)], axis=-1)
    return pair.reshape(len(codes), -1)


def _from_words(rows: npt.NDArray[np.int64], words: int) -> Codes:
    if words == 1:
        return np.ascontiguousarray(rows).astype(np.int64)
    pair = rows.reshape(len(rows), -1, 2)
    low = pair[..., 0].astype(np.uint64).astype(object)
    return (pair[..., 1].astype(object) << 64) | low
