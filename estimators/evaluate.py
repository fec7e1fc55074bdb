"""How good the estimates are on a table: ``python -m estimators.evaluate TABLE.csv [--json]``.

The table has the format of ``calibration/synthesis.csv``. Rows that are not priced are
counted with the reason, never dropped in silence. A table that the prices were fitted to
flatters them: ``--cross-validate`` fits them anew without each publisher before its rows are
estimated (``--modules`` names the table of modules that the fit may use, too).
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from converter.errors import DseError
from estimators.calibrate_hls import estimate_row
from estimators.cross_validation import Scored, covered, errors, held_out, macro
from estimators.metrics import accuracy
from estimators.price_files import nearest_version, read_prices
from estimators.tables import FIGURES, Row, read_modules, read_table


def score_rows(rows: Sequence[Row]) -> list[Scored]:
    """An estimate for each row under the prices that come with the program, at the nearest
    version that they have.
    """
    return [_scored(row) for row in rows]


def _scored(row: Row) -> Scored:
    if row.refused:
        return Scored(row, None)
    prices = read_prices(row.tool, nearest_version(row.tool, row.version))
    return Scored(row, estimate_row(row, prices))


def summary(scored: Sequence[Scored]) -> dict[str, Any]:
    """Plain values: agreement per figure, in all and by group, and why rows were refused.

    ``macro`` is the mean over projects, so that one large sweep does not decide; of csynth
    reports and of what comes after them apart. ``coverage`` is the share of figures within
    their intervals.
    """
    groups: dict[str, list[Scored]] = {}
    for one in scored:
        for name in _groups(one.row):
            groups.setdefault(name, []).append(one)
    reasons = Counter(one.row.refused for one in scored if one.row.refused)
    return {
        "targets": _targets(scored),
        "macro": {
            fidelity.name.lower(): _macro([o for o in scored if o.row.fidelity is fidelity])
            for fidelity in sorted({one.row.fidelity for one in scored if one.report})
        },
        "groups": {name: _targets(members) for name, members in sorted(groups.items())},
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
    parser.add_argument(
        "--cross-validate", action="store_true", help="fit anew without each publisher in turn"
    )
    parser.add_argument("--modules", type=Path, help="stages one by one, for --cross-validate")
    chosen = parser.parse_args(arguments)
    try:
        result = summary(_evaluated(chosen))
    except DseError as error:
        print(f"evaluate: {error}", file=sys.stderr)  # noqa: T201
        return error.exit_status
    print(json.dumps(result, indent=2) if chosen.json else _text(result))  # noqa: T201
    return 0


def _evaluated(chosen: argparse.Namespace) -> list[Scored]:
    rows = read_table(chosen.table)
    if not chosen.cross_validate:
        return score_rows(rows)
    return held_out(rows, read_modules(chosen.modules) if chosen.modules else [])


def _groups(row: Row) -> tuple[str, ...]:
    groups = [
        f"stage:{row.stage}",
        f"strategy:{row.strategy or 'not given'}",
        f"io_type:{row.io_type or 'not given'}",
        f"project:{row.owner}",
    ]
    return (*groups, f"tool:{row.tool} {row.version}") if row.tool else tuple(groups)


def _targets(scored: Sequence[Scored]) -> dict[str, dict[str, Any]]:
    return {column: _target(scored, column, figure) for column, figure in FIGURES.items()}


def _target(scored: Sequence[Scored], column: str, figure: str) -> dict[str, Any]:
    """Agreement on one figure, over the rows that give it."""
    given = [one for one in scored if column in one.row.figures]
    priced = [(one.report, one.row.figures[column]) for one in given if one.report]
    estimated = np.array([getattr(report, figure) for report, _ in priced], float)
    reported = np.array([value for _, value in priced], float)
    found = accuracy(estimated, reported)
    inside = [hit for r, value in priced if (hit := covered(r, figure, value)) is not None]
    return {
        "n": found.n,
        "refused": len(given) - found.n,
        **{k: v for k, v in found.to_json().items() if k != "n"},
        "coverage": sum(inside) / len(inside) if inside else None,
    }


def _macro(scored: Sequence[Scored]) -> dict[str, dict[str, Any]]:
    owners = sorted({one.row.owner for one in scored if one.report})
    out = {}
    for column, figure in FIGURES.items():
        found = [errors([o for o in scored if o.row.owner == w], column, figure) for w in owners]
        out[column] = macro([one for one in found if one["n"]])
    return out


def _text(result: dict[str, Any]) -> str:
    lines = []
    for title, targets in {"all rows": result["targets"], **result["groups"]}.items():
        if any(t["n"] for t in targets.values()):
            lines += [title, _HEAD, *(_line(name, t) for name, t in targets.items())]
    for fidelity, by_figure in result["macro"].items():
        lines.append(f"means over projects, {fidelity.replace('_', ' ')}")
        lines += [_macro_line(name, found) for name, found in by_figure.items()]
    if result["refusals"]:
        lines.append("refused: " + ", ".join(f"{n} × {r}" for r, n in result["refusals"].items()))
    return "\n".join(lines)


_HEAD = "  figure           n  refused      R2   SMAPE %  MdAPE %  Spearman  coverage"


def _line(name: str, t: dict[str, Any]) -> str:
    return (
        f"  {name:14}{t['n']:5}{t['refused']:9}{_cell(t['r2'], 3):>8}{_cell(t['smape']):>10}"
        f"{_cell(t['mdape']):>9}{_cell(t['spearman'], 3):>10}{_cell(t['coverage'], 2):>10}"
    )


def _macro_line(name: str, found: dict[str, Any]) -> str:
    near = found.get("within_1_cycle_or_5_percent_macro")
    tail = "" if near is None else f", within 1 cycle or 5 %: {_cell(near, 2)}"
    return (
        f"  {name:14}SMAPE {_cell(found.get('smape_macro'))} %, coverage "
        f"{_cell(found.get('coverage_macro'), 2)}{tail} ({found['projects']} projects)"
    )


def _cell(value: float | None, digits: int = 1) -> str:
    return "-" if value is None else f"{value:.{digits}f}"


if __name__ == "__main__":
    raise SystemExit(main())
