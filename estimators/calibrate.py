"""Makes the price files anew: ``python -m estimators.calibrate csynth|yosys …``.

csynth rates are fitted to published reports (tables in the format of ``calibration/``),
Yosys rates to our own synthesis runs (``data/yosys_dense.csv``). Each file tells the error
on projects, or designs, that were held out of the fit of the rates. Features, rules and delays
were chosen with all of them in view, so that these errors are somewhat too small.
"""

from __future__ import annotations

import argparse
import datetime
import itertools
import json
import sys
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from converter.errors import DataError, DseError
from estimators import labelled
from estimators.csynth import Delays, Kernel, design_cycles, design_ff, kernel
from estimators.fitting import Sample, fit, predict
from estimators.metrics import accuracy
from estimators.price_files import FOLDER
from estimators.tables import Row, read_modules, read_table
from estimators.yosys import ff_features, lut_features

HLS_FIGURES = {"lut": "LUT", "ff": "FF"}

FIXED = {"lut": {"rom_lut": 1.0}, "ff": {}}
"""Rates that need no fit, and have too little data for one."""

YOSYS_PRIOR: dict[str, dict[str, float]] = {
    "lut": {
        "adder_bit": 0.93,
        "shared_adder_bit": 0.93,
        "lane_adder_bit": 0.93,
        "dsp_sum_bit": 1.0,
        "accumulator_bit": 0.1,
        "mux_bit": 0.1,
        "select_bit": 0.33,
        "compare_bit": 0.5,
        "lut_product_bit2": 1.5,
        "weight_lut": 1.0,
        "table_lut": 1.0,
        "shift_register_bit": 1.0,
    },
    "ff": {"register_bit": 1.0, "shared_register_bit": 1.0, "weight_register_bit": 1.0},
}
"""Rates by construction of the fabric: a LUT per bit of a carry chain (0.93 measured on three
dense layers), half a LUT per compared bit, a third per selected word and bit, one per 64 bits
of a table. They hold where the runs say little.
"""

YOSYS_SMALL = 300.0
"""LUTs or flip-flops: real designs have thousands, the table's ones hundreds."""

UNCERTAINTY = {"vivado": 0.125, "vitis": 0.27}
"""Part of the clock that hls4ml's projects leave to uncertainty, by tool."""

VERSIONS: dict[str, dict[str, dict[str, Any]]] = {
    "vivado": {"2020.1": {}, "2019.2": {}},
    "vitis": {
        "2024.1": {},
        "2023.1": {},
        "2022.2": {},
        "2021.1": {"delays": {"uncertainty": 0.125}},
    },
}
"""Versions with data; the first is the default. The one project of 2021.1 sets 12.5 %."""

GRID = ((2.0, 2.2, 2.4, 2.6, 2.8, 3.0), (3.0, 4.0, 5.0, 6.0), (0.25, 0.3, 0.35, 0.4))
"""Candidates of adder level (ns), product (ns) and share of them on fast devices."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Write price files. Returns the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m estimators.calibrate",
        description=__doc__,
        epilog="example: python -m estimators.calibrate csynth --synthesis synthesis.csv "
        "--modules modules.csv",
    )
    kinds = parser.add_subparsers(dest="kind", required=True)
    csynth = kinds.add_parser("csynth", help="prices/vitis.json and prices/vivado.json")
    csynth.add_argument("--synthesis", type=Path, required=True, help="whole designs")
    csynth.add_argument("--modules", type=Path, required=True, help="their stages one by one")
    yosys = kinds.add_parser("yosys", help="prices/yosys.json")
    yosys.add_argument("--table", type=Path, default=labelled.TABLE, help="our own runs")
    for one in (csynth, yosys):
        one.add_argument("--out", type=Path, default=FOLDER, help="folder to write to")
        one.add_argument("--date", default=datetime.date.today().isoformat())
    chosen = parser.parse_args(arguments)
    try:
        _csynth(chosen) if chosen.kind == "csynth" else _yosys(chosen)
    except DseError as error:
        print(f"calibrate: {error}", file=sys.stderr)  # noqa: T201
        return error.exit_status
    return 0


def _csynth(chosen: argparse.Namespace) -> None:
    designs = [row for row in read_table(chosen.synthesis) if row.refused is None]
    stages = read_modules(chosen.modules)
    if not designs or not stages:
        raise DataError(f"{chosen.synthesis}: no row of it can be priced")
    delays = best_delays(designs, stages)
    rates, report = {}, {}
    for figure, column in HLS_FIGURES.items():
        samples = hls_samples(designs, stages, figure, column, delays)
        rates[figure] = _rounded(_fit(samples, FIXED[figure]))
        report[figure] = _held_out(samples, designs, FIXED[figure])
    report |= _rules(designs, delays)
    for tool, versions in VERSIONS.items():
        data = {
            "tool": tool,
            "default_version": next(iter(versions)),
            "source": "fitted to the csynth reports of published hls4ml projects: "
            + ", ".join(f"{o} ({n})" for o, n in Counter(r.owner for r in designs).items())
            + f"; and to {len(stages)} of their modules",
            "date": chosen.date,
            "delays": {
                "adder_level_ns": delays.adder_level_ns,
                "product_ns": delays.product_ns,
                "fast": delays.fast,
                "uncertainty": UNCERTAINTY[tool],
            },
            "rates": rates,
            "versions": versions,
            "fit": report,
        }
        _write(chosen.out / f"{tool}.json", data)


def row_delays(row: Row, delays: Delays) -> Delays:
    """``delays`` with the clock uncertainty of a row's tool and version."""
    settings = VERSIONS[row.tool].get(row.version, {}).get("delays", {})
    return replace(delays, uncertainty=settings.get("uncertainty", UNCERTAINTY[row.tool]))


def row_kernels(row: Row, delays: Delays) -> list[Kernel]:
    """The kernels of a table's row."""
    if row.target is None:
        raise DataError(f"{row.project}: {row.refused}")
    where, own = row.target, row_delays(row, delays)
    return [kernel(facts, where, own, row.mapping) for facts in row.facts]


def best_delays(designs: Sequence[Row], stages: Sequence[Row]) -> Delays:
    """Delays that give the reported cycles of stages, and of these those that fit flip-flops.

    Cycles alone hardly tell neighbouring delays apart; where registers cut a tree, and so
    how many bits they hold, does. All within a tenth of the fewest misses are tried.
    """
    single = [*stages, *(row for row in designs if len(row.facts) == 1)]
    points = [Delays(*point, 0.0) for point in itertools.product(*GRID)]
    misses = [_missed_cycles(single, point) for point in points]
    near = [p for p, miss in zip(points, misses, strict=True) if miss <= 1.1 * min(misses)]

    def registers(delays: Delays) -> float:
        samples = hls_samples(designs, stages, "ff", "FF", delays)
        by_group: dict[object, list[Sample]] = {}
        for sample in samples:
            by_group.setdefault(sample.group, []).append(sample)
        rates = _fit(samples, FIXED["ff"])
        return float(np.mean([_errors(group, rates)["smape"] for group in by_group.values()]))

    return min(near, key=registers)


def _missed_cycles(rows: Sequence[Row], delays: Delays) -> float:
    """Mean distance from the reported cycles, at most 3 each; every group of project and
    kind counts alike. Shared multipliers are left out: they follow rules without delays.
    """
    groups: dict[tuple[str, str], list[float]] = {}
    for row in rows:
        if row.facts[0].reuse_factor == 1:
            (shape,) = row_kernels(row, delays)
            miss = abs(shape.latency - row.figures["latency_cycles"])
            groups.setdefault((row.owner, row.facts[0].kind), []).append(min(miss, 3.0))
    return float(np.mean([np.mean(group) for group in groups.values()]))


def hls_samples(
    designs: Sequence[Row], stages: Sequence[Row], figure: str, column: str, delays: Delays
) -> list[Sample]:
    """Designs first, then stages; features of a design are the sums of its stages'."""
    return [
        _hls_sample(row, figure, column, delays, whole)
        for rows, whole in ((designs, True), (stages, False))
        for row in rows
    ]


def _hls_sample(row: Row, figure: str, column: str, delays: Delays, whole: bool) -> Sample:
    kernels = row_kernels(row, delays)
    features: Counter[str] = Counter()
    for shape in kernels:
        features.update(getattr(shape, figure))
    if whole and figure == "ff" and row.target:
        features.update(design_ff(row.facts[0], kernels, row.target.family))
    first = row.facts[0]
    group = (row.owner, first.kind, first.strategy, first.reuse_factor > 1, whole)
    return Sample(dict(features), row.figures[column], group)


def _fit(
    samples: Sequence[Sample],
    fixed: Mapping[str, float],
    prior: Mapping[str, float] | None = None,
    small: float = 20.0,
) -> dict[str, float]:
    """Rates of every feature; ``fixed`` ones are taken as they are."""
    rest = [
        Sample(
            {n: v for n, v in s.features.items() if n not in fixed},
            max(0.0, s.figure - predict(fixed, s.features)),
            s.group,
        )
        for s in samples
    ]
    every = dict.fromkeys(sorted({name for s in samples for name in s.features}), 0.0)
    return {**every, **(prior or {}), **fit(rest, prior, small), **fixed}


def _held_out(
    samples: Sequence[Sample], designs: Sequence[Row], fixed: Mapping[str, float]
) -> dict[str, Any]:
    """Errors on whole designs of each project when the fit has not seen that project."""
    by_project, pooled = {}, _fit(samples, fixed)
    for owner in sorted({row.owner for row in designs}):
        rates = _fit([s for s in samples if s.group[0] != owner], fixed)  # type: ignore[index]
        own = [s for s, row in zip(samples, designs, strict=False) if row.owner == owner]
        by_project[owner] = _errors(own, rates)
    return {
        "n": len(samples),
        "smape_fitted": _errors(samples[: len(designs)], pooled)["smape"],
        "smape_held_out_macro": round(float(np.mean([e["smape"] for e in by_project.values()])), 1),
        "held_out": by_project,
    }


def _errors(samples: Sequence[Sample], rates: Mapping[str, float]) -> dict[str, Any]:
    estimated = np.array([predict(rates, s.features) for s in samples])
    reported = np.array([s.figure for s in samples])
    return {"n": len(samples), "smape": round(accuracy(estimated, reported).smape or 0.0, 1)}


def _rules(designs: Sequence[Row], delays: Delays) -> dict[str, Any]:
    """Errors of what is not fitted, per project: blocks, latency, interval."""
    figures: dict[str, Callable[[Row, list[Kernel]], float]] = {
        "DSP": lambda _, kernels: sum(k.dsp for k in kernels),
        "BRAM18": lambda _, kernels: sum(k.bram_18k for k in kernels),
        "latency_cycles": lambda row, kernels: _cycles(row, kernels)[0],
        "II_cycles": lambda row, kernels: _cycles(row, kernels)[1],
    }
    owners = sorted({row.owner for row in designs})
    shapes = [row_kernels(row, delays) for row in designs]
    out: dict[str, Any] = {}
    for column, of in figures.items():
        by_project = {}
        for owner in owners:
            pairs = [
                (of(row, kernels), row.figures[column])
                for row, kernels in zip(designs, shapes, strict=True)
                if row.owner == owner
            ]
            by_project[owner] = _pair_errors(pairs, column)
        out[column] = by_project
    return out


def _pair_errors(pairs: Sequence[tuple[float, float]], column: str) -> dict[str, Any]:
    estimated, reported = np.array(pairs, float).T
    errors: dict[str, Any] = {
        "n": len(pairs),
        "smape": round(accuracy(estimated, reported).smape or 0.0, 1),
    }
    if column.endswith("cycles"):
        near = np.abs(estimated - reported) <= np.maximum(1, 0.05 * reported)
        errors["within_1_cycle_or_5_percent"] = round(float(near.mean()), 2)
    return errors


def _cycles(row: Row, kernels: list[Kernel]) -> tuple[int, int]:
    if row.target is None:
        raise DataError(f"{row.project}: {row.refused}")
    return design_cycles(kernels, row.target.family)


def _yosys(chosen: argparse.Namespace) -> None:
    runs = labelled.read(chosen.table)
    figures = {"lut": lut_features, "ff": ff_features}
    rates, report = {}, {}
    for figure, features in figures.items():
        samples = [labelled.sample(run, features, figure) for run in runs]
        seen = [s for s, run in zip(samples, runs, strict=True) if not run.held_out]
        unseen = [s for s, run in zip(samples, runs, strict=True) if run.held_out]
        rates[figure] = _rounded(_fit(seen, {}, YOSYS_PRIOR[figure], YOSYS_SMALL))
        report[figure] = {
            "n": len(seen),
            "smape_fitted": _errors(seen, rates[figure])["smape"],
            "held_out": _errors(unseen, rates[figure]),
            "held_out_by_kind": {
                kind: _errors([s for s in unseen if s.group == kind], rates[figure])
                for kind in sorted({str(s.group) for s in unseen})
            },
        }
    report |= labelled.exact_counts(runs)
    version = runs[0].version
    data = {
        "tool": "yosys",
        "default_version": version,
        "source": f"fitted to {len(runs)} synthesis runs of our own Verilog, "
        "estimators/data/yosys_dense.csv, made by benchmarks/yosys_table.py; held-out ones were "
        "in view when features were chosen, and errors on new designs are larger",
        "date": chosen.date,
        "rates": rates,
        "versions": {version: {}},
        "fit": report,
    }
    _write(chosen.out / "yosys.json", data)


def _rounded(rates: Mapping[str, float]) -> dict[str, float]:
    """Four significant digits: more would be noise, and make the files unstable."""
    return {name: float(f"{rate:.4g}") for name, rate in sorted(rates.items())}


def _write(path: Path, data: Mapping[str, Any]) -> None:
    path.write_text(json.dumps(data, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    print(f"wrote {path}", file=sys.stderr)  # noqa: T201


if __name__ == "__main__":
    raise SystemExit(main())
