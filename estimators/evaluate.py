"""How good the estimates are on a table: ``python -m estimators.evaluate TABLE.csv [--json]``.

The table has the format of ``calibration/synthesis.csv``. Rows that are not priced are
counted with the reason, never dropped in silence. A table that the prices were fitted to
flatters them: what was held out is in the price files, under ``fit``.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from converter.errors import DseError
from converter.report import Report
from estimators.hls import HlsEstimator
from estimators.metrics import Accuracy, accuracy
from estimators.price_files import nearest_version, read_prices
from estimators.tables import FIGURES, Row, read_table


@dataclass(frozen=True)
class Scored:
    """A row with its estimate, which is ``None`` where the row is refused."""

    row: Row
    report: Report | None


def score_rows(rows: Sequence[Row]) -> list[Scored]:
    """An estimate for each row, at the nearest version with prices."""
    return [Scored(row, None if row.refused else _estimate(row)) for row in rows]


def summary(scored: Sequence[Scored]) -> dict[str, Any]:
    """Plain values: agreement per figure, in all and by group, and why rows were refused.

    ``macro`` is the mean over projects, so that one large sweep does not decide.
    ``coverage`` is of intervals, which these estimates do not have yet.
    """
    groups: dict[str, list[Scored]] = {}
    for one in scored:
        for name in _groups(one.row):
            groups.setdefault(name, []).append(one)
    by_name = {name: _targets(members) for name, members in sorted(groups.items())}
    reasons = Counter(one.row.refused for one in scored if one.row.refused)
    return {
        "targets": _targets(scored),
        "macro": _macro({n: t for n, t in by_name.items() if n.startswith("project:")}),
        "groups": by_name,
        "refusals": dict(reasons.most_common()),
    }


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the summary of one table. Returns the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m estimators.evaluate",
        description=__doc__,
        epilog="example: python -m estimators.evaluate synthesis.csv --json",
    )
    parser.add_argument("table", type=Path, help="published results, one design per row")
    parser.add_argument("--json", action="store_true", help="one JSON document on stdout")
    chosen = parser.parse_args(arguments)
    try:
        result = summary(score_rows(read_table(chosen.table)))
    except DseError as error:
        print(f"evaluate: {error}", file=sys.stderr)  # noqa: T201
        return error.exit_status
    print(json.dumps(result, indent=2) if chosen.json else _text(result))  # noqa: T201
    return 0


def _estimate(row: Row) -> Report:
    if row.target is None:
        raise ValueError(row.project)
    prices = read_prices(row.tool, nearest_version(row.tool, row.version))
    estimator = HlsEstimator(row.tool, prices, row.mapping)
    stages = [estimator.price(facts, row.target) for facts in row.facts]
    return estimator.total(row.facts, stages, row.target)


def _groups(row: Row) -> tuple[str, ...]:
    return (
        f"stage:{row.stage}",
        f"strategy:{row.strategy or 'not given'}",
        f"io_type:{row.io_type or 'not given'}",
        f"project:{row.owner}",
    )


def _targets(scored: Sequence[Scored]) -> dict[str, dict[str, Any]]:
    return {column: _target(scored, column, figure) for column, figure in FIGURES.items()}


def _target(scored: Sequence[Scored], column: str, figure: str) -> dict[str, Any]:
    """Agreement on one figure, over the rows that give it."""
    given = [one for one in scored if column in one.row.figures]
    priced = [(one.report, one.row.figures[column]) for one in given if one.report]
    estimated = np.array([getattr(report, figure) for report, _ in priced], float)
    reported = np.array([value for _, value in priced], float)
    found: Accuracy = accuracy(estimated, reported)
    return {
        "n": found.n,
        "refused": len(given) - found.n,
        **{k: v for k, v in found.to_json().items() if k != "n"},
        "coverage": None,
    }


def _macro(projects: dict[str, dict[str, dict[str, Any]]]) -> dict[str, dict[str, Any]]:
    out = {}
    for column in FIGURES:
        known = [t[column]["smape"] for t in projects.values() if t[column]["smape"] is not None]
        out[column] = {
            "projects": len(known),
            "smape": float(np.mean(known)) if known else None,
        }
    return out


def _text(result: dict[str, Any]) -> str:
    lines = []
    for title, targets in {"all rows": result["targets"], **result["groups"]}.items():
        if not any(t["n"] for t in targets.values()):
            continue
        lines.append(f"{title}")
        lines.append("  figure           n  refused      R2   SMAPE %  MdAPE %  Spearman")
        for name, t in targets.items():
            cells = (
                _cell(t["r2"], 3),
                _cell(t["smape"]),
                _cell(t["mdape"]),
                _cell(t["spearman"], 3),
            )
            lines.append(
                f"  {name:14}{t['n']:5}{t['refused']:9}{cells[0]:>8}{cells[1]:>10}"
                f"{cells[2]:>9}{cells[3]:>10}"
            )
    lines.append(
        "mean SMAPE over projects: "
        + ", ".join(f"{name} {_cell(t['smape'])}" for name, t in result["macro"].items())
    )
    if result["refusals"]:
        lines.append("refused: " + ", ".join(f"{n} × {r}" for r, n in result["refusals"].items()))
    return "\n".join(lines)


def _cell(value: float | None, digits: int = 1) -> str:
    return "-" if value is None else f"{value:.{digits}f}"


if __name__ == "__main__":
    raise SystemExit(main())
