"""Yosys as a backend: our Verilog, its script, its cell counts."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from converter.backends.base import Command, Stage, Tool
from converter.backends.hls.vectors import drawn_codes
from converter.backends.yosys.parts import PART, divide, stage_instances
from converter.backends.yosys.report import (
    DESIGN,
    design_of,
    join_reports,
    part_report,
    whole_report,
)
from converter.backends.yosys.scripts import BOXES, needs, script, text_file
from converter.backends.yosys.verilog import modules
from converter.errors import TargetError, ToolError
from converter.graph import TypedGraph
from converter.project import Project
from converter.report import Report
from converter.rtl.module import fill
from converter.rtl.testbench import testbench_files
from converter.rtl.top import RtlDesign, rtl_design
from converter.timing import Target
from converter.types import Codes
from converter.yosys import Yosys, find_yosys

BENCH_ROWS = 32

_PART = re.compile(r"[A-Za-z0-9_-]+")


@dataclass(frozen=True)
class YosysBackend:
    """Logic synthesis of our Verilog for AMD parts, out of context."""

    name: str = "yosys"
    stages: tuple[Stage, ...] = (Stage.LOGIC,)

    def project(
        self, typed: TypedGraph, target: Target, vectors: Mapping[str, Codes] | None = None
    ) -> Project:
        """Verilog, the script, a clock constraint for Vivado, and a test bench with ``vectors``.

        Raises TargetError for a part name that is none, and for a clock that is too fast.
        """
        if not _PART.fullmatch(target.part):
            raise TargetError(f"{target.part!r} is not a part's name: letters, digits, - and _")
        design = rtl_design(typed, target)
        sources = {f"rtl/{name}": text for name, text in design.files.items()}
        whole = modules(design.files.values()).items()
        need = needs(text for name, text in whole if name not in BOXES)
        files: dict[str, str | bytes] = {
            **sources,
            "synth.ys": script(design.top, _read(sources), need, {}, netlist=True),
            "addalu.v": text_file("addalu.v"),
            "constraints.xdc": fill(
                text_file("constraints.xdc.in"), {"PERIOD": f"{target.clock_period_ns:.3f}"}
            ),
            DESIGN: _design(typed, design, target),
            **_bench(typed, design, target, vectors),
        }
        return Project(typed.name, self.name, design.top, files)

    def find(self) -> Tool | None:
        """``yosys`` on PATH from 0.23 on, else the ``pyosys`` wheel of this Python."""
        found = find_yosys()
        if found is None:
            return None
        return Tool(self.name, found.name, found.version, found.executable)

    def commands(self, project: Project, tool: Tool, stage: Stage) -> tuple[Command, ...]:
        """One run of the script. Raises ToolError for any stage but logic synthesis."""
        if stage is not Stage.LOGIC:
            raise ToolError(f"{project.name}: Yosys has no stage {stage.value}; it has: logic")
        argv = Yosys(tool.name, tool.version, tool.executable).argv("synth.ys")
        return (Command("synth", argv, dict(tool.environment)),)

    def read_report(self, folder: Path, tool: Tool, stage: Stage) -> Report:
        """Cells of the netlist, its critical path, and cycles of the schedule where it is a whole
        design; ``stage`` can only be logic.

        Raises ToolError where a file is absent or damaged, or a cell is not known.
        """
        del stage
        if (folder / PART).is_file():
            return part_report(folder, tool)
        return whole_report(folder, tool)

    def parts(self, project: Project) -> Mapping[str, Project]:
        """The instances of the top, equal ones once, and the top without them."""
        return divide(project, design_of(project).family.value).parts

    def join(self, project: Project, tool: Tool, reports: Mapping[str, Report]) -> Report:
        """The sum over the instances of the top, by stage, and the slowest path over all."""
        design = design_of(project)
        return join_reports(divide(project, design.family.value), design, tool, reports)


def _read(sources: Mapping[str, str]) -> str:
    """Commands that read the Verilog, modules that stand for a DSP block as black boxes."""
    return "\n".join(
        f"read_verilog {'-lib' if Path(path).stem in BOXES else '-defer'} {path}"
        for path in sorted(sources)
    )


def _bench(
    typed: TypedGraph, design: RtlDesign, target: Target, vectors: Mapping[str, Codes] | None
) -> dict[str, str]:
    """``sim/``: the test bench, by default with reproducible random rows."""
    codes = drawn_codes(typed, BENCH_ROWS) if vectors is None else vectors
    files = testbench_files(typed, design, target.clock_period_ns, codes)
    return {f"sim/{path}": text for path, text in files.items()}


def _design(typed: TypedGraph, design: RtlDesign, target: Target) -> str:
    plan = design.schedule
    values = {
        "top": design.top,
        "part": target.part,
        "family": target.family.value,
        "clock_period_ns": target.clock_period_ns,
        "latency_cycles": plan.latency_cycles,
        "interval_cycles": plan.interval_cycles,
        "inputs": {n: _port(typed, n, p) for n, p in design.in_ports.items()},
        "outputs": {n: _port(typed, n, p) for n, p in design.out_ports.items()},
        "stages": {
            f.stage: {"latency_cycles": f.latency_cycles, "interval_cycles": f.interval_cycles}
            for f in plan.facts
        },
        "instances": stage_instances(design.files, design.top, [f.stage for f in plan.facts]),
    }
    return json.dumps(values, indent=1) + "\n"


def _port(typed: TypedGraph, name: str, port: str) -> dict[str, Any]:
    edge = typed.edges[name]
    return {"port": port, "elements": edge.size, "type": str(edge.type)}
