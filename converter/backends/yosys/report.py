"""What a run of Yosys says, read and put together: cells, paths, cycles."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from converter.backends.base import Tool
from converter.backends.yosys.cells import Resources, resources
from converter.backends.yosys.delays import DELAYS
from converter.backends.yosys.parts import PART, TOP, Division
from converter.backends.yosys.sta import critical_path, joined, slowest_paths
from converter.errors import ToolError
from converter.project import Project
from converter.report import Fidelity, Report, Source
from converter.timing import Family

DESIGN = "design.json"
"""The file of a project that tells its cycles, which synthesis does not."""

CELLS, NETLIST = "stat.json", "cells.tmp"
"""What the script writes: cell counts, and the netlist as JSON, read once for its timing."""

BETWEEN = "between stages"
"""Under this name are FIFOs, delays and what else is no stage's."""


@dataclass(frozen=True)
class Design:
    """What ``design.json`` tells. ``stages``: (latency, interval) by stage, process or FIFO, in
    order; ``instances``: which of these an instance of the top belongs to.
    """

    top: str
    family: Family
    clock_period_ns: float
    cycles: tuple[int, int]
    stages: Mapping[str, tuple[int, int]]
    instances: Mapping[str, str]


def design_of(project: Project) -> Design:
    """What a project's design is. Raises ToolError where its file is damaged."""
    text = project.files.get(DESIGN, "")
    return _design(text if isinstance(text, str) else text.decode(), DESIGN)


def _design(text: str, where: object) -> Design:
    try:
        data = json.loads(text)
        stages = {
            str(name): (int(one["latency_cycles"]), int(one["interval_cycles"]))
            for name, one in data["stages"].items()
        }
        cycles = int(data["latency_cycles"]), int(data["interval_cycles"])
        period = float(data["clock_period_ns"])
        instances = {str(i): str(stage) for i, stage in data["instances"].items()}
        return Design(str(data["top"]), Family(data["family"]), period, cycles, stages, instances)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise ToolError(f"{where}: damaged; write the project anew") from error


def whole_report(folder: Path, tool: Tool) -> Report:
    """Of a design that was synthesised as a whole."""
    try:
        text = (folder / DESIGN).read_text(encoding="utf-8")
    except OSError as error:
        raise ToolError(f"{folder / DESIGN}: missing; write the project anew") from error
    design = _design(text, folder / DESIGN)
    used, paths = _netlist(folder, design.family, frozenset())
    path = critical_path(paths, DELAYS[design.family])
    return _complete(_report(tool, used, path), design, ("synthesised as a whole",))


def part_report(folder: Path, tool: Tool) -> Report:
    """Of a part of a design: no cycles, but its paths."""
    told = read_json(folder / PART)
    try:
        family, boxes = Family(told["family"]), frozenset(map(str, told["boxes"]))
    except (KeyError, TypeError, ValueError) as error:
        raise ToolError(f"{folder / PART}: damaged; write the project anew") from error
    used, paths = _netlist(folder, family, boxes)
    path = critical_path(paths, DELAYS[family])
    return replace(_report(tool, used, path), paths=paths)


def join_reports(
    division: Division, design: Design, tool: Tool, reports: Mapping[str, Report]
) -> Report:
    """Counts summed over the instances of the top, and the slowest path through all of them."""
    parts = {i: reports[name] for i, name in division.part_of.items()}
    glue = reports[TOP]
    total = _sum([*parts.values(), glue])
    paths = {i: part.paths for i, part in parts.items()}
    slowest = joined(glue.paths, paths, DELAYS[design.family])
    distinct = f"{len(parts)} instances, {len(division.parts) - 1} of them different"
    note = f"the sum over parts synthesised apart ({distinct}), without what could go at borders"
    whole = _complete(_report(tool, total, slowest), design, (note,))
    return replace(whole, stages=_stages(design, tool, parts, glue))


def _stages(
    design: Design, tool: Tool, parts: Mapping[str, Report], glue: Report
) -> dict[str, Report]:
    """Reports by stage, process or FIFO, and of the rest."""
    rest = [glue, *(part for i, part in parts.items() if i not in design.instances)]
    out = {}
    for stage, cycles in design.stages.items():
        group = [part for i, part in parts.items() if design.instances.get(i) == stage]
        one = _of_group(tool, group)
        out[stage] = replace(one, latency_cycles=cycles[0], interval_cycles=cycles[1])
    return {**out, BETWEEN: _of_group(tool, rest)}


def _of_group(tool: Tool, group: list[Report]) -> Report:
    slowest = max((r.critical_path_ns or 0.0 for r in group), default=0.0)
    return _report(tool, _sum(group), slowest)


def _sum(reports: list[Report]) -> Resources:
    total = Resources()
    for one in reports:
        figures = {name: round(getattr(one, name) or 0) for name in vars(total)}
        total = total.plus(Resources(**figures))
    return total


def _report(tool: Tool, used: Resources, path_ns: float) -> Report:
    return Report(
        Source("yosys", tool.version, Fidelity.LOGIC_SYNTHESIS),
        **vars(used),
        critical_path_ns=round(path_ns, 3),
    )


def _complete(report: Report, design: Design, notes: tuple[str, ...]) -> Report:
    return replace(
        report,
        latency_cycles=design.cycles[0],
        interval_cycles=design.cycles[1],
        clock_period_ns=design.clock_period_ns,
        notes=(*notes, *_notes(design.family)),
    )


def _notes(family: Family) -> tuple[str, ...]:
    notes = [
        "open synthesis, out of context, without placement; cycles from the schedule",
        "LUTs are primitives; Vivado counts 1 CLB LUT for 1.07 to 1.29 of them",
        "the critical path is an estimate before placement, +-30 %, for the slowest speed grade: "
        "delays are of four routed paths, and were held against no other design",
    ]
    if family is not Family.SERIES7:
        notes.append("DSP blocks are packed as DSP48E1, but for products that need wider ones")
    return tuple(notes)


def _netlist(
    folder: Path, family: Family, boxes: frozenset[str]
) -> tuple[Resources, dict[str, float]]:
    used = resources(read_cells(folder / CELLS), boxes)
    data = read_json(folder / NETLIST)
    try:
        (module,) = (m for m in data["modules"].values() if not _is_box(m))
        paths = slowest_paths(module, DELAYS[family], boxes)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise ToolError(f"{folder / NETLIST}: no netlist; see the log of the synthesis") from error
    return used, {ends: round(ns, 4) for ends, ns in sorted(paths.items())}


def _is_box(module: Mapping[str, Any]) -> bool:
    """Whether it is of a library, where only the head is told."""
    return not {"blackbox", "whitebox"}.isdisjoint(module.get("attributes", {}))


def read_cells(path: Path) -> Mapping[str, int]:
    """Cell counts by type of the whole design."""
    data = read_json(path)
    try:
        cells = data["design"]["num_cells_by_type"]
        return {str(name): int(count) for name, count in cells.items()}
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise ToolError(f"{path}: no cell counts in it; see the log of the synthesis") from error


def read_json(path: Path) -> Any:
    """A JSON document, behind lines of Yosys' log where there are any."""
    try:
        text = path.read_text(encoding="utf-8")
        return json.loads(text[text.index("{") :])
    except (OSError, ValueError) as error:
        raise ToolError(f"{path}: missing or damaged; see the log of the synthesis") from error
