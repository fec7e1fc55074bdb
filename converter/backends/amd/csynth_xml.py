"""``<top>_csynth.xml``: what Vivado HLS and Vitis HLS estimate after C synthesis."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from pathlib import Path

from converter.backends.amd.text import cycles, number, read_text
from converter.errors import ToolError
from converter.report import Fidelity, Report, Source


class _NoDoctype(ET.TreeBuilder):
    """The tools write no document type; one could only be there to define entities."""

    def doctype(self, name: str, *_: object) -> None:
        raise ToolError(f"a document type ({name}) has no place in a report")


def read_csynth_xml(path: Path, tool: str) -> Report:
    """Figures of the top module, or of the module that the file is about.

    The clock is the target's, or the estimated one where that is longer.
    Raises ToolError naming the file and what is missing or wrong in it.
    """
    root = _root(path)
    timing = "PerformanceEstimates/SummaryOfTimingAnalysis/"
    target = _period(path, root, "UserAssignments/TargetClockPeriod")
    estimated = _period(path, root, timing + "EstimatedClockPeriod")
    notes = list(_missed_clock(target, estimated))
    area = _need(path, root, "AreaEstimates/Resources")
    return Report(
        source=Source(tool, _text(path, root, "ReportVersion/Version"), Fidelity.CSYNTH),
        lut=_area(path, area, "LUT"),
        ff=_area(path, area, "FF"),
        dsp=_area(path, area, "DSP", "DSP48E"),
        bram_18k=_area(path, area, "BRAM_18K"),
        uram=_area(path, area, "URAM") if area.find("URAM") is not None else 0.0,
        latency_cycles=_cycles(
            path, root, notes, "latency", "Best-caseLatency", "Worst-caseLatency"
        ),
        interval_cycles=_cycles(path, root, notes, "interval", "Interval-min", "Interval-max"),
        clock_period_ns=max(target, estimated),
        critical_path_ns=estimated,
        notes=tuple(notes),
    )


def _root(path: Path) -> ET.Element:
    text = read_text(path)
    try:
        parser = ET.XMLParser(target=_NoDoctype())  # noqa: S314  entities need a document type
        root: ET.Element = ET.fromstring(text, parser)  # noqa: S314
    except ET.ParseError as error:
        raise ToolError(f"{path}: this is not whole XML: {error}") from error
    except ToolError as error:
        raise ToolError(f"{path}: {error}") from error
    if root.tag != "profile":
        raise ToolError(f"{path}: the root must be <profile>; it is <{root.tag}>")
    return root


def _need(path: Path, root: ET.Element, where: str) -> ET.Element:
    found = root.find(where)
    if found is None:
        raise ToolError(f"{path}: {where} is missing")
    return found


def _text(path: Path, root: ET.Element, where: str) -> str:
    found = _need(path, root, where)
    most = found.find("range/max")  # a figure that depends on the data is written as a range
    text = ((found if most is None else most).text or "").strip()
    if not text:
        raise ToolError(f"{path}: {where} is empty")
    return text


def _period(path: Path, root: ET.Element, where: str) -> float:
    value = number(path, where, _text(path, root, where))
    if not value:
        # A module of wires alone has an estimated clock period of 0.
        if where.endswith("EstimatedClockPeriod") and value == 0:
            return 0.0
        raise ToolError(f"{path}: {where} must be more than 0")
    return value


def _area(path: Path, area: ET.Element, *names: str) -> float:
    """The spelling differs between versions; ``Resources`` must have one of them."""
    for name in names:
        if area.find(name) is not None:
            value = number(path, name, _text(path, area, name))
            if value is not None:
                return value
    raise ToolError(f"{path}: AreaEstimates/Resources has no figure {' or '.join(names)}")


def _cycles(
    path: Path, root: ET.Element, notes: list[str], what: str, least: str, most: str
) -> int | None:
    """The worst case; a note tells of a best case that differs, and of ``undef``."""
    where = "PerformanceEstimates/SummaryOfOverallLatency/"
    best = cycles(path, least, _text(path, root, where + least))
    worst = cycles(path, most, _text(path, root, where + most))
    if worst is None:
        notes.append(f"{what} is not known to the tool: it depends on the data")
    elif best != worst:
        notes.append(f"{what} is {best} to {worst} cycles")
    return worst


def _missed_clock(target: float, estimated: float) -> tuple[str, ...]:
    if estimated <= target:
        return ()
    return (f"the clock of {target:g} ns is missed: {estimated:g} ns are estimated",)
