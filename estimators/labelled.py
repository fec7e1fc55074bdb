"""Our own synthesis runs as a table: facts of a design, and what Yosys counted."""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping, Sequence
from dataclasses import MISSING, asdict, dataclass, fields
from pathlib import Path
from typing import Any

from converter.errors import DataError
from converter.facts import Facts, Memory, Multipliers

TABLE = Path(__file__).parent / "data" / "yosys_designs.csv"

FIGURES = ("lut", "lutram", "srl", "ff", "dsp", "bram_18k", "latency_cycles", "interval_cycles")
"""What is known of a run, by the names in a report."""

COLUMNS = (
    "design", "kind", "held_out", "digest", "flow", "version", "part", "clock_period_ns",
    *FIGURES, "seconds", "stages", "facts",
)  # fmt: skip


@dataclass(frozen=True)
class Run:
    """One synthesised design. ``held_out`` ones are never fitted to; ``figures`` are counts
    by their names in a report, ``stages`` the same of each stage, and of what is between stages;
    ``facts`` are of its stages, in order, and of what the top adds.

    ``digest`` is of the Verilog, ``flow`` of the script: where both are the same, and the
    version, so are the figures.
    """

    design: str
    kind: str
    held_out: bool
    digest: str
    flow: str
    version: str
    part: str
    clock_period_ns: float
    figures: Mapping[str, float]
    seconds: float
    stages: Mapping[str, Mapping[str, float]]
    facts: tuple[Facts, ...]


def read(path: Path) -> list[Run]:
    """All runs of a table. Raises DataError where it cannot be read."""
    try:
        with path.open(newline="", encoding="utf-8") as file:
            return [_run(line) for line in csv.DictReader(file)]
    except (OSError, KeyError, TypeError, ValueError) as error:
        raise DataError(f"{path}: cannot be read as a table of runs: {error!r}") from None


def write(path: Path, runs: Sequence[Run]) -> None:
    """Replace a table at once: who reads it meanwhile finds the old one, whole."""
    beside = path.with_suffix(".part")
    with beside.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(_line(run) for run in runs)
    beside.replace(path)


def facts_to_json(facts: Sequence[Facts]) -> list[dict[str, Any]]:
    """Plain values, without what is as it is by default."""
    return [_without_defaults(asdict(one)) for one in facts]


def facts_from_json(data: Sequence[Mapping[str, Any]]) -> tuple[Facts, ...]:
    """Inverse of ``facts_to_json``. Raises TypeError for a field that there is not."""
    return tuple(_facts(values) for values in data)


def _without_defaults(values: Mapping[str, Any]) -> dict[str, Any]:
    default = {f.name: 0 if f.default is MISSING else f.default for f in fields(Facts)}
    return {name: value for name, value in values.items() if value != default[name]}


def _line(run: Run) -> dict[str, Any]:
    plain = {name: f"{value:g}" for name, value in run.figures.items()}
    values = {**run.__dict__, **plain, "held_out": int(run.held_out)}
    values["clock_period_ns"] = f"{run.clock_period_ns:g}"
    values["stages"] = json.dumps(run.stages, separators=(",", ":"))
    values["facts"] = json.dumps(facts_to_json(run.facts), separators=(",", ":"))
    return {name: values[name] for name in COLUMNS}


def _run(row: Mapping[str, str]) -> Run:
    return Run(
        row["design"],
        row["kind"],
        row["held_out"] == "1",
        row["digest"],
        row["flow"],
        row["version"],
        row["part"],
        float(row["clock_period_ns"]),
        {name: float(row[name]) for name in FIGURES},
        float(row["seconds"]),
        json.loads(row["stages"]),
        facts_from_json(json.loads(row["facts"])),
    )


def _facts(values: Mapping[str, Any]) -> Facts:
    parts = {
        "multipliers": tuple(Multipliers(**m) for m in values.get("multipliers", ())),
        "memories": tuple(Memory(**m) for m in values.get("memories", ())),
    }
    zero = dict.fromkeys((f.name for f in fields(Facts) if f.default is MISSING), 0)
    return Facts(**{**zero, **values, **parts})
