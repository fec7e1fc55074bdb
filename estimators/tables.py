"""Published synthesis results as facts: the bridge from a table's row to what estimators price.

The table's format is that of ``calibration/synthesis.csv``: one synthesised configuration
per row, its layers as JSON with the options and the statistics of the constants that the
generated project held. What a row does not tell is assumed as hls4ml's defaults have it;
what the estimators do not price is refused with the reason.
"""

from __future__ import annotations

import csv
import json
import re
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from math import exp
from pathlib import Path
from typing import Any

import numpy as np

from converter.errors import DataError, TargetError
from converter.facts import Facts, Memory, Multipliers
from converter.parts import find_part, target
from converter.timing import Target
from estimators import csynth

FIGURES = {
    "LUT": "lut",
    "FF": "ff",
    "DSP": "dsp",
    "BRAM18": "bram_18k",
    "latency_cycles": "latency_cycles",
    "II_cycles": "interval_cycles",
}
"""Columns of a table, and the figures of a report that they hold."""

DEFAULT_WIDTH = 16
"""Bits of hls4ml's default type, ``fixed<16,6>``."""

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
    tool: str = ""
    version: str = ""
    target: Target | None = None
    mapping: csynth.Mapping = csynth.Mapping.AUTO
    facts: tuple[Facts, ...] = ()
    refused: str | None = None

    @property
    def owner(self) -> str:
        """The publisher: rows of one are alike, and never split over folds."""
        return self.project.split("__")[0] or "unnamed"


class Refusal(Exception):  # noqa: N818
    """Why a row cannot be priced; never leaves this module."""


def read_table(path: Path) -> list[Row]:
    """Every row of a table. Raises DataError where it is not in the format."""
    csv.field_size_limit(sys.maxsize)
    try:
        with path.open(newline="", encoding="utf-8") as file:
            lines = list(csv.DictReader(file))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{path}: cannot be read as a table: {error}") from None
    missing = sorted(
        {"layers", "backend_tool", "part", "stage", *FIGURES} - set(lines[0] if lines else ())
    )
    if missing:
        raise DataError(f"{path}: has no rows, or lacks the columns {', '.join(missing)}")
    return [_row(line) for line in lines]


def read_modules(path: Path) -> list[Row]:
    """Stages of designs one by one, from a table in the format of ``calibration/modules.csv``.

    Kernels that the facts do not describe alone are left out.
    """
    with path.open(newline="", encoding="utf-8") as file:
        lines = [line for line in csv.DictReader(file) if _is_kernel(line)]
    return [row for row in map(_module_row, lines) if row.refused is None]


def _is_kernel(line: Json) -> bool:
    return bool(
        re.match(r"dense_(latency|resource)|relu|softmax", line["module"]) and line["layer"]
    )


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
        {name: float(line[name]) for name in FIGURES if _is_number(line[name])},
    )
    try:
        return _priced(bare, line)
    except Refusal as reason:
        return Row(**{**bare.__dict__, "refused": str(reason)})


def _priced(bare: Row, line: Json) -> Row:
    if bare.stage != "csynth_estimate":
        raise Refusal(f"stage {bare.stage}")
    if bare.io_type != "io_parallel":
        raise Refusal(f"io_type {bare.io_type or 'not given'}")
    found = re.search(r"(Vivado|Vitis) HLS (\d{4}\.\d)", line["backend_tool"])
    if not found:
        raise Refusal(f"tool {line['backend_tool'] or 'not given'}")
    try:
        where = target(find_part(line["part"].split(" ")[0]), float(line["clock_ns"]))
    except (TargetError, ValueError):
        raise Refusal(f"part or clock {line['part']!r} {line['clock_ns']!r}") from None
    impl = re.search(r"config_op mul -impl (dsp|fabric)", line.get("notes") or "")
    extra = {
        "tool": found[1].lower(),
        "version": found[2],
        "target": where,
        "mapping": csynth.Mapping(impl[1]) if impl else csynth.Mapping.AUTO,
        "facts": _stages(line, bare.strategy),
    }
    return Row(**{**bare.__dict__, **extra})


def _stages(line: Json, strategy: str) -> tuple[Facts, ...]:
    try:
        layers = json.loads(line["layers"])
    except ValueError:
        raise Refusal("layers not given") from None
    facts = []
    for layer in layers:
        op = re.sub(r"\(.*\)", "", str(layer.get("op", ""))).lower()
        if op in ("input", "normalize", "flatten", "reshape"):
            continue
        if op not in _OPS:
            raise Refusal(f"layer {op or 'not given'}")
        facts.append(_OPS[op](layer, line, strategy))
    if not facts:
        raise Refusal("layers not given")
    return tuple(facts)


def _dense(layer: Json, line: Json, strategy: str) -> Facts:
    if "n_in" not in layer:
        raise Refusal("dense without n_in")
    n_in, n_out = int(layer["n_in"]), int(layer["n_out"])
    width = _width(layer.get("weight_t"))
    reuse = int(float(layer.get("reuse_factor") or _first(line["reuse_factor"]) or 1))
    weights = _weights(layer, n_in, n_out, width)
    return Facts(
        stage=str(layer.get("name", "dense")),
        kind=csynth.MATVEC,
        strategy=str(layer.get("strategy") or strategy),
        reuse_factor=reuse,
        n_in=n_in,
        n_out=n_out,
        input_width=_width(layer.get("in_t")),
        output_width=_width(layer.get("out_t")),
        latency_cycles=0,
        interval_cycles=1,
        weight_width=width,
        accum_width=_width(layer.get("accum_t")),
        weights=n_in * n_out,
        **weights,
    )


def _weights(layer: Json, n_in: int, n_out: int, width: int) -> dict[str, Any]:
    """Statistics of the constants: given, or of random ones."""
    known = layer.get("w")
    if not known:
        zeros = layer.get("n_zeros")
        return random_weights(n_in, n_out, width, None if zeros is None else int(zeros))
    nonzero, powers = int(known["nnz"]), int(known["pow2"])
    return {
        "nonzero_weights": nonzero,
        "power_of_two_weights": powers,
        "csd_digits": int(known["csd"]),
        "dsp_constants": distinct_products(
            n_in, nonzero, powers, int(known["csd"]), int(known["absmax"])
        ),
    }


@cache
def random_weights(n_in: int, n_out: int, width: int, zeros: int | None = None) -> dict[str, int]:
    """Statistics expected of ``lecun_uniform`` weights, rounded down to ``width`` bits.

    hls4ml truncates weights, and types for weights have one integer bit: |w| < 1. Uniform
    in ±sqrt(3 / n_in), as Keras draws them; always the same draw.
    """
    random = np.random.default_rng(0)
    limit = min(1.0, float(np.sqrt(3 / n_in)))
    codes = np.floor(random.uniform(-limit, limit, (n_in, n_out)) * 2.0 ** (width - 1)).astype(
        np.int64
    )
    if zeros:
        codes.ravel()[random.permutation(codes.size)[:zeros]] = 0
    digits = csd_digits(codes)
    by_input = codes + np.arange(n_in)[:, None] * 2 ** (width + 1)  # tells inputs apart
    return {
        "nonzero_weights": int(np.count_nonzero(codes)),
        "power_of_two_weights": int((digits == 1).sum()),
        "csd_digits": int(digits.sum()),
        "dsp_constants": len(np.unique(by_input[digits >= 3])),
    }


def csd_digits(codes: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Non-zero digits of each code in canonical signed-digit form: the ones of c xor 3c."""
    magnitude = np.abs(codes.astype(np.int64))
    bits = magnitude ^ (3 * magnitude)
    count = np.zeros_like(bits)
    while bits.any():
        count += bits & 1
        bits = bits >> 1
    return count


def distinct_products(n_in: int, nonzero: int, powers: int, digits: int, largest: int) -> int:
    """Weights per input of at least three digits, each counted once: expected from totals.

    Of the weights that are not powers of two, with an excess of m digits over two on
    average, 1 - exp(-1.2 m) have three or more; equal ones of an input coincide, drawn
    from 0.7 of the values up to ``largest``. Both constants are fitted to the 19 dense
    modules of ``calibration/modules.csv`` whose products are all in DSP blocks (mean error
    7 %); where the weights are known the count is exact.
    """
    several = nonzero - powers
    choices = _DRAWN * 2 * _products_up_to(largest)
    if several <= 0 or choices == 0:
        return 0
    excess = max(0.0, (digits - powers) / several - 2)
    draws = several * (1 - exp(-_SPREAD * excess)) / n_in
    return round(n_in * choices * (1 - (1 - 1 / max(choices, 1.0)) ** draws))


_SPREAD, _DRAWN = 1.2, 0.7


@cache
def _products_up_to(largest: int) -> int:
    """Magnitudes up to ``largest`` of at least three digits."""
    return int((csd_digits(np.arange(1, largest + 1)) >= 3).sum())


def _elements(layer: Json) -> int:
    size = layer.get("n_in") or layer.get("n") or layer.get("n_out")
    if not size:
        raise Refusal(f"{layer.get('op')} without its size")
    return int(size)


def _plain(layer: Json, kind: str, **counts: Any) -> Facts:
    size = _elements(layer)
    return Facts(
        stage=str(layer.get("name", kind)),
        kind=kind,
        strategy="latency",
        reuse_factor=1,
        n_in=size,
        n_out=size,
        input_width=_width(layer.get("in_t")),
        output_width=_width(layer.get("out_t")),
        latency_cycles=0,
        interval_cycles=1,
        **counts,
    )


def _relu(layer: Json, line: Json, strategy: str) -> Facts:
    """A comparison and a choice; an adder where it rounds."""
    del line, strategy
    size, width = _elements(layer), _width(layer.get("in_t"))
    out = _width(layer.get("out_t"))
    rounds = "RND" in str(layer.get("out_t"))
    return _plain(
        layer,
        "requantize",
        compare_bits=size * width,
        mux_bits=size * out,
        adder_bits=size * out if rounds else 0,
    )


def _table(layer: Json, line: Json, strategy: str) -> Facts:
    """Two look-ups share one 1024-entry memory; the index is clipped at both ends."""
    del line, strategy
    size, width = _elements(layer), _width(layer.get("in_t"))
    depth, entry = int(layer.get("table_size", 1024)), _width(layer.get("table_t"), 18)
    memories = (Memory(-(-size // 2), depth, entry, 2),)
    return _plain(
        layer, "table", compare_bits=2 * size * width, mux_bits=2 * size * width, memories=memories
    )


def _softmax(layer: Json, line: Json, strategy: str) -> Facts:
    """Trees of maxima and of sums, a table per element, one reciprocal, a product each."""
    del line, strategy
    size, width = _elements(layer), _width(layer.get("in_t"))
    exp = _width(layer.get("exp_table_t"), 18)
    inverse = _width(layer.get("inv_table_t"), 18)
    depth = int(layer.get("table_size", 1024))
    return _plain(
        layer,
        "softmax",
        compare_bits=2 * size * width,
        mux_bits=2 * size * width,
        adder_bits=size * (width + exp),
        multipliers=(Multipliers(size, exp, inverse),),
        memories=(Memory(size - 1, depth, exp), Memory(1, depth, inverse)),
    )


def _affine(layer: Json, line: Json, strategy: str) -> Facts:
    """A product and an adder per element."""
    del line, strategy
    size, width = _elements(layer), _width(layer.get("in_t"))
    scale = _width(layer.get("scale_t"))
    return _plain(
        layer, "affine", adder_bits=size * width, multipliers=(Multipliers(size, width, scale),)
    )


_OPS: Mapping[str, Callable[[Json, Json, str], Facts]] = {
    "dense": _dense,
    "relu": _relu,
    "linear": _relu,
    "leaky_relu": _relu,
    "sigmoid": _table,
    "tanh": _table,
    "elu": _table,
    "selu": _table,
    "softplus": _table,
    "softsign": _table,
    "softmax": _softmax,
    "batchnorm": _affine,
    "batchnormalization": _affine,
}


def _width(text: object, default: int = DEFAULT_WIDTH) -> int:
    """Bits of a type spelt ``ap_fixed<16,6>``, ``fixed<8,1>`` or ``ap_uint<4>``."""
    found = re.search(r"(?:fixed|int)<(\d+)", str(text))
    return int(found[1]) if found else default


def _strategy(line: Json) -> str:
    return (line.get("strategy") or "latency").split(" ")[0].lower()


def _first(text: object) -> str:
    return re.split(r"[;, ]", str(text or ""))[0]


def _is_number(text: object) -> bool:
    try:
        return np.isfinite(float(str(text)))
    except ValueError:
        return False
