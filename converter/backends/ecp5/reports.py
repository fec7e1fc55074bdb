"""What Yosys and nextpnr wrote: cells, utilisation, and how fast a design is when routed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from converter.backends.ecp5.harness import INSIDE
from converter.backends.yosys.report import read_json
from converter.errors import ToolError


@dataclass(frozen=True)
class Route:
    """A routed design, its harness included. ``used``: sites by nextpnr's names. ``fmax_mhz``
    of the slowest clock; ``inside``: whether a cell of the design is on its slowest path.
    """

    used: Mapping[str, int]
    fmax_mhz: float
    inside: bool


def read_route(path: Path) -> Route:
    """The report of nextpnr. Raises ToolError where it lacks a figure."""
    data = read_json(path)
    try:
        used = {str(name): int(row["used"]) for name, row in data["utilization"].items()}
        speeds = [float(clock["achieved"]) for clock in data["fmax"].values()]
        inside = _inside(data["critical_paths"])
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise ToolError(f"{path}: is not nextpnr's report; see the log of the route") from error
    if not speeds or not min(speeds) > 0:
        raise ToolError(f"{path}: tells no frequency: no path is between two registers")
    return Route(used, min(speeds), inside)


def _inside(paths: list[dict[str, Any]]) -> bool:
    """Flattened, cells of the design have the name of its instance in front. Paths from or to
    pins are not constrained and do not count.
    """
    clocked = [p for p in paths if "<async>" not in (p["from"], p["to"])]
    ends = (step[end]["cell"] for p in clocked for step in p["path"] for end in ("from", "to"))
    return any(str(cell).removeprefix("$flatten\\").startswith(f"{INSIDE}.") for cell in ends)
