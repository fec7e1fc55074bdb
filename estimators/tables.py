"""Published synthesis results as facts: the bridge from a table's row to what estimators price.

The table's format is that of ``calibration/synthesis.csv``: one synthesised configuration
per row, its layers as JSON with the options and the statistics of the constants that the
generated project held. What a row does not tell is assumed as hls4ml's defaults have it;
what nothing can be said of is refused with the reason.
"""

from __future__ import annotations

import csv
import json
import math
import re
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from converter.errors import DataError, TargetError
from converter.facts import Facts
from converter.parts import find_part, target
from converter.report import Fidelity
from converter.timing import Target
from estimators.kernels.base import Mapping as Multiplying
from estimators.published.reader import read_layers
from estimators.published.types import DEFAULT, Around, Refusal, Spelt, read_type

FIGURES = {
    "LUT": "lut",
    "FF": "ff",
    "DSP": "dsp",
    "BRAM18": "bram_18k",
    "URAM": "uram",
    "latency_cycles": "latency_cycles",
    "II_cycles": "interval_cycles",
}
"""Columns of a table, and the figures of a report that they hold."""

STAGES = {
    "csynth_estimate": Fidelity.CSYNTH,
    "logic_synth": Fidelity.LOGIC_SYNTHESIS,
    "place_and_route": Fidelity.PLACE_AND_ROUTE,
}
"""What a column ``stage`` says, and how deep that looked."""

DEFAULT_CLOCK_NS = 5.0
"""hls4ml's."""

Json = Mapping[str, Any]


@dataclass(frozen=True)
class Row:
    """One synthesised design. ``refused`` says why it is not priced; else ``facts`` holds its
    stages in order. ``figures`` maps columns to what the tool reported.
    """

    project: str
    stage: str
    strategy: str
    io_type: str
    figures: Mapping[str, float]
    fidelity: Fidelity = Fidelity.CSYNTH
    tool: str = ""
    version: str = ""
    target: Target | None = None
    mapping: Multiplying = Multiplying.AUTO
    facts: tuple[Facts, ...] = ()
    refused: str | None = None

    @property
    def owner(self) -> str:
        """The publisher: rows of one are alike, and never split over folds."""
        return self.project.split("__")[0] or "unnamed"


def read_table(path: Path) -> list[Row]:
    """Every row of a table. Raises DataError where it is not in the format."""
    lines = _lines(path)
    needed = {"layers", "backend_tool", "part", "stage", *FIGURES} - {"URAM"}
    missing = sorted(needed - set(lines[0] if lines else ()))
    if missing:
        raise DataError(f"{path}: has no rows, or lacks the columns {', '.join(missing)}")
    return [_row(line) for line in lines]


def read_modules(path: Path) -> list[Row]:
    """Stages of designs one by one, from a table in the format of ``calibration/modules.csv``.

    Kernels that the facts do not describe alone are left out. Raises DataError where the
    table cannot be read.
    """
    rows = [_module_row(line) for line in _lines(path) if _is_kernel(line)]
    return [row for row in rows if row.refused is None]


def _lines(path: Path) -> list[dict[str, str]]:
    csv.field_size_limit(sys.maxsize)
    try:
        with path.open(newline="", encoding="utf-8") as file:
            return list(csv.DictReader(file))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{path}: cannot be read as a table: {error}") from None


def _is_kernel(line: Json) -> bool:
    """Products, activations, convolutions: not their wrappers, nor the parts of cells."""
    one = re.match(
        r"dense_(latency|resource|array)|relu|softmax|conv_|zeropad|normalize|sigmoid_ap_fixed_\d+_"
        r"\d+_\d+_\d+_\d+_ap|gru_stack|linear",
        line.get("module") or "",
    )
    return bool(one and line.get("layer") and not re.search(r"config\d+_\d+_s$", line["module"]))


def _module_row(line: Json) -> Row:
    layer = json.loads(line["layer"])
    whole = {
        "stage": "csynth_estimate",
        "layers": json.dumps([layer]),
        "strategy": layer.get("strategy"),
        "reuse_factor": layer.get("reuse_factor"),
        "backend_tool": line["tool"],
        "latency_cycles": line["latency_max"],
        "II_cycles": line["ii_max"],
    }
    return _row({**line, **whole})


def _row(line: Json) -> Row:
    bare = Row(
        line.get("project_id") or line.get("source") or "",
        line["stage"],
        _strategy(line),
        (line.get("io_type") or "").split(" ")[0],
        {name: float(line[name]) for name in FIGURES if _is_number(line.get(name))},
    )
    try:
        return _priced(bare, line)
    except Refusal as reason:
        return replace(bare, refused=str(reason))
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
        return replace(bare, refused=f"fields that cannot be read: {error}")


def _priced(bare: Row, line: Json) -> Row:
    if bare.stage not in STAGES:
        raise Refusal(f"stage {bare.stage or 'not given'}")
    tool, version = _tool(line.get("backend_tool") or "")
    impl = re.search(r"config_op mul -impl (dsp|fabric)", line.get("notes") or "")
    around = Around(
        stream=_streams(bare, line),
        strategy=bare.strategy,
        reuse=tuple(int(float(n)) for n in _NUMBER.findall(str(line.get("reuse_factor") or ""))),
        default=_common_type(line.get("precision"), _ACTIVATIONS),
        weights=_common_type(line.get("precision"), _WEIGHTS),
        lecun="lecun" in (line.get("notes") or ""),
        vivado=tool == "vivado",
    )
    return replace(
        bare,
        fidelity=STAGES[bare.stage],
        tool=tool,
        version=version,
        target=_target(line),
        mapping=Multiplying(impl[1]) if impl else Multiplying.AUTO,
        facts=read_layers(_layers(line), around),
    )


def _streams(bare: Row, line: Json) -> bool:
    """hls4ml's default is io_parallel; arrays as types tell of streams."""
    if not bare.io_type:
        return "nnet::array" in (line.get("layers") or "")
    if bare.io_type not in ("io_parallel", "io_stream"):
        raise Refusal(f"io_type {line['io_type']}")
    return bare.io_type == "io_stream"


def _tool(text: str) -> tuple[str, str]:
    """HLS tool and version; Vivado alone had Vivado HLS with it until 2020.1."""
    found = re.search(r"(Vivado|Vitis)[ _]HLS (?:v)?(\d{4}\.\d)", text)
    if found:
        return found[1].lower(), found[2]
    found = re.search(r"(?:Vivado|Vitis)\D{0,12}(\d{4}\.\d)", text)
    if not found:
        raise Refusal(f"tool {text or 'not given'}")
    return ("vivado" if float(found[1]) <= LAST_VIVADO_HLS else "vitis"), found[1]


LAST_VIVADO_HLS = 2020.1

_NUMBER = re.compile(r"\d+(?:\.\d+)?")


def _target(line: Json) -> Target:
    clock = float(line["clock_ns"]) if _is_number(line.get("clock_ns")) else DEFAULT_CLOCK_NS
    spelt = (line.get("part") or "").split(" ")[0]
    for name in (spelt, f"xc{spelt}"):
        try:
            return target(find_part(name), clock)
        except (TargetError, ValueError):
            continue
    raise Refusal(f"part or clock {line.get('part')!r} {line.get('clock_ns')!r}")


def _layers(line: Json) -> Sequence[Json]:
    try:
        layers = json.loads(line.get("layers") or "")
    except ValueError:
        raise Refusal("layers not given") from None
    if not isinstance(layers, list) or not all(isinstance(one, dict) for one in layers):
        raise Refusal("layers not given")
    return layers


_TYPE = r"((?:ap_)?u?fixed<[^>]*>)"
_ACTIVATIONS = (rf"^(?:all )?{_TYPE}", rf"activations {_TYPE}", rf"acts:{_TYPE}")
_WEIGHTS = (rf"weights?[:/ ](?:bias )?{_TYPE}", rf"^(?:all )?{_TYPE}")


def _common_type(text: str | None, patterns: Sequence[str]) -> Spelt:
    """The type that a row gives to all it does not name."""
    for pattern in patterns:
        found = re.search(pattern, text or "")
        if found:
            return read_type(found[1])
    return DEFAULT


def _strategy(line: Json) -> str:
    return (line.get("strategy") or "latency").split(" ")[0].lower()


def _is_number(text: object) -> bool:
    try:
        return math.isfinite(float(str(text)))
    except ValueError:
        return False
