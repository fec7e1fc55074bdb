"""An HLS tool family as a backend: its project, its commands, its reports."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from converter.backends import amd_reports, amd_tools
from converter.backends.base import Command, Stage, Tool
from converter.backends.hls.dialect import Dialect
from converter.backends.hls.firmware import Firmware, build_firmware, render, stage_blocks
from converter.backends.hls.vectors import vector_files
from converter.errors import TargetError, ToolError
from converter.graph import TypedGraph
from converter.hlslib import sim_header, sim_headers
from converter.project import Project
from converter.report import Report
from converter.timing import Target
from converter.types import Codes

DESIGN = "design.json"
"""The file of a project that tells the top function and each stage's name in the C++."""

_PART = re.compile(r"[A-Za-z0-9_-]+")


@dataclass(frozen=True)
class HlsBackend:
    """Vivado HLS or Vitis HLS, with Vivado for logic synthesis and place and route."""

    name: str
    dialect: Dialect
    stages: tuple[Stage, ...] = (Stage.HLS, Stage.LOGIC, Stage.ROUTE)

    def project(
        self, typed: TypedGraph, target: Target, vectors: Mapping[str, Codes] | None = None
    ) -> Project:
        """C++, test bench with ``vectors`` (input codes [rows, size] by name) and Tcl scripts.

        Raises UnsupportedError by stage name, TargetError for a part name that is none.
        """
        if not _PART.fullmatch(target.part):
            raise TargetError(f"{target.part!r} is not a part's name: letters, digits, - and _")
        firmware = build_firmware(typed, self.dialect)
        files: dict[str, str | bytes] = {
            **firmware.files,
            **_test_bench(firmware),
            **vector_files(typed, vectors),
            **self._scripts(typed, firmware, target),
            **{f"sim/{name}": sim_header(name) for name in sim_headers(firmware.streams)},
            DESIGN: _design(firmware, typed),
        }
        return Project(typed.name, self.name, firmware.top, files)

    def find(self) -> Tool | None:
        """The newest HLS tool of this family that works; None: not here."""
        return amd_tools.find_hls(self.name)

    def commands(self, project: Project, tool: Tool, stage: Stage) -> tuple[Command, ...]:
        """C synthesis, then as far as ``stage`` asks, Vivado of the tool's version.

        Raises ToolError where Vivado is needed and not found.
        """
        hls = self.step(tool, "csynth")
        if stage is Stage.HLS:
            return (hls,)
        vivado = amd_tools.find_vivado(self.name, tool.version)
        if vivado is None:
            raise ToolError(
                f"{project.name}: the stage {stage.value} needs vivado, which is not on PATH "
                "nor below XILINX_VIVADO; the stage hls works without"
            )
        steps = {"DSE_STEPS": "synth" if stage is Stage.LOGIC else "synth route"}
        argv = amd_tools.script_command(vivado, "vivado_synth.tcl")
        return (hls, Command(stage.value, argv, {**vivado.environment, **steps}))

    def step(self, tool: Tool, steps: str) -> Command:
        """Some of ``csim csynth cosim export`` in one start of the HLS tool."""
        argv = amd_tools.script_command(tool, "build.tcl")
        name = steps.replace(" ", "_")
        return Command(name, argv, {**tool.environment, "DSE_STEPS": steps})

    def read_report(self, folder: Path, tool: Tool, stage: Stage) -> Report:
        """The figures that the tool wrote, per stage under the network's own names.

        Raises ToolError where a report is absent or bad.
        """
        top, names = _read_design(folder)
        hls = amd_reports.read_hls(folder, top, tool, tuple(names))
        if stage is not Stage.HLS:
            kind = "synth" if stage is Stage.LOGIC else "route"
            power = folder / "power_route.rpt" if stage is Stage.ROUTE else None
            hls = amd_reports.read_implementation(
                hls,
                folder / f"vivado_{kind}.rpt",
                timing=folder / f"timing_{kind}.rpt",
                hierarchy=folder / f"hierarchy_{kind}.rpt",
                power=power,
                names=tuple(names),
            )
        stages = {names.get(text, text): report for text, report in hls.stages.items()}
        return replace(hls, stages=stages)

    def _scripts(self, typed: TypedGraph, firmware: Firmware, target: Target) -> dict[str, str]:
        blocks = stage_blocks(typed).values()
        lengths = [len(a.values) for b in blocks for part in b.chain for a in part.arrays]
        lengths += [edge.size for edge in typed.edges.values()]
        largest = max(4096, *lengths)
        values = {
            "top": firmware.top,
            "tool": self.dialect.tool,
            "part": target.part,
            "period": f"{target.clock_period_ns:g}",
            "uncertainty": f"{target.clock_period_ns * self.dialect.clock_uncertainty:.3g}",
            "settings": [s.format(largest=largest) for s in self.dialect.settings],
        }
        return {
            "build.tcl": render("build.tcl.j2", **values),
            "vivado_synth.tcl": render("vivado_synth.tcl.j2", **values),
            "constraints.xdc": render("constraints.xdc.j2", **values),
        }


def _test_bench(firmware: Firmware) -> dict[str, str]:
    values = {
        "top": firmware.top,
        "inputs": firmware.inputs,
        "outputs": firmware.outputs,
        "streams": firmware.streams,
    }
    return {
        f"{firmware.top}_test.cpp": render("test.cpp.j2", **values),
        "csim.sh": render("csim.sh.j2", **values),
    }


def _design(firmware: Firmware, typed: TypedGraph) -> str:
    stages = {s.name: firmware.names[s.name] for s in typed.stages}
    return json.dumps({"top": firmware.top, "stages": stages}, indent=1) + "\n"


def _read_design(folder: Path) -> tuple[str, dict[str, str]]:
    """Top function, and the stage of each name in the C++."""
    try:
        data = json.loads((folder / DESIGN).read_text(encoding="utf-8"))
        return data["top"], {text: name for name, text in data["stages"].items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise ToolError(f"{folder / DESIGN}: missing or damaged; write the project anew") from error
