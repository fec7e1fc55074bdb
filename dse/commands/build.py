"""``dse convert``, ``predict``, ``estimate``, ``synth``: one model, one configuration."""

from __future__ import annotations

import argparse
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

import converter
import estimators
from converter.config import HLSConfig, read_config
from converter.emulate import emulate_codes, quantize_inputs
from converter.errors import ConfigError, DataError, RunError, ToolError
from converter.graph import IOType, ModelGraph, TypedGraph
from converter.parts import Part, find_part, target
from converter.pipeline import measure_ranges
from converter.project import Project
from converter.report import Report
from converter.rtl.stream_plan import stream_plan
from converter.timing import Target
from converter.tokens import token_plan
from converter.types import Codes
from dse.cache import Cache
from dse.call import cores
from dse.commands.output import answer, answer_json, answer_table, number, say
from dse.data import read_inputs
from dse.parts import Workshop, build
from dse.paths import RunPaths, new_folder
from dse.quantities import parse_budget, parse_clock
from dse.synthesis import Limits
from dse.tools import check_family, choose_bench, open_backend

MANIFEST = "dse.json"
"""What ``convert`` leaves in a project for ``synth``: the backend, the top, the sources' names."""


def convert(arguments: argparse.Namespace) -> int:
    """Write the project of one configuration."""
    graph, typed = _typed(arguments, arguments.data)
    if arguments.data is None and not graph.bit_exact:
        say("no --data: auto types cover all that could occur, which costs them fraction bits")
    part = find_part(arguments.part)
    name = _backend(arguments, part)
    chosen = target(part, parse_clock(arguments.clock))
    project = converter.project(typed, name, chosen)
    project.write(new_folder(arguments.out))
    manifest = {
        "backend": project.backend,
        "name": project.name,
        "top": project.top,
        "files": sorted(project.files),
    }
    (arguments.out / MANIFEST).write_text(json.dumps(manifest, indent=1) + "\n")
    answer(f"{graph.name}: {len(project.files)} files for {name} in {arguments.out}")
    if typed.io_type is IOType.STREAM:
        answer(_of_streams(typed, name, chosen))
    return 0


def _backend(arguments: argparse.Namespace, part: Part) -> str:
    """The one asked for, by default that of open tools, for the part."""
    if arguments.backend == "auto":
        return open_backend(part.family)
    check_family(arguments.backend, part.family, part.name)
    return str(arguments.backend)


def _of_streams(typed: TypedGraph, backend: str, where: Target) -> str:
    """Cycles and FIFOs of the plan, which for an HLS tool is made for its usual pipelines."""
    if backend in ("vitis", "vivado"):
        tokens = token_plan(typed)
        interval, latency = tokens.interval_cycles, tokens.latency_cycles
        bits = tokens.fifo_bits
    else:
        plan = stream_plan(typed, where)
        interval, latency = plan.interval_cycles, max(plan.output_cycles.values())
        bits = plan.fifo_bits
    return (
        f"io_stream, by schedule: a frame every {interval} cycles, {latency} from first to last "
        f"beat; FIFOs of {bits} bits in all"
    )


def predict(arguments: argparse.Namespace) -> int:
    """Write the bit-exact outputs of the chosen engine."""
    graph, typed = _typed(arguments, arguments.data)
    codes = quantize_inputs(typed, read_inputs(arguments.data, graph))
    outputs = _engine(arguments, typed, codes)
    values = {
        name: typed.edges[name].type.to_float(outputs[name]).reshape(-1, *typed.edges[name].shape)
        for name in typed.outputs
    }
    keys = {"y": values[typed.outputs[0]]} if len(values) == 1 else {}
    keys |= {f"y_{name}": value for name, value in values.items()} if len(values) > 1 else {}
    try:
        with arguments.out.open("wb") as file:
            np.savez_compressed(file, **keys)
    except OSError as error:
        raise RunError(f"--out {arguments.out}: cannot write: {error.strerror}") from error
    answer(f"{len(next(iter(values.values())))} rows by {arguments.engine} in {arguments.out}")
    return 0


def _engine(
    arguments: argparse.Namespace, typed: TypedGraph, codes: dict[str, Codes]
) -> dict[str, Codes]:
    if arguments.engine == "emulate":
        return emulate_codes(typed, codes)
    if arguments.engine == "csim":
        from converter.csim import csim

        return csim(typed, codes)
    from converter.rtl.simulate import rtlsim

    result = rtlsim(typed, target(arguments.part, parse_clock(arguments.clock)), codes)
    say(f"simulated: latency {result.latency_cycles} cycles, II {result.interval_cycles}")
    return dict(result.codes)


def estimate(arguments: argparse.Namespace) -> int:
    """Print resources and latency, per stage and in all."""
    _, typed = _typed(arguments, None)
    part = find_part(arguments.part)
    tool = _backend(arguments, part)
    clock = parse_clock(arguments.clock)
    stage = _ESTIMATED[arguments.stage] if arguments.stage else None
    report = estimators.estimate(typed, part, tool=tool, clock_period_ns=clock, stage=stage)
    if arguments.json:
        answer_json(report.to_json())
        return 0
    rows = [_row(name, stage) for name, stage in report.stages.items()]
    answer_table(f"{typed.name} on {part.name}, estimated for {tool}", _COLUMNS, rows)
    answer_table("", _COLUMNS, [_row("in all", report), *_ends(report)])
    for note in report.notes:
        answer(note)
    return 0


def _ends(report: Report) -> list[tuple[str, ...]]:
    """The least and the largest figures at the report's confidence, where it has one."""
    if report.confidence is None:
        return []
    rows = []
    for k, name in enumerate((f"{report.confidence:.0%} from", "to")):
        figures: dict[str, Any] = {f: ends[k] for f, ends in report.intervals.items()}
        rows.append(_row(name, replace(report, **figures)))
    return rows


def synth(arguments: argparse.Namespace) -> int:
    """Run the tool of a converted project and print what it reports."""
    project = _read_project(arguments.project)
    bench = choose_bench(project.backend, arguments.stage, None)
    seconds = parse_budget(arguments.timeout).seconds
    if seconds is None:
        raise ConfigError(f"--timeout {arguments.timeout}: write a time, as 30m")
    limits = Limits(timeout_s=seconds)
    cache = Cache(RunPaths(arguments.project).cache)
    workshop = Workshop(cache, arguments.synth_jobs or cores(), arguments.whole)
    result = build(
        project, bench.backend.name, bench.tool, bench.stage, arguments.project, limits, workshop
    )
    if result.report is None:
        failure = result.failure
        reason = f"{failure.kind}: {failure.message}; {failure.next_action}" if failure else "?"
        raise ToolError(f"{arguments.project}: {reason}")
    if arguments.json:
        answer_json(result.report.to_json())
    else:
        source = result.report.source
        title = f"{project.name} by {source.tool} {source.version}, {result.seconds:.0f} s"
        stages = [_row(name, stage) for name, stage in result.report.stages.items()]
        answer_table(title, _COLUMNS, [*stages, _row("in all", result.report)])
        _answer_rest(result.report)
    return 0


def _answer_rest(report: Report) -> None:
    """What has no column."""
    if report.critical_path_ns is not None:
        answer(f"critical path {report.critical_path_ns:g} ns, for {report.clock_period_ns:g} ns")
    for name in ("lutram", "srl"):
        if getattr(report, name):
            answer(f"of the LUTs, {getattr(report, name):g} {name}")
    for note in report.notes:
        answer(note)


_ESTIMATED = {"hls": "csynth", "logic": "logic", "route": "route"}
"""Stages of a vendor's flow by the names of ``--stage``."""

_COLUMNS = ("stage", "LUT", "FF", "DSP", "BRAM18", "URAM", "latency", "II")


def _row(name: str, report: Report) -> tuple[str, ...]:
    figures = (report.lut, report.ff, report.dsp, report.bram_18k, report.uram)
    cycles = (report.latency_cycles, report.interval_cycles)
    return (name, *map(number, figures), *map(number, cycles))


def _typed(arguments: argparse.Namespace, data: Path | None) -> tuple[ModelGraph, TypedGraph]:
    graph = converter.load(arguments.model, arguments.weights)
    config = read_config(arguments.config) if arguments.config else HLSConfig()
    ranges = measure_ranges(graph, read_inputs(data, graph)) if data else None
    return graph, converter.apply(graph, config, ranges)


def _read_project(folder: Path) -> Project:
    try:
        manifest = json.loads((folder / MANIFEST).read_text())
        files = {str(name): (folder / str(name)).read_bytes() for name in manifest["files"]}
        return Project(manifest["name"], manifest["backend"], manifest["top"], files)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DataError(f"{folder}: not a project of `dse convert` ({error})") from error
