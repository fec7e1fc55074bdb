"""How good prices are on publishers that they were not fitted to, and what follows from it.

Everything that is fitted is fitted anew without each publisher's rows and modules: rates,
factors of later stages, widths of intervals. Features, rules and delays were chosen with all of
them in view, so that errors on tables of others may be larger.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from converter.errors import DataError
from converter.report import Fidelity, Report
from estimators.calibrate_hls import (
    DELAYS,
    TOOLS,
    VERSIONS,
    Fitted,
    Labelled,
    estimate_row,
    fit_all,
    kinds_of,
    labelled,
    owners_of,
    prices_of,
)
from estimators.intervals import Residual, residual, widths
from estimators.metrics import accuracy
from estimators.tables import FIGURES, Row


@dataclass(frozen=True)
class Scored:
    """A row with its estimate, which is ``None`` where the row is refused."""

    row: Row
    report: Report | None


def held_out(designs: Sequence[Row], modules: Sequence[Row]) -> list[Scored]:
    """Estimates of every row under prices and intervals that know nothing of its publisher.

    Raises DataError where fewer than two publishers are known.
    """
    known = labelled(designs, modules)
    owners = owners_of(known)
    if len(owners) < 2:
        raise DataError("cross-validation needs rows of two projects that can be priced")
    scored = [Scored(row, None) for row in designs if row.refused is not None]
    for owner in owners:
        rest = [one for one in known if one.row.owner != owner]
        fitted, found = fit_all(rest), widths(residuals(rest))
        for one in known:
            if one.row.owner == owner and one.whole:
                prices = replace(prices_of(fitted, one.row), intervals=found)
                prices = replace(prices, known=kinds_of(rest))
                scored.append(Scored(one.row, estimate_row(one.row, prices)))
    return scored


def residuals(known: Sequence[Labelled]) -> list[Residual]:
    """Of each publisher's designs under prices that were fitted without it."""
    found = []
    for owner in owners_of(known):
        fitted = fit_all([one for one in known if one.row.owner != owner])
        for one in known:
            if one.whole and one.row.owner == owner:
                found += _residuals(one.row, fitted)
    return found


def _residuals(row: Row, fitted: Fitted) -> list[Residual]:
    report = estimate_row(row, prices_of(fitted, row))
    streams = any(f.stream for f in row.facts)
    stratum = (row.fidelity.name.lower(), "io_stream" if streams else "io_parallel")
    return [
        residual(row.owner, stratum, figure, getattr(report, figure) or 0.0, row.figures[column])
        for column, figure in FIGURES.items()
        if column in row.figures
    ]


def price_data(designs: Sequence[Row], modules: Sequence[Row], date: str) -> dict[str, Any]:
    """The contents of the price files, by tool. Raises DataError where no row can be priced."""
    known = labelled(designs, modules)
    if not known:
        raise DataError("calibrate: no row of the tables can be priced")
    fitted, scored = fit_all(known), held_out(designs, modules)
    rows = Counter(one.row.owner for one in known if one.whole)
    shared = {
        "source": "fitted to reports of published hls4ml projects: "
        + ", ".join(f"{owner} ({n})" for owner, n in sorted(rows.items()))
        + f"; and to {sum(not one.whole for one in known)} of their modules",
        "date": date,
        "rates": fitted.rates,
        "later": fitted.later,
        "intervals": widths(residuals(known)),
        "known": kinds_of(known),
        "fit": fit_report(scored, known, fitted),
    }
    return {
        tool: {
            "tool": tool,
            "default_version": next(iter(versions)),
            "delays": {**DELAYS, **TOOLS[tool]},
            "versions": {name: {"delays": dict(own)} for name, own in versions.items()},
            **shared,
        }
        for tool, versions in VERSIONS.items()
    }


def fit_report(
    scored: Sequence[Scored], known: Sequence[Labelled], fitted: Fitted
) -> dict[str, Any]:
    """Errors by figure, in csynth: of the fit, and by publisher when it was held out."""
    rows = [one for one in scored if one.report and one.row.fidelity is Fidelity.CSYNTH]
    seen = [
        Scored(one.row, estimate_row(one.row, prices_of(fitted, one.row)))
        for one in known
        if one.whole and one.row.fidelity is Fidelity.CSYNTH
    ]
    out: dict[str, Any] = {}
    for column, figure in FIGURES.items():
        by_owner = {
            owner: errors([one for one in rows if one.row.owner == owner], column, figure)
            for owner in sorted({one.row.owner for one in rows})
        }
        by_owner = {owner: found for owner, found in by_owner.items() if found["n"]}
        out[figure] = {
            "n": sum(found["n"] for found in by_owner.values()),
            "smape_fitted": errors(seen, column, figure).get("smape"),
            **macro(list(by_owner.values())),
            "held_out": by_owner,
        }
    return out


def errors(scored: Sequence[Scored], column: str, figure: str) -> dict[str, Any]:
    """Agreement on one figure: SMAPE, of cycles the share within 1 or 5 %, and coverage."""
    pairs = [
        (getattr(one.report, figure), one.row.figures[column], one.report)
        for one in scored
        if one.report and column in one.row.figures and getattr(one.report, figure) is not None
    ]
    if not pairs:
        return {"n": 0}
    estimated = np.array([e for e, _, _ in pairs], float)
    reported = np.array([r for _, r, _ in pairs], float)
    found: dict[str, Any] = {"n": len(pairs)}
    found["smape"] = round(accuracy(estimated, reported).smape or 0.0, 1)
    if column.endswith("cycles"):
        near = np.abs(estimated - reported) <= np.maximum(1, 0.05 * reported)
        found["within_1_cycle_or_5_percent"] = round(float(near.mean()), 3)
    inside = [covered(report, figure, value) for _, value, report in pairs]
    known = [hit for hit in inside if hit is not None]
    if known:
        found["coverage"] = round(sum(known) / len(known), 3)
    return found


def covered(report: Report, figure: str, value: float) -> bool | None:
    """Whether an interval holds a figure; None where there is no interval."""
    if figure not in report.intervals:
        return None
    low, high = report.intervals[figure]
    return low <= value <= high


def macro(found: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Means over projects, so that one large sweep does not decide."""
    out: dict[str, Any] = {"projects": len(found)}
    for name in ("smape", "within_1_cycle_or_5_percent", "coverage"):
        values = [one[name] for one in found if one.get(name) is not None]
        if values:
            out[f"{name}_macro"] = round(float(np.mean(values)), 3)
    return out
