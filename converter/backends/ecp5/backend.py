"""The backend of ECP5 parts: its project, its commands, its report."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources as package_files
from pathlib import Path

from converter.backends.base import Command, Stage, Tool
from converter.backends.ecp5 import tools
from converter.backends.ecp5.cells import Resources, resources
from converter.backends.ecp5.device import Device, device_of
from converter.backends.ecp5.harness import harness
from converter.backends.ecp5.reports import Route, read_route
from converter.backends.hls.vectors import drawn_codes
from converter.backends.yosys.report import read_cells, read_json
from converter.errors import ToolError
from converter.graph import TypedGraph
from converter.project import Project
from converter.report import Fidelity, Report, Source
from converter.rtl.module import fill
from converter.rtl.ports import design_ports
from converter.rtl.testbench import testbench_files
from converter.rtl.top import RtlDesign, rtl_design
from converter.timing import Target
from converter.types import Codes
from converter.yosys import Yosys, every_yosys

DESIGN = "design.json"
"""The file of a project that tells its cycles, which tools do not, and its device."""

OLDEST_YOSYS = (0, 70)
"""The scripts use parts of its library that older versions keep under other names."""

BENCH_ROWS = 32
SEED = "1"
"""nextpnr's: another one places and routes otherwise, some percent faster or slower."""

ROUTED = "design.config"
BITSTREAM = "design.bit"
ROUTE_REPORT = "route.json"


@dataclass(frozen=True)
class Ecp5Backend:
    """Our Verilog on a Lattice ECP5: Yosys, nextpnr-ecp5, and a bitstream by ecppack.

    Stage ``logic`` is the design alone. For ``route`` it is put into a serial harness, since its
    buses have more bits than a device has pins; what the harness takes is not counted.
    """

    name: str = "ecp5"
    stages: tuple[Stage, ...] = (Stage.LOGIC, Stage.ROUTE)

    def project(
        self, typed: TypedGraph, target: Target, vectors: Mapping[str, Codes] | None = None
    ) -> Project:
        """Verilog, scripts, the clock constraint, the harness, and a test bench with ``vectors``.

        Raises TargetError for a part that is no ECP5, and for a clock that is too fast.
        """
        device, design = device_of(target), rtl_design(typed, target)
        around = harness(design, design_ports(typed, design))
        sources = {f"rtl/{name}": text for name, text in design.files.items()}
        read = "\n".join(f"read_verilog -defer {path}" for path in sorted(sources))
        files: dict[str, str | bytes] = {
            **sources,
            "synth.ys": fill(_file("synth.ys.in"), {"TOP": design.top, "READ": read}),
            "harness.v": around.text,
            **{name: _file(name) for name in _FIXED},
            "constraints.lpf": fill(
                _file("constraints.lpf.in"), {"MHZ": f"{1000 / target.clock_period_ns:.3f}"}
            ),
            "build.sh": fill(
                _file("build.sh.in"),
                {"NEXTPNR": " ".join(_nextpnr(device)), "ECPPACK": " ".join(_ECPPACK)},
            ),
            DESIGN: _design(design, device, target),
            **_bench(typed, design, target, vectors),
        }
        return Project(typed.name, self.name, design.top, files)

    def find(self) -> Tool | None:
        """Yosys from 0.70 on, which is enough for logic synthesis, and nextpnr where it is here.

        A version of either is another tool: it may count and time otherwise.
        """
        yosys = next((y for y in every_yosys() if _number(y) >= OLDEST_YOSYS), None)
        if yosys is None:
            return None
        router = tools.find_router()
        version = f"{yosys.version} with nextpnr-ecp5 {router.version}" if router else yosys.version
        return Tool(self.name, yosys.name, version, yosys.executable)

    def commands(self, project: Project, tool: Tool, stage: Stage) -> tuple[Command, ...]:
        """Synthesis, and for ``route`` the harness, place and route, and the bitstream.

        Raises ToolError where nextpnr is not here, and for a stage that this backend has not.
        """
        if stage not in self.stages:
            known = ", ".join(s.value for s in self.stages)
            raise ToolError(f"{project.name}: ecp5 has no stage {stage.value}; it has: {known}")
        yosys = Yosys(tool.name, tool.version, tool.executable)
        synth = Command("synth", yosys.argv("synth.ys"), dict(tool.environment))
        if stage is Stage.LOGIC:
            return (synth,)
        router = tools.find_router()
        if router is None:
            raise ToolError(
                f"{project.name}: the stage route needs nextpnr-ecp5 and ecppack, which are not "
                f"here; get both by `{tools.INSTALL}`, or stop at the stage logic"
            )
        device = Device(**json.loads(project.files[DESIGN])["device"])
        return (
            synth,
            Command("harness", yosys.argv("harness.ys"), dict(tool.environment)),
            Command("route", (router.nextpnr, *_nextpnr(device))),
            Command("bitstream", (router.ecppack, *_ECPPACK)),
        )

    def read_report(self, folder: Path, tool: Tool, stage: Stage) -> Report:
        """Cells of the netlist or of the routed design, and cycles of the schedule.

        Raises ToolError where a file is absent or damaged, or a cell is not known.
        """
        cells = resources(read_cells(folder / "stat.json"))
        facts = read_json(folder / DESIGN)
        try:
            cycles = int(facts["latency_cycles"]), int(facts["interval_cycles"])
            period = float(facts["clock_period_ns"])
        except (KeyError, TypeError, ValueError) as error:
            raise ToolError(f"{folder / DESIGN}: damaged; write the project anew") from error
        yosys, _, nextpnr = tool.version.partition(" with nextpnr-ecp5 ")
        if stage is Stage.LOGIC:
            source = Source("yosys", yosys, Fidelity.LOGIC_SYNTHESIS)
            return _report(source, cells, cycles, period, None, _LOGIC_NOTES)
        source = Source("nextpnr-ecp5", nextpnr, Fidelity.PLACE_AND_ROUTE)
        route = read_route(folder / ROUTE_REPORT)
        around = resources(read_cells(folder / "harness_stat.json"))
        own = _routed(route, cells, around)
        notes = _route_notes(route, around.lut - cells.lut, around.ff - cells.ff)
        return _report(source, own, cycles, period, 1000 / route.fmax_mhz, notes)


_ECPPACK = ("--input", ROUTED, "--bit", BITSTREAM)

_FIXED = ("add.v", "open.v", "serial.v", "harness.ys")
"""Files that are the same in every project."""

_LOGIC_NOTES = (
    "open synthesis, out of context, without placement; cycles from the schedule",
    "LUTs have four inputs; packing adds one or two per comparison",
)


def _number(yosys: Yosys) -> tuple[int, ...]:
    found = re.match(r"(\d+)\.(\d+)", yosys.version)
    return tuple(map(int, found.groups())) if found else (0,)


def _nextpnr(device: Device) -> tuple[str, ...]:
    """A missed clock is no failure: how fast the design is, is what is asked."""
    return (
        *device.options(), "--json", "harness.json", "--lpf", "constraints.lpf",
        "--lpf-allow-unconstrained", "--timing-allow-fail", "--seed", SEED,
        "--textcfg", ROUTED, "--report", ROUTE_REPORT,
    )  # fmt: skip


def _routed(route: Route, design: Resources, around: Resources) -> Resources:
    """What nextpnr placed, less what the harness has by itself. What packing added is the design's:
    the harness has no carry chains and no RAM.
    """
    used = route.used
    return Resources(
        lut=used.get("TRELLIS_COMB", 0) + 2 * used.get("TRELLIS_RAMW", 0) - around.lut + design.lut,
        ff=used.get("TRELLIS_FF", 0) - around.ff + design.ff,
        dsp=used.get("MULT18X18D", 0),
        bram_18k=used.get("DP16KD", 0),
        lutram=design.lutram,
    )


def _route_notes(route: Route, lut: int, ff: int) -> tuple[str, ...]:
    slowest = (
        "" if route.inside else "; its slowest path is in the harness: the design may be faster"
    )
    return (
        f"placed and routed in a serial harness of {lut} LUT and {ff} FF, which are not counted",
        f"{route.fmax_mhz:.1f} MHz between registers at all ports of the design{slowest}",
        "LUTs have four inputs; cycles from the schedule",
    )


def _report(
    source: Source,
    used: Resources,
    cycles: tuple[int, int],
    period_ns: float,
    path_ns: float | None,
    notes: tuple[str, ...],
) -> Report:
    return Report(
        source,
        lut=used.lut,
        ff=used.ff,
        dsp=used.dsp,
        bram_18k=used.bram_18k,
        uram=0,
        lutram=used.lutram,
        latency_cycles=cycles[0],
        interval_cycles=cycles[1],
        clock_period_ns=max(period_ns, path_ns or 0.0),
        critical_path_ns=path_ns,
        notes=notes,
    )


def _bench(
    typed: TypedGraph, design: RtlDesign, target: Target, vectors: Mapping[str, Codes] | None
) -> dict[str, str]:
    """``sim/``: the test bench, by default with reproducible random rows."""
    codes = drawn_codes(typed, BENCH_ROWS) if vectors is None else vectors
    files = testbench_files(typed, design, target.clock_period_ns, codes)
    return {f"sim/{path}": text for path, text in files.items()}


def _file(name: str) -> str:
    return (package_files.files(__package__) / name).read_text(encoding="ascii")


def _design(design: RtlDesign, device: Device, target: Target) -> str:
    values = {
        "top": design.top,
        "part": target.part,
        "device": {"model": device.model, "package": device.package, "speed": device.speed},
        "clock_period_ns": target.clock_period_ns,
        "latency_cycles": design.schedule.latency_cycles,
        "interval_cycles": design.schedule.interval_cycles,
    }
    return json.dumps(values, indent=1) + "\n"
