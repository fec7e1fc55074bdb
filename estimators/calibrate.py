"""Makes the price files anew: ``python -m estimators.calibrate csynth|yosys …``.

csynth rates are fitted to published reports (tables in the format of ``calibration/``),
Yosys rates to our own synthesis runs (``data/yosys_designs.csv``). Each file tells the error
on projects, or designs, that were held out of the fit of the rates. Features, rules and delays
were chosen with all of them in view, so that these errors are somewhat too small.
"""

from __future__ import annotations

import argparse
import datetime
import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from converter.errors import DseError
from estimators import labelled
from estimators.calibrate_yosys import calibrated
from estimators.cross_validation import price_data
from estimators.price_files import FOLDER
from estimators.tables import read_modules, read_table


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
    made = price_data(read_table(chosen.synthesis), read_modules(chosen.modules), chosen.date)
    for tool, data in made.items():
        _write(chosen.out / f"{tool}.json", data)


def _yosys(chosen: argparse.Namespace) -> None:
    _write(chosen.out / "yosys.json", calibrated(labelled.read(chosen.table), chosen.date))


def _write(path: Path, data: Mapping[str, Any]) -> None:
    path.write_text(json.dumps(data, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    print(f"wrote {path}", file=sys.stderr)  # noqa: T201


if __name__ == "__main__":
    raise SystemExit(main())
