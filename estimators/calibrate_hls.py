"""Fits the prices of HLS tools to published reports.

Rates of LUTs and flip-flops are fitted; all else follows rules. What logic synthesis and place
and route make of a csynth report is a factor per figure.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from converter.errors import DataError
from converter.report import Fidelity, Report
from estimators.csynth import design_ff, kernel
from estimators.fitting import Sample, fit_beside, predict
from estimators.hls import OTHERS, HlsEstimator
from estimators.kernels.base import Delays, Kernel, added
from estimators.price_files import Prices
from estimators.tables import Row

FIGURES = {"lut": "LUT", "ff": "FF"}
"""What is fitted, and the columns that hold it."""

FIXED: Mapping[str, Mapping[str, float]] = {
    "lut": {
        "rom_lut": 1.0,
        "line_lut": 1.0,
        "srl_fifo": 8.3,
        "srl_fifo_bit": 1.2,
        "bram_fifo": 50.0,
        "divider": 470.0,
        "shared_adder_bit": 1.0,
    },
    "ff": {"fifo_ff": 1.0, "divider": 740.0},
}
"""Rates that need no fit: a LUT per 64 bits of a ROM and per 32 bits of a line; FIFOs as in the
reports of three streaming designs (Vivado HLS 2020.1, Vitis HLS 2023.1): 28 LUTs for 16 bits in a
shift register, 16 for 6, about 50 in block RAM; a 16-bit divider (Vivado HLS 2020.1).
"""

PRIOR: Mapping[str, Mapping[str, float]] = {
    "lut": {
        "addend_bit": 1.0,
        "two_digit_product_bit": 1.0,
        "dsp_product_bit": 0.3,
        "lut_product_bit2": 1.0,
        "kernel": 30.0,
        "accumulator_bit": 1.0,
        "input_mux_bit": 1.0,
        "output_mux_bit": 0.33,
        "output_pair_bit": 3.0,
        "resource_kernel": 500.0,
        "indexed_kernel": 2000.0,
        "rounded_bit": 12.0,
        "logic_bit": 1.0,
        "softmax_bit": 1.5,
        "select_bit": 1.0,
        "sequence_bit": 4.3,
        "window_bit": 1.5,
        "stream_lane": 25.0,
        "stream_stage": 60.0,
    },
    "ff": {
        "cut_bit": 0.7,
        "cut_bit per interval": 0.5,
        "shared_addend_bit": 0.8,
        "two_cycle_product_bit": 0.3,
        "edge_bit": 1.0,
        "accumulator_bit": 1.0,
        "weight_bit": 1.0,
        "resource_kernel": 100.0,
        "output_bit cycle": 1.0,
        "input_bit": 1.0,
        "frame_bit": 1.0,
        "window_bit": 2.0,
        "stream_stage": 10.0,
        "state_bit": 4.0,
        "rounded_bit": 2.0,
        "shared_rounded_bit": 3.0,
        "link_bit": 1.0,
        "design": 2.0,
    },
}
"""Rates by construction: an adder's bit is a LUT, a chosen bit a third of one, a pipeline's bit
a flip-flop. They hold where the reports say little.
"""

DELAYS: Mapping[str, float] = {"adder_level_ns": 2.6, "product_ns": 4.0, "fast": 0.35}
"""Of all versions. They were chosen among neighbours (2 to 3 ns, 3 to 6 ns, 0.25 to 0.4) as those
that give the reported cycles of modules, and of these those that fit flip-flops."""

TOOLS: Mapping[str, Mapping[str, Any]] = {
    "vivado": {"uncertainty": 0.125},
    "vitis": {"uncertainty": 0.27, "vitis": True, "paired_tables": True},
}
"""By tool; ``uncertainty`` is the part of the clock that hls4ml's projects leave to it."""

VERSIONS: Mapping[str, Mapping[str, Mapping[str, Any]]] = {
    "vivado": {"2020.1": {}, "2019.2": {}, "2018.2": {"pipelined_streams": False}},
    "vitis": {
        "2024.1": {},
        "2023.1": {},
        "2022.2": {},
        "2021.1": {"uncertainty": 0.125, "paired_tables": False},
    },
}
"""Versions with data; the first is the default. The one project of 2021.1 sets 12.5 %."""


@dataclass(frozen=True)
class Labelled:
    """Rows with the kernels that they are made of. ``whole`` ones are designs, others modules."""

    row: Row
    kernels: tuple[Kernel, ...]
    whole: bool


def kernels_of(row: Row, delays: Delays) -> tuple[Kernel, ...]:
    """The kernels of a table's row."""
    if row.target is None:
        raise DataError(f"{row.project}: {row.refused}")
    where = row.target
    return tuple(kernel(facts, where, delays, row.mapping) for facts in row.facts)


def features_of(one: Labelled, figure: str) -> dict[str, float]:
    """What is counted of a row, summed over its stages."""
    total = added(*(getattr(k, figure) for k in one.kernels))
    if one.whole and figure == "ff" and one.row.target:
        total = added(total, design_ff(one.row.facts, one.kernels, one.row.target.family))
    return total


def sample(one: Labelled, figure: str) -> Sample:
    """Features with the reported figure; alike rows of one publisher share a weight."""
    first = max(one.row.facts, key=lambda f: f.weights)
    group = (
        one.row.owner, first.kind, first.strategy, first.reuse_factor > 1, first.stream, one.whole,
    )  # fmt: skip
    return Sample(features_of(one, figure), one.row.figures[FIGURES[figure]], group)


def fit_rates(known: Sequence[Labelled]) -> dict[str, dict[str, float]]:
    """Rates of LUTs and flip-flops."""
    return {
        figure: fit_beside([sample(one, figure) for one in known], FIXED[figure], PRIOR[figure])
        for figure in FIGURES
    }


PUBLISHED_LATER: Mapping[str, Mapping[str, float]] = {
    "lut": {"hls4ml-tutorial": 0.478, "ECE226": 0.579, "thaarres": 0.525, "hls4ml test": 0.603},
    "ff": {"hls4ml-tutorial": 0.763, "ECE226": 0.722, "thaarres": 0.999, "HEPT": 0.476},
}
"""Medians of logic synthesis over csynth of projects that the tables do not hold
(``calibration/relations.md`` 2.1, ``hls-reference.md`` 2.5). LUTs of HEPT (0.194) are left out:
their accumulators round.
"""

ESTIMATED_MOST = {"rounded_bit": 0.4, "sequence_bit": 0.4}
"""What the HLS report overstates most, as a share of the others' part: casts and wide choices
(0.19 to 0.32 of csynth in three projects of theirs, 0.5 elsewhere)."""

BUILT_AS_COUNTED = {"shared_adder_bit": 1.05}
"""LUTs per bit of adders that share subexpressions, after logic synthesis and routing (median of
20 designs, ``relations.md`` 3.3)."""

ROUTED = {"lut": 0.9, "ff": 0.95, "dsp": 1.0}
"""Place and route over logic synthesis: 0.90 and 0.55 to 0.97 in five designs for LUTs, 0.45 to
1 for flip-flops (``relations.md`` 2.2)."""

STAGES = (Fidelity.LOGIC_SYNTHESIS, Fidelity.PLACE_AND_ROUTE)
"""Those after csynth."""

Later = dict[str, dict[str, dict[str, float]]]


def fit_later(known: Sequence[Labelled], rates: Mapping[str, Mapping[str, float]]) -> Later:
    """What later stages leave of each feature's price: medians over projects, on the log scale."""
    found: Later = {}
    before = dict.fromkeys(FIGURES, 1.0)
    for stage in STAGES:
        rows = [one for one in known if one.row.fidelity is stage]
        found[stage.name.lower()] = {}
        for figure in FIGURES:
            shares = _shares(rows, rates, figure)
            if stage is Fidelity.LOGIC_SYNTHESIS:
                shares += [np.log(ratio) for ratio in PUBLISHED_LATER[figure].values()]
            else:
                shares += [float(np.log(before[figure] * ROUTED[figure]))]
            before[figure] = float(np.exp(np.median(shares)))
            found[stage.name.lower()][figure] = _by_feature(figure, before[figure])
    return found


def _by_feature(figure: str, share: float) -> dict[str, float]:
    most = ESTIMATED_MOST if figure == "lut" else {}
    kept = BUILT_AS_COUNTED if figure == "lut" else {}
    return {
        OTHERS: round(share, 4),
        **{n: round(share * s, 4) for n, s in most.items()},
        **kept,
    }


def _shares(
    rows: Sequence[Labelled], rates: Mapping[str, Mapping[str, float]], figure: str
) -> list[float]:
    """Log of reported over what the HLS report would say, by owner: the median of its rows."""
    weights = _by_feature(figure, 1.0)
    by_owner: dict[str, list[float]] = {}
    for one in rows:
        features = features_of(one, figure)
        kept = {n: v * weights.get(n, 1.0) for n, v in features.items()}
        whole = predict(rates[figure], kept)
        ratio = (one.row.figures[FIGURES[figure]] + 1) / (whole + 1)
        by_owner.setdefault(one.row.owner, []).append(float(np.log(ratio)))
    return [float(np.median(logs)) for logs in by_owner.values()]


@dataclass(frozen=True, eq=False)
class Fitted:
    """All that is fitted to a set of rows."""

    rates: Mapping[str, Mapping[str, float]]
    later: Later


def fit_all(known: Sequence[Labelled]) -> Fitted:
    """Rates from csynth rows, and what later stages leave of them."""
    rates = fit_rates([one for one in known if one.row.fidelity is Fidelity.CSYNTH])
    rounded = {figure: _rounded(by_name) for figure, by_name in rates.items()}
    return Fitted(rounded, fit_later([one for one in known if one.whole], rounded))


def _rounded(rates: Mapping[str, float]) -> dict[str, float]:
    """Four significant digits: more would be noise, and make the files unstable."""
    return {name: float(f"{rate:.4g}") for name, rate in sorted(rates.items())}


def prices_of(fitted: Fitted, row: Row) -> Prices:
    """Prices that are not in a file, at a row's version."""
    delays = delays_of(row.tool, row.version)
    return Prices(
        row.tool, row.version, fitted.rates, asdict(delays), "", "", {}, later=fitted.later
    )


def delays_of(tool: str, version: str) -> Delays:
    """How the nearest known version of a tool schedules."""
    nearest = min(VERSIONS[tool], key=lambda v: (abs(float(v) - float(version)), v))
    return Delays(**{**DELAYS, **TOOLS[tool], **VERSIONS[tool][nearest]})


def labelled(designs: Sequence[Row], modules: Sequence[Row]) -> list[Labelled]:
    """Rows with their kernels; refused ones are left out."""
    known = [(row, True) for row in designs if row.refused is None]
    known += [(row, False) for row in modules if row.refused is None]
    return [
        Labelled(row, kernels_of(row, delays_of(row.tool, row.version)), whole)
        for row, whole in known
    ]


def estimate_row(row: Row, prices: Prices) -> Report:
    """The report that a row's tool would give at the row's stage."""
    if row.target is None:
        raise DataError(f"{row.project}: {row.refused}")
    estimator = HlsEstimator(row.tool, prices, row.mapping, row.fidelity, row.version)
    stages = [estimator.price(facts, row.target) for facts in row.facts]
    return estimator.total(row.facts, stages, row.target)


def owners_of(known: Iterable[Labelled]) -> list[str]:
    """Publishers, in order."""
    return sorted({one.row.owner for one in known if one.whole})


def kinds_of(known: Iterable[Labelled]) -> dict[str, list[str]]:
    """Kinds of stages that reports were at hand of, by io_type."""
    kinds: dict[str, set[str]] = {"io_parallel": set(), "io_stream": set()}
    for one in known:
        for facts in one.row.facts:
            kinds["io_stream" if facts.stream else "io_parallel"].add(facts.kind)
    return {io: sorted(names) for io, names in kinds.items()}
