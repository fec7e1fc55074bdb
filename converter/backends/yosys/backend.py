"""Yosys as a backend: our Verilog, its script, its cell counts."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

from converter.backends.base import Command, Stage, Tool
from converter.backends.hls.vectors import drawn_codes
from converter.backends.yosys.cells import resources as cell_resources
from converter.errors import TargetError, ToolError
from converter.graph import TypedGraph
from converter.project import Project
from converter.report import Fidelity, Report, Source
from converter.rtl.module import fill
from converter.rtl.testbench import testbench_files
from converter.rtl.top import RtlDesign, rtl_design
from converter.timing import Family, Target
from converter.types import Codes
from converter.yosys import Yosys, find_yosys

DESIGN = "design.json"
"""The file of a project that tells its cycles, which synthesis does not."""

BENCH_ROWS = 32

BLOCK_RAM_STEPS = "synth_xilinx -family xc7 -noiopad -noclkbuf -top {top} -run map_memory:fine"
NO_BLOCK_RAM_STEPS = "opt -fast -full\nmemory_map"
"""The same without block RAM, whose map takes Yosys a second to read."""

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
        read = "\n".join(f"read_verilog -defer {path}" for path in sorted(sources))
        files: dict[str, str | bytes] = {
            **sources,
            "synth.ys": fill(
                _file("synth.ys.in"),
                {"TOP": design.top, "READ": read, "MEMORY": _memory_steps(design)},
            ),
            "addalu.v": _file("addalu.v"),
            "constraints.xdc": fill(
                _file("constraints.xdc.in"), {"PERIOD": f"{target.clock_period_ns:.3f}"}
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
        """Cells of the netlist, and cycles of the schedule; ``stage`` can only be logic.

        Raises ToolError where a file is absent or damaged, or a cell is not known.
        """
        del stage
        cells, design = _read_cells(folder / "stat.json"), _read_json(folder / DESIGN)
        try:
            cycles = int(design["latency_cycles"]), int(design["interval_cycles"])
            period, family = float(design["clock_period_ns"]), Family(design["family"])
        except (KeyError, TypeError, ValueError) as error:
            raise ToolError(f"{folder / DESIGN}: damaged; write the project anew") from error
        used = cell_resources(cells)
        return Report(
            Source("yosys", tool.version, Fidelity.LOGIC_SYNTHESIS),
            lut=used.lut,
            ff=used.ff,
            dsp=used.dsp,
            bram_18k=used.bram_18k,
            uram=0,
            latency_cycles=cycles[0],
            interval_cycles=cycles[1],
            clock_period_ns=period,
            notes=_notes(family),
        )


def _memory_steps(design: RtlDesign) -> str:
    blocks = any(m.registered for f in design.schedule.facts for m in f.memories)
    return BLOCK_RAM_STEPS.format(top=design.top) if blocks else NO_BLOCK_RAM_STEPS


def _bench(
    typed: TypedGraph, design: RtlDesign, target: Target, vectors: Mapping[str, Codes] | None
) -> dict[str, str]:
    """``sim/``: the test bench, by default with reproducible random rows."""
    codes = drawn_codes(typed, BENCH_ROWS) if vectors is None else vectors
    files = testbench_files(typed, design, target.clock_period_ns, codes)
    return {f"sim/{path}": text for path, text in files.items()}


def _notes(family: Family) -> tuple[str, ...]:
    notes = ["open synthesis, out of context, without placement; cycles from the schedule"]
    if family is not Family.SERIES7:
        notes.append("DSP blocks counted as DSP48E1 (25x18 bits), where this part has 27x18")
    return tuple(notes)


def _file(name: str) -> str:
    return (resources.files(__package__) / name).read_text(encoding="ascii")


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
    }
    return json.dumps(values, indent=1) + "\n"


def _port(typed: TypedGraph, name: str, port: str) -> dict[str, Any]:
    edge = typed.edges[name]
    return {"port": port, "elements": edge.size, "type": str(edge.type)}


def _read_cells(path: Path) -> Mapping[str, int]:
    """Cell counts by type of the whole design."""
    data = _read_json(path)
    try:
        cells = data["design"]["num_cells_by_type"]
        return {str(name): int(count) for name, count in cells.items()}
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise ToolError(f"{path}: no cell counts in it; see the log of the synthesis") from error


def _read_json(path: Path) -> Any:
    """A JSON document, behind lines of Yosys' log where there are any."""
    try:
        text = path.read_text(encoding="utf-8")
        return json.loads(text[text.index("{") :])
    except (OSError, ValueError) as error:
        raise ToolError(f"{path}: missing or damaged; see the log of the synthesis") from error
