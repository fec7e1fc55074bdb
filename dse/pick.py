"""One design of a run as a folder that stands alone, ready to integrate."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import converter
from converter import process
from converter.emulate import quantize_inputs
from converter.errors import ConfigError, RunError, ToolError
from converter.graph import TypedGraph
from converter.parts import find_part
from converter.parts import target as target_of
from converter.timing import Family, Target
from converter.types import Codes
from dse.call import check_same_data, pose, read_call
from dse.front import Measured, find_front, measured_designs
from dse.ip_core import ip_core, ip_files
from dse.paths import RunPaths, new_folder, open_run
from dse.quantities import Limits, parse_limits
from dse.records import History, read_history
from dse.search.hardware import OBJECTIVES
from dse.trial import PROJECT, Problem, realise
from dse.views import Views

VECTORS = 1000
"""Rows of data that go with a picked design."""

CHECK_SECONDS = 900.0

BITSTREAM = Path("verilog", "design.bit")
"""Of an ECP5, where the design was measured as far as that."""

TOOL_REPORTS = (".rpt", ".log", ".xml")
OPEN_REPORTS = ("stat.json", "harness_stat.json", "route.json")
"""What tools wrote that figures rest on: by suffix, and by name."""


@dataclass(frozen=True)
class Check:
    """A simulation of the picked folder, run where it was written. ``result``: ``passed``, or
    why it was not run.
    """

    name: str
    script: str
    needs: str
    result: str


def pick(
    run: Path,
    out: Path,
    id: int | None = None,  # noqa: A002 - the option's name
    limits: Sequence[str] = (),
    prefer: str = "accuracy",
) -> Path:
    """Write design ``id`` of ``run``, or of the front within ``limits`` the best by ``prefer``.

    The folder ``out`` (new or empty) gets the HLS project, the Verilog as an IP core, the
    configuration, test vectors, reports, and a README that says how to build it; for an ECP5 the
    Verilog with scripts to a bitstream, and the bitstream where it was made, and no HLS project.
    Its simulations are run here where g++ and a Verilog simulator are. Raises DseError.
    """
    paths = open_run(run)
    call, document = read_call(paths)
    history = read_history(paths.journal)
    problem = pose(call)
    check_same_data(problem, document)
    chosen = _choose(history, problem, id, limits, prefer)
    new_folder(out)
    typed = realise(problem, chosen.setting.values).with_hardware(chosen.design.choices)
    codes = quantize_inputs(typed, problem.data.x[:VECTORS])
    _write(out, _files(problem, typed, codes))
    _copy_reports(paths, chosen, out)
    checks = [_run_check(out, *check) for check in _CHECKS if (out / check[1]).is_file()]
    views = Views(paths, call, document)
    _write(out, _papers(views, history, chosen, typed, checks, out))
    return out


def _choose(
    history: History, problem: Problem, number: int | None, limits: Sequence[str], prefer: str
) -> Measured:
    measured = measured_designs(history, problem.part)
    if number is not None:
        found = [m for m in measured if m.design.number == number]
        if not found:
            known = ", ".join(str(m.design.number) for m in measured) or "none yet"
            raise ConfigError(
                f"--id {number}: not a measured design of this run; there are: {known}"
            )
        return found[0]
    front = find_front(measured, problem.objectives)
    if not front:
        raise RunError("no design of this run has been measured yet")
    bound = parse_limits(limits, problem.part, problem.metric.name)
    fitting = [m for m in front if _fits(m, bound, problem)]
    if not fitting:
        raise ConfigError(
            f"--limit {' '.join(limits)}: no design on the front is within; the front has "
            f"{_spans(front)}; `dse run` with the same --limit looks for others"
        )
    return min(fitting, key=lambda m: _merit(m, prefer))


def _fits(m: Measured, limits: Limits, problem: Problem) -> bool:
    cycles = limits.cycles(problem.target.clock_period_ns)
    interval = limits.interval_cycles
    return (
        all(m.figures[name] <= bound for name, bound in limits.resources.items())
        and (cycles is None or m.figures["latency_cycles"] <= cycles)
        and (interval is None or m.figures["interval_cycles"] <= interval)
        and problem.metric.missed_by(m.setting.value or 0.0, limits.metric) <= 0
    )


def _merit(m: Measured, prefer: str) -> tuple[float, ...]:
    """Ties go to the more accurate, then the faster, then the smaller design."""
    loss = m.setting.loss or 0.0
    first = loss if prefer == "accuracy" else m.figures[OBJECTIVES[prefer]]
    return first, loss, m.figures["latency_cycles"], m.figures["resources"]


def _spans(front: Sequence[Measured]) -> str:
    names = ("latency_cycles", "interval_cycles", "lut", "ff", "dsp", "bram_18k")
    spans = []
    for name in names:
        values = [m.figures[name] for m in front]
        spans.append(f"{name} {min(values):g}..{max(values):g}")
    return ", ".join(spans)


def _files(problem: Problem, typed: TypedGraph, codes: dict[str, Codes]) -> dict[str, str | bytes]:
    """The HLS project for the run's vendor tool (Vitis where it was measured without one), and
    the Verilog with its test bench, the script for Yosys and the metadata of an IP core; of an
    ECP5, for which there is no HLS tool, the Verilog and its way to a bitstream.
    """
    target: Target = problem.target
    name = problem.bench.backend.name
    if target.family is Family.ECP5:
        verilog = converter.project(typed, name, target, vectors=codes)
        return {f"verilog/{path}": body for path, body in verilog.files.items()}
    hls = converter.project(
        typed, name if name in ("vitis", "vivado") else "vitis", target, vectors=codes
    )
    files = {f"hls/{path}": body for path, body in hls.files.items()}
    verilog = converter.project(typed, "yosys", target, vectors=codes)
    files |= {f"verilog/{path}": body for path, body in verilog.files.items()}
    core = ip_core(typed, target, verilog.files)
    return files | {f"verilog/{path}": body for path, body in ip_files(core).items()}


def _papers(
    views: Views,
    history: History,
    chosen: Measured,
    typed: TypedGraph,
    checks: Sequence[Check],
    out: Path,
) -> dict[str, str]:
    """``README.md``, ``config.yml`` and ``design.json``."""
    import jinja2

    number, part = chosen.design.number, find_part(views.document["part"])
    core = ip_core(typed, target_of(part, views.clock_period_ns), ())
    document = views.pareto(history, 0.0)
    entry = next((e for e in document["front"] if e["id"] == number), None)
    folder = views.paths.trial(number)
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).with_name("picked")),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        autoescape=False,  # noqa: S701 - Markdown; names are quoted by the filter
    )
    environment.filters["plain"] = _plain
    readme = environment.get_template("README.md.j2").render(
        chosen=chosen,
        views=views,
        typed=typed,
        checks=checks,
        part=part,
        ecp5=part.family is Family.ECP5,
        bitstream=(out / BITSTREAM).is_file(),
        core=core,
    )
    provenance: dict[str, Any] = {
        "design": entry or {"id": number},
        "run": dict(views.document),
        "arithmetic_digest": typed.digest(),
        "checks": {check.name: check.result for check in checks},
    }
    return {
        "README.md": readme,
        "config.yml": (folder / "config.yml").read_text(),
        "design.json": json.dumps(provenance, indent=1) + "\n",
    }


_CHECKS = (
    ("csim", "hls/csim.sh", "g++"),
    ("RTL simulation", "verilog/sim/testbench.sh", "verilator or iverilog"),
)


def _run_check(out: Path, name: str, script: str, needs: str) -> Check:
    """Run a simulation of the folder. Raises ToolError where the bits differ."""
    import shutil

    here = any(shutil.which(tool) for tool in needs.split(" or ")) and shutil.which("g++")
    if not here:
        return Check(name, script, needs, f"not run: {needs} is not here")
    folder = (out / script).parent.resolve()
    before = set(folder.rglob("*"))
    outcome = process.run(["sh", Path(script).name], folder, timeout_s=CHECK_SECONDS)
    if outcome.status != "ok":
        last = (outcome.log_tail.strip().splitlines() or [outcome.status])[-1]
        raise ToolError(f"{out / script}: {name} of the picked design failed: {last}")
    _remove(set(folder.rglob("*")) - before)
    return Check(name, script, needs, "passed")


def _remove(paths: set[Path]) -> None:
    """What a simulation left: programs, objects, logs."""
    for path in sorted(paths, reverse=True):
        if path.is_dir() and not path.is_symlink():
            path.rmdir()
        else:
            path.unlink()


def _copy_reports(paths: RunPaths, chosen: Measured, out: Path) -> None:
    """The reports that the figures rest on: as read, and as the tool wrote them."""
    reports: dict[str, str | bytes] = {}
    for name, report in (
        ("estimate", chosen.design.estimate),
        ("measured", chosen.design.measured),
    ):
        if report is not None:
            reports[f"reports/{name}.json"] = json.dumps(report.to_json(), indent=1) + "\n"
    project = paths.trial(chosen.design.number) / PROJECT
    for path in sorted(project.rglob("*")):
        told = path.suffix in TOOL_REPORTS or path.name in OPEN_REPORTS
        if told and path.is_file() and path.stat().st_size < 4 << 20:
            reports[f"reports/tool/{path.relative_to(project).as_posix()}"] = path.read_bytes()
    made = project / BITSTREAM.name
    if made.is_file():
        reports[BITSTREAM.as_posix()] = made.read_bytes()
    _write(out, reports)


def _write(out: Path, files: Mapping[str, str | bytes]) -> None:
    for path, body in files.items():
        target = out / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(body.encode() if isinstance(body, str) else body)


def _plain(text: object) -> str:
    """A name from outside, with nothing in it that Markdown or HTML would act on."""
    return "".join(c if c.isalnum() or c in " _-.,<>/()" else "?" for c in str(text)).replace(
        "<", "&lt;"
    )
