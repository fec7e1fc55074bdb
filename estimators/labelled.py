"""Our own synthesis runs as a table: facts of a design, and what Yosys counted."""

from __future__ import annotations

import csv
import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from converter.errors import DataError
from converter.facts import Facts, Memory, Multipliers
from converter.timing import Family
from estimators.fitting import Sample
from estimators.structure import dsp_per_product, memory_blocks

TABLE = Path(__file__).parent / "data" / "yosys_dense.csv"

COLUMNS = (
    "design", "kind", "held_out", "version", "part", "clock_period_ns", "lut", "ff", "dsp",
    "bram_18k", "latency_cycles", "interval_cycles", "seconds", "facts",
)  # fmt: skip


@dataclass(frozen=True)
class Run:
    """One synthesised design. ``held_out`` ones are never fitted to; ``figures`` are counts
    by their names in a report; ``facts`` are of its stages, in order.
    """

    design: str
    kind: str
    held_out: bool
    version: str
    part: str
    clock_period_ns: float
    figures: Mapping[str, float]
    seconds: float
    facts: tuple[Facts, ...]


def read(path: Path) -> list[Run]:
    """All runs of a table. Raises DataError where it cannot be read."""
    try:
        with path.open(newline="", encoding="utf-8") as file:
            return [_run(line) for line in csv.DictReader(file)]
    except (OSError, KeyError, TypeError, ValueError) as error:
        raise DataError(f"{path}: cannot be read as a table of runs: {error}") from None


def line(run: Run) -> dict[str, Any]:
    """A row of the table; facts as JSON without what is zero or empty."""
    facts = [{k: v for k, v in asdict(f).items() if v} for f in run.facts]
    values = {**run.__dict__, **run.figures, "held_out": int(run.held_out)}
    values["facts"] = json.dumps(facts, separators=(",", ":"))
    return {name: values[name] for name in COLUMNS}


def _run(row: Mapping[str, str]) -> Run:
    figures = ("lut", "ff", "dsp", "bram_18k", "latency_cycles", "interval_cycles")
    return Run(
        row["design"],
        row["kind"],
        row["held_out"] == "1",
        row["version"],
        row["part"],
        float(row["clock_period_ns"]),
        {name: float(row[name]) for name in figures},
        float(row["seconds"]),
        tuple(_facts(values) for values in json.loads(row["facts"])),
    )


def _facts(values: Mapping[str, Any]) -> Facts:
    parts = {
        "multipliers": tuple(Multipliers(**m) for m in values.get("multipliers", ())),
        "memories": tuple(Memory(**m) for m in values.get("memories", ())),
    }
    zero = {"latency_cycles": 0, "interval_cycles": 0, "n_in": 0, "n_out": 0}
    return Facts(**{**zero, **values, **parts})


def sample(run: Run, features: Callable[[Facts], Mapping[str, float]], figure: str) -> Sample:
    """Features of a run, summed over its stages, with its figure."""
    total: Counter[str] = Counter()
    for facts in run.facts:
        total.update(features(facts))
    return Sample(dict(total), run.figures[figure], run.kind)


def exact_counts(runs: Sequence[Run]) -> dict[str, Any]:
    """How often what is not fitted agrees with Yosys, over all runs."""
    names = ("dsp", "bram_18k", "latency_cycles", "interval_cycles")
    equal: Counter[str] = Counter()
    for run in runs:
        expected = _exact(run.facts, _family(run.part))
        equal.update({n: int(expected[n] == run.figures[n]) for n in names})
    return {n: {"n": len(runs), "exact": round(equal[n] / len(runs), 3)} for n in names}


def _family(part: str) -> Family:
    from converter.parts import find_part

    return find_part(part).family


def _exact(facts: Sequence[Facts], family: Family) -> dict[str, float]:
    products = [m for f in facts for m in f.multipliers if m.in_dsp]
    return {
        "dsp": sum(m.count * dsp_per_product(m.width_a, m.width_b, family) for m in products),
        "bram_18k": sum(memory_blocks(m) for f in facts for m in f.memories if m.registered),
        "latency_cycles": sum(f.latency_cycles for f in facts),
        "interval_cycles": max(f.interval_cycles for f in facts),
    }
