"""The figures of a design from the folder that AMD's tools ran in."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from converter.backends.amd.cosim import Cosim, read_cosim
from converter.backends.amd.csynth_rpt import merged, read_csynth_rpt, stage_of
from converter.backends.amd.csynth_xml import read_csynth_xml
from converter.backends.amd.implementation import (
    read_hierarchy,
    read_power,
    read_timing,
    read_utilization,
)
from converter.backends.base import Tool
from converter.errors import ToolError
from converter.report import Fidelity, Report

_DEPTHS = ("", "*/", "*/*/", "*/*/*/")
"""Where a solution is below the project's folder: ``<project>/<solution>`` in the Tcl flow,
``<component>/hls`` or ``hls_component/<name>/hls`` in the unified one."""


def read_hls(folder: Path, top: str, tool: Tool, names: Sequence[str] = ()) -> Report:
    """C synthesis: ``<top>_csynth.xml``, and per stage from ``<top>_csynth.rpt`` beside it.

    ``names`` are the design's stages: a module that implements one is told under its
    name, any other under its own. Raises ToolError where the report is absent or bad.
    """
    path = _newest(folder, f"syn/report/{top}_csynth.xml")
    report = read_csynth_xml(path, tool.name)
    text = path.with_suffix(".rpt")
    if not text.is_file():
        note = f"no figures per stage: {text.name} is missing"
        return replace(report, notes=(*report.notes, note))
    return replace(report, stages=by_stage(read_csynth_rpt(text, tool.name).stages, names))


def by_stage(modules: Mapping[str, Report], names: Sequence[str]) -> Mapping[str, Report]:
    """Reports by module name -> by stage name, where a module implements a stage."""
    stages: dict[str, Report] = {}
    for module, report in modules.items():
        name = stage_of(module, names) or module
        stages[name] = merged(stages[name], report) if name in stages else report
    return stages


def read_cosimulation(folder: Path, top: str) -> Cosim:
    """The result of co-simulation. Raises ToolError where there is none."""
    return read_cosim(_newest(folder, f"sim/report/{top}_cosim.rpt"))


def read_implementation(
    hls: Report,
    utilization: Path,
    *,
    timing: Path | None = None,
    hierarchy: Path | None = None,
    power: Path | None = None,
    names: Sequence[str] = (),
) -> Report:
    """Vivado's figures; cycles, which Vivado does not know, are those of ``hls``.

    ``timing`` gives the clock that is reached: a missed one is longer than asked for.
    Raises ToolError naming the file that is absent or bad.
    """
    report = replace(
        read_utilization(utilization),
        latency_cycles=hls.latency_cycles,
        interval_cycles=hls.interval_cycles,
        clock_period_ns=hls.clock_period_ns,
        notes=hls.notes,
    )
    if timing is not None:
        report = _timed(report, timing)
    if hierarchy is not None:
        report = replace(report, stages=by_stage(read_hierarchy(hierarchy).stages, names))
    if power is not None:
        report = replace(report, power_w=read_power(power).total_w)
    return report


def _timed(report: Report, path: Path) -> Report:
    timing = read_timing(path)
    if timing.period_ns is None or timing.achieved_ns is None:
        raise ToolError(f"{path}: no clock is constrained, so that its period is not known")
    notes = report.notes
    if timing.achieved_ns > timing.period_ns:
        words = "reached" if report.source.fidelity is Fidelity.PLACE_AND_ROUTE else "estimated"
        missed = f"the clock of {timing.period_ns:g} ns is missed"
        notes = (*notes, f"{missed}: {timing.achieved_ns:g} ns are {words}")
    return replace(
        report,
        clock_period_ns=max(timing.period_ns, timing.achieved_ns),
        critical_path_ns=timing.achieved_ns,
        notes=notes,
    )


def _newest(folder: Path, name: str) -> Path:
    found = sorted(_matches(folder, name), key=lambda p: p.stat().st_mtime_ns)
    if not found:
        raise ToolError(
            f"{folder}: there is no {name} below it; the tool failed before it, see its log"
        )
    return found[-1]


def _matches(folder: Path, name: str) -> Iterator[Path]:
    for depth in _DEPTHS:
        yield from folder.glob(depth + name)
